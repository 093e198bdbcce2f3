"""An alert's way to a receiver that is ill, past a `kill -9` of the server: it arrives, signed, and under one id."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from standardwebhooks.webhooks import Webhook

from tests.functions.sites import Handler, Site
from tests.process.harness import END_S, ServerProcess, wait_until

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Receiver(Site):
    """Answers what `statuses` says, one after the other, and then 204. With None it is silent until its end."""

    def __init__(self, *statuses: int | None) -> None:
        super().__init__()
        self.statuses = list(statuses)
        self.url = self.on("hook", self._answer)

    def _answer(self, r: Handler) -> None:
        status = self.statuses.pop(0) if self.statuses else 204
        if status is None:
            self.closing.wait(60)
        else:
            r.reply(status)

    def events(self) -> list[dict[str, Any]]:
        """Of each webhook that came, verified; all under the id that its headers have."""
        found = [(one, Webhook(SECRET).verify(one.sent, dict(one.headers))) for one in self.seen]
        assert all(event["id"] == one.headers["Webhook-Id"] for one, event in found)
        return [event for _, event in found]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServerProcess]:
    monkeypatch.setenv("STEPWELL_SECRET_SIGNING", SECRET)
    found = ServerProcess(tmp_path, "--http-private", "--max-jobs", "2", "--task-threads", "2")
    found.start()
    yield found
    if found.process is not None and found.process.poll() is None:
        found.kill()


def register(server: ServerProcess, receiver: Receiver, initial: float) -> None:
    """A job that fails, and one that tells of it."""
    failing = {"id": "failing", "tasks": [{"id": "load", "functionName": "fail", "parameters": {"error": "Broken", "message": "it broke"}}]}
    telling = {
        "id": "telling",
        "onAlert": {"kinds": ["failed"]},
        "tasks": [
            {
                "id": "deliver",
                "functionName": "alert.webhook",
                "parameters": {"url": receiver.url, "secret": {"$secret": "SIGNING"}, "event.$": "$.input"},
                "maxRetry": 8,
                "retryDelay": {"initialSeconds": initial},
                "doNotRetryOn": ["AlertRefused"],
            }
        ],
    }
    for definition in (failing, telling):
        assert requests.post(f"{server.url}/job-definitions", json=definition, timeout=20).status_code == 201


def fail(server: ServerProcess) -> str:
    answer = requests.post(f"{server.url}/jobs/failing/execute", json={}, timeout=20)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["executionID"])


def delivery(server: ServerProcess, receiver: Receiver) -> dict[str, Any]:
    """How the execution stands that delivers what came first."""
    id = f"alert.{receiver.seen[0].headers['Webhook-Id']}.telling"
    answer = requests.get(f"{server.url}/jobs/{id}/state", timeout=20)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def completed(server: ServerProcess, receiver: Receiver) -> dict[str, Any]:
    wait_until(lambda: receiver.seen and delivery(server, receiver)["endTime"], END_S, server.tail)
    state = delivery(server, receiver)
    assert state["status"] == "COMPLETED", state
    return state


def test_a_failure_arrives_and_a_retry_has_the_same_id(server: ServerProcess) -> None:
    receiver = Receiver(500, 429)
    register(server, receiver, 0.1)
    execution = fail(server)
    state = completed(server, receiver)
    events = receiver.events()
    assert len(events) == 3 == state["tasks"][0]["attempts"]
    assert events[0] == events[1] == events[2]
    assert events[0]["type"] == "stepwell.execution.failed"
    assert events[0]["data"] | {"message": ""} == {
        "kind": "failed",
        "message": "",
        "job": "failing",
        "execution": execution,
        "redriveCount": 0,
        "error": {"type": "Broken", "message": "it broke", "task": "load"},
    }
    assert receiver.seen[0].headers["Content-Type"] == "application/cloudevents+json"
    receiver.end()


def test_who_is_gone_is_told_once(server: ServerProcess) -> None:
    receiver = Receiver(410)
    register(server, receiver, 0.1)
    fail(server)
    wait_until(lambda: receiver.seen and delivery(server, receiver)["endTime"], END_S, server.tail)
    state = delivery(server, receiver)
    assert (state["status"], state["error"]["type"]) == ("FAILED", "AlertRefused")
    assert len(receiver.seen) == 1
    receiver.end()


@pytest.mark.parametrize("status", [500, None], ids=["between two tries", "during a try"])
def test_killed_on_the_way_it_arrives_all_the_same(server: ServerProcess, status: int | None) -> None:
    receiver = Receiver(status)
    register(server, receiver, 6.0)
    fail(server)
    wait_until(lambda: receiver.seen, END_S, server.tail)
    if status is not None:
        wait_until(lambda: delivery(server, receiver)["tasks"][0]["status"] == "RETRYING", END_S, server.tail)
    server.kill()
    server.start()
    completed(server, receiver)
    first, second = receiver.events()
    assert first == second
    receiver.end()


def test_it_arrives_while_jobs_that_hang_hold_all_places_and_threads(server: ServerProcess) -> None:
    def running() -> int:
        return int(requests.get(f"{server.url}/system/state", timeout=20).json()["pool"]["running"])

    receiver = Receiver()
    try:
        register(server, receiver, 0.2)
        hanging = {"id": "hanging", "tasks": [{"id": "a", "functionName": "sleep", "parameters": {"seconds": 600}}]}
        assert requests.post(f"{server.url}/job-definitions", json=hanging, timeout=20).status_code == 201
        for _ in range(4):
            requests.post(f"{server.url}/jobs/hanging/execute", json={}, timeout=20)
        wait_until(lambda: running() == 2, END_S, server.tail)
        requests.post(f"{server.url}/alerts/test", json={}, timeout=20)
        wait_until(receiver.events, END_S, server.tail)
        assert [event["type"] for event in receiver.events()] == ["stepwell.alert.test"]
    finally:
        receiver.end()
