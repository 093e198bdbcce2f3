"""One partition of the store, as the rest of the runtime sees it: plain data in and out, one numbered batch per commit.

Knows the store's contract and the seal of records; knows nothing of what the data means.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from storage.protocol import Batch, Key, Store, View
from storage.records import decode, encode
from workflows.runtime.buckets import COMMIT_S, Spread


class Pending:
    """What the next commit will write."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, Key], bytes | None] = {}
        self.indexes: dict[str, dict[Key, bool]] = {}
        self.counts: dict[str, int] = {}

    def put(self, kind: str, key: Key, data: Any) -> None:
        """Raises storage.UnencodableRecord."""
        self.records[kind, key] = encode(data)

    def index(self, name: str, key: Key, present: bool) -> None:
        self.indexes.setdefault(name, {})[key] = present

    def add(self, name: str, more: int) -> None:
        """To a count that has no entries."""
        self.counts[name] = self.counts.get(name, 0) + more

    def take(self, other: Pending) -> None:
        """All that another is to write, after what is here."""
        self.records.update(other.records)
        for name, entries in other.indexes.items():
            self.indexes.setdefault(name, {}).update(entries)
        for name, more in other.counts.items():
            self.add(name, more)

    def __bool__(self) -> bool:
        return bool(self.records or self.indexes or self.counts)


class Snapshot:
    """The partition as of one commit."""

    def __init__(self, view: View) -> None:
        self._view = view

    def read(self, kind: str, key: Key) -> Any:
        """A record's data, or None. Raises storage.CorruptRecord."""
        raw = self._view.get(kind, key)
        return None if raw is None else decode(raw)

    def scan(self, index: str, after: Key | None = None, limit: int = 100) -> list[Key]:
        return self._view.scan(index, after, limit)

    def keys(self, kind: str, after: Key | None = None, limit: int = 100) -> list[Key]:
        """Keys of the records of that kind, ascending, after `after`."""
        return self._view.keys(kind, after, limit)

    def has(self, index: str, key: Key) -> bool:
        """Whether the index has an entry; `key` ends in an integer."""
        *rest, last = key
        return self._view.scan(index, (*rest, int(last) - 1), 1) == [key]

    def walk(self, index: str, page: int = 1_000) -> Iterator[Key]:
        """Every entry of an index, read a page at a time."""
        after: Key | None = None
        while keys := self._view.scan(index, after, page):
            yield from keys
            after = keys[-1]

    def last(self, index: str, limit: int) -> list[Key]:
        """The last entries of an index of negative integers, the last one first. Views only go upwards: where to begin is bisected."""
        first = self._view.scan(index, None, limit)
        if len(first) < limit:
            return first[::-1]
        enough, few = int(first[0][0]) - 1, 0  # there are `limit` entries after the one, and fewer after the other
        while few - enough > 1:
            middle = (enough + few) // 2
            if len(self._view.scan(index, (middle,), limit)) == limit:
                enough = middle
            else:
                few = middle
        return self._view.scan(index, (enough,), limit)[::-1]

    def count(self, index: str) -> int:
        return self._view.count(index)

    def number(self) -> int:
        return self._view.number()


class Ledger:
    """Snapshots for any thread; commits for the engine's alone. `commits`: seconds that they took; `failed`: those that came to nothing, or
    were not known to come to anything."""

    def __init__(self, store: Store, partition: int = 0) -> None:
        self._store = store
        self.partition = partition
        self._number: int | None = None
        self.commits = Spread(COMMIT_S)
        self.failed = 0

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        with self._store.view(self.partition) as view:
            yield Snapshot(view)

    def read(self, kind: str, key: Key) -> Any:
        """The latest committed data of a record, or None."""
        with self.snapshot() as snapshot:
            return snapshot.read(kind, key)

    def scan(self, index: str, after: Key | None, limit: int) -> list[Key]:
        with self.snapshot() as snapshot:
            return snapshot.scan(index, after, limit)

    def commit(self, pending: Pending) -> None:
        """Write it as the partition's next batch. Raises storage.StoreUnavailable; `landed` then tells whether it is there."""
        number, began = self.next(), time.perf_counter()
        try:
            self._store.commit(Batch(self.partition, number, pending.records, pending.indexes, pending.counts))
        except BaseException:
            self.failed += 1
            raise
        self._number = number
        self.commits.add(time.perf_counter() - began)

    def next(self) -> int:
        """The number of the next commit. Raises storage.StoreUnavailable."""
        if self._number is None:
            self._number = self._stored()
        return self._number + 1

    def size(self) -> int:
        """Bytes that the store takes, of all its partitions. Raises storage.StoreUnavailable."""
        return self._store.size()

    def landed(self) -> bool:
        """After a failed commit: whether it took effect all the same. Raises storage.StoreError while the store cannot be read."""
        before, self._number = self._number, self._stored()
        return before is not None and self._number > before

    def _stored(self) -> int:
        with self.snapshot() as snapshot:
            return snapshot.number()
