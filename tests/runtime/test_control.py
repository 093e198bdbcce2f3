"""Pause, resume and redrive in the engine: slots, the queue, timers and what survives a restart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from storage.memory import MemoryStore
from storage.protocol import UnencodableRecord
from tests.core.jobs import dag, task
from tests.core.machines import compiled, machine
from tests.runtime.house import House, answer
from tests.simulation.definitions import make_dialect
from workflows.errors import Conflict, Invalid, Misfit, NotFound
from workflows.model import At, Definition, Delay, Error, Retrier, Status, TaskList, TaskSpec
from workflows.runtime import requests
from workflows.runtime.executor import Done, Identity
from workflows.runtime.history import events
from workflows.runtime.requests import Pause, Redrive, Resume
from workflows.runtime.state import describe


def job(name: str = "job", *tasks: object, **options: object) -> TaskList:
    found = dag(*(tasks or (task("a"), task("b", "a"))), **options).definition  # type: ignore[arg-type]
    assert isinstance(found, TaskList)
    return replace(found, id=name)


def asked(house: House, request: Pause | Resume | Redrive) -> object:
    house.ask(request)
    house.turn()
    return answer(request)


# --------------------------------------------------------------------------------------------------------------- pausing


def test_nothing_is_handed_out_until_it_is_resumed() -> None:
    house = House(job())
    house.begin("job")
    assert asked(house, Pause(1)) == Status.RUNNING
    house.end(1)
    assert (house.running(), house.task(1, "b").status) == ([], At.READY)
    assert asked(house, Resume(1)) == Status.RUNNING
    assert house.running() == [(1, "/b")]


def test_a_paused_execution_holds_a_slot_only_while_something_of_it_runs() -> None:
    house = House(job(), max_jobs=1)
    house.begin("job", "job")
    asked(house, Pause(1))
    assert (house.running(), house.engine.gauges()["admitted"]) == ([(1, "/a")], 1)
    house.end(1)
    assert house.running() == [(2, "/a")]
    house.end(2)
    house.end(2)
    assert (house.header(2).status, house.engine.gauges()["admitted"]) == (Status.COMPLETED, 0)
    asked(house, Resume(1))
    assert house.running() == [(1, "/b")]


def test_one_that_is_queued_is_not_admitted() -> None:
    house = House(job(), max_jobs=1)
    house.begin("job", "job", "job")
    assert asked(house, Pause(2)) == Status.QUEUED
    house.cancel(1)
    house.turn()
    assert house.running() == [(3, "/a")]
    asked(house, Resume(2))
    house.end(3)
    house.end(3)
    assert house.running() == [(2, "/a")]


def test_one_that_waits_for_a_worker_gives_its_turn_back() -> None:
    """It was admitted as the one run that is allowed, and had begun nothing."""
    house = House(job("job", max_active_runs=1), job("other"), workers=1)
    house.begin("other", "job", "job")
    assert house.running() == [(1, "/a")]
    asked(house, Pause(2))
    house.end(1)
    house.end(1)
    assert house.running() == [(3, "/a")]


def test_a_paused_run_counts_as_active_once_it_has_begun() -> None:
    house = House(job("job", max_active_runs=1))
    house.begin("job", "job")
    asked(house, Pause(1))
    house.end(1)
    assert house.running() == []
    house.cancel(1)
    house.turn()
    assert house.running() == [(2, "/a")]


def test_pausing_and_resuming_in_one_batch_is_as_if_nothing_had_been() -> None:
    house = House(job("job", task("a", spec=TaskSpec("f", (Retrier(1, Delay(5.0)),)))))
    house.begin("job")
    house.end(1, error="Boom")
    house.ask(Pause(1))
    house.ask(Resume(1))
    house.turn()
    house.wait(5.0)
    house.turn()
    assert house.running() == [(1, "/a")]


@pytest.mark.parametrize("restart", [False, True])
def test_deadlines_come_when_it_is_resumed(restart: bool) -> None:
    store = MemoryStore()
    house = House(job("job", task("a", spec=TaskSpec("f", (Retrier(1, Delay(5.0)),)))), store=store)
    house.begin("job")
    house.end(1, error="Boom")
    asked(house, Pause(1))
    assert house.ledger.scan("due", None, 10) == []
    house.wait(100.0)
    house.turn()
    assert house.task(1, "a").status is At.RETRYING
    if restart:
        house.boot()
        house.turn()
        assert (house.running(), house.header(1).paused) == ([], True)
    asked(house, Resume(1))
    house.turn()
    assert house.running() == [(1, "/a")]


def test_the_time_out_of_the_execution_comes_all_the_same() -> None:
    house = House(job("job", timeout=60.0))
    house.begin("job")
    asked(house, Pause(1))
    house.wait(61.0)
    house.turn()
    assert (house.header(1).status, house.header(1).paused) == (Status.FAILED, False)


def test_a_restart_leaves_it_paused_and_issues_nothing() -> None:
    house = House(job())
    house.begin("job")
    asked(house, Pause(1))
    house.boot()
    house.turn()
    assert (house.running(), house.header(1).paused) == ([], True)
    assert house.task(1, "a").interruptions == 1
    asked(house, Resume(1))
    assert house.running() == [(1, "/a")]


def test_a_held_attempt_is_held_again() -> None:
    house = House(job(), functions=set())
    house.begin("job")
    assert house.engine.troubles()
    asked(house, Pause(1))
    assert not house.engine.troubles()
    asked(house, Resume(1))
    assert house.engine.troubles()


def test_a_state_machine_stands_still_between_two_states() -> None:
    states = machine(A={"Type": "Task", "Resource": "f", "Next": "B"}, B={"Type": "Pass", "Next": "C"}, C={"Type": "Task", "Resource": "f"})
    house = House(compiled(states).definition)
    house.begin("machine")
    asked(house, Pause(1))
    house.end(1)
    for _ in range(3):
        house.turn()
    assert house.stored(1).frames[""].status is At.PARKED
    asked(house, Resume(1))
    house.turn()
    assert house.running() == [(1, "")]


def test_what_people_see_of_it() -> None:
    definition = job()
    house = House(definition)
    house.begin("job")
    asked(house, Pause(1))
    assert describe(house.stored(1), definition, payloads=False).paused
    paused = list(events(house.stored(1)))[-1]
    assert paused == {"id": paused["id"], "previousEventId": 1, "timestamp": 1_000.0, "type": "ExecutionPaused"}


@pytest.mark.parametrize("request_", [Pause(1), Resume(1), Redrive(1)])
def test_one_that_is_not_there(request_: Pause | Resume | Redrive) -> None:
    assert isinstance(asked(House(job()), request_), NotFound)


# ------------------------------------------------------------------------------------------------------------- redriving


def test_it_goes_on_with_what_it_has() -> None:
    house = House(job())
    house.begin("job")
    house.end(1, output="7")
    first = house.runs[-1].idempotency_key
    house.end(1, error="Boom")
    assert house.header(1).status is Status.FAILED
    assert asked(house, Redrive(1)) == Status.QUEUED
    assert house.running() == [(1, "/b")]
    assert (house.runs[-1].attempt, house.runs[-1].idempotency_key == first) == (2, False)
    house.end(1)
    state = describe(house.stored(1), house.definitions["job"])
    assert (state.status, state.redrives, [one.attempts for one in state.tasks]) == (Status.COMPLETED, 1, [1, 2])
    assert [run.task_id for run in house.runs] == ["a", "b", "b"]


def test_a_task_that_is_to_begin_again_is_pending() -> None:
    house = House(job("job", task("a")), max_jobs=1)
    house.begin("job")
    house.end(1, error="Boom")
    house.begin("job")
    asked(house, Redrive(1))
    (shown,) = describe(house.stored(1), house.definitions["job"]).tasks
    assert (shown.status, shown.attempts, shown.ended, shown.error) == ("PENDING", 1, None, None)


def test_a_report_of_a_call_that_went_on_after_a_cancel_is_late() -> None:
    house = House(job("job", task("a")))
    house.begin("job")
    old = next(iter(house.executor.attempts))
    house.cancel(1)
    house.turn()
    asked(house, Redrive(1))
    assert house.executor.attempts.keys() != {old}
    house.engine.report(Identity(1, "/a", old.visit), Done('"late"'))
    house.turn()
    assert house.task(1, "a").status is At.RUNNING


def test_it_waits_for_its_turn_like_any_other() -> None:
    house = House(job("job", max_active_runs=1))
    house.begin("job")
    house.end(1, error="Boom")
    house.begin("job")
    assert asked(house, Redrive(1)) == Status.QUEUED
    assert house.running() == [(2, "/a")]
    house.end(2)
    house.end(2)
    assert house.running() == [(1, "/a")]


def test_one_that_need_not_wait_for_its_turn_counts_as_active() -> None:
    """It stands at a Wait, which is not held back, and keeps others from beginning."""
    rule = {"Variable": "$.wait", "IsPresent": True, "Next": "W"}
    states = machine(
        C={"Type": "Choice", "Choices": [rule], "Default": "T"},
        W={"Type": "Wait", "Seconds": 60, "Next": "T"},
        T={"Type": "Task", "Resource": "f"},
    )
    house = House(compiled(states, maxActiveRuns=1).definition)
    house.begin("machine")
    house.end(1)
    house.start("machine", '{"wait": 1}')
    house.turn()
    house.cancel(2)
    house.turn()
    assert asked(house, Redrive(2)) == Status.RUNNING
    house.begin("machine")
    assert (house.running(), house.header(3).status) == ([], Status.QUEUED)
    house.cancel(2)
    house.turn()
    assert house.running() == [(3, "")]


def test_after_a_restart_too() -> None:
    house = House(job())
    house.begin("job")
    house.end(1)
    house.end(1, error="Boom")
    house.boot()
    house.turn()
    asked(house, Redrive(1))
    house.boot()
    house.turn()
    assert house.running() == [(1, "/b")]
    assert house.task(1, "b").interruptions == 1


def test_what_cannot_be_redriven() -> None:
    house = House(job("job", task("a")))
    house.begin("job")
    told = asked(house, Redrive(1))
    assert isinstance(told, Conflict)
    assert str(told).endswith("is RUNNING; only one that failed or was cancelled can be redriven")
    house.end(1)
    assert isinstance(asked(house, Redrive(1)), Conflict)
    assert house.header(1).redrives == 0


def test_not_where_the_history_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(job("job", task("a")))
    house.begin("job")
    house.end(1, error="Boom")
    monkeypatch.setattr(requests, "HISTORY_EVENTS", 5)
    told = asked(house, Redrive(1))
    assert isinstance(told, Conflict)
    assert "is full (5 events)" in str(told)


class Revised(House):
    """Definitions are looked up by revision as well."""

    def __init__(self, *revisions: Definition) -> None:
        self.revisions = {found.revision: found for found in revisions}
        super().__init__(revisions[0])

        def dialect_of(_: str, revision: int) -> object:
            if revision not in self.revisions:
                raise LookupError(revision)
            return make_dialect(self.revisions[revision])

        setattr(self.engine._stepper, "dialect_of", dialect_of)  # noqa: B010  # of this one engine


def test_by_another_revision() -> None:
    better = replace(job("job", task("a"), task("c", "a")), revision=2)
    worse = replace(job("job", task("b")), revision=3)
    house = Revised(job(), better, worse)
    house.begin("job")
    house.end(1)
    house.end(1, error="Boom")
    told = asked(house, Redrive(1, 3))
    assert isinstance(told, Misfit)
    assert [problem.message for problem in told.problems] == ["the task 'a' is finished, and is missing in revision 3"]
    unknown = asked(house, Redrive(1, 9))
    assert isinstance(unknown, Invalid)
    assert str(unknown) == "/revision: the job definition 'job' has no revision 9"
    assert house.header(1).redrives == 0
    assert asked(house, Redrive(1, 2)) == Status.QUEUED
    assert (house.running(), house.header(1).revision) == ([(1, "/c")], 2)


def test_by_another_input() -> None:
    house = House(job("job", task("a")))
    house.begin("job")
    house.end(1, error="Boom")
    asked(house, Redrive(1, None, '{"n": 1.00}'))
    assert house.runs[-1].input == '{"n": 1.00}'
    assert house.stored(1).text(house.header(1).input) == '{"n": 1.00}'


def test_what_cannot_be_stored_redrives_nothing() -> None:
    house = House(job("job", task("a"), max_active_runs=1))
    house.begin("job")
    house.end(1, error="Boom")
    assert isinstance(asked(house, Redrive(1, None, '{"n": "\ud800"}')), UnencodableRecord)
    assert (house.header(1).status, house.header(1).redrives, house.running()) == (Status.FAILED, 0, [])
    house.begin("job")
    assert house.running() == [(2, "/a")]


def test_a_state_machines_states_read_as_they_went() -> None:
    branch = {"StartAt": "I", "States": {"I": {"Type": "Task", "Resource": "f", "End": True}}}
    states = machine(
        A={"Type": "Task", "Resource": "f", "Next": "X"},
        X={"Type": "Parallel", "Branches": [branch], "Next": "B"},
        B={"Type": "Pass"},
    )
    house = House(compiled(states).definition)
    house.begin("machine")
    house.end(1)
    house.end(1, error="Boom")
    definition = house.definitions["machine"]
    failed = describe(house.stored(1), definition)
    assert [(one.id, one.status) for one in failed.tasks] == [("A", "COMPLETED"), ("X", "FAILED")]
    asked(house, Redrive(1))
    running = describe(house.stored(1), definition)
    assert [(one.id, one.status, one.error) for one in running.tasks] == [("A", "COMPLETED", None), ("X", "RUNNING", None)]
    house.end(1)
    done = describe(house.stored(1), definition)
    assert [(one.id, one.status) for one in done.tasks] == [("A", "COMPLETED"), ("X", "COMPLETED"), ("B", "COMPLETED")]
    told = next(event for event in events(house.stored(1)) if event["type"] == "ExecutionRedriven")
    assert told["executionRedrivenEventDetails"] == {"redriveCount": 1}
    assert done.error is None
    assert isinstance(failed.error, Error)
