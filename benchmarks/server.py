"""A real server in a process group of its own: started, asked, watched from outside, killed.

Owns what the kernel tells about a process (Linux's /proc). Where there is no /proc those figures are left out.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent
DEFINITIONS = HERE / "definitions"
FUNCTIONS = HERE / "functions"

START_S = 30.0
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


class Server:
    """`arguments` are gunicorn's. Used as a context manager: what was started is killed at the end, with all its children."""

    def __init__(self, arguments: list[str], environment: Mapping[str, str], log: Path) -> None:
        self._command = [sys.executable, "-m", "gunicorn", *arguments]
        self._environment = environment
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.kill()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> float:
        """Start and wait for the first answer of /health; seconds from exec until then. Raises RuntimeError."""
        self.port = _free_port()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("STEPWELL_", "GUNICORN_"))}
        environment = {**inherited, **self._environment, "STEPWELL_PORT": str(self.port)}
        began = time.perf_counter()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )
        while not self._answers():
            if self._process.poll() is not None or time.perf_counter() - began > START_S:
                self.kill()
                raise RuntimeError(f"the server does not start; its log ends:\n{self._log.read_text()[-2_000:]}")
            time.sleep(0.005)
        return time.perf_counter() - began

    def kill(self) -> None:
        """kill -9, the master and its workers at once. Killing twice is fine."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def client(self) -> Client:
        return Client(self.port)

    def cpu_s(self) -> float | None:
        """Seconds of processor time that its processes have used so far."""
        return sum(self.cpus_s().values()) or None

    def cpus_s(self) -> dict[int, float]:
        """The same of each process."""
        found = {}
        for pid in self.pids():
            with suppress(OSError):  # it has ended meanwhile
                fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
                found[pid] = (int(fields[11]) + int(fields[12])) / _TICKS_PER_S
        return found

    def rss_mib(self) -> list[float]:
        """Resident memory of the master and of each process below it, in MiB."""
        return [resident_mib(pid) for pid in self.pids()]

    def threads(self) -> int:
        """Of all below the master, together."""
        return sum(_status(pid, "Threads") for pid in self.pids()[1:])

    def pids(self) -> list[int]:
        """The master, gunicorn's worker, and the processes in which functions run."""
        return [] if self._process is None else family(self._process.pid)

    def _answers(self) -> bool:
        try:
            client = self.client()
            client.get("/health")
            client.close()
        except (OSError, http.client.HTTPException):
            return False
        return True


class Client:
    """One kept-alive connection. Leaner than `requests`, whose own time would be a good part of what is measured."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def get(self, path: str) -> Any:
        return self._ask("GET", path, None)

    def post(self, path: str, data: Any) -> Any:
        return self._ask("POST", path, json.dumps(data).encode())

    def close(self) -> None:
        self._connection.close()

    def _ask(self, method: str, path: str, body: bytes | None) -> Any:
        self._connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        response = self._connection.getresponse()
        content = response.read()
        if response.status >= 400:
            raise RuntimeError(f"{method} {path} answered {response.status}: {content.decode(errors='replace')[:500]}")
        return json.loads(content)


def stepwell(directory: Path, store: str, **settings: object) -> Server:
    """Our server with the benchmarks' own definitions and functions. `settings`: further `STEPWELL_*` variables, in small letters."""
    chosen = {"store": store, "definitions": DEFINITIONS, "functions": FUNCTIONS, "host": "127.0.0.1", "grace_s": 1, **settings}
    environment = {f"STEPWELL_{name.upper()}": str(value) for name, value in chosen.items()}
    environment["BENCHMARK_MARKS"] = str(directory / "marks")
    return Server(["wsgi:app"], environment, directory / "server.log")


def bare(directory: Path) -> Server:
    """A Flask application that only answers, under the same gunicorn settings."""
    return Server(["-c", "python:benchmarks.bare", "benchmarks.bare:app"], {}, directory / "bare.log")


def family(pid: int) -> list[int]:
    """A process and all below it, the process itself first; nothing where the kernel does not tell."""
    if not _PROC.is_dir():
        return []
    children: list[int] = []
    with suppress(OSError):  # it, or a thread of it, has ended meanwhile
        for task in (_PROC / str(pid) / "task").iterdir():
            children += map(int, (task / "children").read_text().split())
    return [pid, *(one for child in children for one in family(child))]


def resident_mib(pid: int) -> float:
    return _status(pid, "VmRSS") / 1024


def _status(pid: int, name: str) -> int:
    """A figure from the kernel's status of a process; sizes are in KiB."""
    return int((_PROC / str(pid) / "status").read_text().partition(f"\n{name}:")[2].split()[0])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
