"""Pages: put together they are the whole, nothing twice and nothing left out, whatever happens meanwhile; and what they cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.protocol import CorruptRecord
from tests.service.archive import Archive, header
from workflows.errors import Invalid, NotFound
from workflows.model import Entry, Error, Status
from workflows.runtime.entries import Entries
from workflows.runtime.ledger import Pending
from workflows.runtime.tallies import Tally
from workflows.service.filters import Filter
from workflows.service.jobs import Jobs
from workflows.service.listing import Listing
from workflows.service.paging import Page, cursor, place_of
from workflows.service.schedules import Schedules


def archive_of(count: int, **more: Any) -> tuple[Archive, Listing]:
    archive = Archive()
    archive.register("job")
    archive.add(*(header(n, **more) for n in range(1, count + 1)))
    return archive, Listing(archive.ledger, archive.catalogue)


def turned(look: Callable[[str | None], Page[Any]], between: Callable[[], None] = lambda: None) -> list[Any]:
    """All items, page by page; `between` happens in the meantime."""
    items: list[Any] = []
    after: str | None = None
    while True:
        page = look(after)
        items += page.items
        if page.next is None:
            return items
        after = page.next
        between()


# ----------------------------------------------------------------------------------------------------------- executions


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 25), st.integers(1, 7), st.integers(0, 5))
def test_executions_that_arrive_meanwhile_do_not_move_the_pages(count: int, limit: int, arriving: int) -> None:
    archive, listing = archive_of(count)

    def arrive() -> None:
        last = len(archive.headers)
        archive.add(*(header(last + n) for n in range(1, arriving + 1)))

    found = turned(lambda after: listing.executions(Filter(job="job"), limit, after), arrive)
    assert [one.id for one in found] == [header(n).id for n in range(count, 0, -1)]


def test_a_page_costs_what_is_on_it_however_many_there_are() -> None:
    """20,000 executions, some of them with thousands of frames in pages of their own."""
    archive = Archive()
    archive.register("job")
    for first in range(1, 20_001, 5_000):
        archive.add(*(header(n, status=Status.RUNNING if n % 100 else Status.FAILED) for n in range(first, first + 5_000)))
    archive.add(*(header(n) for n in range(20_001, 20_021)), frames=100)
    listing = Listing(archive.ledger, archive.catalogue)
    asked = {
        "all": (Filter(), 50),
        "one of the indexes": (Filter(status=Status.FAILED), 50),
        "two of them": (Filter(job="job", status=Status.FAILED), 50),
        "a time": (Filter(since=5_000.0, until=5_100.0), 100),
    }
    for what, (wanted, expected) in asked.items():
        listing.executions(wanted, 1)
        archive.store.clear()
        page = listing.executions(wanted, 50)
        assert len(page.items) == 50, what
        assert archive.store.reads["records"] <= expected + 5, what
        assert archive.store.reads["entries"] <= 600, what
    archive.store.clear()
    page = listing.executions(Filter(text="nowhere"), 50)
    assert (page.items, page.next is not None) == ((), True)
    assert archive.store.reads["records"] <= 2_001


def test_jobs_with_their_tasks_cost_what_is_on_the_page_and_so_do_counts() -> None:
    archive = Archive()
    archive.register("job")
    ends = (Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.RUNNING)
    for first in range(1, 10_001, 5_000):
        archive.add(*(header(n, status=ends[n % 4]) for n in range(first, first + 5_000)))
    listing, jobs = Listing(archive.ledger, archive.catalogue), Jobs(archive.ledger, archive.catalogue, cast(Schedules, None))
    wanted = Filter(job="job", statuses=(Status.FAILED, Status.CANCELLED))
    listing.states(wanted, 1)
    archive.store.clear()
    page = listing.states(wanted, 50)
    assert [one.number for one in page.items] == [n for n in range(10_000, 0, -1) if n % 4 in (1, 2)][:50]
    assert archive.store.reads["records"] <= 2 * 50 + 5
    assert archive.store.reads["entries"] <= 1_200
    archive.store.clear()
    assert jobs.tally("job") == Tally(completed=2_500, failed=2_500, cancelled=2_500, active=2_500, counted=10_000)
    assert archive.store.reads == {"records": 0, "entries": 0}
    assert jobs.tally("nobody") == Tally(0, 0, 0, 0, 0)


@pytest.mark.parametrize(("most", "expected"), [(1, [1, 1, 1, 1, 1]), (3 * 41, [3, 2]), (10_000, [4, 1])])
def test_rows_with_many_tasks_make_short_pages(most: int, expected: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    _, listing = archive_of(5, status=Status.FAILED)
    monkeypatch.setattr("workflows.service.listing.PAGE_BYTES", most)
    wanted = Filter(job="job", statuses=(Status.FAILED,))
    pages: list[list[int]] = []
    after: str | None = None
    while not pages or after is not None:
        page = listing.states(wanted, 4, after)
        pages.append([one.number for one in page.items])
        after = page.next
    assert [len(page) for page in pages] == expected
    assert [number for page in pages for number in page] == [5, 4, 3, 2, 1]


def test_a_summary_has_the_beginning_of_an_error_and_no_traceback() -> None:
    archive, listing = archive_of(0)
    archive.add(header(1, status=Status.FAILED, error=5), payloads={5: f'{{"type": "Boom", "message": "{"x" * 3_000}", "traceback": "t"}}'})
    (found,) = listing.executions(Filter()).items
    assert found.error == Error("Boom", "x" * 500 + "…")
    (found,) = listing.executions(Filter(), errors=False).items
    assert (found.status, found.error) == (Status.FAILED, None)


# -------------------------------------------------------------------------------------------------------------- cursors


def test_a_cursor_is_safe_in_an_address_and_leads_back() -> None:
    made = cursor(("a", "ü"), "grün/?&=")
    assert made is not None
    assert set(made) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert place_of(made, ("a", "ü"), str) == "grün/?&="
    assert place_of(None, "x", str) is cursor("x", None) is None


@pytest.mark.parametrize("given", ["", "x", "ü", "e30", "WzEsMl0", "WzIsImEiLDNd", "A" * 1_000, "WzEsIjAiLDNd\n"])
def test_what_is_no_cursor_is_refused(given: str) -> None:
    with pytest.raises(Invalid) as caught:
        place_of(given, "x", int)
    assert [problem.pointer for problem in caught.value.problems] == ["?cursor"]


def test_a_cursor_of_another_question_is_refused() -> None:
    _, listing = archive_of(5)
    after = listing.executions(Filter(job="job"), 2).next
    assert after is not None
    for other in (Filter(), Filter(job="job", text="x"), Filter(status=Status.QUEUED)):
        with pytest.raises(Invalid, match="another question"):
            listing.executions(other, 2, after)
    with pytest.raises(Invalid, match="another question"):
        listing.history(header(1).id, 2, after)
    assert len(listing.executions(Filter(job="job"), 10, after).items) == 3


def test_the_order_of_labels_is_nothing_to_a_cursor() -> None:
    assert Filter(labels={"a": "1", "b": "2"}).asked() == Filter(labels={"b": "2", "a": "1"}).asked()


# -------------------------------------------------------------------------------------------------------------- history


def entries(count: int, long: int = 0) -> list[Entry]:
    return [Entry(n, n - 1, "PassStateEntered", float(n), {"name": "x" * long, "input": f"{n}"}) for n in range(1, count + 1)]


def historic(count: int, long: int = 0) -> tuple[Archive, Listing, str]:
    archive, listing = archive_of(0)
    made = entries(count, long)
    archive.add(header(1), history=made[:1])
    for part in (made[n : n + 40] for n in range(1, len(made), 40)):
        archive.tell(1, part)
    archive.store.clear()
    return archive, listing, header(1).id


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 400), st.integers(1, 70), st.booleans(), st.sampled_from([0, 700]))
def test_the_pages_of_a_history_are_the_history_both_ways(count: int, limit: int, reverse: bool, long: int) -> None:
    _, listing, name = historic(count, long)
    found = turned(lambda after: listing.history(name, limit, after, reverse))
    numbers = list(range(1, count + 1))
    assert [event["id"] for event in found] == (numbers[::-1] if reverse else numbers)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 400), st.integers(0, 420), st.sampled_from([0, 700]))
def test_a_history_is_entered_anywhere(count: int, at: int, long: int) -> None:
    archive, _, _ = historic(count, long)
    with archive.ledger.snapshot() as snapshot:
        found = Entries(1, snapshot.read)
        assert [entry.id for entry in found.after(at)] == list(range(at + 1, count + 1))
        assert [entry.id for entry in found.before(at)] == list(range(min(at - 1, count), 0, -1))


@pytest.mark.parametrize("long", [0, 700])
def test_a_page_of_a_history_reads_only_its_chunks(long: int) -> None:
    archive, listing, name = historic(5_000, long)
    after = cursor(("history", name, False), 2_500)
    page = listing.history(name, 50, after)
    assert [event["id"] for event in page.items] == list(range(2_501, 2_551))
    assert archive.store.reads["records"] <= (4 if long == 0 else 16)


def test_an_event_has_the_form_of_get_execution_history() -> None:
    _, listing, name = historic(1)
    assert listing.history(name).items == (
        {
            "id": 1,
            "previousEventId": 0,
            "timestamp": 1.0,
            "type": "PassStateEntered",
            "stateEnteredEventDetails": {"name": "", "input": "1", "inputDetails": {"truncated": False}},
        },
    )


def test_events_with_large_payloads_make_short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    _, listing, name = historic(10, 100)
    monkeypatch.setattr("workflows.service.listing.PAGE_CHARACTERS", 250)
    assert len(listing.history(name, 50).items) == 3
    assert len(turned(lambda after: listing.history(name, 50, after))) == 10


def test_the_history_of_what_runs_goes_on_after_the_last_page() -> None:
    archive, listing, name = historic(100)
    first = listing.history(name, 60)
    archive.tell(1, [replace(entry, id=entry.id + 100, previous=entry.previous + 100) for entry in entries(30)])
    rest = turned(lambda after: listing.history(name, 60, after or first.next))
    assert [event["id"] for event in rest] == list(range(61, 131))


def test_what_is_not_there_has_no_history() -> None:
    archive, listing, name = historic(200)
    with pytest.raises(NotFound):
        listing.history("exec-0-1-ffffffff")
    archive.remove("history", (1, 1))
    with pytest.raises(CorruptRecord, match="chunk 1"):
        listing.history(name, 200)


@pytest.mark.parametrize("damage", [None, b"\x01bad!rubbish"], ids=["missing", "damaged"])
def test_an_error_that_cannot_be_read_takes_nothing_else_from_the_page(damage: bytes | None) -> None:
    archive, listing = archive_of(1)
    long = f'{{"type": "Boom", "message": "{"x" * 3_000}"}}'
    archive.add(*(header(n, status=Status.FAILED, error=7) for n in (2, 3)), payloads={7: long})
    pending = Pending()
    pending.records["payload", (2, 7)] = damage
    archive.ledger.commit(pending)
    found = {one.id: one.error and one.error.type for one in listing.executions(Filter(), 50).items}
    assert list(found.values()) == ["Boom", "CorruptRecord", None]


# ----------------------------------------------------------------------------------------------------------------- logs


def logged(archive: Archive, number: int, visit: int, task: str, attempt: int, text: str = "") -> None:
    """As the engine keeps what an attempt printed."""
    pending = Pending()
    data = {
        "path": f"/{task}",
        "task": task,
        "attempt": attempt,
        "at": float(visit),
        "text": text or f"{task}{attempt}",
        "truncated": False,
    }
    pending.put("log", (number, visit), data)
    pending.index("logs", (number, visit), True)
    archive.ledger.commit(pending)


def talkative() -> tuple[Archive, Listing]:
    """Three executions, of which the second has an attempt of task a and two of b in turn, ten times."""
    archive, listing = archive_of(3)
    logged(archive, 1, 500, "a", 1)
    logged(archive, 3, 1, "a", 1)
    for turn in range(10):
        for offset, (task, attempt) in enumerate([("a", 1), ("b", 1), ("b", 2)]):
            logged(archive, 2, 10 * turn + offset + 2, task, attempt)
    archive.store.clear()
    return archive, listing


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 12), st.sampled_from([None, "a", "b", "c"]), st.sampled_from([None, 1, 2, 3]))
def test_the_pages_of_logs_are_what_was_printed_in_that_execution(limit: int, task: str | None, attempt: int | None) -> None:
    _, listing = talkative()
    found = turned(lambda after: listing.logs(header(2).id, limit, after, task, attempt))
    whole = [("a", 1), ("b", 1), ("b", 2)] * 10
    assert [(one.task, one.attempt) for one in found] == [one for one in whole if task in (None, one[0]) and attempt in (None, one[1])]
    assert [one.at for one in found] == sorted(one.at for one in found)


def test_a_search_among_logs_is_bounded_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    archive, listing = talkative()
    monkeypatch.setattr("workflows.service.listing.LOGS_EXAMINED", 7)
    page = listing.logs(header(2).id, 50, None, "b", 3)
    assert (page.items, page.next is not None) == ((), True)
    assert archive.store.reads["records"] == 8
    assert turned(lambda after: listing.logs(header(2).id, 50, after, "b", 3)) == []


def test_long_logs_make_short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    archive, listing = archive_of(1)
    for visit in range(1, 7):
        logged(archive, 1, visit, "a", visit, "x" * 100)
    monkeypatch.setattr("workflows.service.listing.PAGE_CHARACTERS", 150)
    assert len(listing.logs(header(1).id).items) == 2
    assert [one.attempt for one in turned(lambda after: listing.logs(header(1).id, 50, after))] == [1, 2, 3, 4, 5, 6]


def test_what_is_not_there_has_no_logs() -> None:
    _, listing = archive_of(1)
    with pytest.raises(NotFound):
        listing.logs("exec-0-9-00000000")
    assert listing.logs(header(1).id) == Page((), None)
