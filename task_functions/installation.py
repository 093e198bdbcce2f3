"""What is installed in the Python that runs this: distributions, the files they own, the hashes their RECORD promises.

Reads only, in an order that depends on nothing but the installation. Must not know about tasks or reports. RECORD is read here rather
than through `importlib.metadata`'s `files`, because from Python 3.12 that leaves out the very files one wants to hear of: the missing.
The standard library counts as a distribution too; nothing records its hashes. Byte code is left out: Python writes it as it goes.
"""

from __future__ import annotations

import base64
import binascii
import csv
import hashlib
import os
import platform
import re
import sysconfig
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

STDLIB = "python-stdlib"
"""The name the standard library goes by here."""

_BLOCK_BYTES = 1 << 20
_RECORDED_ALGORITHMS = frozenset({"sha256", "sha384", "sha512"})
_NOT_STDLIB = frozenset({"site-packages", "dist-packages", "__pycache__"})


class InstallationChanged(Exception):
    """What is installed is no longer what was listed: start again."""


@dataclass(frozen=True, slots=True)
class OwnedFile:
    """A file of a distribution: `path` as recorded ("/" between parts), and the hash recorded for it ("sha256", digest) if any."""

    path: str
    file: Path
    recorded: tuple[str, bytes] | None = None


@dataclass(frozen=True, slots=True)
class Distribution:
    """`name` is normalised (PEP 503). `location` is the directory its paths start from. `info` is None for the standard library."""

    name: str
    version: str
    location: Path
    info: metadata.Distribution | None = field(default=None, compare=False)


def normalised(name: str) -> str:
    """PEP 503: by this, Zope.Interface and zope-interface are one."""
    return re.sub(r"[-_.]+", "-", name).lower()


def header(info: metadata.Distribution, key: str) -> str:
    """One field of the metadata, "" where it is absent or says UNKNOWN as old tools write."""
    fields = info.metadata
    value = str(fields[key]).strip() if key in fields else ""
    return "" if value == "UNKNOWN" else value


def installed() -> dict[str, Distribution]:
    """By name, in name order. Of two with one name the first on `sys.path` counts, since that is the one imported."""
    found: dict[str, Distribution] = {STDLIB: Distribution(STDLIB, platform.python_version(), Path(sysconfig.get_path("stdlib")))}
    for info in metadata.distributions():
        name = normalised(header(info, "Name"))
        if name and name not in found:
            found[name] = Distribution(name, header(info, "Version"), Path(str(info.locate_file(""))), info)
    return dict(sorted(found.items()))


def listed(versions: Mapping[str, str]) -> list[Distribution]:
    """The distributions of a list made before. Raises InstallationChanged if one is gone or has another version now."""
    present = installed()
    now = {name: present[name].version if name in present else "gone" for name in versions}
    for name in sorted(versions):
        if now[name] != versions[name]:
            raise InstallationChanged(f"{name} was {versions[name]!r} when the list was made and is {now[name]!r} now")
    return [present[name] for name in sorted(versions)]


# ----------------------------------------------------------------------------------------------- files


def files(distribution: Distribution) -> list[OwnedFile]:
    """Every file the distribution says it owns, each once, by path; whether it is there or not."""
    if distribution.info is None:
        owned = {path: OwnedFile(path, distribution.location / path) for path in _walk(distribution.location)}
    elif (record := distribution.info.read_text("RECORD")) is not None:
        rows = (row for row in csv.reader(record.splitlines()) if row)
        owned = {row[0]: OwnedFile(row[0], distribution.location / row[0], _recorded(row[1:2])) for row in rows}
    else:
        # An old egg-info lists its sources, of which not all get installed: absence means nothing there.
        paths = [str(path) for path in distribution.info.files or ()]
        owned = {path: OwnedFile(path, distribution.location / path) for path in paths if (distribution.location / path).is_file()}
    return [owned[path] for path in sorted(owned) if not _is_byte_code(path)]


def shard_of(distribution: str, path: str, shards: int) -> int:
    """Which shard hashes this file: even over shards, and the same on every machine."""
    return zlib.crc32(f"{distribution}/{path}".encode("utf-8", "surrogateescape")) % shards


def _walk(directory: Path) -> Iterator[str]:
    for root, directories, names in os.walk(directory):
        directories[:] = [name for name in directories if name not in _NOT_STDLIB]
        for name in names:
            yield Path(root, name).relative_to(directory).as_posix()


def _is_byte_code(path: str) -> bool:
    return path.endswith((".pyc", ".pyo")) or "__pycache__" in path.split("/")


def _recorded(cells: list[str]) -> tuple[str, bytes] | None:
    """From "sha256=<URL-safe base64, no padding>" (PEP 376, PEP 427). None where there is none, or none we can check."""
    algorithm, _, digest = (cells or [""])[0].partition("=")
    if algorithm not in _RECORDED_ALGORITHMS:
        return None
    try:
        return algorithm, base64.urlsafe_b64decode(digest + "=" * (-len(digest) % 4))
    except (binascii.Error, ValueError):
        return algorithm, b""  # no file has this digest, so it shows up as different


# ---------------------------------------------------------------------------------------------- hashes


@dataclass(frozen=True, slots=True)
class Hashed:
    """`matches`: whether the hash is the recorded one; None where none is recorded."""

    sha256: str
    size_bytes: int
    matches: bool | None


def hash_file(owned: OwnedFile) -> Hashed:
    """Read the file once. Raises OSError if it cannot be read."""
    ours = hashlib.sha256()
    theirs = ours if owned.recorded is None or owned.recorded[0] == "sha256" else hashlib.new(owned.recorded[0])
    size = 0
    with owned.file.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            size += len(block)
            ours.update(block)
            if theirs is not ours:
                theirs.update(block)
    return Hashed(ours.hexdigest(), size, None if owned.recorded is None else theirs.digest() == owned.recorded[1])
