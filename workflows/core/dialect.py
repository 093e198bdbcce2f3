"""What a language adds to the machine, and how the history calls what befalls an attempt where a language has no names of its own."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from workflows.core.draft import View
from workflows.errors import Problem
from workflows.model import DATA_LIMIT_EXCEEDED, RESULT_BYTES, Definition, Error, Frame, Ref, TaskSpec, exceeds

if TYPE_CHECKING:
    from workflows.core.machine import Machine


class Moment(StrEnum):
    """What befalls an attempt, as the second half of a history entry's name."""

    SCHEDULED = "Scheduled"
    STARTED = "Started"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    TIMED_OUT = "TimedOut"
    RETRIED = "Retried"


class Dialect(Protocol):
    """What a language adds to the machine. Methods get the machine of the step under way and change frames only through it."""

    @property
    def definition(self) -> Definition: ...

    def start(self, m: Machine, root: Frame) -> None:
        """The execution begins; `root` is new and not yet put. Open it or send it to its first state (`goto`)."""
        ...

    def enter(self, m: Machine, frame: Frame) -> None:
        """The frame has arrived at `frame.state`: ready an attempt, wait, open it, conclude it or send it on."""
        ...

    def report(self, m: Machine, frame: Frame, report: str | Error) -> str | Error:
        """What a worker's report on the frame's attempt (the JSON text of a result, or an error) comes to in this language."""
        ...

    def note(self, m: Machine, frame: Frame, moment: Moment, details: Mapping[str, Any]) -> int:
        """Write into the history, after `frame.last`, what has befallen the frame's attempt. The entry's id, or `frame.last` for none."""
        ...

    def finished(self, m: Machine, frame: Frame, output: Ref | None, error: Error | None) -> None:
        """The frame's work has ended for good, its retries spent: exactly one of `output` and `error` is given."""
        ...

    def woken(self, m: Machine, frame: Frame) -> None:
        """The moment a WAITING or RETRYING frame waited for has come."""
        ...

    def child_ended(self, m: Machine, scope: Frame, child: Frame) -> None:
        """A child of the open scope is finished. A scope that is left with children still beneath it must be closed first."""
        ...

    def redriven(self, m: Machine, root: Frame, data: Ref | None, same: bool) -> None:
        """Go on from where the execution ended without success: every frame that did not succeed is PENDING, the root too, and follows the
        redrive in the history. `data`: a new input, if one is given; `same`: neither that nor another revision."""
        ...

    def fits(self, view: View, before: Definition, new_input: bool) -> list[Problem]:
        """What keeps this revision from taking over an ended execution that ran by `before`, with another input if one is given."""
        ...

    def resolve(self, frame: Frame) -> TaskSpec:
        """What the task the frame stands at needs to run."""
        ...

    def upstream(self, view: View, frame: Frame) -> Mapping[str, Ref]:
        """Results, by name, that a function may ask its context for."""
        ...


class TaskEvents:
    """The names of a language that has none of its own: TaskScheduled, TaskStarted... Results are what the function returned."""

    def report(self, _m: Machine, _frame: Frame, report: str | Error) -> str | Error:
        if isinstance(report, str) and exceeds(report, RESULT_BYTES):
            return Error(DATA_LIMIT_EXCEEDED, f"the result is longer than {RESULT_BYTES:,} bytes")
        return report

    def note(self, m: Machine, frame: Frame, moment: Moment, details: Mapping[str, Any]) -> int:
        return m.note(frame.last, f"Task{moment}", **details)

    def upstream(self, _view: View, _frame: Frame) -> Mapping[str, Ref]:
        return {}
