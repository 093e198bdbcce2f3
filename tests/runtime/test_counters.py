"""What the engine counts: once for what is committed, by how it ended, and nothing for what came to nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.core.jobs import dag, task
from tests.runtime.house import House
from workflows.events import Fired
from workflows.model import Definition, Delay, Retrier, Status, TaskSpec
from workflows.runtime.buckets import Spread
from workflows.runtime.counters import OUTCOMES, outcome_of
from workflows.runtime.executor import Done, Identity, Lost
from workflows.runtime.requests import Redrive


def job(*tasks: Any, **options: Any) -> Definition:
    return replace(dag(*(tasks or (task("a"),)), **options).definition, id="job")


def over(house: House) -> dict[str, int]:
    """Outcomes that there were."""
    return {outcome: count for outcome, count in house.engine.counters.over["sim"].items() if count}


def in_balance(house: House) -> bool:
    counters = house.engine.counters
    ended = sum(counters.over["sim"].values())
    return counters.begun["sim"] - ended == len(house.executor.attempts) and counters.took["sim"].seen().upto[-1][1] == ended


def test_attempts_and_executions_are_counted_by_how_they_end() -> None:
    house = House(job(task("a", spec=TaskSpec("f", timeout=50.0))), workers=9)
    house.begin(*["job"] * 4)
    house.wait(3)
    house.end(1)
    house.end(2, "ValueError")
    house.cancel(3)
    house.turn()
    house.wait(60)
    house.turn()
    assert over(house) == {"completed": 1, "failed": 1, "cancelled": 1, "timed_out": 1}
    counters = house.engine.counters
    assert (counters.started, counters.ended) == (4, {Status.COMPLETED: 1, Status.FAILED: 2, Status.CANCELLED: 1})
    assert counters.took["sim"].seen().total == 3 + 3 + 3 + 63
    assert counters.queued.seen().upto[-1][1] == 4


def test_a_time_limit_counts_where_it_struck() -> None:
    """That of a task is its own; that of the execution stops all of it; one elsewhere only makes an attempt unwanted."""
    slow = task("slow", spec=TaskSpec("f", timeout=5.0))
    house = House(job(slow, task("b")))
    house.begin("job")
    house.wait(6)
    house.turn()
    assert over(house) == {"timed_out": 1}
    assert house.running() == [(1, "/b")]
    house = House(job(task("a"), task("b"), timeout=5.0))
    house.begin("job")
    house.wait(6)
    house.turn()
    assert over(house) == {"timed_out": 2}
    assert outcome_of(Fired(1.0, 1, "/scope/branch", 1, 1.0), "/scope/other") == "cancelled"


def test_an_interrupted_attempt_that_is_issued_again_at_once() -> None:
    house = House(job())
    house.begin("job")
    [identity] = house.executor.attempts
    del house.executor.attempts[identity]
    house.executor.tell(identity, Lost())
    house.turn()
    assert over(house) == {"interrupted": 1}
    assert list(house.executor.attempts) == [identity], "the same one is under way again"
    assert in_balance(house)
    house.end(1)
    assert over(house) == {"interrupted": 1, "completed": 1}


def test_each_retry_is_an_attempt() -> None:
    house = House(job(task("a", spec=TaskSpec("f", (Retrier(2, Delay(1.0)),)))))
    house.begin("job")
    for _ in range(2):
        house.end(1, "ValueError")
        house.wait(5)
        house.turn()
    house.end(1)
    assert (over(house), house.engine.counters.begun["sim"]) == ({"failed": 2, "completed": 1}, 3)
    assert house.engine.counters.ended[Status.FAILED] == 0


def test_a_report_after_the_end_counts_for_nothing() -> None:
    house = House(job())
    house.begin("job")
    [identity] = house.executor.attempts
    house.cancel(1)
    house.executor.tell(identity, Done("1"))
    house.turn()
    assert over(house) == {"cancelled": 1}
    house.executor.tell(identity, Done("1"))
    house.engine.report(Identity(7, "/a", 1), Done("1"))
    house.turn()
    assert over(house) == {"cancelled": 1}


@pytest.mark.parametrize("plan", ["clean", "ambiguous", "blind", "blind clean"])
def test_a_commit_that_fails_counts_what_came_of_it(plan: str) -> None:
    house = House(job())
    house.begin("job")
    turns, commits = house.engine.counters.turns, house.ledger.commits.seen().upto[-1][1]
    [identity] = house.executor.attempts
    del house.executor.attempts[identity]
    house.store.plan = [plan]
    house.executor.tell(identity, Done("1"))
    house.turn()
    landed = plan == "ambiguous"
    assert over(house) == ({"completed": 1} if landed else {})
    assert (house.ledger.failed, house.ledger.commits.seen().upto[-1][1]) == (1, commits)
    assert house.engine.counters.turns == turns + landed
    house.store.blind = False
    for _ in range(5):
        house.wait(60)
        house.turn()
    assert over(house) == {"completed": 1}, "once, whatever became of the first try"
    assert (house.engine.counters.started, house.engine.counters.ended[Status.COMPLETED]) == (1, 1)
    assert in_balance(house)


def test_a_start_that_is_not_committed_is_none() -> None:
    house = House(job())
    house.store.plan = ["clean"]
    house.begin("job")
    counters = house.engine.counters
    assert (counters.started, counters.begun["sim"], counters.items) == (0, 0, 0)


def test_a_redrive_is_no_other_start_and_waits_for_nothing() -> None:
    house = House(job())
    house.begin("job")
    house.end(1, "ValueError")
    before = house.engine.counters.queued.seen()
    house.ask(Redrive(1))
    house.turn()
    house.end(1)
    counters = house.engine.counters
    assert (counters.started, counters.ended[Status.FAILED], counters.ended[Status.COMPLETED]) == (1, 1, 1)
    assert counters.queued.seen() == before


def test_what_still_runs_when_the_server_stops_is_interrupted() -> None:
    house = House(job())
    house.begin("job")
    house.engine.stop(0)
    house.turn()
    assert over(house) == {"interrupted": 1}
    assert set(over(house)) < set(OUTCOMES)


def test_values_fall_into_the_bucket_that_begins_with_them() -> None:
    spread = Spread((1.0, 2.0))
    for value in (0.0, 1.0, 1.5, 2.0, 3.0):
        spread.add(value)
    assert spread.seen() == (((1.0, 2), (2.0, 4), (float("inf"), 5)), 7.5)
