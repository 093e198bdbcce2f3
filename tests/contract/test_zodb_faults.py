"""Damage to the file, and commits that fail: what is refused, what is reported, and that the store stays usable."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ZODB.DB import DB
from ZODB.FileStorage import FileStorage
from ZODB.POSException import ConflictError, POSKeyError

from storage import barrier
from storage.barrier import BarrierFileStorage
from storage.protocol import Batch, CorruptRecord, StoreError, StoreUnavailable
from storage.zodb import ZodbStore
from tests.contract.zodb_world import batch, holds, raising


def test_damage_before_finished_transactions_is_refused_and_nothing_is_cut(store: ZodbStore, path: Path) -> None:
    store.commit(batch(1))
    begin = path.stat().st_size
    store.commit(batch(2))
    store.commit(batch(3))
    store.close()
    path.with_name("Data.fs.index").unlink()
    image = path.read_bytes()
    for damage in (b"\0" * 23, image[begin : begin + 8] + b"\0" * 15):
        damaged = image[:begin] + damage + image[begin + len(damage) :]
        path.write_bytes(damaged)
        with pytest.raises(StoreError, match=r"damaged near byte .*nothing was changed.*fsrecover"):
            store.open()
        assert path.read_bytes() == damaged


def test_a_finished_transaction_without_its_data_is_refused(store: ZodbStore, path: Path) -> None:
    store.commit(batch(1))
    begin = path.stat().st_size
    store.commit(batch(2))
    store.close()
    image = path.read_bytes()
    path.write_bytes(image[: begin + 100] + b"\0" * (len(image) - begin - 100))
    path.with_name("Data.fs.index").unlink()
    with pytest.raises(StoreError, match="fsrecover"):
        store.open()


@pytest.mark.parametrize("tail", [b"", b"\0" * 4096], ids=["whole", "torn"])
def test_what_a_kill_leaves_is_opened_without_a_warning_about_the_index(
    store: ZodbStore, path: Path, caplog: pytest.LogCaptureFixture, tail: bytes
) -> None:
    """Files are copied while the store is open: that is what it leaves if it is killed then."""
    caplog.set_level("INFO")
    store.commit(batch(1))
    killed = path.with_name("killed.fs")
    killed.write_bytes(path.read_bytes() + tail)
    killed.with_name("killed.fs.index").write_bytes(path.with_name("Data.fs.index").read_bytes())
    other = ZodbStore(killed)
    other.open()
    with other.view(0) as view:
        assert view.number() == 1
    other.close()
    said = [(record.levelname, record.getMessage()) for record in caplog.records if "index" in record.getMessage()]
    assert said == [("INFO", f"{killed}: its index is from before a kill or a crash; reading the whole file instead. Nothing is lost")]
    caplog.clear()
    other.open()
    other.close()
    assert caplog.messages == []


@pytest.mark.parametrize("content", [b"not a ZODB file", b"abc", b"\0" * 50])
def test_a_file_of_another_kind_is_refused_unchanged(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"Data\.fs is not a ZODB file"):
        ZodbStore(path).open()
    assert path.read_bytes() == content


def change_root(path: Path, change: Callable[[Any], None]) -> None:
    import transaction

    db = DB(str(path))
    with db.transaction() as connection:
        change(connection.root())
    transaction.abort()
    db.close()


def test_a_newer_schema_is_refused(store: ZodbStore, path: Path) -> None:
    store.close()
    change_root(path, lambda root: root.update(schema=99))
    with pytest.raises(StoreError, match="schema 99, this program knows 1: a newer program wrote it"):
        store.open()


def test_a_file_of_another_program_is_refused(path: Path) -> None:
    change_root(path, lambda root: root.update(app="other"))
    with pytest.raises(StoreError, match="another program"):
        ZodbStore(path).open()


def test_a_record_that_cannot_be_loaded_is_corrupt_and_its_neighbours_are_not(store: ZodbStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.commit(Batch(0, 1, {("execution", (1,)): b"a", ("execution", (2,)): b"b"}, {"busy": {(1,): True}}))
    store.close()
    store.open()
    real = BarrierFileStorage.loadBefore

    def load(self: Any, oid: bytes, tid: bytes) -> Any:
        result = real(self, oid, tid)
        if b"ExecutionRecord" in result[0][:80] and b"C\x01a" in result[0]:
            raise POSKeyError(oid)
        return result

    monkeypatch.setattr(BarrierFileStorage, "loadBefore", load)
    with store.view(0) as view:
        with pytest.raises(CorruptRecord, match=r"execution \(1,\) cannot be read: POSKeyError"):
            view.get("execution", (1,))
        assert view.get("execution", (2,)) == b"b"
    with pytest.raises(CorruptRecord):
        store.commit(Batch(0, 2, {("execution", (1,)): b"new"}))


@pytest.mark.parametrize("method", ["keys", "scan", "count", "number"])
def test_a_tree_that_cannot_be_loaded_is_corrupt(store: ZodbStore, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    store.commit(batch(1))
    store.close()
    store.open()
    with store.view(0) as view:
        monkeypatch.setattr(BarrierFileStorage, "loadBefore", raising(POSKeyError(b"\0" * 8)))
        with pytest.raises(CorruptRecord):
            getattr(view, method)(*{"keys": ["execution"], "scan": ["busy"], "count": ["busy"], "number": []}[method])
    monkeypatch.undo()
    assert holds(store) == 1


NO_SPACE = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("error", [NO_SPACE, PermissionError(errno.EACCES, "no"), ConflictError("a conflict"), RuntimeError("a bug")])
@pytest.mark.parametrize("method", ["tpc_begin", "store", "tpc_vote"])
def test_a_failure_before_the_point_of_no_return_changes_nothing(
    store: ZodbStore, monkeypatch: pytest.MonkeyPatch, method: str, error: Exception
) -> None:
    store.commit(batch(1))
    for _ in range(2):
        monkeypatch.setattr(FileStorage, method, raising(error))
        with pytest.raises(StoreUnavailable, match="batch 2 of partition 0 is not known to be committed"):
            store.commit(batch(2))
        monkeypatch.undo()
        assert holds(store) == 1
    store.commit(batch(2))
    store.close()
    store.open()
    assert holds(store) == 2


@pytest.mark.parametrize("failing", [1, 2])
def test_a_sync_that_fails_is_told_truly(store: ZodbStore, monkeypatch: pytest.MonkeyPatch, failing: int) -> None:
    """The first sync failing means nothing happened; the second is ambiguous, and `number` tells."""
    store.commit(batch(1))
    calls = []

    def sync(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == failing:
            raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(barrier, "sync", sync)
        with pytest.raises(StoreUnavailable, match="Input/output error"):
            store.commit(batch(2))
    landed = holds(store)
    assert landed == failing
    store.commit(batch(landed + 1))
    store.close()
    store.open()
    assert holds(store) == landed + 1


def test_while_the_disk_refuses_to_reopen_the_store_says_unavailable(store: ZodbStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.commit(batch(1))
    calls = []

    def sync(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) > 1:
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(barrier, "sync", sync)
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            store.commit(batch(2))
        with pytest.raises(StoreUnavailable), store.view(0):
            pass
    monkeypatch.undo()
    assert holds(store) == 2


def test_a_failure_after_the_flip_inside_the_stock_method_is_ambiguous_too(store: ZodbStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.commit(batch(1))
    monkeypatch.setattr(BarrierFileStorage, "_finish", raising(RuntimeError("late")))
    with pytest.raises(StoreUnavailable, match="late"):
        store.commit(batch(2))
    monkeypatch.undo()
    assert holds(store) == 2


def test_an_interrupt_leaves_the_store_usable(store: ZodbStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.commit(batch(1))
    with monkeypatch.context() as patch:
        patch.setattr(FileStorage, "tpc_vote", raising(KeyboardInterrupt()))  # type: ignore[arg-type]
        with pytest.raises(KeyboardInterrupt):
            store.commit(batch(2))
    store.commit(batch(2))
    assert holds(store) == 2


def test_a_view_that_cannot_be_opened_is_unavailable(store: ZodbStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.commit(batch(1))
    assert store._live is not None
    monkeypatch.setattr(store._live.db, "open", raising(OSError(errno.EMFILE, "Too many open files")))
    with pytest.raises(StoreUnavailable, match="Too many open files"), store.view(0):
        pass


def test_readers_do_not_wait_for_a_commit_that_waits_for_the_disk(store: ZodbStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.commit(batch(1))
    waiting, go_on = threading.Semaphore(0), threading.Semaphore(0)

    def sync(descriptor: int) -> None:
        waiting.release()
        assert go_on.acquire(timeout=60)

    monkeypatch.setattr(barrier, "sync", sync)
    writer = threading.Thread(target=store.commit, args=(batch(2),))
    writer.start()
    for _ in range(2):
        assert waiting.acquire(timeout=60)
        assert holds(store) == 1
        go_on.release()
    writer.join()
    assert holds(store) == 2


def test_closing_under_a_view_gives_a_typed_error(store: ZodbStore) -> None:
    store.commit(batch(1))
    store.close()
    store.open()
    with store.view(0) as view:
        store.close()
        with pytest.raises(StoreUnavailable):
            view.get("execution", (1,))


def test_what_is_created_belongs_to_the_owner_alone(tmp_path: Path) -> None:
    store = ZodbStore(tmp_path / "a" / "b" / "Data.fs")
    store.open()
    modes = [store.path.stat().st_mode, store.path.parent.stat().st_mode, (tmp_path / "a").stat().st_mode]
    assert [mode & 0o777 for mode in modes] == [0o600, 0o700, 0o700]
    store.close()


def test_a_hundred_views_at_once_warn_of_nothing(store: ZodbStore, caplog: pytest.LogCaptureFixture) -> None:
    from contextlib import ExitStack

    store.commit(batch(1))
    with ExitStack() as stack:
        for _ in range(100):
            assert stack.enter_context(store.view(0)).number() == 1
    assert [record.getMessage() for record in caplog.records if record.thread == threading.get_ident()] == []
