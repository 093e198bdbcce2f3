"""A name that is misspelt anywhere in a definition is answered with the one that was meant: every kind of place has a row here."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from workflows.errors import Invalid, Problem
from workflows.language import read_definition
from workflows.language.intrinsics import ARITIES

FUNCTIONS = ("charge", "reserve", "ship")

JOB: dict[str, Any] = {
    "id": "order",
    "labels": {},
    "maxConcurrency": 2,
    "tasks": [
        {"id": "charge", "functionName": "charge", "dependsOn": []},
        {
            "id": "deliver",
            "functionName": "ship",
            "dependsOn": ["charge"],
            "triggerRule": "allSuccessful",
            "onInterrupt": "rerun",
            "maxRetry": 1,
            "retryDelay": {"type": "constant", "initialSeconds": 1, "jitter": "full"},
            "when": {"And": [{"Variable": "$.results.charge.total", "NumericGreaterThan": 1}]},
            "parameters": {"total.$": "$.results.charge.total", "text.$": "States.Format('{}', $.input.name)"},
        },
    ],
    "output": {"sent.$": "$.results.deliver"},
}
MAP: dict[str, Any] = {
    "id": "map",
    "tasks": {"charge": {"functionName": "charge"}, "deliver": {"functionName": "ship"}},
    "graph": {"deliver": ["charge"]},
}
MACHINE: dict[str, Any] = {
    "id": "machine",
    "StartAt": "Charge",
    "States": {
        "Charge": {
            "Type": "Task",
            "Resource": "charge",
            "Parameters": {"text.$": "States.Format('{}', $.name)"},
            "Retry": [{"ErrorEquals": ["States.Timeout"], "MaxAttempts": 2, "JitterStrategy": "FULL"}],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Refund", "ResultPath": "$.why"}],
            "Assign": {"total.$": "$.total"},
            "Next": "Enough?",
        },
        "Enough?": {
            "Type": "Choice",
            "Choices": [{"Not": {"Variable": "$total", "NumericLessThan": 10}, "Next": "Deliver"}],
            "Default": "Refund",
        },
        "Deliver": {
            "Type": "Map",
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "INLINE"},
                "StartAt": "Ship",
                "States": {
                    "Ship": {"Type": "Task", "Resource": "arn:aws:lambda:r:1:function:ship", "Next": "Shipped"},
                    "Shipped": {"Type": "Succeed"},
                },
            },
            "MaxConcurrency": 2,
            "End": True,
        },
        "Refund": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "reserve", "InvocationType": "RequestResponse", "Payload": {}},
            "Credentials": {"RoleArn": "arn:aws:iam::1:role/r"},
            "End": True,
        },
    },
}


def problems(document: Any) -> tuple[Problem, ...]:
    try:
        found = read_definition(json.dumps(document), functions=FUNCTIONS.__contains__, function_names=FUNCTIONS)
    except Invalid as error:
        return error.problems
    return found.warnings


def put(document: Any, pointer: str, value: Any, *, key: str | None = None) -> Any:
    """A copy with this value at the pointer; with `key`, the member there has that name instead."""
    changed = copy.deepcopy(document)
    *way, last = pointer.split("/")[1:]
    inside = changed
    for segment in way:
        inside = inside[int(segment)] if isinstance(inside, list) else inside[segment]
    if key is not None:
        members = [(key if name == last else name, member) for name, member in inside.items()]
        inside.clear()
        inside.update(members)
    else:
        inside[int(last) if isinstance(inside, list) else last] = value
    return changed


@pytest.mark.parametrize("document", [JOB, MAP, MACHINE], ids=["job", "map", "machine"])
def test_as_they_are_they_are_right(document: Any) -> None:
    assert problems(document) == ()


DELIVER, CHARGE, CHOICE, EACH = "/tasks/1", "/States/Charge", "/States/Enough?/Choices/0", "/States/Deliver/ItemProcessor"
KEYS: list[tuple[Any, str, str]] = [
    *((JOB, pointer, key) for pointer, key in [("/maxConcurrency", "maxConcurency"), ("/tasks", "task"), ("/output", "outputs")]),
    *((JOB, f"{DELIVER}/{right}", wrong) for right, wrong in [("dependsOn", "dependson"), ("functionName", "function"), ("when", "wehn")]),
    *((JOB, f"{DELIVER}/retryDelay/{right}", wrong) for right, wrong in [("initialSeconds", "initalSeconds"), ("jitter", "jiter")]),
    (JOB, f"{DELIVER}/when/And", "AND"),
    (JOB, f"{DELIVER}/when/And/0/NumericGreaterThan", "NumericGreaterthan"),
    (JOB, f"{DELIVER}/when/And/0/Variable", "variable"),
    (MAP, "/graph", "grapf"),
    (MACHINE, "/StartAt", "StartsAt"),
    (MACHINE, "/States", "states"),
    (MACHINE, f"{CHARGE}/Type", "type"),
    (MACHINE, f"{CHARGE}/Resource", "Ressource"),
    (MACHINE, f"{CHARGE}/Retry", "Retries"),
    (MACHINE, f"{CHARGE}/Retry/0/MaxAttempts", "MaxAttempt"),
    (MACHINE, f"{CHARGE}/Retry/0/ErrorEquals", "ErrorsEqual"),
    (MACHINE, f"{CHARGE}/Catch/0/Next", "next"),
    (MACHINE, f"{CHARGE}/Catch/0/ResultPath", "ResultPaths"),
    (MACHINE, "/States/Enough?/Default", "Defualt"),
    (MACHINE, "/States/Enough?/Choices", "Choice"),
    (MACHINE, f"{CHOICE}/Not", "not"),
    (MACHINE, f"{CHOICE}/Not/NumericLessThan", "NumberLessThan"),
    (MACHINE, f"{CHOICE}/Not/Variable", "Varible"),
    (MACHINE, f"{CHOICE}/Next", "Nxt"),
    (MACHINE, EACH, "ItemProcesor"),
    (MACHINE, f"{EACH}/StartAt", "Startat"),
    (MACHINE, f"{EACH}/ProcessorConfig", "ProcessorConf"),
    (MACHINE, f"{EACH}/ProcessorConfig/Mode", "mode"),
    (MACHINE, "/States/Refund/Parameters/FunctionName", "FuntionName"),
    (MACHINE, "/States/Refund/Parameters/Payload", "PayLoad"),
    (MACHINE, "/States/Refund/Credentials/RoleArn", "RoleARN"),
]


@pytest.mark.parametrize(("document", "pointer", "wrong"), KEYS, ids=[f"{d['id']} {p} {w}" for d, p, w in KEYS])
def test_a_key_that_is_misspelt(document: Any, pointer: str, wrong: str) -> None:
    around, _, right = pointer.rpartition("/")
    found = problems(put(document, pointer, None, key=wrong))
    assert right in [problem.suggestion for problem in found if problem.pointer == f"{around}/{wrong}"], found


NAMES: list[tuple[Any, str, Any, str]] = [
    (JOB, f"{DELIVER}/functionName", "shipp", "ship"),
    (JOB, f"{DELIVER}/dependsOn/0", "chrage", "charge"),
    (JOB, f"{DELIVER}/triggerRule", "allSuccesful", "allSuccessful"),
    (JOB, f"{DELIVER}/onInterrupt", "re-run", "rerun"),
    (JOB, f"{DELIVER}/retryDelay/type", "exponental", "exponential"),
    (JOB, f"{DELIVER}/retryDelay/jitter", "Full", "full"),
    (JOB, f"{DELIVER}/parameters/total.$", "$.results.chrage.total", "charge"),
    (JOB, f"{DELIVER}/parameters/total.$", "$.result.charge.total", "results"),
    (JOB, f"{DELIVER}/parameters/text.$", "States.Fromat('{}', $.input.name)", "States.Format"),
    (JOB, f"{DELIVER}/when/And/0/Variable", "$.results.chrge", "charge"),
    (JOB, "/output/sent.$", "$.results.delivr", "deliver"),
    (MAP, "/graph/deliver/0", "chrage", "charge"),
    (MAP, "/graph", {"delivr": ["charge"]}, "deliver"),
    (MACHINE, "/StartAt", "Chrage", "Charge"),
    (MACHINE, f"{CHARGE}/Type", "task", "Task"),
    (MACHINE, f"{CHARGE}/Resource", "chrage", "charge"),
    (MACHINE, f"{CHARGE}/Next", "Enuogh?", "Enough?"),
    (MACHINE, f"{CHARGE}/Parameters/text.$", "States.JsonMerg($, $, false)", "States.JsonMerge"),
    (MACHINE, f"{CHARGE}/Retry/0/JitterStrategy", "full", "FULL"),
    (MACHINE, f"{CHARGE}/Retry/0/ErrorEquals/0", "States.TimeOut", "States.Timeout"),
    (MACHINE, f"{CHARGE}/Catch/0/ErrorEquals/0", "States.All", "States.ALL"),
    (MACHINE, f"{CHARGE}/Catch/0/Next", "refund", "Refund"),
    (MACHINE, "/States/Enough?/Default", "Refnd", "Refund"),
    (MACHINE, f"{CHOICE}/Next", "Delivr", "Deliver"),
    (MACHINE, f"{CHOICE}/Not/Variable", "$totl", "total"),
    (MACHINE, f"{EACH}/StartAt", "Shp", "Ship"),
    (MACHINE, f"{EACH}/ProcessorConfig/Mode", "Inline", "INLINE"),
    (MACHINE, f"{EACH}/States/Ship/Resource", "arn:aws:lambda:r:1:function:shipp", "ship"),
    (MACHINE, f"{EACH}/States/Ship/Next", "shipped", "Shipped"),
    (MACHINE, "/States/Refund/Resource", "arn:aws:states:::lambda:invok", "arn:aws:states:::lambda:invoke"),
    (MACHINE, "/States/Refund/Parameters/FunctionName", "resrve", "reserve"),
    (MACHINE, "/States/Refund/Parameters/InvocationType", "RequestReponse", "RequestResponse"),
]


@pytest.mark.parametrize(("document", "pointer", "wrong", "right"), NAMES, ids=[f"{d['id']} {p} {w}" for d, p, w, _ in NAMES])
def test_a_name_that_is_misspelt(document: Any, pointer: str, wrong: Any, right: str) -> None:
    found = problems(put(document, pointer, wrong))
    assert right in [problem.suggestion for problem in found if problem.pointer.startswith(pointer)], found


@pytest.mark.parametrize("name", ARITIES)
def test_every_intrinsic_is_found_by_a_misspelling(name: str) -> None:
    for document, pointer in ((JOB, f"{DELIVER}/parameters/text.$"), (MACHINE, f"{CHARGE}/Parameters/text.$")):
        found = problems(put(document, pointer, f"States.{name.swapcase()}($)"))
        assert f"States.{name}" in [problem.suggestion for problem in found], found
