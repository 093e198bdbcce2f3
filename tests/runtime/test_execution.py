"""An execution's records: what is stored is what is live, and a change costs what has changed."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.protocol import CorruptRecord, Key, UnencodableRecord
from storage.records import decode
from tests.core.jobs import dag, task
from tests.core.toy import ToyDefinition
from tests.simulation.definitions import make_dialect, random_dag, random_machine
from workflows.core.dialect import Dialect
from workflows.core.machine import step
from workflows.core.waits import due
from workflows.events import Cancelled, Continue, Event, Failed, Fired, Started, Succeeded, Taken
from workflows.model import ENDED, At, Delay, Error, Frame, Retrier, TaskSpec
from workflows.runtime import execution as module
from workflows.runtime.execution import Execution, history
from workflows.runtime.ledger import Pending


class Disk:
    """An execution of this dialect and the records it has written."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.records: dict[tuple[str, Key], bytes] = {}
        self.indexes: dict[str, set[Key]] = {}
        self.execution = Execution(1, self.read)
        self.now = 1_000.0
        self.entries: list[Any] = []
        self.page_bytes = int(vars(module)["PAGE_BYTES"])  # as it is patched just now

    def read(self, kind: str, key: Key) -> Any:
        raw = self.records.get((kind, key))
        return None if raw is None else decode(raw)

    def feed(self, event: Event) -> None:
        done = step(self.dialect, self.execution, event)
        self.entries += [entry.id for entry in done.history]
        if done.changed:
            self.execution.apply(done)

    def start(self, data: str = "{}") -> None:
        self.feed(Started(self.now, 1, "exec-0-1-x", self.dialect.definition.id, 1, data))

    def run(self, path: str, output: str = "1") -> None:
        self.feed(Taken(self.now, 1, path, self.visit(path), "test"))
        self.feed(Succeeded(self.now, 1, path, self.visit(path), output))

    def visit(self, path: str) -> int:
        return self.execution.frames[path].visit

    def write(self) -> Pending:
        pending = Pending()
        self.execution.write(pending)
        for key, raw in pending.records.items():
            if raw is None:
                del self.records[key]
            else:
                self.records[key] = raw
        for name, entries in pending.indexes.items():
            for entry, present in entries.items():
                (self.indexes.setdefault(name, set()).add if present else self.indexes[name].remove)(entry)
        self.execution.committed()
        return pending

    def check(self) -> None:
        live, again = self.execution, Execution.load(1, self.read)
        assert again is not None
        assert again.header == live.header
        assert again.frames == live.frames
        for path in live.frames:
            assert set(again.children(path)) == set(live.children(path))
        assert [row[0] for row in history(1, self.read)] == self.entries
        assert self.indexes.get("due", set()) == {(m, 1, p) for p, f in live.frames.items() if (m := due(f)) is not None}
        pages = {key[1][1] for key in self.records if key[0] == "page"}
        assert pages == set(self.read("execution", (1,))["pages"])
        for page in pages:
            rows = self.read("page", (1, page))["frames"]
            assert rows, "an empty page is deleted"
            assert len(rows) == 1 or len(self.records["page", (1, page)]) <= self.page_bytes + 100 + len(rows)


def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE_BYTES", 600)
    monkeypatch.setattr(module, "CHUNK_ENTRIES", 7)
    monkeypatch.setattr(module, "CHUNK_BYTES", 1_500)


@settings(deadline=None, max_examples=150, derandomize=True)
@given(st.integers(0, 10**6), st.integers(1, 6))
def test_what_is_stored_is_what_is_live(seed: int, together: int) -> None:
    """Whatever happens to it, written after every few steps."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        small(monkeypatch)
        rnd = random.Random(seed)
        disk = Disk(make_dialect(rnd.choice([random_dag, random_machine])(rnd, "d")))
        disk.start()
        for count in range(60):
            if count % together == 0:
                disk.write()
                disk.check()
                if rnd.random() < 0.2:
                    again = Execution.load(1, disk.read)
                    assert again is not None
                    disk.execution = again
            assert disk.execution.header is not None
            if disk.execution.header.status in ENDED:
                break
            disk.feed(_anything(rnd, disk))
        disk.write()
        disk.check()


def _anything(rnd: random.Random, disk: Disk) -> Event:
    frames = [f for f in disk.execution.frames.values() if f.status in (At.READY, At.RUNNING, At.PARKED) or due(f) is not None]
    frame = rnd.choice(frames)
    if rnd.random() < 0.02:
        return Cancelled(disk.now, 1)
    match frame.status:
        case At.READY:
            return Taken(disk.now, 1, frame.path, frame.visit, "test")
        case At.PARKED:
            return Continue(disk.now, 1, frame.path, frame.visit)
        case At.RUNNING if rnd.random() < 0.3:
            return Failed(disk.now, 1, frame.path, frame.visit, Error("Boom", "x" * rnd.choice([1, 300])))
        case At.RUNNING:
            return Succeeded(disk.now, 1, frame.path, frame.visit, f'"{"y" * rnd.choice([1, 100, 3_000])}"')
    moment = due(frame)
    assert moment is not None
    disk.now = max(disk.now, moment)
    return Fired(disk.now, 1, frame.path, frame.visit, moment)


def test_small_frames_stay_in_the_executions_record() -> None:
    disk = Disk(dag(task("a"), task("b", "a")))
    disk.start()
    assert set(disk.write().records) == {("execution", (1,))}


def test_frames_beyond_16_kib_go_to_pages_and_a_change_rewrites_one() -> None:
    """5,000 frames: whatever happens to one task touches the execution's record, one page and, rarely, a chunk of history."""
    disk = Disk(dag(*(task(f"t{n:04}") for n in range(5_000))))
    disk.start()
    first = disk.write()
    disk.check()
    assert len(first.records) > 20
    most = 0
    for n in (0, 17, 2_500, 4_999):
        disk.run(f"/t{n:04}")
        pending = disk.write()
        assert len(pending.records) <= 4, "the record, the page, the root's page, perhaps a chunk"
        most = max(most, sum(len(raw or b"") for raw in pending.records.values()))
    assert most <= 64 * 1024
    disk.check()


def test_beside_pages_the_record_holds_no_frame_but_the_root() -> None:
    """It is written at every commit, and 16 KiB of tasks long ended would be written with it."""
    disk = Disk(dag(*(task(f"t{n:04}") for n in range(500))))
    disk.start()
    disk.write()
    assert [frame["path"] for frame in disk.read("execution", (1,))["frames"]] == [""]
    disk.run("/t0001")
    pending = disk.write()
    assert len(pending.records["execution", (1,)] or b"") < 16 * 1024
    disk.check()


def test_a_frame_is_encoded_when_it_has_changed_and_not_with_its_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(dag(*(task(f"t{n:04}") for n in range(500))))
    disk.start()
    disk.write()
    encoded: list[str] = []
    frame_data = vars(module)["frame_data"]

    def noted(frame: Frame) -> dict[str, Any]:
        encoded.append(frame.path)
        return dict(frame_data(frame))

    monkeypatch.setattr(module, "frame_data", noted)
    disk.run("/t0001")
    disk.write()
    assert sorted(encoded) == ["", "/t0001"]
    disk.check()


def test_history_goes_to_chunks_of_64_which_are_written_once() -> None:
    disk = Disk(dag(task("t0"), *(task(f"t{n}", f"t{n - 1}") for n in range(1, 60))))
    disk.start()
    written: list[Key] = []
    for n in range(60):
        disk.run(f"/t{n}")
        written += [key for kind, key in disk.write().records if kind == "history"]
        disk.check()
    assert len(written) == len(set(written)) > 3
    assert all(len(disk.read("history", key)["entries"]) == 64 for key in written)


def test_a_payload_over_2_kib_has_a_record_of_its_own_written_once() -> None:
    disk = Disk(dag(task("a"), task("b", "a")))
    disk.start(f'{{"big": "{"x" * 5_000}"}}')
    assert ("payload", (1, 1)) in disk.write().records
    disk.run("/a", f'"{"y" * 5_000}"')
    assert {key for kind, key in disk.write().records if kind == "payload"} == {(1, 2)}
    assert disk.execution.payload(2).startswith('"yyy')
    assert len(disk.records["execution", (1,)]) < 3_000


def test_frames_of_a_closed_scope_leave_their_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch)
    each = {"StartAt": "X", "States": {"X": {"Type": "Task"}}}
    states = {"M": {"Type": "Map", "Items": list(range(30)), "Each": each, "Next": "W"}, "W": {"Type": "Wait", "Seconds": 1}}
    disk = Disk(make_dialect(ToyDefinition("toy", 1, machine={"StartAt": "M", "States": states})))
    disk.start()
    disk.write()
    assert any(kind == "page" for kind, _ in disk.records)
    for path in [path for path in disk.execution.frames if path]:
        disk.run(path)
    disk.write()
    disk.check()
    assert not any(kind == "page" for kind, _ in disk.records)


def test_what_cannot_be_encoded_adds_nothing() -> None:
    disk = Disk(dag(task("a"), task("b")))
    disk.start()
    disk.write()
    disk.run("/a", '"\ud800"')
    pending = Pending()
    with pytest.raises(UnencodableRecord):
        disk.execution.write(pending)
    assert not pending


@pytest.mark.parametrize("missing", ["page", "payload"])
def test_a_part_that_is_gone_is_corrupt(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch)
    disk = Disk(dag(*(task(f"t{n}") for n in range(20))))
    disk.start(f'"{"x" * 5_000}"')
    disk.write()
    for key in [key for key in disk.records if key[0] == missing]:
        del disk.records[key]
    if missing == "payload":
        found = Execution.load(1, disk.read)
        assert found is not None
        with pytest.raises(CorruptRecord):
            found.payload(1)
    else:
        with pytest.raises(CorruptRecord):
            Execution.load(1, disk.read)


def test_a_new_wait_until_the_same_moment_is_told_to_the_timers() -> None:
    disk = Disk(dag(task("a", spec=TaskSpec("f", (Retrier(1, Delay(0.0)),), timeout=5.0))))
    disk.start()
    disk.feed(Taken(disk.now, 1, "/a", disk.visit("/a"), "test"))
    disk.write()
    disk.feed(Fired(1_005.0, 1, "/a", disk.visit("/a"), 1_005.0))
    assert disk.write().indexes["due"] == {(1_005.0, 1, "/a"): True}
