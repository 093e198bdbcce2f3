"""Live events: how soon those who watch hear of an end, and what the feed costs an execution whether or not anybody does.

An end's moment is the server's, from before its commit: what is measured has the commit's own time in it.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from benchmarks.figures import percentile
from benchmarks.floors import raw_syncs
from benchmarks.inprocess import Bench
from benchmarks.report import Measure
from benchmarks.server import Server, stepwell
from workflows.client.live import events
from workflows.settings import Settings

WATCHERS = 50
THREADS = 80
"""Of the server: a quarter is kept from those who watch."""

DEADLINE_S = 60.0


class Watcher:
    """A client that notes for each end how long ago it was, in seconds."""

    def __init__(self, server: Server) -> None:
        self.late: list[float] = []
        connection = HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE_S)
        connection.request("GET", "/stream?types=end")
        self._answer = connection.getresponse()
        if self._answer.status != 200:
            raise RuntimeError(f"a stream is refused with {self._answer.status}")
        self._answer.read1(65_536)  # where it begins
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with suppress(HTTPException, OSError):  # the server is killed in the end
            for event in events(iter(lambda: self._answer.read1(65_536), b"")):
                now = time.time()
                if event.name == "message":
                    self.late.append(now - datetime.fromisoformat(json.loads(event.data)["endTime"]).timestamp())


def latency(directory: Path, executions: int) -> Iterator[Measure]:
    """One execution at a time at random moments, then as many at once. Raises RuntimeError when an end is not told to everybody."""
    raw = raw_syncs(directory)
    with stepwell(directory, str(directory / "live.fs"), threads=THREADS) as server:
        client = server.client()
        client.post("/jobs/three/execute", {})
        watchers = [Watcher(server) for _ in range(WATCHERS)]
        for label, pause_s in (("one at a time", 0.15), ("all at once", 0.0)):
            for watcher in watchers:
                watcher.late.clear()
            for _ in range(executions):
                client.post("/jobs/three/execute", {})
                time.sleep(random.uniform(pause_s / 2, pause_s))
            _until_told(watchers, executions)
            late = [seconds * 1e3 for watcher in watchers for seconds in watcher.late]
            yield Measure(f"live, {label}: end to {WATCHERS} clients, p50", percentile(late, 50), "ms", raw)
            yield Measure(f"live, {label}: end to {WATCHERS} clients, p99", percentile(late, 99), "ms", raw)


def cost(directory: Path, executions: int) -> Iterator[Measure]:
    """Of three tasks, through the engine, with 64 requests under way and nobody who watches."""
    bench = Bench(str(directory / "feed.fs"), Settings())
    try:
        bytes_each, seconds_each = bench.feed_cost(executions, 64)
    finally:
        bench.close()
    yield Measure("feed: stored, each execution", bytes_each, "bytes")
    yield Measure("feed: engine's processor time, each execution", seconds_each * 1e6, "us")


def _until_told(watchers: list[Watcher], executions: int) -> None:
    until = time.perf_counter() + DEADLINE_S
    while any(len(watcher.late) < executions for watcher in watchers):
        if time.perf_counter() > until:
            raise RuntimeError(f"of {executions} ends only {min(len(watcher.late) for watcher in watchers)} were told to everybody")
        time.sleep(0.01)
