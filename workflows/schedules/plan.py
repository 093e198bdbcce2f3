"""When a schedule is due: its trigger, from when until when, and the days on which it does not run.

An occurrence is named by its nominal moment, in whole seconds, which never depends on when anybody looked: the same schedule has the same
occurrences after a restart, in a preview and in a backfill.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import blake2b
from itertools import count, takewhile
from math import ceil
from zoneinfo import ZoneInfo

from workflows.schedules.cron import Cron
from workflows.schedules.zones import BEYOND, FIRST, moments, wall_clock

UTC = ZoneInfo("UTC")

WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")

MAX_INTERVAL_S = 366 * 86_400

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


@dataclass(frozen=True, slots=True)
class Every:
    """Each `seconds`, counted from `anchor`, which is itself an occurrence. `skipped`: the clock skips the time that was meant by it."""

    seconds: int
    anchor: int = 0
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class Once:
    """`skipped`: the clock skips the time that was meant."""

    moment: int
    skipped: bool = False


Trigger = Cron | Every | Once


@dataclass(frozen=True, slots=True)
class Days:
    """Both ends belong to it. `calendar`: the name of the one it is in, if it is in one."""

    first: date
    last: date
    name: str = ""
    calendar: str = ""


@dataclass(frozen=True, slots=True)
class Blackout:
    """Days on which nothing runs, by the calendar of the schedule's zone. `weekdays`: 0 is Monday. `calendars`: names of those
    whose days are to be among `days` when it is asked (`runtime.calendars.resolved`)."""

    weekdays: frozenset[int] = frozenset()
    days: tuple[Days, ...] = ()
    calendars: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        return not (self.weekdays or self.days or self.calendars)

    @property
    def always(self) -> bool:
        """Whether it holds every day of the week."""
        return len(self.weekdays) == len(WEEKDAYS)

    def reason(self, day: date) -> str | None:
        """Why nothing runs on that day; None: it does."""
        if day.weekday() in self.weekdays:
            return f"it is a {WEEKDAYS[day.weekday()]}"
        for range_ in self.days:
            if range_.first <= day <= range_.last:
                where = f", calendar {range_.calendar}" if range_.calendar else ""
                return f"it is {range_.name or 'blacked out'} ({range_.first} to {range_.last}{where})"
        return None


@dataclass(frozen=True, slots=True)
class Plan:
    """`start` and `end`: nothing is due before or after (seconds since the epoch, both included)."""

    trigger: Trigger
    zone: ZoneInfo = UTC
    start: float | None = None
    end: float | None = None
    blackout: Blackout = field(default_factory=Blackout)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """`excluded`: why this one does not run, though its trigger names it."""

    moment: int
    excluded: str | None = None


def occurrences(plan: Plan, after: float) -> Iterator[Occurrence]:
    """What is due later than `after`, ascending, those that a blackout excludes too. May never end."""
    after = max(after, FIRST - 0.001, after if plan.start is None else plan.start - 0.001)
    if after >= BEYOND:
        return
    for moment in _triggered(plan, after):
        if moment >= BEYOND or (plan.end is not None and moment > plan.end):
            return
        yield Occurrence(moment, plan.blackout.reason(wall_clock(moment, plan.zone).date()))


def within(plan: Plan, first: float, last: float) -> Iterator[Occurrence]:
    """What is due from `first` to `last`, both included, ascending, those that a blackout excludes too."""
    return takewhile(lambda each: each.moment <= last, occurrences(plan, ceil(first) - 0.5))


def _triggered(plan: Plan, after: float) -> Iterator[int]:
    match plan.trigger:
        case Cron():
            yield from moments(plan.trigger, plan.zone, after)
        case Every(seconds, anchor):
            passed = max(0, int((after - anchor) // seconds) + 1) if after >= anchor else 0
            yield from count(anchor + passed * seconds, seconds)
        case Once(moment):
            if moment > after:
                yield moment


def every(text: str) -> int:
    """Seconds of a duration such as 90s, 1h30m or 2d, as @every takes it. Raises ValueError."""
    match = _DURATION.fullmatch(text.strip().lower())
    parts = [int(part or 0) for part in match.groups()] if match else []
    seconds = sum(part * unit for part, unit in zip(parts, (86_400, 3_600, 60, 1), strict=False))
    if not 1 <= seconds <= MAX_INTERVAL_S:
        raise ValueError(f"{text!r} is not a duration from 1s to 366d, such as 90s or 1h30m")
    return seconds


def jitter(schedule: str, moment: int, seconds: float) -> float:
    """How long after its moment an occurrence starts, from 0 up to `seconds`: the same whenever it is asked."""
    digest = blake2b(f"{schedule}:{moment}".encode("utf-8", "surrogatepass"), digest_size=7).digest()
    return seconds * int.from_bytes(digest, "big") / (1 << 56)


def remark(plan: Plan, moment: int) -> str | None:
    """What is odd about the wall time of an occurrence, for people: None, or that the clock changes there."""
    fixed = isinstance(plan.trigger, Cron) and plan.trigger.fixed
    wall = wall_clock(moment, plan.zone)
    aware = wall.replace(tzinfo=plan.zone)
    first, second = int(aware.timestamp()), int(aware.replace(fold=1).timestamp())
    if first < second:
        if fixed:
            return f"{wall:%H:%M:%S} comes twice that day: it runs the first time"
        return f"{wall:%H:%M:%S} comes twice that day: this is the {'first' if moment == first else 'second'} time"
    if _skipped(plan.trigger, moment, wall):
        return f"the clock skips the time that is meant: it runs at {wall:%H:%M:%S} instead"
    return None


def _skipped(trigger: Trigger, moment: int, wall: datetime) -> bool:
    """Whether it runs then for a time that the clock skips."""
    match trigger:
        case Cron():
            return trigger.fixed and not _names(trigger, wall)
        case Every():
            return trigger.skipped and moment == trigger.anchor
        case Once():
            return trigger.skipped


def _names(cron: Cron, wall: datetime) -> bool:
    minute = wall.replace(second=0)
    return next(cron.wall_times(minute), None) == minute and wall.second in cron.seconds
