"""What people do to an execution that exists: cancel, pause, resume, prioritize and redrive it. Handlers of the machine's.

Paused is a flag of the header, and what it keeps from happening is told by `core.waits`: frames go on saying what they are ready for. A
redrive makes every frame that ended without success PENDING, with fresh counters, and asks the dialect to go on from there; frames that
succeeded are left alone (invariant 6).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workflows.core.evolve import replace
from workflows.events import Cancelled, Paused, Prioritized, Redriven, Resumed
from workflows.model import ENDED, REDRIVABLE, ROOT, At, Frame, Status

if TYPE_CHECKING:
    from workflows.core.machine import Machine

_WITHOUT_SUCCESS = frozenset({At.FAILED, At.CANCELLED})


def cancelled(m: Machine, _event: Cancelled) -> str:
    if m.header.status not in ENDED:
        m.end(Status.CANCELLED)
    return m.header.status


def paused(m: Machine, _event: Paused) -> str:
    return _hold(m, True, "ExecutionPaused")


def resumed(m: Machine, _event: Resumed) -> str:
    return _hold(m, False, "ExecutionResumed")


def prioritized(m: Machine, event: Prioritized) -> str:
    """Once it has begun there is nothing that a priority could change. The entry stands beside the course of things, as that of a pause."""
    if m.header.status is Status.QUEUED and event.priority != m.header.priority:
        m.note(m.present(ROOT).last, "ExecutionPrioritized", priority=event.priority)
        m.set(priority=event.priority)
    return m.header.status


def redriven(m: Machine, event: Redriven) -> str:
    """The answer is the status after it: the execution may have ended again within this step, or may never have been redrivable."""
    if m.header.status not in REDRIVABLE:
        return m.header.status
    same = event.input is None and event.revision == m.header.revision
    details: dict[str, Any] = {"redriveCount": m.header.redrives + 1}
    if event.revision != m.header.revision:
        details["revision"] = event.revision
    data = None if event.input is None else m.keep(event.input)
    if data is not None:
        details["input"] = data
    last = m.note(m.present(ROOT).last, "ExecutionRedriven", **details)
    clean = {"output": None, "error": None, "started": None, "ended": None}
    m.set_status(Status.QUEUED, revision=event.revision, redrives=m.header.redrives + 1, **clean)
    for frame in [m.present(ROOT), *m.beneath(ROOT)]:
        if frame.status in _WITHOUT_SUCCESS:
            m.put(_afresh(frame, last))
    m.dialect.redriven(m, m.present(ROOT), data, same)
    m.settle()
    return m.header.status


def _hold(m: Machine, paused: bool, entry: str) -> str:
    """Follows the root's latest entry and is followed by none, so that it stands beside the course of things."""
    if m.header.status not in ENDED and m.header.paused is not paused:
        m.note(m.present(ROOT).last, entry)
        m.set(paused=paused)
    return m.header.status


def _afresh(frame: Frame, last: int) -> Frame:
    """Retries and interruptions count anew, and what runs next is another entry; `attempt` counts on, so that no two calls of a task ever
    have the same number."""
    clean = replace(frame, entry=0, retries=(), interruptions=0, taken=False, output=None, error=None, reason="", ended=None)
    return replace(clean, alone=False, status=At.PENDING, last=last)
