"""The file store and other processes: a second owner, kill -9, a full disk, missing rights, fork."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from textwrap import dedent

import pytest

import storage.zodb
from storage.protocol import StoreLocked
from storage.zodb import ZodbStore
from tests.contract.zodb_world import batch, holds

ROOT = Path(__file__).resolve().parents[2]


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
    with process:
        try:
            text, _ = process.communicate(timeout=300)
        finally:
            process.kill()
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


def test_opening_waits_for_a_lock_about_to_be_released(path: Path, store: ZodbStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage.zodb, "LOCK_WAIT_SECONDS", 60.0)
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
