"""What `doctor` looks at: each check is a function of the settings that says how one thing stands and, if not well, what to do about it.

Nothing is changed: no store is opened, nothing is registered, the address is only tried.
"""

from __future__ import annotations

import os
import platform
import resource
import shutil
import socket
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from workflows.client import CannotReach, Client, ClientError
from workflows.commands.functions import load_functions
from workflows.settings import Settings, is_loopback

Status = Literal["ok", "warn", "fail"]

NEEDED_PYTHON = (3, 11)

ENOUGH_BYTES = 1 << 30
LEAST_BYTES = 50 << 20

SPARE_FILES = 256
"""File descriptors beside those of connections: the store, logs, worker processes' pipes."""

ANSWER_S = 5.0
"""Whoever has our address and says nothing for so long is no server of ours."""

IN_MEMORY = frozenset({"tmpfs", "ramfs", "devtmpfs"})
REMOTE = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "fuse.glusterfs", "ceph", "lustre"})


@dataclass(frozen=True, slots=True)
class Check:
    """`advice`: what to do; "" if all is well."""

    name: str
    status: Status
    detail: str
    advice: str = ""


def python() -> Iterator[Check]:
    found = f"Python {platform.python_version()}, Stepwell {version('stepwell')}"
    if sys.version_info >= NEEDED_PYTHON:
        yield Check("python", "ok", found)
    else:
        yield Check("python", "fail", found, f"Stepwell needs Python {'.'.join(map(str, NEEDED_PYTHON))} or newer")


# ---------------------------------------------------------------------------------------------------------------------- store


def store(settings: Settings) -> Iterator[Check]:
    from storage.protocol import StoreError
    from storage.uri import resolve

    try:
        path: Path | None = getattr(resolve(settings.store), "path", None)
    except StoreError as error:
        yield Check("store", "fail", str(error), "see `store` in `stepwell config`")
        return
    if path is None:
        yield Check("store", "warn", f"{settings.store} keeps everything in memory", "name a file, unless all may be lost at the end")
        return
    yield _writable(path)
    directory = _existing(path)
    yield _space(directory)
    yield _filesystem(directory)
    yield _lock(path, settings)


def _existing(path: Path) -> Path:
    return next(parent for parent in path.absolute().parents if parent.exists())


def _writable(path: Path) -> Check:
    from storage.torn_tail import begins_as_store

    size = f", {_bytes(path.stat().st_size)}" if path.is_file() else ", which will be made"
    at = f"{path}{size}"
    if path.is_dir():
        return Check("store", "fail", f"{path} is a directory", "name a file in it, such as Data.fs")
    for place in (path, _existing(path)):
        if place.exists() and not os.access(place, os.W_OK | (os.R_OK if place == path else 0)):
            return Check(
                "store", "fail", f"{at}: {place} may not be read and written", f"give this user the right to read and write {place}"
            )
    with path.open("rb") if path.exists() else nullcontext() as file:
        if file and (head := file.read(64)) and not begins_as_store(head):
            return Check("store", "fail", f"{at}: this is not a ZODB file", "name another file, or move this one away")
    return Check("store", "ok", at)


def _space(directory: Path) -> Check:
    free = shutil.disk_usage(directory).free
    detail = f"{_bytes(free)} free at {directory}"
    if free >= ENOUGH_BYTES:
        return Check("space", "ok", detail)
    return Check("space", "fail" if free < LEAST_BYTES else "warn", detail, "make room: a store that cannot grow takes no more work")


def _filesystem(directory: Path) -> Check:
    kind = _kind_of_filesystem(directory)
    if kind in IN_MEMORY:
        return Check(
            "filesystem", "warn", f"{directory} is on {kind}, which is memory", "put the store on a disk: a restart of the machine loses it"
        )
    if kind in REMOTE:
        advice = "put the store on a local disk: locks and syncs over a network do not hold what they promise"
        return Check("filesystem", "warn", f"{directory} is on {kind}, which is on another machine", advice)
    if kind == "overlay":
        advice = "put the store on a volume: what is in a container is lost with it"
        return Check("filesystem", "warn", f"{directory} is on {kind}, a container's own files", advice)
    return Check("filesystem", "ok", f"{directory} is on {kind or 'a filesystem of unknown kind'}")


def _kind_of_filesystem(directory: Path) -> str:
    """Of the innermost mount around the directory; "" where that is not to be found out."""
    place, best = directory.resolve(), (-1, "")
    try:
        mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return ""
    for line in mounts:
        before, _, after = line.partition(" - ")
        mount = Path(before.split()[4].replace("\\040", " "))
        if place.is_relative_to(mount) and len(mount.parts) >= best[0]:
            best = (len(mount.parts), after.split()[0])
    return best[1]


def _lock(path: Path, settings: Settings) -> Check:
    from storage.holder import holder_of

    try:
        holder = holder_of(path)
    except OSError as error:
        return Check("lock", "fail", f"{path}.lock cannot be read: {error.strerror}", "give this user the right to read it")
    if holder is None:
        return Check("lock", "ok", "nobody has the store open")
    who = f"process {holder.process}" + (f" ({holder.command})" if holder.command else "")
    if _server_version(settings):
        return Check("lock", "ok", f"{who} has the store open, and a server answers")
    return Check("lock", "fail", f"{who} has the store open", "stop that one, or give this server a store of its own")


# ---------------------------------------------------------------------------------------------------- functions, definitions


def functions(settings: Settings) -> Iterator[Check]:
    registry, errors = load_functions(settings)
    for error in errors:
        yield Check("functions", "fail", str(error), "mend the file, or name another module or directory")
    if not errors:
        yield Check("functions", "ok", f"{len(registry.names())}, built in or from {', '.join(settings.sources) or 'nowhere else'}")


def definitions(settings: Settings) -> Iterator[Check]:
    from workflows.commands.lint import Report

    directory = settings.definitions
    if not directory.is_dir():
        yield Check("definitions", "fail", f"{directory} is not a directory", "make it, or name another one")
        return
    registry, _ = load_functions(settings)
    report = Report(registry)
    for file in sorted(directory.glob("*.json")):
        try:
            report.add(str(file), file.read_bytes())
        except OSError as error:
            yield Check("definitions", "fail", f"{file}: {error.strerror}", "give this user the right to read it")
    for severity, status in (("error", "fail"), ("warning", "warn")):
        wrong = [file["file"] for file in report.files if any(one["severity"] == severity for one in file["problems"])]
        if wrong:
            number = report.count(severity)
            yield Check(
                "definitions",
                "fail" if status == "fail" else "warn",
                f"{number} {severity}{'s' * (number > 1)} in {', '.join(wrong)}",
                f"run `stepwell lint {directory}`",
            )
    if not report.count("error"):
        yield Check("definitions", "ok", f"{len(report.files)} in {directory}")


# ---------------------------------------------------------------------------------------------------------------- address


def address(settings: Settings) -> Iterator[Check]:
    if settings.port == 0:
        yield Check("address", "ok", f"any free port of {settings.host}")
        return
    at = f"{settings.host}:{settings.port}"
    running = _server_version(settings)
    if running == version("stepwell"):
        yield Check("address", "ok", f"a server of this version answers at {at}")
    elif running:
        yield Check(
            "address", "warn", f"a server of version {running} answers at {at}", f"stop it and start it again to have {version('stepwell')}"
        )
    else:
        yield _free(settings, at)


def _server_version(settings: Settings) -> str:
    """Of the server that answers at our address; "" if none does, "unknown" where it wants a key first."""
    host = settings.host.strip("[]")
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (nothing is bound)
    url = f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"
    client = Client(url, patience=0, answer_s=ANSWER_S)
    try:
        return str(client.system_state()["version"])
    except ClientError as error:
        return "unknown" if error.status in (401, 403) else ""
    except (CannotReach, KeyError):
        return ""
    finally:
        client.close()


def _free(settings: Settings, at: str) -> Check:
    host = settings.host.strip("[]")
    try:
        socket.create_server((host, settings.port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError as error:
        why = (error.strerror or str(error)).partition(" (while")[0]
        return Check(
            "address", "fail", f"cannot listen on {at}: {why}", "stop what listens there, or choose another address with --host and --port"
        )
    return Check("address", "ok", f"{at} is free")


def keys(settings: Settings) -> Iterator[Check]:
    if is_loopback(settings.host):
        yield Check("keys", "ok", "none are needed: only this machine reaches the server")
    elif settings.insecure:
        advice = "listen on 127.0.0.1, or have keys, unless everybody on that network is trusted"
        yield Check("keys", "warn", f"anybody who reaches {settings.host} may run jobs (insecure)", advice)
    else:
        yield Check("keys", "ok", f"needed by whoever reaches {settings.host}")
    for name, path in (("api_keys_file", settings.api_keys_file), ("secrets", settings.secrets)):
        if path is not None:
            yield _private(name, path)


def _private(name: str, path: Path) -> Check:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        return Check(name, "fail", f"{path}: {error.strerror}", f"make it, or change the setting {name}")
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        return Check(name, "warn", f"everybody on this machine may read {path}", f"chmod o-rwx {path}")
    return Check(name, "ok", f"{path} is private")


# ---------------------------------------------------------------------------------------------------------------- machine


def clock(settings: Settings) -> Iterator[Check]:
    """A clock that stands before something that has happened is wrong."""
    now = time.time()
    known = [Path(__file__), *(path for path in (Path(settings.store),) if "://" not in settings.store and path.is_file())]
    latest = max(path.stat().st_mtime for path in known)
    text = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    if latest > now + 60:
        yield Check(
            "clock",
            "fail",
            f"{text}, which is before the last change of files that are there",
            "set the clock: timers and schedules go by it",
        )
    else:
        yield Check("clock", "ok", text)


def files(settings: Settings) -> Iterator[Check]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 4 * settings.threads + SPARE_FILES
    if soft == resource.RLIM_INFINITY or soft >= needed:
        yield Check("files", "ok", f"{soft:,} may be open at once" if soft != resource.RLIM_INFINITY else "any number may be open at once")
    else:
        yield Check(
            "files",
            "warn",
            f"{soft:,} may be open at once, and {settings.threads} threads want {needed:,}",
            f"ulimit -n {min(needed, hard) if hard > 0 else needed}",
        )


CHECKS: tuple[Callable[[Settings], Iterator[Check]], ...] = (store, functions, definitions, address, keys, clock, files)


def _bytes(count: int) -> str:
    return f"{count / (1 << 30):.1f} GiB" if count >= 1 << 30 else f"{count / (1 << 20):.1f} MiB"
