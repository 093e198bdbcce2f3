"""Who holds the lock of a store's file, for people who wonder why it cannot be opened. Opens no store and leaves everything as it is."""

from __future__ import annotations

import fcntl
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Holder:
    """`process`: the one to stop, None if the lock file does not tell. `command`: how it was started, "" if that cannot be read."""

    process: int | None
    command: str


def holder_of(path: Path) -> Holder | None:
    """Who has the store at `path` open, or None if nobody has: of a server its master, as a worker would be replaced. Raises OSError
    where the lock file cannot be read."""
    lock = path.with_name(f"{path.name}.lock")
    try:
        file = lock.open("rb")
    except FileNotFoundError:
        return None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # given up again when the file is closed, at once
        except BlockingIOError:
            process = _number(file.read(64))
            return Holder(None, "") if process is None else _to_stop(process)
    return None


def _to_stop(process: int) -> Holder:
    """A worker is forked, so it has its master's command."""
    command, parent = _command(process), _parent(process)
    return Holder(parent if command and _command(parent) == command else process, command)


def _parent(process: int) -> int:
    try:
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _number(text: bytes) -> int | None:
    words = text.split()
    return int(words[0]) if words and words[0].isdigit() else None


def _command(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""
