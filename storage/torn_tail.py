"""Cuts the torn last transaction off a FileStorage file that a power cut left unreadable.

FileStorage cuts most torn tails itself, but refuses a file whose last pages arrived while the page with the header did not: it sees a
header of zeros before a plausible end. Owns the decision whether that is what happened. It cuts only when the first unreadable place is
not marked finished and nothing finished follows; anything else is damage that a person must look at. The tail is kept as `.trN`.
"""

from __future__ import annotations

import logging
import os
import struct
from pathlib import Path
from typing import BinaryIO

from storage.protocol import StoreError

logger = logging.getLogger(__name__)

_MAGIC = b"FS30"
_HEADER = struct.Struct(">8sQc")  # transaction id, length without the last 8 bytes, status
_HEADER_BYTES = 23  # with the three lengths that follow
_FINISHED = frozenset([b" ", b"u", b"p"])


def begins_as_store(head: bytes) -> bool:
    """Whether a file with these first bytes is FileStorage's."""
    return head[: len(_MAGIC)] == _MAGIC


def cut_torn_tail(path: Path) -> None:
    """Cut the tail, or raise StoreError when the damage is of another kind. The caller holds the file's lock."""
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        if not begins_as_store(file.read(len(_MAGIC))):
            raise StoreError(f"{path} is not a ZODB file: name another file, or move this one away")
        position = _end_of_finished(file, size)
        file.seek(position)
        status = file.read(_HEADER_BYTES)[_HEADER.size - 1 : _HEADER.size]
        if position == size or status in _FINISHED or _ends_with_finished(file, position, size):
            raise StoreError(
                f"{path} is damaged near byte {position} of {size}, and not by a torn last transaction, so nothing was changed. "
                f"Restore a backup, or save what can be read into a new file: python -m ZODB.fsrecover {path} recovered.fs"
            )
        saved = _save(path, file, position)
        file.truncate(position)
        os.fsync(file.fileno())
    Path(f"{path}.index").unlink(missing_ok=True)
    logger.warning("%s: cut an unfinished transaction of %d bytes, kept as %s", path, size - position, saved)


def _end_of_finished(file: BinaryIO, size: int) -> int:
    """Where the unbroken chain of finished transactions ends."""
    position = len(_MAGIC)
    while position + _HEADER_BYTES + 8 <= size:
        length = _finished_length(file, position)
        if length is None or position + length + 8 > size:
            break
        file.seek(position + length)
        if int.from_bytes(file.read(8)) != length:
            break
        position += length + 8
    return position


def _ends_with_finished(file: BinaryIO, position: int, size: int) -> bool:
    """Whether a finished transaction that begins after `position` ends the file."""
    file.seek(size - 8)
    length = int.from_bytes(file.read(8))
    begin = size - 8 - length
    return begin > position and _finished_length(file, begin) == length


def _finished_length(file: BinaryIO, position: int) -> int | None:
    file.seek(position)
    header = file.read(_HEADER_BYTES)
    if len(header) < _HEADER_BYTES:
        return None
    _, length, status = _HEADER.unpack_from(header)
    return length if status in _FINISHED and length >= _HEADER_BYTES else None


def _save(path: Path, file: BinaryIO, position: int) -> Path:
    number = 0
    while (saved := Path(f"{path}.tr{number}")).exists():
        number += 1
    file.seek(position)
    descriptor = os.open(saved, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as tail:
        while piece := file.read(1 << 20):
            tail.write(piece)
    return saved
