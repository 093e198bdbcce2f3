"""`kill -9` at seeded instants around firings: of schedules that are due every second, each moment has one execution, or one record that
says why not; and of a backfill that is killed on its way, each moment has one execution, and never more ran at once than was asked for."""

from __future__ import annotations

import random
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.process.harness import END_S, ServerProcess, most_at_once, wait_until
from tests.process.test_kill import SEEDS, listed

JOB = "every-second"
DUE = [f"{JOB}-{number}" for number in range(10)]
"""As many at once, so that a kill falls between the start of one and the record of another."""

KILLS = 3
FIRING_S = 0.15
"""How long after a second what is due in it is being started."""


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("overlap", ["allow", "queueAll"])
def test_killed_while_they_fire_every_moment_has_one_execution_or_a_reason(overlap: str, seed: int, tmp_path: Path) -> None:
    """`STEPWELL_SEED` chooses other instants."""
    server, chance = ServerProcess(tmp_path), random.Random(f"{overlap} {seed}")
    server.start()
    session = requests.Session()
    schedule = {"cron": "* * * * * *", "overlap": overlap, "catchUp": "all"}
    definition = {"id": JOB, "tasks": [{"id": "a", "functionName": "echo"}], "schedules": [{"id": id, **schedule} for id in DUE]}
    assert session.post(f"{server.url}/job-definitions", json=definition, timeout=30).status_code == 201
    pause, instants = threading.Event(), [chance.uniform(0, FIRING_S) for _ in range(KILLS)]
    print(f"seed {seed}: kills {', '.join(f'{instant * 1e3:.0f} ms' for instant in instants)} after a second")
    for instant in instants:
        until_more(session, server, 2)
        pause.wait(1 + instant - time.time() % 1)
        server.kill()
        server.start()
    until_more(session, server, 3)
    for id in DUE:
        switched = session.post(f"{server.url}/schedules/{id}/toggle", json={"active": False}, timeout=30)
        assert switched.status_code == 200, switched.text
    wait_until(lambda: recorded(session, server), END_S, server.tail)
    check(session, server)
    assert server.stop() == 0, server.tail()


def until_more(session: requests.Session, server: ServerProcess, count: int) -> None:
    """Each schedule has so many more occurrences."""
    there = {id: len(occurrences(session, server, id)) for id in DUE}
    wait_until(lambda: all(len(occurrences(session, server, id)) >= there[id] + count for id in DUE), 60, server.tail)


def occurrences(session: requests.Session, server: ServerProcess, id: str) -> list[dict[str, Any]]:
    return listed(session, f"{server.url}/schedules/{id}/occurrences", "occurrences")


def recorded(session: requests.Session, server: ServerProcess) -> bool:
    """What was being started when the schedules were switched off is there, and so is its record."""
    there = {one["id"] for one in listed(session, f"{server.url}/executions?job={JOB}", "executions")}
    return there == {one["executionId"] for id in DUE for one in occurrences(session, server, id)} - {None}


def check(session: requests.Session, server: ServerProcess) -> None:
    executions = listed(session, f"{server.url}/executions?job={JOB}", "executions")
    begun: set[str] = set()
    for id in DUE:
        found = occurrences(session, server, id)
        moments = [datetime.fromisoformat(one["scheduledTime"]).timestamp() for one in found]
        first, last = min(moments), max(moments)
        assert sorted(moments) == [first + n for n in range(int(last - first) + 1)], f"of {id} a moment is missing, or is there twice"
        assert all(one["executionId"] or one["reason"] for one in found)
        started = {one["executionId"] for one in found if one["executionId"]}
        mine = [one for one in executions if one["labels"]["stepwell.schedule"] == id]
        assert sorted(one["id"] for one in mine) == sorted(started), f"executions and records of {id} do not agree"
        times = [one["labels"]["stepwell.scheduledTime"] for one in mine]
        assert len(set(times)) == len(times)
        begun |= started
    assert len(begun) == len(executions)


AT_ONCE = 3
MISSING = 40
FILLED = "every-minute"


def test_a_backfill_that_is_killed_three_times_starts_each_moment_once_and_no_more_at_once_than_asked_for(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path)
    server.start()
    session = requests.Session()
    schedule = {"cron": "* * * * *", "active": False, "input": {"ms": 800}}
    definition = {"id": FILLED, "tasks": [{"id": "a", "functionName": "work"}], "schedules": [schedule]}
    assert session.post(f"{server.url}/job-definitions", json=definition, timeout=30).status_code == 201
    wanted = {"from": "2025-01-01T00:00:00", "to": "2025-01-01T00:39:00", "concurrency": AT_ONCE}
    begun = session.post(f"{server.url}/schedules/{FILLED}/backfill", json=wanted, timeout=30)
    assert begun.status_code == 202, begun.text

    def progress() -> dict[str, Any]:
        found: dict[str, Any] = session.get(f"{server.url}/schedules/{FILLED}/backfills/{begun.json()['id']}", timeout=30).json()
        return found

    for share in (0.1, 0.3, 0.5):
        wait_until(lambda share=share: share * MISSING <= progress()["started"] < MISSING, END_S, server.tail)
        server.kill()
        server.start()
    wait_until(lambda: progress()["status"] == "completed", END_S, server.tail)
    done = progress()
    assert [done[name] for name in ("occurrences", "started", "found", "skipped", "left", "failed")] == [MISSING, MISSING, 0, 0, 0, 0]
    executions = listed(session, f"{server.url}/executions?job={FILLED}", "executions")
    expected = [f"{FILLED}.20250101T00{minute:02}00Z" for minute in range(MISSING)]
    assert sorted(one["id"] for one in executions) == expected
    assert sorted(one["executionId"] for one in occurrences(session, server, FILLED)) == expected
    assert {one["status"] for one in executions} == {"COMPLETED"}
    ran = [
        (datetime.fromisoformat(one["submitTime"]).timestamp(), datetime.fromisoformat(one["endTime"]).timestamp()) for one in executions
    ]
    assert most_at_once(ran) <= AT_ONCE
    assert server.stop() == 0, server.tail()
