"""Expressions in task lists: conditions, intrinsics and paths over what a job knows, and what becomes of a task whose expression fails."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.core.world import World
from workflows.core.dag import Dag
from workflows.language import read_definition
from workflows.model import At, Status, TaskList
from workflows.numbers import loads


def world(*tasks: dict[str, Any], data: Any = None, **job: Any) -> World:
    document = {"id": "j", "tasks": [{"functionName": "f", **task} for task in tasks], **job}
    definition = read_definition(json.dumps(document), functions=None)
    assert isinstance(definition, TaskList)
    made = World(Dag(definition))
    made.start({} if data is None else data)
    made.check()
    return made


def parameters(made: World, task: str) -> Any:
    return json.loads(made.text(made.at(f"/{task}").input))


def test_parameters_hold_intrinsics_filters_and_wildcards() -> None:
    made = world(
        {"id": "a"},
        {
            "id": "b",
            "parameters": {
                "text.$": "States.Format('{} of {}', $.results.a.items[0].id, $$.StateMachine.Id)",
                "ids.$": "$.results.a.items[*].id",
                "dear.$": "$.results.a.items[?(@.price > $.input.limit)].id",
                "count.$": "$.results.a.items.length()",
                "prices.$": "$..price",
            },
        },
        data={"limit": 5},
    )
    made.take("/a")
    made.succeed("/a", output={"items": [{"id": "x", "price": 1}, {"id": "y", "price": 9}]})
    assert parameters(made, "b") == {"text": "x of j", "ids": ["x", "y"], "dear": ["y"], "count": 2, "prices": [1, 9]}


def test_only_the_results_that_are_named_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    made = world({"id": "a"}, {"id": "b"}, {"id": "c", "parameters": {"x.$": "$.results.a.n", "all.$": "$.results.a[*]"}})
    made.take("/a")
    made.succeed("/a", output={"n": 1})
    made.take("/b")
    read: list[str] = []

    def reading(text: str) -> Any:
        read.append(text)
        return loads(text)

    monkeypatch.setattr("workflows.core.dag.loads", reading)
    made.succeed("/b", output={"n": 2})
    assert parameters(made, "c") == {"x": 1, "all": [1]}
    assert set(read) == {'{"n":1}'}


def test_numbers_keep_their_text() -> None:
    made = world({"id": "a", "parameters": {"n.$": "$.input.n"}}, data=loads('{"n":[1.10,1e2,12345678901234567890123]}'))
    assert made.text(made.at("/a").input) == '{"n":[1.10,1e2,12345678901234567890123]}'


def test_randomness_comes_from_the_event() -> None:
    first, second = (parameters(world({"id": "a", "parameters": {"id.$": "States.UUID()"}}), "a") for _ in range(2))
    assert first == second
    assert len(first["id"]) == 36


def test_a_condition_that_holds() -> None:
    made = world({"id": "a", "when": {"Variable": "$.input.go", "BooleanEquals": True}}, data={"go": True})
    assert made.at("/a").status is At.READY


def test_a_condition_that_does_not_hold_skips_the_task() -> None:
    when = {"Variable": "$.input.go", "BooleanEquals": True}
    made = world({"id": "a", "when": when}, {"id": "b", "triggerRule": "allDone"}, {"id": "c"}, data={"go": False})
    frame = made.at("/a")
    assert frame.status is At.SKIPPED
    assert frame.reason == 'its condition does not hold: {"Variable":"$.input.go","BooleanEquals":true}'
    assert made.types() == ["ExecutionStarted", "TaskSkipped", "TaskStateEntered", "TaskScheduled"]
    made.run(output=1)
    assert made.status() is Status.COMPLETED


def test_a_condition_about_a_result() -> None:
    when = {"And": [{"Variable": "$.results.a", "IsPresent": True}, {"Variable": "$.results.a.n", "NumericGreaterThan": 1}]}
    tasks = ({"id": "a", "continueOnFailure": True}, {"id": "b", "when": when})
    for n, status in ((1, At.SKIPPED), (2, At.READY)):
        made = world(*tasks)
        made.take("/a")
        made.succeed("/a", output={"n": n})
        assert made.at("/b").status is status
    made = world(*tasks)
    made.take("/a")
    made.fail("/a")
    assert made.at("/b").status is At.SKIPPED


@pytest.mark.parametrize(
    ("task", "error", "message"),
    [
        (
            {"when": {"Variable": "$.input.x", "IsNull": True}},
            "States.Runtime",
            "when: the path '$.input.x' finds nothing: there is no 'x' in an object with the members list",
        ),
        (
            {"parameters": {"x.$": "$.input.x"}},
            "States.ParameterPathFailure",
            "parameters: the path '$.input.x' finds nothing: there is no 'x' in an object with the members list",
        ),
        (
            {"parameters": {"x.$": "$.input.list[3]"}},
            "States.ParameterPathFailure",
            "parameters: the path '$.input.list[3]' finds nothing: there is no 3 in an array of 0",
        ),
        (
            {"parameters": {"x.$": "States.Array($.input.x)"}},
            "States.ParameterPathFailure",
            "parameters: The function 'States.Array($.input.x)' had the following error: "
            "the path '$.input.x' finds nothing: there is no 'x' in an object with the members list",
        ),
        (
            {"parameters": {"x.$": "States.MathAdd($.input.list, 1)"}},
            "States.IntrinsicFailure",
            "parameters: The function 'States.MathAdd($.input.list, 1)' had the following error: the first number must be a number, not []",
        ),
    ],
)
def test_an_expression_that_fails_fails_the_task_at_once(task: dict[str, Any], error: str, message: str) -> None:
    made = world({"id": "a", "maxRetry": 3, **task}, data={"list": []})
    assert made.at("/a").status is At.FAILED
    assert made.status() is Status.FAILED
    assert (made.error().type, made.error().message) == (error, message)


def test_a_result_that_is_not_there() -> None:
    made = world({"id": "a", "continueOnFailure": True}, {"id": "b", "parameters": {"x.$": "$.results.a.y"}}, output={"z.$": "$.results.a"})
    made.take("/a")
    made.fail("/a")
    assert made.error().message == "parameters: the path '$.results.a.y' finds nothing: the task 'a' has no result"


def test_the_output_sees_the_context() -> None:
    made = world({"id": "a"}, output={"job.$": "$$.StateMachine.Id", "all.$": "$.results"})
    made.run(output=1)
    assert made.output() == {"job": "j", "all": {"a": 1}}


def test_output_fails_by_its_own_name() -> None:
    made = world({"id": "a"}, output={"z.$": "$.results.a.y"})
    made.run(output={})
    assert (made.error().type, made.error().message) == (
        "States.ParameterPathFailure",
        "output: the path '$.results.a.y' finds nothing: there is no 'y' in an empty object",
    )
