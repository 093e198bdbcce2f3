"""The function `command`: runs a program and waits for it. Off unless the setting `allow_commands` is on.

The program is not started from here but by `launch`, a process between the two: it alone can kill the program's whole family when this
process dies. `PR_SET_PDEATHSIG` would do that for the first generation only, and when the thread ends that asked for it; and a process
with many threads must not do such things between fork and exec.
"""

from __future__ import annotations

import errno
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from task_functions.command_output import Output
from task_functions.context import Context
from task_functions.inputs import Cancelled, Reader, shown
from task_functions.permissions import SETTING, permissions

KEYS = ("argv", "cwd", "env", "stdin", "timeout", "expected", "maxOutputBytes")
MOST_SECONDS = 7 * 86_400.0
DEFAULT_BYTES = 64 * 1024
MOST_BYTES = 4 * 1024 * 1024

INHERITED = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR")
"""What a program gets of the server's environment. The rest, secrets among it, stays here."""

SLICE_SECONDS = 0.1
"""How soon a command notices that it was cancelled."""

LEFT_SECONDS = 6.0
"""What the launcher gets to clean up; longer than it takes itself."""

DRAIN_SECONDS = 1.0
"""What is read of the pipes after the end. Only a process that cannot be killed can still have them open."""

CHUNK_BYTES = 65_536
TOLD_CHARACTERS = 500
_LAUNCH = str(Path(__file__).with_name("launch.py"))


class CommandsNotAllowed(Exception):
    """The settings of this server do not permit commands."""


class CommandNotFound(Exception):
    """There is no such program."""


class CommandFailed(Exception):
    """The program ended otherwise than expected, or could not be started. `exit_code` is negative for a signal, None if it never ran."""

    def __init__(self, message: str, exit_code: int | None = None) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class CommandTimeout(Exception):
    """The program took longer than its `timeout`, and was killed."""


@dataclass(frozen=True, slots=True)
class Command:
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str | None
    stdin: bytes
    seconds: float | None
    expected: frozenset[int]
    most: int


def call(data: Any, ctx: Context) -> dict[str, Any]:
    """`{"exitCode", "stdout", "stderr", "truncated", "seconds"}`. Raises CommandsNotAllowed, InvalidInput, CommandNotFound, CommandFailed,
    CommandTimeout."""
    if not permissions().commands:
        raise CommandsNotAllowed(f"this server runs no commands; the setting {SETTING} permits them")
    command = read(data, ctx)
    begun = time.monotonic()
    with _Running(command, ctx) as running:
        ended = running.wait(ctx)
    result = running.result(ended, round(time.monotonic() - begun, 3))
    ctx.logger.info("%s ended with %d after %.3f s", command.argv[0], ended, result["seconds"])
    return result


# ------------------------------------------------------------------------------------------------------------------ what is asked


def read(data: Any, ctx: Context) -> Command:
    """Raises InvalidInput."""
    reader = Reader("command", data, KEYS)
    argv = reader.data.get("argv")
    if not isinstance(argv, list) or not argv or argv[0] == "":
        reader.refuse("argv", 'this must be a list of texts, the program first: ["ls", "-l"]')
        argv = []
    for index, word in enumerate(argv):
        if not isinstance(word, str) or "\0" in word:
            reader.refuse(f"argv/{index}", "this must be text without NUL")
    command = Command(
        argv=tuple(argv),
        env=_environment(reader, ctx),
        cwd=_directory(reader),
        stdin=reader.text("stdin").encode("utf-8", "replace"),
        seconds=reader.seconds("timeout", None, MOST_SECONDS),
        expected=_expected(reader),
        most=reader.whole("maxOutputBytes", DEFAULT_BYTES, MOST_BYTES),
    )
    reader.finish()
    return command


def _environment(reader: Reader, ctx: Context) -> dict[str, str]:
    env = {name: os.environ[name] for name in INHERITED if name in os.environ}
    env.setdefault("PATH", os.defpath)
    told = {"EXECUTION_ID": ctx.execution_id, "TASK_ID": ctx.task_id, "ATTEMPT": str(ctx.attempt), "IDEMPOTENCY_KEY": ctx.idempotency_key}
    env |= {name: value.replace("\0", "") for name, value in told.items()}
    for name, value in reader.object("env").items():
        if not name or "=" in name or "\0" in name:
            reader.refuse(f"env/{name}", "this cannot be the name of a variable")
        elif not isinstance(value, str) or "\0" in value:
            reader.refuse(f"env/{name}", "this must be text without NUL")
        else:
            env[name] = value
    return env


def _directory(reader: Reader) -> str | None:
    cwd = reader.text("cwd")
    if not cwd:
        return None
    if not os.path.isabs(cwd) or "\0" in cwd:
        reader.refuse("cwd", f"this must be an absolute path, as /srv/data, not {shown(cwd)}")
    elif not os.path.isdir(cwd):
        reader.refuse("cwd", f"there is no directory {shown(cwd)} on this server")
    return cwd


def _expected(reader: Reader) -> frozenset[int]:
    value = reader.data.get("expected")
    members = value if isinstance(value, list) else [0 if value is None else value]
    for index, member in enumerate(members):
        if type(member) is not int or not 0 <= member <= 255:
            place = f"expected/{index}" if isinstance(value, list) else "expected"
            reader.refuse(place, f"this must be an exit code from 0 to 255, not {shown(member)}")
    return frozenset(member for member in members if isinstance(member, int))


# ------------------------------------------------------------------------------------------------------------------- what happens


class _Running:
    """A program under way. Leaving the `with` kills what is left of it."""

    def __init__(self, command: Command, ctx: Context) -> None:
        self._command = command
        self._stdout = Output(command.most, ctx.masked, sys.stdout.write)
        self._stderr = Output(command.most, ctx.masked, sys.stderr.write)
        self._said = b""
        control, self._control = os.pipe()
        self._status, status = os.pipe()
        try:
            self._launcher = subprocess.Popen(  # noqa: S603  (what is asked for: argv as given, without a shell)
                [sys.executable, "-I", "-S", _LAUNCH, str(control), str(status), *command.argv],
                stdin=subprocess.PIPE if command.stdin else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=command.cwd,
                env=command.env,
                pass_fds=(control, status),
                start_new_session=True,
            )
        except OSError as error:
            os.close(self._control)
            os.close(self._status)
            raise CommandFailed(f"{command.argv[0]} cannot be started: {error.strerror}") from None
        finally:
            os.close(control)
            os.close(status)

    def __enter__(self) -> _Running:
        process = self._launcher
        self._selector = selectors.DefaultSelector()
        for stream, take in ((process.stdout, self._stdout.add), (process.stderr, self._stderr.add)):
            assert stream is not None
            os.set_blocking(stream.fileno(), False)
            self._selector.register(stream, selectors.EVENT_READ, take)
        self._selector.register(self._status, selectors.EVENT_READ)
        if process.stdin is not None:
            os.set_blocking(process.stdin.fileno(), False)
            self._selector.register(process.stdin, selectors.EVENT_WRITE)
        self._unsent = memoryview(self._command.stdin)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._control)  # the launcher kills everything, and ends
        try:
            self._launcher.wait(LEFT_SECONDS)
        except subprocess.TimeoutExpired:
            self._launcher.kill()
        self._take_rest()
        self._stdout.close()
        self._stderr.close()
        self._selector.close()
        os.close(self._status)
        for stream in (self._launcher.stdin, self._launcher.stdout, self._launcher.stderr):
            if stream is not None:
                with suppress(OSError):
                    stream.close()

    def wait(self, ctx: Context) -> int:
        """The exit code, negative for a signal."""
        seconds = self._command.seconds
        until = None if seconds is None else time.monotonic() + seconds
        while (ended := self._ended()) is None:
            left = SLICE_SECONDS if until is None else min(SLICE_SECONDS, until - time.monotonic())
            if left <= 0:
                raise CommandTimeout(f"{self._command.argv[0]} took longer than {seconds:g} s and was killed{self._last_words()}")
            if ctx.cancelled:
                raise Cancelled(f"{self._command.argv[0]} was killed")
            self._exchange(left)
            ctx.heartbeat()
        return ended

    def _exchange(self, seconds: float) -> bool:
        """Read and write what can be; False if there was nothing within so long."""
        ready = self._selector.select(seconds)
        for key, _ in ready:
            if key.fileobj is self._launcher.stdin:
                self._send()
                continue
            try:
                chunk = os.read(key.fd, CHUNK_BYTES)
            except BlockingIOError:
                continue
            if not chunk:
                self._selector.unregister(key.fileobj)
            if key.data is not None:
                key.data(chunk)
            else:
                self._said += chunk
        return bool(ready)

    def _send(self) -> None:
        stdin = self._launcher.stdin
        assert stdin is not None
        try:
            self._unsent = self._unsent[os.write(stdin.fileno(), self._unsent[:CHUNK_BYTES]) :]
        except BlockingIOError:
            return
        except OSError:  # nobody reads any more
            self._unsent = self._unsent[:0]
        if not self._unsent:
            self._selector.unregister(stdin)
            with suppress(OSError):
                stdin.close()

    def _take_rest(self) -> None:
        """What is in the pipes still. Everybody who could write to them has been killed."""
        until = time.monotonic() + DRAIN_SECONDS
        while len(self._selector.get_map()) > 0 and (left := until - time.monotonic()) > 0:
            if not self._exchange(left):
                return

    def _ended(self) -> int | None:
        """What the launcher says of the program's end. Raises CommandNotFound, CommandFailed if it never began."""
        for line in self._said.decode().splitlines():
            word, number = line.split()
            if word == "exit":
                return int(number)
            if word == "signal":
                return -int(number)
            if word == "error":
                self._refuse(int(number))
        if self._launcher.poll() is not None and not self._exchange(0):
            self._kill_orphans()
            raise CommandFailed(f"{self._command.argv[0]}: the process that watched over it was killed{self._last_words()}")
        return None

    def _refuse(self, number: int) -> None:
        name = self._command.argv[0]
        if number in (errno.ENOENT, errno.ENOTDIR):
            raise CommandNotFound(f"there is no program {name}" + ("" if "/" in name else f" in {self._command.env['PATH']}"))
        raise CommandFailed(f"{name} cannot be started: {os.strerror(number)}")

    def _kill_orphans(self) -> None:
        for line in self._said.decode().splitlines():
            if line.startswith("started "):
                with suppress(OSError):
                    os.killpg(int(line.split()[1]), signal.SIGKILL)

    def result(self, ended: int, seconds: float) -> dict[str, Any]:
        """Raises CommandFailed for an end that was not expected."""
        if ended not in self._command.expected:
            how = f"was killed by signal {-ended} ({_signal(-ended)})" if ended < 0 else f"ended with exit code {ended}"
            raise CommandFailed(f"{self._command.argv[0]} {how}{self._last_words()}", ended)
        return {
            "exitCode": ended,
            "stdout": self._stdout.text(),
            "stderr": self._stderr.text(),
            "truncated": self._stdout.truncated or self._stderr.truncated,
            "seconds": seconds,
        }

    def _last_words(self) -> str:
        text = self._stderr.text().strip()
        return f": {'...' if len(text) > TOLD_CHARACTERS else ''}{text[-TOLD_CHARACTERS:]}" if text else ""


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"
