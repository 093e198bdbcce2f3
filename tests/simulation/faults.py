"""What surrounds an engine in a simulated world: a store that fails, an executor that waits to be told, a fuse that crashes.

A `Crash` may come between any two effects: before and after each commit, submit, cancel, answer and message to oneself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from storage.protocol import Batch, Store, StoreUnavailable, View
from workflows.runtime.executor import Identity, Outcome, Report, Run


class Crash(BaseException):
    """kill -9, as far as one process can play it."""


class Fuse:
    """Raises Crash at the effect that was chosen. `left` None: never."""

    def __init__(self) -> None:
        self.left: int | None = None
        self.burnt: list[str] = []

    def effect(self, name: str) -> None:
        self.burnt.append(name)
        if self.left is not None:
            self.left -= 1
            if self.left <= 0:
                self.left = None
                raise Crash(name)


class FaultyStore:
    """A Store that fails its next commit as `plan` says: "clean" (nothing is written), "ambiguous" (written, then an error), "blind"
    (written, then an error, and unreadable until `sees`) or "blind clean" (the same, but nothing was written). `landed` hears each
    batch that is really there. `earlier`: what is written is what the version before wrote, which kept no tallies."""

    def __init__(self, inner: Store, fuse: Fuse, landed: Callable[[Batch], None]) -> None:
        self.inner = inner
        self.plan: list[str] = []
        self.blind = self.earlier = False
        self._fuse = fuse
        self._landed = landed

    def open(self) -> None:
        self.inner.open()

    def close(self) -> None:
        self.inner.close()

    def commit(self, batch: Batch) -> None:
        if self.blind:
            raise StoreUnavailable("made up: the disk is away")
        self._fuse.effect("commit")
        plan = self.plan.pop(0) if self.plan else ""
        self.blind = plan.startswith("blind")
        if "clean" in plan:
            raise StoreUnavailable("made up: disk full")
        if self.earlier:
            batch = untallied(batch)
        self.inner.commit(batch)
        self._landed(batch)
        self._fuse.effect("committed")
        if plan:
            raise StoreUnavailable("made up: the connection broke off during the commit")

    def size(self) -> int:
        return self.inner.size()

    @contextmanager
    def view(self, partition: int) -> Iterator[View]:
        if self.blind:
            raise StoreUnavailable("made up: the disk is away")
        with self.inner.view(partition) as view:
            yield view


def untallied(batch: Batch) -> Batch:
    """The batch as the version before would have written it."""
    return replace(batch, counts={})


class SimExecutor:
    """An Executor whose attempts end when the world says so. `asked`: how often it heard that somebody waits."""

    def __init__(
        self,
        workers: int,
        fuse: Fuse,
        submitted: Callable[[SimExecutor, Run], None],
        cancelled: Callable[[Identity], None],
        name: str = "sim",
    ) -> None:
        self.name = name
        self.capacity = workers
        self.asked = 0
        self.attempts: dict[Identity, Run] = {}
        self.closed = False
        self.report: Report | None = None
        self._fuse = fuse
        self._submitted = submitted
        self._cancelled = cancelled

    def start(self, report: Report, more: Callable[[], None] = lambda: None) -> None:
        self.report = report

    def prepare(self) -> None:
        self.asked += 1

    def gauges(self) -> dict[str, int]:
        return {"workers": self.capacity, "processes": 0}

    def submit(self, run: Run) -> None:
        self._fuse.effect("submit")
        self._submitted(self, run)
        self.attempts[run.identity] = run
        self._fuse.effect("submitted")

    def cancel(self, identity: Identity) -> None:
        self._fuse.effect("cancel")
        self._cancelled(identity)
        self.attempts.pop(identity, None)
        self._fuse.effect("cancelled")

    def close(self) -> None:
        self.closed = True

    def troubles(self) -> list[str]:
        return []

    def tell(self, identity: Identity, outcome: Outcome) -> None:
        assert self.report is not None
        self.report(identity, outcome)


class Reply(Future[Any]):
    """A reply that the world is told of before it is given."""

    def __init__(self, fuse: Fuse, answered: Callable[[Any], None]) -> None:
        super().__init__()
        self._fuse = fuse
        self._answered = answered

    def set_result(self, result: Any) -> None:
        self._fuse.effect("answer")
        self._answered(result)
        super().set_result(result)
        self._fuse.effect("answered")

    def set_exception(self, exception: BaseException | None) -> None:
        self._fuse.effect("answer")
        self._answered(exception)
        super().set_exception(exception)
        self._fuse.effect("answered")
