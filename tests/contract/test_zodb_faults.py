"""What a file can suffer: power cuts, kills, full disks, wrong rights, damage, and a second owner.

A power cut is simulated: every write and sync of the storage file is recorded, then each file that a cut could have left is built
and opened.
"""

from __future__ import annotations

import errno
import io
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from ZODB.DB import DB
from ZODB.FileStorage import FileStorage
from ZODB.POSException import ConflictError, POSKeyError

import storage.zodb
from storage import barrier
from storage.barrier import BarrierFileStorage
from storage.protocol import Batch, CorruptRecord, Key, StoreError, StoreLocked, StoreUnavailable
from storage.zodb import ZodbStore

ROOT = Path(__file__).resolve().parents[2]
PAGE = 4096
STOCK_MODULE = sys.modules[FileStorage.__module__]  # the package hides it behind the class of the same name


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "Data.fs"


@pytest.fixture
def store(path: Path) -> Iterator[ZodbStore]:
    made = ZodbStore(path)
    made.open()
    yield made
    made.close()


def batch(number: int, size: int = 5000) -> Batch:
    """Two new records and one rewritten by each batch, over three pages; each byte of a record tells its batch."""
    body = bytes([number]) * size
    return Batch(0, number, {("execution", (number,)): body, ("page", (number, "a")): body, ("document", ("last",)): body}, one(number))


def one(number: int) -> dict[str, dict[Key, bool]]:
    return {"busy": {(-number,): True}}


def holds(store: ZodbStore, size: int = 5000) -> int:
    """The last batch's number, after checking that exactly the batches up to it are there, whole."""
    with store.view(0) as view:
        number = view.number()
        assert view.keys("execution") == [(n,) for n in range(1, number + 1)]
        assert view.scan("busy") == [(-n,) for n in range(number, 0, -1)]
        assert view.count("busy") == number
        for n in range(1, number + 1):
            assert view.get("execution", (n,)) == view.get("page", (n, "a")) == bytes([n]) * size
        assert view.get("document", ("last",)) == (bytes([number]) * size if number else None)
    return number


def number_of(store: ZodbStore) -> int:
    with store.view(0) as view:
        return view.number()


# --- power cuts ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Op:
    """One thing that happened to the file: a write at an offset, a truncation, a finished sync, or an acknowledged batch."""

    what: str
    offset: int = 0
    data: bytes = b""


class RecordingFile(io.FileIO):
    """The raw file under a storage: everything that reaches the kernel is noted, in order."""

    log: list[Op]

    def write(self, data: Any, /) -> int:
        self.log.append(Op("write", self.tell(), bytes(data)))
        return super().write(data)

    def truncate(self, size: int | None = None, /) -> int:
        assert size is not None
        self.log.append(Op("truncate", size))
        return super().truncate(size)


@dataclass
class Recorder:
    """Puts a RecordingFile under an open store and listens to its syncs."""

    log: list[Op] = field(default_factory=list)
    start: bytes = b""

    def attach(self, path: Path, file_storage: Any, patch: pytest.MonkeyPatch) -> None:
        self.start = path.read_bytes()
        raw = RecordingFile(path, "r+b")
        raw.log = self.log
        file_storage._file.close()
        file_storage._file = io.BufferedRandom(raw)
        for module, name in ((os, "fsync"), (os, "fdatasync"), (STOCK_MODULE, "fsync")):
            patch.setattr(module, name, self._listening(getattr(module, name), raw.fileno()))

    def _listening(self, real: Callable[[int], None], watched: int) -> Callable[[int], None]:
        def sync(descriptor: int) -> None:
            real(descriptor)
            if descriptor == watched:
                self.log.append(Op("sync"))

        return sync


def power_cut_images(start: bytes, log: list[Op], seed: int, per_cut: int) -> Iterator[tuple[int, bytes]]:
    """(batches acknowledged by then, a file that may be found) for a cut after each operation.

    What a finished sync covered is there. Of later writes each 4 KiB page shows any of the versions it went through, and the file has its
    old size, its new one, or ends with some page in between; a page that did not arrive reads as zeros.
    """
    dice = random.Random(seed)
    durable, acknowledged = start, 0
    pending: list[Op] = []
    for op in log:
        if op.what == "sync":
            durable, pending = whole(durable, pending), []
        elif op.what == "acknowledged":
            acknowledged = op.offset
        else:
            pending.append(op)
        yield acknowledged, whole(durable, pending)
        yield acknowledged, durable
        for _ in range(per_cut if pending else 0):
            yield acknowledged, torn(durable, pending, dice)


def whole(image: bytes, ops: list[Op]) -> bytes:
    for op in ops:
        if op.what == "truncate":
            image = image[: op.offset].ljust(op.offset, b"\0")
        else:
            image = image[: op.offset].ljust(op.offset, b"\0") + op.data + image[op.offset + len(op.data) :]
    return image


def torn(durable: bytes, pending: list[Op], dice: random.Random) -> bytes:
    versions = [durable]
    for op in pending:
        versions.append(whole(versions[-1], [op]))
    longest = max(len(version) for version in versions)
    pages = []
    for begin in range(0, longest, PAGE):
        choices = list(dict.fromkeys(version[begin : begin + PAGE].ljust(PAGE, b"\0") for version in versions))
        pages.append(dice.choice(choices))
    between = dice.randrange(len(durable), longest + 1) // PAGE * PAGE
    return b"".join(pages)[: max(len(durable), dice.choice([len(durable), len(versions[-1]), len(versions[-1]), longest, between]))]


def pad(store: ZodbStore, path: Path, before_page_end: int) -> None:
    """Let the next transaction begin that many bytes before the end of a page, by filling another partition."""
    fill, sizes = 1000, [0]
    for number in (1, 2, 3):
        if number == 3:
            fill += (-before_page_end - path.stat().st_size - (sizes[-1] - sizes[-2])) % PAGE
        store.commit(Batch(1, number, {("document", ("pad",)): b"x" * fill}))
        sizes.append(path.stat().st_size)
    assert sizes[-1] % PAGE == PAGE - before_page_end


def record(path: Path, patch: pytest.MonkeyPatch, durability: storage.zodb.Durability, batches: int, before_page_end: int = 0) -> Recorder:
    recorder, store = Recorder(), ZodbStore(path, durability)
    store.open()
    store.commit(batch(1))
    if before_page_end:
        pad(store, path, before_page_end)
    recorder.log.append(Op("acknowledged", 1))
    assert store._live is not None
    with patch.context() as during:
        recorder.attach(path, store._live.storage, during)
        for number in range(2, batches + 1):
            store.commit(batch(number))
            recorder.log.append(Op("acknowledged", number))
    store.close()
    return recorder


def opened_after(image: bytes, folder: Path) -> ZodbStore:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "Data.fs").write_bytes(image)
    store = ZodbStore(folder / "Data.fs")
    store.open()
    return store


@pytest.mark.parametrize("before_page_end", [0, 4, 8, 14, 16, 17, 20])  # where a page boundary cuts the header: id, length, status, lengths
def test_every_file_a_power_cut_may_leave_opens_and_holds_what_was_acknowledged(
    path: Path, monkeypatch: pytest.MonkeyPatch, before_page_end: int
) -> None:
    recorder = record(path, monkeypatch, "strict", 3, before_page_end)
    assert sum(op.what == "sync" for op in recorder.log) == 2 * 2
    seen = set()
    for acknowledged, image in power_cut_images(recorder.start, recorder.log, seed=20, per_cut=25):
        if (acknowledged, image) in seen:
            continue
        seen.add((acknowledged, image))
        store = opened_after(image, path.parent / "cut")
        found = holds(store)
        assert found in (acknowledged, acknowledged + 1)
        if len(seen) % 8 == 0:
            store.commit(batch(found + 1))
            store.close()
            store.open()
            assert holds(store) == found + 1
        store.close()
    assert len(seen) > 40


def test_one_sync_after_the_flip_is_not_enough(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stock FileStorage fails the test above; so would we with its order of writes."""
    monkeypatch.setattr(storage.zodb, "open_file_storage", lambda path, barrier: StockFileStorage(str(path)))
    recorder = record(path, monkeypatch, "group", 3)
    monkeypatch.undo()
    assert sum(op.what == "sync" for op in recorder.log) == 2
    lost = 0
    for acknowledged, image in power_cut_images(recorder.start, recorder.log, seed=20, per_cut=12):
        try:
            store = opened_after(image, path.parent / "cut")
            lost += holds(store) not in (acknowledged, acknowledged + 1)
            store.close()
        except (StoreError, AssertionError):
            lost += 1
    assert lost > 0


class StockFileStorage(FileStorage):  # type: ignore[misc]
    is_closed = False


@pytest.mark.parametrize("with_index", [True, False])
def test_a_tail_cut_anywhere_opens(store: ZodbStore, path: Path, with_index: bool) -> None:
    sizes = []
    for number in (1, 2):
        store.commit(batch(number, size=100))
        sizes.append(path.stat().st_size)
    store.close()
    image, index = path.read_bytes(), path.with_name("Data.fs.index").read_bytes()
    offsets = [*range(sizes[0], sizes[0] + 60), *range(sizes[0] + 60, sizes[1] - 12, 41), *range(sizes[1] - 12, sizes[1] + 1)]
    for size in offsets:
        folder = path.parent / f"cut{size}"
        folder.mkdir()
        (folder / "Data.fs").write_bytes(image[:size])
        if with_index:
            (folder / "Data.fs.index").write_bytes(index)
        cut = ZodbStore(folder / "Data.fs")
        cut.open()
        assert holds(cut, size=100) == (2 if size == sizes[1] else 1)
        cut.close()


@pytest.mark.parametrize(
    "tail", [b"\0" * PAGE, b"\0" * 7, b"\xff" * 300, random.Random(3).randbytes(PAGE)], ids=["zeros", "few", "ones", "noise"]
)
def test_a_tail_of_rubbish_is_cut_and_the_clock_stays_right(store: ZodbStore, path: Path, tail: bytes) -> None:
    store.commit(batch(1))
    store.close()
    with path.open("ab") as file:
        file.write(tail)
    store.open()
    assert holds(store) == 1
    store.commit(batch(2))
    newest = store._live.storage.lastTransaction() if store._live else b""
    assert newest < b"\x05"  # a transaction id of this century: the rubbish was not taken for one
    saved = [*path.parent.glob("Data.fs.tr*")]
    assert all(file.stat().st_mode & 0o077 == 0 for file in saved)
    store.close()
    store.open()
    assert holds(store) == 2


@pytest.mark.parametrize("start", [b"", b"\0\0\0\0", b"\0", b"FS"])
def test_a_cut_while_the_file_was_new_is_no_damage(path: Path, start: bytes) -> None:
    path.write_bytes(start)
    store = ZodbStore(path)
    store.open()
    store.commit(batch(1))
    store.close()
    store.open()
    assert holds(store) == 1
    store.close()


def test_an_index_that_a_cut_tore_is_made_again(store: ZodbStore, path: Path) -> None:
    store.commit(batch(1))
    store.close()
    index = path.with_name("Data.fs.index")
    for content in (b"", index.read_bytes()[:40], b"\0" * index.stat().st_size):
        index.write_bytes(content)
        store.open()
        assert holds(store) == 1
        store.close()


# --- damage -------------------------------------------------------------------------------------------------------------------------


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


# --- commits that fail --------------------------------------------------------------------------------------------------------------


def raising(error: Exception) -> Callable[..., Any]:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise error

    return fail


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
        assert go_on.acquire(timeout=10)

    monkeypatch.setattr(barrier, "sync", sync)
    writer = threading.Thread(target=store.commit, args=(batch(2),))
    writer.start()
    for _ in range(2):
        assert waiting.acquire(timeout=10)
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


# --- other processes ----------------------------------------------------------------------------------------------------------------


def script(body: str, *arguments: object) -> subprocess.Popen[str]:
    """A process of its own that runs the body with `store` open on the file named first."""
    head = """
        import os, resource, sys
        sys.path.insert(0, sys.argv[1])
        from pathlib import Path
        from storage.protocol import *
        from storage.zodb import ZodbStore
        store = ZodbStore(Path(sys.argv[2]))
        def number():
            with store.view(0) as view:
                return view.number()
    """
    return subprocess.Popen(
        [sys.executable, "-c", dedent(head) + dedent(body), str(ROOT), *map(str, arguments)], stdout=subprocess.PIPE, text=True
    )


def finished(process: subprocess.Popen[str]) -> str:
    text, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    return text


def test_a_second_process_is_told_that_the_file_is_in_use(store: ZodbStore, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = """
        import storage.zodb
        storage.zodb.LOCK_WAIT_SECONDS = 0.2
        try:
            store.open()
        except StoreLocked as error:
            print(error)
    """
    assert f"{path} is in use by another server" in finished(script(body, path))
    monkeypatch.setattr(storage.zodb, "LOCK_WAIT_SECONDS", 0.1)
    with pytest.raises(StoreLocked):
        ZodbStore(path).open()
    store.commit(batch(1))


def test_opening_waits_for_a_lock_about_to_be_released(path: Path, store: ZodbStore) -> None:
    second = ZodbStore(path)
    opener = threading.Thread(target=second.open)
    opener.start()
    store.close()
    opener.join()
    second.commit(batch(1))
    second.close()


def test_kill_loses_no_acknowledged_batch(path: Path) -> None:
    body = """
        store.open()
        for n in range(number() + 1, 200):
            body = bytes([n]) * 5000
            records = {("execution", (n,)): body, ("page", (n, "a")): body, ("document", ("last",)): body}
            store.commit(Batch(0, n, records, {"busy": {(-n,): True}}))
            print(n, flush=True)
    """
    acknowledged = 0
    for round_number in range(5):
        with script(body, path) as process:
            assert process.stdout is not None
            for _ in range(3 + 2 * round_number):
                acknowledged = int(process.stdout.readline())
            process.send_signal(signal.SIGKILL)
            acknowledged = max([acknowledged, *map(int, process.stdout.read().split())])
        store = ZodbStore(path)
        store.open()
        assert holds(store) in (acknowledged, acknowledged + 1)
        store.close()


FILL = """
        store.open()
        n = number()
        def fill(size):
            global n
            while True:
                try:
                    store.commit(Batch(0, n + 1, {("document", (n + 1,)): b"x" * size}, {"busy": {(n + 1,): True}}))
                except StoreUnavailable as error:
                    assert error.__cause__.errno in (27, 28), error
                    break
                n += 1
            assert number() == n
        def check():
            with store.view(0) as view:
                assert view.number() == view.count("busy") == n
                assert all(view.get("document", (k,)) for k in range(1, n + 1))
                return n
"""


def test_a_file_that_may_not_grow_fails_cleanly_and_recovers(path: Path) -> None:
    """A limit on the file's size acts as a full disk, with no need of one."""
    body = (
        FILL
        + """
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        for limit in (300_000, 340_001, 400_123):
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
            fill(100_000); fill(7_000); fill(10)
            check()
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
            store.commit(Batch(0, n + 1, {("document", (n + 1,)): b"after"}, {"busy": {(n + 1,): True}}))
            n += 1
            store.close(); store.open()
            check()
        store.close()
        print("fine", os.listdir(os.path.dirname(sys.argv[2])))
    """
    )
    text = finished(script(body, path))
    assert text.startswith("fine")
    assert ".tr" not in text  # nothing was left behind the last transaction for the next open to cut


def test_a_full_disk_fails_cleanly_and_recovers(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    if os.geteuid() != 0 or mount is None or subprocess.run([mount, "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)]).returncode:
        pytest.skip("needs root and a right to mount; the limit on the file's size tests the same path")
    try:
        body = (
            FILL
            + """
        ballast = Path(sys.argv[2]).with_name("ballast")
        ballast.write_bytes(b"x" * 900_000)
        fill(100_000); fill(3_000); fill(10)
        check()
        ballast.unlink()
        store.commit(Batch(0, n + 1, {("document", (n + 1,)): b"y" * 100_000}, {"busy": {(n + 1,): True}}))
        n += 1
        store.close(); store.open()
        print("fine", check())
        store.close()
        """
        )
        assert finished(script(body, disk / "Data.fs")).startswith("fine")
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_file_without_the_right_to_write_is_a_clear_error() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "Data.fs")
        store = ZodbStore(path)
        store.open()
        store.close()
        path.chmod(0o444)
        Path(folder).chmod(0o755)
        body = """
            import encodings.idna
            if os.geteuid() == 0:
                os.setuid(65534)
            try:
                store.open()
            except StoreError as error:
                print(type(error).__name__, error)
        """
        text = finished(script(body, path))
    assert text.startswith(f"StoreError {path} cannot be opened for reading and writing: ")


def test_a_child_of_fork_neither_uses_nor_hurts_its_parents_store(store: ZodbStore, path: Path) -> None:
    body = """
        store.open()
        store.commit(Batch(0, 1))
        child = os.fork()
        if not child:
            try:
                number()
            except StoreError as error:
                print(error, flush=True)
            store.close()
            os._exit(0)
        os.waitpid(child, 0)
        store.commit(Batch(0, 2))
        import storage.zodb
        storage.zodb.LOCK_WAIT_SECONDS = 0.1
        try:
            ZodbStore(Path(sys.argv[2])).open()
        except StoreLocked:
            print("still ours")
    """
    text = finished(script(body, path.with_name("other.fs")))
    assert "opened before fork" in text
    assert "still ours" in text


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
    assert caplog.records == []
