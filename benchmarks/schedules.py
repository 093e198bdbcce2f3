"""Schedules: how late their executions are when many fire, and what many cost that are not due.

Lateness is from the scheduled moment to the execution's submission, as the server's own records have both: the clock that is asked is the
server's, and what is late is told even where nobody was looking.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.figures import percentile
from benchmarks.floors import raw_syncs
from benchmarks.report import Measure
from benchmarks.server import Server, stepwell
from workflows.client import Client as Api
from workflows.client import Filter

FIRING = 100
"""Jobs, each due every second."""

TARGET_MS = 50.0

TOGETHER = 100
"""Schedules of one job: the most it may have."""

SETTLE_S = 3
DEADLINE_S = 60.0


def lateness(directory: Path, seconds: int) -> Iterator[Measure]:
    """So many seconds in which each of FIRING jobs starts once a second. Raises RuntimeError when one occurrence has no execution."""
    raw = raw_syncs(directory)
    with stepwell(directory, str(directory / "firing.fs")) as server:
        client = server.client()
        for number in range(FIRING):
            client.post("/job-definitions", _job(f"firing-{number}", [{"cron": "* * * * * *"}]))
        first = int(time.time()) + SETTLE_S
        time.sleep(first - time.time() - 0.5)
        cpu = server.cpu_s()
        time.sleep(seconds)
        used = None if cpu is None else (server.cpu_s() or cpu) - cpu
        time.sleep(1.0)
        late = _late(Api(server.url), range(first, first + seconds))
    name = f"{FIRING} firings per second"
    yield Measure(f"{name}: lateness p50", percentile(late, 50), "ms", raw)
    yield Measure(f"{name}: lateness p99", percentile(late, 99), "ms", raw, target=TARGET_MS)
    yield Measure(f"{name}: lateness, the latest", max(late), "ms", raw)
    if used is not None:
        yield Measure(f"{name}: processor time each", used / len(late) * 1e3, "ms", raw)


def idle(directory: Path, count: int, idle_s: float) -> Iterator[Measure]:
    """A server with so many schedules of which none is due, beside one that has none."""
    raw = raw_syncs(directory)
    with stepwell(directory, str(directory / "none.fs")) as server:
        yield from _at_rest("no schedules", server, idle_s)
    server = stepwell(directory, str(directory / "many.fs"))
    name = f"{count:,} schedules"
    try:
        server.start()
        client = server.client()
        for number in range(0, count, TOGETHER):
            schedules = [{"cron": "0 3 * * *", "startDateTime": "2099-01-01T00:00:00"}] * min(TOGETHER, count - number)
            client.post("/job-definitions", _job(f"idle-{number}", schedules))
        client.close()
        yield from _at_rest(name, server, idle_s)
        server.kill()
        yield Measure(f"{name}: exec to first answer", server.start(), "s", raw)
    finally:
        server.kill()


def _job(name: str, schedules: list[dict[str, Any]]) -> dict[str, Any]:
    return {"id": name, "tasks": [{"id": "a", "functionName": "noop"}], "schedules": schedules}


def _late(client: Api, moments: range) -> list[float]:
    """Milliseconds of lateness of every execution that was due at these moments."""
    found: dict[tuple[str, float], float] = {}
    until, wanted = time.perf_counter() + DEADLINE_S, FIRING * len(moments)
    while len(found) < wanted:
        if time.perf_counter() > until:
            raise RuntimeError(f"of {wanted} occurrences only {len(found)} have an execution")
        for execution in client.executions(Filter(since=datetime.fromtimestamp(moments[0], UTC))):
            labels = execution["labels"]
            moment = datetime.fromisoformat(labels["stepwell.scheduledTime"]).timestamp()
            if moment in moments:
                submitted = datetime.fromisoformat(execution["submitTime"]).timestamp()
                found[labels["stepwell.schedule"], moment] = (submitted - moment) * 1e3
    return list(found.values())


def _at_rest(name: str, server: Server, seconds: float) -> Iterator[Measure]:
    time.sleep(2.0)  # what was just set going is over
    before = server.cpu_s()
    time.sleep(seconds)
    if before is not None and (after := server.cpu_s()) is not None:
        yield Measure(f"{name}: processor time in {seconds:g} s idle", after - before, "s")
    if sizes := server.rss_mib():
        yield Measure(f"{name}: resident memory of the worker", sum(sizes[1:]), "MiB")
