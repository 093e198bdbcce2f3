"""What an attempt has written is told before its end, whichever thread tells it: who comes second waits for who has taken the text."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from workflows.runtime.capture import Tail
from workflows.runtime.executor import Identity, Logged, Outcome, Run
from workflows.runtime.output import Output
from workflows.runtime.workers import protocol
from workflows.runtime.workers.worker import Worker, _Attempt

RUN = Run(Identity(1, "/t", 1), "f", "{}", "exec", "job", "t", 1, "key")


class Teller:
    """Of two threads that tell the same text the first is held up before it has; `end` is what the second says after it."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self._first = threading.Event()
        self._second = threading.Event()

    def hear(self, text: str) -> None:
        self._first.set()
        self._second.wait(0.3)  # in vain, unless the other does not wait for this one
        self.told.append(text)

    def both(self, tell: Callable[[], Any]) -> list[str]:
        threads = [threading.Thread(target=tell), threading.Thread(target=self._end, args=(tell,))]
        threads[0].start()
        assert self._first.wait(30)
        threads[1].start()
        for thread in threads:
            thread.join(30)
        return self.told

    def _end(self, tell: Callable[[], Any]) -> None:
        tell()
        self.told.append("end")
        self._second.set()


def test_where_the_attempt_runs_in_the_server() -> None:
    teller, output = Teller(), Output(RUN, lambda: None)
    output.tail.write("text")

    def report(_: Identity, outcome: Outcome) -> None:
        assert isinstance(outcome, Logged)
        teller.hear(outcome.text)

    assert teller.both(lambda: output.pass_on(report)) == ["text", "end"]


def test_where_it_runs_in_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        teller, worker, attempt = Teller(), Worker(ours), _Attempt(1, RUN, Tail())
        attempt.tail.write("text")

        def say(kind: str, _number: int, text: str, _truncated: bool) -> None:
            assert kind == protocol.LOG
            teller.hear(text)

        monkeypatch.setattr(worker, "_say", say)
        assert teller.both(lambda: worker._tell_log(attempt)) == ["text", "end"]
