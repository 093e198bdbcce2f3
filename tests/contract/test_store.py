"""What every store promises. One suite; a new store joins by one line in `KINDS`.

Faults that only a file can have are in the test_zodb_*.py beside this.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.memory import MemoryStore
from storage.protocol import Batch, Key, Store, StoreError, View
from storage.zodb import ZodbStore

KINDS: dict[str, Callable[[Path], Store]] = {
    "memory": lambda path: MemoryStore(),
    "strict": lambda path: ZodbStore(path / "Data.fs"),
    "group": lambda path: ZodbStore(path / "Data.fs", "group"),
}


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made = KINDS[request.param](tmp_path)
    made.open()
    yield made
    made.close()


def test_an_empty_partition_reads_as_empty(store: Store) -> None:
    with store.view(7) as view:
        assert view.get("execution", (1,)) is None
        assert view.keys("execution") == []
        assert view.scan("busy") == []
        assert view.count("busy") == 0
        assert view.number() == 0


def test_a_batch_is_seen_whole_after_commit(store: Store) -> None:
    store.commit(Batch(0, 1, {("execution", (-1,)): b"a", ("page", ("x", 1)): b"b"}, {"busy": {(-1,): True}}))
    with store.view(0) as view:
        assert view.get("execution", (-1,)) == b"a"
        assert view.get("page", ("x", 1)) == b"b"
        assert view.scan("busy") == [(-1,)]
        assert view.number() == 1


@pytest.mark.parametrize("kind", ["execution", "page", "history", "payload", "definition", "document", "never heard of"])
def test_every_kind_is_stored_updated_and_deleted(store: Store, kind: str) -> None:
    for number, sealed in enumerate([b"first", b"second", None, b"third"], 1):
        store.commit(Batch(0, number, {(kind, ("name",)): sealed}))
        with store.view(0) as view:
            assert view.get(kind, ("name",)) == sealed
            assert view.keys(kind) == ([] if sealed is None else [("name",)])


def test_deleting_what_is_absent_changes_nothing(store: Store) -> None:
    store.commit(Batch(0, 1, {("execution", (1,)): None}))
    store.commit(Batch(0, 2, {("execution", (1,)): b"a"}))
    store.commit(Batch(0, 3, {("execution", (2,)): None, ("execution", ("text",)): None}))
    with store.view(0) as view:
        assert view.keys("execution") == [(1,)]


def test_partitions_share_nothing(store: Store) -> None:
    store.commit(Batch(0, 1, {("execution", (1,)): b"a"}, {"busy": {(1,): True}}))
    store.commit(Batch(5, 1, {("execution", (1,)): b"b"}))
    with store.view(5) as view:
        assert (view.get("execution", (1,)), view.count("busy"), view.number()) == (b"b", 0, 1)


def test_a_view_does_not_see_later_commits(store: Store) -> None:
    store.commit(Batch(0, 1, {("execution", (1,)): b"old", ("execution", (2,)): b"kept"}, {"busy": {(1,): True}}))
    with store.view(0) as before:
        store.commit(
            Batch(
                0,
                2,
                {("execution", (1,)): b"new", ("execution", (2,)): None, ("execution", (3,)): b"more"},
                {"busy": {(1,): False, (3,): True}},
            )
        )
        assert before.get("execution", (1,)) == b"old"
        assert before.keys("execution") == [(1,), (2,)]
        assert before.scan("busy") == [(1,)]
        assert before.number() == 1
        with store.view(0) as after:
            assert after.get("execution", (1,)) == b"new"
            assert after.keys("execution") == [(1,), (3,)]
            assert after.scan("busy") == [(3,)]
            assert after.number() == 2


@pytest.mark.parametrize(
    "ordered",
    [
        [(-(2**63),), (-5,), (-1,), (0,), (7,), (2**63 - 1,)],
        [(-(2**70),), (-5,), (2**70,)],
        [(1,), (1.5,), (2,), (10,)],
        [(0.25, -3, "b"), (0.25, -2, "a"), (0.25, -2, "b"), (3.0, -9, "")],
        [("Z",), ("a",), ("ä",)],
        [("run", -2), ("run", -1), ("stop", -3)],
    ],
)
def test_keys_come_in_the_order_of_tuples(store: Store, ordered: list[Key]) -> None:
    shuffled = ordered[1::2] + ordered[::2]
    store.commit(Batch(0, 1, {("k", key): b"x" for key in shuffled}, {"i": dict.fromkeys(shuffled, True)}))
    with store.view(0) as view:
        for read in (partial(view.keys, "k"), partial(view.scan, "i")):
            assert read() == ordered
            for place, key in enumerate(ordered):
                assert read(after=key) == ordered[place + 1 :]
                assert read(after=key, limit=1) == ordered[place + 1 : place + 2]
            assert read(after=()) == ordered
        assert [view.get("k", key) for key in ordered] == [b"x"] * len(ordered)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ((1.5,), [2, 3]),
        ((2,), [3]),
        ((2, "longer"), [3]),
        ((-9.5,), [-1, 2, 3]),
        ((-(2**80),), [-1, 2, 3]),
        ((2**63 - 1,), []),
        ((2**80,), []),
    ],
)
def test_after_need_not_have_the_shape_of_a_key(store: Store, after: Key, expected: list[int]) -> None:
    store.commit(Batch(0, 1, indexes={"i": {(2,): True, (-1,): True, (3,): True}}))
    with store.view(0) as view:
        assert view.scan("i", after) == [(number,) for number in expected]


def test_a_page_holds_a_hundred_unless_told(store: Store) -> None:
    store.commit(Batch(0, 1, {("k", (n,)): b"" for n in range(250)}, {"i": {(n, "x"): True for n in range(250)}}))
    with store.view(0) as view:
        assert view.keys("k") == [(n,) for n in range(100)]
        assert view.scan("i", limit=200) == [(n, "x") for n in range(200)]
        assert view.scan("i", after=(198,), limit=3) == [(198, "x"), (199, "x"), (200, "x")]
        assert view.keys("k", limit=0) == []


def test_an_index_whose_keys_change_type_keeps_all(store: Store) -> None:
    store.commit(Batch(0, 1, {("k", (1,)): b"one"}, {"i": {(1,): True}}))
    store.commit(Batch(0, 2, {("k", (1.5,)): b"more"}, {"i": {(0.5,): True, (1,): True}}))
    with store.view(0) as view:
        assert view.scan("i") == [(0.5,), (1,)]
        assert view.count("i") == 2
        assert (view.get("k", (1,)), view.get("k", (1.5,))) == (b"one", b"more")


def test_counts_stay_right_when_a_change_is_repeated(store: Store) -> None:
    steps: list[tuple[dict[Key, bool], int]] = [
        ({(1,): True, (2,): True}, 2),
        ({(1,): True}, 2),
        ({(1,): False, (3,): False}, 1),
        ({(1,): False}, 1),
        ({(2,): False}, 0),
    ]
    for number, (changes, expected) in enumerate(steps, 1):
        store.commit(Batch(0, number, indexes={"i": changes}))
        with store.view(0) as view:
            assert view.count("i") == expected == len(view.scan("i"))


def one_to(number: int) -> dict[Key, bool]:
    return {(key,): True for key in range(1, number + 1)}


def test_many_indexes_are_counted_apart(store: Store) -> None:
    store.commit(Batch(0, 1, indexes={f"i{n}": one_to(n) for n in range(1, 80)}))
    with store.view(0) as view:
        assert [view.count(f"i{n}") for n in range(1, 80)] == list(range(1, 80))
        assert view.number() == 1


def test_what_has_no_entries_is_counted_too(store: Store) -> None:
    store.commit(Batch(0, 1, indexes={"i": one_to(3)}, counts={f"n{n}": n for n in range(80)}))
    store.commit(Batch(0, 2, counts={"n5": -2, "n6": -6, "new": -1}))
    with pytest.raises(StoreError):
        store.commit(Batch(0, 2, counts={"n5": 10}))
    store.close()
    store.open()
    with store.view(0) as view:
        assert [view.count(name) for name in ("n0", "n5", "n6", "n79", "new", "i", "nothing")] == [0, 3, 0, 79, -1, 3, 0]
        assert (view.scan("n5"), view.number()) == ([], 2)
    with store.view(1) as view:
        assert view.count("n5") == 0


@pytest.mark.parametrize("number", [0, 1, 3, -1])
def test_a_batch_out_of_turn_is_refused_whole(store: Store, number: int) -> None:
    store.commit(Batch(0, 1))
    with pytest.raises(StoreError, match="second writer"):
        store.commit(Batch(0, number, {("k", (1,)): b"x"}))
    with store.view(0) as view:
        assert (view.number(), view.keys("k")) == (1, [])
    store.commit(Batch(0, 2, {("k", (1,)): b"x"}))


def test_keys_of_different_shape_are_refused_whole(store: Store) -> None:
    store.commit(Batch(0, 1, {("k", ("text",)): b"x"}, {"i": {("text",): True}}))
    with pytest.raises(TypeError):
        store.commit(Batch(0, 2, {("k", ("other",)): b"y"}, {"i": {(1,): True}}))
    with store.view(0) as view:
        assert (view.number(), view.keys("k"), view.count("i")) == (1, [("text",)], 1)


def test_open_and_close_may_be_repeated_and_reopening_keeps_all(store: Store) -> None:
    store.open()
    store.commit(Batch(0, 1, {("execution", (-1,)): b"a"}, {"busy": {(-1,): True}}))
    store.close()
    store.close()
    store.open()
    store.open()
    with store.view(0) as view:
        assert (view.get("execution", (-1,)), view.scan("busy"), view.count("busy"), view.number()) == (b"a", [(-1,)], 1, 1)
    store.commit(Batch(0, 2, {("execution", (-1,)): None}))


@pytest.mark.parametrize("kind", KINDS)
def test_a_store_that_is_not_open_says_so(kind: str, tmp_path: Path) -> None:
    store = KINDS[kind](tmp_path)
    store.close()
    with pytest.raises(StoreError, match="not open"):
        store.commit(Batch(0, 1))
    with pytest.raises(StoreError, match="not open"), store.view(0):
        pass
    store.open()
    store.close()


def test_threads_see_only_whole_batches_and_always_the_latest(store: Store) -> None:
    """Each batch writes its number to ten records and moves one index entry; any mixture would be seen."""
    acknowledged, done = [0], threading.Event()

    def read() -> int:
        views = 0
        while not done.is_set() or not views:
            at_least = acknowledged[0]
            with store.view(0) as view:
                number = view.number()
                assert number >= at_least
                assert {view.get("execution", (key,)) for key in range(10)} == {b"%d" % number if number else None}
                assert view.scan("at") == ([(number,)] if number else [])
                assert view.count("at") == bool(number)
            views += 1
        return views

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(4)]
        try:
            for number in range(1, 61):
                records: dict[tuple[str, Key], bytes | None] = {("execution", (key,)): b"%d" % number for key in range(10)}
                store.commit(Batch(0, number, records, {"at": {(number - 1,): False, (number,): True}}))
                acknowledged[0] = number
        finally:
            done.set()
    assert all(reader.result() > 0 for reader in readers)


def test_partitions_may_be_written_by_different_threads(store: Store) -> None:
    def write(partition: int) -> None:
        for number in range(1, 21):
            store.commit(Batch(partition, number, {("execution", (number,)): b"x"}))

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(write, range(3)))
    for partition in range(3):
        with store.view(partition) as view:
            assert (view.number(), len(view.keys("execution"))) == (20, 20)


SHAPES = {
    "integers": st.tuples(st.integers(-40, 40)),
    "pairs": st.tuples(st.sampled_from(["run", "stop", ""]), st.integers(-5, 5)),
    "due": st.tuples(st.floats(-3, 3, allow_nan=False).map(lambda number: round(number, 1)), st.integers(-2, 2), st.sampled_from("ab")),
}


@st.composite
def batches(draw: st.DrawFn) -> list[tuple[dict[tuple[str, Key], bytes | None], dict[str, dict[Key, bool]]]]:
    value = st.none() | st.binary(max_size=8)
    made = []
    for _ in range(draw(st.integers(1, 6))):
        records: dict[tuple[str, Key], bytes | None] = {}
        indexes: dict[str, dict[Key, bool]] = {}
        for name, shape in SHAPES.items():
            records.update({(name, key): v for key, v in draw(st.dictionaries(shape, value, max_size=40)).items()})
            indexes[name] = dict(draw(st.dictionaries(shape, st.booleans(), max_size=40)))
        made.append((records, indexes))
    return made


def seen(view: View) -> list[object]:
    """All that a view can tell, read in pages of seven."""
    result: list[object] = [view.number()]
    for name in SHAPES:
        result.append(view.count(name))
        for read in (view.keys, view.scan):
            after: Key | None = None
            while page := read(name, after, 7):
                after = page[-1]
                result.append([(key, view.get(name, key)) for key in page])
    return result


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(work=batches(), reopen=st.integers(0, 5))
def test_zodb_and_memory_tell_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    work: list[tuple[dict[tuple[str, Key], bytes | None], dict[str, dict[Key, bool]]]],
    reopen: int,
) -> None:
    model, real = MemoryStore(), ZodbStore(tmp_path_factory.mktemp("model") / "Data.fs", "group")
    for store in (model, real):
        store.open()
    for number, (records, indexes) in enumerate(work, 1):
        for store in (model, real):
            store.commit(Batch(0, number, records, indexes))
        if number == reopen:
            real.close()
            real.open()
        with model.view(0) as expected, real.view(0) as actual:
            assert seen(actual) == seen(expected)
    real.close()


def test_its_size_is_what_it_takes_on_disk(store: Store) -> None:
    before = store.size()
    store.commit(Batch(0, 1, {("payload", (1,)): b"x" * 100_000}))
    if isinstance(store, ZodbStore):
        assert store.size() == store.path.stat().st_size >= before + 100_000
    else:
        assert store.size() == before == 0
