"""What has been done since the start, as plain numbers, counted by the one thread that does it and read by any.

Owns what is counted of executions, attempts and turns of the engine, always after the commit that makes it so. Nothing here locks, reads a
clock or calls a library, and whoever reads may see one figure a moment before its neighbour. Knows no name that is told outside.
"""

from __future__ import annotations

from collections.abc import Iterable

from workflows.events import Event, Failed, Fired, Interrupted, Succeeded
from workflows.model import ENDED, ROOT, Status
from workflows.runtime.buckets import ATTEMPT_S, QUEUE_S, Spread
from workflows.runtime.execution import Execution

COMPLETED, FAILED, TIMED_OUT, INTERRUPTED, CANCELLED = OUTCOMES = ("completed", "failed", "timed_out", "interrupted", "cancelled")
"""How attempts end: the function returned; it failed; a time limit of the attempt or its execution struck; its worker went away or the
server stopped; nobody wanted it any more."""

_OUTCOME: dict[type[Event], str] = {Succeeded: COMPLETED, Failed: FAILED, Interrupted: INTERRUPTED}


class Counters:
    """Belongs to the engine's thread. `lanes`: names of the executors."""

    def __init__(self, lanes: Iterable[str]) -> None:
        names = tuple(lanes)
        self.turns = self.items = self.started = 0
        self.ended = {status: 0 for status in Status if status in ENDED}
        self.queued = Spread(QUEUE_S)
        self.begun = dict.fromkeys(names, 0)
        self.over = {name: dict.fromkeys(OUTCOMES, 0) for name in names}
        self.took = {name: Spread(ATTEMPT_S) for name in names}

    def turn(self, items: int, touched: Iterable[Execution]) -> None:
        """A turn is through. Each execution that it touched knows still what was stored of it before."""
        self.turns += 1
        self.items += items
        for execution in touched:
            before, now = execution.stored, execution.header
            if now is None or (before is not None and before.status is now.status):
                continue
            self.started += before is None
            if now.started is not None and now.redrives == 0 and (before is None or before.started is None):
                self.queued.add(max(0.0, now.started - now.created))
            if now.status in ENDED:
                self.ended[now.status] += 1

    def attempt_begins(self, lane: str) -> None:
        self.begun[lane] += 1

    def attempt_ends(self, lane: str, outcome: str, seconds: float) -> None:
        self.over[lane][outcome] += 1
        self.took[lane].add(seconds)


def outcome_of(event: Event | None, path: str) -> str:
    """How the attempt at this path ended, by the event that ended it. A moment that came elsewhere only made it unwanted, unless it was
    the execution's own."""
    if isinstance(event, Fired):
        return TIMED_OUT if event.path in (path, ROOT) else CANCELLED
    if isinstance(event, Succeeded | Failed | Interrupted) and event.path == path:
        return _OUTCOME[type(event)]
    return CANCELLED
