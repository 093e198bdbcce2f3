"""Starting on the engine: nothing twice under one name, who is next after a restart, priorities while in line, ends that are waited for."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest

from storage.protocol import Batch
from tests.core.jobs import dag, task
from tests.runtime.house import House, answer
from workflows.errors import Conflict, Invalid, Unavailable
from workflows.model import Definition, Status
from workflows.runtime.names import Accepted, find_number, number_in
from workflows.runtime.requests import Prioritize


def job(name: str = "job", **options: Any) -> Definition:
    return replace(dag(task("a")).definition, id=name, **options)


def number(house: House, name: str) -> int | None:
    return find_number(house.ledger.scan, name)


# --------------------------------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize("names", [{"id": "mine"}, {"key": "k"}, {"id": "mine", "key": "k"}])
@pytest.mark.parametrize("turns", [0, 1])
def test_the_same_start_is_one_execution(names: dict[str, str], turns: int) -> None:
    """In one batch and in two, and after a restart."""
    house = House(job())
    first = house.start(**names)
    for _ in range(turns):
        house.turn()
    second = house.start(**names)
    house.turn()
    house.boot()
    third = house.start(**names)
    house.turn()
    assert answer(first).id == names.get("id", "exec-0-1-00000001")
    assert answer(first) == Accepted(answer(first).id, 1, repeated=False)
    assert answer(second) == answer(third) == Accepted(answer(first).id, 1, repeated=True)
    assert house.ledger.scan("created", None, 9) == [(-1,)]
    assert house.header(1).id == answer(first).id


@pytest.mark.parametrize("turns", [0, 1])
def test_another_start_under_a_name_that_is_taken_is_refused(turns: int) -> None:
    house = House(job(), job("other"))
    house.start(id="mine", key="k")
    for _ in range(turns):
        house.turn()
    wrong_input, wrong_job = house.start(id="mine", text="[]"), house.start("other", id="mine")
    key_taken, both = house.start(key="k", text="[]"), house.start(id="another", key="k")
    others = [house.start("other", key="k"), house.start(key="k2")]
    house.turn()
    assert [type(answer(one)) for one in (wrong_input, wrong_job, key_taken, both)] == [Conflict, Conflict, Invalid, Invalid]
    assert "mine was started before, with another input" in str(answer(wrong_input))
    assert "another definition, 'job'" in str(answer(wrong_job))
    assert "the execution mine was started, with another input" in str(answer(key_taken))
    assert "with another execution id" in str(answer(both))
    assert [answer(one).number for one in others] == [2, 3], "keys are the definition's"


def test_a_key_and_an_id_that_was_started_without_it() -> None:
    house = House(job())
    house.start(id="mine")
    house.turn()
    again = house.start(id="mine", key="k")
    house.turn()
    assert answer(again) == Accepted("mine", 1, repeated=True)


def test_a_name_whose_commit_failed_is_free() -> None:
    house = House(job())
    house.store.plan = ["clean"]
    lost = house.start(id="mine", key="k")
    house.turn()
    assert isinstance(answer(lost), Unavailable)
    house.wait(10)
    other = house.start(id="mine", key="k", text="[]")
    house.turn()
    assert answer(other) == Accepted("mine", 1, repeated=False)


def test_a_name_whose_commit_was_in_doubt_is_taken_if_it_landed() -> None:
    house = House(job())
    house.store.plan = ["ambiguous"]
    first, again = house.start(id="mine"), house.start(id="mine")
    house.turn()
    assert answer(first).repeated < answer(again).repeated


def test_what_could_not_be_stored_leaves_its_names_free_and_all_who_asked_hear_why() -> None:
    house = House(job())
    bad = '"\ud800"'
    refused = [house.start(id="mine", key="k", text=bad), house.start(id="mine", text=bad), house.start(key="k", text=bad)]
    house.turn()
    assert all(isinstance(answer(one), Exception) for one in refused)
    assert number(house, "mine") is None
    good = house.start(id="mine", key="k")
    house.turn()
    assert not answer(good).repeated


def test_one_that_is_set_aside_still_has_its_name() -> None:
    house = House(job())
    house.start(id="mine")
    house.turn()
    with house.store.inner.view(0) as view:
        house.store.inner.commit(Batch(0, view.number() + 1, {("execution", (1,)): b"\x01bad!rubbish"}))
    house.boot()
    again = house.start(id="mine")
    house.turn()
    assert isinstance(answer(again), Unavailable)
    assert "set aside" in str(answer(again))


@pytest.mark.parametrize(
    "name", ["exec-0-1-0000000", "exec-0-01-00000001", "exec-0-1-0000000A", "exec-x-1-00000001", "exec--1-00000001", "1"]
)
def test_what_only_looks_like_a_generated_id_can_be_chosen(name: str) -> None:
    house = House(job())
    house.start(id=name)
    house.turn()
    assert (number_in(name), number(house, name), number(house, f"{name}x")) == (None, 1, None)


def test_labels_and_priority_are_kept_and_functions_see_the_labels() -> None:
    house = House(job(labels={"team": "a", "kind": "x"}, priority=7))
    house.start(labels={"team": "b", "who": "ada"})
    house.start(priority=-3)
    house.turn()
    assert house.header(1).labels == {"team": "b", "who": "ada"}
    assert [house.header(one).priority for one in (1, 2)] == [7, -3]
    assert [run.labels for run in house.runs] == [{"team": "b", "kind": "x", "who": "ada"}, {"team": "a", "kind": "x"}]


# ---------------------------------------------------------------------------------------------------------------- priorities


def line(house: House, *priorities: int, name: str = "job") -> None:
    """One after another, a second apart."""
    for priority in priorities:
        house.start(name, priority=priority)
        house.turn()
        house.wait(1)


def let_in(house: House, count: int) -> list[int]:
    """The order in which they run, one at a time."""
    order = []
    for _ in range(count):
        ((running, _),) = house.running()
        order.append(running)
        house.end(running)
    return order


def test_higher_goes_first_and_of_the_same_the_first_to_come() -> None:
    house = House(job(), max_jobs=1)
    line(house, 0, 0, 5, 0, 5, -1)
    assert let_in(house, 6) == [1, 3, 5, 2, 4, 6]


def test_waiting_counts() -> None:
    house = House(job(), max_jobs=1)
    line(house, 0, 0)
    house.wait(179)
    line(house, 3, 2)
    assert let_in(house, 4) == [1, 2, 3, 4], "the second has waited for 180 seconds, which are three steps, and came first"


@pytest.mark.parametrize("crash", [False, True])
def test_a_restart_and_a_failed_commit_keep_the_order(crash: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few executions are looked at in one turn."""
    monkeypatch.setattr("workflows.runtime.engine.RECOVERED", 2)
    house = House(job(), max_jobs=1)
    line(house, 0, 0, 0, 0, 0, 9, 1)
    if crash:
        house.boot()
    else:
        house.store.plan = ["clean"]
        house.start(text="[]")
        house.turn()
        house.wait(10)
    for _ in range(8):
        house.turn()
    assert let_in(house, 7) == [1, 6, 7, 2, 3, 4, 5]


def test_a_priority_is_changed_while_queued_and_not_after() -> None:
    house = House(job(), max_jobs=1)
    line(house, 0, 0, 0)
    changes = [house.ask(Prioritize(one, 4)) for one in (1, 3)]
    house.turn()
    assert [answer(one) for one in changes] == [Status.RUNNING, Status.QUEUED]
    assert [house.header(one).priority for one in (1, 2, 3)] == [0, 0, 4]
    known = len(house.commits)
    house.ask(Prioritize(3, 4))
    house.turn()
    assert len(house.commits) == known, "what is so already is no change"
    house.boot()
    house.turn()
    assert let_in(house, 3) == [1, 3, 2]
    assert [row[2] for row in house.stored(3).rows()].count("ExecutionPrioritized") == 1
    assert [row[:3] for row in house.stored(3).rows()][3:5] == [[4, 1, "ExecutionPrioritized"], [5, 3, "TaskStarted"]]


def test_a_limited_definition_does_not_hold_up_others() -> None:
    house = House(job("one", max_active_runs=1), job("two"), max_jobs=5)
    line(house, 0, 9, 9, name="one")
    line(house, -9, name="two")
    assert [running for running, _ in house.running()] == [1, 4]
    house.end(1)
    assert [running for running, _ in house.running()] == [4, 2]


# ---------------------------------------------------------------------------------------------------------------------- ends


def test_an_end_is_told_after_its_commit_and_to_those_who_wait_for_it() -> None:
    house = House(job())
    house.begin("job", "job")
    with house.engine.feed.end_of(1) as first, house.engine.feed.end_of(1) as same, house.engine.feed.end_of(2) as other:
        house.store.plan = ["clean"]
        house.end(1)
        assert not first.is_set(), "nothing has ended"
        house.wait(10)
        house.turn()
        assert first.is_set()
        assert same.is_set()
        assert not other.is_set()
    assert house.engine.feed._waiting == {}


def test_a_stop_lets_everybody_go() -> None:
    house = House(job())
    house.begin("job")
    gone = threading.Event()

    def wait() -> None:
        with house.engine.feed.end_of(1) as ended:
            if ended.wait(60):
                gone.set()

    threading.Thread(target=wait, daemon=True).start()
    house.engine.stop(5)
    assert gone.wait(60)
    with house.engine.feed.end_of(1) as ended:
        assert ended.is_set()
