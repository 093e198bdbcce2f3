"""What a language adds to the machine: the contract of a dialect. The machine owns everything that is the same in all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from workflows.core.draft import View
from workflows.model import Definition, Error, Frame, Ref, TaskSpec

if TYPE_CHECKING:
    from workflows.core.machine import Machine


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

    def finished(self, m: Machine, frame: Frame, output: Ref | None, error: Error | None) -> None:
        """The frame's work has ended for good, its retries spent: exactly one of `output` and `error` is given."""
        ...

    def woken(self, m: Machine, frame: Frame) -> None:
        """The moment a WAITING or RETRYING frame waited for has come."""
        ...

    def child_ended(self, m: Machine, scope: Frame, child: Frame) -> None:
        """A child of the open scope is finished. A scope that is left with children still beneath it must be closed first."""
        ...

    def resolve(self, frame: Frame) -> TaskSpec:
        """What the task the frame stands at needs to run."""
        ...

    def upstream(self, view: View, frame: Frame) -> Mapping[str, Ref]:
        """Results, by name, that a function may ask its context for."""
        ...
