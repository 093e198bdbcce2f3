"""The history of one execution, read from any place in either direction, and no more of it than was asked for.

Chunks hold up to CHUNK_ENTRIES entries each and the execution's record those that came last; which chunk holds an entry is found by
bisection, since chunks of large entries hold fewer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from storage.protocol import CorruptRecord, Key
from workflows.model import Entry
from workflows.runtime.records import CHUNK_ENTRIES, entry_from

Read = Callable[[str, Key], Any]
"""Reads a record's data (kind, key), or None; from one snapshot."""


class Entries:
    """Of an execution that is there. Iterating reads chunk by chunk and raises storage.CorruptRecord for one that is missing."""

    def __init__(self, number: int, read: Read) -> None:
        self._number = number
        self._read = read
        data = read("execution", (number,))
        self._chunks: int = data["chunks"]
        self._known: dict[int, list[list[Any]]] = {self._chunks: data["history"]}

    def after(self, id: int) -> Iterator[Entry]:
        """Those that follow the entry `id`, oldest first; from the beginning with 0."""
        for chunk in range(self._holding(id + 1), self._chunks + 1):
            yield from (entry_from(row) for row in self._rows(chunk) if row[0] > id)

    def before(self, id: int | None) -> Iterator[Entry]:
        """Those that precede the entry `id`, newest first; all with None."""
        for chunk in range(self._chunks if id is None else self._holding(id - 1), -1, -1):
            yield from (entry_from(row) for row in reversed(self._rows(chunk)) if id is None or row[0] < id)

    def _holding(self, id: int) -> int:
        """The first chunk whose last entry is not older than `id`; what the execution's record has counts as the last chunk."""
        tail = self._known[self._chunks]
        least, most = max(0, (id - 1) // CHUNK_ENTRIES), self._chunks  # no chunk holds more, so it is in none before that
        if least >= most or (tail and id >= tail[0][0]):
            return most
        if self._rows(least)[-1][0] >= id:  # as it is where no entry is large
            return least
        while most - least > 1:
            middle = (least + most) // 2
            if self._rows(middle)[-1][0] >= id:
                most = middle
            else:
                least = middle
        return most

    def _rows(self, chunk: int) -> list[list[Any]]:
        rows = self._known.get(chunk)
        if rows is None:
            data = self._read("history", (self._number, chunk))
            if data is None:
                raise CorruptRecord(f"chunk {chunk} of the history of execution {self._number} is missing")
            rows = self._known[chunk] = data["entries"]
        return rows
