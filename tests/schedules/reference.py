"""What cron expressions mean, by brute force: every minute is looked at, nothing is computed. Slow, and easy to believe."""

from __future__ import annotations

import calendar
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
DAY = 86_400

Fits = Callable[[datetime], bool]


@dataclass(frozen=True)
class Sample:
    """An expression and what it means on the wall clock. `fixed`: it names times of day."""

    text: str
    fits: Fits
    fixed: bool
    seconds: tuple[int, ...] = (0,)


def due(sample: Sample, zone: ZoneInfo, start: int, end: int) -> list[int]:
    """Its moments from `start` up to `end`, both included; `start` is the beginning of a minute of the zone."""
    minutes = list(_fixed(sample.fits, zone, start, end) if sample.fixed else _starred(sample.fits, zone, start, end))
    moments = {minute + second for minute in minutes for second in sample.seconds}
    return sorted(moment for moment in moments if start <= moment <= end)


def _starred(fits: Fits, zone: ZoneInfo, start: int, end: int) -> Iterator[int]:
    for moment, wall, _ in _walls(zone, start - DAY, end):
        if moment >= start and fits(wall):
            yield moment


def _fixed(fits: Fits, zone: ZoneInfo, start: int, end: int) -> Iterator[int]:
    shown: set[datetime] = set()
    for moment, wall, skipped in _walls(zone, start - DAY, end):
        fit = fits(wall)
        if (fit and wall not in shown) or (skipped and any(map(fits, skipped))):
            yield moment
        if fit:
            shown.add(wall)


@lru_cache(8)
def _walls(zone: ZoneInfo, start: int, end: int) -> list[tuple[int, datetime, list[datetime]]]:
    """Every minute, what the clock shows then, and the minutes that it skipped just before."""
    found: list[tuple[int, datetime, list[datetime]]] = []
    before = None
    for moment in range(start, end + 1, 60):
        wall = datetime.fromtimestamp(moment, zone).replace(tzinfo=None, fold=0)
        found.append((moment, wall, [] if before is None or wall - before <= MINUTE else _between(before, wall)))
        before = wall
    return found


def _between(before: datetime, wall: datetime) -> list[datetime]:
    return [before + n * MINUTE for n in range(1, int((wall - before) / MINUTE))]


# ------------------------------------------------------------------------------------------------------------- samples


def sample(rng: random.Random) -> Sample:
    """A random expression, thick enough that two days see it."""
    minute_text, minutes = _field(rng, 0, 59, dense=False)
    hour_text, hours = _field(rng, 0, 23, dense=True)
    day_text, day_fits, day_star = _days(rng)
    dow_text, dow_fits, dow_star = _weekdays(rng)

    def fits(wall: datetime) -> bool:
        if wall.minute not in minutes or wall.hour not in hours:
            return False
        both = (day_fits(wall.date()), dow_fits(wall.date()))
        return all(both) if day_star or dow_star else any(both)

    text = f"{minute_text} {hour_text} {day_text} * {dow_text}"
    fixed = not minute_text.startswith("*") and not hour_text.startswith("*")
    if rng.random() < 0.5:
        return Sample(text, fits, fixed)
    seconds = tuple(sorted(rng.sample(range(60), rng.randint(1, 3))))
    return Sample(f"{','.join(map(str, seconds))} {text}", fits, fixed, seconds)


def _field(rng: random.Random, low: int, high: int, *, dense: bool) -> tuple[str, set[int]]:
    kind = rng.choice(["star", "step", "list", "range"] if not dense else ["star", "star", "step", "list", "range", "night"])
    if kind == "star":
        return "*", set(range(low, high + 1))
    if kind == "step":
        step = rng.choice([2, 5, 7, 15])
        return f"*/{step}", set(range(low, high + 1, step))
    if kind == "list":
        values = rng.sample(range(low, high + 1), rng.randint(1, 4))
        return ",".join(map(str, values)), set(values)
    if kind == "night":  # where clocks change
        return "0-4", set(range(5))
    first = rng.randint(low, high - 1)
    last = rng.randint(first + 1, high)
    step = rng.choice([1, 1, 3])
    return f"{first}-{last}" + (f"/{step}" if step > 1 else ""), set(range(first, last + 1, step))


def _days(rng: random.Random) -> tuple[str, Callable[[date], bool], bool]:
    kind = rng.choice(["star", "star", "star", "list", "L", "LW"])
    if kind == "list":
        days = rng.sample(range(1, 32), 12)
        return ",".join(map(str, days)), lambda day: day.day in days, False
    if kind == "L":
        return "L", lambda day: day.day == _last(day), False
    if kind == "LW":
        return "LW", lambda day: day.day == _last_working(day), False
    return "*", lambda _: True, True


def _weekdays(rng: random.Random) -> tuple[str, Callable[[date], bool], bool]:
    kind = rng.choice(["star", "star", "star", "numbers", "names", "nth", "last"])
    number = rng.randint(0, 7)
    name = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")[number]
    if kind == "numbers":
        return f"{number},3", lambda day: day.isoweekday() % 7 in (number % 7, 3), False
    if kind == "names":
        return f"{name},WED", lambda day: day.isoweekday() % 7 in (number % 7, 3), False
    if kind == "nth":
        nth = rng.randint(1, 5)
        return f"{name}#{nth}", lambda day: day.isoweekday() % 7 == number % 7 and (day.day - 1) // 7 + 1 == nth, False
    if kind == "last":
        written = rng.choice([f"{name}L", f"{number}L"])
        return written, lambda day: day.isoweekday() % 7 == number % 7 and day.day + 7 > _last(day), False
    return "*", lambda _: True, True


def _last(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _last_working(day: date) -> int:
    last = day.replace(day=_last(day))
    while last.weekday() > 4:
        last -= timedelta(days=1)
    return last.day
