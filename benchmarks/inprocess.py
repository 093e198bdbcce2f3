"""The engine without HTTP, driven turn by turn on the calling thread, so that it can be timed and profiled alone.

The wiring is `app.create_app`'s; the executor is the real one with its threads. `turn` is the engine's whole loop, so nothing is left out
but the thread that would call it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from benchmarks.server import DEFINITIONS, FUNCTIONS
from storage.uri import resolve
from task_functions.registry import REGISTRY, load
from workflows.language import compile_definition
from workflows.model import INLINE, Status
from workflows.runtime.catalogue import Catalogue
from workflows.runtime.engine import Engine
from workflows.runtime.execution import Execution
from workflows.runtime.feed_log import News
from workflows.runtime.functions import RegisteredFunctions
from workflows.runtime.inline import InlineExecutor
from workflows.runtime.ledger import Ledger, Pending
from workflows.runtime.requests import Start
from workflows.settings import Settings

THREE = DEFINITIONS / "three.json"

Around = Callable[[Callable[[], None]], None]


@dataclass(frozen=True, slots=True)
class Run:
    """`seconds` from the first start to the end of the last execution; `cpu_s` of the whole process meanwhile."""

    executions: int
    seconds: float
    cpu_s: float
    commits: int


class Bench:
    """An engine on a fresh store, which knows one definition."""

    def __init__(self, uri: str, settings: Settings, document: str | None = None) -> None:
        """`document`: the definition's text; None: three tasks in order that do nothing."""
        load(str(FUNCTIONS))
        text = THREE.read_text() if document is None else document
        name = json.loads(text)["id"]
        self._store = resolve(uri)
        self._store.open()
        self._ledger = Ledger(self._store)
        catalogue = Catalogue(self._ledger, compile_definition)
        pending = Pending()
        catalogue.register(pending, self._ledger.read, name, text, text, time.time())
        self._ledger.commit(pending)
        self._job = catalogue.get(name, 1)
        self._executor = InlineExecutor(REGISTRY.get, settings.task_threads)
        self._engine = Engine(self._ledger, catalogue, [self._executor], RegisteredFunctions(REGISTRY, INLINE), max_jobs=settings.max_jobs)
        self._executor.start(self._engine.report)

    def run(self, executions: int, outstanding: int, around: Around = lambda turn: turn(), data: str = "{}") -> Run:
        """Have so many executions of the input `data` done, or come to where they only wait, `outstanding` requests waiting for their
        answer at any moment, as so many connections would. `around` calls the turn it is given; a profiler does so in its own way."""
        asked = answered = 0

        def ask() -> None:
            nonlocal asked
            if asked < executions:
                asked += 1
                request = Start(self._job, data)
                request.reply.add_done_callback(done)
                self._engine.inbox.ask(request)

        def done(_reply: object) -> None:  # called on this thread, in the turn that answers
            nonlocal answered
            answered += 1
            ask()

        began, cpu, before = time.perf_counter(), time.process_time(), self._commits()
        for _ in range(outstanding):
            ask()
        while answered < executions or self._unsettled():
            around(self._turn)
        return Run(executions, time.perf_counter() - began, time.process_time() - cpu, self._commits() - before)

    def feed_cost(self, executions: int, outstanding: int) -> tuple[float, float]:
        """Have so many done; what the stored feed costs each, in bytes of its records and seconds of the engine's processor time."""
        log, spent, stored = self._engine._feed_log, 0.0, 0
        write = log.write

        def timed(pending: Pending, touched: Iterable[Execution]) -> News:
            nonlocal spent, stored
            began = time.thread_time()
            news = write(pending, touched)
            spent += time.thread_time() - began
            stored += sum(len(sealed) for (kind, _), sealed in pending.records.items() if kind == "feed" and sealed is not None)
            return news

        log.write = timed  # type: ignore[method-assign]
        self.run(executions, outstanding)
        return stored / executions, spent / executions

    def count(self, status: Status) -> int:
        """How many executions are stored with this status."""
        with self._ledger.snapshot() as snapshot:
            return snapshot.count(f"status/{status}")

    def close(self) -> None:
        self._executor.close()
        self._store.close()

    def _turn(self) -> None:
        self._engine.turn(1.0)

    def _unsettled(self) -> bool:
        """Whether anything runs or is to go on: most turns that is known without a look into the store."""
        return bool(self._engine.gauges()["admitted"]) or bool(self._ledger.scan("busy", None, 1))

    def _commits(self) -> int:
        with self._ledger.snapshot() as snapshot:
            return snapshot.number()
