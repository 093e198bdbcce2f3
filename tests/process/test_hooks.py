"""`kill -9` between two deliveries of one event, and in the middle of many: each event has one execution."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.process.harness import END_S, ServerProcess, wait_until
from tests.process.test_kill import listed
from workflows.client import CannotReach, Client, ClientError

SECRET = "whsec_" + base64.b64encode(b"shared by two").decode()
NAME = "pushed"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServerProcess]:
    monkeypatch.setenv("STEPWELL_SECRET_HOOK", SECRET)
    server = ServerProcess(tmp_path)
    server.start()
    hook = {"name": NAME, "secret": {"$secret": "HOOK"}}
    definition = {"id": NAME, "tasks": [{"id": "a", "functionName": "echo"}], "hooks": [hook]}
    assert requests.post(f"{server.url}/job-definitions", json=definition, timeout=30).status_code == 201
    yield server
    if server.process is not None and server.process.poll() is None:
        server.kill()


def executions(server: ServerProcess) -> list[str]:
    found = listed(requests.Session(), f"{server.url}/executions?job={NAME}", "executions")
    return [str(one["id"]) for one in found]


def test_killed_between_two_deliveries_of_one_event(server: ServerProcess) -> None:
    client = Client(server.url)
    first = client.send_hook(NAME, {"n": 1}, SECRET, "msg_1")
    server.kill()
    server.start()
    assert client.send_hook(NAME, {"n": 1}, SECRET, "msg_1") == {**first, "repeated": True}
    assert executions(server) == [f"hook.{NAME}.msg_1"]
    assert server.stop() == 0, server.tail()


def test_killed_while_events_come_each_is_there_once(server: ServerProcess) -> None:
    """A sender that repeats what it got no answer to, as senders do, loses nothing and doubles nothing."""
    done: list[str] = []
    refused: list[ClientError] = []
    stop = threading.Event()

    def sender(which: int) -> None:
        client, number = Client(server.url, patience=0), 0
        while not stop.is_set():
            id = f"msg_{which}_{number}"
            try:
                client.send_hook(NAME, json.dumps({"n": number}), SECRET, id)
            except (CannotReach, ClientError) as error:
                if isinstance(error, ClientError) and error.status not in (429, 503):
                    refused.append(error)
                    return
                stop.wait(0.02)
                continue
            done.append(f"hook.{NAME}.{id}")
            number += 1

    threads = [threading.Thread(target=sender, args=(which,), daemon=True) for which in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(2):
        before = len(done)
        wait_until(lambda before=before: len(done) >= before + 30, END_S, server.tail)
        server.kill()
        server.start()
    before = len(done)
    wait_until(lambda: len(done) >= before + 30, END_S, server.tail)
    stop.set()
    for thread in threads:
        thread.join(END_S)
        assert not thread.is_alive(), server.tail()
    assert refused == []
    found = executions(server)
    assert len(found) == len(set(found))
    assert set(done) <= set(found), "an event that was answered is not there"
    assert len(set(found) - set(done)) <= len(threads), "at most the event that each was sending has had no answer"
    assert server.stop() == 0, server.tail()
