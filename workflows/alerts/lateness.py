"""What is expected of a schedule's occurrences, and whether it came true: the verdict of a moment that may be long past.

A deadline counts from when the occurrence was due, its jitter included, whenever anybody looked. Judged is what the records say of that
time, so that a verdict is the same if the server was down.

    occurrence               to start in time               to end in time
    started, caught up       expected                       expected
    queued                   expected                       expected
    skipped, was missed      missed at once                 -
    could not be started     missed at once                 -
    skipped otherwise        expected                       -
    blackout, cancelled...   -                              -
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from workflows.alerts.events import Alert, stamp
from workflows.alerts.listening import Kind
from workflows.schedules.policy import Cause


class What(StrEnum):
    """What is to happen in time."""

    START = "start"
    END = "end"


@dataclass(frozen=True, slots=True)
class Happened:
    """What became of an occurrence. `due`: its moment and jitter. It stands for `count` in a row, up to `until`."""

    moment: int
    due: float
    became: str
    cause: str = ""
    reason: str = ""
    count: int = 1
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Expected:
    """`within`: seconds after it was due, 0 where nothing is waited for. The rest is as in Happened."""

    what: str
    moment: int
    deadline: float
    within: float
    became: str
    reason: str = ""
    count: int = 1
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """The execution of an occurrence. `began`, `ended`: None for not yet. `redriven`: it had begun and ended before."""

    id: str
    began: float | None
    ended: float | None
    redriven: bool = False


def expected(happened: Happened, start: float | None, end: float | None, now: float) -> Iterator[Expected]:
    """What is expected from now on. `start`, `end`: within how many seconds it is to start and end; None: whenever."""
    about = (happened.became, happened.reason, happened.count, happened.until)
    skipped = happened.became == "skipped"
    if skipped and happened.cause == Cause.BLACKOUT:
        return
    if skipped and happened.cause in (Cause.MISSED, Cause.REFUSED):
        yield Expected(What.START, happened.moment, now, 0.0, *about)
    elif start is not None and (skipped or happened.became in STARTS):
        yield Expected(What.START, happened.moment, happened.due + start, start, *about)
    if end is not None and happened.became in STARTS:
        yield Expected(What.END, happened.moment, happened.due + end, end, *about)


STARTS = ("started", "caughtUp", "queued")
"""What becomes of occurrences that have an execution, or will have one."""


def judged(one: Expected, schedule: str, job: str, run: Run | None) -> Alert | None:
    """Of an expectation whose deadline has come; None: it came true. `run`: the occurrence's execution, if there is one."""
    if one.what == What.END:
        if run is not None and run.ended is not None and run.ended <= one.deadline:
            return None
        return _alert(Kind.LATE, one, schedule, job, run, f"{_name(one, schedule)} {_late(one, run)}")
    if run is not None and (run.redriven or (run.began is not None and run.began <= one.deadline)):
        return None
    return _alert(Kind.MISSED, one, schedule, job, run, f"{_name(one, schedule)} {_missed(one, run)}")


def _late(one: Expected, run: Run | None) -> str:
    if run is None or (run.began is None and not run.redriven):
        return f"has not begun, and was to end within {seconds(one.within)}"
    if run.ended is None:
        return f"has not ended within {seconds(one.within)}"
    return f"ended {seconds(run.ended - one.deadline)} later than within {seconds(one.within)}"


def _missed(one: Expected, run: Run | None) -> str:
    if run is None and one.became == "skipped":
        return f"{'were' if one.count > 1 else 'was'} skipped: {one.reason}"
    if run is None:
        return f"waits in the queue, and was to begin within {seconds(one.within)}"
    if run.began is None:
        return f"has not begun within {seconds(one.within)}"
    caught_up = "; it was caught up" if one.became == "caughtUp" else ""
    return f"began {seconds(run.began - one.deadline)} later than within {seconds(one.within)}{caught_up}"


def _alert(kind: Kind, one: Expected, schedule: str, job: str, run: Run | None, message: str) -> Alert:
    data: dict[str, object] = {"schedule": schedule, "scheduledTime": scheduled_time(one.moment)}
    if run is not None:
        data["execution"] = run.id
    if one.within:
        data["withinSeconds"] = one.within
    if one.reason:
        data["reason"] = one.reason
    if one.count > 1 and one.until is not None:
        data |= {"count": one.count, "lastScheduledTime": scheduled_time(one.until)}
    return Alert(f"{kind}.{schedule}.{stamp(one.moment)}", kind, schedule, one.deadline, message, job, data)


def _name(one: Expected, schedule: str) -> str:
    if one.count > 1 and one.until is not None:
        return f"{one.count:,} runs of the schedule {schedule}, due from {scheduled_time(one.moment)} to {scheduled_time(one.until)},"
    return f"The run of the schedule {schedule} that was due at {scheduled_time(one.moment)}"


def scheduled_time(moment: int) -> str:
    text = stamp(moment)
    return f"{text[:4]}-{text[4:6]}-{text[6:11]}:{text[11:13]}:{text[13:]}"


def seconds(count: float) -> str:
    """A duration for people, such as "90 seconds" or "2 hours"."""
    for unit, name in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if count >= 2 * unit:
            return f"{round(count / unit, 1):g} {name}"
    return f"{round(count, 3):g} {'second' if count == 1 else 'seconds'}"
