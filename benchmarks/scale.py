"""Scale: state machines of a thousand states and ten thousand items, and a hundred thousand executions that only wait.

All but the waiting server runs through the engine in this process, on a strict store: what is asked is how the cost of a state or an item
changes with how many there are. Bytes are what the store's file has grown by; processor time is the whole process's.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import machines
from benchmarks.floors import raw_syncs
from benchmarks.inprocess import Bench, Run
from benchmarks.report import Measure
from benchmarks.server import Server, stepwell
from workflows.model import Status
from workflows.settings import Settings

TASKS = 3
OUTSTANDING = 64
TOGETHER = 500
"""Starts in one commit while waiting executions are made."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one unit: a state, an item, a task."""

    seconds: float
    cpu_s: float
    stored: float
    raw: float

    def measures(self, name: str) -> Iterator[Measure]:
        yield Measure(f"{name}: time", self.seconds * 1e6, "us", self.raw)
        yield Measure(f"{name}: processor time", self.cpu_s * 1e6, "us", self.raw)
        yield Measure(f"{name}: written", self.stored, "bytes", self.raw)


def chain(directory: Path, lengths: tuple[int, int]) -> Iterator[Measure]:
    """One execution of so many Pass states, per state."""
    found = [cost(directory / f"chain-{length}.fs", machines.chain(length), length) for length in lengths]
    yield from _growth("chain of {:,} Pass, per state", "chain", lengths, found)


def each(directory: Path, sizes: tuple[int, int]) -> Iterator[Measure]:
    """One execution that calls a function for each of so many items, per item: plainly, and through an ItemSelector that looks into all
    that there is."""
    for label, document in (("Map", machines.each()), ("Map with ItemSelector", machines.selected())):
        found = [cost(directory / f"{label}-{size}.fs", document, size, data=machines.items(size)) for size in sizes]
        yield from _growth(f"{label} of {{:,}}, per item", label, sizes, found)


def one_by_one(directory: Path, size: int) -> Iterator[Measure]:
    """The same with MaxConcurrency 1: each item is a commit of its own, so that nothing is shared."""
    found = cost(directory / "one.fs", machines.each(most=1), size, data=machines.items(size))
    yield from found.measures(f"Map of {size:,}, one at a time, per item")


def parallel(directory: Path, branches: int) -> Iterator[Measure]:
    """One execution of so many branches, per branch."""
    yield from cost(directory / "parallel.fs", machines.parallel(branches), branches).measures(f"Parallel of {branches:,}, per branch")


def languages(directory: Path, executions: int) -> Iterator[Measure]:
    """Three tasks that do nothing, as a task list and as a state machine, per task."""
    documents = {"task list": None, "state machine": machines.three()}
    found = {
        label: cost(directory / f"{label}.fs", document, TASKS, executions=executions, outstanding=OUTSTANDING)
        for label, document in documents.items()
    }
    for label, one in found.items():
        yield from one.measures(f"three tasks as a {label}, per task")
    yield Measure("state machine / task list: time", found["state machine"].seconds / found["task list"].seconds, "times")
    yield Measure("state machine / task list: processor time", found["state machine"].cpu_s / found["task list"].cpu_s, "times")


def waiting(directory: Path, count: int, idle_s: float) -> Iterator[Measure]:
    """So many executions in a Wait state of a day: made through the engine, then looked after by a server in which nothing else happens."""
    store, raw, name = directory / "waiting.fs", raw_syncs(directory), f"{count:,} waiting"
    made = _make_waiting(store, count)
    yield Measure(f"{name}: made through the engine, all", made.seconds, "s", raw)
    yield Measure(f"{name}: made through the engine, each", made.seconds / count * 1e6, "us", raw)
    yield Measure(f"{name}: made through the engine, processor time each", made.cpu_s / count * 1e6, "us", raw)
    yield Measure(f"{name}: written, each", store.stat().st_size / count, "bytes")
    with stepwell(directory, str(directory / "nothing.fs")) as server:
        yield from _idle("nothing waiting", server, idle_s, 0)
    server = stepwell(directory, str(store))
    try:
        yield Measure(f"{name}: exec to first answer", server.start(), "s", raw)
        yield from _idle(name, server, idle_s, count)
        server.kill()
        store.with_name(f"{store.name}.index").unlink(missing_ok=True)
        yield Measure(f"{name}: exec to first answer, the store's index lost", server.start(), "s", raw)
    finally:
        server.kill()


def cost(store: Path, document: str | None, units: int, *, data: str = "{}", executions: int = 1, outstanding: int = 1) -> Cost:
    """What each of an execution's `units` costs. One execution goes before, so that nothing is compiled or opened for the first time in
    what is measured. Raises RuntimeError when an execution does not complete."""
    raw = raw_syncs(store.parent)
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
    number = units * executions
    return Cost(run.seconds / number, run.cpu_s / number, stored / number, raw)


def _growth(name: str, label: str, sizes: tuple[int, int], found: list[Cost]) -> Iterator[Measure]:
    """`name` has a place for the size."""
    for size, one in zip(sizes, found, strict=True):
        yield from one.measures(name.format(size))
    small, large = found
    yield Measure(f"{label}: time at {sizes[1]:,} / at {sizes[0]:,}", large.seconds / small.seconds, "times")
    yield Measure(f"{label}: processor time at {sizes[1]:,} / at {sizes[0]:,}", large.cpu_s / small.cpu_s, "times")


def _make_waiting(store: Path, count: int) -> Run:
    bench = Bench(str(store), Settings(), machines.waiting())
    try:
        made = bench.run(count, TOGETHER)
        running = bench.count(Status.RUNNING)
    finally:
        bench.close()
    if running != count:
        raise RuntimeError(f"of {count} executions {running} wait")
    return made


def _idle(name: str, server: Server, seconds: float, count: int) -> Iterator[Measure]:
    """Raises RuntimeError when another number of executions runs."""
    client = server.client()
    found = client.get("/system/state")["activeCount"]
    client.close()
    if found != count:
        raise RuntimeError(f"of {count} waiting executions the server has {found}")
    time.sleep(1.0)  # what a start sets going is over
    before = server.cpu_s()
    time.sleep(seconds)
    if before is not None and (after := server.cpu_s()) is not None:
        yield Measure(f"{name}: processor time in {seconds:g} s idle", after - before, "s")
    if sizes := server.rss_mib():
        yield Measure(f"{name}: resident memory of the worker", sum(sizes[1:]), "MiB")
        yield Measure(f"{name}: threads of the worker", server.threads(), "")
