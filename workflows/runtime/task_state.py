"""One task of an execution, or one state of a state machine, as people see it."""

from __future__ import annotations

from dataclasses import dataclass

from workflows.model import Error


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
