"""An execution in memory, and the smallest engine there can be: feed an event, apply the step, look at what is waited for.

`World` is the core's `View`. It counts what steps read and write, so that tests can state costs without a clock, and `check` holds the
invariants that can be read off an execution at rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cache
from typing import Any

from workflows.core.dag import Dag
from workflows.core.dataflow import dumps, loads
from workflows.core.dialect import Dialect
from workflows.core.draft import Step
from workflows.core.machine import read_error, step
from workflows.core.waits import WORK, Wait, Work, due, work
from workflows.events import (
    Cancelled,
    Continue,
    Event,
    Failed,
    Fired,
    Heartbeat,
    Interrupted,
    Paused,
    Prioritized,
    Redriven,
    Resumed,
    Started,
    Succeeded,
    Taken,
)
from workflows.model import ENDED, FINISHED, ROOT, At, Entry, Error, Frame, Header, Ref, Status, parent_path
from workflows.transitions import TRANSITIONS

UNCHANGED = object()
"""No new input."""


class World:
    def __init__(self, dialect: Dialect, *, seed: int = 1) -> None:
        self.dialect = dialect
        self.header: Header | None = None
        self.frames: dict[str, Frame] = {}
        self.payloads: dict[int, str] = {}
        self.history: list[Entry] = []
        self.now = 1_000.0
        self.seed = seed
        self.cost: Counter[str] = Counter()
        self._children: dict[str, dict[str, None]] = {}

    # ----------------------------------------------------------------------------------------------------------- the view

    def frame(self, path: str) -> Frame | None:
        self.cost["reads"] += 1
        return self.frames.get(path)

    def children(self, path: str) -> Iterable[str]:
        found = list(self._children.get(path, ()))
        self.cost["listed"] += len(found)
        return found

    def payload(self, number: int) -> str:
        return self.payloads[number]

    # -------------------------------------------------------------------------------------------------------- the engine

    def feed(self, event: Event) -> Step:
        """Step the event, hold the step against the transition table and apply it."""
        done = step(self.dialect, self, event)
        self.check_step(done, event)
        self.header = done.header
        self.payloads.update(done.payloads)
        self.history.extend(done.history)
        self.cost["puts"] += len(done.frames)
        for path, frame in done.frames.items():
            if frame is None:
                del self.frames[path]
                del self._children[parent_path(path)][path]
            else:
                self.restore(frame)
        return done

    def restore(self, frame: Frame) -> None:
        """The frame is there, as a store would give it back."""
        self.frames[frame.path] = frame
        if frame.path != ROOT:
            self._children.setdefault(parent_path(frame.path), {})[frame.path] = None

    def waits(self) -> dict[str, Wait]:
        """Work waits by path."""
        return {path: wait for path, frame in self.frames.items() if (wait := work(frame, self.paused)) is not None}

    def timers(self) -> dict[str, float]:
        """When each frame's timer is due, by path."""
        return {path: moment for path, frame in self.frames.items() if (moment := due(frame, self.paused)) is not None}

    # -------------------------------------------------------------------------------------------------- events, in short

    def start(self, data: Any = None) -> Step:
        return self.feed(Started(self.now, self.seed, "x-1", self.dialect.definition.id, self.dialect.definition.revision, dumps(data)))

    def take(self, path: str = ROOT) -> Step:
        return self.feed(Taken(self.now, self.seed, path, self.visit(path), "worker"))

    def succeed(self, path: str = ROOT, output: Any = None) -> Step:
        """Take the attempt if nobody has, and report its success."""
        self._take_if_ready(path)
        return self.feed(Succeeded(self.now, self.seed, path, self.visit(path), dumps(output)))

    def fail(self, path: str = ROOT, error: str = "Boom", message: str = "it broke") -> Step:
        self._take_if_ready(path)
        return self.feed(Failed(self.now, self.seed, path, self.visit(path), Error(error, message)))

    def heartbeat(self, path: str = ROOT) -> Step:
        return self.feed(Heartbeat(self.now, self.seed, path, self.visit(path)))

    def interrupt(self, path: str = ROOT, *, clean: bool = False) -> Step:
        self._take_if_ready(path)
        return self.feed(Interrupted(self.now, self.seed, path, self.visit(path), clean))

    def fire(self, path: str = ROOT) -> Step:
        """Let the frame's timer come due, at its moment."""
        moment = due(self.at(path), self.paused)
        assert moment is not None
        self.now = max(self.now, moment)
        return self.feed(Fired(self.now, self.seed, path, self.visit(path), moment))

    def go_on(self, path: str = ROOT) -> Step:
        return self.feed(Continue(self.now, self.seed, path, self.visit(path)))

    def cancel(self) -> Step:
        return self.feed(Cancelled(self.now, self.seed))

    def pause(self) -> Step:
        return self.feed(Paused(self.now, self.seed))

    def prioritize(self, priority: int) -> Step:
        return self.feed(Prioritized(self.now, self.seed, priority))

    def resume(self) -> Step:
        return self.feed(Resumed(self.now, self.seed))

    def redrive(self, dialect: Dialect | None = None, data: Any = UNCHANGED) -> Step:
        """By another revision, with another input, if they are given."""
        self.dialect = dialect or self.dialect
        text = None if data is UNCHANGED else dumps(data)
        return self.feed(Redriven(self.now, self.seed, self.dialect.definition.revision, text))

    def run(self, *, limit: int = 10_000, output: Any = None) -> None:
        """Let everything happen, oldest wait first; each attempt succeeds with `output`."""
        for _ in range(limit):
            if waits := self.waits():
                path, wait = next(iter(waits.items()))
                if wait.kind is Work.CONTINUE:
                    self.go_on(path)
                else:
                    self.succeed(path, output)
            elif timers := self.timers():
                self.fire(min(timers, key=lambda path: timers[path]))
            else:
                return
        raise AssertionError(f"still not at rest after {limit} events")

    def _take_if_ready(self, path: str) -> None:
        if self.at(path).status is At.READY:
            self.take(path)

    # ----------------------------------------------------------------------------------------------------------- looking

    def at(self, path: str = ROOT) -> Frame:
        return self.frames[path]

    def visit(self, path: str = ROOT) -> int:
        return self.frames[path].visit

    @property
    def paused(self) -> bool:
        return self.header is not None and self.header.paused

    def head(self) -> Header:
        assert self.header is not None
        return self.header

    def status(self) -> Status:
        return self.head().status

    def text(self, ref: Ref | None) -> str:
        assert ref is not None
        return ref if isinstance(ref, str) else self.payloads[ref]

    def output(self) -> Any:
        return loads(self.text(self.head().output))

    def error(self) -> Error:
        return read_error(self.text(self.head().error))

    def types(self) -> list[str]:
        return [entry.type for entry in self.history]

    # -------------------------------------------------------------------------------------------------------- invariants

    def check_step(self, done: Step, event: Event) -> None:
        """A step only makes legal moves, numbers only grow, and what has ended stays as it is, but for a redrive of what had no success."""
        before, redriven = self.header, isinstance(event, Redriven)
        if before is not None and before.status in ENDED:
            assert not done.changed or (redriven and before.status is not Status.COMPLETED)
        if before is not None and before.paused:
            assert not self._begun(done), "a paused execution starts nothing"
        if not done.changed:
            assert done.header == before
            assert not done.payloads
            return
        assert done.header is not None
        visits, entries = (before.visits, before.entries) if before else (0, 0)
        for path, frame in done.frames.items():
            old = self.frames.get(path)
            if frame is None:
                assert old is not None, "a frame nobody ever saw is not dropped"
                continue
            reached = _reachable(old.status if old else None)
            assert frame.status in reached or old == frame, f"{path}: {old and old.status} -> {frame.status}"
            if old is not None and old.status in FINISHED:
                assert old == frame or (redriven and old.status is not At.SUCCEEDED), f"{path}: what is finished stays so"
            assert old is None or frame.visit == old.visit or frame.visit > visits, "visits are never used twice"
        assert [entry.id for entry in done.history] == list(range(entries + 1, done.header.entries + 1))
        assert all(0 <= entry.previous < entry.id for entry in done.history)

    def _begun(self, done: Step) -> list[str]:
        """Frames that a worker has taken in this step, or that have entered a state. Tasks of a list may become ready."""
        taken = [path for path, frame in done.frames.items() if frame is not None and frame.status is At.RUNNING]
        entered = [entry.type for entry in done.history if entry.type.endswith("StateEntered") and not isinstance(self.dialect, Dag)]
        return entered + [path for path in taken if path not in self.frames or self.frames[path].status is not At.RUNNING]

    def check(self) -> None:
        """Invariants of an execution at rest."""
        header = self.head()
        assert header.work == sum(frame.status in WORK for frame in self.frames.values())
        visits = [frame.visit for frame in self.frames.values() if frame.status not in FINISHED and frame.status is not At.PENDING]
        assert len(visits) == len(set(visits)), "a visit identifies one wait or scope"
        assert (header.status in ENDED) == (self.at(ROOT).status in FINISHED)
        for path, frame in self.frames.items():
            assert frame.visit <= header.visits
            assert frame.last <= header.entries
            assert not (frame.status in FINISHED and frame.deadlines)
            if path != ROOT and frame.status not in FINISHED:
                scope = self.at(parent_path(path))
                assert scope.status is At.OPEN, f"{path} still runs beneath a scope that is {scope.status}"
        for number in _references(header, self.frames.values()):
            assert number in self.payloads


@cache
def _reachable(status: At | None) -> frozenset[At]:
    """Statuses a frame may have after a step that made any number of legal moves from this one."""
    reached: set[At] = set()
    todo: list[At | None] = [status]
    while todo:
        new = TRANSITIONS[todo.pop()] - reached
        reached |= new
        todo.extend(new)
    return frozenset(reached)


def _references(header: Header, frames: Iterable[Frame]) -> Iterable[int]:
    owners: list[Header | Frame] = [header, *frames]
    for owner in owners:
        for ref in (owner.input, owner.output, owner.error):
            if isinstance(ref, int):
                yield ref
