"""Pause and resume: what runs finishes, nothing starts, and what came meanwhile takes effect at once when it goes on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.jobs import SPEC, begun, task
from tests.core.machines import go, machine, world_of
from tests.core.world import World
from workflows.core.waits import Work
from workflows.events import Continue, Fired, Taken
from workflows.model import ROOT, At, Delay, Retrier, Status, TaskSpec

WAIT = {"Type": "Wait", "Seconds": 60}
TASK = {"Type": "Task", "Resource": "f"}


def fired(world: World, path: str = ROOT) -> None:
    """The frame's earliest deadline comes, as it would if nobody had paused."""
    frame = world.at(path)
    due = min(frame.deadlines.values())
    world.now = max(world.now, due)
    world.feed(Fired(world.now, 1, path, frame.visit, due))


# ------------------------------------------------------------------------------------------------------------ the flag


def test_it_is_a_flag_that_the_history_tells_of_once() -> None:
    world = begun(task("a"))
    assert world.pause().answer == Status.QUEUED
    assert world.head().paused
    assert not world.pause().changed
    assert world.resume().answer == Status.QUEUED
    assert not world.resume().changed
    assert not world.head().paused
    assert world.types()[-2:] == ["ExecutionPaused", "ExecutionResumed"]


def test_the_history_goes_on_as_if_it_had_not_been_paused() -> None:
    world = begun(task("a"))
    before = world.history[-1].id
    world.pause()
    world.resume()
    world.take("/a")
    assert (world.history[-1].type, world.history[-1].previous) == ("TaskStarted", before)


@pytest.mark.parametrize("ended", [Status.COMPLETED, Status.FAILED, Status.CANCELLED])
def test_what_has_ended_is_neither_paused_nor_resumed(ended: Status) -> None:
    world = begun(task("a"))
    if ended is Status.CANCELLED:
        world.cancel()
    else:
        (world.succeed if ended is Status.COMPLETED else world.fail)("/a")
    for step in (world.pause(), world.resume()):
        assert (step.answer, step.changed) == (ended, False)


def test_a_paused_execution_is_cancelled_and_is_paused_no_more() -> None:
    world = begun(task("a"))
    world.pause()
    assert world.cancel().answer == Status.CANCELLED
    assert not world.head().paused
    world.check()


# --------------------------------------------------------------------------------------------------------------- tasks


def test_nothing_is_taken_until_it_is_resumed() -> None:
    world = begun(task("a"))
    world.pause()
    assert world.waits() == {}
    assert not world.feed(Taken(world.now, 1, "/a", world.visit("/a"), "worker")).changed
    world.resume()
    assert list(world.waits()) == ["/a"]
    world.run()
    assert world.status() is Status.COMPLETED


def test_what_runs_finishes_and_what_comes_after_it_waits() -> None:
    world = begun(task("a"), task("b", "a"))
    world.take("/a")
    world.pause()
    assert list(world.waits()) == ["/a"]
    world.succeed("/a", 1)
    assert world.at("/b").status is At.READY
    assert world.waits() == {}
    world.check()
    world.resume()
    assert world.waits()["/b"].kind is Work.RUN


def test_an_execution_ends_with_the_last_that_ran() -> None:
    world = begun(task("a"))
    world.take("/a")
    world.pause()
    world.succeed("/a", 1)
    assert world.status() is Status.COMPLETED
    assert not world.head().paused


def test_an_attempt_that_is_interrupted_meanwhile_is_not_issued_again_before() -> None:
    world = begun(task("a"))
    world.take("/a")
    world.pause()
    world.interrupt("/a")
    assert (world.at("/a").status, world.waits()) == (At.READY, {})
    world.resume()
    assert list(world.waits()) == ["/a"]


# ----------------------------------------------------------------------------------------------------------- deadlines


def test_a_retry_that_is_due_begins_when_it_is_resumed() -> None:
    world = begun(task("a", spec=TaskSpec("f", (Retrier(1, Delay(5.0)),))))
    world.fail("/a")
    world.pause()
    assert world.timers() == {}
    fired(world, "/a")
    assert world.at("/a").status is At.RETRYING
    world.resume()
    assert world.timers()["/a"] <= world.now
    world.fire("/a")
    assert world.at("/a").status is At.READY


@pytest.mark.parametrize("limit", ["timeout", "heartbeat"])
def test_an_attempt_may_take_longer_while_it_is_paused(limit: str) -> None:
    spec = TaskSpec("f", timeout=5.0 if limit == "timeout" else None, heartbeat=5.0 if limit == "heartbeat" else None)
    late, good = (begun(task("a", spec=spec)) for _ in range(2))
    for world in (late, good):
        world.take("/a")
        world.pause()
        fired(world, "/a")
        assert world.at("/a").status is At.RUNNING
    good.succeed("/a", 1)
    assert good.status() is Status.COMPLETED
    late.resume()
    late.fire("/a")
    assert late.status() is Status.FAILED


def test_a_heartbeat_counts_while_it_is_paused() -> None:
    world = begun(task("a", spec=TaskSpec("f", heartbeat=5.0)))
    world.take("/a")
    world.pause()
    world.now += 100
    world.heartbeat("/a")
    world.resume()
    assert world.timers()["/a"] == world.now + 5


@pytest.mark.parametrize("waiting", [True, False])
def test_the_executions_own_time_out_ends_it_all_the_same(waiting: bool) -> None:
    """Also where a Wait of the root is due before it."""
    world = world_of({**machine(A=WAIT if waiting else TASK, B=TASK), "TimeoutSeconds": 100})
    if not waiting:
        world.take()
    world.pause()
    assert world.timers() == {ROOT: 1_100.0}
    world.fire()
    assert (world.status(), world.types()[-1]) == (Status.FAILED, "ExecutionTimedOut")
    assert not world.head().paused


# -------------------------------------------------------------------------------------------------------- state machines


def test_a_wait_that_is_over_is_left_when_it_is_resumed() -> None:
    world = world_of(machine(A=WAIT))
    world.pause()
    fired(world)
    assert world.at().status is At.WAITING
    world.now += 500
    world.resume()
    assert world.timers() == {ROOT: 1_060.0}
    world.fire()
    assert world.status() is Status.COMPLETED


@pytest.mark.parametrize("then", [{"Type": "Pass"}, {"Type": "Choice", "Choices": [], "Default": "C"}, WAIT, TASK, {"Type": "Succeed"}])
def test_no_state_is_entered(then: dict[str, Any]) -> None:
    if then["Type"] == "Choice":
        then = {**then, "Choices": [{"Variable": "$.n", "IsPresent": True, "Next": "C"}]}
    world = world_of(machine(A={**TASK, "Next": "B"}, B=then, C={"Type": "Succeed"}))
    world.take()
    world.pause()
    world.succeed(ROOT, {"n": 1})
    assert (world.at().status, world.at().state, world.waits()) == (At.PARKED, "B", {})
    assert not world.feed(Continue(world.now, 1, ROOT, world.visit())).changed
    world.check()
    world.resume()
    assert world.waits()[ROOT].kind is Work.CONTINUE
    go(world, f=lambda _: {})
    assert world.status() is Status.COMPLETED
    assert [kind for kind in world.types() if kind.endswith("Entered")].count(f"{then['Type']}StateEntered") == 1 + (then == TASK)


def test_branches_that_are_on_their_way_stop_and_go_on() -> None:
    branch = machine(A={**TASK, "Next": "B"}, B={"Type": "Pass"})
    other = machine(C={**TASK, "Next": "D"}, D={"Type": "Pass"})
    world = world_of(machine(X={"Type": "Parallel", "Branches": [branch, other]}))
    first, second = list(world.waits())
    world.take(first)
    world.take(second)
    world.pause()
    world.succeed(first, 1)
    assert list(world.waits()) == [second]
    world.succeed(second, 2)
    assert world.waits() == {}
    world.resume()
    assert [wait.kind for wait in world.waits().values()] == [Work.CONTINUE] * 2
    go(world)
    assert world.output() == [1, 2]


def test_a_failure_that_nothing_catches_ends_it() -> None:
    world = begun(task("a", spec=SPEC))
    world.take("/a")
    world.pause()
    world.fail("/a")
    assert world.status() is Status.FAILED
