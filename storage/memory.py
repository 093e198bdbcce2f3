"""A store in memory: the naive reference the others are compared with, and what `memory:` gives.

Each commit makes a new immutable state of its partition, so a view is just a reference to one. Costs O(all keys of the kinds and indexes
touched) per commit: fine for tests and demos, which is what it is for. `close` keeps the data: a test "crashes" by reopening.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock

from storage.protocol import Batch, Key, StoreError, View, must_follow


@dataclass(frozen=True, slots=True)
class _State:
    """One partition as of one commit; itself the View. Never changed once made."""

    last: int = 0
    records: Mapping[str, Mapping[Key, bytes]] = field(default_factory=dict)
    sorted_keys: Mapping[str, list[Key]] = field(default_factory=dict)
    entries: Mapping[str, list[Key]] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)

    def get(self, kind: str, key: Key) -> bytes | None:
        return self.records.get(kind, {}).get(key)

    def keys(self, kind: str, after: Key | None = None, limit: int = 100) -> list[Key]:
        return _page(self.sorted_keys.get(kind, []), after, limit)

    def scan(self, index: str, after: Key | None = None, limit: int = 100) -> list[Key]:
        return _page(self.entries.get(index, []), after, limit)

    def count(self, index: str) -> int:
        return len(self.entries.get(index, [])) + self.counts.get(index, 0)

    def number(self) -> int:
        return self.last


class MemoryStore:
    """Keeps the `Store` contract without a file."""

    def __init__(self) -> None:
        self._partitions: dict[int, _State] = {}
        self._lock = Lock()
        self._is_open = False

    def open(self) -> None:
        self._is_open = True

    def close(self) -> None:
        self._is_open = False

    def commit(self, batch: Batch) -> None:
        with self._lock:
            self._partitions[batch.partition] = _applied(self._state(batch.partition), batch)

    @contextmanager
    def view(self, partition: int) -> Iterator[View]:
        yield self._state(partition)

    def size(self) -> int:
        return 0

    def _state(self, partition: int) -> _State:
        if not self._is_open:
            raise StoreError("the store is not open: call open() first")
        return self._partitions.get(partition, _EMPTY)


_EMPTY = _State()


def _applied(state: _State, batch: Batch) -> _State:
    must_follow(state.last, batch)
    records = dict(state.records)
    for kind in {kind for kind, _ in batch.records}:
        records[kind] = {**state.records.get(kind, {}), **{k: v for (of, k), v in batch.records.items() if of == kind and v is not None}}
    for (kind, key), sealed in batch.records.items():
        if sealed is None:
            records[kind] = {k: v for k, v in records[kind].items() if k != key}
    sorted_keys = {kind: state.sorted_keys[kind] if records[kind] is state.records.get(kind) else sorted(records[kind]) for kind in records}
    entries = {**state.entries, **{name: _changed(state.entries.get(name, []), keys) for name, keys in batch.indexes.items()}}
    counts = {**state.counts, **{name: state.counts.get(name, 0) + more for name, more in batch.counts.items()}}
    return _State(batch.number, records, sorted_keys, entries, counts)


def _changed(entries: list[Key], changes: Mapping[Key, bool]) -> list[Key]:
    result = [key for key in entries if key not in changes]
    for key, present in changes.items():
        if present:
            insort(result, key)
    return result


def _page(ordered: list[Key], after: Key | None, limit: int) -> list[Key]:
    start = 0 if after is None else bisect_right(ordered, after)
    return ordered[start : start + limit]
