"""A small engine for tests: a store in memory, an executor that waits to be told, clocks that are set. Driven turn by turn, no thread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from storage.memory import MemoryStore
from storage.protocol import Batch, Key, Store
from storage.records import encode
from tests.simulation.definitions import make_dialect, stored
from tests.simulation.faults import FaultyStore, Fuse, SimExecutor
from workflows.model import Definition, Error, Frame, Header, TaskSpec
from workflows.runtime.catalogue import Catalogue
from workflows.runtime.engine import Clocks, Engine
from workflows.runtime.execution import Execution
from workflows.runtime.executor import Done, Erred, Run
from workflows.runtime.inbox import Request
from workflows.runtime.ledger import Ledger
from workflows.runtime.requests import Cancel, Start


class House:
    """`functions`: names that are registered; None: whatever is asked for."""

    def __init__(
        self, *definitions: Definition, store: Store | None = None, workers: int = 4, max_jobs: int = 10, functions: set[str] | None = None
    ) -> None:
        self.definitions: Mapping[str, Definition] = {definition.id: definition for definition in definitions}
        self.now, self.steady = 1_000.0, 0.0
        self.functions, self.workers, self.max_jobs = functions, workers, max_jobs
        self.commits: list[Batch] = []
        self.fatal: list[str] = []
        self.store = FaultyStore(store or MemoryStore(), Fuse(), self.commits.append)
        self.store.open()
        records = {key: encode(data) for key, data in stored(self.definitions).items()}
        revisions: dict[Key, bool] = {(name, -definition.revision, 0.0): True for name, definition in self.definitions.items()}
        self.store.commit(Batch(0, 1, records, {"definitions": {(name,): True for name in self.definitions}, "revisions": revisions}))
        self.commits.clear()
        self.boot()

    def boot(self) -> None:
        """A new server over the same store."""
        self.ledger = Ledger(self.store)
        self.runs: list[Run] = []
        self.executor = SimExecutor(self.workers, Fuse(), lambda _, run: self.runs.append(run), lambda identity: None)
        self.executors = [self.executor]
        self.catalogue = Catalogue(self.ledger, lambda name, revision: replace(self.definitions[name], revision=revision), make_dialect)
        self.engine = Engine(
            self.ledger,
            self.catalogue,
            self.executors,
            self,
            max_jobs=self.max_jobs,
            clocks=Clocks(lambda: self.now, lambda: self.steady),
            seed=lambda: 1,
            fatal=lambda: self.fatal.append("fatal"),
        )
        self.executor.start(self.engine.report)

    def has(self, name: str) -> bool:
        return self.functions is None or name in self.functions

    def wants_context(self, name: str) -> bool:
        return False

    def lane(self, spec: TaskSpec, alone: bool) -> str:
        return "sim"

    # --------------------------------------------------------------------------------------------------------------- asking

    def ask(self, request: Request) -> Request:
        self.engine.inbox.ask(request)
        return request

    def start(self, name: str = "job", text: str = "{}", **more: Any) -> Request:
        """`more` as in Start; the text itself stands for what is to be the same."""
        return self.ask(Start(self.definitions[name], text, digest=text if more.keys() & {"id", "key"} else "", **more))

    def cancel(self, number: int) -> Request:
        return self.ask(Cancel(number))

    def turn(self) -> None:
        self.engine.turn(0)

    def begin(self, *names: str) -> None:
        """Start executions of these definitions and take a turn."""
        for name in names:
            self.start(name)
        self.turn()

    def end(self, number: int, error: str = "", output: str = "1") -> None:
        """End the first attempt of this execution, and take a turn."""
        identity = next(identity for identity in self.executor.attempts if identity.number == number)
        del self.executor.attempts[identity]
        self.executor.tell(identity, Erred(Error(error)) if error else Done(output))
        self.turn()

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.steady += seconds

    # --------------------------------------------------------------------------------------------------------------- seeing

    def stored(self, number: int) -> Execution:
        execution = Execution.load(number, self.ledger.read)
        assert execution is not None
        return execution

    def header(self, number: int) -> Header:
        header = self.stored(number).header
        assert header is not None
        return header

    def task(self, number: int, task: str) -> Frame:
        return self.stored(number).frames[f"/{task}"]

    def running(self) -> list[tuple[int, str]]:
        return [(identity.number, identity.path) for identity in self.executor.attempts]


def answer(request: Request) -> Any:
    """What the asker has heard; "unanswered" as yet."""
    if not request.reply.done():
        return "unanswered"
    return request.reply.exception(0) or request.reply.result(0)
