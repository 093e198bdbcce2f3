"""Real server processes for these tests: started, read from, killed. Waiting is always for something, with a deadline."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from workflows.client import Client

ROOT = Path(__file__).parents[2]
START_S = 60.0
STEPWELL = (sys.executable, "-P", "-m", "workflows.cli")
"""What the installed `stepwell` script does: the current directory is not put on `sys.path`."""
GUNICORN = (sys.executable, "-P", "-m", "gunicorn")

JOBS: list[dict[str, Any]] = [
    {"id": "good", "tasks": [{"id": "say", "name": "Say", "functionName": "echo", "maxRetry": 0}]},
    {
        "id": "bad",
        "tasks": [
            {"id": "fall", "name": "Fall", "functionName": "fail", "maxRetry": 0, "parameters": {"error": "Broken", "message": "it broke"}}
        ],
    },
    {
        "id": "slow",
        "tasks": [{"id": "wait", "name": "Wait", "functionName": "sleep", "maxRetry": 0, "parameters": {"seconds.$": "$.input.seconds"}}],
    },
]
"""By outcome: `slow` takes its input's `seconds`."""


def environment(**variables: str) -> dict[str, str]:
    """This process's environment without our variables, gunicorn's or a proxy's, and then `variables`."""
    ours = ("STEPWELL_", "GUNICORN_", "WEB_CONCURRENCY")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"} | variables


def until(holds: Callable[[], Any], seconds: float = START_S, what: str = "it") -> Any:
    """Wait until something holds, and give it back."""
    deadline = time.monotonic() + seconds
    while not (value := holds()):
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain for {what}"
        time.sleep(0.02)
    return value


class Process:
    """A command in a process group of its own; what it says, on either stream, is kept in `lines`."""

    def __init__(self, *command: str, cwd: Path, env: Mapping[str, str] | None = None) -> None:
        self.popen = subprocess.Popen(
            command,
            cwd=cwd,
            env=environment(**(env or {})),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
        )
        self.lines: list[str] = []
        self._queue: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.popen.stdout is not None
        for line in self.popen.stdout:
            self.lines.append(line.rstrip("\n"))

    @property
    def said(self) -> str:
        return "\n".join(self.lines)

    def says(self, text: str, seconds: float = START_S) -> str:
        """Wait for a line that holds the text."""

        def found() -> str | None:
            line = next((line for line in self.lines if text in line), None)
            assert line or self.popen.poll() is None, f"ended with {self.popen.returncode} before it said {text!r}:\n{self.said}"
            return line

        return str(until(found, seconds, f"{text!r} in\n{self.said}"))

    def exit(self, seconds: float = START_S) -> int:
        """Wait for the end; its exit code. All that it said is in `lines` then."""
        code = self.popen.wait(seconds)
        self._reader.join(seconds)
        return code

    def signal(self, number: int) -> None:
        self.popen.send_signal(number)

    def children(self) -> list[int]:
        pid = self.popen.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def kill(self) -> None:
        """SIGKILL to what is left of the group. All of it is gone when this returns, and its locks are free."""
        with suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.exit()
        until(lambda: not self._left(), what="the end of all its processes")

    def _left(self) -> bool:
        """Whether any thread of the group has not ended. (What has, stays to be seen until its parent asks, which may have been killed.)"""
        for thread in Path("/proc").glob("[0-9]*/task/[0-9]*/stat"):
            with suppress(OSError):
                state, _, group = thread.read_text().rpartition(")")[2].split()[:3]
                if int(group) == self.popen.pid and state not in "ZX":
                    return True
        return False


def serve(directory: Path, *flags: str, cwd: Path | None = None, **variables: str) -> Process:
    """`stepwell serve` on a free port and a store in `directory`; flags given here come later and win."""
    command = (*STEPWELL, "serve", "--port", "0", "--store", str(directory / "Data.fs"), *flags)
    return Process(*command, cwd=cwd or directory, env=variables)


def url_of(process: Process) -> str:
    return next(word for word in process.says("Stepwell listens at").split() if word.startswith("http://"))


def slow(url: str, seconds: float) -> tuple[Client, str]:
    """An execution whose only attempt is under way, for so long."""
    client = Client(url)
    client.register(JOBS[2])
    execution_id = client.execute("slow", {"seconds": seconds})
    until(lambda: client.state(execution_id)["tasks"][0]["status"] == "RUNNING", what="the attempt to begin")
    return client, execution_id


def ended(client: Client, execution_id: str) -> dict[str, Any]:
    def end() -> dict[str, Any] | None:
        state = client.state(execution_id)
        return state if state["endTime"] else None

    state: dict[str, Any] = until(end, what="the end of the execution")
    return state
