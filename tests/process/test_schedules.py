"""`kill -9` around firings: of a schedule that is due every second, each moment has one execution or one record that says why not."""

from __future__ import annotations

import threading
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.process.harness import ServerProcess, wait_until
from tests.process.test_kill import listed

DUE = "every-second"


@pytest.mark.parametrize("overlap", ["allow", "queueAll"])
def test_killed_twice_every_moment_has_one_execution_or_a_reason(overlap: str, tmp_path: Path) -> None:
    server = ServerProcess(tmp_path)
    server.start()
    session = requests.Session()
    definition = {
        "id": DUE,
        "tasks": [{"id": "a", "functionName": "echo"}],
        "schedules": [{"cron": "* * * * * *", "overlap": overlap, "catchUp": "all"}],
    }
    assert session.post(f"{server.url}/job-definitions", json=definition, timeout=30).status_code == 201
    pause = threading.Event()
    for moment in (2.01, 1.004):  # kills fall shortly after the second, when it is being started
        there = len(occurrences(session, server))
        wait_until(lambda there=there: len(occurrences(session, server)) >= there + 2, 20, server.tail)
        pause.wait(moment - datetime.now().timestamp() % 1)
        server.kill()
        server.start()
    there = len(occurrences(session, server))
    wait_until(lambda: len(occurrences(session, server)) >= there + 3, 20, server.tail)
    switched = session.post(f"{server.url}/schedules/{DUE}/toggle", json={"active": False}, timeout=30)
    assert switched.status_code == 200, switched.text
    check(session, server)
    assert server.stop() == 0, server.tail()


def occurrences(session: requests.Session, server: ServerProcess) -> list[dict[str, Any]]:
    return listed(session, f"{server.url}/schedules/{DUE}/occurrences", "occurrences")


def check(session: requests.Session, server: ServerProcess) -> None:
    found = occurrences(session, server)
    moments = [datetime.fromisoformat(one["scheduledTime"]).timestamp() for one in found]
    first, last = min(moments), max(moments)
    assert sorted(moments) == [first + n for n in range(int(last - first) + 1)], "a moment is missing, or is there twice"
    started = {one["executionId"]: one["scheduledTime"] for one in found if one["executionId"]}
    assert all(one["executionId"] or one["reason"] for one in found)
    executions = listed(session, f"{server.url}/executions?job={DUE}", "executions")
    assert sorted(one["id"] for one in executions) == sorted(started), "executions and records do not agree"
    times = [one["labels"]["stepwell.scheduledTime"] for one in executions]
    assert len(set(times)) == len(times)
