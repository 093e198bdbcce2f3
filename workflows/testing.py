"""A real server for the tests of your own project: `with server() as client:` starts `stepwell serve` on a free port, with nothing stored.

The settings are those of the project (`stepwell.toml`, `STEPWELL_*`), but for the port and the store, which is kept in memory.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from workflows.client import Client

START_S = 30.0
STOP_S = 20.0

_LISTENS = "Stepwell listens at "


class DidNotStart(Exception):
    """The server ended, or said nothing for too long. The message is what it wrote."""


@contextmanager
def server(directory: str | Path = ".", **settings: object) -> Iterator[Client]:
    """A client of a server that runs in `directory` until the end of the `with`. `settings`: further ones, by name, such as `max_jobs=3`; a
    list or tuple is given as the flag several times. Raises DidNotStart."""
    flags = [flag for name, value in {"port": 0, "store": "memory:", "grace_s": 1, **settings}.items() for flag in _flags(name, value)]
    command = [sys.executable, "-P", "-m", "workflows.cli", "serve", *flags]
    with tempfile.NamedTemporaryFile() as output:
        process = subprocess.Popen(command, cwd=directory, stdin=subprocess.DEVNULL, stdout=output, stderr=output)  # noqa: S603
        try:
            client = Client(_url(process, Path(output.name)))
            try:
                yield client
            finally:
                client.close()
        finally:
            process.terminate()
            process.wait(STOP_S)


def run(client: Client, job: str, payload: Mapping[str, Any] | str | bytes = b"{}") -> dict[str, Any]:
    """Execute a job and wait for its end: its state, as `GET /jobs/{executionId}/state` gives it."""
    execution_id = client.execute(job, payload)
    for _ in client.watch(execution_id, interval=0.05):
        pass
    return client.state(execution_id)


def _flags(name: str, value: object) -> list[str]:
    flag = f"--{name.replace('_', '-')}"
    if isinstance(value, bool):
        return [flag if value else f"--no-{flag[2:]}"]
    return [part for one in (value if isinstance(value, list | tuple) else [value]) for part in (flag, str(one))]


def _url(process: subprocess.Popen[bytes], output: Path) -> str:
    give_up_at = time.monotonic() + START_S
    while True:
        ended = process.poll() is not None
        said = output.read_text(errors="replace")
        for line in said.splitlines():
            if line.startswith(_LISTENS):
                return line.removeprefix(_LISTENS).split()[0]
        if ended or time.monotonic() > give_up_at:
            raise DidNotStart(said)
        time.sleep(0.05)
