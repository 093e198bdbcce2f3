"""References to secrets in definitions: where they may stand, and what is said of those that cannot be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from workflows.errors import Invalid, Problem
from workflows.language import read_definition
from workflows.model import Definition, TaskList
from workflows.states import StateMachine, Task

ONE = {"$secret": "TOKEN"}


def read(document: Any, known: tuple[str, ...] = ("TOKEN",)) -> Definition:
    return read_definition(json.dumps(document), functions=None, secrets=known.__contains__)


def refused(document: Any) -> list[Problem]:
    with pytest.raises(Invalid) as caught:
        read(document)
    return list(caught.value.problems)


def job(parameters: Any, **more: Any) -> dict[str, Any]:
    return {"id": "job", "tasks": [{"id": "a", "functionName": "echo", "parameters": parameters}], **more}


def machine(state: dict[str, Any]) -> dict[str, Any]:
    return {"id": "machine", "StartAt": "A", "States": {"A": {**state, "End": True}}}


def places(definition: Definition) -> dict[str, str]:
    if isinstance(definition, TaskList):
        return dict(definition.tasks["a"].spec.secrets)
    assert isinstance(definition, StateMachine)
    state = definition.states["A"]
    assert isinstance(state, Task)
    return dict(state.secrets)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        (ONE, {"": "TOKEN"}),
        ({"a": ONE, "b.$": "$.input"}, {"/a": "TOKEN"}),
        ({"a/b": {"~": [1, ONE, {"deep": {"$secret": "_x9"}}]}}, {"/a~1b/~0/1": "TOKEN", "/a~1b/~0/2/deep": "_x9"}),
        ({"plain": "$secret", "secret": {"name": "TOKEN"}}, {}),
    ],
)
def test_a_reference_is_known_by_its_place(parameters: Any, expected: dict[str, str]) -> None:
    assert places(read(job(parameters))) == expected
    if isinstance(parameters, dict):
        assert (
            places(
                read(
                    machine({"Type": "Task", "Resource": "echo", "Parameters": json.loads(json.dumps(parameters).replace("$.input", "$"))})
                )
            )
            == expected
        )


WRONG = [
    ({"$secret": 1}, "", "is named as"),
    ({"$secret": "TOKEN", "more": 1}, "", "nothing beside it"),
    ({"$secret": ""}, "", "letters, digits"),
    ({"$secret": "../TOKEN"}, "", "letters, digits"),
    ({"$secret": "9A"}, "", "starts with no digit"),
    ({"$secret": "A" * 129}, "", "1 to 128"),
    ({"$secret": ONE}, "", "is named as"),
    ({"$secret.$": "$.input.name"}, "/$secret.$", "written out"),
]


@pytest.mark.parametrize(("wrong", "place", "words"), WRONG)
def test_a_reference_that_is_none_is_refused(wrong: Any, place: str, words: str) -> None:
    [problem] = refused(job({"deep": [wrong]}))
    assert (problem.pointer, words in problem.message) == (f"/tasks/0/parameters/deep/0{place}", True)
    assert problem.line == 1
    [problem] = refused(machine({"Type": "Task", "Resource": "echo", "Parameters": {"deep": [wrong]}}))
    assert (problem.pointer, words in problem.message) == (f"/States/A/Parameters/deep/0{place}", True)


def test_an_output_holds_none() -> None:
    [problem] = refused(job({}, output={"a": [ONE]}))
    assert (problem.pointer, "an output holds no secrets" in problem.message) == ("/output/a/0", True)


def test_one_that_is_not_there_now_is_a_warning() -> None:
    inner = machine({"Type": "Task", "Resource": "echo", "Parameters": {"a": {"$secret": "OTHER"}}})
    around = {"id": "around", "definition": {key: value for key, value in inner.items() if key != "id"}}
    for document, pointer in (
        (job({"a": {"$secret": "OTHER"}}), "/tasks/0/parameters/a"),
        (inner, "/States/A/Parameters/a"),
        (around, "/definition/States/A/Parameters/a"),
    ):
        [warning] = read(document).warnings
        assert (warning.pointer, warning.severity, "'OTHER'" in warning.message) == (pointer, "warning", True)
        assert read(document, ("OTHER",)).warnings == ()


def test_what_lambda_invoke_hands_on_is_its_payload() -> None:
    state = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "f", "Payload": {"a": [ONE]}}}
    assert places(read(machine(state))) == {"/a/0": "TOKEN"}
    whole = {**state, "Parameters": {"FunctionName": "f", "Payload": ONE}}
    assert places(read(machine(whole))) == {"": "TOKEN"}
    beside = {**state, "Parameters": {"FunctionName": "f", "Payload.$": "$", "ClientContext": ONE}}
    definition = read(machine(beside))
    assert places(definition) == {}
    assert [warning.pointer for warning in definition.warnings] == ["/States/A/Parameters/ClientContext"]


@pytest.mark.parametrize(
    "state",
    [
        {"Type": "Pass", "Result": {"a": ONE}},
        {"Type": "Pass", "Parameters": {"a": ONE}},
        {"Type": "Task", "Resource": "echo", "ResultSelector": {"a": ONE}},
        {"Type": "Task", "Resource": "echo", "Assign": {"a": ONE}},
    ],
)
def test_elsewhere_in_a_state_machine_it_is_data_and_a_warning(state: dict[str, Any]) -> None:
    [warning] = read(machine(state)).warnings
    assert (warning.pointer.endswith("/a"), "no secret is put here" in warning.message) == (True, True)
