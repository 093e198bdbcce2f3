"""The task list and DAG dialect: order, trigger rules, data flow, and what the whole comes to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import permutations, product

import pytest

from tests.core.jobs import SPEC, begun, path, task
from tests.core.world import World
from workflows.core.dag import Verdict, verdict
from workflows.core.dataflow import dumps, loads, rfc3339, weight
from workflows.core.paths import Miss, Scope, find
from workflows.events import Succeeded
from workflows.model import At, Error, Retrier, Rule, Status, TaskSpec

GOOD, BAD, SKIPPED = "succeeded", "failed", "skipped"
ENDS = (GOOD, BAD, SKIPPED)

STATED: Mapping[Rule, Callable[[tuple[str, ...]], bool]] = {
    Rule.ALL_SUCCESSFUL: lambda ends: all(end == GOOD for end in ends),
    Rule.ALL_FAILED: lambda ends: all(end == BAD for end in ends),
    Rule.ALL_DONE: lambda ends: True,
    Rule.ALWAYS: lambda ends: True,
    Rule.ONE_SUCCESSFUL: lambda ends: any(end == GOOD for end in ends),
    Rule.ONE_FAILED: lambda ends: any(end == BAD for end in ends),
    Rule.NONE_FAILED: lambda ends: all(end != BAD for end in ends),
    Rule.NONE_SKIPPED: lambda ends: all(end != SKIPPED for end in ends),
}
"""The rules as one would say them, once every upstream task has ended."""


def ruled(rule: Rule, upstream: int, ends: tuple[str, ...]) -> Verdict:
    return verdict(rule, upstream, *(ends.count(end) for end in ENDS))


@pytest.mark.parametrize("rule", list(Rule))
def test_trigger_rules_say_what_they_are_called(rule: Rule) -> None:
    for size in (1, 2, 3):
        for ends in product(ENDS, repeat=size):
            expected = Verdict.START if STATED[rule](ends) else Verdict.SKIP
            assert ruled(rule, size, ends) is expected


@pytest.mark.parametrize("rule", list(Rule))
def test_a_rule_decides_as_soon_as_it_can_and_never_changes_its_mind(rule: Rule) -> None:
    waits_for_all = {Rule.ALL_DONE, Rule.ALWAYS}
    for size in (1, 2, 3):
        for ended in range(size):
            for ends in product(ENDS, repeat=ended):
                so_far = ruled(rule, size, ends)
                finals = {STATED[rule]((*ends, *rest)) for rest in product(ENDS, repeat=size - ended)}
                if so_far is Verdict.NOT_YET:
                    assert len(finals) == 2 or rule in waits_for_all
                else:
                    assert finals == {so_far is Verdict.START}


# ------------------------------------------------------------------------------------------------------------------------- order


def test_the_history_of_a_plain_list() -> None:
    world = begun(task("a"), task("b", "a"))
    world.succeed("/a", 1)
    world.succeed("/b", 2)
    assert [(entry.id, entry.previous, entry.type, entry.details.get("name")) for entry in world.history] == [
        (1, 0, "ExecutionStarted", None),
        (2, 1, "TaskStateEntered", "a"),
        (3, 2, "TaskScheduled", None),
        (4, 3, "TaskStarted", None),
        (5, 4, "TaskSucceeded", None),
        (6, 5, "TaskStateExited", "a"),
        (7, 6, "TaskStateEntered", "b"),
        (8, 7, "TaskScheduled", None),
        (9, 8, "TaskStarted", None),
        (10, 9, "TaskSucceeded", None),
        (11, 10, "TaskStateExited", "b"),
        (12, 11, "ExecutionSucceeded", None),
    ]
    scheduled, began = world.history[2], world.history[3]
    assert scheduled.details == {"attempt": 1, "functionName": "f"}
    assert began.details == {"worker": "worker"}
    assert world.history[-1].details == {"output": '{"b":2}'}
    assert (world.at("/a").entered, world.at("/a").last) == (2, 6)


def test_tasks_start_when_their_upstream_has_succeeded() -> None:
    world = begun(task("a"), task("b"), task("c", "a", "b"), task("d", "c"))
    assert set(world.waits()) == {"/a", "/b"}
    world.succeed("/b")
    assert world.at("/c").status is At.PENDING
    world.succeed("/a")
    assert set(world.waits()) == {"/c"}
    assert dict(world.at("/c").counts) == {}
    world.succeed("/c")
    assert "/d" in world.waits()
    world.succeed("/d", "done")
    assert world.output() == {"d": "done"}


def test_a_failure_skips_what_depends_on_it_with_the_reason() -> None:
    world = begun(task("a"), task("b", "a"), task("c", "b"), task("d", "c", rule=Rule.ALL_DONE))
    world.fail("/a")
    assert world.at("/b").reason == "trigger rule allSuccessful: upstream task 'a' failed"
    assert world.at("/c").reason == "trigger rule allSuccessful: upstream task 'b' was skipped"
    assert [entry.details["name"] for entry in world.history if entry.type == "TaskSkipped"] == ["b", "c"]
    world.succeed("/d")
    assert world.status() is Status.FAILED, "a clean-up that succeeds does not save the job"
    assert world.error() == Error("Boom", "it broke", task="a")


@pytest.mark.parametrize("rule", [Rule.ONE_SUCCESSFUL, Rule.ONE_FAILED])
@pytest.mark.parametrize("before_it_ends", [True, False])
def test_one_is_enough_to_start_and_what_ends_later_changes_nothing(rule: Rule, before_it_ends: bool) -> None:
    world = begun(task("a"), task("b"), task("c"), task("d", "a", "b", "c", rule=rule))
    end = world.succeed if rule is Rule.ONE_SUCCESSFUL else world.fail
    other = world.fail if rule is Rule.ONE_SUCCESSFUL else world.succeed
    other("/b")
    assert "/d" not in world.waits()
    end("/a")
    assert set(world.waits()) == {"/c", "/d"}
    started = world.at("/d")
    if before_it_ends:
        world.succeed("/c")
        assert world.at("/d") == started
        world.succeed("/d")
    else:
        world.succeed("/d")
        ended = world.at("/d")
        world.succeed("/c")
        assert world.at("/d") == ended
    assert world.types().count("TaskScheduled") == 4
    assert world.status() is Status.FAILED


def test_a_rule_that_can_no_longer_hold_skips_at_once() -> None:
    world = begun(task("a"), task("b"), task("c", "a", "b", rule=Rule.ALL_FAILED))
    world.succeed("/a", 1)
    assert world.at("/c").reason == "trigger rule allFailed: upstream task 'a' succeeded"
    world.succeed("/b", 2)
    assert world.output() == {}


def test_a_failure_that_may_happen_counts_as_done_well() -> None:
    world = begun(
        task("a", continue_on_failure=True),
        task("b", "a"),
        task("c", "a", rule=Rule.ALL_FAILED),
        task("d", "a", rule=Rule.NONE_FAILED),
    )
    world.fail("/a")
    assert world.at("/a").status is At.FAILED
    assert set(world.waits()) == {"/b", "/d"}
    assert world.at("/c").reason == "trigger rule allFailed: upstream task 'a' failed, which it may (continueOnFailure)"
    world.succeed("/b", 1)
    world.succeed("/d", 2)
    assert world.status() is Status.COMPLETED
    assert world.output() == {"b": 1, "d": 2}


def test_the_first_failure_is_the_error_of_the_execution_and_names_its_task() -> None:
    world = begun(task("a"), task("b"), task("c"))
    world.fail("/b", "First", "the first")
    world.fail("/a", "Second")
    world.succeed("/c")
    assert world.error() == Error("First", "the first", task="b")
    assert world.at("/a").error is not None


def test_a_task_is_retried_with_the_same_input() -> None:
    spec = TaskSpec("f", retriers=(Retrier(1),))
    world = begun(task("a", spec=spec, parameters={"n": path("$.input.n")}), data={"n": 7})
    world.fail("/a")
    world.fire("/a")
    assert (world.at("/a").attempt, world.at("/a").input) == (2, '{"n":7}')
    assert [entry.details["attempt"] for entry in world.history if entry.type == "TaskScheduled"] == [1, 2]
    retried = next(entry for entry in world.history if entry.type == "TaskRetried")
    assert retried.details == {"retry": 1, "delay": 1.0}
    world.succeed("/a")
    assert world.output() == {"a": None}


def test_cancelling_leaves_what_is_finished() -> None:
    world = begun(task("a"), task("b"), task("c", "a", "b"))
    world.succeed("/a", 1)
    world.cancel()
    assert {path: frame.status for path, frame in world.frames.items() if path} == {
        "/a": At.SUCCEEDED,
        "/b": At.CANCELLED,
        "/c": At.CANCELLED,
    }
    world.check()


def test_a_job_may_time_out() -> None:
    world = begun(task("a"), task("b"), timeout=30)
    world.take("/a")
    world.fire()
    assert world.error() == Error("States.Timeout", "the execution did not end within 30 seconds")
    assert world.at("/b").reason == "the execution failed"


# --------------------------------------------------------------------------------------------------------------------- data flow


def test_without_parameters_a_function_gets_the_input_of_the_execution() -> None:
    assert begun(task("a"), data={"n": 1}).at("/a").input is None


def test_parameters_over_input_results_and_context() -> None:
    template = {
        "whole": path("$"),
        "input": path("$.input"),
        "second": path("$.input.list.1"),
        "result": path("$.results.a.x"),
        "results": path("$.results"),
        "fixed": [1, {"deep": path("$.results.a")}],
        "execution": path("$$.Execution"),
        "job": path("$$.StateMachine.Name"),
        "state": path("$$.State.Name"),
    }
    world = begun(task("a"), task("z"), task("b", "a", parameters=template), data={"list": [5, 6]})
    world.succeed("/a", {"x": "y"})
    given = {"list": [5, 6]}
    expected = {
        "whole": {"input": given, "results": {"a": {"x": "y"}}},
        "input": given,
        "second": 6,
        "result": "y",
        "results": {"a": {"x": "y"}},
        "fixed": [1, {"deep": {"x": "y"}}],
        "execution": {"Id": "x-1", "Name": "x-1", "Input": given, "StartTime": "1970-01-01T00:16:40.000Z"},
        "job": "Job",
        "state": "b",
    }
    assert loads(world.text(world.at("/b").input)) == expected
    assert world.history[-1].details["parameters"] == world.at("/b").input


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("$.input.nope", "there is no 'nope' in an object with the members a, list"),
        ("$.input.list.9", "there is no 9 in an array of 1"),
        ("$.input.list.x", "there is no 'x' in an array of 1"),
        ("$.input.a.x", "there is no 'x' in null"),
        ("$.input.0", "there is no 0 in an object with the members a, list"),
        ("$.nope", "there is no 'nope' in an object with the members input, results"),
        ("$.results.late", "the task 'late' has no result"),
        ("$.results.nobody", "there is no 'nobody' in an empty object"),
        ("$$.Nope", "there is no 'Nope' in an object with the members Execution, State, StateMachine"),
    ],
)
def test_parameters_that_find_nothing_fail_the_task_without_retry(text: str, why: str) -> None:
    spec = TaskSpec("f", retriers=(Retrier(5),))
    world = begun(task("a", spec=spec, parameters={"x": path(text)}), task("late"), data={"a": None, "list": [1]})
    assert world.at("/a").status is At.FAILED
    world.succeed("/late")
    assert world.error() == Error("States.ParameterPathFailure", f"parameters: the path {text!r} finds nothing: {why}", task="a")
    failed = next(entry for entry in world.history if entry.type == "TaskFailed")
    assert failed.details["cause"].endswith(why)


def test_parameters_and_output_have_a_limit_that_is_known_before_they_are_written_out() -> None:
    """Written out, each would be 16 GB."""
    large = {f"k{n}": path("$.input.large") for n in range(2_000)}
    data = {"large": ["x" * 8_000_000]}
    world = begun(task("a", parameters=large, spec=TaskSpec("f", (Retrier(3),))), data=data)
    assert world.status() == "FAILED"
    assert world.error() == Error("States.DataLimitExceeded", "parameters: this is longer than 16,777,216 bytes", task="a")
    world = begun(task("a"), data=data, output={"nested": [large]})
    world.succeed("/a", 1)
    assert world.error() == Error("States.DataLimitExceeded", "output: this is longer than 16,777,216 bytes")


def test_a_weight_is_never_more_than_the_text_is_long() -> None:
    shared = {"a": [1, 2.5, None, True, "text"], "": {}}
    for value in (shared, [shared] * 3, {"x": shared, "y": [shared, []]}, "text", 1, None, [], {}):
        assert weight(value) <= len(dumps(value))
    assert weight([shared] * 100) > 100 * weight(shared)


def test_a_job_whose_only_task_has_bad_parameters_ends_in_its_first_step() -> None:
    world = begun(task("a", parameters={"x": path("$.input.x")}), task("b", "a"), data={})
    assert world.status() is Status.FAILED
    assert world.at("/b").status is At.SKIPPED


def test_the_output_is_what_the_last_tasks_returned_as_they_wrote_it() -> None:
    world = begun(task("a"), task("b", "a"), task("c", "a", continue_on_failure=True))
    world.succeed("/a", 1)
    world.take("/b")
    world.feed(Succeeded(world.now, 1, "/b", world.visit("/b"), '{"price": 1.00, "big": 123456789012345678901234567890}'))
    world.fail("/c")
    assert world.text(world.head().output) == '{"b":{"price": 1.00, "big": 123456789012345678901234567890}}'


def test_the_output_may_have_a_template() -> None:
    world = begun(task("a"), output={"sum": path("$.results.a.sum"), "for": path("$$.Execution.Id")})
    world.succeed("/a", {"sum": 3})
    assert world.output() == {"sum": 3, "for": "x-1"}


def test_an_output_that_finds_nothing_fails_the_execution() -> None:
    for text in ("$.results.a.sum", "$$.State.Name"):
        world = begun(task("a"), output={"sum": path(text)})
        world.succeed("/a", {})
        assert world.error().type == "States.ParameterPathFailure"
        assert world.error().message.startswith("output: the path ")
        assert world.at("/a").status is At.SUCCEEDED


def test_long_results_go_by_reference() -> None:
    world = begun(task("a"), task("b", "a", parameters={"head": path("$.results.a.0"), "all": path("$.results.a")}))
    long = ["x" * 3_000, "y"]
    world.succeed("/a", long)
    assert loads(world.text(world.at("/b").input)) == {"head": long[0], "all": long}
    assert isinstance(world.at("/a").output, int)


def test_json_in_and_out() -> None:
    big = 10**300 + 1
    assert loads(dumps({"big": big, "é": [1.5, None]})) == {"big": big, "é": [1.5, None]}
    assert dumps({"a": [1, "é"]}) == '{"a":[1,"é"]}'
    with pytest.raises(ValueError, match="beyond the range of a double"):
        loads("1e999")


def test_paths_tell_what_they_met() -> None:
    assert find(path("$.0.a"), Scope([{"a": 1}])) == 1
    for value, kind in ((True, "a boolean"), ("s", "a text"), (1.5, "a number"), ({}, "an empty object"), ([], "an array of 0")):
        with pytest.raises(Miss) as caught:
            find(path("$.x"), Scope(value))
        assert caught.value.plain == f"there is no 'x' in {kind}"


def test_moments_are_written_to_the_millisecond() -> None:
    assert rfc3339(1_795_230_000.1239) == "2026-11-21T03:00:00.123Z"


# --------------------------------------------------------------------------------------------------------------- order of reports


@pytest.mark.parametrize("rule", list(Rule))
def test_the_outcome_does_not_depend_on_the_order_of_reports(rule: Rule) -> None:
    """How the joined task and the whole end; for oneSuccessful and oneFailed the moment differs, not the outcome."""
    for ends in product((GOOD, BAD), repeat=3):
        outcomes = set()
        for order in permutations(range(3)):
            world = begun(*(task(f"u{n}") for n in range(3)), task("join", "u0", "u1", "u2", rule=rule, spec=SPEC))
            for number in order:
                finish(world, f"/u{number}", ends[number])
            if "/join" in world.waits():
                world.succeed("/join")
            outcomes.add((world.at("/join").status, world.status()))
        assert len(outcomes) == 1
        assert outcomes == {(At.SUCCEEDED if STATED[rule](ends) else At.SKIPPED, Status.FAILED if BAD in ends else Status.COMPLETED)}


def finish(world: World, where: str, end: str) -> None:
    if end == GOOD:
        world.succeed(where)
    else:
        world.fail(where)
