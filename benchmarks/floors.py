"""Floors: what each part costs alone, under which no arrangement of them can get."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.inprocess import THREE
from storage.protocol import Batch
from storage.records import encode
from storage.zodb import ZodbStore
from workflows.core.dag import Dag
from workflows.core.machine import step
from workflows.events import Started, Succeeded, Taken
from workflows.language import compile_definition
from workflows.model import At, Status, TaskList
from workflows.runtime.execution import Execution

PAGE = bytes(4096)
RECORD = {"text": "x" * 2000}


def raw_syncs(directory: Path, seconds: float = 0.2) -> float:
    """4 KiB append+fdatasync per second on the disk of the directory."""
    path = directory / "raw"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    sync = getattr(os, "fdatasync", os.fsync)

    def append() -> None:
        os.write(descriptor, PAGE)
        sync(descriptor)

    try:
        return _rate(append, seconds)
    finally:
        os.close(descriptor)
        path.unlink()


def zodb_commits(directory: Path, seconds: float) -> float:
    """Commits per second of one 2 KiB record that changes, through the strict store: two syncs each."""
    store = ZodbStore(directory / "commits.fs")
    store.open()
    number = 0

    def commit() -> None:
        nonlocal number
        number += 1
        store.commit(Batch(0, number, {("execution", (1,)): encode(RECORD)}))

    try:
        return _rate(commit, seconds)
    finally:
        store.close()


def thread_hops(seconds: float) -> float:
    """Round trips per second of one item from a thread to another and back, as an attempt goes from the engine to a worker."""
    there: queue.SimpleQueue[object] = queue.SimpleQueue()
    back: queue.SimpleQueue[object] = queue.SimpleQueue()

    def work() -> None:
        while (item := there.get()) is not None:
            back.put(item)

    worker = threading.Thread(target=work, daemon=True)
    worker.start()

    def hop() -> None:
        there.put(1)
        back.get()

    try:
        return _rate(hop, seconds)
    finally:
        there.put(None)
        worker.join()


def core_executions(seconds: float) -> float:
    """Executions per second of three tasks in order, by the pure core alone: seven events each, stepped and taken in, nothing written."""
    job = compile_definition(THREE.read_text(), 1)
    assert isinstance(job, TaskList), "the benchmark's definition is a task list"
    dialect = Dag(job)

    def run() -> None:
        execution = Execution(1, _read_nothing)
        execution.apply(step(dialect, execution, Started(1.0, 1, "exec-0-1-0", "three", 1, "{}")))
        for path in [f"/{name}" for name in job.tasks]:
            visit = execution.frames[path].visit
            execution.apply(step(dialect, execution, Taken(2.0, 2, path, visit, "inline")))
            execution.apply(step(dialect, execution, Succeeded(3.0, 3, path, visit, '{"ok":true}')))
            assert execution.frames[path].status is At.SUCCEEDED
        assert execution.header is not None
        assert execution.header.status is Status.COMPLETED

    return _rate(run, seconds)


def _read_nothing(kind: str, key: object) -> None:
    raise AssertionError(f"the core alone reads nothing, but asked for {kind} {key}")


def _rate(act: Callable[[], None], seconds: float) -> float:
    """How often per second `act` can be done one after the other."""
    done, began = 0, time.perf_counter()
    until = began + seconds
    while (now := time.perf_counter()) < until:
        act()
        done += 1
    return done / (now - began)
