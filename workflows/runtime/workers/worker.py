"""A worker process: calls functions by name on threads of its own, until its parent's end of the socket is closed.

Never outlives its parent. The kernel kills it when the thread that started it ends (PR_SET_PDEATHSIG), which needs no cooperation: not when
a function holds the interpreter's lock, not when C code runs for ever. Where there is no such call, the end of the stream ends it as soon
as this thread gets to run. It takes no signal that is meant for the server, and asks the kernel to kill it rather than the server
when memory runs out. Imports as little as it can: no Flask, no ZODB, no marshmallow.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import queue
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from task_functions.registry import REGISTRY, load
from workflows.runtime.calling import call
from workflows.runtime.capture import Pulse, Tail, adopt_threads, current, install
from workflows.runtime.executor import Done, Run
from workflows.runtime.secrets import Vault
from workflows.runtime.workers import protocol

BATCH = 1_000
"""Messages in one frame."""

OOM_SCORE = "500"
"""Of 1,000: how much rather than others this process is killed when memory runs out."""

_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15


def main(descriptor: int, parent: int) -> NoReturn:
    """`descriptor` is of the socket; `parent` the process that made this one."""
    _bind(parent)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _not_for_us)  # a function, so that programs which functions start do not inherit deafness
    faulthandler.enable()
    with suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write(OOM_SCORE)
    Worker(socket.socket(fileno=descriptor)).work()


def _bind(parent: int) -> None:
    """Have the kernel kill this process when its parent ends. One that has ended before is noticed at once."""
    if sys.platform == "linux":
        import ctypes

        prctl = ctypes.CDLL(None, use_errno=True).prctl
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        prctl(_PR_SET_NAME, b"stepwell-worker", 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


def _not_for_us(_number: int, _frame: Any) -> None:
    """The server is asked to stop, and ends its workers in its own time."""


@dataclass(slots=True)
class _Attempt:
    number: int
    run: Run
    tail: Tail
    stop: threading.Event = field(default_factory=threading.Event)
    telling: threading.Lock = field(default_factory=threading.Lock)  # what is taken of its text is said before its end


class Worker:
    """`link` is the parent."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._out: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._todo: queue.SimpleQueue[_Attempt] = queue.SimpleQueue()
        self._attempts: dict[int, _Attempt] = {}
        self._lock = threading.Lock()
        self._threads = 0
        self._limit = 0
        self._spare = 0  # threads that wait, less attempts that wait
        self._pulse = Pulse(self._tell_logs)
        self._unloaded = ""
        self._vault = Vault()

    def work(self) -> NoReturn:
        """On the main thread, until the end of the stream."""
        threading.Thread(target=self._write, name="writer", daemon=True).start()
        inlet = protocol.Inlet()
        with suppress(OSError):
            while data := self._link.recv(protocol.READ_BYTES):
                for kind, *fields in inlet.feed(data):
                    self._handle(kind, fields)
        sys.stderr.flush()
        os._exit(0)  # whatever threads there are, and whatever holds them

    def _handle(self, kind: str, fields: list[Any]) -> None:
        if kind == protocol.RUN:
            self._begin(protocol.read_run(*fields))
        elif kind == protocol.CANCEL:
            attempt = self._attempts.get(fields[0])
            if attempt is not None:
                attempt.stop.set()
        elif kind == protocol.PING:
            self._say(protocol.PONG)
        elif kind == protocol.HELLO:
            self._prepare(*fields)

    def _prepare(self, path: list[str], sources: list[str], threads: int, secrets: str | None) -> None:
        """Load the functions, and say that attempts may come."""
        self._vault = Vault(None if secrets is None else Path(secrets))
        sys.path[:] = path
        self._speak_outside()
        self._limit = threads
        errors = [str(error) for source in sources for error in load(source).errors]
        if errors:
            self._unloaded = f" in this worker, where not all could be loaded: {'; '.join(errors)}"
        self._say(protocol.READY, [text.encode("utf-8", "backslashreplace").decode() for text in errors])

    # -------------------------------------------------------------------------------------------------------------- attempts

    def _begin(self, run: Run) -> None:
        number = run.identity.number
        attempt = _Attempt(number, run, Tail(self._pulse.ask))
        with self._lock:
            self._attempts[number] = attempt
            self._spare -= 1
            grow = self._spare < 0 and self._threads < self._limit
            self._threads += grow
            self._spare += grow
        self._todo.put(attempt)
        if grow:
            threading.Thread(target=self._run, name=f"task-{self._threads}", daemon=True).start()

    def _run(self) -> None:
        while True:
            attempt = self._todo.get()
            beat = self._beat_of(attempt)
            outcome = call(attempt.run, REGISTRY.get, self._vault, beat, attempt.stop, attempt.tail, self._unloaded)
            with self._lock:
                del self._attempts[attempt.number]
                self._spare += 1
            self._tell_log(attempt)
            if isinstance(outcome, Done):
                self._say(protocol.DONE, attempt.number, outcome.output)
            else:
                error = outcome.error
                self._say(protocol.ERRED, attempt.number, error.type, error.message, error.traceback)

    def _beat_of(self, attempt: _Attempt) -> Callable[[], None]:
        return lambda: self._say(protocol.BEAT, attempt.number)

    def _tell_logs(self) -> None:
        with self._lock:
            attempts = list(self._attempts.values())
        for attempt in attempts:
            self._tell_log(attempt)

    def _tell_log(self, attempt: _Attempt) -> None:
        """What was written since the last time."""
        with attempt.telling:
            taken = attempt.tail.take(keep=False)
            if taken is not None:
                self._say(protocol.LOG, attempt.number, *taken)

    # --------------------------------------------------------------------------------------------------------------- writing

    def _say(self, kind: str, *fields: Any) -> None:
        self._out.put(protocol.message(kind, *fields))

    def _write(self) -> None:
        """One write for all that waits."""
        while True:
            batch = [self._out.get()]
            with suppress(queue.Empty):
                while len(batch) < BATCH:
                    batch.append(self._out.get_nowait())
            try:
                self._link.sendall(protocol.frame(batch))
            except OSError:
                os._exit(0)

    # ------------------------------------------------------------------------------------------------ outside of any attempt

    def _speak_outside(self) -> None:
        """What is printed outside of attempts goes to the standard error, what is logged is sent as it is: the parent has the server's log,
        and its form."""
        sys.stdout = sys.stderr
        install()
        adopt_threads()
        root = logging.getLogger()
        root.addHandler(_Outside(self._say))
        root.setLevel(logging.INFO)


class _Outside(logging.Handler):
    def __init__(self, say: Callable[..., None]) -> None:
        super().__init__()
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        if current() is None:
            text = self.format(record).encode("utf-8", "backslashreplace").decode()
            self._say(protocol.SAID, record.name, record.levelno, text)
