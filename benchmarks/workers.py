"""Workers: what it costs to run an attempt in another process, and what the server still does while its workers compute.

The executors are driven alone, without an engine: a hop is an attempt that does nothing, from its submit to its report.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import percentile
from benchmarks.report import Measure
from benchmarks.server import FUNCTIONS, Client, Server, family, resident_mib, stepwell
from task_functions.registry import REGISTRY, load
from workflows.model import INLINE, SHARED
from workflows.runtime.executor import Executor, Identity, Outcome, Run
from workflows.runtime.inline import InlineExecutor
from workflows.runtime.workers.pool import WorkerPool

OUTSTANDING = 16
BUSY = 10
LOOK_S = 0.1
HEALTH_MS = 50.0
"""The target for the 99th percentile of GET /health, whatever computes beside it."""


class Driver:
    """An executor that is up, and the reports it makes."""

    def __init__(self, executor: Executor) -> None:
        self._reports: queue.SimpleQueue[tuple[Identity, Outcome]] = queue.SimpleQueue()
        self._executor = executor
        self._number = 0
        up = threading.Event()
        executor.start(lambda identity, outcome: self._reports.put((identity, outcome)), up.set)
        began = time.perf_counter()
        if not executor.capacity:
            executor.prepare()
            up.wait()
        self.start_s = time.perf_counter() - began

    def submit(self) -> None:
        self._number += 1
        self._executor.submit(Run(Identity(self._number, "/a", 1), "noop", "{}", "exec-0-1-0", "three", "a", 1, "key"))

    def report(self) -> None:
        self._reports.get()

    def hops(self, seconds: float) -> list[float]:
        """One at a time: how long each took, in seconds."""
        took, until = [], time.perf_counter() + seconds
        while (began := time.perf_counter()) < until:
            self.submit()
            self.report()
            took.append(time.perf_counter() - began)
        return took

    def rate(self, seconds: float) -> float:
        """Attempts per second with OUTSTANDING of them under way."""
        for _ in range(OUTSTANDING):
            self.submit()
        done, began = 0, time.perf_counter()
        while (now := time.perf_counter()) < began + seconds:
            self.report()
            self.submit()
            done += 1
        for _ in range(OUTSTANDING):
            self.report()
        return done / (now - began)


def attempts(seconds: float) -> Iterator[Measure]:
    """A function that does nothing, on a thread of this process and in a worker."""
    load(str(FUNCTIONS))
    for executor in (InlineExecutor(REGISTRY.get, OUTSTANDING), WorkerPool(SHARED, [str(FUNCTIONS)], workers=1, threads=OUTSTANDING)):
        driver = Driver(executor)
        try:
            driver.hops(seconds / 4)
            yield Measure(f"{executor.name}: one attempt, there and back", percentile(driver.hops(seconds), 50) * 1e6, "us")
            yield Measure(f"{executor.name}: attempts, {OUTSTANDING} under way", driver.rate(seconds), "1/s")
            if executor.name != INLINE:
                yield Measure("a worker: from asked for to up", driver.start_s * 1e3, "ms")
                for pid in family(os.getpid())[1:]:
                    yield Measure("a worker: resident memory", resident_mib(pid), "MiB")
        finally:
            executor.close()


def health(directory: Path, seconds: float) -> Iterator[Measure]:
    """GET /health beside ten tasks that compute, and how long a cancel takes to stop them."""
    with stepwell(directory, str(directory / "busy.fs")) as server:
        client = server.client()
        yield from _health(client, seconds, "idle")
        execution = client.post("/jobs/busy/execute", {})["executionID"]
        while client.get("/system/state")["pool"]["running"] < BUSY:
            time.sleep(0.02)
        yield from _health(client, seconds, f"{BUSY} tasks that compute")
        began = time.perf_counter()
        client.post(f"/jobs/{execution}/cancel", {})
        while _computes(server):
            pass
        yield Measure("cancel until nothing computes any more", time.perf_counter() - began, "s")


def _health(client: Client, seconds: float, beside: str) -> Iterator[Measure]:
    took, until = [], time.perf_counter() + seconds
    while (began := time.perf_counter()) < until:
        client.get("/health")
        took.append((time.perf_counter() - began) * 1e3)
        time.sleep(0.005)
    for percent in (50, 99):
        yield Measure(f"health p{percent}, {beside}", percentile(took, percent), "ms", target=HEALTH_MS if percent == 99 else None)


def _computes(server: Server) -> bool:
    """Whether its processes use a good part of a processor, as seen for a moment."""
    before = server.cpus_s()
    time.sleep(LOOK_S)
    return sum(now - before[pid] for pid, now in server.cpus_s().items() if pid in before) > LOOK_S / 4
