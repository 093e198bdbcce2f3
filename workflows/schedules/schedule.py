"""A schedule: when a job is to run by itself, with what, and what becomes of runs that overlap, are missed or come late. Frozen data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from workflows.expressions import Template
from workflows.schedules.plan import Plan


class Overlap(StrEnum):
    """What becomes of an occurrence whose predecessor's execution has not ended."""

    ALLOW = "allow"
    SKIP = "skip"
    QUEUE_ONE = "queueOne"
    QUEUE_ALL = "queueAll"
    CANCEL_PREVIOUS = "cancelPrevious"


class CatchUp(StrEnum):
    """Which of the occurrences that were missed are made up for."""

    NONE = "none"
    LAST = "last"
    ALL = "all"


DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Schedule:
    """`input` is a template over `{"scheduledTime": ..., "schedule": ...}`. Durations in seconds.
    `expect_start`, `expect_end`: within how many seconds after it was due an occurrence is to begin and end; None: whenever."""

    id: str
    plan: Plan
    active: bool = True
    input: Template | None = None
    jitter: float = 0.0
    overlap: Overlap = Overlap.ALLOW
    catch_up: CatchUp = CatchUp.NONE
    catch_up_window: float = DAY_S
    expect_start: float | None = None
    expect_end: float | None = None
