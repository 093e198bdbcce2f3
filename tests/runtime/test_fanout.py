"""The fan-out, without its thread and with a clock that is set: what is sent when, to whom, and how often it is rendered."""

from __future__ import annotations

from collections import Counter

import pytest

from storage.memory import MemoryStore
from storage.protocol import Batch, StoreUnavailable
from tests.simulation.faults import FaultyStore, Fuse
from workflows.runtime import fanout
from workflows.runtime.changes import END, EXECUTION, TASK, Change, change_from, row_of
from workflows.runtime.fanout import Fanout, Mailbox, Portion, Wanted, commit_in, event_id, message
from workflows.runtime.feed import Feed
from workflows.runtime.feed_log import News
from workflows.runtime.ledger import Ledger, Snapshot


class Hall:
    """A fan-out over a store whose commits change nothing but their number."""

    def __init__(self) -> None:
        self.now = 100.0
        self.store = FaultyStore(MemoryStore(), Fuse(), lambda batch: None)
        self.store.open()
        self.feed = Feed()
        self.fanout = Fanout(Ledger(self.store), self.feed, lambda: self.now, threaded=False)
        self.number = 0
        self.renders: Counter[int] = Counter()

    def render(self, snapshot: Snapshot, number: int) -> bytes | None:
        self.renders[number] += 1
        return f"{number} as of {snapshot.number()}".encode()

    def commit(self, *changes: Change, publish: bool = True) -> None:
        self.number += 1
        self.store.commit(Batch(0, self.number))
        if publish:
            self.feed.published(News(self.number, changes))

    def join(self, wanted: Wanted | None = None) -> Mailbox:
        return self.fanout.join(wanted or Wanted(), self.render)

    def flush(self) -> None:
        """Only when it is time for it."""
        assert self.fanout.delay() == 0
        self.fanout.flush()


def change(number: int, step: str = "QR", *tasks: tuple[str, str], job: str = "job") -> Change:
    return Change(number, job, step, tasks)


def taken(box: Mailbox) -> list[tuple[int, str]]:
    found = []
    while (portion := box.take(0.0)) is not None:
        for commit, text in portion.messages:
            assert text.startswith(f"event: message\nid: 0:{commit}\ndata: ".encode())
            found.append((commit, text.decode().partition("data: ")[2].strip()))
    return found


@pytest.fixture
def hall() -> Hall:
    return Hall()


def test_the_first_change_goes_at_once_and_what_follows_ten_times_a_second(hall: Hall) -> None:
    box, sent = hall.join(), 0
    for step in range(1_000):  # a change every millisecond, for a second
        hall.now = 100 + step / 1_000
        hall.commit(change(1, "", ("t", "RR")))
        if hall.fanout.delay() == 0:
            hall.fanout.flush()
            assert taken(box) == [(hall.number, f"1 as of {hall.number}")]
            sent += 1
    assert sent == 10
    assert 0 < (hall.fanout.delay() or 0) <= fanout.WINDOW_S, "the last change is still to be sent"
    hall.now += fanout.WINDOW_S
    hall.flush()
    assert taken(box) == [(1_000, "1 as of 1000")]
    assert hall.fanout.delay() is None


def test_the_end_is_sent_whatever_came_before_it_in_the_same_moment(hall: Hall) -> None:
    box = hall.join(Wanted(kinds=END))
    hall.commit(change(1), change(2))
    hall.flush()
    hall.commit(change(1, "RC"))
    hall.commit(change(2, "", ("t", "RR")))
    hall.now += 1
    hall.flush()
    assert taken(box) == [(2, "1 as of 3")]


def test_messages_are_in_the_order_of_the_latest_commits(hall: Hall) -> None:
    """So that the id of each is a place from which nothing that follows is missed."""
    box = hall.join()
    for number in (1, 2, 3, 1):
        hall.commit(change(number))
    hall.flush()
    assert [commit for commit, _ in taken(box)] == [2, 3, 4]
    assert box.upto == 4


def test_each_filter_sees_its_own_and_an_execution_is_rendered_once_for_all(hall: Hall) -> None:
    wanted = {
        "all": Wanted(),
        "job": Wanted(job="other"),
        "one": Wanted(execution=2),
        "tasks": Wanted(kinds=TASK),
        "own": Wanted(kinds=EXECUTION),
        "ends": Wanted(kinds=END),
    }
    boxes = {name: [hall.join(each), hall.join(each)] for name, each in wanted.items()}
    hall.commit(change(1, "QR"), change(2, "", ("t", "PR")), change(3, "RF", job="other"))
    hall.flush()
    seen = {name: [[text[0] for _, text in taken(box)] for box in both] for name, both in boxes.items()}
    expected = {"all": "123", "job": "3", "one": "2", "tasks": "2", "own": "13", "ends": "3"}
    assert {name: ["".join(numbers) for numbers in both] for name, both in seen.items()} == {n: [e, e] for n, e in expected.items()}
    assert hall.renders == {1: 1, 2: 1, 3: 1}


def test_nothing_is_rendered_that_nobody_wants(hall: Hall) -> None:
    box = hall.join(Wanted(job="other"))
    hall.commit(change(1))
    hall.flush()
    assert (taken(box), box.upto, hall.renders) == ([], 1, {})
    hall.fanout.leave(box)
    hall.commit(change(1))
    assert hall.fanout.delay() is None, "with nobody there nothing is noted"


def test_what_nobody_wants_keeps_nobody_waiting(hall: Hall) -> None:
    box = hall.join(Wanted(kinds=END))
    for commit in range(1, 4):
        hall.commit(change(1, "", ("t", "RR")))
        hall.flush()
        assert box.upto == commit
    hall.commit(change(1, "RC"))
    hall.flush()
    assert taken(box) == [(4, "1 as of 4")]


def test_nothing_newer_is_shown_than_what_was_published(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the same end would be sent twice: with the commit before it, and with its own."""
    monkeypatch.setattr(fanout, "RETRY_S", 0.0)
    box = hall.join()
    hall.commit(change(1))
    hall.commit(change(1, "RC"), publish=False)
    hall.flush()
    assert taken(box) == []
    hall.feed.published(News(2, (change(1, "RC"),)))
    hall.now += 1
    hall.flush()
    assert taken(box) == [(2, "1 as of 2")]


def test_a_mailbox_that_is_not_emptied_is_given_up_and_the_others_go_on(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout, "BUFFER_BYTES", 200)
    slow, quick = hall.join(), hall.join()
    for _ in range(20):
        hall.commit(change(1))
        hall.now += 1
        hall.flush()
        assert len(taken(quick)) == 1
    assert slow.lost
    assert slow.take(0.0) is None, "nothing of it is given out: its owner catches up"
    assert slow._queue.qsize() < 10, "and nothing more is put into it"
    assert not quick.lost


def test_a_flood_sends_everybody_to_the_stored_feed(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout, "NOTED", 5)
    box = hall.join()
    hall.commit(*(change(number) for number in range(1, 8)))
    assert box.lost
    assert hall.fanout.delay() is None


def test_what_could_not_be_read_is_sent_later(hall: Hall) -> None:
    box = hall.join()
    hall.commit(change(1, "RC"))
    hall.store.blind = True
    with pytest.raises(StoreUnavailable):
        hall.flush()
    hall.store.blind = False
    hall.now += 1
    hall.flush()
    assert taken(box) == [(1, "1 as of 1")]


def test_who_watches_is_let_go_at_the_end_and_who_comes_later_too(hall: Hall) -> None:
    box = hall.join()
    hall.feed.close()
    assert box.closed
    assert hall.join().closed
    assert box.take(10.0) is None, "at once"


def test_ids_and_messages_as_they_are_on_the_wire() -> None:
    assert event_id(812) == "0:812"
    assert commit_in("0:812") == 812
    assert commit_in("1:3,0:812") == 812
    assert [commit_in(text) for text in ("", "812", "0:", "0:-1", "1:812", "0:x", "0:²", "0:" + "9" * 30)] == [None] * 8
    assert message(b"{}", "0:1") == b"event: message\nid: 0:1\ndata: {}\n\n"
    assert message(b"{}", event="reset") == b"event: reset\ndata: {}\n\n"


def test_a_change_is_stored_as_it_is() -> None:
    whole = Change(7, "job", "Rr", (("a", "PR"), ("b", "RT")))
    assert change_from(row_of(whole)) == whole
    assert row_of(whole) == [7, "job", "Rr", "a", "PR", "b", "RT"]
    assert (whole.kinds, Change(7, "job", "", (("a", "PR"),)).kinds, Change(7, "job", "RX").kinds) == (
        EXECUTION | TASK,
        TASK,
        EXECUTION | END,
    )


def test_the_bytes_of_a_portion_are_shared(hall: Hall) -> None:
    boxes = [hall.join(), hall.join()]
    hall.commit(change(1))
    hall.flush()
    first, second = (box.take(0.0) for box in boxes)
    assert isinstance(first, Portion)
    assert first is second
