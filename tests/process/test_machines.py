"""State machines on a server that is killed again and again: each ends as it would have, and its states are told in order."""

from __future__ import annotations

import json
import random
import threading
from bisect import bisect
from pathlib import Path
from typing import Any

import requests

from tests.process.harness import END_S, ServerProcess, wait_until

EXECUTIONS = 8
KILLS = 4


def test_state_machines_survive_kills(tmp_path: Path) -> None:
    server, chance, pause = ServerProcess(tmp_path), random.Random(3), threading.Event()
    server.start()
    items = [20, 5, 40, 10]
    names = [_execute(server, items) for _ in range(EXECUTIONS)]
    for _ in range(KILLS):
        pause.wait(chance.uniform(0.1, 0.7))
        server.kill()
        server.start()
    states: dict[str, dict[str, Any]] = {}

    def ended() -> bool:
        states.update({name: requests.get(f"{server.url}/jobs/{name}/state", timeout=30).json() for name in names})
        return all(state["endTime"] for state in states.values())

    wait_until(ended, END_S, lambda: f"not all ended:\n{server.tail()}")
    assert server.stop() == 0
    calls = [json.loads(line) for line in server.calls.read_text().splitlines()]
    for name, state in states.items():
        assert state["status"] == "COMPLETED", state["error"]
        assert [one["attempt"] >= 2 for one in state["output"]["done"]] == [True] * len(items)
        assert state["output"]["both"]["sides"][1] == "right"
        assert [(task["id"], task["status"]) for task in state["tasks"]] == [(one, "COMPLETED") for one in ("Spread", "Rest", "Both")]
        ends = [call["time"] for call in calls if (call["execution"], call["task"], call["event"]) == (name, "Left", "end")]
        lives = [bisect(server.ends, end) for end in ends]
        assert lives, "it has finished"
        assert len(lives) == len(set(lives)), "a finished attempt runs again only if its report was lost in a kill"


def _execute(server: ServerProcess, items: list[int]) -> str:
    answer = requests.post(f"{server.url}/jobs/machine/execute", json={"items": items}, timeout=30)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["executionID"])
