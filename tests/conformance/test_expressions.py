"""Expressions against what the real service answered: each recorded case of one state, evaluated without a server around it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from workflows.core.expressions import ExpressionFailure, Scope, evaluate, matches, select
from workflows.language.expressions import parse_expression, parse_path, parse_rule, parse_template
from workflows.numbers import dumps, loads

CASES = Path(os.environ.get("STEPWELL_CONFORMANCE") or Path(__file__).parents[3] / "shared" / "conformance")
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason=f"the recorded cases are not at {CASES}")

ONE_PASS = (
    "array_array_contains",
    "base_json_path_array_wildcard_or_slice_with_no_input_item_items",
    "base_json_path_array_wildcard_or_slice_with_no_input_item_items_1",
    "base_json_path_array_wildcard_or_slice_with_no_input_items",
    "math_operations_math_add",
    "string_operations_string_split",
)


def recorded(kind: str, name: str) -> Any:
    return loads((CASES / kind / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ONE_PASS)
def test_payload_templates(name: str) -> None:
    case = recorded("execution", name)
    (state,) = case["definition"]["States"].values()
    problems: list[Any] = []
    template = parse_template(state["Parameters"], "", problems)
    assert not problems
    for run in case["runs"]:
        assert dumps(evaluate(template, Scope(run["input"]))) == dumps(run["expected"]["output"])


def choices() -> Iterator[Any]:
    for path in sorted((CASES / "api").glob("*.json")):
        if "operators" in path.name or path.name.startswith("numeric_"):
            yield pytest.param(path.stem, id=path.stem)


@pytest.mark.parametrize("name", list(choices()))
def test_choice_rules(name: str) -> None:
    steps = recorded("api", name)["steps"]
    definitions = [step["params"]["definition"]["json_text_of"] for step in steps if step.get("call") == "CreateStateMachine"]
    inputs = [loads(step["params"]["input"]) for step in steps if step.get("call") == "StartExecution"]
    (note,) = [step for step in steps if step.get("note") == "cases"]
    assert len(definitions) == len(inputs) == len(note["expected"])
    for definition, data, expected in zip(definitions, inputs, note["expected"], strict=True):
        rule = parse_rule(definition["States"]["CheckValues"]["Choices"][0], "", [], top=True)
        assert rule is not None
        assert matches(rule, Scope(data)) is (expected["output"]["TestResult.$"] == "ConditionTrue"), (rule, data)


def test_a_miss_in_a_named_field() -> None:
    case = recorded("execution", "base_scenarios_invalid_jsonpath_INVALID_JSONPATH_IN_ERRORPATH")
    state = case["definition"]["States"]["fail"]
    expected = case["runs"][0]["expected"]
    with pytest.raises(ExpressionFailure) as caught:
        select(parse_path(state["ErrorPath"]), Scope({"Error": "error-value"}), "ErrorPath")
    assert caught.value.error == expected["error"]
    shown = caught.value.cause.replace(dumps({"Error": "error-value"}), "<json-input:1>")
    assert expected["cause"].endswith(f"(entered at the event id #4). {shown}")


def test_every_expression_that_was_recorded_can_be_read() -> None:
    count = 0
    for path in sorted((CASES / "execution").glob("*.json")):
        for text in expressions(json.loads(path.read_text(encoding="utf-8"))["definition"]):
            parse_expression(text)
            count += 1
    assert count > 60


def expressions(node: Any) -> Iterator[str]:
    """The paths and intrinsics of a definition, except in what it takes literally or as JSONata."""
    if isinstance(node, list):
        for member in node:
            yield from expressions(member)
    elif isinstance(node, dict) and node.get("QueryLanguage") != "JSONata":
        for key, member in node.items():
            if isinstance(member, str) and key.endswith((".$", "Path")):
                yield member
            elif key != "Result":
                yield from expressions(member)
