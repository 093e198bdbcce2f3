"""State machines: what a document compiles to, field by field, and what is odd but allowed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from workflows.errors import Invalid
from workflows.expressions import Field, Path, ReferencePath
from workflows.language import definitions, read_definition
from workflows.language.expressions import parse_expression, parse_path
from workflows.language.states import read
from workflows.model import Delay, Retrier
from workflows.states import (
    ABSENT,
    Catcher,
    Choice,
    ChoiceRule,
    Fail,
    Map,
    Parallel,
    Pass,
    Resource,
    Scope,
    State,
    StateMachine,
    Succeed,
    Task,
    Wait,
    all_states,
    function_name,
)

Document = dict[str, Any]


def machine(*, start: str = "A", **states: Any) -> Document:
    return {"StartAt": start, "States": states}


def compiled(document: Document, **options: Any) -> StateMachine:
    return read(document, **{"functions": None, "id": "m"} | options)


def state(**fields: Any) -> State:
    """The compiled form of a state called A, beside which there is B."""
    return compiled(machine(A=fields, B={"Type": "Succeed"})).states["A"]


# ------------------------------------------------------------------------------------------- the whole


def test_the_least_a_machine_can_say() -> None:
    document = {"id": "j", "StartAt": "A", "States": {"A": {"Type": "Succeed"}}}
    assert read(document, functions=None, revision=7) == StateMachine(
        "j", 7, name="j", start_at="A", states={"A": Succeed(name="A", next=None)}
    )


def test_everything_a_machine_can_say_beside_and_around() -> None:
    inner = {"Comment": "c", "Version": "1.0", "TimeoutSeconds": 60, "QueryLanguage": "JSONPath", **machine(A={"Type": "Fail"})}
    ours = {"id": "j", "name": "N", "description": "d", "labels": {"a": "b"}, "maxConcurrency": 4, "maxActiveRuns": 2}
    beside, around = read(ours | inner, functions=None), read({**ours, "definition": inner}, functions=None)
    expected: Document = {"timeout": 60, "max_concurrency": 4, "max_active_runs": 2, "labels": {"a": "b"}}
    assert beside == around
    assert beside == StateMachine("j", 1, "N", "d", **expected, start_at="A", states={"A": Fail(name="A")})


def test_the_comment_is_the_description_unless_there_is_one() -> None:
    document = machine(A={"Type": "Succeed"}) | {"Comment": "c"}
    assert compiled(document).description == "c"
    assert read(document | {"id": "j", "description": ""}, functions=None).description == "c"
    assert read(document | {"id": "j", "description": "d"}, functions=None).description == "d"


def test_an_id_of_the_caller_leaves_the_definition_alone() -> None:
    definition = compiled(machine(A={"Type": "Succeed"}), id="any name", revision=3)
    assert (definition.id, definition.name, definition.revision) == ("any name", "any name", 3)


# ---------------------------------------------------------------------------------------------- states


def test_pass() -> None:
    assert state(Type="Pass", End=True) == Pass(name="A")
    assert state(
        Type="Pass",
        Comment="c",
        InputPath=None,
        OutputPath="$.o",
        Parameters={"a.$": "$.x", "b": [1]},
        Result=None,
        ResultPath=None,
        Assign={"v.$": "$.y", "é": 1},
        Next="B",
    ) == Pass(
        name="A",
        next="B",
        comment="c",
        input_path=None,
        output_path=parse_path("$.o"),
        parameters={"a": Field("a.$", parse_path("$.x")), "b": [1]},
        result=None,
        result_path=None,
        assign={"v": Field("v.$", parse_path("$.y")), "é": 1},
    )
    assert state(Type="Pass", ResultPath="$.a[0]", Next="B").result_path == ReferencePath("$.a[0]", ("a", 0))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("arn", "parameters", "resource"),
    [
        ("charge", None, Resource("function", "charge", "charge")),
        ("arn:aws:lambda:us-east-1:012345678901:function:charge", None, ("lambda", "charge", "")),
        ("arn:aws-cn:lambda:r:your-account-id:function:charge:$LATEST", None, ("lambda", "charge", "$LATEST")),
        ("arn:aws:states:::lambda:invoke", {"FunctionName": "charge"}, ("lambda:invoke", "charge", "")),
        ("arn:aws:states:::lambda:invoke", {"FunctionName": "charge:7", "Qualifier": "8"}, ("lambda:invoke", "charge", "7")),
        ("arn:aws:states:::lambda:invoke", {"FunctionName": "charge", "Qualifier": "8"}, ("lambda:invoke", "charge", "8")),
        ("arn:aws:states:::lambda:invoke", {"FunctionName": "charge", "Qualifier.$": "$.q"}, ("lambda:invoke", "charge", "")),
        ("arn:aws:states:::lambda:invoke", {"FunctionName": "1:function:charge:p"}, ("lambda:invoke", "charge", "p")),
        ("arn:aws:states:::lambda:invoke", {"FunctionName": "arn:aws:lambda:r:1:function:charge"}, ("lambda:invoke", "charge", "")),
        ("arn:aws:states:::lambda:invoke", {"FunctionName.$": "$.f", "Payload.$": "$"}, ("lambda:invoke", "", "")),
        (
            "arn:aws:states:::lambda:invoke",
            {"FunctionName": "f", "InvocationType": "Event", "ClientContext": ""},
            ("lambda:invoke", "f", ""),
        ),
    ],
)
def test_resources(arn: str, parameters: Any, resource: Any) -> None:
    task = state(Type="Task", Resource=arn, End=True, **({} if parameters is None else {"Parameters": parameters}))
    assert isinstance(task, Task)
    expected = resource if isinstance(resource, Resource) else Resource(resource[0], resource[1], arn, resource[2])
    assert task.resource == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("f", ("f", "")),
        ("f:1", ("f", "1")),
        ("function:f", ("f", "")),
        ("123:function:f:prod", ("f", "prod")),
        ("arn:aws:lambda:r:1:function:f:$LATEST", ("f", "$LATEST")),
        ("myfunction:7", ("myfunction", "7")),
    ],
)
def test_function_names(text: str, expected: tuple[str, str]) -> None:
    assert function_name(text) == expected


def test_task() -> None:
    resource = Resource("function", "f", "f")
    assert state(Type="Task", Resource="f", End=True) == Task(name="A", resource=resource)
    full = state(
        Type="Task",
        Resource="f",
        TimeoutSeconds=20,
        HeartbeatSeconds=10,
        Credentials={"RoleArn.$": "$.role"},
        ResultSelector={"x.$": "$.y"},
        Retry=[
            {"ErrorEquals": ["E", "States.Timeout"], "IntervalSeconds": 3, "MaxAttempts": 0, "BackoffRate": 1.5, "MaxDelaySeconds": 4},
            {"ErrorEquals": ["States.ALL"], "JitterStrategy": "FULL", "Comment": "c"},
        ],
        Catch=[
            {"ErrorEquals": ["E"], "Next": "B"},
            {"ErrorEquals": ["States.ALL"], "Next": "B", "ResultPath": None, "Assign": {"v.$": "$.Error"}, "Comment": "c"},
        ],
        Next="B",
    )
    assert full == Task(
        name="A",
        next="B",
        resource=resource,
        timeout=20,
        heartbeat=10,
        credentials={"RoleArn": Field("RoleArn.$", parse_path("$.role"))},
        result_selector={"x": Field("x.$", parse_path("$.y"))},
        retriers=(
            Retrier(0, Delay(3.0, 1.5, 4.0), ("E", "States.Timeout")),
            Retrier(3, Delay(1.0, 2.0, 99_999_999.0, jitter=True), ("States.ALL",)),
        ),
        catchers=(
            Catcher(("E",), "B"),
            Catcher(("States.ALL",), "B", None, {"v": Field("v.$", parse_path("$.Error"))}, "c"),
        ),
    )


def test_numbers_may_come_from_paths() -> None:
    task = state(Type="Task", Resource="f", TimeoutSecondsPath="$.t", HeartbeatSecondsPath="$$.h", Retry=[], End=True)
    assert isinstance(task, Task)
    assert (task.timeout, task.heartbeat) == (parse_path("$.t"), parse_path("$$.h"))
    assert isinstance(task.timeout, Path)


def test_choice() -> None:
    rule = {"Variable": "$.x", "NumericEquals": 1, "Next": "B", "Comment": "c", "Assign": {"v": 1}}
    choice = state(Type="Choice", Choices=[rule], Default="B", Assign={"w": 2}, InputPath="$.i")
    assert isinstance(choice, Choice)
    (only,) = choice.choices
    assert only == ChoiceRule(only.rule, "B", {"v": 1}, "c")
    assert only.rule.variable == parse_path("$.x")  # type: ignore[union-attr]
    assert choice == Choice(name="A", choices=(only,), default="B", assign={"w": 2}, input_path=parse_path("$.i"))
    assert choice.next is None


@pytest.mark.parametrize(
    ("fields", "seconds", "timestamp"),
    [
        ({"Seconds": 0}, 0, None),
        ({"SecondsPath": "$.s"}, parse_path("$.s"), None),
        ({"Timestamp": "2016-03-14T01:59:00Z"}, None, 1_457_920_740.0),
        ({"Timestamp": "2016-03-14T02:59:00.5+01:00"}, None, 1_457_920_740.5),
        ({"TimestampPath": "$.t"}, None, parse_path("$.t")),
    ],
)
def test_wait(fields: Document, seconds: Any, timestamp: Any) -> None:
    assert state(Type="Wait", End=True, **fields) == Wait(name="A", seconds=seconds, timestamp=timestamp)


def test_succeed_and_fail() -> None:
    assert state(Type="Succeed", OutputPath=None) == Succeed(name="A", output_path=None)
    assert state(Type="Fail", Error="E", Cause="") == Fail(name="A", error="E", cause="")
    call = "States.Format('{}', $.x)"
    assert state(Type="Fail", ErrorPath="$.e", CausePath=call) == Fail(name="A", error=parse_path("$.e"), cause=parse_expression(call))


def test_parallel() -> None:
    branches = [machine(X={"Type": "Pass", "End": True}, start="X") | {"Comment": "c"}, machine(Y={"Type": "Fail"}, start="Y")]
    parallel = state(Type="Parallel", Branches=branches, Parameters={"p": 1}, ResultPath="$.r", End=True)
    scopes = (
        Scope("X", {"X": Pass(name="X")}, "c", "/States/A/Branches/0"),
        Scope("Y", {"Y": Fail(name="Y")}, "", "/States/A/Branches/1"),
    )
    assert parallel == Parallel(name="A", branches=scopes, parameters={"p": 1}, result_path=ReferencePath("$.r", ("r",)))
    assert parallel.scopes() == scopes


def test_map() -> None:
    inner = machine(X={"Type": "Pass", "End": True}, start="X")
    config = {"ProcessorConfig": {"Mode": "INLINE"}}
    scope = Scope("X", {"X": Pass(name="X")}, "", "/States/A/ItemProcessor")
    assert state(Type="Map", ItemProcessor=inner, End=True) == Map(name="A", processor=scope)
    full = state(
        Type="Map",
        ItemProcessor=inner | config,
        ItemsPath="$.items",
        ItemSelector={"i.$": "$$.Map.Item.Value"},
        MaxConcurrency=3,
        ToleratedFailureCount=2,
        ToleratedFailurePercentage=12.5,
        End=True,
    )
    assert full == Map(
        name="A",
        processor=scope,
        items_path=parse_path("$.items"),
        item_selector={"i": Field("i.$", parse_path("$$.Map.Item.Value"))},
        max_concurrency=3,
        tolerated_failure_count=2,
        tolerated_failure_percentage=12.5,
    )
    old = state(
        Type="Map",
        Iterator=inner,
        Parameters={},
        MaxConcurrencyPath="$.m",
        ToleratedFailureCountPath="$.c",
        ToleratedFailurePercentagePath="$.p",
        End=True,
    )
    assert isinstance(old, Map)
    assert (old.item_selector, old.parameters, old.processor.pointer) == ({}, ABSENT, "/States/A/Iterator")
    assert (old.max_concurrency, old.tolerated_failure_count) == (parse_path("$.m"), parse_path("$.c"))
    assert old.tolerated_failure_percentage == parse_path("$.p")


def test_all_states_and_their_types() -> None:
    inner = machine(
        X={"Type": "Map", "Iterator": machine(Z={"Type": "Wait", "Seconds": 1, "End": True}, start="Z"), "End": True}, start="X"
    )
    document = machine(
        A={"Type": "Parallel", "Branches": [inner, machine(Y={"Type": "Fail"}, start="Y")], "Next": "B"}, B={"Type": "Succeed"}
    )
    found = [(one.name, one.type) for one in all_states(compiled(document))]
    assert found == [("A", "Parallel"), ("B", "Succeed"), ("X", "Map"), ("Y", "Fail"), ("Z", "Wait")]


def test_next_with_end_false_is_a_transition() -> None:
    assert state(Type="Pass", Next="B", End=False).next == "B"


# -------------------------------------------------------------------------------------------- warnings


def test_what_stands_behind_states_all_is_never_asked() -> None:
    rules = [{"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["E"]}]
    task = {"Type": "Task", "Resource": "f", "End": True, "Retry": rules}
    text = "States.ALL should come last: what follows is never asked"
    assert warnings(machine(A=task)) == [("/States/A/Retry/0/ErrorEquals", text, None)]


def warnings(document: Document, **options: Any) -> list[tuple[str, str, str | None]]:
    found = compiled(document, **options).warnings
    assert all(warning.severity == "warning" for warning in found)
    return [(warning.pointer, warning.message, warning.suggestion) for warning in found]


def test_nothing_is_odd_about_a_sound_machine() -> None:
    assert warnings(machine(A={"Type": "Task", "Resource": "f", "End": True}), functions={"f"}.__contains__) == []


def test_unreachable_states() -> None:
    document = machine(A={"Type": "Pass", "End": True}, B={"Type": "Pass", "Next": "C"}, C={"Type": "Succeed"})
    assert warnings(document) == [
        ("/States/B", 'State "B" is not reachable', None),
        ("/States/C", 'State "C" is not reachable', None),
    ]


def test_a_scope_without_an_end() -> None:
    endless = machine(A={"Type": "Pass", "Next": "B"}, B={"Type": "Pass", "Next": "A"}, C={"Type": "Succeed"})
    message = "no state that can be reached ends this: it runs for ever, or until it fails"
    assert warnings(endless) == [("/States/C", 'State "C" is not reachable', None), ("/States", message, None)]


def test_unknown_functions() -> None:
    invoke = "arn:aws:states:::lambda:invoke"
    document = machine(
        A={"Type": "Task", "Resource": "charg", "Next": "B"},
        B={"Type": "Task", "Resource": "arn:aws:lambda:r:1:function:charge", "Next": "C"},
        C={"Type": "Task", "Resource": invoke, "Parameters": {"FunctionName": "shop:1"}, "Next": "D"},
        D={"Type": "Task", "Resource": "charg", "End": True},
    )
    asked: list[str] = []
    names = ("charge", "ship")
    found = warnings(document, functions=lambda name: asked.append(name) or name in names, function_names=names)  # type: ignore[func-returns-value]
    assert found == [
        ("/States/A/Resource", 'there is no function "charg"', "charge"),
        ("/States/C/Parameters/FunctionName", 'there is no function "shop"', "ship"),
        ("/States/D/Resource", 'there is no function "charg"', "charge"),
    ]
    assert asked == ["charg", "charge", "shop"]


def test_variables_that_nobody_assigns() -> None:
    inner = machine(
        X={
            "Type": "Pass",
            "Assign": {"inner": 1},
            "Parameters": {"a.$": "$given", "b": [{"c.$": "States.Array($inner, $othr)"}]},
            "End": True,
        },
        start="X",
    )
    rule = {"Or": [{"Variable": "$given", "StringEqualsPath": "$late"}, {"Not": {"Variable": "$inner", "IsNull": True}}], "Next": "D"}
    document = machine(
        A={"Type": "Pass", "Assign": {"given": 1, "other.$": "$.x"}, "Next": "B"},
        B={"Type": "Map", "ItemProcessor": inner, "MaxConcurrencyPath": "$.given", "ItemsPath": "$$.x", "Next": "C"},
        C={"Type": "Choice", "Choices": [rule], "Default": "D"},
        D={"Type": "Fail", "CausePath": "$gibven"},
    )
    message = "no state in sight assigns the variable "
    assert warnings(document) == [
        ("/States/C/Choices/0/Or/0/StringEqualsPath", f'{message}"late"', None),
        ("/States/C/Choices/0/Or/1/Not/Variable", f'{message}"inner"', None),
        ("/States/D/CausePath", f'{message}"gibven"', "given"),
        ("/States/B/ItemProcessor/States/X/Parameters/b/0/c.$", f'{message}"othr"', "other"),
    ]


def test_error_names_that_the_language_does_not_know() -> None:
    task = {"Type": "Task", "Resource": "f", "End": True}
    retry = [{"ErrorEquals": ["States.Tiemout", "Mine", "States.Http.Socket"]}]
    message = 'the language knows no error "States.Tiemout"'
    assert warnings(machine(A=task | {"Retry": retry})) == [("/States/A/Retry/0/ErrorEquals/0", message, "States.Timeout")]


def test_warnings_come_after_problems() -> None:
    document = machine(A={"Type": "Task", "Resource": "g", "End": True, "Foo": 1})
    with pytest.raises(Invalid) as caught:
        compiled(document, functions=lambda _: False)
    assert [(problem.pointer, problem.severity) for problem in caught.value.problems] == [
        ("/States/A/Foo", "error"),
        ("/States/A/Resource", "warning"),
    ]


# ---------------------------------------------------------------------------------------- the way in


def test_the_way_in() -> None:
    for document in ({"id": "j", **machine(A={"Type": "Succeed"})}, {"id": "j", "definition": machine(A={"Type": "Succeed"})}):
        definition = read_definition(json.dumps(document).encode(), functions=None, revision=3)
        assert isinstance(definition, StateMachine)
        assert (definition.id, definition.revision) == ("j", 3)
        assert definitions.compile_definition(json.dumps(document), 3) == definition
    with pytest.raises(Invalid) as caught:
        read_definition('{"id": "j",\n "StartAt": "A", "StartAt": "B",\n "States": {"A": {"Type": "Succeed"}}}', functions=None)
    assert [(problem.pointer, problem.line, problem.column) for problem in caught.value.problems] == [
        ("/StartAt", 2, 29),
        ("/StartAt", 2, 29),
    ]


def test_a_definition_may_be_so_long() -> None:
    text = json.dumps({"id": "j", **machine(A={"Type": "Succeed"})})
    read_definition(text.ljust(1_048_576), functions=None)
    with pytest.raises(Invalid) as caught:
        read_definition(text.ljust(1_048_577), functions=None)
    assert [problem.message for problem in caught.value.problems] == [
        "a state machine has at most 1,048,576 characters; this one has 1,048,577"
    ]
