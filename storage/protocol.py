"""What the server asks of a store: sealed records, sorted indexes, one transaction per batch.

Owns the contract every store keeps (`tests/contract/test_store.py` is run against each) and the data that crosses it. A store knows
nothing of executions, frames or statuses: kinds, keys and index names are only text and tuples to it, values are bytes it never reads.

Everything belongs to a *partition*: the unit of ownership, written by exactly one thread (the engine's). Readers take a snapshot,
never a lock. Two keys of the same kind or index have the same shape, so they compare element by element.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

Key = tuple[int | float | str, ...]
"""A record's or index entry's key. Newest first is made by a negative number: `(-sequence,)`."""


class StoreError(Exception):
    """The store cannot do what was asked. The text says what, where and what can be done about it."""


class StoreUnavailable(StoreError):
    """A commit or read failed for now (disk full, read-only file, connection lost). What was committed before is intact."""


class StoreLocked(StoreError):
    """Another process owns the store."""


class CorruptRecord(StoreError):
    """A record's bytes do not match their checksum, or have a version this program does not know."""


class UnencodableRecord(StoreError):
    """Data that cannot be stored and read back unchanged. It fails whoever made it, not the batch: records are sealed before a commit."""


@dataclass(frozen=True, slots=True)
class Batch:
    """All that one commit changes in one partition: applied whole or not at all.

    `number` is the batch's number, one more than the last committed one of its partition: after an ambiguous error the stored
    number tells whether the batch landed. `records` maps (kind, key) to sealed bytes, or to None, which deletes the record.
    `indexes` maps an index name to its entries: True adds the key, False removes it; adding twice or removing what is absent
    changes nothing, and counts stay right. `counts` adds so much, or takes away, to counts that have no entries; their names are not
    those of indexes.
    """

    partition: int
    number: int
    records: Mapping[tuple[str, Key], bytes | None] = field(default_factory=dict)
    indexes: Mapping[str, Mapping[Key, bool]] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)


def must_follow(last: int, batch: Batch) -> None:
    """Raises StoreError when the batch is not the next one after `last`: two writers, or a batch sent twice. Every store asks first."""
    if batch.number != last + 1:
        raise StoreError(f"batch {batch.number} cannot follow batch {last} of partition {batch.partition}: is there a second writer?")


class View(Protocol):
    """A consistent picture of one partition as of one commit.

    Used by one thread, inside its `with`. Every method raises CorruptRecord for what cannot be read back, StoreUnavailable when the disk
    or a closed store is the reason. `after` may be shorter or longer than a key: it compares as a tuple does.
    """

    def get(self, kind: str, key: Key) -> bytes | None:
        """The record's bytes, or None. O(log n)."""

    def keys(self, kind: str, after: Key | None = None, limit: int = 100) -> list[Key]:
        """Up to `limit` keys of records of that kind, ascending, strictly greater than `after`. O(log n + limit)."""

    def scan(self, index: str, after: Key | None = None, limit: int = 100) -> list[Key]:
        """Up to `limit` entries of the index, ascending, strictly greater than `after`. O(log n + limit)."""

    def count(self, index: str) -> int:
        """How many entries the index has, or what a count without entries has come to: a kept number, O(1), never a walk."""

    def number(self) -> int:
        """Number of the last committed batch; 0 when there is none."""


class Store(Protocol):
    """Where partitions live. `open` before anything else and after any fork; both `open` and `close` are idempotent.

    After `close`, `open` may be called again. A failed `commit` leaves the store as it was before, or, when the failure came after the
    point of no return, as it is after: `view(...).number()` tells which. Both raise StoreUnavailable.
    """

    def open(self) -> None:
        """Raises StoreLocked when another process owns the store (after 2 s of trying), StoreError when it cannot be read."""

    def close(self) -> None:
        """Release everything, the lock included. Stop before start is fine."""

    def commit(self, batch: Batch) -> None:
        """Write the batch in one transaction, durable on return. One thread per partition. Raises StoreUnavailable, or StoreError when
        the batch's number is not the next one."""

    def view(self, partition: int) -> AbstractContextManager[View]:
        """A snapshot of the latest committed state, for any thread: `with store.view(0) as view: …`. Never waits for a commit."""

    def size(self) -> int:
        """Bytes on disk, from any thread; 0 if there are none. Raises StoreUnavailable."""
