"""What people and the API see of a state machine: its history as events, its top-level states as tasks."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.machines import Boom, go, machine, play, raising, world_of
from tests.core.world import World
from workflows.runtime.history import event
from workflows.runtime.passage import seen
from workflows.runtime.records import entry_row
from workflows.runtime.task_state import TaskState
from workflows.states import StateMachine

ALL = {"ErrorEquals": ["States.ALL"]}


def events(world: World) -> list[dict[str, Any]]:
    return [event(entry, world) for entry in world.history]  # type: ignore[arg-type]


def states(world: World) -> dict[str, TaskState]:
    definition = world.dialect.definition
    assert isinstance(definition, StateMachine)
    return seen(definition, [entry_row(entry) for entry in world.history], world.text)


def test_events_carry_the_member_of_their_type() -> None:
    world = play(machine(A={"Type": "Pass", "Result": 1, "Assign": {"v": "x"}}), {"n": 1})
    assert events(world) == [
        {
            "id": 1,
            "previousEventId": 0,
            "timestamp": 1_000.0,
            "type": "ExecutionStarted",
            "executionStartedEventDetails": {"input": '{"n":1}', "inputDetails": {"truncated": False}},
        },
        {
            "id": 2,
            "previousEventId": 0,
            "timestamp": 1_000.0,
            "type": "PassStateEntered",
            "stateEnteredEventDetails": {"name": "A", "input": '{"n":1}', "inputDetails": {"truncated": False}},
        },
        {
            "id": 3,
            "previousEventId": 2,
            "timestamp": 1_000.0,
            "type": "PassStateExited",
            "stateExitedEventDetails": {
                "name": "A",
                "output": "1",
                "outputDetails": {"truncated": False},
                "assignedVariables": {"v": '"x"'},
                "assignedVariablesDetails": {"truncated": False},
            },
        },
        {
            "id": 4,
            "previousEventId": 3,
            "timestamp": 1_000.0,
            "type": "ExecutionSucceeded",
            "executionSucceededEventDetails": {"output": "1", "outputDetails": {"truncated": False}},
        },
    ]


@pytest.mark.parametrize(
    ("fields", "details"),
    [
        ({}, {}),
        ({"Error": "E"}, {"error": "E"}),
        ({"Cause": "C"}, {"cause": "C"}),
        ({"Error": "E", "Cause": "C"}, {"error": "E", "cause": "C"}),
    ],
)
def test_what_a_failure_does_not_say_is_left_out(fields: dict[str, str], details: dict[str, str]) -> None:
    assert events(play(machine(A={"Type": "Fail", **fields})))[-1]["executionFailedEventDetails"] == details


def test_a_time_out_of_the_execution_says_nothing_more() -> None:
    world = world_of({**machine(A={"Type": "Wait", "Seconds": 60}), "TimeoutSeconds": 5})
    world.fire()
    assert events(world)[-1]["executionTimedOutEventDetails"] == {}


def test_some_types_have_no_details() -> None:
    branch = machine(B={"Type": "Pass"})
    found = events(play(machine(A={"Type": "Parallel", "Branches": [branch]})))
    bare = [one["type"] for one in found if set(one) == {"id", "previousEventId", "timestamp", "type"}]
    assert bare == ["ParallelStateStarted", "ParallelStateSucceeded"]


# ---------------------------------------------------------------------------------------------------- states as tasks


def test_states_come_in_the_order_of_their_first_entry_and_show_their_last() -> None:
    rule = {"Variable": "$.n", "NumericEquals": 2, "Next": "Done"}
    document = machine(
        Done={"Type": "Succeed"},
        Add={"Type": "Pass", "Parameters": {"n.$": "States.MathAdd($.n, 1)"}, "Next": "Look"},
        Look={"Type": "Choice", "Choices": [rule], "Default": "Add"},
    )
    found = states(play({**document, "StartAt": "Add"}, {"n": 0}))
    assert [(one.id, one.status, one.result) for one in found.values()] == [
        *(("Add", "COMPLETED", '{"n":2}'), ("Look", "COMPLETED", '{"n":2}'), ("Done", "COMPLETED", '{"n":2}')),
    ]


def test_attempts_and_the_latest_error() -> None:
    document = machine(A={"Type": "Task", "Resource": "f", "Retry": [ALL]}, B={"Type": "Pass"})
    world = world_of(document)
    world.fail()
    (failed,) = states(world).values()
    assert (failed.function, failed.status, failed.attempts) == ("f", "RUNNING", 1)
    assert failed.error is not None
    assert (failed.error.type, failed.error.task) == ("Boom", "A")
    go(world, f=lambda _: 1)
    (done,) = states(world).values()
    assert (done.status, done.attempts, done.error, done.result) == ("COMPLETED", 2, None, "1")


def test_states_within_states_are_not_shown() -> None:
    inner = {"Type": "Map", "ItemProcessor": machine(Inner={"Type": "Task", "Resource": "f"}), "Catch": [ALL | {"Next": "B"}]}
    found = states(play(machine(A=inner, B={"Type": "Pass"}), [1, 2], f=raising(Boom())))
    assert [(one.id, one.status, one.attempts) for one in found.values()] == [("A", "FAILED", 0), ("B", "COMPLETED", 0)]
