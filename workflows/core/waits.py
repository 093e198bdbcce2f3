"""What a frame waits for: a function of the frame and of nothing else, so that recovery has nothing special to know.

A frame has at most one *work* wait (an attempt to run, or its turn to continue) and at most one timer, its earliest deadline. Waits
compare by identity (path, visit), which the machine gives out at each entry into a wait.

While the execution is paused it has fewer: what runs goes on, but nothing is to be started, and of deadlines only the execution's own
comes. The frames stay as they are, so all the others are there again when it is resumed, late ones at once.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from workflows.model import At, Frame

EXECUTION = "execution"
"""The kind of the root's deadline that holds for the execution as a whole."""

WORK = frozenset({At.READY, At.RUNNING, At.PARKED})
"""Frames with something to run: an execution that has one is busy."""


class Work(StrEnum):
    """Kinds of work wait."""

    RUN = "run"
    CONTINUE = "continue"


class Wait(NamedTuple):
    """One work wait. `taken`: a worker has it; that is no part of its identity."""

    kind: Work
    visit: int
    taken: bool


def work(frame: Frame | None, paused: bool = False) -> Wait | None:
    """The work the frame waits for, or None."""
    if frame is None or frame.status not in WORK or (paused and frame.status is not At.RUNNING):
        return None
    if frame.status is At.PARKED:
        return Wait(Work.CONTINUE, frame.visit, False)
    return Wait(Work.RUN, frame.visit, frame.status is At.RUNNING)


def due(frame: Frame | None, paused: bool = False) -> float | None:
    """When the frame's timer fires (seconds since the epoch), or None."""
    if frame is None or not frame.deadlines:
        return None
    return frame.deadlines.get(EXECUTION) if paused else min(frame.deadlines.values())
