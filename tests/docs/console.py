"""Reads a page that shows a session at a terminal, and repeats it: files that the page shows are written, commands run in their order, one
after the other in one place, and what they print is what the page says, but for ids, times and addresses.

A file is a block behind its name ("`functions/shop.py`:"). A `console` block has commands behind `$`, each followed by what it prints, in
which … stands for anything. `stepwell serve` goes on in the background. Its port, 8080, and that of whoever it calls, 8090, are free ones.
"""

from __future__ import annotations

import re
import shlex
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.cli.servers import STEPWELL, Process, environment

_BLOCK = re.compile(r"(?:`([\w./-]+\.\w+)`:\n\n)?```(\w+)\n(.*?)```", re.DOTALL)

_MASKS = (
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?Z?"), "TIME"),
    (re.compile(r"\b(?:\d+(?:\.\d+)?s|\d+m \d\ds)\b"), "SECONDS"),
    (re.compile(r"exec-\d+-\d+-[0-9a-f]{8}"), "ID"),
    (re.compile(r"127\.0\.0\.1:\d+"), "ADDRESS"),
    (re.compile(r"process \d+"), "process N"),
    (re.compile(r"sw_[0-9a-f]{10}_[\w-]{43}"), "KEY"),
    (re.compile(r"\bkey [0-9a-f]{10}\b"), "key ID"),
    (re.compile(r"\s+"), " "),
)
_OTHER = re.compile(r"\b8090\b")
_PASSING = re.compile(r"(?:[\w-]+ +)?(?:QUEUED|RUNNING|RETRYING|PENDING)\b")
"""What `--watch` prints of it, if it looks in time."""


@dataclass(frozen=True, slots=True)
class File:
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Command:
    text: str
    prints: tuple[str, ...]


def steps(page: str) -> Iterator[File | Command]:
    """What the page does, in its order."""
    for name, language, text in _BLOCK.findall(page):
        if language == "console":
            for command in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                yield _command(re.sub(r"\\\n", "", command))
        elif name:
            yield File(name, text)


def _command(text: str) -> Command:
    """What is typed ends with the line at which its quotes are closed."""
    lines = text.splitlines()
    for count in range(1, len(lines) + 1):
        if "\n".join(lines[:count]).count("'") % 2 == 0:
            return Command("\n".join(lines[:count]), tuple(lines[count:]))
    raise ValueError(f"a quote is never closed: {text}")


def masked(command: str, lines: tuple[str, ...] | list[str]) -> list[str]:
    """The lines without what differs from one time to the next."""
    kept = [line for line in lines if line.strip() and not ("--watch" in command and _PASSING.match(line))]
    for mask, word in _MASKS:
        kept = [mask.sub(word, line).strip() for line in kept]
    return kept


def alike(command: str, shown: tuple[str, ...], printed: list[str]) -> bool:
    """Whether the page shows what was printed."""
    wanted = "\n".join(masked(command, shown))
    pattern = re.escape(wanted).replace("…\\\n", "…").replace("…", "(?:.*)")
    return re.fullmatch(pattern, "\n".join(masked(command, printed)), re.DOTALL) is not None


def free_ports() -> tuple[str, str]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return str(one.getsockname()[1]), str(other.getsockname()[1])


class Session:
    """Somebody's terminals, beginning in an empty directory. Their server has a port of its own."""

    def __init__(self, directory: Path) -> None:
        bin = directory / "bin"
        bin.mkdir()
        (bin / "stepwell").write_text(f'#!/bin/sh\nexec {" ".join(STEPWELL)} "$@"\n')
        (bin / "stepwell").chmod(0o755)
        self.home = self.place = directory / "home"
        self.home.mkdir()
        port, self._other = free_ports()
        self._address = f"127.0.0.1:{port}"
        self._variables = {"STEPWELL_PORT": port, "STEPWELL_URL": f"http://{self._address}", "TZ": "UTC", "STEPWELL_GRACE_S": "0.5"}
        self._variables["PATH"] = f"{bin}:{environment()['PATH']}"
        self._code = 0
        self._server: Process | None = None

    def write(self, file: File) -> None:
        assert (self.place / file.name).parent.is_dir(), f"no directory for {file.name}"
        (self.place / file.name).write_text(_OTHER.sub(self._other, file.text), encoding="utf-8")

    def run(self, command: str) -> list[str]:
        """What it prints; of a server, until it listens."""
        command = _OTHER.sub(self._other, command.replace("127.0.0.1:8080", self._address))
        if command.startswith("stepwell serve"):
            self.close()
            self._server = Process(*shlex.split(command), cwd=self.place, env=self._variables)
            self._server.says("Stepwell listens at")
            return list(self._server.lines)
        told = self.home.parent / "place"
        script = f"(exit {self._code})\n{command}\ncode=$?; pwd > '{told}'; exit $code"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.place,
            env=environment(**self._variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        self._code, self.place = done.returncode, Path(told.read_text().strip())
        return done.stdout.splitlines()

    def close(self) -> None:
        if self._server is not None:
            self._server.signal(15)
            self._server.exit()
            self._server = None
