"""Clients that repeat each start until it is answered, while the server is killed again and again: every start is one execution.

`STEPWELL_SEED` and `STEPWELL_ROUNDS` choose another run, as in `test_kill.py`.
"""

from __future__ import annotations

import itertools
import os
import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.process.harness import END_S, CallLog, ServerProcess, wait_until

ROUNDS = int(os.environ.get("STEPWELL_ROUNDS", "10"))
SEED = int(os.environ.get("STEPWELL_SEED", "3"))
CLIENTS = 4
COUNTS = ("activeCount", "queuedCount", "executedJobs", "failedJobs", "cancelledJobs")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    server = ServerProcess(tmp_path)
    server.start()
    yield server
    server.stop()


class Persistent:
    """A client that sends each start again until somebody answers it, and often once more. `heard`: every answer, by start."""

    def __init__(self, url: str, starts: Iterator[int], lock: threading.Lock, seed: int) -> None:
        self.heard: dict[int, list[str]] = {}
        self.stop = threading.Event()
        self._url, self._starts, self._lock, self._chance = url, starts, lock, random.Random(seed)
        self._pause = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        while not self.stop.is_set():
            with self._lock:
                number = next(self._starts)
            answers = self.heard[number] = []
            while not answers or self._chance.random() < 0.3:
                self._send(number, answers)

    def _send(self, number: int, answers: list[str]) -> None:
        """A third by key, a third by id, a third by both."""
        headers = {} if number % 3 == 1 else {"Idempotency-Key": f"key-{number}"}
        chosen = {} if number % 3 == 0 else {"executionId": f"mine-{number}"}
        try:
            answer = requests.post(f"{self._url}/jobs/line/execute", params=chosen, json={"ms": number % 7}, headers=headers, timeout=30)
        except requests.RequestException:
            self._pause.wait(0.02)
            return
        if answer.status_code == 202:
            answers.append(answer.json()["executionID"])
        else:
            assert answer.status_code in (429, 503), answer.text


def test_a_start_that_is_repeated_through_kills_is_one_execution(server: ServerProcess) -> None:
    chance, starts, lock, pause = random.Random(SEED), itertools.count(), threading.Lock(), threading.Event()
    clients = [Persistent(server.url, starts, lock, SEED * 100 + n) for n in range(CLIENTS)]
    for _ in range(ROUNDS):
        pause.wait(chance.uniform(0.1, 0.4))
        server.spare()
        server.kill()
        server.start()
    for client in clients:
        client.stop.set()
    for client in clients:
        client.thread.join(END_S)
        assert not client.thread.is_alive(), server.tail()
    heard = {number: answers for client in clients for number, answers in client.heard.items()}
    assert len(heard) > ROUNDS, "the load was too light to prove anything"
    assert all(len(set(answers)) == 1 for answers in heard.values()), "one start, two executions"
    assert len({answers[0] for answers in heard.values()}) == len(heard), "two starts, one execution"
    assert [answers[0] for number, answers in heard.items() if number % 3 and answers[0] != f"mine-{number}"] == []

    def state() -> Any:
        return requests.get(f"{server.url}/system/state", timeout=30).json()

    wait_until(lambda: state()["executedJobs"] == len(heard), END_S, lambda: f"{len(heard)} starts came to {state()}:\n{server.tail()}")
    assert sum(state()[count] for count in COUNTS) == len(heard), "there are executions that nobody was told of"
    assert set(CallLog.read(server.calls).by_execution()) == {answers[0] for answers in heard.values()}


def test_those_who_wait_are_answered_at_once_when_the_server_stops(tmp_path: Path) -> None:
    """While it still gives its grace to an attempt that would run for a minute."""
    server = ServerProcess(tmp_path)
    server.start()
    assert server.process is not None
    with ThreadPoolExecutor(1) as pool:
        path = f"{server.url}/jobs/line/execute"
        waiting = pool.submit(requests.post, path, params={"executionId": "waited-for", "wait": "60"}, json={"ms": 60_000}, timeout=90)
        state = f"{server.url}/jobs/waited-for/state"
        wait_until(lambda: '"RUNNING"' in requests.get(state, timeout=30).text, END_S, server.tail)
        server.process.terminate()
        answer = waiting.result(60)
    assert server.process.poll() is None, "answered only when all was over"
    assert (answer.status_code, answer.json()) == (202, {"executionID": "waited-for"})
    server.kill()
