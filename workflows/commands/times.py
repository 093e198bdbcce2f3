"""Moments and durations, as people write and read them. Shown in the local time zone (TZ=UTC in front of a command shows UTC); JSON keeps
what the server wrote."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import click

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

_AGO = re.compile(r"([0-9]{1,6})([smhdw])", re.ASCII)


def instant(value: str) -> datetime:
    """The type of an option that is a moment: so long ago (`90s`, `30m`, `2h`, `3d`, `1w`), a day or a local time (`2026-11-21`,
    `2026-11-21 04:00`), or one with its zone (`2026-11-21T03:00:00Z`). A command gets it in UTC."""
    ago = _AGO.fullmatch(value)
    try:
        return _now() - timedelta(**{UNITS[ago[2]]: int(ago[1])}) if ago else datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        raise click.BadParameter(f"{value!r} is no time; write 2h or 3d for so long ago, 2026-11-21, or 2026-11-21T03:00:00Z") from None


def moment(value: str) -> str:
    """The type of an option that is a moment in another time zone than the local one: so long ago becomes the whole time, anything else is
    left for the server to read."""
    return instant(value).isoformat() if _AGO.fullmatch(value) else value


def local(text: str | None) -> str:
    """A time of an answer, to the second; "" for none."""
    return "" if text is None else datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def clock(text: str) -> str:
    """The time of day alone, to the millisecond."""
    return datetime.fromisoformat(text).astimezone().strftime("%H:%M:%S.%f")[:-3]


def duration(seconds: float | None) -> str:
    """Such as 0.41s, 12.3s, 5m 02s, 3h 07m or 2d 04h; "" for none."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{seconds:.2f}s"
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m {rest:02}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h {minutes:02}m" if hours < 24 else f"{hours // 24}d {hours % 24:02}h"


def took(start: str | None, end: str | None) -> str:
    """How long something took, or has taken so far."""
    if start is None:
        return ""
    until = _now() if end is None else datetime.fromisoformat(end)
    return duration(max(0.0, (until - datetime.fromisoformat(start)).total_seconds()))


def _now() -> datetime:
    return datetime.now(UTC)
