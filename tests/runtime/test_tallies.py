"""Counts by definition and final status: what walking says, whatever has happened, and whoever wrote the store."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.zodb import ZodbStore
from tests.core.jobs import dag, task
from tests.runtime.house import House, answer
from workflows.model import Status
from workflows.runtime import tallies
from workflows.runtime.removal import Remove
from workflows.runtime.requests import Redrive
from workflows.runtime.tallies import Tally, tally, whole

JOB = dag(task("a")).definition
OTHER = replace(JOB, id="other")
NAMES = ("job", "other")


def counted(house: House, name: str) -> Tally:
    with house.ledger.snapshot() as snapshot:
        return tally(snapshot, name)


def walked(house: House, name: str) -> Tally:
    """By reading every execution there is."""
    with house.ledger.snapshot() as snapshot:
        headers = [house.header(-int(key[0])) for key in snapshot.walk("created")]
    found = Counter(header.status for header in headers if header.definition == name)
    return Tally(found[Status.COMPLETED], found[Status.FAILED], found[Status.CANCELLED], found[Status.RUNNING], found.total())


def is_whole(house: House) -> bool:
    with house.ledger.snapshot() as snapshot:
        return whole(snapshot)


def lived(house: House, acts: list[int], crash_at: int = -1) -> None:
    """Starts, ends, cancels, redrives and deletions, as the numbers say, several of them in each turn."""
    for place, act in enumerate(acts):
        name = NAMES[act % 2]
        numbers = [number for number, _ in house.running()]
        with house.ledger.snapshot() as snapshot:
            known = [-int(key[0]) for key in snapshot.scan("created")]
        if act % 7 < 3:
            house.start(name)
        elif act % 7 == 3 and numbers:
            house.end(numbers[0], error="Boom" if act % 3 else "")
        elif act % 7 == 4 and known:
            house.cancel(known[act % len(known)])
        elif act % 7 == 5 and known:
            house.ask(Redrive(known[act % len(known)]))
        elif act % 7 == 6:
            house.ask(Remove(name, None, 0, lambda name=name: house.catalogue.drop(name)))  # type: ignore[misc]  # the default binds it
        if act % 5 < 2:
            house.turn()
        if place == crash_at:
            house.boot()


def settled(house: House) -> None:
    while house.engine._recovery.under_way:
        house.turn()


ACTS = st.lists(st.integers(0, 10_000), max_size=40)


@settings(max_examples=60, deadline=None)
@given(ACTS, st.integers(-1, 40))
def test_counts_are_what_walking_says(acts: list[int], crash_at: int) -> None:
    house = House(JOB, OTHER, max_jobs=3)
    lived(house, acts, crash_at)
    house.turn()
    settled(house)
    assert [counted(house, name) for name in NAMES] == [walked(house, name) for name in NAMES]


@settings(max_examples=60, deadline=None)
@given(ACTS, ACTS, st.integers(-1, 40), st.integers(1, 4))
def test_a_store_of_an_earlier_version_is_counted_in_pieces(before: list[int], after: list[int], crash_at: int, page: int) -> None:
    """Whatever happens between the pieces."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("workflows.runtime.engine.RECOVERED", page)
        house = House(JOB, OTHER, max_jobs=3)
        house.store.earlier = True
        lived(house, before)
        house.turn()
        house.store.earlier = False
        house.boot()
        lived(house, after, crash_at)
        settled(house)
        assert is_whole(house)
        assert [counted(house, name) for name in NAMES] == [walked(house, name) for name in NAMES]


def ended_before(count: int, **more: Any) -> House:
    """A house of the present version over a store in which so many executions ended before."""
    house = House(JOB, max_jobs=1_000, workers=1_000, **more)
    house.store.earlier = True
    house.begin(*["job"] * count)
    for number in range(1, count + 1):
        house.cancel(number)
    house.turn()
    house.store.earlier = False
    house.boot()
    house.commits.clear()
    return house


def test_a_piece_is_small_and_only_the_last_commits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflows.runtime.engine.RECOVERED", 10)
    house = ended_before(45)
    turns = 0
    while house.engine._recovery.under_way:
        assert not house.commits
        house.turn()
        turns += 1
    assert [dict(batch.counts) for batch in house.commits] == [{"ended/CANCELLED/job": 45, "ended": 45}]
    assert turns > 4


def test_until_then_the_newest_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflows.runtime.engine.RECOVERED", 10)
    monkeypatch.setattr(tallies, "SAMPLE", 20)
    house = ended_before(45)
    house.begin("job")
    assert counted(house, "job") == Tally(0, 0, 19, 1, 20)
    settled(house)
    assert counted(house, "job") == Tally(0, 0, 45, 1, 46)


def test_what_was_missing_is_looked_for_again_when_its_commit_failed() -> None:
    house = ended_before(5)
    house.store.plan = ["clean"]
    while house.store.plan:
        house.turn()
    assert not is_whole(house)
    house.wait(60)
    settled(house)
    assert counted(house, "job") == Tally(0, 0, 5, 0, 5)


def test_counts_that_missed_what_an_earlier_version_did_meanwhile_are_made_whole() -> None:
    """Somebody went back to it for a while."""
    house = House(JOB)
    house.begin("job", "job", "job")
    house.end(1)
    house.end(2, error="Boom")
    house.store.earlier = True
    house.boot()
    house.ask(Redrive(2))
    house.turn()
    house.cancel(2)
    house.cancel(3)
    house.turn()
    house.store.earlier = False
    house.boot()
    settled(house)
    assert counted(house, "job") == walked(house, "job") == Tally(1, 0, 2, 0, 3)


def test_once_they_are_whole_nothing_is_looked_for() -> None:
    house = ended_before(5)
    settled(house)
    house.boot()
    house.commits.clear()
    for _ in range(3):
        house.turn()
    assert not house.commits
    assert not house.engine._recovery.under_way


def test_an_end_that_was_not_kept_is_not_counted(tmp_path: Path) -> None:
    """On the store that people have; every end comes in the commit that says so, or in none."""
    house = House(JOB, store=ZodbStore(tmp_path / "Data.fs", "group"))
    house.begin("job", "job", "job")
    house.store.plan = ["clean"]
    house.end(1)
    assert counted(house, "job") == Tally(0, 0, 0, 3, 3)
    house.wait(60)
    house.turn()
    house.end(2, error="Boom")
    assert counted(house, "job") == walked(house, "job") == Tally(1, 1, 0, 1, 3)
    again = house.ask(Redrive(2))
    house.turn()
    assert answer(again) == Status.QUEUED
    assert counted(house, "job") == walked(house, "job") == Tally(1, 0, 0, 2, 3)
    house.store.close()


def test_executions_of_a_deleted_definition_stay_counted() -> None:
    house = House(JOB, OTHER)
    house.begin("job", "other")
    house.end(1)
    house.ask(Remove("job", None, 0, lambda: house.catalogue.drop("job")))
    house.turn()
    assert (counted(house, "job"), counted(house, "other")) == (Tally(1, 0, 0, 0, 1), Tally(0, 0, 0, 1, 1))
