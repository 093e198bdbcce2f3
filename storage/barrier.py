"""A FileStorage that survives a power cut and a full disk, and never makes readers wait for the disk.

Owns the order in which a transaction reaches the file. Knows nothing of records, batches or partitions. The stock class writes a
transaction marked unfinished, flips its status byte to finished, and only then syncs, once. The kernel may write those pages in any order,
so a power cut can leave a transaction that reads as finished without its data: the file never opens again. Here (`barrier=True`):

1. vote: write everything, marked unfinished; sync. Failing up to here leaves nothing behind.
2. finish: flip the status byte; sync. Failing here is ambiguous: the storage closes itself and must be opened again.

What a cut before the first sync leaves is removed at the next open: by FileStorage, or by `storage/torn_tail.py` where it gives up.
`barrier=False` leaves out the first sync: faster alone, equal in groups, safe against `kill -9` but not against a power cut.

Written against ZODB 6's FileStorage.py; the methods overridden are the ones to compare when ZODB is upgraded.
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

from zc.lockfile import LockError, LockFile
from ZODB.FileStorage.FileStorage import FileStorage, TempFormatter, packed_version
from ZODB.POSException import StorageTransactionError

from storage.torn_tail import cut_torn_tail

logger = logging.getLogger(__name__)

_STATUS_OFFSET = 16  # of the status byte within a transaction's header
_COPY_BYTES = 1 << 20


def sync(descriptor: int) -> None:
    """Wait until the file's data and size are on disk. Raises OSError. (macOS has no fdatasync.)"""
    getattr(os, "fdatasync", os.fsync)(descriptor)


class BarrierFileStorage(FileStorage):  # type: ignore[misc]  # ZODB has no types
    """FileStorage with the order of writes described above. `is_closed` tells whether it gave up or was closed."""

    is_closed = False
    _file: Any
    _tfile: Any
    _transaction: Any

    def __init__(self, path: str, *, barrier: bool) -> None:
        self._barrier = barrier
        try:
            super().__init__(path)
            self._settle()
        except BaseException:
            self._release_lock()
            raise
        # The stock temporary file can fail on a full disk and then fails again in abort. Memory cannot, and is faster.
        self._tfile.close()
        Path(path + ".tmp").unlink(missing_ok=True)
        self._tfile = BytesIO()
        self._tfmt = TempFormatter(self._tfile)

    def tpc_vote(self, transaction: Any) -> Any:
        try:
            resolved = super().tpc_vote(transaction)
        except OSError:
            self._forget_unwritten()
            raise
        if self._barrier:
            sync(self._file.fileno())  # no lock held: readers go on. If it fails, abort cuts the transaction off
        return resolved

    def tpc_finish(self, transaction: Any, f: Any = None) -> Any:
        if transaction is not self._transaction:
            raise StorageTransactionError("tpc_finish called with wrong transaction")
        try:
            with self._lock:
                self._file.seek(self._pos + _STATUS_OFFSET)
                self._file.write(self._tstatus.encode())
                self._file.flush()
            # Stock syncs inside the lock that readers need. Nothing can be read of this transaction before `_finish`, so wait outside.
            sync(self._file.fileno())
            return super().tpc_finish(transaction, f)
        except BaseException:
            self._give_up(transaction)
            raise

    def _finish(self, tid: bytes, *_texts: bytes) -> None:
        self._pos = self._nextpos
        self._index.update(self._tindex)
        self._ltid = tid
        self._blob_tpc_finish()

    def _give_up(self, transaction: Any) -> None:
        logger.critical("%s: a commit failed after its point of no return; closing the file", self._file_name)
        self.close()
        if self._transaction is transaction:  # else the stock method has released them already
            self._ude = self._transaction = None
            self._commit_lock.release()

    def _forget_unwritten(self) -> None:
        """After a failed write: drop what the file object still buffers, or its next flush would put it behind the last transaction."""
        with self._lock:
            try:
                fresh = open(self._file_name, "r+b")  # noqa: SIM115  # kept open
            except OSError:
                self.close()
                return
            self._file.raw.close()
            self._file = fresh
            os.ftruncate(fresh.fileno(), self._pos)
            self._files.flush()

    def _settle(self) -> None:
        """Write the last transaction again and sync. If a sync failed before, the kernel took its pages for clean: it may be in memory
        only, and would be cut off, with everything after it, by the next power cut."""
        self._file.seek(max(self._pos - 8, 0))
        length = int.from_bytes(self._file.read(8)) if self._pos > len(packed_version) else 0
        position = self._pos - length - 8 if length else 0
        while position < self._pos:
            self._file.seek(position)
            piece = self._file.read(min(_COPY_BYTES, self._pos - position))
            self._file.seek(position)
            self._file.write(piece)
            position += len(piece)
        self._file.flush()
        sync(self._file.fileno())

    def _clear_temp(self) -> None:
        super()._clear_temp()
        self._tfile.truncate()  # or one huge commit would be kept in memory for ever

    def _sane(self, index: Any, pos: int) -> Any:
        """Stock warns of a saved index that does not fit the file; after a kill that is usual and does no harm. It is removed, so that it
        is said once however often the file is opened."""
        found = self._check_sanity(index, pos)
        if not found:
            logger.info("%s: its index is from before a kill or a crash; reading the whole file instead. Nothing is lost", self._file_name)
            Path(f"{self._file_name}.index").unlink(missing_ok=True)
        return found

    def _save_index(self) -> None:
        """Stock neither syncs nor replaces: a cut could leave an index with holes, which reads as wrong positions. And it saves once more
        after it has released the lock, into the next owner's file. The index only saves time, so a full disk is no reason to fail."""
        if self.is_closed:
            return
        temporary = f"{self._file_name}.index.index_tmp"
        try:
            self._index.save(self._pos, temporary)
            with open(temporary, "rb") as file:
                os.fsync(file.fileno())
            os.replace(temporary, f"{self._file_name}.index")
        except OSError as error:
            logger.warning("%s: its index was not saved, the next start takes longer: %s", self._file_name, error)

    def close(self) -> None:
        if self.is_closed:
            return
        self._save_index()
        self.is_closed = True
        self._file.raw.close()  # a failed write is still buffered: closing must not write it
        super().close()

    def _release_lock(self) -> None:
        for name in ("_file", "_tfile", "_lock_file"):
            held = getattr(self, name, None)
            if held is not None:
                with suppress(OSError):
                    held.close()


def open_file_storage(path: Path, *, barrier: bool) -> BarrierFileStorage:
    """Open or create the file. Raises zc.lockfile.LockError, OSError, StoreError, or what FileStorage raises for a damaged file."""
    _create(path)
    size = path.stat().st_size
    try:
        storage = BarrierFileStorage(str(path), barrier=barrier)
    except (OSError, LockError):
        raise
    except Exception as error:  # a damaged file raises anything: its own errors, UnicodeDecodeError, struct.error
        logger.warning("%s: %s; looking for a torn last transaction", path, error)
        lock = LockFile(f"{path}.lock")
        try:
            cut_torn_tail(path)
        finally:
            lock.close()
        return BarrierFileStorage(str(path), barrier=barrier)
    if storage.getSize() >= size:
        return storage
    # FileStorage cut a torn tail, but took that tail's transaction id for the newest (zeros, or noise from the future). Once more.
    logger.warning("%s: cut %d bytes of an unfinished transaction, kept beside it as .tr*", path, size - storage.getSize())
    storage.close()
    for saved in path.parent.glob(f"{path.name}.tr*"):
        saved.chmod(0o600)
    return BarrierFileStorage(str(path), barrier=barrier)


def _create(path: Path) -> None:
    """Make the file with its header durable, for its owner only. Does no harm to a file that another process has open."""
    _create_directory(path.parent)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        start = os.pread(descriptor, len(packed_version) + 1, 0)
        if len(start) > len(packed_version) or start == packed_version:
            return
        if packed_version.startswith(start) or not start.strip(b"\0"):  # new, or a cut came while it was new
            os.pwrite(descriptor, packed_version, 0)
            os.fsync(descriptor)
            directory = os.open(path.parent, os.O_RDONLY)
            os.fsync(directory)
            os.close(directory)
    finally:
        os.close(descriptor)


def _create_directory(directory: Path) -> None:
    if not directory.exists():
        _create_directory(directory.parent)
        directory.mkdir(mode=0o700, exist_ok=True)
