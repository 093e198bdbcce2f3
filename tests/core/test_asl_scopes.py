"""Parallel and Map: order, limits, failures, variables and cost (ASL.md sections G, H, L, N)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest

from tests.core.machines import Boom, details, failure, go, machine, one, play, raising, world_of
from workflows.core import asl_flow
from workflows.core.asl_flow import Variables
from workflows.core.machine import Machine
from workflows.model import FINISHED, INLINE_BYTES, ROOT, At, Status
from workflows.numbers import dumps, loads

AT_X = "An error occurred while executing the state 'X' (entered at the event id #2). "
ALL = {"ErrorEquals": ["States.ALL"]}
RUNTIME = "States.Runtime"


def parallel(*branches: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"Type": "Parallel", "Branches": list(branches), **fields}


def mapped(processor: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"Type": "Map", "ItemProcessor": processor, **fields}


def same(name: str = "Item", **fields: Any) -> dict[str, Any]:
    return machine(**{name: {"Type": "Pass", **fields}})


def calling(name: str = "Item", **fields: Any) -> dict[str, Any]:
    return machine(**{name: {"Type": "Task", "Resource": "f", **fields}})


def children(world: Any) -> Iterator[str]:
    return (path for path in sorted(world.frames) if path != ROOT)


# ------------------------------------------------------------------------------------------------------------- Parallel


def test_branches_give_an_array_in_their_order() -> None:
    world = one(parallel(machine(A={"Type": "Wait", "Seconds": 5}), same("B", Result=2), machine(C={"Type": "Succeed"})), {"n": 1})
    assert world.output() == [{"n": 1}, 2, {"n": 1}]
    assert list(world.frames) == [ROOT]


def test_the_history_of_a_parallel() -> None:
    world = one(parallel(same("A"), same("B")))
    entries = {entry.id: entry for entry in world.history}
    assert entries[3].type == "ParallelStateStarted"
    firsts = [entry for entry in world.history if entry.type == "PassStateEntered"]
    assert [entry.previous for entry in firsts] == [3, 3]
    succeeded, left, ended = world.history[-3:]
    assert [entry.type for entry in (succeeded, left, ended)] == ["ParallelStateSucceeded", "ParallelStateExited", "ExecutionSucceeded"]
    assert succeeded.previous == left.previous == max(entry.id for entry in world.history if entry.type == "PassStateExited")
    assert ended.previous == left.id


def test_a_parallels_fields() -> None:
    state = parallel(
        *(same("A"), same("B")),
        InputPath="$.in",
        Parameters={"p.$": "$.n"},
        ResultSelector={"both.$": "$[*].p"},
        ResultPath="$.out",
        OutputPath="$.out",
        Assign={"v.$": "$.both[0]"},
        Next="Y",
    )
    states = machine(X=state, Y={"Type": "Pass", "Parameters": {"out.$": "$", "v.$": "$v"}})
    assert play(states, {"in": {"n": 7}}).output() == {"out": {"both": [7, 7]}, "v": 7}


def failing_beside(state: dict[str, Any]) -> dict[str, Any]:
    return parallel(machine(A=state), machine(B={"Type": "Fail", "Error": "E", "Cause": "C"}))


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ({"Type": "Wait", "Seconds": 60}, ["WaitStateAborted"]),
        ({"Type": "Task", "Resource": "f"}, ["TaskStateAborted"]),
        (parallel(machine(C={"Type": "Wait", "Seconds": 60})), ["WaitStateAborted", "ParallelStateAborted"]),
        (
            mapped(machine(C={"Type": "Wait", "Seconds": 60}), ItemsPath="$.l"),
            ["WaitStateAborted", "MapIterationAborted", "MapStateAborted"],
        ),
        ({"Type": "Pass"}, []),
    ],
)
def test_a_branch_that_fails_ends_the_others(state: dict[str, Any], told: list[str]) -> None:
    world = one(failing_beside(state), {"l": [1]})
    assert failure(world) == ("E", "C")
    assert world.error().task == "B"
    types = [kind for kind in world.types() if kind.endswith("Aborted")]
    assert types == told
    failed, ended = world.history[-2:]
    assert [failed.type, ended.type] == ["ParallelStateFailed", "ExecutionFailed"]
    assert next(entry for entry in world.history if entry.id == failed.previous).type == "FailStateEntered"
    assert ended.previous == failed.id
    assert {frame.status for frame in world.frames.values()} <= FINISHED  # kept for a redrive


def test_a_parallel_that_fails_is_retried_and_caught_as_a_whole() -> None:
    retry, catch = [ALL | {"MaxAttempts": 1}], [ALL | {"Next": "Y", "ResultPath": "$.why"}]
    states = machine(X=failing_beside({"Type": "Wait", "Seconds": 60}) | {"Retry": retry, "Catch": catch}, Y={"Type": "Pass"})
    world = play(states, {"n": 1})
    assert world.output() == {"n": 1, "why": {"Error": "E", "Cause": "C"}}
    assert world.types().count("ParallelStateStarted") == 2
    assert world.types().count("ParallelStateFailed") == 1


def test_a_report_from_a_branch_of_an_earlier_round_is_late() -> None:
    retry = [ALL | {"MaxAttempts": 1}]
    world = world_of(machine(X=parallel(calling("A"), calling("B"), Retry=retry)))
    a, b = children(world)
    old = world.at(a).visit
    world.take(a)
    world.fail(b)
    world.fire()
    assert a not in world.frames
    assert old not in [world.at(path).visit for path in children(world)]
    go(world, f=lambda _: 1)
    assert world.output() == [1, 1]


# ------------------------------------------------------------------------------------------------------------------ Map


@pytest.mark.parametrize("field", ["ItemProcessor", "Iterator"])
def test_a_map_gives_an_array_in_the_order_of_its_items(field: str) -> None:
    state = {"Type": "Map", field: calling(), "ItemsPath": "$.l"}
    assert one(state, {"l": [3, 1, 2]}, f=lambda n: n * 2).output() == [6, 2, 4]


@pytest.mark.parametrize("field", ["ItemSelector", "Parameters"])
def test_the_item_selector(field: str) -> None:
    selector = {"i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value", "all.$": "$.l", "k": 1}
    output = one(mapped(same(), ItemsPath="$.l") | {field: selector}, {"l": ["a", "b"]}).output()
    assert output == [{"i": index, "v": value, "all": ["a", "b"], "k": 1} for index, value in enumerate("ab")]


def test_the_item_is_there_all_the_way_down() -> None:
    inner = machine(P=parallel(same("A", Parameters={"i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value"})))
    assert one(mapped(inner), ["a", "b"]).output() == [[{"i": 0, "v": "a"}], [{"i": 1, "v": "b"}]]


def test_an_empty_array() -> None:
    world = one(mapped(same()), [])
    assert world.output() == []
    assert [entry.type for entry in world.history][2:5] == ["MapStateStarted", "MapStateSucceeded", "MapStateExited"]
    assert details(world, "MapStateStarted") == [{"length": 0}]


@pytest.mark.parametrize(
    ("fields", "text"),
    [({}, "$"), ({"ItemsPath": "$.l"}, "$.l"), ({"ItemsPath": "$$.Execution.Input"}, "$.Execution.Input")],
)
def test_items_that_are_no_array(fields: dict[str, Any], text: str) -> None:
    world = one(mapped(same(), **fields), {"l": 1})
    assert failure(world) == (RUNTIME, f'{AT_X}Reference path "{text}" must point to array.')
    assert world.types() == ["ExecutionStarted", "MapStateEntered", "ExecutionFailed"]


@pytest.mark.parametrize(
    ("fields", "data", "most"),
    [
        ({}, {}, 40),
        ({"MaxConcurrency": 0}, {}, 40),
        ({"MaxConcurrency": 3}, {}, 3),
        ({"MaxConcurrency": 100}, {}, 40),
        ({"MaxConcurrencyPath": "$.m"}, {"m": 2}, 2),
        ({"MaxConcurrencyPath": "$.m"}, {"m": "2"}, 2),
    ],
)
def test_how_many_run_at_once(fields: dict[str, Any], data: dict[str, Any], most: int) -> None:
    world = world_of(machine(X=mapped(calling(), ItemsPath="$.l", **fields)), {"l": list(range(50)), **data})
    seen = 0
    while world.waits():
        assert len(world.waits()) <= most
        seen = max(seen, len(world.waits()))
        world.succeed(next(iter(world.waits())))
    assert (seen, world.status()) == (most, Status.COMPLETED)


@pytest.mark.parametrize(
    ("fields", "cause"),
    [
        ({"MaxConcurrencyPath": "$.x"}, "Expected non-negative integer for MaxConcurrency, got '{}' instead."),
        ({"ToleratedFailureCountPath": "$.x"}, "Expected non-negative integer for ToleratedFailureCount, got '{}' instead."),
        ({"ToleratedFailurePercentagePath": "$.x"}, "ToleratedFailurePercentage must be between 0 and 100."),
    ],
)
@pytest.mark.parametrize("value", [-1, True, "x"])
def test_limits_that_are_no_numbers(fields: dict[str, Any], cause: str, value: Any) -> None:
    world = one(mapped(same(), ItemsPath="$.l", **fields), {"l": [1], "x": value})
    shown = value if isinstance(value, str) else dumps(value)
    assert failure(world) == (RUNTIME, AT_X + cause.format(shown))
    assert world.types() == ["ExecutionStarted", "MapStateEntered", "MapStateStarted", "ExecutionFailed"]


def test_an_iteration_that_fails_fails_the_map() -> None:
    world = one(mapped(calling(), MaxConcurrency=1), [1, 2, 3], f=raising(1, Boom("E")))
    assert failure(world)[0] == "E"
    assert world.types()[-3:] == ["MapIterationFailed", "MapStateFailed", "ExecutionFailed"]
    iteration, failed, ended = world.history[-3:]
    assert iteration.previous == failed.previous != ended.previous == failed.id
    assert iteration.details == {"name": "X", "index": 1}


@pytest.mark.parametrize(
    ("fields", "failures", "succeeds"),
    [
        ({"ToleratedFailureCount": 1}, 1, True),
        ({"ToleratedFailureCount": 1}, 2, False),
        ({"ToleratedFailureCount": 0}, 1, False),
        ({"ToleratedFailureCountPath": "$.t"}, 2, True),
        ({"ToleratedFailurePercentage": 50}, 2, True),
        ({"ToleratedFailurePercentage": 49.9}, 2, False),
        ({"ToleratedFailurePercentagePath": "$.p"}, 4, True),
        ({"ToleratedFailureCount": 3, "ToleratedFailurePercentage": 25}, 2, False),
    ],
)
def test_failures_that_are_tolerated(fields: dict[str, Any], failures: int, succeeds: bool) -> None:
    data = {"l": [1, 2, 3, 4], "t": 2, "p": 100}
    world = one(mapped(calling(), ItemsPath="$.l", MaxConcurrency=1, **fields), data, f=raising(*[Boom("E")] * failures, 1))
    if succeeds:
        assert [isinstance(item, dict) and item["Error"] == "E" for item in world.output()] == [True] * failures + [False] * (4 - failures)
        return
    assert failure(world) == ("States.ExceedToleratedFailureThreshold", "The specified tolerated failure threshold was exceeded")


@pytest.mark.parametrize(("failures", "succeeds"), [(69, True), (70, False)])
def test_a_tolerated_share_is_not_rounded(failures: int, succeeds: bool) -> None:
    share = {"ToleratedFailurePercentage": 18.4}
    fails = {"Type": "Choice", "Choices": [{"Variable": "$", "NumericLessThan": failures, "Next": "F"}], "Default": "S"}
    state = mapped(machine(C=fails, F={"Type": "Fail"}, S={"Type": "Succeed"}), ResultPath=None, **share)
    assert (one(state, list(range(375))).status() is Status.COMPLETED) is succeeds


def test_an_item_selector_that_fails_for_a_later_item() -> None:
    state = mapped(calling(), MaxConcurrency=1, ItemSelector={"v.$": "$$.Map.Item.Value.v"})
    world = one(state, [{"v": 1}, {}], f=lambda data: data)
    assert failure(world)[0] == RUNTIME
    assert failure(world)[1].startswith(AT_X)
    assert {frame.status for frame in world.frames.values()} <= FINISHED  # kept for a redrive


def test_an_item_selector_that_fails_beside_iterations_that_run() -> None:
    state = mapped(calling(), ItemSelector={"v.$": "$$.Map.Item.Value.v"})
    world = one(state, [{"v": 1}, {}])
    assert [kind for kind in world.types() if kind.endswith("Aborted")] == ["MapIterationAborted"]
    assert {frame.status for frame in world.frames.values()} <= FINISHED  # kept for a redrive


def test_a_map_in_a_map() -> None:
    assert one(mapped(machine(Inner=mapped(calling()))), [[1, 2], [3]], f=lambda n: -n).output() == [[-1, -2], [-3]]


# ------------------------------------------------------------------------------------------------------------ variables


def test_a_scope_sees_the_variables_around_it_and_keeps_its_own() -> None:
    inner = machine(
        A={"Type": "Pass", "Assign": {"mine.$": "$"}, "Next": "B"},
        B={"Type": "Pass", "Parameters": {"sum.$": "States.MathAdd($mine, $base)"}, "ResultPath": "$"},
    )
    states = machine(
        S={"Type": "Pass", "Assign": {"base.$": "$.base"}, "Next": "X"},
        X=mapped(inner, ItemsPath="$.l", Next="After"),
        After={"Type": "Choice", "Choices": [{"Variable": "$mine", "IsPresent": True, "Next": "Bad"}], "Default": "Good"},
        Bad={"Type": "Fail"},
        Good={"Type": "Succeed"},
    )
    assert play(states, {"base": 10, "l": [1, 2]}).output() == [{"sum": 11}, {"sum": 12}]


def test_all_of_an_assign_sees_the_values_before_it() -> None:
    states = machine(
        A={"Type": "Pass", "Assign": {"a": 1, "b": 2}, "Next": "B"},
        B={"Type": "Pass", "Assign": {"a.$": "$b", "b.$": "$a"}, "Next": "C"},
        C={"Type": "Pass", "Parameters": {"a.$": "$a", "b.$": "$b"}},
    )
    world = play(states)
    assert world.output() == {"a": 2, "b": 1}
    assert [one.get("assignedVariables") for one in details(world, "PassStateExited")] == [{"a": "1", "b": "2"}, {"a": "2", "b": "1"}, None]


def test_a_variable_without_a_value() -> None:
    error, cause = failure(one({"Type": "Pass", "Parameters": {"a.$": "$none"}}))
    assert error == RUNTIME
    assert "$none" in cause


def test_the_variables_in_sight() -> None:
    states = machine(A={"Type": "Pass", "Assign": {"a": 1}, "Next": "X"}, X=mapped(calling("I", Assign={"b": 2})))
    world = world_of(states, [1])
    (inner,) = children(world)
    seen = Variables(cast("Machine", world), world.at(inner))
    assert (list(seen), len(seen), seen["a"]) == (["a"], 1, 1)


def test_an_assign_that_is_too_long() -> None:
    text = "x" * 150_000
    world = one({"Type": "Pass", "Parameters": {}, "Assign": {"a.$": "$$.Execution.Input", "b.$": "$$.Execution.Input"}}, text)
    assert failure(world)[0] == "States.DataLimitExceeded"


def test_long_variables_are_payloads_of_their_own() -> None:
    text = "x" * 5_000
    states = machine(A={"Type": "Pass", "Assign": {"v.$": "$"}, "Next": "B"}, B={"Type": "Wait", "Seconds": 5})
    world = world_of(states, text)
    assert isinstance(world.at().variables["v"], int)


def test_the_context_object() -> None:
    world = one({"Type": "Pass", "Parameters": {"c.$": "$$"}}, {"n": 1})
    arn = "arn:aws:states:us-east-1:000000000000"
    assert world.output() == {
        "c": {
            "Execution": {
                "Id": f"{arn}:execution:machine:x-1",
                "Input": {"n": 1},
                "StartTime": "1970-01-01T00:16:40.000Z",
                "Name": "x-1",
                "RoleArn": "arn:aws:iam::000000000000:role/stepwell",
                "RedriveCount": 0,
            },
            "StateMachine": {"Id": f"{arn}:stateMachine:machine", "Name": "machine"},
            "State": {"Name": "X", "EnteredTime": "1970-01-01T00:16:40.000Z"},
        }
    }


# ----------------------------------------------------------------------------------------------------------------- cost


def test_a_chain_of_a_thousand_puts_its_frame_once_per_step() -> None:
    states = {f"s{n}": {"Type": "Pass", "Next": f"s{n + 1}"} for n in range(999)}
    world = play(machine(**states, s999={"Type": "Pass"}), {"n": 1})
    assert len(world.history) == 2_002
    assert world.cost["puts"] <= 10


def test_a_parallel_of_a_hundred() -> None:
    world = one(parallel(*(calling(f"t{n}") for n in range(100))), {}, f=lambda _: 1)
    assert world.output() == [1] * 100
    assert world.cost["puts"] <= 10 * 100


@pytest.mark.parametrize("size", [1_000, 10_000])
def test_the_cost_of_a_map_grows_with_its_items(size: int) -> None:
    world = one(mapped(calling()), list(range(size)), f=lambda n: n)
    assert world.output() == list(range(size))
    assert world.cost["puts"] <= 8 * size
    assert sum(isinstance(ref, int) for ref in (world.head().input,)) + len(world.payloads) <= 8


def test_what_all_iterations_look_into_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    long: list[int] = []

    def counted(text: str) -> Any:
        if len(text) > INLINE_BYTES:
            long.append(len(text))
        return loads(text)

    monkeypatch.setattr(asl_flow, "loads", counted)
    asl_flow._remembered.cache_clear()
    template = {"item.$": "$$.Map.Item.Value", "all.$": "States.ArrayLength($)", "given.$": "$$.Execution.Input[0]", "var.$": "$v[0]"}
    items = [f"item {n}" for n in range(400)]
    start = {"Type": "Pass", "Assign": {"v.$": "$"}, "Next": "X"}
    world = play(machine(S=start, X=mapped(calling(Parameters={"of.$": "$$.Map.Item.Value"}), ItemSelector=template)), items, f=lambda _: 1)
    assert world.output() == [1] * 400
    assert len(long) <= 4


def test_a_map_of_quick_states_takes_turns() -> None:
    world = world_of(machine(X=mapped(same())), list(range(1_000)))
    assert world.status() is Status.RUNNING
    assert any(frame.status is At.PARKED for frame in world.frames.values())
    go(world)
    assert world.output() == list(range(1_000))
