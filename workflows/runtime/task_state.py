"""One task of an execution, or one state of a state machine, as people see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workflows.model import At, Error, Frame

TASK_STATUSES: Mapping[At, str] = {
    At.PENDING: "PENDING",
    At.READY: "PENDING",
    At.RUNNING: "RUNNING",
    At.RETRYING: "RETRYING",
    At.WAITING: "RUNNING",
    At.OPEN: "RUNNING",
    At.PARKED: "RUNNING",
    At.SUCCEEDED: "COMPLETED",
    At.FAILED: "FAILED",
    At.SKIPPED: "SKIPPED",
    At.CANCELLED: "CANCELLED",
}
"""What a task's frame is called to users. A READY frame that has run before, since its task was last entered, shows RETRYING."""


def begun(frame: Frame) -> int:
    """How many of its attempts have begun."""
    return frame.attempt - (frame.status is At.READY and not frame.taken)


def shown_status(frame: Frame) -> str:
    """The status that users see."""
    again = frame.status is At.READY and (frame.taken or any(frame.retries))
    return "RETRYING" if again else TASK_STATUSES[frame.status]


@dataclass(frozen=True, slots=True)
class TaskState:
    """`result` is JSON text. Times are seconds since the epoch. `attempts` counts those that have begun."""

    id: str
    name: str
    function: str
    status: str
    attempts: int = 0
    started: float | None = None
    ended: float | None = None
    result: str | None = None
    error: Error | None = None
    reason: str | None = None
