"""Redrive of state machines: from the unsuccessful state on; in Parallel and Map only what had no success (ASL.md Q.7)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.core.machines import Boom, attempt, compiled, details, go, machine, play, raising, world_of
from tests.core.test_asl_scopes import ALL, calling, mapped, parallel, same
from tests.core.world import World
from workflows.core.asl import Asl
from workflows.core.waits import Work
from workflows.model import ROOT, At, Status

TASK = {"Type": "Task", "Resource": "f"}


def revised(states: dict[str, Any], number: int = 2) -> Asl:
    found: Any = compiled(states).definition
    return Asl(replace(found, revision=number))


def entered(world: World) -> list[str]:
    return [entry.details["name"] for entry in world.history if entry.type.endswith("StateEntered")]


def again(world: World, dialect: Asl | None = None, **functions: Any) -> None:
    world.redrive(dialect)
    world.check()
    go(world, **functions)


# ------------------------------------------------------------------------------------------------------------------ states


def test_it_goes_on_from_the_state_that_failed_with_its_input() -> None:
    states = machine(A={**TASK, "Next": "B"}, B={**TASK, "Resource": "g", "Assign": {"v": 1}, "Next": "C"}, C={"Type": "Pass"})
    world = play(states, {"n": 1}, f=lambda _: {"m": 2}, g=raising(Boom("E")))
    assert world.status() is Status.FAILED
    key = world.at().entry
    world.redrive()
    assert (world.status(), world.at().state, world.at().entry == key) == (Status.RUNNING, "B", False)
    go(world, g=lambda data: {"seen": data})
    assert world.output() == {"seen": {"m": 2}}
    assert entered(world) == ["A", "B", "C"], "a state that goes on is not entered anew"


def test_the_history_and_the_context_tell_of_it() -> None:
    world = play(machine(A={**TASK, "Parameters": {"n.$": "$$.Execution.RedriveCount"}}), f=raising(Boom("E")))
    world.redrive()
    ended, redriven, scheduled = world.history[-3:]
    assert (redriven.type, redriven.previous, redriven.details) == ("ExecutionRedriven", ended.id, {"redriveCount": 1})
    assert (scheduled.type, scheduled.previous) == ("TaskScheduled", redriven.id)
    assert details(world, "TaskScheduled")[-1]["parameters"] == {"n": 1}


def test_retries_count_anew() -> None:
    retry = {"Retry": [{**ALL, "MaxAttempts": 1, "IntervalSeconds": 1}]}
    world = play(machine(A={**TASK, **retry}), f=raising(Boom("E")))
    again(world, f=raising(Boom("E"), 7))
    assert (world.status(), world.output()) == (Status.COMPLETED, 7)
    assert world.types().count("TaskScheduled") == 4


@pytest.mark.parametrize("state", ["Wait", "Task"])
def test_one_that_was_cancelled_stands_at_its_state_again(state: str) -> None:
    world = world_of(machine(A={"Type": "Wait", "Seconds": 60} if state == "Wait" else TASK))
    world.cancel()
    world.now += 1_000
    world.redrive()
    assert world.at().status is (At.WAITING if state == "Wait" else At.READY)
    assert world.timers() == ({ROOT: world.now + 60} if state == "Wait" else {})
    go(world, f=lambda _: {})
    assert world.status() is Status.COMPLETED
    assert entered(world) == ["A"]


def test_one_that_was_cancelled_on_its_way_enters_the_state_it_was_on_its_way_to() -> None:
    world = world_of(machine(A={**TASK, "Next": "B"}, B={"Type": "Pass"}))
    world.take()
    world.pause()
    world.succeed(ROOT, {"n": 1})
    world.cancel()
    again(world)
    assert (world.output(), entered(world)) == ({"n": 1}, ["A", "B"])


def test_a_fail_state_fails_again() -> None:
    world = play(machine(A={"Type": "Fail", "Error": "E"}))
    again(world)
    assert (world.status(), world.head().redrives) == (Status.FAILED, 1)


def test_variables_are_kept() -> None:
    states = machine(A={"Type": "Pass", "Assign": {"v": 7}, "Next": "B"}, B={**TASK, "Parameters": {"v.$": "$v"}})
    world = play(states, f=raising(Boom("E")))
    again(world, f=lambda data: data)
    assert world.output() == {"v": 7}


def test_it_has_its_time_anew_and_waits_for_its_turn_where_there_is_one() -> None:
    world = world_of({**machine(A=TASK), "TimeoutSeconds": 100})
    world.take()
    world.fire()
    world.now += 1_000
    world.redrive()
    assert (world.status(), world.timers()) == (Status.RUNNING, {ROOT: world.now + 100})
    limited = world_of(machine(A=TASK), maxActiveRuns=1)
    limited.cancel()
    limited.redrive()
    assert limited.status() is Status.QUEUED


# ---------------------------------------------------------------------------------------------------------------- Parallel


def test_only_the_branches_without_success_go_on() -> None:
    """One has finished, one has failed at its second state, one was under way."""
    branches = (
        machine(A={"Type": "Pass", "Result": 1}),
        machine(B={**TASK, "Next": "C"}, C={**TASK, "Resource": "g"}),
        machine(D={**TASK, "Resource": "h"}),
    )
    world = world_of(machine(X=parallel(*branches, ResultPath="$.out", Next="Y"), Y={"Type": "Pass"}), {"n": 1})
    attempt(world, "/2:1", f=lambda _: {"b": 1})
    world.fail("/2:1")
    assert world.status() is Status.FAILED
    assert {path: frame.status for path, frame in world.frames.items()} == {
        ROOT: At.FAILED,
        "/2:0": At.SUCCEEDED,
        "/2:1": At.FAILED,
        "/2:2": At.CANCELLED,
    }
    again(world, g=lambda data: data, h=lambda _: 3)
    assert world.output() == {"n": 1, "out": [1, {"b": 1}, 3]}
    assert entered(world) == ["X", "A", "B", "D", "C", "Y"]
    assert list(world.frames) == [ROOT]


def test_scopes_in_scopes() -> None:
    inner = machine(I=parallel(calling("A"), machine(B={**TASK, "Resource": "g"})))
    world = play(machine(X=parallel(inner, calling("C"))), f=lambda _: 1, g=raising(Boom("E")))
    assert world.status() is Status.FAILED
    before = world.types().count("TaskScheduled")
    again(world, g=lambda _: 2)
    assert world.output() == [[1, 2], 1]
    assert world.types().count("TaskScheduled") == before + 1


def test_a_scope_whose_result_only_failed_is_joined_again() -> None:
    states = machine(X=parallel(same("A", Result={"n": 1}), ResultSelector={"n.$": "$[0].m"}))
    world = play(states)
    assert world.status() is Status.FAILED
    again(world)
    assert world.status() is Status.FAILED
    again(world, revised(machine(X=parallel(same("A", Result={"n": 1}), ResultSelector={"n.$": "$[0].n"}))))
    assert (world.output(), entered(world)) == ({"n": 1}, ["X", "A"])


def test_a_scope_that_was_between_two_tries_begins_as_a_whole() -> None:
    retry = [{**ALL, "IntervalSeconds": 60}]
    world = world_of(machine(X=parallel(calling("A"), calling("B"), Retry=retry)))
    world.succeed("/2:0", 1)
    world.fail("/2:1")
    assert (world.at().status, list(world.frames)) == (At.RETRYING, [ROOT])
    world.cancel()
    again(world, f=lambda _: 2)
    assert world.output() == [2, 2]


def test_what_is_caught_keeps_nothing() -> None:
    catch = [{**ALL, "Next": "Y"}]
    world = play(machine(X=parallel(calling("A"), calling("B"), Catch=catch, Next="Y"), Y=TASK), f=raising(1, Boom("E")))
    assert list(world.frames) == [ROOT]
    again(world, f=lambda data: data["Error"])
    assert (world.output(), entered(world)) == ("E", ["X", "A", "B", "Y"])


def test_a_scope_that_fails_again_is_told_of_once_for_each_branch_that_was_under_way() -> None:
    world = world_of(machine(X=parallel(calling("A"), calling("B"), calling("C"))))
    world.succeed("/2:0", 1)
    world.fail("/2:1")
    world.redrive()
    world.fail("/2:1")
    assert world.types().count("TaskStateAborted") == 2
    again(world, f=lambda _: 2)
    assert world.output() == [1, 2, 2]


# -------------------------------------------------------------------------------------------------------------------- Map


def test_only_the_iterations_without_success_go_on() -> None:
    processor = machine(A={**TASK, "Next": "B"}, B={**TASK, "Resource": "g"})
    bad: list[int] = [2]

    def g(n: Any) -> Any:
        if n in bad:
            raise Boom("E")
        return -n

    world = play(machine(X=mapped(processor, MaxConcurrency=2)), [1, 2, 3, 4, 5], f=lambda n: n, g=g)
    assert world.status() is Status.FAILED
    bad.clear()
    again(world, f=lambda n: n, g=g)
    assert world.output() == [-1, -2, -3, -4, -5]
    assert entered(world).count("A") == entered(world).count("B") == 5
    assert world.types().count("MapIterationStarted") == 5


def test_no_more_iterations_go_on_at_once_than_may() -> None:
    """Failures that are tolerated pile up; they go on one after the other."""
    world = world_of(machine(X=mapped(calling(), MaxConcurrency=2, ToleratedFailureCount=4)), list(range(8)))
    for _ in range(5):
        world.fail(next(iter(world.waits())))
    assert (world.status(), world.error().type) == (Status.FAILED, "States.ExceedToleratedFailureThreshold")
    world.redrive()
    most = 0
    while world.status() is Status.RUNNING:
        world.check()
        most = max(most, len(world.waits()))
        path, wait = next(iter(world.waits().items()))
        assert wait.kind is Work.RUN
        world.succeed(path, path)
    assert most == 2
    assert world.output() == [f"/2:{index}" for index in range(8)]


def test_iterations_that_wait_for_their_turn_are_not_aborted_when_the_map_fails_again() -> None:
    world = world_of(machine(X=mapped(calling(), MaxConcurrency=1, ToleratedFailureCount=1)), [1, 2, 3])
    for _ in range(2):
        world.fail(next(iter(world.waits())))
    aborted = world.types().count("MapIterationAborted")
    world.redrive()
    assert [world.at(f"/2:{index}").status for index in (0, 1)] == [At.READY, At.PENDING]
    for _ in range(2):
        world.fail(next(iter(world.waits())))
    assert world.types().count("MapIterationAborted") == aborted
    world.redrive()
    world.cancel()
    again(world, f=lambda n: n)
    assert world.output() == [1, 2, 3]


def test_a_map_in_a_map() -> None:
    world = play(machine(X=mapped(machine(I=mapped(calling())))), [[1, 2], [3]], f=raising(1, Boom("E")))
    again(world, f=lambda n: -n)
    assert sorted(map(len, world.output())) == [1, 2]
    assert entered(world).count("I") == 2


def test_an_item_that_could_not_be_made_is_made_again() -> None:
    def states(member: str) -> dict[str, Any]:
        return machine(X=mapped(calling(), ItemSelector={"v.$": f"$$.Map.Item.Value.{member}"}))

    world = play(states("v"), [{"v": 1, "w": 1}, {"w": 2}], f=lambda data: data["v"])
    assert world.status() is Status.FAILED
    again(world, revised(states("w")), f=lambda data: data["v"])
    assert world.output() == [1, 2]


def test_a_map_whose_result_only_failed() -> None:
    world = play(machine(X=mapped(calling(), ResultSelector={"n.$": "$.none"})), [1], f=lambda n: n)
    assert world.status() is Status.FAILED
    again(world, revised(machine(X=mapped(calling(), ResultSelector={"n.$": "$[0]"}))))
    assert world.output() == {"n": 1}


# -------------------------------------------------------------------------------------------------- another input, revision


def test_another_input_is_that_of_the_state_it_stands_at() -> None:
    world = play(machine(A={"Type": "Pass", "Result": 1, "Next": "B"}, B=TASK), {"n": 1}, f=raising(Boom("E")))
    world.redrive(data={"m": 2})
    go(world, f=lambda data: data)
    assert world.output() == {"m": 2}
    assert world.text(world.head().input) == '{"n":1}'
    assert details(world, "ExecutionRedriven") == [{"redriveCount": 1, "input": {"m": 2}}]


@pytest.mark.parametrize("state", [TASK, {"Type": "Pass", "Parameters": {"n.$": "$.m"}}])
def test_and_the_executions_where_that_is_what_the_state_was_given(state: dict[str, Any]) -> None:
    world = play(machine(A=state), {"n": 1}, f=raising(Boom("E")))
    world.redrive(data={"m": 2})
    go(world, f=lambda data: {"n": data["m"]})
    assert (world.output(), world.text(world.head().input)) == ({"n": 2}, '{"m":2}')


def test_a_state_that_was_not_entered_yet_is_entered_with_it() -> None:
    world = world_of(machine(A={**TASK, "Next": "B"}, B={"Type": "Pass"}))
    world.take()
    world.pause()
    world.succeed(ROOT, 1)
    world.cancel()
    world.redrive(data=2)
    assert (world.output(), world.text(world.head().input)) == (2, "{}")


def misfits(world: World, states: dict[str, Any], *, new_input: bool = False, number: int = 2) -> list[str]:
    new = revised(states, number)
    return [f"{one.pointer}: {one.message}" for one in new.fits(world, world.dialect.definition, new_input)]


def test_another_input_has_no_place_where_branches_have_begun() -> None:
    states = machine(X=parallel(calling()))
    world = play(states, f=raising(Boom("E")))
    (told,) = misfits(world, states, new_input=True, number=1)
    assert told.startswith(": the state 'X' has begun its branches or iterations")
    assert misfits(world, states, number=1) == []


def test_a_revision_must_have_the_states_that_go_on() -> None:
    states = machine(A={"Type": "Pass", "Next": "X"}, X=parallel(same("F"), machine(B=mapped(calling("C")))))
    world = play(states, [1, 2], f=raising(Boom("E")))
    gone = "from which the execution is to go on"
    assert misfits(world, machine(X=parallel(same("G"), machine(B=mapped(calling("C")))))) == []
    assert misfits(world, machine(Y=TASK)) == [
        f"/definition/States: the state {name!r}, {gone}, is missing" for name in ("X", "B", "C", "C")
    ]
    assert misfits(world, machine(X=parallel(machine(B=mapped(calling("C"))), same("F")))) == [
        f"/definition/States/X/Branches/0/States: the state 'B', {gone}, was in another branch or scope"
    ]
    assert (
        misfits(world, machine(X=parallel(same("F"), machine(B=mapped(same("C"))))))
        == [f"/definition/States/X/Branches/1/States/B/ItemProcessor/States: the state 'C', {gone}, is a Task, not a Pass"] * 2
    )
    assert misfits(world, machine(X=parallel(same("F"), machine(B=mapped(calling("C"))), same("G")))) == [
        "/definition/States: the state 'X' has begun its 2 branches, and now has 3"
    ]


def test_a_revision_goes_on_with_what_the_old_one_has_done() -> None:
    world = play(machine(A={"Type": "Pass", "Result": 1, "Next": "B"}, B={**TASK, "Next": "C"}, C={"Type": "Pass"}), f=raising(Boom("E")))
    again(world, revised(machine(B={**TASK, "Next": "D"}, D={"Type": "Pass", "Result": "new"})), f=lambda n: n)
    assert (world.output(), world.head().revision) == ("new", 2)
