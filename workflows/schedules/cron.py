"""Cron expressions: five fields, or six with seconds first, or a descriptor such as @hourly; read once, then asked for wall-clock times.

Which minutes a five-field expression names is cronsim's business, asked without a time zone: on the wall clock every minute of every day
exists exactly once. What a zone makes of such a minute is in `zones.py`. The sixth field, seconds, and the descriptors are ours, because
cronsim's own six-field form is wrong where clocks change.

    field          values                    beyond * , - /
    seconds        0-59                      only as the first of six fields
    minutes        0-59
    hours          0-23
    day of month   1-31                      L the last, LW the last from Monday to Friday
    month          1-12 or JAN-DEC
    day of week    0-7 or SUN-SAT            0 and 7 are Sunday; FRI#2 the second Friday, FRIL or 5L the last one

If both day fields are restricted, a day that fits either is meant; a field that begins with a star restricts nothing. A question mark
is a star.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from cronsim import CronSim, CronSimError

DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

_FIELDS = ("minutes", "hours", "day of month", "month", "day of week")
_CRONSIM_FIELDS = {"minute": "minutes", "hour": "hours", "day-of-month": "day of month", "month": "month", "day-of-week": "day of week"}
_VALUES = {
    "seconds": "0-59",
    "minutes": "0-59",
    "hours": "0-23",
    "day of month": "1-31, L or LW",
    "month": "1-12 or JAN-DEC",
    "day of week": "0-7 or SUN-SAT, with #n or L behind",
}
_SOME_YEAR = datetime(2024, 1, 1)
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December")
_STEP = timedelta(minutes=1)
_SECONDS = re.compile(r"(?:(\*)|([0-9]{1,2})(?:-([0-9]{1,2}))?)(?:/([0-9]{1,2}))?")


class BadCron(ValueError):
    """The text is no cron expression. Says which field is wrong and what it may hold."""


@dataclass(frozen=True, slots=True)
class Cron:
    """`minutes` is the five-field part as cronsim reads it; `seconds`, ascending, are those of each of its minutes. `fixed`: it names
    times of day, not every so many minutes or hours, so a time of day that clocks skip or repeat is meant once."""

    text: str
    minutes: str
    seconds: tuple[int, ...]

    @property
    def fixed(self) -> bool:
        minute, hour, *_ = self.minutes.split()
        return not minute.startswith("*") and not hour.startswith("*")

    def wall_times(self, start: datetime) -> Iterator[datetime]:
        """The minutes it names from `start` on, that one included, by a clock that never changes. Ends when none comes in fifty years."""
        yield from CronSim(self.minutes, start.replace(second=0, microsecond=0) - _STEP)


def read(text: str) -> Cron:
    """Raises BadCron. `@every` is an interval, see `rules`."""
    words = text.split()
    if len(words) == 1 and words[0].startswith("@"):
        return _descriptor(text, words[0])
    if len(words) not in (5, 6):
        raise BadCron(f"a cron expression has 5 fields ({', '.join(_FIELDS)}) or 6, with seconds first; {text!r} has {len(words)}")
    seconds = _seconds(words[0]) if len(words) == 6 else (0,)
    minutes = " ".join(_plain(word.upper(), place) for place, word in enumerate(words[-5:]))
    try:
        first = next(CronSim(minutes, _SOME_YEAR), None)
    except CronSimError as error:
        raise BadCron(_never(str(error), minutes) or _explained(str(error), words[-5:])) from None
    if first is None:
        raise BadCron(f"no day ever fits {text!r}")
    return Cron(text, minutes, seconds)


def _descriptor(text: str, word: str) -> Cron:
    minutes = DESCRIPTORS.get(word.lower())
    if minutes is None:
        raise BadCron(f"{word!r} is not one of {', '.join(DESCRIPTORS)} and @every, as in @every 90s")
    return Cron(text, minutes, (0,))


def _plain(word: str, place: int) -> str:
    """A field as cronsim takes it: stars for question marks, numbers for FRIL."""
    if word == "?" and place in (2, 4):
        return "*"
    if place == 4:
        return ",".join(f"{_DAYS.index(part[:3])}L" if part[3:] == "L" and part[:3] in _DAYS else part for part in word.split(","))
    return word


def _never(error: str, minutes: str) -> str | None:
    """cronsim says "Bad day-of-month" also of a day that none of the months has: then, what never comes."""
    if error != "Bad day-of-month":
        return None
    minute, hour, day, month, _ = minutes.split()
    try:
        CronSim(f"{minute} {hour} {day} * *", _SOME_YEAR)
        CronSim(f"{minute} {hour} * {month} *", _SOME_YEAR)
    except CronSimError:
        return None
    names = [_month(part) for part in month.split(",")]
    return f"{day} {names[0]} never comes" if len(names) == 1 and day.isdigit() else f"day {day} never comes in {' or '.join(names)}"


def _month(word: str) -> str:
    """Its name; of a range, what is written."""
    if word.isdigit():
        return _MONTHS[int(word) - 1]
    return next((name for name in _MONTHS if name[:3].upper() == word), word)


def _explained(error: str, words: list[str]) -> str:
    """cronsim says "Bad hour"."""
    name = _CRONSIM_FIELDS.get(error.removeprefix("Bad ").strip())
    if name is None:
        return error
    word = words[_FIELDS.index(name)]
    return f"{word!r} is not a {name} field: that holds {_VALUES[name]}, with * , - and /"


def _seconds(word: str) -> tuple[int, ...]:
    found: set[int] = set()
    for part in word.split(","):
        match = _SECONDS.fullmatch(part)
        if match is None:
            raise BadCron(f"{word!r} is not a seconds field: that holds {_VALUES['seconds']}, with * , - and /")
        star, first, last, step = match.groups()
        low = 0 if star else int(first)
        high = int(last) if last else 59 if star or step else low
        if not low <= high <= 59 or step == "0" or step == "00":
            raise BadCron(f"{word!r} is not a seconds field: that holds {_VALUES['seconds']}, with * , - and /")
        found.update(range(low, high + 1, int(step or 1)))
    return tuple(sorted(found))
