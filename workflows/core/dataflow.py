"""What the core writes and reads as text: payloads (`workflows.numbers`) and moments. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from workflows.numbers import dumps, loads

__all__ = ["dumps", "loads", "rfc3339"]


def rfc3339(seconds: float) -> str:
    """Seconds since the epoch as "2026-11-21T03:00:00.123Z" (RFC 3339), to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
