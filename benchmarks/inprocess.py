"""The engine without HTTP, driven turn by turn on the calling thread, so that it can be timed and profiled alone.

The wiring is `app.create_app`'s; the executor is the real one with its threads. `turn` is the engine's whole loop, so nothing is left out
but the thread that would call it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.server import DEFINITIONS, FUNCTIONS
from storage.uri import resolve
from task_functions.registry import REGISTRY, load
from workflows.language import compile_definition
from workflows.runtime.catalogue import Catalogue
from workflows.runtime.engine import Engine
from workflows.runtime.functions import RegisteredFunctions
from workflows.runtime.inline import InlineExecutor
from workflows.runtime.ledger import Ledger, Pending
from workflows.runtime.requests import Start
from workflows.settings import Settings

THREE = DEFINITIONS / "three.json"

Around = Callable[[Callable[[], None]], None]


@dataclass(frozen=True, slots=True)
class Run:
    """`seconds` from the first start to the end of the last execution."""

    executions: int
    seconds: float
    commits: int


class Bench:
    """An engine on a fresh store."""

    def __init__(self, uri: str, settings: Settings) -> None:
        load(str(FUNCTIONS))
        text = THREE.read_text()
        self._store = resolve(uri)
        self._store.open()
        self._ledger = Ledger(self._store)
        catalogue = Catalogue(self._ledger, compile_definition)
        pending = Pending()
        catalogue.register(pending, self._ledger.read, "three", text, text, time.time())
        self._ledger.commit(pending)
        self._job = catalogue.get("three", 1)
        self._executor = InlineExecutor(REGISTRY.get, settings.task_workers)
        self._engine = Engine(self._ledger, catalogue, self._executor, RegisteredFunctions(REGISTRY), max_jobs=settings.max_jobs)
        self._executor.start(self._engine.report)

    def run(self, executions: int, outstanding: int, around: Around = lambda turn: turn()) -> Run:
        """Have so many executions done, `outstanding` requests waiting for their answer at any moment, as so many connections would.
        `around` calls the turn it is given; a profiler does so in its own way."""
        asked = answered = 0

        def ask() -> None:
            nonlocal asked
            if asked < executions:
                asked += 1
                request = Start(self._job, "{}")
                request.reply.add_done_callback(done)
                self._engine.inbox.ask(request)

        def done(_reply: object) -> None:  # called on this thread, in the turn that answers
            nonlocal answered
            answered += 1
            ask()

        began, before = time.perf_counter(), self._commits()
        for _ in range(outstanding):
            ask()
        while answered < executions or self._engine.gauges()["admitted"]:
            around(self._turn)
        return Run(executions, time.perf_counter() - began, self._commits() - before)

    def close(self) -> None:
        self._executor.close()
        self._store.close()

    def _turn(self) -> None:
        self._engine.turn(1.0)

    def _commits(self) -> int:
        with self._ledger.snapshot() as snapshot:
            return snapshot.number()
