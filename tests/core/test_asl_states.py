"""States that do their work at once: Pass, Choice, Wait, Succeed, Fail (ASL.md sections B, D, E, F), and the data's way (J)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.machines import failure, machine, one, play, world_of
from workflows.model import Status

RUNTIME = "States.Runtime"
AT_X = "An error occurred while executing the state 'X' (entered at the event id #2). "
BIG = "x" * 262_142


@pytest.mark.parametrize(
    ("fields", "data", "output"),
    [
        ({}, {"a": 1}, {"a": 1}),
        ({"Result": {"b.$": "$.a"}}, {"a": 1}, {"b.$": "$.a"}),
        ({"Result": None}, {"a": 1}, None),
        ({"Result": 2, "ResultPath": "$.b.c"}, {"a": 1}, {"a": 1, "b": {"c": 2}}),
        ({"Result": 2, "ResultPath": None}, {"a": 1}, {"a": 1}),
        ({"Result": 2, "ResultPath": "$"}, {"a": 1}, 2),
        ({"Parameters": {"b.$": "$.a", "c": 3}}, {"a": 1}, {"b": 1, "c": 3}),
        ({"Parameters": {"b.$": "$.a"}, "ResultPath": "$.a"}, {"a": 1}, {"a": {"b": 1}}),
        ({"InputPath": "$.a"}, {"a": [1]}, [1]),
        ({"InputPath": None}, {"a": 1}, {}),
        ({"InputPath": "$.a", "ResultPath": "$.b"}, {"a": 1}, {"a": 1, "b": 1}),
        ({"OutputPath": "$.a"}, {"a": 1}, 1),
        ({"OutputPath": None}, {"a": 1}, {}),
        ({"InputPath": "$.a", "Parameters": {"c.$": "$"}, "ResultPath": "$.r", "OutputPath": "$.r.c"}, {"a": 1}, 1),
        ({"Parameters": {"all.$": "$.l[*].n"}}, {"l": [{"n": 1}, {"n": 2}]}, {"all": [1, 2]}),
    ],
)
def test_pass_and_the_order_of_its_fields(fields: dict[str, Any], data: Any, output: Any) -> None:
    assert one({"Type": "Pass", **fields}, data).output() == output


def test_what_nothing_changes_is_the_text_that_came_in() -> None:
    world = play(machine(A={"Type": "Pass", "Next": "B"}, B={"Type": "Succeed"}), {"a": 1})
    assert world.head().output == world.head().input


@pytest.mark.parametrize(
    ("state", "data", "error", "cause"),
    [
        ({"Type": "Pass", "InputPath": "$.no"}, {}, RUNTIME, f"{AT_X}Invalid path '$.no' : No results for path: $['no']"),
        ({"Type": "Succeed", "OutputPath": "$.a.b"}, {}, RUNTIME, f"{AT_X}Invalid path '$.a.b' : Missing property in path $['a']"),
        (
            {"Type": "Pass", "Parameters": {"a.$": "$.no"}},
            {"b": 1},
            RUNTIME,
            f"{AT_X}The JSONPath '$.no' specified for the field 'a.$' could not be found in the input '{{\"b\":1}}'",
        ),
        (
            {"Type": "Pass", "Result": 1, "ResultPath": "$.a.b"},
            {"a": 5},
            "States.ResultPathMatchFailure",
            f'{AT_X}Unable to apply step "b" to input {{"a":5}}',
        ),
        (
            {"Type": "Pass", "Parameters": {"a.$": "States.ArrayGetItem($.l, 5)"}},
            {"l": []},
            "States.IntrinsicFailure",
            None,
        ),
        (
            {"Type": "Pass", "Parameters": {"a.$": "$.t", "b.$": "$.t"}},
            {"t": BIG[:200_000]},
            "States.DataLimitExceeded",
            "The state/task 'X' returned a result with a size exceeding the maximum number of bytes service limit.",
        ),
    ],
)
def test_what_expressions_find_wrong_fails_the_execution(state: dict[str, Any], data: Any, error: str, cause: str | None) -> None:
    world = one(state, data)
    assert world.status() is Status.FAILED
    found = failure(world)
    assert found[0] == error
    assert cause is None or found[1] == cause
    assert world.error().task == "X"
    assert world.types()[-1] == "ExecutionFailed"


def test_a_payload_may_be_as_long_as_the_limit() -> None:
    assert one({"Type": "Pass", "Parameters": {"a.$": "$.t"}}, {"t": BIG[:262_136]}).status() is Status.COMPLETED
    assert one({"Type": "Pass", "Parameters": {"a.$": "$.t"}}, {"t": BIG[:262_137]}).status() is Status.FAILED


@pytest.mark.parametrize(("last", "status"), [("v0", Status.COMPLETED), ("v41", Status.FAILED)])
def test_all_variables_together_have_a_limit(last: str, status: Status) -> None:
    names = [*(f"v{n}" for n in range(41)), last]
    states = {f"S{n}": {"Type": "Pass", "Assign": {f"{name}.$": "$"}, "Next": f"S{n + 1}"} for n, name in enumerate(names)}
    world = play(machine(**states, **{f"S{len(names)}": {"Type": "Succeed"}}), BIG[:250_000])
    assert world.status() is status
    if status is Status.FAILED:
        assert failure(world) == ("States.DataLimitExceeded", "The variables of an execution have at most 10,485,760 bytes together.")


# --------------------------------------------------------------------------------------------------------------- Choice

CHOICES = machine(
    X={
        "Type": "Choice",
        "Choices": [
            {"Variable": "$.n", "NumericGreaterThan": 10, "Assign": {"size": "big"}, "Next": "Big"},
            {"And": [{"Variable": "$.n", "NumericGreaterThan": 5}, {"Not": {"Variable": "$.odd", "IsPresent": True}}], "Next": "Middle"},
        ],
        "Default": "Small",
        "Assign": {"size": "small"},
        "OutputPath": "$.n",
    },
    Big={"Type": "Pass", "Parameters": {"went.$": "$size"}},
    Middle={"Type": "Pass", "Parameters": {"went.$": "$"}},
    Small={"Type": "Pass", "Parameters": {"went.$": "$size"}},
)


@pytest.mark.parametrize(
    ("data", "went"),
    [({"n": 11}, "big"), ({"n": 7}, 7), ({"n": 7, "odd": 1}, "small"), ({"n": 1}, "small"), ({"n": "7"}, "small")],
)
def test_the_first_rule_that_matches_decides(data: Any, went: Any) -> None:
    assert play(CHOICES, data).output() == {"went": went}


def test_the_variables_a_rule_assigns_stand_in_the_exit() -> None:
    exits = [entry.details for entry in play(CHOICES, {"n": 7}).history if entry.type == "ChoiceStateExited"]
    assert "assignedVariables" not in exits[0]


def test_no_choice_matched() -> None:
    rule = {"Variable": "$.n", "NumericEquals": 1, "Next": "X"}
    world = one({"Type": "Choice", "Choices": [rule]}, {"n": 2})
    cause = f"{AT_X}Failed to transition out of the state. The state does not point to a next state."
    assert failure(world) == ("States.NoChoiceMatched", cause)
    assert world.types() == ["ExecutionStarted", "ChoiceStateEntered", "ExecutionFailed"]


def test_a_variable_that_leads_nowhere() -> None:
    world = one({"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericEquals": 1, "Next": "X"}]}, {})
    path = "Invalid path '$.n': The choice state's condition path references an invalid value."
    assert failure(world) == (RUNTIME, f"{AT_X}{path}")


# ----------------------------------------------------------------------------------------------------------------- Wait


@pytest.mark.parametrize(
    ("fields", "data", "seconds"),
    [
        ({"Seconds": 5}, {}, 5.0),
        ({"Seconds": 0}, {}, 0.0),
        ({"SecondsPath": "$.s"}, {"s": 7}, 7.0),
        ({"SecondsPath": "$.s"}, {"s": 0}, 0.0),
        ({"Timestamp": "1970-01-01T00:20:00Z"}, {}, 200.0),
        ({"Timestamp": "1970-01-01T00:00:00Z"}, {}, 0.0),
        ({"TimestampPath": "$.t"}, {"t": "1970-01-01T02:20:00.5+02:00"}, 200.5),
        ({"TimestampPath": "$.t"}, {"t": "1999-01-01T00:00:00Z"}, None),
    ],
)
def test_wait(fields: dict[str, Any], data: Any, seconds: float | None) -> None:
    world = world_of(machine(X={"Type": "Wait", **fields}), data)
    if seconds == 0.0:
        assert world.status() is Status.COMPLETED
        return
    assert world.status() is Status.RUNNING
    (until,) = world.timers().values()
    assert seconds is None or until == 1_000.0 + seconds
    world.fire()
    assert (world.status(), world.output()) == (Status.COMPLETED, data)
    assert world.types() == ["ExecutionStarted", "WaitStateEntered", "WaitStateExited", "ExecutionSucceeded"]


@pytest.mark.parametrize(
    ("fields", "data", "cause"),
    [
        ({"SecondsPath": "$.s"}, {"s": -1}, "The SecondsPath parameter references a negative value: $.s == -1"),
        ({"SecondsPath": "$.s"}, {"s": 1.5}, "The SecondsPath parameter cannot be parsed as a long value: $.s == 1.5"),
        ({"SecondsPath": "$.s"}, {"s": "x"}, "The SecondsPath parameter cannot be parsed as a long value: $.s == x"),
        ({"SecondsPath": "$.s"}, {"s": True}, "The SecondsPath parameter cannot be parsed as a long value: $.s == true"),
        ({"SecondsPath": "$.s"}, {"s": 10**30}, "Wait state delay is too long"),
        ({"TimestampPath": "$.t"}, {"t": "9999-01-01T00:00:00Z"}, "Wait state delay is too long"),
        (
            {"TimestampPath": "$.t"},
            {"t": 5},
            "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: $.t == 5",
        ),
    ],
)
def test_waits_that_cannot_be(fields: dict[str, Any], data: Any, cause: str) -> None:
    assert failure(one({"Type": "Wait", **fields}, data)) == (RUNTIME, AT_X + cause)


def test_an_output_path_that_fails_after_the_wait() -> None:
    world = world_of(machine(X={"Type": "Wait", "Seconds": 5, "OutputPath": "$.no"}))
    world.fire()
    assert failure(world) == (RUNTIME, f"{AT_X}Invalid path '$.no' : No results for path: $['no']")


def test_wait_assigns() -> None:
    states = machine(X={"Type": "Wait", "Seconds": 1, "Assign": {"v.$": "$.n"}, "Next": "Y"}, Y={"Type": "Pass", "InputPath": "$v"})
    assert play(states, {"n": 3}).output() == 3


# -------------------------------------------------------------------------------------------------------- Succeed, Fail


def test_succeed() -> None:
    world = one({"Type": "Succeed", "InputPath": "$.a", "OutputPath": "$.b"}, {"a": {"b": 1}})
    assert world.output() == 1
    assert world.types() == ["ExecutionStarted", "SucceedStateEntered", "SucceedStateExited", "ExecutionSucceeded"]


@pytest.mark.parametrize(
    ("fields", "data", "error", "cause"),
    [
        ({}, {}, "", ""),
        ({"Error": "E", "Cause": "C"}, {}, "E", "C"),
        ({"Cause": "C"}, {}, "", "C"),
        ({"ErrorPath": "$.e", "CausePath": "States.Format('{}!', $.c)"}, {"e": "E", "c": "C"}, "E", "C!"),
        ({"ErrorPath": "$.e"}, {"e": 5}, RUNTIME, f"{AT_X}The ErrorPath parameter must reference a string, but was: 5"),
    ],
)
def test_fail(fields: dict[str, Any], data: Any, error: str, cause: str) -> None:
    world = one({"Type": "Fail", **fields}, data)
    assert failure(world) == (error, cause)
    assert world.types() == ["ExecutionStarted", "FailStateEntered", "ExecutionFailed"]


def test_the_execution_time_out() -> None:
    world = world_of({**machine(X={"Type": "Wait", "Seconds": 60}), "TimeoutSeconds": 5})
    world.fire()
    assert (world.status(), world.error().type, world.types()[-1]) == (Status.FAILED, "States.Timeout", "ExecutionTimedOut")


def test_an_execution_runs_from_its_start_unless_its_definition_limits_how_many_may() -> None:
    document = machine(X={"Type": "Task", "Resource": "f"})
    assert world_of(document).status() is Status.RUNNING
    assert world_of(document, maxActiveRuns=1).status() is Status.QUEUED
