"""The `schedules` of a job: JSON in, frozen Schedules out, or every problem they have.

A schedule names one trigger: `cron`, `intervalSeconds` or `at`. Dates and times without an offset are those of its time zone.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from marshmallow import ValidationError, validates_schema

from workflows.errors import Problem
from workflows.language.ids import ID, check_id
from workflows.language.shapes import Choice, Flag, Many, Object, Payload, Real, Shape, Text, Whole, closest, to_problems
from workflows.language.text import loads
from workflows.schedules.cron import read
from workflows.schedules.plan import MAX_INTERVAL_S, UTC, WEEKDAYS, Blackout, Days, Every, Once, Plan, Trigger, every
from workflows.schedules.schedule import CatchUp, Overlap, Schedule
from workflows.schedules.zones import moment_at

MAX_SCHEDULES = 100
"""Of one job."""

_EARLIEST, _LATEST = (datetime(*day, tzinfo=UTC).timestamp() for day in ((1, 1, 1), (9999, 12, 31)))
"""What UTC can say; offsets lead further. Nothing is due anywhere near."""

ID_CHARACTERS = 128

TRIGGERS = ("cron", "intervalSeconds", "at")


def about(description: str, example: Any) -> dict[str, Any]:
    return {"description": description, "example": example}


def _day(value: str) -> None:
    try:
        date.fromisoformat(value)
    except ValueError:
        raise ValidationError(f"this must be a date such as 2026-12-24, not {value!r}") from None


def _moment(value: str) -> None:
    try:
        moment_of(value, UTC)
    except ValueError as error:
        raise ValidationError(str(error)) from None


def moment_of(text: str, zone: ZoneInfo) -> float:
    """Seconds since the epoch of a date and time; without an offset it is the zone's. Raises ValueError."""
    return _read_moment(text, zone)[0]


def _read_moment(text: str, zone: ZoneInfo) -> tuple[float, bool]:
    """And whether the clock there skips that time. Raises ValueError."""
    try:
        read = datetime.fromisoformat(text)
        moment, skipped = (read.timestamp(), False) if read.tzinfo is not None else moment_at(read, zone)
        return min(max(moment, _EARLIEST), _LATEST), skipped
    except (ValueError, OverflowError):
        raise ValueError(f"this must be a date and time such as 2026-12-24T18:00:00 or 2026-12-24T18:00:00+01:00, not {text!r}") from None


def _zone(value: str) -> None:
    try:
        ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        near = closest(value, _zones())
        raise ValidationError([Problem("", "this is no time zone of the IANA database, such as Europe/Berlin", near)]) from None


@lru_cache(1)
def _zones() -> tuple[str, ...]:
    return tuple(sorted(zoneinfo.available_timezones()))


class DaysShape(Shape):
    """Days from one to another, both included."""

    first = Text(data_key="from", required=True, validate=_day, metadata=about("The first day.", "2026-12-24"))
    last = Text(data_key="to", validate=_day, metadata=about("The last day. If absent, the first.", "2026-12-26"))
    name = Text(metadata=about("What people see as the reason.", "Christmas"))

    @validates_schema
    def _in_order(self, loaded: Mapping[str, Any], **_: Any) -> None:
        if "last" in loaded and loaded["last"] < loaded["first"]:
            raise ValidationError([Problem("/to", "this must not be before from")])


class BlackoutShape(Shape):
    """Days on which a schedule does not run."""

    dates = Many(Object(DaysShape), load_default=list, metadata=about("Ranges of days.", [{"from": "2026-12-24", "to": "2026-12-26"}]))
    calendars = Many(
        Text(validate=check_id), load_default=list, metadata=about("Names of calendars, whose days are meant as well.", ["holidays-de"])
    )
    weekdays = Many(Choice(WEEKDAYS), load_default=list, metadata=about("Days of the week.", ["SAT", "SUN"]))


class ScheduleShape(Shape):
    """When the job is to run by itself."""

    id = Text(
        validate=check_id,
        metadata=about("Names the schedule. If absent: the job's id, with -2, -3... for further ones.", "nightly") | {"pattern": ID},
    )
    cron = Text(
        metadata=about(
            "Five fields (minute, hour, day of month, month, day of week), six with seconds first, @hourly and the like, or @every 90s.",
            "0 3 * * *",
        )
    )
    interval = Whole(
        1, MAX_INTERVAL_S, data_key="intervalSeconds", metadata=about("Seconds between two occurrences, counted from startDateTime.", 90)
    )
    at = Text(validate=_moment, metadata=about("The one moment at which it is due.", "2026-12-24T18:00:00"))
    timezone = Text(load_default="UTC", validate=_zone, metadata=about("The time zone of cron, dates and times.", "Europe/Berlin"))
    start = Text(data_key="startDateTime", validate=_moment, metadata=about("Nothing is due before.", "2026-01-01T00:00:00"))
    end = Text(data_key="endDateTime", validate=_moment, metadata=about("Nothing is due after.", "2026-12-31T23:59:59"))
    active = Flag(load_default=True, metadata=about("Whether it is switched on when it is made; later the switch is the server's.", True))
    input = Payload(
        metadata=about(
            "The input of its executions: a template over `scheduledTime` and `schedule`. If absent, just these two.",
            {"day.$": "$.scheduledTime"},
        )
    )
    jitter = Real(
        0,
        86_400,
        data_key="jitterSeconds",
        metadata=about("Each occurrence starts up to so many seconds later, so that not all start at once.", 30),
    )
    overlap = Choice(
        list(Overlap),
        load_default=Overlap.ALLOW.value,
        metadata=about("What becomes of an occurrence while an execution of the one before has not ended.", "skip"),
    )
    catch_up = Choice(
        list(CatchUp),
        data_key="catchUp",
        load_default=CatchUp.NONE.value,
        metadata=about("Which occurrences that were missed, because no server ran, are made up for.", "last"),
    )
    catch_up_window = Real(
        0,
        MAX_INTERVAL_S,
        data_key="catchUpWindowSeconds",
        load_default=86_400.0,
        metadata=about("Those missed by more than that are not made up for.", 3600),
    )
    expect_start = Real(
        0,
        MAX_INTERVAL_S,
        data_key="expectStartWithinSeconds",
        metadata=about("An occurrence that has not begun so many seconds after it was due raises an [alert](alerts.md), `missed`.", 300),
    )
    expect_end = Real(
        0,
        MAX_INTERVAL_S,
        data_key="expectEndWithinSeconds",
        metadata=about("One that has not ended so many seconds after it was due raises an alert, `late`.", 3600),
    )
    blackout = Object(BlackoutShape, metadata=about("Days on which it does not run.", {"weekdays": ["SAT", "SUN"]}))

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def _as_a_whole(self, loaded: Mapping[str, Any], original: Any, **_: Any) -> None:
        if isinstance(original, Mapping) and (problems := list(_faults(loaded, original))):
            raise ValidationError(problems)


def _faults(loaded: Mapping[str, Any], original: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with a schedule beyond its single keys. `loaded`: those that have no problem of their own."""
    given = [name for name in TRIGGERS if name in original]
    if len(given) != 1:
        found = f"not {' and '.join(given)}" if given else "and here is none"
        yield Problem("", f"a schedule has one of {', '.join(TRIGGERS)}, {found}")
    if "cron" in loaded:
        try:
            _cron(loaded["cron"])
        except ValueError as error:
            yield Problem("/cron", str(error))
    zone = {"timezone": "UTC", **loaded}
    if "start" in loaded and "end" in loaded and _seconds(loaded["end"], zone) < _seconds(loaded["start"], zone):
        yield Problem("/endDateTime", "this must not be before startDateTime")
    if loaded.get("expect_end", MAX_INTERVAL_S) < loaded.get("expect_start", 0):
        yield Problem("/expectEndWithinSeconds", "this must not be less than expectStartWithinSeconds")


_SHAPE = ScheduleShape()


class Schedules(Many):
    """Those of a job."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(Object(ScheduleShape), **kwargs)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> list[Any]:
        if isinstance(value, list) and len(value) > MAX_SCHEDULES:
            raise ValidationError(f"a job has at most {MAX_SCHEDULES} schedules, not {len(value)}")
        return super()._deserialize(value)


def read_schedule(document: Any, id: str) -> Schedule:
    """The schedule that the JSON value defines; `id` is its name unless it has one. Raises marshmallow's ValidationError."""
    return compiled(_SHAPE.load(document), id)


@lru_cache(10_000)
def compile_schedule(stored: str, id: str) -> Schedule:
    """A schedule that was read before it was stored."""
    return read_schedule(loads(stored), id)


def problems_of(error: ValidationError, pointer: str = "") -> list[Problem]:
    return to_problems(error.messages, pointer)


def compiled(loaded: Mapping[str, Any], id: str) -> Schedule:
    """Of what the shape has loaded without a problem."""
    zone = ZoneInfo(loaded["timezone"])
    start, end = (_seconds(loaded[name], loaded) if name in loaded else None for name in ("start", "end"))
    blackout = loaded.get("blackout", {})
    return Schedule(
        id=loaded.get("id", id),
        plan=Plan(_trigger(loaded, zone), zone, start, end, _blackout(blackout)),
        active=loaded["active"],
        input=loaded.get("input"),
        jitter=loaded.get("jitter", 0.0),
        overlap=Overlap(loaded["overlap"]),
        catch_up=CatchUp(loaded["catch_up"]),
        catch_up_window=loaded["catch_up_window"],
        expect_start=loaded.get("expect_start"),
        expect_end=loaded.get("expect_end"),
    )


def names(job: str, given: list[str | None]) -> list[str]:
    """The ids of a job's schedules. `given`: those that they say themselves."""
    return [name or (job if n == 0 else f"{job}-{n + 1}") for n, name in enumerate(given)]


def schedule_problems(job: Mapping[str, Any]) -> list[Problem]:
    """A problem for each schedule of a loaded job whose id another one has already, or that came out too long."""
    ids = _names(job)
    found = [
        Problem(f"/schedules/{n}", f"another schedule has the id {id!r}; give this one another")
        for n, id in enumerate(ids)
        if id in ids[:n]
    ]
    long = [Problem(f"/schedules/{n}", "its id would be too long: give it one") for n, id in enumerate(ids) if len(id) > ID_CHARACTERS]
    return found + long


def schedules_of(job: Mapping[str, Any]) -> tuple[Schedule, ...]:
    """Of a job that was loaded without a problem."""
    return tuple(compiled(loaded, id) for loaded, id in zip(job.get("schedules", ()), _names(job), strict=True))


def sound(job: Mapping[str, Any], problems: Iterable[Problem]) -> Iterator[tuple[str, Schedule]]:
    """The schedules of a loaded job that have no problem, by their places."""
    wrong = {"/".join(problem.pointer.split("/")[:3]) for problem in problems}
    for n, (loaded, id) in enumerate(zip(job.get("schedules", ()), _names(job), strict=True)):
        if (place := f"/schedules/{n}") not in wrong:
            yield place, compiled(loaded, id)


def _names(job: Mapping[str, Any]) -> list[str]:
    given = [one if isinstance(one, Mapping) else {} for one in job.get("schedules") or ()]
    return names(str(job.get("id") or "?"), [one.get("id") for one in given])


def _trigger(loaded: Mapping[str, Any], zone: ZoneInfo) -> Trigger:
    start, skipped = _read_moment(loaded["start"], zone) if "start" in loaded else (0.0, False)
    if "interval" in loaded:
        return Every(loaded["interval"], int(start), skipped)
    if "at" in loaded:
        moment, skipped = _read_moment(loaded["at"], zone)
        return Once(int(moment), skipped)
    return _cron(loaded["cron"], int(start), skipped)


def _cron(text: str, anchor: int = 0, skipped: bool = False) -> Trigger:
    """Raises ValueError, of which BadCron is one."""
    word, _, duration = text.strip().partition(" ")
    return Every(every(duration), anchor, skipped) if word.lower() == "@every" else read(text)


def _seconds(text: str, loaded: Mapping[str, Any]) -> float:
    return moment_of(text, ZoneInfo(loaded["timezone"]))


def _blackout(loaded: Mapping[str, Any]) -> Blackout:
    return Blackout(
        frozenset(WEEKDAYS.index(day) for day in loaded.get("weekdays", ())),
        tuple(days(each) for each in loaded.get("dates", ())),
        tuple(dict.fromkeys(loaded.get("calendars", ()))),
    )


def days(loaded: Mapping[str, Any]) -> Days:
    first = date.fromisoformat(loaded["first"])
    return Days(first, date.fromisoformat(loaded.get("last", loaded["first"])), loaded.get("name", ""))
