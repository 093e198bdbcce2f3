"""Scale: state machines of a thousand states and ten thousand items, and a hundred thousand executions that only wait.

Everything but the last runs through the engine in this process, on a strict store, one execution at a time: what is asked is how the cost
of a state or an item changes with how many there are. Bytes are what the store's file has grown by.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import machines
from benchmarks.floors import raw_syncs
from benchmarks.inprocess import Bench
from benchmarks.report import Measure
from workflows.model import Status
from workflows.settings import Settings


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one unit (a state, an item, a task)."""

    seconds: float
    cpu_s: float
    stored: float
    commits: float


def cost(store: Path, document: str, data: str, units: int, executions: int = 1, outstanding: int = 1) -> Cost:
    """What each of an execution's `units` costs. One execution runs before, of the same size if only one is measured: nothing is compiled
    or opened for the first time in what is timed. Raises RuntimeError when an execution does not complete."""
    bench = Bench(str(store), Settings(), document)
    try:
        bench.run(1, 1, data=data)
        before = store.stat().st_size
        run = bench.run(executions, outstanding, data=data)
        stored = store.stat().st_size - before
        done = bench.count(Status.COMPLETED)
    finally:
        bench.close()
    if done != executions + 1:
        raise RuntimeError(f"of {executions + 1} executions of {store.stem} {done} completed")
    each = units * executions
    return Cost(run.seconds / each, run.cpu_s / each, stored / each, run.commits / each)


def measures(name: str, found: Cost, raw: float) -> Iterator[Measure]:
    yield Measure(f"{name}: time", found.seconds * 1e6, "us", raw)
    yield Measure(f"{name}: processor time", found.cpu_s * 1e6, "us", raw)
    yield Measure(f"{name}: written", found.stored, "bytes", raw)
