"""`kill -9` of the whole process group at seeded instants under load: nothing accepted is lost, nothing finished is run again.

`STEPWELL_SEED` and `STEPWELL_ROUNDS` choose another run (`make soak` draws seeds). A round that fails keeps its store, its call log and its
server log under `test-results/`.
"""

from __future__ import annotations

import os
import random
import shutil
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.process.harness import END_S, Call, CallLog, Load, ServerProcess, most_at_once, wait_until

KEPT = Path("test-results")
MAX_JOBS = 6
ROUNDS = int(os.environ.get("STEPWELL_ROUNDS", "16"))
SEEDS = [int(os.environ["STEPWELL_SEED"])] if "STEPWELL_SEED" in os.environ else [1, 2]
OUTCOMES = {"line": "COMPLETED", "wide": "COMPLETED", "single": "COMPLETED", "broken": "FAILED"}
CONCURRENCY = {"wide": 2, "line": 1}


@pytest.mark.parametrize("seed", SEEDS)
def test_killed_at_any_instant_nothing_is_lost_and_nothing_finished_runs_again(seed: int, tmp_path: Path) -> None:
    server = ServerProcess(tmp_path, "--max-jobs", str(MAX_JOBS))
    try:
        states = run(server, random.Random(seed))
        check(server, states)
    except BaseException:
        kept = KEPT / f"kill-{seed}"
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(tmp_path, kept)
        print(f"seed {seed}: store and logs are kept in {kept}; again with STEPWELL_SEED={seed} STEPWELL_ROUNDS={ROUNDS}")
        raise


def run(server: ServerProcess, chance: random.Random) -> list[dict[str, Any]]:
    """Kill and start again ROUNDS times under load, then let all that was accepted come to its end; the final states."""
    server.start()
    load = Load(server.url, jobs(chance), clients=3)
    pause = threading.Event()
    for _ in range(ROUNDS):
        if chance.random() < 0.8:
            server.until_it_calls()
        pause.wait(chance.uniform(0.02, 0.5))
        server.spare()
        server.kill()
        server.start()
    accepted = load.stop()
    assert len(accepted) > ROUNDS, "the load was too light to prove anything"
    session = requests.Session()
    states: dict[str, dict[str, Any]] = {}

    def all_ended() -> bool:
        for name in accepted.keys() - states.keys():
            answer = session.get(f"{server.url}/jobs/{name}/state", timeout=30)
            assert answer.status_code == 200, f"the accepted execution {name} is lost: {answer.text}"
            if answer.json()["endTime"] is None:
                return False
            states[name] = answer.json()
        return True

    wait_until(all_ended, END_S, lambda: f"{len(accepted) - len(states)} of {len(accepted)} executions are stuck:\n{server.tail()}")
    every_start_is_in_the_audit_log(server, session)
    assert server.stop() == 0, server.tail()
    return list(states.values())


def every_start_is_in_the_audit_log(server: ServerProcess, session: requests.Session) -> None:
    """Once, and no other is: also of those whose answer nobody heard."""
    there = [one["id"] for one in listed(session, f"{server.url}/executions", "executions")]
    log = listed(session, f"{server.url}/audit", "records")
    assert sorted(one["target"] for one in log if one["action"] == "execute") == sorted(there)
    assert [one["sequence"] for one in log] == list(range(len(log), 0, -1))


def listed(session: requests.Session, url: str, name: str) -> list[dict[str, Any]]:
    """All pages."""
    found: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = session.get(url, params={"limit": "200"} | ({"cursor": cursor} if cursor else {}), timeout=30).json()
        found += page[name]
        cursor = page["next"]
    return found


def jobs(chance: random.Random) -> Iterator[tuple[str, Mapping[str, Any]]]:
    while True:
        yield chance.choices(("line", "wide", "single", "broken"), (4, 3, 1, 2))[0], {"ms": chance.randint(0, 25)}


def check(server: ServerProcess, states: list[dict[str, Any]]) -> None:
    """The server's account against the functions' own."""
    calls = CallLog.read(server.calls).by_execution()
    for state in states:
        assert state["status"] == OUTCOMES[state["definitionId"]], f"a false outcome: {state}"
        no_finished_step_ran_again(state, calls[state["id"]])
        limit = CONCURRENCY.get(state["definitionId"])
        spans = [(call.begin, ended(server, call)) for call in calls[state["id"]]]
        assert limit is None or most_at_once(spans) <= limit, f"more than {limit} attempts at once: {state['id']}"
    definitions = {state["id"]: state["definitionId"] for state in states}
    alone = [(call.begin, ended(server, call)) for name, of in calls.items() if definitions.get(name) == "single" for call in of]
    assert most_at_once(alone) <= 1, "two runs of a definition with maxActiveRuns 1"
    everything = [(call.begin, ended(server, call), name) for name, of in calls.items() for call in of]
    assert most_executions_at_once(everything) <= MAX_JOBS, "more executions at once than --max-jobs"


def no_finished_step_ran_again(state: dict[str, Any], calls: list[Call]) -> None:
    finished = {task["id"]: task for task in state["tasks"]}
    for call in calls:
        task = finished[call.task]
        assert task["status"] in ("COMPLETED", "FAILED"), f"{call.task} ran but is {task['status']}"
        end = timestamp(task["endTime"])
        assert call.begin <= end, f"{state['id']} {call.task} attempt {call.attempt} began {call.begin - end:.3f} s after its end"
    for task in state["tasks"]:
        ran = {call.attempt for call in calls if call.task == task["id"]}
        assert ran == set(range(1, task["attempts"] + 1)), f"{state['id']} {task['id']}: ran {ran}, the server says {task['attempts']}"


def ended(server: ServerProcess, call: Call) -> float:
    """When the function ended: its own word, or the kill that ended it."""
    return call.end if call.end is not None else min(end for end in server.ends if end >= call.begin)


def most_executions_at_once(calls: list[tuple[float, float, str]]) -> int:
    """Executions with a function running at one moment, at most."""
    running: dict[str, int] = defaultdict(int)
    most = 0
    marks = [(begin, 1, name) for begin, _, name in calls] + [(end, -1, name) for _, end, name in calls]
    for _, change, name in sorted(marks, key=lambda mark: (mark[0], mark[1])):
        running[name] += change
        most = max(most, sum(count > 0 for count in running.values()))
    return most


def timestamp(text: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp() + 0.001  # answers are cut to the millisecond
