"""Snapshots: the end of an index, which a view does not give by itself. What is to be written, put together."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from storage.memory import MemoryStore
from storage.protocol import Batch
from tests.service.archive import CountingStore
from workflows.runtime.ledger import Ledger, Pending


def ledger_of(numbers: set[int]) -> tuple[Ledger, CountingStore]:
    store = CountingStore(MemoryStore())
    store.open()
    store.commit(Batch(0, 1, {}, {"some": {(-number,): True for number in numbers}}))
    return Ledger(store), store


@given(st.sets(st.integers(1, 500)), st.integers(1, 20))
def test_the_last_entries_of_an_index(numbers: set[int], limit: int) -> None:
    ledger, _ = ledger_of(numbers)
    with ledger.snapshot() as snapshot:
        assert snapshot.last("some", limit) == [(-number,) for number in sorted(numbers)[:limit]]


def test_the_end_of_a_long_index_is_found_without_a_walk() -> None:
    ledger, store = ledger_of(set(range(1_000, 101_000)))
    with ledger.snapshot() as snapshot:
        assert snapshot.last("some", 100) == [(-number,) for number in range(1_000, 1_100)]
    assert store.reads["entries"] < 2_500


def test_what_is_to_be_written_together_is_as_if_it_had_been_written_one_after_the_other() -> None:
    one, other = Pending(), Pending()
    for pending, data in ((one, 1), (other, 2)):
        pending.put("document", ("both",), data)
        pending.put("document", (f"only {data}",), data)
        pending.index("some", (7,), data == 1)
        pending.index("some", (data,), True)
        pending.add("ends", data)
    one.take(other)
    ledger, _ = ledger_of(set())
    ledger.commit(one)
    with ledger.snapshot() as snapshot:
        assert [snapshot.read("document", (name,)) for name in ("both", "only 1", "only 2")] == [2, 1, 2]
        assert snapshot.scan("some", None, 9) == [(1,), (2,)]
        assert snapshot.count("ends") == 3
