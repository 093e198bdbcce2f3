"""An executor of each kind with its functions (`functions/suite.py`), and the reports it makes. Nothing sleeps: functions wait for files,
tests for files and reports."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from task_functions.registry import REGISTRY, load
from workflows.runtime.executor import FINAL, Executor, Identity, Logged, Outcome, Run
from workflows.runtime.inline import InlineExecutor
from workflows.runtime.workers.pool import WorkerPool

WAIT_S = 60.0
FUNCTIONS = str(Path(__file__).parent / "functions")


def make_inline(sources: list[str], workers: int) -> Executor:
    for source in sources:
        load(source)
    return InlineExecutor(REGISTRY.get, workers)


KINDS: dict[str, Callable[[list[str], int], Executor]] = {
    "inline": make_inline,
    "shared": lambda sources, threads: WorkerPool("shared", sources, workers=1, threads=threads),
    "isolated": lambda sources, workers: WorkerPool("isolated", sources, workers=workers, alone=True),
}
"""An executor that runs so many attempts at once, with functions from these places."""


class Bench:
    """`directory`: where handlers are looked for and files are waited for."""

    def __init__(self, executor: Executor, directory: Path) -> None:
        self.executor = executor
        self.directory = directory
        self.reports: queue.Queue[tuple[Identity, Outcome]] = queue.Queue()
        self.more = threading.Event()

    def start(self, workers: int = 0) -> None:
        """Start it and wait until it can run so many attempts at once."""
        self.executor.start(lambda identity, outcome: self.reports.put((identity, outcome)), self.more.set)
        self.grow(workers)

    def grow(self, workers: int) -> None:
        while self.executor.capacity < workers:
            self.more.clear()
            self.executor.prepare()
            if self.executor.capacity < workers:
                assert self.more.wait(WAIT_S), f"{self.executor.capacity} of {workers}: {self.executor.troubles()}"

    def submit(self, number: int, function: str, data: str = "{}", **more: Any) -> Identity:
        identity = Identity(number, "/t", 1)
        run = Run(
            identity=identity,
            function=function,
            input=data,
            execution_id=f"exec-0-{number}-x",
            job_id="job",
            task_id="t",
            attempt=more.pop("attempt", 1),
            idempotency_key="key",
            **more,
        )
        self.executor.submit(run)
        return identity

    def report(self) -> tuple[Identity, Outcome]:
        return self.reports.get(timeout=WAIT_S)

    def outcome(self) -> Outcome:
        return self.report()[1]

    def until_end(self, identity: Identity) -> list[Outcome]:
        """All that is reported of one attempt, as far as its end."""
        heard: list[Outcome] = []
        while not (heard and isinstance(heard[-1], FINAL)):
            reported, outcome = self.report()
            if reported == identity:
                heard.append(outcome)
        return heard

    def text(self, identity: Identity) -> str:
        """What an attempt printed, as last reported before its end."""
        logged = [outcome for outcome in self.until_end(identity) if isinstance(outcome, Logged)]
        return logged[-1].text if logged else ""

    def quiet(self) -> bool:
        """Nothing more is reported: an attempt submitted now is the next to report."""
        self.grow(1)
        marker = self.submit(999_999, "nothing of that name")
        return self.report()[0] == marker and self.reports.empty()

    # ------------------------------------------------------------------------------------------------------------------ files

    def seen(self, name: str) -> str:
        """Wait for a file that a function makes; its text."""
        path = self.directory / name
        until(path.exists, f"no {name}")
        return path.read_text()

    def say(self, name: str) -> None:
        """Make a file that functions wait for."""
        (self.directory / name).touch()


def until(true: Callable[[], bool], complaint: str, seconds: float = WAIT_S) -> None:
    pause = threading.Event()
    for _ in range(int(seconds / 0.005)):
        if true():
            return
        pause.wait(0.005)
    raise AssertionError(complaint)
