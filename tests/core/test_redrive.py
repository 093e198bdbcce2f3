"""Redrive of task lists and DAGs: what has no success is decided anew, what has is left alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.core.jobs import SPEC, begun, dag, path, task
from tests.core.machines import compiled
from tests.core.toy import toy
from tests.core.world import World
from workflows.core.dag import Dag
from workflows.errors import Problem
from workflows.events import Succeeded
from workflows.expressions import Comparison
from workflows.model import At, Delay, Retrier, Rule, Status, Task, TaskSpec


def revision(number: int, *tasks: Task, **options: Any) -> Dag:
    return Dag(replace(dag(*tasks, **options).definition, revision=number))


def statuses(world: World) -> dict[str, At]:
    return {frame.state: frame.status for path, frame in world.frames.items() if path}


def entered(world: World) -> list[str]:
    return [entry.details["name"] for entry in world.history if entry.type == "TaskStateEntered"]


# ------------------------------------------------------------------------------------------------------------ what goes on


def test_it_goes_on_from_the_task_that_failed() -> None:
    world = begun(task("a"), task("b", "a"), task("c", "b"))
    world.succeed("/a", {"n": 1})
    world.fail("/b")
    assert statuses(world) == {"a": At.SUCCEEDED, "b": At.FAILED, "c": At.SKIPPED}
    kept, key = world.at("/a"), world.at("/b").entry
    assert world.redrive().answer == Status.QUEUED
    assert statuses(world) == {"a": At.SUCCEEDED, "b": At.READY, "c": At.PENDING}
    assert world.at("/a") == kept
    assert world.at("/b").entry != key
    assert (world.at("/b").error, world.at("/b").attempt, world.head().error, world.head().started) == (None, 2, None, None)
    assert world.at("/b").started is None, "how long it takes counts from its next beginning, as that of the execution does"
    world.check()
    world.run(output=2)
    assert (world.status(), world.output()) == (Status.COMPLETED, {"c": 2})
    assert entered(world) == ["a", "b", "b", "c"]


def test_what_a_task_may_ask_of_those_before_it_is_what_they_gave() -> None:
    world = begun(task("a"), task("b", "a"))
    world.succeed("/a", 1)
    world.fail("/b")
    world.redrive()
    assert world.dialect.upstream(world, world.at("/b")) == {"a": "1"}


def test_the_history_tells_of_it() -> None:
    world = begun(task("a"))
    world.fail("/a")
    ended = world.history[-1].id
    world.redrive()
    redriven, again = world.history[-3:-1]
    assert (redriven.type, redriven.previous, redriven.details) == ("ExecutionRedriven", ended, {"redriveCount": 1})
    assert (again.type, again.previous) == ("TaskStateEntered", redriven.id)
    world.fail("/a")
    world.redrive()
    assert world.head().redrives == 2


def test_retries_and_interruptions_count_anew_and_attempts_on() -> None:
    world = begun(task("a", spec=TaskSpec("f", (Retrier(1, Delay(1.0)),))))
    world.fail("/a")
    world.fire("/a")
    for _ in range(3):
        world.interrupt("/a")
    world.fail("/a")
    world.redrive()
    frame = world.at("/a")
    assert (frame.attempt, frame.retries, frame.interruptions) == (3, (), 0)
    world.fail("/a")
    assert world.at("/a").status is At.RETRYING
    world.fire("/a")
    world.succeed("/a", 1)
    assert world.at("/a").attempt == 4


def test_what_was_cancelled_goes_on() -> None:
    world = begun(task("a"), task("b"), task("c", "a", "b"))
    world.succeed("/a", 1)
    world.take("/b")
    late = world.visit("/b")
    world.cancel()
    world.redrive()
    assert statuses(world) == {"a": At.SUCCEEDED, "b": At.READY, "c": At.PENDING}
    assert world.visit("/b") != late
    assert world.at("/b").attempt == 2
    world.run()
    assert world.status() is Status.COMPLETED


def test_an_attempt_that_never_began_keeps_its_number() -> None:
    world = begun(task("a"))
    world.cancel()
    world.redrive()
    assert world.at("/a").attempt == 1


def test_one_that_timed_out_has_its_time_anew() -> None:
    world = begun(task("a"), timeout=10.0)
    world.take("/a")
    world.fire()
    assert world.status() is Status.FAILED
    world.now += 1_000
    world.redrive()
    assert world.timers() == {}
    world.take("/a")
    assert world.timers() == {"": world.now + 10}


def test_a_cleanup_that_has_run_does_not_run_again() -> None:
    world = begun(task("a"), task("clean", "a", rule=Rule.ALWAYS))
    world.fail("/a")
    world.succeed("/clean", 1)
    world.redrive()
    world.run()
    assert entered(world) == ["a", "clean", "a"]
    assert world.status() is Status.COMPLETED


def test_a_failure_that_was_let_pass_is_tried_again() -> None:
    world = begun(task("a", continue_on_failure=True), task("b", "a"))
    world.fail("/a")
    world.fail("/b")
    world.redrive()
    assert statuses(world) == {"a": At.READY, "b": At.PENDING}


def test_rules_are_decided_anew_by_what_is_kept_and_what_comes() -> None:
    """The one that waits for a failure was started by it, and is kept; the one that was skipped since something succeeded stays skipped."""
    world = begun(
        *(task("a"), task("b")),
        *(task("one", "a", "b", rule=Rule.ONE_FAILED), task("none", "a", rule=Rule.ALL_FAILED), task("both", "a", "b")),
        task("after", "none", rule=Rule.ALL_DONE),
    )
    world.succeed("/a", 1)
    world.fail("/b")
    world.succeed("/one", 1)
    world.succeed("/after", 1)
    assert statuses(world)["none"] is At.SKIPPED
    noted = world.types().count("TaskSkipped")
    world.redrive()
    kept = {"a": At.SUCCEEDED, "one": At.SUCCEEDED, "none": At.SKIPPED, "after": At.SUCCEEDED}
    assert statuses(world) == {**kept, "b": At.READY, "both": At.PENDING}
    assert world.types().count("TaskSkipped") == noted
    world.run()
    assert statuses(world)["both"] is At.SUCCEEDED


def test_a_task_whose_rule_is_decided_by_what_is_kept() -> None:
    """It is skipped at once, or started at once, whatever the others still do."""
    world = begun(
        *(task("a"), task("b")),
        task("spoilt", "a", "b", rule=Rule.ALL_FAILED),
        task("early", "a", "b", rule=Rule.ONE_SUCCESSFUL),
    )
    world.take("/b")
    world.succeed("/a", 1)
    world.fail("/early")
    world.cancel()
    assert world.at("/spoilt").status is At.SKIPPED
    world.redrive(data={})
    assert statuses(world) == {"a": At.SUCCEEDED, "b": At.READY, "spoilt": At.SKIPPED, "early": At.READY}
    assert world.at("/spoilt").reason == "trigger rule allFailed: upstream task 'a' succeeded"
    world.run()
    assert world.status() is Status.COMPLETED


def large(limit: int) -> Comparison:
    return Comparison("NumericGreaterThan", path("$.input.n"), limit, None, f"n > {limit}")


def test_what_its_condition_skipped_stays_so_unless_something_has_changed() -> None:
    def skipped(world: World) -> int:
        return sum(entry.type == "TaskSkipped" and entry.details["name"] == "a" for entry in world.history)

    tasks = (task("a", when=large(5)), task("b", "a", rule=Rule.ALWAYS))
    world = begun(*tasks, data={"n": 1})
    world.fail("/b")
    world.redrive()
    assert (world.at("/a").status, skipped(world)) == (At.SKIPPED, 1)
    world.fail("/b")
    world.redrive(data={"n": 2})
    assert (world.at("/a").status, skipped(world)) == (At.SKIPPED, 2)
    world.fail("/b")
    world.redrive(data={"n": 9})
    assert (world.at("/a").status, world.at("/b").status) == (At.READY, At.PENDING)
    world.run()
    assert world.status() is Status.COMPLETED


def test_what_was_skipped_for_want_of_a_result_is_decided_anew_with_it() -> None:
    rule = Comparison("IsPresent", path("$.results.a.n"), True, None, "n is there")
    world = begun(task("a"), task("b", "a", rule=Rule.ALL_DONE, when=rule), task("c", "b", rule=Rule.ALWAYS))
    world.fail("/a")
    assert statuses(world) == {"a": At.FAILED, "b": At.SKIPPED, "c": At.READY}
    world.succeed("/c", 1)
    world.redrive()
    assert statuses(world) == {"a": At.READY, "b": At.PENDING, "c": At.SUCCEEDED}
    world.succeed("/a", {"n": 1})
    assert world.at("/b").status is At.READY


# --------------------------------------------------------------------------------------------------- another input, output


def test_another_input_is_what_tasks_see_from_now_on() -> None:
    seen = {"n": path("$.input.n")}
    world = begun(task("a", parameters=seen), task("b", "a", parameters=seen), data={"n": 1})
    world.succeed("/a", 1)
    world.fail("/b")
    world.redrive(data={"n": 2})
    assert world.text(world.head().input) == '{"n":2}'
    assert world.text(world.at("/b").input) == '{"n":2}'
    assert world.history[-3].details == {"redriveCount": 1, "input": '{"n":2}'}


def test_a_job_whose_output_only_was_wrong_is_finished_at_once() -> None:
    world = begun(task("a"), output={"n": path("$.results.a.n")})
    world.succeed("/a", {"m": 1})
    assert world.status() is Status.FAILED
    assert world.redrive().answer == Status.FAILED
    assert world.head().redrives == 1
    assert world.redrive(revision(2, task("a"), output={"n": path("$.results.a.m")})).answer == Status.COMPLETED
    assert world.output() == {"n": 1}
    assert entered(world) == ["a"]
    assert world.head().revision == 2
    world.check()


# ------------------------------------------------------------------------------------------------------- another revision


def test_another_revision_goes_on_with_what_the_old_one_has_done() -> None:
    """A task that is gone is forgotten, one that is new takes its place."""
    world = begun(task("a"), task("b", "a"), task("c", "b"))
    world.succeed("/a", 1)
    world.fail("/b")
    new = revision(2, task("a"), task("d", "a"), task("c", "d"))
    assert new.fits(world, world.dialect.definition, False) == []
    world.redrive(new)
    assert statuses(world) == {"a": At.SUCCEEDED, "d": At.READY, "c": At.PENDING}
    assert world.history[-3].details == {"redriveCount": 1, "revision": 2}
    world.check()
    world.run()
    assert world.status() is Status.COMPLETED


def test_a_revision_must_have_every_finished_task_where_it_was() -> None:
    world = begun(task("a"), task("b", "a"), task("c", "b"), task("d", "c"))
    for name in "abc":
        world.succeed(f"/{name}", 1)
    world.fail("/d")
    new = revision(2, task("a"), task("c", "a"), task("x"), task("d", "c", "x"))
    assert new.fits(world, world.dialect.definition, False) == [
        Problem("/tasks", "the task 'b' is finished, and is missing in revision 2"),
        Problem("/tasks", "the task 'c' is finished, and in revision 2 depends on ['a'], not on ['b']"),
    ]


def test_a_revision_of_the_other_kind_does_not_fit() -> None:
    world = begun(task("a"))
    world.fail("/a")
    machine = compiled({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}})
    assert [str(one) for one in machine.fits(world, world.dialect.definition, False)] == [
        "/: revision 1 is a state machine, and the execution runs a task list"
    ]
    assert [str(one) for one in dag(task("a")).fits(world, machine.definition, False)] == [
        "/: revision 1 is a task list, and the execution runs a state machine"
    ]


# ---------------------------------------------------------------------------------------------------------------- refused


def test_only_what_ended_without_success_is_redriven() -> None:
    world = begun(task("a"))
    assert (world.redrive().answer, world.redrive().changed) == (Status.QUEUED, False)
    world.take("/a")
    assert (world.redrive().answer, world.redrive().changed) == (Status.RUNNING, False)
    world.succeed("/a", 1)
    assert (world.redrive().answer, world.redrive().changed) == (Status.COMPLETED, False)


def test_a_report_of_before_is_late() -> None:
    world = begun(task("a", spec=SPEC), task("b"))
    world.take("/a")
    old = world.visit("/a")
    world.fail("/b")
    world.cancel()
    world.redrive()
    world.take("/a")
    assert not world.feed(Succeeded(world.now, 1, "/a", old, "1")).changed


def test_another_dialect_goes_on_in_its_own_way() -> None:
    """The toy begins the state it stands at once more."""
    world = World(toy({"StartAt": "A", "States": {"A": {"Type": "Task", "Next": "B"}, "B": {"Type": "Task"}}}))
    world.start({})
    world.succeed("", 1)
    world.fail("")
    world.redrive()
    assert world.at("").state == "B"
    world.run()
    assert world.status() is Status.COMPLETED
