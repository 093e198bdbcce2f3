"""What is measured: each benchmark by name, with its description and how one round of it is made.

A run makes all chosen benchmarks once, then all again, and so on: A B A B. What is compared has then seen the same moments of a shared
machine, and a bad moment shows as a wide range instead of as a wrong ratio.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import floors, live, schedules, workers, workloads
from benchmarks import scale as scales
from benchmarks.inprocess import Bench
from benchmarks.report import Collection, Measure, Ratio
from benchmarks.server import bare
from workflows.settings import Settings

CONNECTIONS = (8, 64)
MEMORY = "memory:"
WIDE = {"max_jobs": 1_000, "task_threads": 64}
"""Settings for throughput: what waits is not the gate."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How much one round does."""

    drive_s: float = 4.0
    floor_s: float = 1.0
    latencies: int = 50
    queued: int = 2_000
    engine_executions: int = 2_000
    chain: tuple[int, int] = (1_000, 2_000)
    items: tuple[int, int] = (1_000, 10_000)
    branches: int = 100
    waiting: int = 100_000
    idle_s: float = 10.0
    firing_s: int = 20
    schedules: int = 10_000


QUICK = Scale(
    drive_s=1.0,
    floor_s=0.3,
    latencies=20,
    queued=300,
    engine_executions=300,
    chain=(200, 400),
    items=(100, 1_000),
    branches=20,
    waiting=2_000,
    idle_s=1.0,
    firing_s=5,
    schedules=500,
)


@dataclass(frozen=True, slots=True)
class Benchmark:
    """`round` gets a fresh directory on the disk that is measured. `drives`: it needs wrk."""

    name: str
    description: str
    round: Callable[[Path, Scale], Iterable[Measure]]
    drives: bool = False


def _disk(directory: Path, scale: Scale) -> Iterator[Measure]:
    yield Measure("4 KiB append+fdatasync", floors.raw_syncs(directory, scale.floor_s), "1/s")


def _commit(directory: Path, scale: Scale) -> Iterator[Measure]:
    raw = floors.raw_syncs(directory)
    yield Measure("ZODB commit of a 2 KiB record, strict", floors.zodb_commits(directory, scale.floor_s), "1/s", raw)


def _hop(_directory: Path, scale: Scale) -> Iterator[Measure]:
    yield Measure("thread there and back", floors.thread_hops(scale.floor_s), "1/s")


def _attempts(_directory: Path, scale: Scale) -> Iterator[Measure]:
    return workers.attempts(scale.floor_s)


def _health(directory: Path, scale: Scale) -> Iterator[Measure]:
    return workers.health(directory, scale.drive_s)


def _core(_directory: Path, scale: Scale) -> Iterator[Measure]:
    yield Measure("core only: executions", floors.core_executions(scale.floor_s), "1/s")


def _flask(directory: Path, scale: Scale) -> Iterator[Measure]:
    with bare(directory) as server:
        for connections in CONNECTIONS:
            yield from workloads.bare_posts(server, connections, scale.drive_s)


def _engine(directory: Path, scale: Scale) -> Iterator[Measure]:
    for label, store in (("strict", str(directory / "engine.fs")), ("memory", MEMORY)):
        raw = floors.raw_syncs(directory) if label == "strict" else None
        bench = Bench(store, Settings())
        try:
            run = bench.run(scale.engine_executions, max(CONNECTIONS))
        finally:
            bench.close()
        yield Measure(f"engine without HTTP, {label}: executions", run.executions / run.seconds, "1/s", raw)


def _w1(directory: Path, scale: Scale) -> Iterator[Measure]:
    for connections in CONNECTIONS:
        yield from workloads.w1(directory, "strict", str(directory / f"w1-{connections}.fs"), connections, scale.drive_s)


def _w1_wide(directory: Path, scale: Scale) -> Iterator[Measure]:
    for connections in CONNECTIONS:
        store = str(directory / f"wide-{connections}.fs")
        yield from workloads.w1(directory, "strict, wide", store, connections, scale.drive_s, **WIDE)


def _w1_memory(directory: Path, scale: Scale) -> Iterator[Measure]:
    for connections in CONNECTIONS:
        yield from workloads.w1(directory, "memory", MEMORY, connections, scale.drive_s)


def _latency(directory: Path, scale: Scale) -> Iterator[Measure]:
    return workloads.idle_latency(directory, str(directory / "idle.fs"), scale.latencies)


def _live(directory: Path, scale: Scale) -> Iterator[Measure]:
    yield from live.latency(directory, scale.latencies)
    yield from live.cost(directory, scale.engine_executions)


def _start(directory: Path, _scale: Scale) -> Iterator[Measure]:
    return workloads.start_up(directory, str(directory / "start.fs"))


def _restart(directory: Path, scale: Scale) -> Iterator[Measure]:
    return workloads.restart(directory, str(directory / "restart.fs"), scale.queued)


def _chain(directory: Path, scale: Scale) -> Iterator[Measure]:
    return scales.chain(directory, scale.chain)


def _map(directory: Path, scale: Scale) -> Iterator[Measure]:
    yield from scales.each(directory, scale.items)
    yield from scales.one_by_one(directory, scale.items[0])


def _parallel(directory: Path, scale: Scale) -> Iterator[Measure]:
    return scales.parallel(directory, scale.branches)


def _languages(directory: Path, scale: Scale) -> Iterator[Measure]:
    return scales.languages(directory, scale.engine_executions)


def _waiting(directory: Path, scale: Scale) -> Iterator[Measure]:
    return scales.waiting(directory, scale.waiting, scale.idle_s)


def _firing(directory: Path, scale: Scale) -> Iterator[Measure]:
    return schedules.lateness(directory, scale.firing_s)


def _schedules(directory: Path, scale: Scale) -> Iterator[Measure]:
    return schedules.idle(directory, scale.schedules, scale.idle_s)


BENCHMARKS = (
    Benchmark("disk", "Floor: 4 KiB append and fdatasync, one after the other, on the disk the stores are on.", _disk),
    Benchmark("commit", "Floor: one record of 2 KiB changed and committed through our strict FileStorage.", _commit),
    Benchmark("hop", "Floor: an item from one thread to another and back through two queues.", _hop),
    Benchmark("attempt", "An attempt that does nothing, on a thread of the server and in a worker: a hop, and how many.", _attempts),
    Benchmark("core", "Floor: three tasks in order through the pure core: no thread, no store, nothing written.", _core),
    Benchmark("flask", "Floor: a Flask POST that only answers, under the same gunicorn settings.", _flask, drives=True),
    Benchmark("engine", "Floor: the engine, its workers and its store in one process, without HTTP.", _engine),
    Benchmark("w1", "W1: three tasks in order that do nothing, over HTTP, default settings, strict store.", _w1, drives=True),
    Benchmark("w1-wide", f"W1 with {WIDE['max_jobs']:,} jobs and {WIDE['task_threads']} attempts at once.", _w1_wide, drives=True),
    Benchmark("w1-memory", "W1 on the store in memory: no disk, but a store whose commit costs what it holds.", _w1_memory, drives=True),
    Benchmark("latency", "One execution at a time on an idle server, from POST to seen completion.", _latency),
    Benchmark("live", "Live events: from an end to 50 clients that watch, and what the stored feed costs an execution.", _live),
    Benchmark("health", "GET /health beside ten tasks that compute for ever, and how soon a cancel stops them.", _health),
    Benchmark("start", "From exec to the first answer, and the memory of a server that does nothing.", _start),
    Benchmark("restart", "kill -9 with thousands of unfinished executions, then start again.", _restart),
    Benchmark("chain", "A state machine of Pass states in a row, one execution through the engine: cost per state at two lengths.", _chain),
    Benchmark("map", "A Map that calls a function that does nothing per item: cost per item at two sizes.", _map),
    Benchmark("parallel", "A Parallel whose branches call a function that does nothing: cost per branch.", _parallel),
    Benchmark("languages", "Three tasks that do nothing as a task list and as a state machine: cost per task.", _languages),
    Benchmark("waiting", "Executions in a Wait state of a day: making them, and a server with all of them and nothing to do.", _waiting),
    Benchmark("firing", f"{schedules.FIRING} jobs that are due every second: how late their executions are submitted.", _firing),
    Benchmark("schedules", "Schedules of which none is due: a server with all of them, beside one that has none.", _schedules),
)


def run(chosen: Iterable[Benchmark], scale: Scale, rounds: int, directory: Path, say: Callable[[str], None]) -> Collection:
    """All chosen benchmarks, `rounds` times in turn. `say` hears what is being done."""
    collection, chosen = Collection(), tuple(chosen)
    for number in range(1, rounds + 1):
        for benchmark in chosen:
            say(f"round {number} of {rounds}: {benchmark.name}")
            with tempfile.TemporaryDirectory(dir=directory) as fresh:
                for measure in benchmark.round(Path(fresh), scale):
                    collection.add(measure)
    return collection


def ratios(collection: Collection) -> list[Ratio]:
    """What is worth comparing, as far as it was measured."""
    found = []
    for connections in CONNECTIONS:
        ours = f"W1 strict, {connections} connections: executions"
        for name, over in (
            (f"W1 strict, wide, {connections} connections: executions", ours),
            (f"W1 memory, {connections} connections: executions", ours),
            (f"bare Flask POST, {connections} connections", ours),
            ("engine without HTTP, strict: executions", ours),
            ("engine without HTTP, memory: executions", ours),
            ("core only: executions", ours),
        ):
            if (ratio := collection.ratio(name, over)) is not None:
                found.append(Ratio(f"{name} / {over}", ratio))
    return found
