"""Those who watch, and come back after the last event they saw, while the server is killed again and again: no end is missed or told twice.

`STEPWELL_SEED` and `STEPWELL_ROUNDS` choose another run, as in `test_kill.py`.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.process.harness import END_S, Load, ServerProcess, wait_until
from workflows.client import CannotReach, Client, NotReady

ROUNDS = int(os.environ.get("STEPWELL_ROUNDS", "8"))
SEED = int(os.environ.get("STEPWELL_SEED", "5"))
ENDED = ("COMPLETED", "FAILED", "CANCELLED")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    server = ServerProcess(tmp_path)
    server.start()
    yield server
    server.stop()


class Watcher:
    """Watches on a thread of its own from the beginning, and whenever it is cut off goes on after the last event. `ends`: how often each
    execution's end was told."""

    def __init__(self, url: str, **asked: Any) -> None:
        self.ends: Counter[str] = Counter()
        self.resets = 0
        self.begun, self.stop = threading.Event(), threading.Event()
        self._url, self._asked = url, asked
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        last, client = None, Client(self._url)
        while not self.stop.is_set():
            try:
                for event in client.stream(last_event_id=last, **self._asked):
                    self._saw(event.name, event.data)
                    last = event.id or last
                    self.begun.set()
                    if self.stop.is_set():
                        break
            except (CannotReach, NotReady):
                self.stop.wait(0.02)

    def _saw(self, name: str, data: str) -> None:
        self.resets += name == "reset"
        if name == "message":
            state = json.loads(data)
            self.ends[state["id"]] += state["status"] in ENDED


def test_no_end_is_missed_or_told_twice_however_often_the_server_is_killed(server: ServerProcess) -> None:
    chance, pause = random.Random(SEED), threading.Event()
    watchers = [Watcher(server.url), Watcher(server.url), Watcher(server.url, job="line")]
    assert all(watcher.begun.wait(60) for watcher in watchers)
    load = Load(server.url, (("line", {"ms": number % 5}) for number in itertools.count()), 4)
    for _ in range(ROUNDS):
        pause.wait(chance.uniform(0.2, 0.6))
        server.kill()
        server.start()
    accepted = load.stop()
    assert len(accepted) > ROUNDS, "the load was too light to prove anything"

    def all_told() -> bool:
        state = requests.get(f"{server.url}/system/state", timeout=30).json()
        done = state["executedJobs"] + state["failedJobs"] + state["cancelledJobs"]
        return (
            all(watcher.ends.total() >= done >= len(accepted) for watcher in watchers) and not state["activeCount"] + state["queuedCount"]
        )

    wait_until(
        all_told, END_S, lambda: f"{len(accepted)} accepted, told {[watcher.ends.total() for watcher in watchers]}:\n{server.tail()}"
    )
    for watcher in watchers:
        watcher.stop.set()
        assert watcher.resets == 0
        assert set(accepted) <= set(watcher.ends)
        assert {name: times for name, times in watcher.ends.items() if times != 1} == {}, "once each"
