"""The store in a ZODB file. With `barrier.py`, `persistent_records.py` and `trees.py` the only code that knows ZODB.

Layout: root["partitions"] → number → a tree of trees: ("record", kind) → key → record, ("index", name) → keys, and ("counts",), a tree that
holds each index's number of entries, what is counted without entries and, under "", the last batch's number. So a commit writes the
changed records, the buckets of the indexes it moved and one or two of counts, whatever the number of kinds and indexes. An updated record
never touches its tree.

Commits share one connection under a lock: FileStorage serialises them anyway. Each view takes a pooled connection with a transaction
manager of its own and returns it; persistent objects never leave this file. After an ambiguous failure the next use opens the file again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import Any, Literal, NoReturn

from BTrees.OOBTree import OOBTree
from persistent.mapping import PersistentMapping
from transaction import TransactionManager
from transaction.interfaces import TransientError
from zc.lockfile import LockError
from ZODB.DB import DB
from ZODB.FileStorage.format import CorruptedError
from ZODB.POSException import POSKeyError, StateLoadError

from storage import trees
from storage.barrier import BarrierFileStorage, open_file_storage
from storage.holder import holder_of
from storage.persistent_records import CLASS_OF_KIND, DocumentRecord
from storage.protocol import Batch, CorruptRecord, Key, StoreError, StoreLocked, StoreUnavailable, View, must_follow

Durability = Literal["strict", "group"]

SCHEMA = 1
"""The layout above. A file with a higher one is refused."""

LOCK_WAIT_SECONDS = 2.0
_LOCK_PAUSE_SECONDS = 0.05

_POOL_CONNECTIONS = 256
_POOL_IDLE_SECONDS = 60
_CACHE_OBJECTS = 2000  # of each connection, and there may be a hundred
_CACHE_BYTES = 4 << 20
_LARGE_RECORD_BYTES = 1 << 30  # sizes are limited where payloads come in; a warning here would only repeat it

_COUNTS = ("counts",)
_NUMBER = ""  # its key for the last batch's number

_SALVAGE = "Restore a backup, or save what can be read into a new file: python -m ZODB.fsrecover {path} recovered.fs"
_UNREADABLE = (POSKeyError, StateLoadError, CorruptedError)


@dataclass(frozen=True, slots=True)
class _Live:
    """An open file: what `open` makes and `close` ends. Only the process that made it may use it."""

    process: int
    storage: BarrierFileStorage
    db: Any
    manager: Any
    connection: Any


class ZodbStore:
    """Keeps the `Store` contract in one file. `strict` survives a power cut, `group` only the end of the process (see `barrier.py`)."""

    def __init__(self, path: Path, durability: Durability = "strict") -> None:
        self.path = path
        self.durability = durability
        self._is_open = False
        self._live: _Live | None = None
        self._opening = RLock()  # held to change the two above
        self._committing = RLock()

    def open(self) -> None:
        with self._opening:
            self._is_open = True
            try:
                self._database()
            except BaseException:
                self._is_open = False
                raise

    def close(self) -> None:
        with self._committing, self._opening:
            self._is_open = False
            self._discard()

    def commit(self, batch: Batch) -> None:
        with self._committing:
            live = self._database()
            try:
                live.manager.begin()
                _apply(_partition_to_write(live, batch.partition), batch)
                live.manager.commit()
            except BaseException as error:
                with suppress(Exception):  # of a storage that gave up; it is opened again at the next use
                    live.manager.abort()
                if not isinstance(error, Exception):
                    raise
                self._fail(
                    live, error, f"batch {batch.number} of partition {batch.partition} is not known to be committed", StoreUnavailable
                )

    @contextmanager
    def view(self, partition: int) -> Iterator[View]:
        live = self._database()
        manager, connection = TransactionManager(explicit=True), None
        try:
            try:
                connection = live.db.open(manager)
                manager.begin()
                parts = connection.root()["partitions"].get(partition)
            except Exception as error:
                self._fail(live, error, f"partition {partition} cannot be read")
            yield _ZodbView(self, live, {} if parts is None else parts)
        finally:
            with suppress(Exception):  # the store was closed meanwhile
                manager.abort()
                if connection is not None:
                    connection.close()

    def size(self) -> int:
        try:
            return self.path.stat().st_size
        except OSError as error:
            raise StoreUnavailable(f"{self.path}: its size cannot be told: {error}") from error

    def _database(self) -> _Live:
        live = self._live
        if live is None or live.storage.is_closed or live.process != os.getpid():
            with self._opening:
                live = self._opened()
        return live

    def _opened(self) -> _Live:
        if not self._is_open:
            raise StoreError(f"the store {self.path} is not open: call open() first")
        live = self._live
        if live is not None and live.process != os.getpid():
            raise StoreError(f"the store {self.path} was opened before fork: open it in the process that uses it")
        if live is None or live.storage.is_closed:
            self._discard()
            live = self._live = _open(self.path, barrier=self.durability == "strict")
        return live

    def _discard(self) -> None:
        live, self._live = self._live, None
        # In a forked child, closing would give up the parent's lock and tear its file: forget instead.
        if live is not None and live.process == os.getpid():
            with suppress(Exception):
                live.manager.abort()
            with suppress(Exception):  # readers may be under way, or the storage gave up; the lock is released all the same
                live.db.close()
            live.storage.close()

    def _fail(self, live: _Live, error: Exception, what: str, otherwise: type[StoreError] = CorruptRecord) -> NoReturn:
        """Raise the typed error for what ZODB raised. A key of another shape than its neighbours stays a TypeError."""
        if isinstance(error, StoreError | TypeError):
            raise error
        where = f"{self.path}: {what}: {type(error).__name__}: {error}"
        passing = isinstance(error, OSError | TransientError) or live.storage.is_closed
        if passing or (otherwise is StoreUnavailable and not isinstance(error, _UNREADABLE)):
            raise StoreUnavailable(f"{where}. Free space or repair access, then try again; what was acknowledged is intact") from error
        raise CorruptRecord(f"{where}. {_SALVAGE.format(path=self.path)}") from error


class _ZodbView:
    """A snapshot. Reads trees of its own connection; every error leaves as one of ours."""

    def __init__(self, store: ZodbStore, live: _Live, parts: Mapping[Any, Any]) -> None:
        self._store = store
        self._live = live
        self._parts = parts

    def get(self, kind: str, key: Key) -> bytes | None:
        try:
            tree = self._parts.get(("record", kind))
            record = tree.get(trees.stored(tree, key)) if tree is not None and trees.fits(tree, key) else None
            return None if record is None else record.sealed
        except Exception as error:
            self._store._fail(self._live, error, f"{kind} {key} cannot be read")

    def keys(self, kind: str, after: Key | None = None, limit: int = 100) -> list[Key]:
        return self._page("record", kind, after, limit)

    def scan(self, index: str, after: Key | None = None, limit: int = 100) -> list[Key]:
        return self._page("index", index, after, limit)

    def count(self, index: str) -> int:
        return self._counted(index)

    def number(self) -> int:
        return self._counted(_NUMBER)

    def _page(self, group: str, name: str, after: Key | None, limit: int) -> list[Key]:
        try:
            tree = self._parts.get((group, name))
            return [] if tree is None else trees.page(tree, after, limit)
        except Exception as error:
            self._store._fail(self._live, error, f"{group} {name} cannot be read")

    def _counted(self, name: str) -> int:
        try:
            counts = self._parts.get(_COUNTS)
            return 0 if counts is None else counts.get(name, 0)
        except Exception as error:
            self._store._fail(self._live, error, "the counts cannot be read")


def _partition_to_write(live: _Live, partition: int) -> Any:
    partitions = live.connection.root()["partitions"]
    if partition not in partitions:
        partitions[partition] = OOBTree({_COUNTS: OOBTree({_NUMBER: 0})})
    return partitions[partition]


def _apply(parts: Any, batch: Batch) -> None:
    counts = parts[_COUNTS]
    must_follow(counts[_NUMBER], batch)
    for (kind, key), sealed in batch.records.items():
        if sealed is None:
            _delete(parts, kind, key)
        else:
            _put(parts, kind, key, sealed)
    for name, changes in batch.indexes.items():
        moved = _index(parts, name, changes)
        if moved:
            counts[name] = counts.get(name, 0) + moved
    for name, more in batch.counts.items():
        counts[name] = counts.get(name, 0) + more
    counts[_NUMBER] = batch.number


def _put(parts: Any, kind: str, key: Key, sealed: bytes) -> None:
    tree = _tree(parts, ("record", kind), key, trees.new_map)
    place = trees.stored(tree, key)
    record = tree.get(place)
    if record is None:
        tree[place] = CLASS_OF_KIND.get(kind, DocumentRecord)(sealed)
    else:
        record.sealed = sealed


def _delete(parts: Any, kind: str, key: Key) -> None:
    tree = parts.get(("record", kind))
    if tree is not None and trees.fits(tree, key):
        tree.pop(trees.stored(tree, key), None)


def _index(parts: Any, name: str, changes: Mapping[Key, bool]) -> int:
    """Add and remove entries; how many more there are now."""
    moved = 0
    for key, present in changes.items():
        tree = _tree(parts, ("index", name), key, trees.new_set)
        place = trees.stored(tree, key)
        if present:
            moved += tree.insert(place)
        elif place in tree:
            tree.remove(place)
            moved -= 1
    return moved


def _tree(parts: Any, name: tuple[str, str], key: Key, new: Callable[[Key], Any]) -> Any:
    """The tree of that name, in a form that can hold the key."""
    tree = parts.get(name)
    if tree is None:
        tree = parts[name] = new(key)
    elif not trees.fits(tree, key):
        tree = parts[name] = trees.widened(tree)
    return tree


def _open(path: Path, *, barrier: bool) -> _Live:
    storage = _open_storage(path, barrier=barrier)
    try:
        db = DB(
            storage,
            pool_size=_POOL_CONNECTIONS,
            pool_timeout=_POOL_IDLE_SECONDS,
            cache_size=_CACHE_OBJECTS,
            cache_size_bytes=_CACHE_BYTES,
            large_record_size=_LARGE_RECORD_BYTES,
        )
        manager = TransactionManager(explicit=True)
        connection = db.open(manager)
        manager.begin()
        _prepare_root(path, connection.root())
        manager.commit()
    except BaseException as error:
        storage.close()
        _fail_open(path, error)
    return _Live(os.getpid(), storage, db, manager, connection)


def _open_storage(path: Path, *, barrier: bool) -> BarrierFileStorage:
    give_up_at = time.monotonic() + LOCK_WAIT_SECONDS
    while True:
        try:
            return open_file_storage(path, barrier=barrier)
        except LockError as error:
            # A killed process keeps its lock for a moment.
            if time.monotonic() >= give_up_at:
                raise StoreLocked(
                    f"{path} is in use by another server{_who(path)}: stop that one, or give this one its own file"
                ) from error
            time.sleep(_LOCK_PAUSE_SECONDS)
        except BaseException as error:
            _fail_open(path, error)


def _who(path: Path) -> str:
    with suppress(OSError):
        holder = holder_of(path)
        if holder is not None and holder.process is not None:
            return f" (process {holder.process})"
    return ""


def _prepare_root(path: Path, root: Any) -> None:
    if not len(root):
        root["schema"], root["partitions"] = SCHEMA, PersistentMapping()
    schema = root.get("schema")
    if not isinstance(schema, int) or "partitions" not in root:
        raise StoreError(f"{path} is a ZODB file of another program: name another file")
    if schema > SCHEMA:
        raise StoreError(f"{path} has schema {schema}, this program knows {SCHEMA}: a newer program wrote it; run that one")


def _fail_open(path: Path, error: BaseException) -> NoReturn:
    if isinstance(error, StoreError) or not isinstance(error, Exception):
        raise error
    if isinstance(error, PermissionError):
        raise StoreError(
            f"{path} cannot be opened for reading and writing: {error}. Give this user the rights, or name another file"
        ) from error
    if isinstance(error, OSError):
        raise StoreUnavailable(f"{path} cannot be opened: {error}") from error
    reason = f"{type(error).__name__}: {error}"
    raise StoreError(f"{path} is damaged or not a ZODB file: {reason}. {_SALVAGE.format(path=path)}") from error
