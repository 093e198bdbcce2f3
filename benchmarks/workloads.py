"""Workloads: the real server over HTTP, driven from outside and counted by what it says has ended.

W1 is executions of three tasks in order that do nothing: the server's own cost and nothing else. The others ask what one execution costs
when nothing else runs, what a start costs, and what a crash costs.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ZODB.FileStorage import FileIterator

from benchmarks import wrk
from benchmarks.figures import percentile
from benchmarks.floors import raw_syncs
from benchmarks.report import Measure
from benchmarks.server import Client, Server, stepwell

TRANSITIONS = 6
"""Of an execution of three tasks, as the seeds are counted: each task begins and ends."""

EVENTS = 7
"""Of an execution of three tasks: its start, and for each task that it was taken and that it succeeded."""

SYNCS_PER_COMMIT = 2
"""Of the strict store: one before the status byte is flipped, one after."""

DRAIN_S = 120.0


def w1(directory: Path, label: str, store: str, connections: int, seconds: float, **settings: object) -> Iterator[Measure]:
    """Submit for `seconds`, wait until all has ended. Raises RuntimeError when an execution is refused, fails or is lost."""
    durable = not store.startswith("memory:")
    raw = raw_syncs(directory) if durable else None
    name = f"W1 {label}, {connections} connections"
    with stepwell(directory, store, **settings) as server:
        client = server.client()
        commits, cpu = _commits(store), server.cpu_s()
        began = time.perf_counter()
        driven = wrk.post(f"{server.url}/jobs/three/execute", connections, seconds)
        done = _drain(client, began)
        took = time.perf_counter() - began
        if driven.refused or driven.broken or done < driven.requests:
            raise RuntimeError(f"{name}: of {driven.requests} requests {done} completed; {driven.refused} refused, {driven.broken} broken")
        yield Measure(f"{name}: executions", done / took, "1/s", raw)
        yield Measure(f"{name}: accepted", driven.rate, "1/s", raw)
        yield Measure(f"{name}: accept latency p50", driven.p50 * 1e3, "ms", raw)
        yield Measure(f"{name}: accept latency p99", driven.p99 * 1e3, "ms", raw)
        yield Measure(f"{name}: transitions", TRANSITIONS * done / took, "1/s", raw)
        if durable:
            made = _commits(store) - commits
            yield Measure(f"{name}: commits", made / took, "1/s", raw)
            yield Measure(f"{name}: events per commit", EVENTS * done / made, "", raw)
        if cpu is not None and (used := server.cpu_s()) is not None:
            yield Measure(f"{name}: processor time per execution", (used - cpu) / done * 1e3, "ms", raw)
        if sizes := server.rss_mib():
            yield Measure(f"{name}: resident memory afterwards", sum(sizes), "MiB", raw)


def bare_posts(server: Server, connections: int, seconds: float) -> Iterator[Measure]:
    """The least Flask and gunicorn can do, under the same settings."""
    driven = wrk.post(f"{server.url}/jobs/three/execute", connections, seconds)
    yield Measure(f"bare Flask POST, {connections} connections", driven.rate, "1/s")


def idle_latency(directory: Path, store: str, executions: int) -> Iterator[Measure]:
    """One execution at a time, from before the POST until a GET shows it ended."""
    raw = raw_syncs(directory)
    with stepwell(directory, store) as server:
        client = server.client()
        _once(client)
        before, took = _commits(store), []
        for _ in range(executions):
            time.sleep(random.uniform(0.005, 0.03))
            took.append(_once(client) * 1e3)
        commits = (_commits(store) - before) / executions
    yield Measure("idle: POST to seen completion, p50", percentile(took, 50), "ms", raw)
    yield Measure("idle: POST to seen completion, p99", percentile(took, 99), "ms", raw)
    yield Measure("idle: commits per execution", commits, "", raw)
    yield Measure("idle: syncs per execution", commits * SYNCS_PER_COMMIT, "", raw)


def start_up(directory: Path, store: str) -> Iterator[Measure]:
    """From exec to the first answer of /health, on a fresh store."""
    server = stepwell(directory, store)
    try:
        yield Measure("start-up: exec to first answer", server.start(), "s", raw_syncs(directory))
        time.sleep(0.5)
        if sizes := server.rss_mib():
            yield Measure("start-up: resident memory of the master", sizes[0], "MiB")
            yield Measure("start-up: resident memory of the worker", sum(sizes[1:]), "MiB")
    finally:
        server.kill()


def restart(directory: Path, store: str, queued: int) -> Iterator[Measure]:
    """kill -9 with so many executions unfinished; from the exec of the next server to its first answer and to the first resumed task."""
    raw, marks = raw_syncs(directory), directory / "marks"
    server = stepwell(directory, store)
    try:
        server.start()
        _submit(server, "held", queued)
        server.kill()
        marks.unlink(missing_ok=True)
        began = time.time()
        answered = server.start()
        _until(lambda: marks.exists() and marks.read_text().endswith("\n"), "no task was resumed")
        resumed = float(marks.read_text().split("\n")[0]) - began
        state = server.client().get("/system/state")
        if state["activeCount"] + state["queuedCount"] != queued:
            raise RuntimeError(f"of {queued} executions {state['activeCount']} run and {state['queuedCount']} wait after the restart")
    finally:
        server.kill()
    yield Measure(f"kill -9 with {queued:,} unfinished: exec to first answer", answered, "s", raw)
    yield Measure(f"kill -9 with {queued:,} unfinished: exec to first resumed task", resumed, "s", raw)


# -------------------------------------------------------------------------------------------------------------------- within


def _once(client: Client) -> float:
    began = time.perf_counter()
    path = f"/jobs/{client.post('/jobs/three/execute', {})['executionID']}/state"
    while client.get(path)["status"] in ("QUEUED", "RUNNING"):
        time.sleep(0.0005)
    return time.perf_counter() - began


def _drain(client: Client, began: float) -> int:
    """Wait until nothing is unfinished; how many have completed. Raises RuntimeError when one has not, or it takes too long. The question
    costs the server some milliseconds, so it is asked again when half of what remains is probably done."""
    while time.perf_counter() - began < DRAIN_S:
        state: dict[str, Any] = client.get("/system/state")
        unfinished, done = state["activeCount"] + state["queuedCount"], int(state["executedJobs"])
        if state["failedJobs"] or state["cancelledJobs"]:
            raise RuntimeError(f"{state['failedJobs']} executions failed, {state['cancelledJobs']} were cancelled")
        if not unfinished:
            return done
        rate = done / (time.perf_counter() - began)
        time.sleep(max(0.01, min(1.0, unfinished / rate / 2 if done else 0.0)))
    raise RuntimeError(f"{unfinished} executions are unfinished after {DRAIN_S:g} seconds")


def _submit(server: Server, job: str, count: int, clients: int = 16) -> None:
    def send(share: int) -> None:
        client = server.client()
        for _ in range(share):
            client.post(f"/jobs/{job}/execute", {})
        client.close()

    shares = [count // clients + (n < count % clients) for n in range(clients)]
    threads = [threading.Thread(target=send, args=(share,)) for share in shares]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _until(true: Callable[[], bool], otherwise: str, seconds: float = 60.0) -> None:
    until = time.perf_counter() + seconds
    while not true():
        if time.perf_counter() > until:
            raise RuntimeError(otherwise)
        time.sleep(0.002)


def _commits(store: str) -> int:
    """Transactions in the store's file so far, read beside the running server; 0 for a store that has none."""
    path = store.removeprefix("file://").partition("?")[0]
    return 0 if store.startswith("memory:") else sum(1 for _ in FileIterator(path))
