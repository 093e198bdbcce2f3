"""One worker process, as its parent sees it: started, spoken to, killed, buried. Decides nothing: `pool` does.

The process leads a process group, which what its functions start belongs to as well and which is killed as a whole; so a Ctrl-C in the
server's terminal does not reach it either. It is dead only when the kernel says so: a closed socket is not enough to issue its attempts
again.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflows.runtime.executor import Run
from workflows.runtime.output import Output
from workflows.runtime.workers import protocol

LINE_BYTES = 16 * 1024
"""A longer line outside of attempts is logged in pieces."""

SPEECH_BYTES = 4 * 1024
"""Read at once of what is written outside of attempts: who never stops writing is to wait for the log, and nobody else is."""

API_KEYS = "STEPWELL_API_KEYS"
_ROOT = str(Path(__file__).resolve().parents[3])
_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from workflows.runtime.workers.worker import main; main(*map(int, sys.argv[2:4]))"


@dataclass(slots=True)
class Attempt:
    """`unwanted`: since when, by the monotonic clock. `child`, `number`: whom it was given to, and as which."""

    run: Run
    output: Output
    child: Child | None = None
    number: int = 0
    unwanted: float | None = None


Saying = Callable[[], None]
"""Puts into the server's log what was said outside of attempts."""


class Child:
    """Belongs to the thread that makes it: when that ends, the process is killed. `said` gets what it says outside of attempts, for whoever
    has time to wait for the log. Raises OSError when no process can be made."""

    def __init__(self, name: str, sources: Sequence[str], threads: int, secrets: Path | None, said: deque[Saying]) -> None:
        self.name = name
        self._said = said
        self.attempts: dict[int, Attempt] = {}
        self.unwanted: dict[int, float] = {}
        self.given = 0
        self.ready = False
        self.retired = False
        self.ending: float | None = None  # since when it is told to end, or is seen to
        self.open = True  # more may be heard from it
        self.killed = False
        self.ours = False  # it ends because we want it to
        self.why = ""
        self.started = self.heard = self.looked = time.monotonic()
        self.pinged: float | None = None
        self._inlet = protocol.Inlet()
        self._unsent: list[bytes] = []
        self._buffer = bytearray()
        self._heard = b""
        self.silenced = False  # nothing more can be overheard
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-P", "-c", _BOOT, _ROOT, str(theirs.fileno()), str(os.getpid()), name]
        with theirs:
            try:
                self._process = subprocess.Popen(  # noqa: S603  (this very Python, and arguments of our own)
                    command,
                    bufsize=0,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    pass_fds=[theirs.fileno()],
                    process_group=0,
                    env=_environment(),
                )
            except OSError:
                ours.close()
                raise
        assert self._process.stdout is not None
        ours.setblocking(False)
        self.link, self.speech = ours, self._process.stdout
        os.set_blocking(self.speech.fileno(), False)
        path, vault = [path or os.getcwd() for path in sys.path], None if secrets is None else str(secrets.absolute())
        self.send(protocol.message(protocol.HELLO, path, list(sources), threads, vault))

    def __str__(self) -> str:
        return f"{self.name} (process {self.pid})"

    @property
    def pid(self) -> int:
        return self._process.pid

    # -------------------------------------------------------------------------------------------------------------- speaking

    def send(self, message: bytes) -> None:
        """It goes out with the next `flush`."""
        self._unsent.append(message)

    def flush(self) -> bool:
        """Write what there is, as far as that goes without waiting. True: there is more."""
        if self._unsent:
            self._buffer += protocol.frame(self._unsent)
            self._unsent.clear()
        try:
            while self._buffer:
                del self._buffer[: self.link.send(self._buffer[: protocol.READ_BYTES])]
        except BlockingIOError:
            return True
        except OSError:  # it is gone; reading will tell
            self._buffer.clear()
        return False

    def receive(self, *, all: bool = False) -> tuple[list[list[Any]], bool]:
        """The messages that have come, and whether the stream is `open` still; without `all`, more may be there to be read."""
        messages: list[list[Any]] = []
        try:
            while data := self.link.recv(protocol.READ_BYTES):
                self.heard, self.pinged = time.monotonic(), None
                messages += self._inlet.feed(data)
                if len(data) < protocol.READ_BYTES and not all:
                    return messages, True
        except BlockingIOError:
            return messages, True
        except (OSError, protocol.BrokenStream) as error:
            self.why = self.why or f"sent what could not be read ({error})"
        self.open = False
        return messages, False

    def says(self, logger: str, level: int, text: str) -> None:
        """It has something to say outside of attempts."""
        more = {"worker": self.name, "pid": self.pid}
        self._said.append(lambda: logging.getLogger(logger).log(level, "%s", text, extra=more))

    def overhear(self, *, all: bool = False) -> bool:
        """The same of lines that it, or what its functions started, has written to its standard output and error. `all`: of what is in the
        pipe. Whether there can be more."""
        data: bytes | None = None
        with suppress(OSError):
            data = self.speech.read(protocol.READ_BYTES if all else SPEECH_BYTES)
        if data is None:
            return True
        self.silenced = not data
        *lines, self._heard = (self._heard + data).split(b"\n")
        if self._heard and (self.silenced or len(self._heard) > LINE_BYTES):
            lines, self._heard = [*lines, self._heard], b""
        for line in lines:
            self.says("workflows.runtime.workers.worker", logging.INFO, line.decode("utf-8", "backslashreplace"))
        return not self.silenced

    def ping(self) -> None:
        self.pinged = time.monotonic()
        self.send(protocol.message(protocol.PING))

    def silent(self, seconds: float) -> bool:
        """It has not answered for so long: something holds its interpreter's lock."""
        return self.pinged is not None and time.monotonic() - self.pinged > seconds

    # ---------------------------------------------------------------------------------------------------------------- ending

    def finish(self) -> None:
        """It ends when it gets to read that; it has nothing to do any more."""
        if self.ending is None:
            self.ending, self.ours = time.monotonic(), True
            with suppress(OSError):
                self.link.shutdown(socket.SHUT_WR)

    def kill(self, why: str, *, ours: bool = True) -> None:
        """Its whole group, at once. Any thread may call this, until `bury`. `ours`: nothing that it did is the reason."""
        if not self.killed:
            self.killed, self.ours, self.why = True, self.ours or ours, self.why or why
            self.ending = self.ending or time.monotonic()
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    def dead(self) -> bool:
        """Whether the process has ended. It is left to `bury`, so that its number is nobody else's until then."""
        self.looked = time.monotonic()
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def bury(self) -> str:
        """After `dead`: what it left behind is killed. How it ended, in words that may follow "its worker"."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        code = self._process.wait()
        self.link.close()
        self.speech.close()
        return self.why or _how(code)


def _environment() -> dict[str, str]:
    """Ours, without the keys that open the server: no function needs them."""
    return {name: value for name, value in os.environ.items() if name != API_KEYS}


def _how(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    with suppress(ValueError):
        return f"was killed by signal {-code} ({signal.Signals(-code).name})"
    return f"was killed by signal {-code}"
