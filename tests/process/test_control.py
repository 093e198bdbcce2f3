"""Pause and redrive on a server that is killed: a paused execution stays paused, a redriven one goes on, and what is finished stays so."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.process.harness import END_S, ServerProcess, wait_until

MENDED = {
    "id": "mended",
    "tasks": [
        {"id": "good", "functionName": "work"},
        {"id": "bad", "functionName": "work", "parameters": {"stumbles": 2}},
        {"id": "last", "functionName": "work"},
    ],
}
"""Its second task fails until its third attempt, and has no retries."""


def waiting(place: Path) -> dict[str, Any]:
    """Its first task is over when there is a file `awake` in that place."""
    return {
        "id": place.name,
        "tasks": [
            {"id": "first", "functionName": "dream", "parameters": {"into": str(place)}},
            {"id": "second", "functionName": "work"},
        ],
    }


class Talk:
    """What the tests say to the server."""

    def __init__(self, directory: Path) -> None:
        self.server = ServerProcess(directory)
        self.server.start()

    def post(self, path: str, body: Any = None, status: int = 200) -> Any:
        answer = requests.post(f"{self.server.url}{path}", json=body, timeout=30)
        assert answer.status_code == status, answer.text
        return answer.json()

    def execute(self, definition: dict[str, Any]) -> str:
        self.post("/job-definitions", definition, 201)
        return str(self.post(f"/jobs/{definition['id']}/execute", {}, 202)["executionID"])

    def reaches(self, execution: str, look: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        state: dict[str, Any] = {}

        def there() -> bool:
            state.update(requests.get(f"{self.server.url}/jobs/{execution}/state", timeout=30).json())
            return look(state)

        wait_until(there, END_S, lambda: f"{state}\n{self.server.tail()}")
        return state

    def restart(self) -> None:
        """Kill it, start it, and let it run something else, after which it has looked at all there is."""
        self.server.kill()
        self.server.start()
        other = str(self.post("/jobs/line/execute", {}, 202)["executionID"])
        self.reaches(other, lambda state: state["status"] == "COMPLETED")

    def calls(self, execution: str) -> Counter[str]:
        rows = [json.loads(line) for line in self.server.calls.read_text().splitlines()] if self.server.calls.exists() else []
        return Counter(row["task"] for row in rows if (row["execution"], row["event"]) == (execution, "begin"))


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[Talk]:
    talk = Talk(tmp_path)
    yield talk
    talk.server.kill()


def ended(redrives: int, state: dict[str, Any]) -> bool:
    """After so many redrives."""
    return state["endTime"] is not None and state["redriveCount"] == redrives


def test_what_is_paused_stays_so(talk: Talk) -> None:
    """One was between two tasks when the server died, one had an attempt under way."""
    places = [talk.server.directory / name for name in ("between", "under-way")]
    for place in places:
        place.mkdir()
    between, under_way = (talk.execute(waiting(place)) for place in places)
    for execution in (between, under_way):
        wait_until(lambda execution=execution: talk.calls(execution) == {"first": 1}, END_S, talk.server.tail)
        talk.post(f"/jobs/{execution}/pause")
    (places[0] / "awake").touch()
    talk.reaches(between, lambda state: state["tasks"][0]["status"] == "COMPLETED")
    talk.restart()
    for execution in (between, under_way):
        state = talk.reaches(execution, lambda state: True)
        assert (state["status"], state["paused"], state["tasks"][1]["attempts"]) == ("RUNNING", True, 0)
        assert talk.calls(execution) == {"first": 1}
    talk.post(f"/jobs/{between}/resume")
    assert talk.reaches(between, lambda state: state["endTime"] is not None)["status"] == "COMPLETED"
    assert talk.calls(between) == {"first": 1, "second": 1}
    talk.post(f"/jobs/{under_way}/resume")
    wait_until(lambda: talk.calls(under_way) == {"first": 2}, END_S, talk.server.tail)
    talk.post(f"/jobs/{under_way}/cancel")


def test_what_is_redriven_goes_on(talk: Talk) -> None:
    execution = talk.execute(MENDED)
    for redrives in range(3):
        state = talk.reaches(execution, partial(ended, redrives))
        assert state["status"] == ("COMPLETED" if redrives == 2 else "FAILED"), state
        if redrives < 2:
            talk.restart()
            talk.post(f"/jobs/{execution}/redrive", {}, 202)
            talk.restart()
    assert [task["status"] for task in state["tasks"]] == ["COMPLETED"] * 3
    calls = talk.calls(execution)
    assert calls["good"] == 1, "what was finished did not run again"
    assert (calls["bad"] >= 3, calls["last"] >= 1) == (True, True)
