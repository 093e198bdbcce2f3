"""What a time zone makes of the wall clock: moments for the minutes that a cron expression names, where clocks change too.

A clock that goes forward skips wall times, one that goes back has some twice. As in Debian's cron, and in what people expect: an expression
that names times of day ("30 2 * * *") runs once for each, one that was skipped as soon as the clock is past it, one that comes twice the
first time. An expression by stars ("*/15 * * * *") runs whenever the clock shows a time that fits: never for a skipped one, twice for one
that comes twice. A single date and time is taken as the first kind. Moments are whole seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from workflows.schedules.cron import Cron

LAST_YEAR = 9_000
FIRST, BEYOND = 0, datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC).timestamp()
"""From 1970 to the end of that year: moments outside are never due, for the calendar of the standard library ends not far from them."""

_MINUTE = timedelta(minutes=1)


def wall_clock(moment: float, zone: ZoneInfo) -> datetime:
    """What the clock shows, without its zone."""
    return datetime.fromtimestamp(moment, zone).replace(tzinfo=None, fold=0)


def moment_at(wall: datetime, zone: ZoneInfo) -> tuple[float, bool]:
    """When the clock shows this time, and whether it never does: then that is when it is past it. One that comes twice: the first time."""
    first, second = _both(wall, zone)
    if first > second:
        return float(_past_the_gap(wall, zone)), True
    return wall.replace(tzinfo=zone).timestamp(), False


def moments(cron: Cron, zone: ZoneInfo, after: float) -> Iterator[int]:
    """When the expression is due, ascending, strictly later than `after`."""
    last = None
    for minute in _minutes(cron, zone, after):
        for second in cron.seconds:
            moment = minute + second
            if moment > after and (last is None or moment > last):
                last = moment
                yield moment


def _minutes(cron: Cron, zone: ZoneInfo, after: float) -> Iterator[int]:
    """Beginnings of the minutes, ascending. The first may be that of the minute `after` is in."""
    twice: list[tuple[int, int]] = []
    for wall in cron.wall_times(_from(after, zone)):
        if wall.year > LAST_YEAR:
            break
        first, second = _both(wall, zone)
        if first < second and not cron.fixed:
            twice.append((first, second))
            continue
        yield from _unfolded(twice)
        twice = []
        if first <= second:
            yield first
        elif cron.fixed:
            yield _past_the_gap(wall, zone)
    yield from _unfolded(twice)


def _from(after: float, zone: ZoneInfo) -> datetime:
    """A wall time no later than any that can still lead to a moment after `after`: where the clock shows a time for the second time, it
    begins with the first; in the minute after a change, with what that skipped, of which some seconds may be to come."""
    wall = wall_clock(after - 60, zone)
    first, second = _both(wall.replace(second=0), zone)
    return wall - timedelta(seconds=abs(second - first))


def _both(wall: datetime, zone: ZoneInfo) -> tuple[int, int]:
    """The first and the second moment at which the clock shows it. The same: once; the other way round: never (PEP 495)."""
    aware = wall.replace(tzinfo=zone)
    return int(aware.timestamp()), int(aware.replace(fold=1).timestamp())


def _past_the_gap(wall: datetime, zone: ZoneInfo) -> int:
    """The moment of the change that skipped this wall time."""
    second, first = sorted(_both(wall, zone))
    before = datetime.fromtimestamp(second, UTC).astimezone(zone).utcoffset()
    low, high = second, first
    while high - low > 1:  # the offset is the old one at `low`, the new one at `high`
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, UTC).astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high


def _unfolded(twice: list[tuple[int, int]]) -> Iterator[int]:
    """Wall times that the clock shows twice: all for the first time, then all for the second."""
    yield from (first for first, _ in twice)
    yield from (second for _, second in twice)
