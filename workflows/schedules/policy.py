"""What is to be done about occurrences that have come: pure decisions, which the server's scheduler carries out and writes down.

Times are seconds since the epoch. An occurrence is handled once: by its decision it is started, put into the schedule's queue, or skipped
with a reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from workflows.schedules.plan import Occurrence
from workflows.schedules.schedule import CatchUp, Overlap, Schedule

ON_TIME_S = 60.0
"""An occurrence so little late, after a quick restart say, was not missed."""


QUEUED = 1_000
"""Occurrences of a schedule that may wait at once."""


class Act(StrEnum):
    START = "start"
    CATCH_UP = "catchUp"  # started late, because it was missed
    QUEUE = "queue"
    CANCEL_AND_START = "cancelAndStart"
    SKIP = "skip"


class Cause(StrEnum):
    """Why one is skipped, as far as others than people care."""

    NONE = ""
    BLACKOUT = "blackout"
    MISSED = "missed"  # no server ran in time, and it is not made up for
    REFUSED = "refused"  # it was its turn, and the job could not be started with its input, say


@dataclass(frozen=True, slots=True)
class Decision:
    moment: int
    act: Act
    reason: str = ""
    cause: Cause = Cause.NONE


def beginning(schedule: Schedule, now: float) -> float:
    """Where a new schedule begins: behind it, occurrences are due. It makes up for what its start date lies back, if it makes up for
    anything."""
    start = schedule.plan.start
    if schedule.catch_up is CatchUp.NONE or start is None or start > now:
        return now
    return max(start, now - schedule.catch_up_window) - 0.001


def tolerance(schedule: Schedule) -> float:
    """By how many seconds an occurrence may be late without having been missed."""
    return ON_TIME_S + schedule.jitter


def decide(
    schedule: Schedule, due: Iterable[Occurrence], now: float, *, running: bool, queued: Sequence[int], more: bool = False
) -> list[Decision]:
    """For every occurrence up to `now` that has not been handled, ascending. `running`: an execution of the schedule has not ended;
    `queued`: occurrences that wait for that. `more`: behind these there are others that were missed."""
    wanted, decisions = _missed(schedule, list(due), now, more)
    waiting = len(queued)
    for moment, late in wanted:
        decision = _overlapping(schedule.overlap, moment, late, running, waiting)
        waiting += decision.act is Act.QUEUE
        running = running or decision.act in (Act.START, Act.CATCH_UP, Act.CANCEL_AND_START)
        decisions.append(decision)
    return sorted(decisions, key=lambda decision: decision.moment)


def _missed(schedule: Schedule, due: list[Occurrence], now: float, more: bool) -> tuple[list[tuple[int, bool]], list[Decision]]:
    """Those that are to run, and whether late; and what is decided about the others."""
    skipped = [Decision(each.moment, Act.SKIP, each.excluded, Cause.BLACKOUT) for each in due if each.excluded is not None]
    left = [each.moment for each in due if each.excluded is None]
    tolerated = tolerance(schedule)
    missed = [moment for moment in left if now - moment > tolerated]
    kept = _made_up_for(schedule, missed, now, more)
    for moment in missed:
        if moment not in kept:
            reason = f"it was missed by {_duration(now - moment)}; {_why_not(schedule, now - moment)}"
            skipped.append(Decision(moment, Act.SKIP, reason, Cause.MISSED))
    return [(moment, moment in kept) for moment in left if moment in kept or now - moment <= tolerated], skipped


def _made_up_for(schedule: Schedule, missed: list[int], now: float, more: bool) -> frozenset[int]:
    within = [moment for moment in missed if now - moment <= schedule.catch_up_window]
    if schedule.catch_up is CatchUp.NONE or (schedule.catch_up is CatchUp.LAST and more):
        return frozenset()
    return frozenset(within if schedule.catch_up is CatchUp.ALL else within[-1:])


def _why_not(schedule: Schedule, late: float) -> str:
    if schedule.catch_up is CatchUp.NONE:
        return "catchUp is none"
    if late > schedule.catch_up_window:
        return f"catchUpWindowSeconds is {schedule.catch_up_window:g}"
    return "catchUp makes up for the last one only"


def _overlapping(overlap: Overlap, moment: int, late: bool, running: bool, waiting: int) -> Decision:
    start = Act.CATCH_UP if late else Act.START
    if overlap is Overlap.ALLOW or not (running or waiting):
        return Decision(moment, start)
    if overlap is Overlap.CANCEL_PREVIOUS:
        return Decision(moment, Act.CANCEL_AND_START, "the previous run has not ended and is cancelled")
    if (overlap is Overlap.QUEUE_ALL and waiting < QUEUED) or (overlap is Overlap.QUEUE_ONE and not waiting):
        return Decision(moment, Act.QUEUE, "the previous run has not ended")
    if overlap is Overlap.QUEUE_ONE:
        return Decision(moment, Act.SKIP, "the previous run has not ended, and another waits for that already")
    if overlap is Overlap.QUEUE_ALL:
        return Decision(moment, Act.SKIP, f"the previous run has not ended, and {waiting:,} wait for that already")
    return Decision(moment, Act.SKIP, "the previous run has not ended")


def _duration(seconds: float) -> str:
    for unit, name in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} seconds"
