"""The hooks of a job: what they come to, and what is said of what is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest

from workflows.errors import Invalid, Problem
from workflows.hooks import GITHUB, STANDARD, Hook, Signed
from workflows.language import read_definition
from workflows.model import Definition

LIST = {"id": "job", "tasks": [{"id": "a", "functionName": "echo"}]}
MACHINE = {"id": "job", "StartAt": "A", "States": {"A": {"Type": "Succeed"}}}
AROUND = {"id": "job", "definition": {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}}
DIALECTS = pytest.mark.parametrize("job", [LIST, MACHINE, AROUND])

SECRET = {"$secret": "TOKEN"}


def read(job: Any, hooks: Any, known: tuple[str, ...] = ("TOKEN", "OLD")) -> Definition:
    return read_definition(json.dumps({**job, "hooks": hooks}, indent=1), functions=None, secrets=known.__contains__)


def refused(job: Any, hooks: Any) -> list[Problem]:
    with pytest.raises(Invalid) as raised:
        read(job, hooks)
    return [one for one in raised.value.problems if one.severity == "error"]


@DIALECTS
def test_a_job_of_either_dialect_has_hooks(job: dict[str, Any]) -> None:
    own = {"header": "X-Signature", "prefix": "v0=", "encoding": "base64", "idHeader": "X-Id"}
    hooks = [
        {"name": "plain", "secret": SECRET},
        {"name": "push", "secret": [SECRET, {"$secret": "OLD"}], "signature": "github"},
        {"name": "own-1", "secret": [SECRET], "signature": own, "input": {"n.$": "$.body.n"}},
        {"name": "short", "secret": SECRET, "signature": {"header": "X-Signature"}},
    ]
    found = read(job, hooks)
    assert found.hooks[:2] == (Hook("plain", ("TOKEN",), STANDARD), Hook("push", ("TOKEN", "OLD"), GITHUB))
    assert found.hooks[2].scheme == Signed("X-Signature", "v0=", "base64", "X-Id")
    assert found.hooks[3].scheme == Signed("X-Signature", "", "hex", None)
    assert found.hooks[2].input is not None
    assert found.warnings == ()
    assert read_definition(json.dumps(job), functions=None).hooks == ()


@DIALECTS
def test_a_secret_that_is_not_there_is_a_warning_with_its_place(job: dict[str, Any]) -> None:
    warnings = read(job, [{"name": "a", "secret": SECRET}, {"name": "b", "secret": [SECRET, {"$secret": "OLD"}]}], ("OLD",)).warnings
    assert [one.pointer for one in warnings] == ["/hooks/0/secret", "/hooks/1/secret/0"]
    assert all("there is no secret 'TOKEN' now" in one.message and one.line for one in warnings)


@DIALECTS
@pytest.mark.parametrize(
    ("hook", "place", "message", "suggestion"),
    [
        ({"secret": SECRET}, "/name", "this key is missing", None),
        ({"name": "a.b", "secret": SECRET}, "/name", "the name of a hook is 1 to 64", None),
        ({"name": "x" * 65, "secret": SECRET}, "/name", "the name of a hook is 1 to 64", None),
        ({"name": "a"}, "/secret", "this key is missing", None),
        ({"name": "a", "secret": "hunter2"}, "/secret", "a secret is named, not written down", None),
        ({"name": "a", "secret": ["hunter2"]}, "/secret/0", "a secret is named, not written down", None),
        ({"name": "a", "secret": {"value": "hunter2"}}, "/secret", "a secret is named, not written down", None),
        ({"name": "a", "secret": {"$secret": "hunter 2"}}, "/secret", "the name of a secret is 1 to 128", None),
        ({"name": "a", "secret": {**SECRET, "more": 1}}, "/secret", "a secret is named as", None),
        ({"name": "a", "secret": []}, "/secret", "a hook has from 1 to 5 secrets, not 0", None),
        ({"name": "a", "secret": [SECRET] * 6}, "/secret", "a hook has from 1 to 5 secrets, not 6", None),
        ({"name": "a", "secret": SECRET, "signature": "gihtub"}, "/signature", "this must be standard, github", "github"),
        ({"name": "a", "secret": SECRET, "signature": None}, "/signature", "this must not be null", None),
        ({"name": "a", "secret": SECRET, "signature": {}}, "/signature/header", "this key is missing", None),
        ({"name": "a", "secret": SECRET, "signature": {"header": "X S"}}, "/signature/header", "this must be the name of a header", None),
        ({"name": "a", "secret": SECRET, "signature": {"header": "X", "idheader": "Y"}}, "/signature/idheader", "unknown key", "idHeader"),
        (
            {"name": "a", "secret": SECRET, "signature": {"header": "X", "encoding": "b64"}},
            "/signature/encoding",
            "this must be one",
            "base64",
        ),
        ({"name": "a", "secret": SECRET, "input": {"x.$": "$.bdoy"}}, "/input/x.$", "the data has body, headers and id", "body"),
        ({"name": "a", "secret": SECRET, "input": {"x.$": "$.headers.Date"}}, "/input/x.$", "the names of headers are in small", "date"),
        ({"name": "a", "secret": SECRET, "input": {"x.$": "$$.Execution.Id"}}, "/input/x.$", "a hook has no context object", None),
        ({"name": "a", "secret": SECRET, "input": {"x": SECRET}}, "/input/x", "an input holds no secrets", None),
        ({"name": "a", "secret": SECRET, "inputs": {}}, "/inputs", "unknown key", "input"),
    ],
)
def test_what_is_refused(job: dict[str, Any], hook: Any, place: str, message: str, suggestion: str | None) -> None:
    [found] = refused(job, [{"name": "good", "secret": SECRET}, hook])
    assert (found.pointer, found.suggestion) == (f"/hooks/1{place}", suggestion)
    assert found.message.startswith(message)
    assert "hunter2" not in str(found), "who wrote a secret down must not find it in an answer"
    assert found.line


@DIALECTS
def test_names_are_given_once_and_a_job_has_twenty_hooks(job: dict[str, Any]) -> None:
    [found] = refused(job, [{"name": "a", "secret": SECRET}, {"name": "b", "secret": SECRET}, {"name": "a", "secret": SECRET}])
    assert (found.pointer, found.message) == ("/hooks/2/name", "another hook has the name 'a'; give this one another")
    [found] = refused(job, [{"name": f"h{n}", "secret": SECRET} for n in range(21)])
    assert found.message == "a job has at most 20 hooks, not 21"


@DIALECTS
@pytest.mark.parametrize("hooks", [{}, "x", [1], [None], [[]], [{"name": 1, "secret": 1, "signature": 1, "input": None}]])
def test_what_is_no_hook_at_all(job: dict[str, Any], hooks: Any) -> None:
    assert all(one.pointer.startswith("/hooks") for one in refused(job, hooks))


def test_what_is_wrong_with_one_says_nothing_against_the_secret_of_another() -> None:
    with pytest.raises(Invalid) as raised:
        read(MACHINE, [{"name": "a", "secret": SECRET}, {"name": "b"}])
    assert [one.pointer for one in raised.value.problems] == ["/hooks/1/secret"]
