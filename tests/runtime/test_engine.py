"""The engine as a whole, turn by turn: commit then act, outages, drains, what is held and what is set aside."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest

from storage.protocol import Batch, Key
from tests.core.jobs import dag, task
from tests.runtime.house import House, answer
from workflows.core.machine import step
from workflows.errors import Busy, Conflict, NotFound, Unavailable
from workflows.events import Event, Started
from workflows.model import At, Definition, Delay, Retrier, Status, TaskSpec
from workflows.runtime.engine import PULSE
from workflows.runtime.executor import Done, Identity, Lost
from workflows.runtime.ledger import Pending
from workflows.runtime.names import Accepted
from workflows.runtime.requests import Write


def job(*tasks: Any, name: str = "job", **options: Any) -> Definition:
    return replace(dag(*(tasks or (task("a"),)), **options).definition, id=name)


def corrupt(house: House, number: int, kind: str = "execution", key: Key | None = None) -> None:
    with house.store.inner.view(0) as view:
        batch = Batch(0, view.number() + 1, {(kind, key or (number,)): b"\x01bad!rubbish"})
    house.store.inner.commit(batch)


# ----------------------------------------------------------------------------------------------------------- commit, then act


def test_an_answer_and_a_submit_come_after_their_commit() -> None:
    house = House(job())
    request = house.start()
    assert (answer(request), house.commits) == ("unanswered", [])
    house.turn()
    assert answer(request).id.startswith("exec-0-1-")
    assert len(house.commits) == 1, "accepted, admitted and taken in one commit"
    assert [run.identity for run in house.runs] == [Identity(1, "/a", 2)]
    house.end(1)
    assert house.header(1).status is Status.COMPLETED
    assert len(house.commits) == 2


def test_a_turn_with_nothing_to_do_commits_nothing() -> None:
    house = House(job())
    for _ in range(5):
        house.turn()
    assert house.commits == []


def test_a_thousand_executions_that_wait_cost_no_commits() -> None:
    house = House(job(task("a", spec=TaskSpec("f", (Retrier(1),)))), workers=1_000, max_jobs=1_000)
    for _ in range(1_000):
        house.start()
    house.turn()
    for identity in list(house.executor.attempts):
        house.executor.tell(identity, Done("1") if identity.number > 1_000 else Lost())
    house.engine.stop(0)
    house.turn()
    house.boot()
    house.functions = set()
    for _ in range(10):
        house.turn()
    known = len(house.commits)
    for _ in range(50):
        house.wait(10)
        house.turn()
    assert len(house.commits) == known


def test_requests_that_cannot_be_are_answered_so() -> None:
    house = House(job())
    unknown = house.cancel(7)
    house.begin("job")
    assert isinstance(answer(unknown), NotFound)
    house.end(1)
    late = house.cancel(1)
    house.turn()
    assert answer(late) == Status.COMPLETED


def test_a_write_that_raises_half_way_leaves_nothing() -> None:
    house = House(job())

    def apply(pending: Pending, read: Any, now: float) -> None:
        pending.put("document", ("half",), {"a": 1})
        pending.index("definitions", ("half",), True)
        assert read("document", ("half",)) == {"a": 1}
        raise Conflict("no")

    def whole(pending: Pending, read: Any, now: float) -> Any:
        pending.put("document", ("whole",), {"a": 1})
        return read("document", ("half",))

    first, second = house.ask(Write(apply, lambda _: None)), house.ask(Write(whole, lambda _: None))
    house.turn()
    assert isinstance(answer(first), Conflict)
    assert answer(second) is None
    assert house.ledger.read("document", ("half",)) is None
    assert house.ledger.read("document", ("whole",)) == {"a": 1}


def test_an_input_that_cannot_be_stored_is_refused_and_its_neighbour_is_not() -> None:
    house = House(job())
    bad, good = house.start(text='"\ud800"'), house.start()
    house.turn()
    assert isinstance(answer(bad), Exception)
    assert answer(good).id.startswith("exec-0-2-")
    assert house.running() == [(2, "/a")]


def test_a_result_that_cannot_be_stored_fails_its_execution_alone() -> None:
    house = House(job(task("a"), task("b")))
    house.begin("job", "job")
    house.executor.tell(Identity(2, "/a", 2), Done("2"))
    house.end(1, output='"\ud800"')
    assert (house.header(1).status, house.header(2).status) == (Status.FAILED, Status.RUNNING)
    assert [number for number, _ in house.running()] == [2, 2], "its other attempt is stopped"
    assert house.engine.gauges()["admitted"] == 1


# ------------------------------------------------------------------------------------------------------------------- outages


def test_while_the_store_fails_askers_hear_so_and_then_it_goes_on_by_itself() -> None:
    house = House(job())
    house.begin("job")
    house.store.plan = ["clean", "clean"]
    refused = house.start()
    house.end(1)
    assert isinstance(answer(refused), Unavailable)
    assert house.engine.troubles() == ["the store cannot commit"]
    at_once = house.start()
    house.turn()
    assert isinstance(answer(at_once), Unavailable), "nobody waits for the next try"
    house.wait(10)
    house.turn()
    assert house.header(1).status is Status.RUNNING
    house.wait(10)
    house.turn()
    assert house.header(1).status is Status.COMPLETED, "the report was kept"
    assert house.engine.troubles() == []
    assert len(house.runs) == 1


def test_an_idle_engine_tries_until_the_store_commits_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    house = House(job())
    house.store.plan = ["clean"] * 4
    refused = house.start()
    house.turn()
    assert isinstance(answer(refused), Unavailable)
    for left in (2, 1, 0):
        house.wait(10)
        house.turn()
        assert house.engine.troubles() == ["the store cannot commit"], "a turn without a commit ends no outage"
        assert len(house.store.plan) == left, "nobody asks for anything, and the store is tried all the same"
        house.turn()
        assert len(house.store.plan) == left, "not before the pause is over"
    house.wait(10)
    house.turn()
    assert house.engine.troubles() == []
    assert len(house.commits) == 1
    assert house.ledger.read("document", PULSE) == {"at": house.now}
    assert caplog.messages[-1] == "the store commits again"
    house.turn()
    assert len(house.commits) == 1, "once it is over nothing is tried"


def test_a_commit_that_landed_and_then_failed_is_acted_on() -> None:
    house = House(job())
    house.store.plan = ["ambiguous"]
    request = house.start()
    house.turn()
    assert answer(request).id.startswith("exec-0-1-")
    assert house.running() == [(1, "/a")]


@pytest.mark.parametrize("plan", ["blind", "blind clean"])
def test_a_commit_in_doubt_is_answered_when_the_store_can_be_read(plan: str) -> None:
    house = House(job())
    house.store.plan = [plan]
    request = house.start()
    house.turn()
    later = house.start()
    for _ in range(3):
        house.wait(10)
        house.turn()
    assert answer(request) == "unanswered"
    assert isinstance(answer(later), Unavailable)
    house.store.blind = False
    house.wait(10)
    house.turn()
    if plan == "blind":
        assert answer(request).id.startswith("exec-0-1-")
        assert house.running() == [(1, "/a")]
    else:
        assert isinstance(answer(request), Unavailable)
        assert house.running() == []
    again = house.start()
    house.wait(10)
    house.turn()
    assert isinstance(answer(again), Accepted)


def test_recovery_whose_commit_fails_counts_the_interruption_all_the_same() -> None:
    house = House(job(task("a", spec=TaskSpec("f", fail_on_interrupt=True))))
    house.begin("job")
    house.boot()
    house.store.plan = ["clean"]
    house.turn()
    assert house.runs == []
    house.wait(10)
    house.turn()
    assert house.runs == [], "an attempt that is not to be run again is not"
    assert house.header(1).status is Status.FAILED


def test_what_was_recovered_is_said_once_with_what_was_interrupted(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    house = House(job(task("a")))
    house.begin("job", "job")
    house.boot()
    house.store.plan = ["clean"]
    house.turn()
    assert "recovered" not in caplog.text, "nothing is said before it is committed"
    for _ in range(3):
        house.wait(10)
        house.turn()
    said = [text for text in caplog.messages if "recovered" in text]
    assert said == ["unfinished executions recovered: 2; attempts that had been interrupted: 2"]
    assert house.engine.gauges()["recoveredExecutions"] == 2


def test_a_failed_commit_does_not_interrupt_what_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflows.runtime.engine.RECOVERED", 1)
    house = House(job(task("a"), task("b", "a")), workers=9)
    house.begin("job", "job", "job")
    house.boot()
    house.turn()  # the first page is committed and runs
    house.store.plan = ["clean"]
    house.turn()
    for _ in range(6):
        house.wait(10)
        house.turn()
    assert [house.task(number, "a").interruptions for number in (1, 2, 3)] == [1, 1, 1]
    assert len(house.runs) == 3


def test_a_definition_that_cannot_be_read_for_a_moment_sets_nothing_aside() -> None:
    house = House(job())
    house.begin("job")
    house.boot()
    house.store.blind = True
    house.turn()
    assert "set aside" not in " ".join(house.engine.troubles())
    house.store.blind = False
    house.wait(10)
    house.turn()
    assert house.running() == [(1, "/a")]


# -------------------------------------------------------------------------------------------------------------------- drains


def test_a_drain_gives_running_attempts_back_and_holds_nothing_against_them() -> None:
    house = House(job())
    house.begin("job")
    house.engine.stop(5)
    with pytest.raises(Unavailable):
        house.start()
    house.turn()
    assert house.running() == [(1, "/a")], "it may still report"
    house.wait(6)
    house.turn()
    assert house.executor.closed
    assert (house.task(1, "a").status, house.task(1, "a").interruptions) == (At.READY, 0)
    house.boot()
    house.turn()
    assert house.running() == [(1, "/a")]


def test_a_drain_hands_nothing_out_and_ends_when_all_have_reported() -> None:
    house = House(job(task("a"), task("b", "a")))
    house.begin("job")
    house.engine.stop(60)
    house.end(1)
    assert house.executor.closed
    assert [run.task_id for run in house.runs] == ["a"]
    assert house.task(1, "b").status is At.READY


def test_everybody_in_line_is_answered_at_the_end() -> None:
    house = House(job())
    requests = [house.start() for _ in range(900)]
    house.engine.stop(0)
    for number in range(5_000):
        house.engine.report(Identity(number, "/x", 1), Done("1"))
    house.turn()
    assert all(answer(request) != "unanswered" for request in requests)


def test_a_drain_in_doubt_promises_nothing() -> None:
    house = House(job())
    house.store.plan = ["blind"]
    request = house.start()
    house.engine.stop(0)
    house.turn()
    assert isinstance(answer(request), Unavailable)
    assert "nothing was changed" not in str(answer(request))


# ------------------------------------------------------------------------------------------------------- held, set aside


def test_attempts_of_a_function_that_is_gone_are_held_and_said_so() -> None:
    house = House(job(task("a"), task("b", spec=TaskSpec("gone"))), functions={"f"})
    house.begin("job")
    assert house.running() == [(1, "/a")]
    assert house.engine.troubles() == ["no function 'gone' is registered: its attempts are held"]
    house.end(1)
    assert house.header(1).status is Status.RUNNING
    house.functions = None
    house.boot()
    house.turn()
    assert house.running() == [(1, "/b")]
    assert house.engine.troubles() == []


def test_what_is_held_is_said_once_for_each_function(caplog: pytest.LogCaptureFixture) -> None:
    house = House(job(task("a")), functions=set())
    house.begin("job", "job")
    house.begin("job")
    assert caplog.messages == ["no function 'f' is registered: its attempts are held"]


def test_what_is_cancelled_is_no_longer_held() -> None:
    house = House(job(), functions=set())
    house.begin("job")
    assert house.engine.troubles()
    house.cancel(1)
    house.turn()
    assert house.engine.troubles() == []


@pytest.mark.parametrize("definition", [job(), job(max_active_runs=1)], ids=["free", "limited"])
def test_a_corrupt_record_sets_its_execution_aside_and_no_other(definition: Definition) -> None:
    house = House(definition, job(name="other"))
    house.begin("job", "other")
    corrupt(house, 1)
    house.boot()
    house.turn()
    assert house.running() == [(2, "/a")]
    assert "number 1 is set aside" in house.engine.troubles()[0]
    refused = house.cancel(1)
    house.turn()
    assert isinstance(answer(refused), Unavailable)
    house.end(2)
    assert house.header(2).status is Status.COMPLETED


def test_one_that_is_set_aside_before_it_began_gives_its_place_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was let in as the one run that is allowed."""

    def defective(dialect: Any, execution: Any, event: Event) -> Any:
        if execution.number == 1 and not isinstance(event, Started):
            raise RuntimeError("a defect")
        return step(dialect, execution, event)

    monkeypatch.setattr("workflows.runtime.stepper.step", defective)
    house = House(job(max_active_runs=1), max_jobs=1)
    house.begin("job", "job", "job")
    assert "number 1 is set aside: it can neither go on nor be failed" in house.engine.troubles()[0]
    assert house.running() == [(2, "/a")], "one, and only one"
    house.end(2)
    assert house.running() == [(3, "/a")]


def test_an_execution_found_corrupt_in_the_middle_of_its_life_is_set_aside() -> None:
    """The gate had it, and is not to offer it again."""
    house = House(job(task("a"), task("b")), workers=1)
    house.begin("job", "job")
    corrupt(house, 1)
    house.ledger.landed()  # the batch that spoilt it was not the engine's
    house.engine._stepper._live.clear()
    house.end(1)
    for _ in range(3):
        house.turn()
    assert "number 1 is set aside" in " ".join(house.engine.troubles())
    assert house.running() == [(2, "/a")]


# -------------------------------------------------------------------------------------------------------------------- clocks


def test_a_clock_set_back_keeps_an_executions_time_going_forward() -> None:
    house = House(job(task("a", spec=TaskSpec("f", (Retrier(1),))), task("b", "a")))
    house.begin("job")
    house.now -= 500
    house.end(1, error="Boom")
    assert house.task(1, "a").deadlines == {"retry": 1_001.0}
    house.now += 501
    house.turn()
    house.end(1)
    assert house.header(1).at >= 1_000.0
    assert house.running() == [(1, "/b")]


def test_a_clock_set_forward_fires_what_is_due() -> None:
    house = House(job(task("a", spec=TaskSpec("f", timeout=60.0))))
    house.begin("job")
    house.now += 1e6
    house.turn()
    assert house.header(1).status is Status.FAILED
    assert house.running() == []


def test_a_retry_without_delay_after_a_deadline_on_the_dot() -> None:
    """The new wait has the very entry in the index that the timers have just used up."""
    house = House(job(task("a", spec=TaskSpec("f", (Retrier(1, Delay(0.0)),), timeout=5.0))))
    house.begin("job")
    house.wait(5.0)
    house.turn()
    house.turn()
    house.turn()
    assert [run.attempt for run in house.runs] == [1, 2]


# ------------------------------------------------------------------------------------------------------------ start and stop


def test_start_and_stop_are_idempotent_and_stop_may_come_first() -> None:
    house = House(job())
    house.engine.start()
    house.engine.start()
    request = house.start()
    assert request.reply.result(60).id.startswith("exec-0-1-")
    house.engine.stop(0)
    house.engine.stop(0)
    assert house.task(1, "a").status is At.READY
    assert house.fatal == []
    house.boot()
    house.engine.stop(0)
    house.engine.start()
    assert house.engine._thread is None


def test_a_defect_outside_a_step_is_fatal() -> None:
    house = House(job())
    gone = threading.Event()
    house.engine._fatal = gone.set

    def apply(pending: Any, read: Any, now: float) -> None:
        raise SystemExit("a defect")

    house.ask(Write(apply, lambda _: None))
    house.engine.start()
    assert gone.wait(60)


def test_a_thousand_requests_may_wait() -> None:
    house = House(job())
    for _ in range(1_000):
        house.start()
    with pytest.raises(Busy):
        house.start()
    house.turn()
    house.start()
