"""What of a commit people can see: which executions changed, from which status to which, and which of their tasks.

Owns the small records that the feed log keeps and that filters of event streams look at. Everything else that is shown of a change is read
from the execution when somebody is there to see it. A change is two letters, what was and what is; a small letter stands for a status while
paused, and "-" for nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from workflows.model import ENDED, ROOT, Frame, Header, Status
from workflows.runtime.task_state import begun, shown_status

NOTHING = "-"

EXECUTION_LETTERS: Mapping[Status, str] = {
    Status.QUEUED: "Q",
    Status.RUNNING: "R",
    Status.COMPLETED: "C",
    Status.FAILED: "F",
    Status.CANCELLED: "X",
}

TASK_LETTERS: Mapping[str, str] = {
    "PENDING": "P",
    "RUNNING": "R",
    "RETRYING": "T",
    "COMPLETED": "C",
    "FAILED": "F",
    "SKIPPED": "S",
    "CANCELLED": "X",
}

_ENDS = frozenset(EXECUTION_LETTERS[status] for status in ENDED)


EXECUTION, TASK, END = 1, 2, 4
"""Kinds of changes, added up where there are several: of the execution's own status, or that it was paused, resumed, redriven or given
another priority; of a task's status, or another attempt of it; that the execution ended."""

ALL_KINDS = EXECUTION | TASK | END


class Change(NamedTuple):
    """Of one execution in one commit. `step`: the two letters of its own status, "" if nothing of its own changed. `tasks`: of each task
    that changed its id and its letters; of a state machine, of the state it stands at now."""

    number: int
    job: str
    step: str
    tasks: tuple[tuple[str, str], ...] = ()

    @property
    def kinds(self) -> int:
        return (EXECUTION if self.step else 0) | (TASK if self.tasks else 0) | (END if self.ends else 0)

    @property
    def ends(self) -> bool:
        return bool(self.step) and self.step[1] in _ENDS


def change_of(
    number: int, stored: Header | None, header: Header, before: Mapping[str, Frame | None], frames: Mapping[str, Frame]
) -> Change | None:
    """What is to be seen of the difference, if anything. `before`: the frames that changed, as they were. O(changed frames)."""
    step = "" if stored is not None and _own(stored) == _own(header) else _letter(stored) + _letter(header)
    root = frames.get(ROOT)
    tasks = tuple(_state(before.get(ROOT, root), root) if root is not None and root.state else _tasks(before, frames))
    return Change(number, header.definition, step, tasks) if step or tasks else None


def row_of(change: Change) -> list[Any]:
    """As it is stored: flat, because there are many."""
    return [change.number, change.job, change.step, *(part for task in change.tasks for part in task)]


def change_from(row: list[Any]) -> Change:
    number, job, step, *tasks = row
    return Change(number, job, step, tuple(zip(tasks[::2], tasks[1::2], strict=True)))


def _own(header: Header) -> tuple[object, ...]:
    return header.status, header.paused, header.priority, header.redrives


def _letter(header: Header | None) -> str:
    if header is None:
        return NOTHING
    letter = EXECUTION_LETTERS[header.status]
    return letter.lower() if header.paused else letter


def _state(was: Frame | None, now: Frame) -> Iterator[tuple[str, str]]:
    """Of a state machine, whose root stands at one of its top-level states."""
    if was is None or was.state != now.state:
        yield now.state, NOTHING + _seen(now)[0]
    elif _seen(was) != _seen(now):
        yield now.state, _seen(was)[0] + _seen(now)[0]


def _tasks(before: Mapping[str, Frame | None], frames: Mapping[str, Frame]) -> Iterator[tuple[str, str]]:
    """Of a task list, whose tasks are the children of its root."""
    for path, was in before.items():
        if path.rfind("/") != 0:
            continue
        now = frames.get(path)
        known = now or was
        a, b = _seen(was), _seen(now)
        if a != b and known is not None:
            yield known.state, a[0] + b[0]


def _seen(frame: Frame | None) -> tuple[str, int]:
    """Where a task stands and how many attempts of it have begun. One that has no frame yet is pending."""
    return ("P", 0) if frame is None else (TASK_LETTERS[shown_status(frame)], begun(frame))
