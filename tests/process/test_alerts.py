"""`kill -9` around failures, and while something is expected: each alert is raised once and told by one execution."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

from tests.process.harness import END_S, ServerProcess, wait_until
from tests.process.test_kill import listed

RUNS = 30
HEAR = {"id": "hear", "onAlert": {}, "tasks": [{"id": "tell", "functionName": "echo"}]}
FAULTY = {"id": "faulty", "tasks": [{"id": "a", "functionName": "work"}]}
SLOW = {"id": "slow", "tasks": [{"id": "a", "functionName": "work", "parameters": {"ms": 8_000}}]}


def test_killed_while_runs_fail_and_down_while_one_is_late_each_is_told_once(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path, "--grace-s", "0.5")
    server.start()
    session = requests.Session()
    for definition in (HEAR, FAULTY):
        register(session, server, definition)
    due = int(time.time()) + 4
    register(session, server, {**SLOW, "schedules": [{"at": datetime.fromtimestamp(due, UTC).isoformat(), "expectEndWithinSeconds": 3}]})
    wait_until(lambda: listed(session, f"{server.url}/executions?job=slow", "executions"), END_S, server.tail)
    started = [execute(session, server, n) for n in range(RUNS)]
    for n in (1, 15):
        wait_until(lambda n=n: len(failed(session, server)) >= n, END_S, server.tail)
        server.kill()
        if n == 1:
            threading.Event().wait(due + 3.1 - time.time())  # its time is up while no server runs
        server.start()
    slow = f"slow.{datetime.fromtimestamp(due, UTC):%Y%m%dT%H%M%SZ}"
    expected = {f"failed.{id}.0" for id in started} | {f"late.{slow}"}
    wait_until(lambda: len(told(session, server)) >= len(expected), END_S, server.tail)
    alerts = listed(session, f"{server.url}/alerts", "alerts")
    assert sorted(one["id"] for one in alerts) == sorted(expected), server.tail()
    wait_until(lambda: listed(session, f"{server.url}/executions?job=slow&status=COMPLETED", "executions"), END_S, server.tail)
    heard = listed(session, f"{server.url}/executions?job=hear", "executions")
    assert sorted(one["id"] for one in heard) == sorted(f"alert.{id}.hear" for id in expected)
    assert len(listed(session, f"{server.url}/alerts", "alerts")) == len(expected)
    assert server.stop() == 0, server.tail()


def register(session: requests.Session, server: ServerProcess, definition: dict[str, Any]) -> None:
    answer = session.post(f"{server.url}/job-definitions", json=definition, timeout=30)
    assert answer.status_code == 201, answer.text


def execute(session: requests.Session, server: ServerProcess, n: int) -> str:
    data = {"stumbles": 99, "ms": 20 * n}
    answer = session.post(f"{server.url}/jobs/faulty/execute", json=data, timeout=30)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["executionID"])


def failed(session: requests.Session, server: ServerProcess) -> list[dict[str, Any]]:
    return listed(session, f"{server.url}/executions?job=faulty&status=FAILED", "executions")


def told(session: requests.Session, server: ServerProcess) -> list[dict[str, Any]]:
    return [one for one in listed(session, f"{server.url}/alerts", "alerts") if one["told"]]
