"""The window of nearest deadlines over the stored index."""

from __future__ import annotations

import random
from bisect import bisect_right, insort
from collections.abc import Iterable

import pytest

from storage.protocol import Key
from workflows.runtime import timers as module
from workflows.runtime.timers import Timers


class Index:
    """The stored index, and how often it was read."""

    def __init__(self, *moments: float) -> None:
        self.keys: list[Key] = [(moment, 1, "") for moment in sorted(moments)]
        self.reads = 0

    def scan(self, after: Key | None, limit: int) -> list[Key]:
        self.reads += 1
        start = 0 if after is None else bisect_right(self.keys, after)
        return self.keys[start : start + limit]

    def change(self, timers: Timers, add: Iterable[Key] = (), remove: Iterable[Key] = ()) -> None:
        changes = dict.fromkeys(remove, False) | dict.fromkeys(add, True)
        for key, present in changes.items():
            if present and key not in self.keys:
                insort(self.keys, key)
            elif not present and key in self.keys:
                self.keys.remove(key)
        timers.changed(changes)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WINDOW", 3)


def test_nothing_is_due() -> None:
    index = Index()
    timers = Timers(index.scan)
    assert timers.next() is None
    assert timers.due(1e9, 10) == []
    assert index.reads == 1, "an index known to be empty is not read again"


def test_what_is_due_comes_in_order_and_in_portions() -> None:
    timers = Timers(Index(*range(10)).scan)
    assert timers.next() == 0.0
    assert [key[0] for key in timers.due(6.5, 4)] == [0, 1, 2, 3]
    assert [key[0] for key in timers.due(6.5, 4)] == [4, 5, 6]
    assert timers.due(6.5, 4) == []
    assert timers.next() == 7.0


def test_the_index_is_read_a_window_at_a_time() -> None:
    index = Index(*range(10))
    timers = Timers(index.scan)
    timers.next()
    assert index.reads == 1
    timers.due(2.0, 100)
    assert index.reads == 2
    assert len(timers._heap) == 3


@pytest.mark.parametrize("moment", [0.5, 2.5, 5.5, 99.0])
def test_a_new_deadline_is_found_wherever_it_falls(moment: float) -> None:
    index = Index(*range(6))
    timers = Timers(index.scan)
    timers.due(1.0, 1)
    index.change(timers, add=[(moment, 2, "/a")])
    assert (moment, 2, "/a") in timers.due(100.0, 100)


def test_a_deadline_added_before_the_first_look_is_not_doubled() -> None:
    index = Index()
    timers = Timers(index.scan)
    index.change(timers, add=[(5.0, 1, "/a")])
    assert timers.due(9.0, 9) == [(5.0, 1, "/a")]
    assert timers.due(9.0, 9) == []


def test_more_than_four_windows_are_cut_to_one_and_read_again() -> None:
    index = Index()
    timers = Timers(index.scan)
    timers.next()
    for moment in range(13, 0, -1):
        index.change(timers, add=[(float(moment), 1, "")])
    assert len(timers._heap) == 3
    assert [key[0] for key in timers.due(50.0, 50)] == [float(moment) for moment in range(1, 14)]


def test_forgotten_means_read_again() -> None:
    index = Index(1.0, 2.0)
    timers = Timers(index.scan)
    assert len(timers.due(5.0, 5)) == 2
    timers.clear()
    assert len(timers.due(5.0, 5)) == 2


@pytest.mark.parametrize("seed", range(20))
def test_like_a_sorted_list(seed: int) -> None:
    """Whatever is added and removed: what is in the index and due is given out; stale entries may be as well."""
    rnd, index, now = random.Random(seed), Index(), 0.0
    timers = Timers(index.scan)
    for _ in range(300):
        add = [(now + rnd.randint(0, 30), rnd.randint(1, 5), "") for _ in range(rnd.randint(0, 3))]
        remove = [key for key in rnd.sample(index.keys, min(2, len(index.keys))) if key not in add]
        index.change(timers, add, remove)
        now += rnd.choice([0.0, 1.0, 4.0])
        expected = [key for key in index.keys if float(key[0]) <= now]
        given = timers.due(now, 1_000)
        assert given == sorted(given)
        assert set(expected) <= set(given)
        index.change(timers, remove=given)
        nearest = timers.next()
        assert nearest is None or not index.keys or nearest <= float(index.keys[0][0])
        assert nearest is not None or not index.keys
