"""Finding executions: every page together is what a look at each would give, whatever the filter, the budget and the clock."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.memory import MemoryStore
from storage.zodb import ZodbStore
from tests.service.archive import Archive, header
from workflows.model import Header, Status
from workflows.runtime.ledger import Pending
from workflows.runtime.setback import SetBack, set_back
from workflows.service.filters import Filter, matching

LABELS = {"a": {"team": "tea"}, "b": {"team": "coffee", "tier": "1"}}
JOBS = ("a", "b", "nobody's")


def passes(wanted: Filter, one: Header) -> bool:
    """What a filter means, in the plainest words."""
    texts = [text for text in (one.input, one.output, one.error) if isinstance(text, str)]
    return all(
        [
            wanted.job is None or one.definition == wanted.job,
            wanted.status is None or one.status is wanted.status,
            wanted.statuses is None or one.status in wanted.statuses,
            wanted.since is None or one.created >= wanted.since,
            wanted.until is None or one.created < wanted.until,
            wanted.paused is None or one.paused == wanted.paused,
            all(LABELS.get(one.definition, {}).get(name) == value for name, value in wanted.labels.items()),
            wanted.text is None or any(wanted.text.lower() in text.lower() for text in texts),
        ]
    )


def pages(archive: Archive, wanted: Filter, limit: int = 3, budget: int = 2_000) -> list[list[int]]:
    found, after = [], None
    while True:
        with archive.ledger.snapshot() as snapshot:
            page = matching(snapshot, archive.catalogue, wanted, after, limit, budget)
        found.append([match.number for match in page.found])
        if page.next is None:
            return found
        assert after is None or page.next < after, "the cursor moves on"
        after = page.next


moments = st.integers(0, 30).map(float)
headers = st.builds(
    lambda definition, status, created, paused, word: header(
        definition=definition, status=status, created=created, at=created, paused=paused, input=f'"{word}"'
    ),
    st.sampled_from(JOBS[:2]),
    st.sampled_from(Status),
    moments,
    st.booleans(),
    st.sampled_from(["red", "green", "Redder"]),
)
filters = st.builds(
    Filter,
    job=st.none() | st.sampled_from(JOBS),
    status=st.none() | st.sampled_from(Status),
    since=st.none() | moments,
    until=st.none() | moments,
    labels=st.sampled_from([{}, {}, {"team": "tea"}, {"team": "coffee", "tier": "1"}, {"team": "milk"}]),
    text=st.none() | st.sampled_from(["red", "GREEN", "blue"]),
    paused=st.none() | st.booleans(),
    statuses=st.none() | st.lists(st.sampled_from(Status), unique=True).map(tuple),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(headers, max_size=30), filters, st.integers(1, 5), st.integers(1, 9))
def test_all_pages_together_are_what_a_look_at_each_gives(made: list[Header], wanted: Filter, limit: int, budget: int) -> None:
    """The clock jumps about as it likes here."""
    archive = Archive(labels=LABELS)
    for name in LABELS:
        archive.register(name)
    if made:
        archive.add(*made)
    found = pages(archive, wanted, limit, budget)
    assert all(len(page) <= limit for page in found)
    assert [number for page in found for number in page] == [
        number for number in sorted(archive.headers, reverse=True) if passes(wanted, archive.headers[number])
    ]


def test_a_page_examines_a_bounded_number_and_goes_on_from_there() -> None:
    archive = Archive()
    archive.register("job")
    archive.add(*(header(n, input='"needle"' if n == 5 else '"hay"') for n in range(1, 101)))
    found = pages(archive, Filter(text="needle"), limit=10, budget=20)
    assert found == [[], [], [], [], [5]]


def test_what_is_asked_of_two_indexes_walks_the_narrower() -> None:
    archive = Archive()
    archive.register("job")
    archive.add(*(header(n, "rare" if n == 50 else "job", status=Status.COMPLETED) for n in range(1, 1_001)))
    archive.store.clear()
    assert pages(archive, Filter(job="rare", status=Status.COMPLETED)) == [[50]]
    assert archive.store.reads["records"] == 1


def test_a_time_long_ago_is_found_without_a_walk() -> None:
    archive = Archive()
    archive.register("job")
    archive.add(*(header(n) for n in range(1, 5_001)))
    archive.store.clear()
    assert pages(archive, Filter(since=100.0, until=103.0)) == [[102, 101, 100]]
    assert archive.store.reads["records"] < 40


def test_a_clock_that_was_set_back_is_remembered_whatever_happens_in_between() -> None:
    archive = Archive()

    def note(clock: SetBack, now: float, last: float | None) -> None:
        pending = Pending()
        clock.note(pending, now, lambda: last)
        if pending:
            archive.ledger.commit(pending)

    clock = SetBack(archive.ledger.read)
    note(clock, 100.0, None)
    assert set_back(archive.ledger.read) == 0
    note(clock, 90.0, 100.0)
    assert set_back(archive.ledger.read) == 10
    note(clock, 101.0, 90.0)
    note(clock, 95.0, 101.0)
    assert set_back(archive.ledger.read) == 10
    again = SetBack(archive.ledger.read)
    note(again, 85.0, 95.0)
    assert set_back(archive.ledger.read) == 16


def test_a_damaged_execution_matches_nothing_and_hides_nothing() -> None:
    archive = Archive()
    archive.register("job")
    archive.add(*(header(n) for n in range(1, 6)))
    archive.remove("execution", (3,))
    assert pages(archive, Filter(since=2.0, until=5.0)) == [[4, 2]]


@pytest.mark.parametrize("sought", ["Grüße", "GRÜSSE", 'say "hi"', "naïve\nline", "1.00", "boom"])
def test_text_is_found_as_people_read_it_wherever_it_stands(sought: str) -> None:
    archive = Archive()
    archive.register("job")
    archive.add(
        header(
            1, input='{"a": "Gr\\u00fc\\u00dfe", "b": "say \\"hi\\"", "n": 1.00}', output='"na\\u00efve\\nline"', error='{"type": "Boom"}'
        )
    )
    assert pages(archive, Filter(text=sought)) == [[1]]
    assert pages(archive, Filter(text=f"{sought}?")) == [[]]


def test_text_is_found_in_long_payloads_and_how_much_a_page_searches_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    archive = Archive()
    archive.register("job")
    for _ in range(4):
        archive.add(header(1, input=7), payloads={7: f'"{"x" * 5_000} needle"'})
    assert pages(archive, Filter(text="needle")) == [[4, 3, 2], [1]]
    monkeypatch.setattr("workflows.service.filters.EXAMINED_CHARACTERS", 6_000)
    assert pages(archive, Filter(text="nothing")) == [[], []]


def test_a_file_store_finds_the_same(tmp_path: Any) -> None:
    archives = [Archive(store) for store in (MemoryStore(), ZodbStore(tmp_path / "Data.fs", "group"))]
    for archive in archives:
        archive.register("job")
        archive.add(*(header(n, status=Status.FAILED if n % 3 else Status.RUNNING) for n in range(1, 30)))
    for wanted in (Filter(), Filter(status=Status.RUNNING), Filter(job="job", status=Status.FAILED, since=5.0, until=20.0)):
        assert pages(archives[0], wanted) == pages(archives[1], wanted)
    archives[1].store.close()
