"""Where everyone leaves what the engine's thread is to do. Outside requests are bounded; reports and our own messages are never refused."""

from __future__ import annotations

import queue
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from workflows.errors import Busy, Unavailable
from workflows.runtime.audit import Act, Origin
from workflows.runtime.executor import Identity, Outcome

REQUESTS = 1_000
"""Outside requests that may wait at once; the next one is refused with Busy."""

BATCH = 1_000
"""Items taken in one turn of the engine, and so in one commit."""


@dataclass(frozen=True, slots=True)
class Reported:
    """An executor's report."""

    identity: Identity
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class TurnOf:
    """A parked frame's turn, sent by the engine to itself."""

    identity: Identity


@dataclass(frozen=True, slots=True)
class Wake:
    """Nothing but a reason to look around."""


@dataclass(slots=True)
class Request:
    """Base of what is asked from outside. Answered through `reply`, after the commit that holds its effect. One that has an `origin` and
    changes something is recorded in the audit log by that same commit, with what `note` adds to its details."""

    reply: Future[Any] = field(default_factory=Future, init=False)
    origin: Origin | None = field(default=None, init=False)
    note: Mapping[str, Any] = field(default_factory=dict, init=False)

    def act(self, _answer: Any) -> Act | None:
        """What the audit log says of it once it has been performed with this answer; None: nothing."""
        return Act(type(self).__name__.lower())

    def answer(self, answer: Any) -> None:
        """An exception is raised at the asker's. Whoever asked may have given up waiting."""
        if not self.reply.set_running_or_notify_cancel():
            return
        if isinstance(answer, BaseException):
            self.reply.set_exception(answer)
        else:
            self.reply.set_result(answer)


Item = Reported | TurnOf | Wake | Request


class Inbox:
    """Any thread puts, one thread drains."""

    def __init__(self, requests: int = REQUESTS) -> None:
        self._queue: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self._room = threading.Semaphore(requests)
        self._asking = threading.Lock()  # once `close` has returned, no request comes in that nobody would answer
        self._closed = False

    def ask(self, request: Request) -> None:
        """Raises Busy when too many wait already, Unavailable when the engine is stopping."""
        with self._asking:
            if self._closed:
                raise Unavailable("the server is stopping; try again in a moment")
            if not self._room.acquire(blocking=False):
                raise Busy("too many requests are waiting; try again in a moment")
            self._queue.put(request)

    @property
    def closed(self) -> bool:
        return self._closed

    @property
    def depth(self) -> int:
        """Items that wait, as of now."""
        return self._queue.qsize()

    def offer(self, item: Item) -> None:
        self._queue.put(item)

    def close(self) -> None:
        """No more requests. What is in the queue is still drained."""
        with self._asking:
            self._closed = True

    def drain(self, timeout: float) -> list[Item]:
        """Everything there is, at most BATCH items; waits up to `timeout` seconds for the first."""
        items: list[Item] = []
        try:
            items.append(self._queue.get(timeout > 0, timeout if timeout > 0 else None))
            while len(items) < BATCH:
                items.append(self._queue.get_nowait())
        except queue.Empty:
            pass
        for item in items:
            if isinstance(item, Request):
                self._room.release()
        return items
