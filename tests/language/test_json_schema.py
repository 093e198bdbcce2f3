"""The JSON Schema for editors: valid itself, takes whatever the readers take, refuses what is wrong with one object, explains every key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from definitions import DIRECTORY
from tests.docs.pages import DEFINITIONS
from tests.language.test_fuzz import jobs, wrong_job
from tests.language.test_states_fuzz import machines, sound
from workflows.errors import Invalid
from workflows.language import read_definition
from workflows.language.json_schema import json_schema
from workflows.language.schemas import JobShape, TaskShape
from workflows.language.scopes import KINDS

ROOT = Path(__file__).parent.parent.parent
SCHEMA = json_schema(["charge", "echo"])
VALIDATOR = Draft202012Validator(SCHEMA)
GUIDE = [block.text for block in DEFINITIONS]


def wrong(document: Any) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(document)]


def test_it_is_a_json_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


@pytest.mark.parametrize("text", [*(path.read_text() for path in sorted(DIRECTORY.glob("*.json"))), *GUIDE])
def test_the_shipped_definitions_and_those_of_the_guide_are_valid(text: str) -> None:
    assert not wrong(json.loads(text))


@settings(max_examples=150)
@given(
    jobs() | st.builds(lambda machine: {"id": "m", **machine}, sound) | st.builds(lambda machine: {"id": "m", "definition": machine}, sound)
)
def test_what_is_right_is_valid(document: dict[str, Any]) -> None:
    read_definition(json.dumps(document), functions=None)
    assert not wrong(document)


@settings(max_examples=300)
@given(wrong_job | st.builds(lambda machine: {**machine, "id": "m"}, machines))
def test_nothing_that_is_taken_is_refused(document: Any) -> None:
    try:
        read_definition(json.dumps(document), functions=None)
    except Invalid:
        return
    assert not wrong(document)


def job(**task: Any) -> dict[str, Any]:
    return {"id": "j", "tasks": [{"id": "a", "functionName": "echo", **task}]}


def machine(**state: Any) -> dict[str, Any]:
    return {"id": "m", "StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "echo", "End": True, **state}}}


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ([], "$"),
        ({}, "$"),
        ({"id": "j"}, "$"),
        ({"id": "no spaces", "tasks": job()["tasks"]}, "$.id"),
        ({"id": "j", "tasks": []}, "$.tasks"),
        ({"id": "j", "tasks": {}}, "$.tasks"),
        ({"id": "j", "tasks": {"a": {}}}, "$.tasks.a"),
        ({**job(), "maxConcurrency": 0}, "$.maxConcurrency"),
        ({**job(), "maxConcurency": 1}, "$"),
        ({**job(), "labels": {"": "x"}}, "$.labels"),
        ({**job(), "labels": {"team": 1}}, "$.labels.team"),
        ({**job(), "output": None}, "$.output"),
        (job(functionName=""), "$.tasks[0].functionName"),
        (job(functionName=5), "$.tasks[0].functionName"),
        (job(maxRetry=-1), "$.tasks[0].maxRetry"),
        (job(maxRetry=1.5), "$.tasks[0].maxRetry"),
        (job(maxRetry="1"), "$.tasks[0].maxRetry"),
        (job(timeoutSeconds=0), "$.tasks[0].timeoutSeconds"),
        (job(triggerRule="allGood"), "$.tasks[0].triggerRule"),
        (job(retryDelay={"type": "linear"}), "$.tasks[0].retryDelay.type"),
        (job(dependsOn="b"), "$.tasks[0].dependsOn"),
        (job(name=None), "$.tasks[0].name"),
        (job(parameters={"a.$": 5}), "$.tasks[0].parameters['a.$']"),
        (job(parameters={"deep": [{"a.$": "input"}]}), "$.tasks[0].parameters.deep[0]['a.$']"),
        (job(when={"Variable": "$.x"}), "$.tasks[0].when"),
        (job(when={"Variable": "$.x", "NumericEquals": "5"}), "$.tasks[0].when.NumericEquals"),
        (job(when={"And": []}), "$.tasks[0].when.And"),
        (job(when={"Variable": "$.x", "IsNull": True, "Next": "b"}), "$.tasks[0].when"),
        ({"id": "m", "StartAt": "A"}, "$"),
        ({"id": "m", "States": {}}, "$"),
        ({"id": "m", "definition": {"StartAt": "A"}}, "$.definition"),
        ({**machine(), "tasks": []}, "$"),
        ({key: value for key, value in machine().items() if key != "id"}, "$"),
        (machine(Type="Taks"), "$.States.A.Type"),
        (machine(Resource=None), "$.States.A.Resource"),
        (machine(Next="B"), "$.States.A"),
        (machine(End=False), "$.States.A"),
        (machine(TimeoutSeconds=0), "$.States.A.TimeoutSeconds"),
        (machine(TimeoutSeconds=5, TimeoutSecondsPath="$.t"), "$.States.A"),
        (machine(InputPath="input"), "$.States.A.InputPath"),
        (machine(Seconds=5), "$.States.A"),
        (machine(Retry=[{"ErrorEquals": []}]), "$.States.A.Retry[0].ErrorEquals"),
        (machine(Retry=[{"ErrorEquals": ["X"], "BackoffRate": 0.5}]), "$.States.A.Retry[0].BackoffRate"),
        (machine(Catch=[{"ErrorEquals": ["X"]}]), "$.States.A.Catch[0]"),
        (machine(Type="Choice", Choices=[]), "$.States.A"),
        ({"id": "m", "StartAt": "A", "States": {"A": {"Type": "Choice", "Choices": [{"Next": "A"}]}}}, "$.States.A.Choices[0]"),
        ({"id": "m", "StartAt": "A", "States": {"A": {"Type": "Map", "End": True}}}, "$.States.A"),
        ({"id": "m", "StartAt": "A", "States": {"A": {"Type": "Parallel", "End": True, "Branches": []}}}, "$.States.A.Branches"),
        ({"id": "m", "StartAt": "A", "States": {"A": {"Type": "Wait", "End": True}}}, "$.States.A"),
    ],
)
def test_what_is_wrong_with_one_object_is_refused_there(document: Any, place: str) -> None:
    with pytest.raises(Invalid):
        read_definition(json.dumps(document), functions=None)
    assert any(f"{error.json_path}" == place for error in VALIDATOR.iter_errors(document)), wrong(document)


def test_every_registered_function_is_offered_and_others_are_taken() -> None:
    assert SCHEMA["$defs"]["functionName"]["anyOf"][0] == {"enum": ["charge", "echo"]}
    assert not wrong(job(functionName="later"))
    assert not wrong(machine(Resource="arn:aws:lambda:eu-west-1:123456789012:function:charge"))


def test_every_key_of_every_shape_and_every_state_is_there_and_explained() -> None:
    for shape, name in ((JobShape, "job"), (TaskShape, "task")):
        keys = {field.data_key or key for key, field in shape().load_fields.items()}
        assert SCHEMA["$defs"][name]["properties"].keys() == keys
        assert all(one["description"] and one["examples"] for one in SCHEMA["$defs"][name]["properties"].values())
    for name, kind in KINDS.items():
        assert SCHEMA["$defs"][name]["properties"].keys() == kind.fields.keys()
        assert all(one["description"] for one in SCHEMA["$defs"][name]["properties"].values())


def test_examples_and_defaults_are_valid_themselves() -> None:
    found = 0
    for part in parts(SCHEMA):
        inner = Draft202012Validator({"$ref": "#/$defs/__part", "$defs": SCHEMA["$defs"] | {"__part": part}})
        for example in [*part.get("examples", ()), *([part["default"]] if "default" in part else ())]:
            found += 1
            assert not list(inner.iter_errors(example)), (part, example)
    assert found > 50


def parts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if isinstance(value.get("description"), str) and ("examples" in value or "default" in value):
            yield value
        for member in value.values():
            yield from parts(member)
    elif isinstance(value, list):
        for member in value:
            yield from parts(member)
