"""What people do to an execution that exists: cancel it, give it another priority. Handlers of the machine's, for every dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.model import ENDED, ROOT, Cancelled, Prioritized, Status

if TYPE_CHECKING:
    from workflows.core.machine import Machine


def cancelled(m: Machine, _event: Cancelled) -> str:
    if m.status not in ENDED:
        m.end(Status.CANCELLED)
    return m.status


def prioritized(m: Machine, event: Prioritized) -> str:
    """The entry follows the root's latest and is followed by none, so that it stands beside the course of things."""
    if m.status is Status.QUEUED and event.priority != m.header.priority:
        m.set(priority=event.priority)
        m.note(m.present(ROOT).last, "ExecutionPrioritized", priority=event.priority)
    return m.status
