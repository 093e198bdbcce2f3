"""Running `stepwell` in this process, and on a terminal of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from click.testing import CliRunner, Result

from tests.cli.servers import STEPWELL, environment
from workflows.cli import main


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
        with suppress(OSError):  # how Linux tells that nobody holds the other end any more
            while part := terminal.read(4096):
                shown += part
                if enough is not None and enough(bytes(shown)):
                    process.send_signal(2)
                    enough = None
    return process.wait(30), shown.decode()
