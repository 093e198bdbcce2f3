"""What the core writes and reads as text: payloads (`workflows.numbers`) and moments. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from workflows.numbers import dumps, loads

__all__ = ["dumps", "loads", "rfc3339"]


def rfc3339(seconds: float) -> str:
    """Seconds since the epoch as "2026-11-21T03:00:00.123Z" (RFC 3339), to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def weight(value: Any, known: dict[int, int] | None = None) -> int:
    """A lower bound of the characters in the value's JSON text. Each array and object is looked at once, however often it stands there."""
    if isinstance(value, str):
        return len(value)
    if not isinstance(value, dict | list):
        return 1
    known = {} if known is None else known
    found = known.get(id(value))
    if found is None:
        members = value.values() if isinstance(value, dict) else value
        found = known[id(value)] = (
            len(value) + sum(map(len, value if isinstance(value, dict) else ())) + sum(weight(m, known) for m in members)
        )
    return found
