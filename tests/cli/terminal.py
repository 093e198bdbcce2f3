"""Running `stepwell` in this process, and on a terminal of its own."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from click.testing import CliRunner, Result

from tests.cli.servers import STEPWELL, environment
from workflows.cli import main

TERMINAL_S = 60.0
"""A command that is still there then is killed."""

AGAIN_S = 5.0


def stepwell(*arguments: str, server: str = "", stdin: str | bytes | None = None, **variables: str) -> Result:
    """What is said without a terminal, and the exit code."""
    return CliRunner().invoke(main, list(arguments), env={**({"STEPWELL_URL": server} if server else {}), **variables}, input=stdin)


def on_terminal(
    *arguments: str, cwd: Path, typed: bytes = b"", enough: Callable[[bytes], bool] | None = None, **variables: str
) -> tuple[int, str]:
    """Exit code and all that is shown on a terminal of 160 columns. `typed`: what somebody types there. `enough`: once what is shown so
    far is so, Ctrl-C is pressed."""
    shown = bytearray()
    ours, theirs = os.openpty()
    with open(ours, "r+b", buffering=0) as terminal:
        process = subprocess.Popen(
            [*STEPWELL, *arguments],
            cwd=cwd,
            env=environment(TERM="xterm", COLUMNS="160", **variables),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        terminal.write(typed)
        deadline, press = time.monotonic() + TERMINAL_S, 0.0
        with suppress(OSError):  # how Linux tells that nobody holds the other end any more
            while time.monotonic() < deadline:
                if select.select([terminal], [], [], 1.0)[0]:
                    if not (part := terminal.read(4096)):
                        break
                    shown += part
                if enough is not None and time.monotonic() >= press and enough(bytes(shown)):
                    process.send_signal(signal.SIGINT)
                    press = time.monotonic() + AGAIN_S  # one may come where Python has to ignore it: people press again, then
        if process.poll() is None and time.monotonic() >= deadline:
            process.kill()
    return process.wait(30), shown.decode()
