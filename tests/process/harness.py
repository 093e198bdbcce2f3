"""Real server processes under load, and the books kept about them: what was accepted, what ran, when the server was killed.

The truth about what ran is a call log that the functions themselves append to, one line per begin and end. Nothing here looks into the
store: what the server says over HTTP and what the functions wrote must agree.
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

HERE = Path(__file__).parent
READY_S = 60.0
END_S = 90.0

STARTED: list[ServerProcess] = []
"""By the test that runs now."""


def free_port() -> int:
    """One below those that the kernel gives to clients: a server that was killed finds it free when it is started again."""
    while True:
        port = random.SystemRandom().randrange(10_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
            probe.bind(("127.0.0.1", port))
            return port


class ServerProcess:
    """`stepwell serve` in a process group of its own, on one store, started again and again. Its output goes to one log."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.directory = directory
        self.calls = directory / "calls.jsonl"
        self.log = directory / "server.log"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.options = options
        self.process: subprocess.Popen[bytes] | None = None
        self.ends: list[float] = []
        self._called_before = 0

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [sys.executable, "-m", "workflows.cli", "serve", "--port", str(self.port), "--store", str(self.directory / "Data.fs")]
        command += ["--definitions", str(HERE / "definitions"), "--functions", str(HERE / "functions"), *self.options]
        environment = {**os.environ, "STEPWELL_CALL_LOG": str(self.calls), "PYTHONPATH": str(HERE.parent.parent)}
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out, env=environment, start_new_session=True)
        STARTED.append(self)
        before = self._called()
        wait_until(self.answers, READY_S, lambda: f"the server does not answer:\n{self.tail()}")
        self._called_before = before

    def until_it_calls(self) -> None:
        """Wait until functions are called again, after a start. For load that never ends: a server that is always killed while it hands
        out the same first attempts would fail them, as its fourth interruption fails any."""
        wait_until(lambda: self._called() > self._called_before, READY_S, lambda: f"no function is called:\n{self.tail()}")

    def _called(self) -> int:
        return self.calls.stat().st_size if self.calls.exists() else 0

    def answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"the server ended by itself with {self.process.returncode}:\n{self.tail()}"
        try:
            return requests.get(f"{self.url}/health", timeout=20).status_code == 200
        except requests.RequestException:
            return False

    def spare(self) -> None:
        """Wait until no attempt is under way that was interrupted twice already: a fourth interruption fails any. For load that is killed
        again and again: on a slow machine it might always be the same attempts."""
        wait_until(lambda: not any(self._under_way(*one) for one in self._often()), END_S, lambda: f"{self._often()} go on:\n{self.tail()}")

    def _often(self) -> list[tuple[str, str, int]]:
        runs = Counter((call.execution, call.task, call.attempt) for call in CallLog.read(self.calls).calls) if self._called() else {}
        return [one for one, count in runs.items() if count > 2]

    def _under_way(self, execution: str, task: str, attempt: int) -> bool:
        tasks = requests.get(f"{self.url}/jobs/{execution}/state", timeout=20).json()["tasks"]
        return any((one["id"], one["attempts"], one["endTime"]) == (task, attempt, None) for one in tasks)

    def kill(self) -> None:
        """SIGKILL to the whole group: master, worker and all. They are gone when this returns, and what runs functions for them is, too."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(60)
        wait_until(lambda: not self._left(), END_S, lambda: f"processes outlive the server: {self._left()}")
        self.ends.append(time.time())

    def _left(self) -> list[str]:
        """What still runs our code in this server's environment. (One that has ended and was not waited for has none any more.)"""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if os.fsencode(f"STEPWELL_CALL_LOG={self.calls}\0") in (process / "environ").read_bytes():
                    command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    found += [f"{process.name} {command}"] if "workflows." in command else []
        return found

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(120)
        self.ends.append(time.time())
        return code

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-4_000:]


class Load:
    """Clients that keep starting executions and write down which were accepted. `choose(n)`: definition and input of the nth."""

    def __init__(self, url: str, jobs: Iterator[tuple[str, Mapping[str, Any]]], clients: int) -> None:
        self.accepted: dict[str, str] = {}
        self._url, self._jobs, self._lock = url, jobs, threading.Lock()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        session = requests.Session()
        while not self._stop.is_set():
            with self._lock:
                name, data = next(self._jobs)
            try:
                answer = session.post(f"{self._url}/jobs/{name}/execute", json=data, timeout=30)
            except requests.RequestException:
                self._stop.wait(0.02)
                continue
            if answer.status_code == 202:
                with self._lock:
                    self.accepted[answer.json()["executionID"]] = name
            else:
                assert answer.status_code in (429, 503), answer.text
            self._stop.wait(0.01)

    def stop(self) -> dict[str, str]:
        self._stop.set()
        for thread in self._threads:
            thread.join(END_S)
            assert not thread.is_alive(), "a client has no answer"
        return self.accepted


@dataclass(slots=True)
class Call:
    """One run of a function: `end` is None while nothing says it ended."""

    execution: str
    task: str
    attempt: int
    begin: float
    end: float | None = None


@dataclass(slots=True)
class CallLog:
    """What really ran, in order."""

    calls: list[Call] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> CallLog:
        log, open_calls = cls(), {}
        for line in path.read_text().splitlines():
            row = json.loads(line)
            key = (row["pid"], row["execution"], row["task"], row["attempt"])
            if row["event"] == "begin":
                open_calls[key] = Call(row["execution"], row["task"], row["attempt"], row["time"])
                log.calls.append(open_calls[key])
            else:
                open_calls.pop(key).end = row["time"]
        return log

    def by_execution(self) -> dict[str, list[Call]]:
        found: dict[str, list[Call]] = defaultdict(list)
        for call in self.calls:
            found[call.execution].append(call)
        return found


def wait_until(done: Any, seconds: float, complaint: Any) -> None:
    """Ask `done` until it says yes; fail with `complaint` after so many seconds."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not done():
        assert time.monotonic() < deadline, complaint()
        pause.wait(0.02)


def most_at_once(spans: list[tuple[float, float]]) -> int:
    """How many of these spans overlap at most; one that ends where another begins does not."""
    marks = sorted([(begin, 1) for begin, _ in spans] + [(end, -1) for _, end in spans], key=lambda mark: (mark[0], mark[1]))
    most = now = 0
    for _, change in marks:
        now += change
        most = max(most, now)
    return most
