"""Snapshots: the end of an index, which a view does not give by itself."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from storage.memory import MemoryStore
from storage.protocol import Batch
from tests.service.archive import CountingStore
from workflows.runtime.ledger import Ledger


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
