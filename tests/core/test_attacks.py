"""Scenarios that broke the first sketch of the core, and their neighbours found since. Costs are counted, never timed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.toy import State, toy
from tests.core.world import World
from workflows.core import machine
from workflows.core.dag import Dag
from workflows.core.machine import TURN
from workflows.core.waits import Wait, Work
from workflows.events import Continue, Succeeded
from workflows.model import ROOT, At, Status, Task, TaskList, TaskSpec

TASK: State = {"Type": "Task"}
PASS: State = {"Type": "Pass"}


def one(state: State) -> dict[str, Any]:
    """A machine of one state."""
    return {"StartAt": "X", "States": {"X": state}}


def states(**named: State) -> dict[str, Any]:
    """A machine that starts at the first of these states."""
    return {"StartAt": next(iter(named)), "States": named}


def started(machine: State, data: Any = None, **options: Any) -> World:
    world = World(toy(machine, **options))
    world.start(data)
    world.check()
    return world


def test_a_task_that_comes_back_to_itself_with_equal_data_is_a_new_wait() -> None:
    world = started(states(A={"Type": "Task", "Next": "C"}, C={"Type": "Choice", "Default": "A"}), {})
    seen = set()
    for _ in range(5):
        seen.add(world.visit())
        assert world.succeed(output={}).changed
        assert world.waits() == {ROOT: Wait(Work.RUN, world.visit(), False)}
    assert len(seen) == 5


def test_a_late_duplicate_of_an_old_report_changes_nothing() -> None:
    world = started(states(A={"Type": "Task", "Next": "A"}), 1)
    old = world.visit()
    world.succeed(output=2)
    world.take()
    assert not world.feed(Succeeded(world.now, 1, ROOT, old, "99")).changed
    assert world.at().input == "2"


def test_a_parallel_entered_again_through_a_choice_never_meets_its_finished_branches() -> None:
    parallel = {"Type": "Parallel", "Branches": [one(TASK), one(TASK)], "Next": "C"}
    world = started(states(P=parallel, C={"Type": "Choice", "Default": "P"}))
    seen: set[str] = set()
    for _ in range(4):
        paths = set(world.waits())
        assert len(paths) == 2
        assert not paths & seen
        seen |= paths
        for path in paths:
            world.succeed(path)
            world.check()
        assert set(world.frames) == {ROOT, *world.waits()}, "the branches of the closed scope are gone"


def test_a_retried_parallel_whose_branch_fails_at_once_ends_after_its_retries() -> None:
    world = started(one({"Type": "Parallel", "Retry": [{"MaxAttempts": 2}], "Branches": [one({"Type": "Fail", "Error": "Bad"})]}))
    delays = []
    while world.status() is not Status.FAILED:
        delays.append(world.timers()[ROOT] - world.now)
        world.fire()
        world.check()
    assert delays == [1.0, 2.0]
    assert world.error().type == "Bad"
    assert world.types().count("ParallelStateStarted") == 3


def test_a_chain_of_a_thousand_pass_states_overflows_nothing() -> None:
    chain: dict[str, State] = {f"S{n}": {"Type": "Pass", "Next": f"S{n + 1}"} for n in range(999)} | {"S999": PASS}
    world = started({"StartAt": "S0", "States": chain}, "data")
    turns = 0
    while world.waits():
        assert world.waits()[ROOT].kind is Work.CONTINUE
        world.go_on()
        turns += 1
    assert world.output() == "data"
    assert turns == 999 // TURN


def test_a_map_of_a_thousand_pass_states_one_at_a_time_overflows_nothing_and_is_linear() -> None:
    costs = []
    for size in (1_000, 2_000, 4_000):
        world = started(one({"Type": "Map", "MaxConcurrency": 1, "Each": one(PASS)}), list(range(size)))
        world.run()
        assert world.output() == list(range(size))
        costs.append(world.cost["reads"] + world.cost["listed"] + world.cost["puts"])
    assert costs[1] < 2.5 * costs[0]
    assert costs[2] < 2.5 * costs[1]


def test_an_endless_loop_of_quick_states_lets_others_go_first_and_can_be_cancelled() -> None:
    world = started(states(A={"Type": "Pass", "Next": "C"}, C={"Type": "Choice", "Default": "A"}), {})
    for _ in range(3):
        assert world.at().status is At.PARKED
        assert world.head().work == 1
        step = world.go_on()
        assert TURN <= len(step.history) <= 3 * TURN
        world.check()
    assert world.cancel().answer == "CANCELLED"
    assert world.waits() == {}
    assert world.head().work == 0


def test_an_endless_loop_of_quick_states_runs_into_the_time_out_of_the_execution() -> None:
    world = started(states(A={"Type": "Pass", "Next": "A"}), timeout=60)
    assert world.status() is Status.QUEUED
    world.go_on()
    assert world.status() is Status.RUNNING
    world.fire()
    assert world.error().type == "States.Timeout"


def test_a_stale_turn_of_a_parked_frame_is_not_taken() -> None:
    world = started(states(A={"Type": "Pass", "Next": "A"}))
    stale = world.visit()
    world.go_on()
    assert world.visit() != stale
    assert not world.feed(Continue(world.now, 1, ROOT, stale)).changed


@pytest.mark.parametrize("steps_of_the_sibling", [0, 1, 5, TURN + 5])
@pytest.mark.parametrize("steps_to_the_failure", [0, 1, 5])
def test_a_branch_that_fails_while_its_siblings_are_on_their_way_leaves_no_orphan(
    steps_of_the_sibling: int, steps_to_the_failure: int
) -> None:
    def after(count: int, last: State) -> State:
        quick: dict[str, State] = {f"S{n}": {"Type": "Pass", "Next": f"S{n + 1}"} for n in range(count)}
        return {"StartAt": "S0", "States": quick | {f"S{count}": last}}

    branches = [after(steps_to_the_failure, {"Type": "Fail", "Error": "Bad"}), after(steps_of_the_sibling, TASK), one(TASK)]
    world = started(
        states(P={"Type": "Parallel", "Branches": branches, "Catch": [{"ErrorEquals": ["Bad"], "Next": "Z"}], "Next": "Z"}, Z=TASK)
    )
    assert set(world.waits()) == {ROOT}
    assert world.at().state == "Z"
    world.run()
    assert world.status() is Status.COMPLETED


def test_branches_that_fail_in_the_same_step_fail_their_scope_once() -> None:
    bad = one({"Type": "Fail", "Error": "Bad"})
    catch = {"ErrorEquals": ["Bad"], "Next": "Q"}
    world = started(
        states(
            P={"Type": "Parallel", "Branches": [bad, bad, bad], "Catch": [catch]},
            Q={"Type": "Parallel", "Branches": [one(TASK), one(TASK)]},
        )
    )
    assert world.types().count("ParallelStateFailed") == 1
    assert len(world.waits()) == 2
    world.run()
    assert world.output() == [None, None]


def test_a_report_for_a_branch_that_was_dropped_changes_nothing() -> None:
    world = started(states(P={"Type": "Parallel", "Branches": [one(TASK), one(TASK)], "Catch": [{"ErrorEquals": ["Boom"], "Next": "P"}]}))
    first, second = world.waits()
    world.take(second)
    visit = world.visit(second)
    world.fail(first)
    assert second not in world.frames
    assert not world.feed(Succeeded(world.now, 1, second, visit, "1")).changed


def fan_in(size: int) -> Dag:
    names = [f"t{n}" for n in range(size)]
    tasks = {name: Task(name, name, TaskSpec("f")) for name in names}
    tasks["join"] = Task("join", "join", TaskSpec("f"), depends_on=tuple(names))
    return Dag(TaskList("fan", 1, tasks=tasks, downstream=dict.fromkeys(names, ("join",))))


def test_the_fan_in_of_a_dag_is_linear() -> None:
    costs = []
    for size in (1_000, 2_000, 4_000):
        world = World(fan_in(size))
        world.start({})
        for number in range(size):
            world.succeed(f"/t{number}", 1)
        world.succeed("/join", 1)
        assert world.status() is Status.COMPLETED
        costs.append(world.cost["reads"] + world.cost["listed"] + world.cost["puts"])
    assert costs[1] < 2.1 * costs[0]
    assert costs[2] < 2.1 * costs[1]


def test_one_step_of_a_wide_dag_touches_what_changed_and_no_more() -> None:
    world = World(fan_in(2_000))
    world.start({})
    world.take("/t7")
    world.cost.clear()
    step = world.succeed("/t7")
    assert set(step.frames) == {ROOT, "/t7", "/join"}
    assert world.cost["listed"] == 0
    assert world.cost["reads"] <= 8


def test_a_map_of_caught_parallel_failures_is_linear() -> None:
    caught = states(P={"Type": "Parallel", "Branches": [one(TASK)], "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Y"}]}, Y=PASS)
    costs = []
    for size in (250, 500, 1_000):
        world = started(one({"Type": "Map", "MaxConcurrency": 40, "Each": caught}), list(range(size)))
        queue = list(world.waits())
        while queue:
            step = world.fail(queue.pop())
            queue += [path for path, frame in step.frames.items() if frame is not None and frame.status is At.READY]
        assert world.output() == [{"error": "Boom"}] * size
        costs.append(world.cost["reads"] + world.cost["listed"] + world.cost["puts"])
    assert costs[1] < 2.2 * costs[0]
    assert costs[2] < 2.2 * costs[1]


def test_a_wide_scope_opens_a_turn_at_a_time() -> None:
    world = started(one({"Type": "Map", "Each": one(TASK)}), list(range(3 * TURN)))
    kinds = [wait.kind for wait in world.waits().values()]
    assert kinds.count(Work.RUN) == TURN - 1, "the Map itself was one arrival"
    assert kinds.count(Work.CONTINUE) == 2 * TURN + 1
    world.run()
    assert world.status() is Status.COMPLETED


def test_loops_in_loops_never_make_one_step_long() -> None:
    loop = states(A={"Type": "Pass", "Next": "A"})
    for _ in range(3):
        loop = states(P={"Type": "Parallel", "Branches": [loop, loop], "Next": "P"})
    world = started(loop)
    for _ in range(20):
        path = next(iter(world.waits()))
        assert len(world.go_on(path).history) <= 4 * TURN
        world.check()


def test_scopes_two_hundred_deep() -> None:
    machine = one(TASK)
    for _ in range(200):
        machine = one({"Type": "Parallel", "Branches": [machine]})
    world = started(machine)
    world.run(output=7)
    expected: Any = 7
    for _ in range(200):
        expected = [expected]
    assert world.output() == expected


def test_an_endless_loop_of_states_ends_with_its_history(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "HISTORY_EVENTS", 1_000)
    world = started(states(A={"Type": "Wait", "Seconds": 1, "Next": "B"}, B={"Type": "Pass", "Next": "A"}), {})
    world.run()
    assert world.status() is Status.FAILED
    assert world.error().type == "States.Runtime"
    assert "(1,000)" in world.error().message
    assert 1_000 <= world.head().entries < 1_010
