"""State machines that are refused: for every rule a document, and what is said of it, where, and what would be right."""

from __future__ import annotations

from typing import Any

import pytest

from workflows.errors import Invalid, Problem
from workflows.language.states import read

Document = dict[str, Any]
SCHEMA = "SCHEMA_VALIDATION_FAILED"
TRANSITION = "MISSING_TRANSITION_TARGET"
INNER = {"StartAt": "X", "States": {"X": {"Type": "Pass", "End": True}}}
RULE = {"Variable": "$.x", "IsNull": True, "Next": "B"}
JOB_ID = "an id is 1 to 128 of the characters A-Z a-z 0-9 _ . - and starts with a letter or digit"
INVOKE = "arn:aws:states:::lambda:invoke"


def problems(document: Any, **options: Any) -> list[Problem]:
    with pytest.raises(Invalid) as caught:
        read(document, **{"functions": None, "id": "m"} | options)
    return [problem for problem in caught.value.problems if problem.severity == "error"]


def said(document: Any, **options: Any) -> list[tuple[str, str] | tuple[str, str, str]]:
    """Pointer, message and, where there is one, suggestion. All of the usual code."""
    found = problems(document, **options)
    assert all(problem.code == SCHEMA for problem in found)
    return [
        (problem.pointer, problem.message) if problem.suggestion is None else (problem.pointer, problem.message, problem.suggestion)
        for problem in found
    ]


def machine(**fields: Any) -> Document:
    return {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}} | fields


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (None, [("", "a state machine must be an object, not null")]),
        ([], [("", "a state machine must be an object, not a list")]),
        ({}, [("", "These fields are required: [States, StartAt]")]),
        ({"States": {"A": {"Type": "Succeed"}}}, [("", "These fields are required: [StartAt]")]),
        (machine(StartAt=1), [("/StartAt", "this must be text, not 1")]),
        (machine(StartAt=""), [("/StartAt", "this must not be empty")]),
        (machine(StartAt="a"), [("/StartAt", 'there is no state "a" in States', "A")]),
        (
            machine(StartAt="First", States={"Firsts": {"Type": "Succeed"}}),
            [("/StartAt", 'there is no state "First" in States', "Firsts")],
        ),
        (machine(States=[]), [("/States", "this must be an object, not a list")]),
        (machine(States={}), [("/States", "there must be at least one state")]),
        (machine(Version="1.1"), [("/Version", 'this must be 1.0, not "1.1"', "1.0")]),
        (machine(Version=1.0), [("/Version", "this must be 1.0, not 1.0")]),
        (machine(TimeoutSeconds=0), [("/TimeoutSeconds", "this must be from 1 to 99999999, not 0")]),
        (machine(TimeoutSeconds=10**8), [("/TimeoutSeconds", "this must be from 1 to 99999999, not 100000000")]),
        (machine(TimeoutSeconds=1.5), [("/TimeoutSeconds", "this must be a whole number, not 1.5")]),
        (machine(TimeoutSeconds=True), [("/TimeoutSeconds", "this must be a whole number, not true")]),
        (machine(QueryLanguage="jsonpath"), [("/QueryLanguage", 'this must be JSONPath or JSONata, not "jsonpath"', "JSONPath")]),
        (machine(QueryLanguage="JSONata"), [("/QueryLanguage", "JSONata is not supported yet")]),
        (machine(Comment=1), [("/Comment", "this must be text, not 1")]),
        (machine(StartsAt="A"), [("/StartsAt", 'a state machine has no field "StartsAt"', "StartAt")]),
        (machine(id="x"), [("/id", 'a state machine has no field "id"')]),
        (
            machine(States={"": {"Type": "Succeed"}, "A": {"Type": "Succeed"}, "b" * 81: {"Type": "Succeed"}}),
            [
                ("/States/", "a state's name has 1 to 80 characters, not 0"),
                (f"/States/{'b' * 81}", "a state's name has 1 to 80 characters, not 81"),
            ],
        ),
    ],
)
def test_machines(document: Any, expected: list[Any]) -> None:
    assert said(document) == expected


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (machine(), [("/id", "this key is missing")]),
        (machine(id="no spaces"), [("/id", f'{JOB_ID}, not "no spaces"')]),
        (machine(id="x", lables={}), [("/lables", 'a state machine has no field "lables"', "labels")]),
        (machine(id="x", labels=[]), [("/labels", "this must be an object, not a list")]),
        (machine(id="x", timeoutSeconds=5), [("/timeoutSeconds", 'a state machine has no field "timeoutSeconds"', "TimeoutSeconds")]),
        ({"id": "x", "definition": "{}"}, [("/definition", 'this must be an object, not "{}"')]),
        ({"id": "x", "definition": {}}, [("/definition", "These fields are required: [States, StartAt]")]),
        ({"id": "x", "definition": machine(id="x")}, [("/definition/id", 'a state machine has no field "id"')]),
        ({"id": "x", "definition": machine(), "StartAt": "A"}, [("/StartAt", "unknown key")]),
        ({"id": "x", "definition": machine(QueryLanguage="JSONata")}, [("/definition/QueryLanguage", "JSONata is not supported yet")]),
    ],
)
def test_our_own_keys(document: Any, expected: list[Any]) -> None:
    found = problems(document, id=None)
    assert [(problem.pointer, problem.message, *filter(None, [problem.suggestion])) for problem in found] == expected


PAIR = "Only one of these fields may be given: "
NO_END = 'either Next or "End": true is required'
STATES: list[tuple[Any, list[Any]]] = [
    # any state
    (1, [("", "this must be an object, not 1")]),
    ({}, [("", "These fields are required: [Type]")]),
    ({"Type": "pass"}, [("/Type", 'this must be one of Pass, Task, Choice, Wait, Succeed, Fail, Parallel, Map, not "pass"', "Pass")]),
    ({"Type": ["Pass"]}, [("/Type", "this must be one of Pass, Task, Choice, Wait, Succeed, Fail, Parallel, Map, not a list")]),
    ({"Type": "Pass"}, [("", NO_END)]),
    ({"Type": "Pass", "End": False}, [("", NO_END)]),
    ({"Type": "Pass", "End": "yes"}, [("/End", 'this must be true or false, not "yes"')]),
    ({"Type": "Pass", "End": True, "Next": "B"}, [("/End", "a state has Next or End, not both")]),
    ({"Type": "Pass", "Next": 1}, [("/Next", "this must be text, not 1")]),
    ({"Type": "Pass", "Next": ""}, [("/Next", "this must not be empty")]),
    ({"Type": "Pass", "End": True, "Comment": None}, [("/Comment", "this must be text, not null")]),
    ({"Type": "Pass", "End": True, "Nxt": "B"}, [("/Nxt", 'a Pass state has no field "Nxt"', "Next")]),
    ({"Type": "Pass", "End": True, "QueryLanguage": "JSONata"}, [("/QueryLanguage", "JSONata is not supported yet")]),
    ({"Type": "Pass", "End": True, "QueryLanguage": 1}, [("/QueryLanguage", "this must be JSONPath or JSONata, not 1")]),
    (
        {"Type": "Pass", "End": True, "Output": 1},
        [("/Output", "a Pass state has no 'Output' in JSONPath mode; it is a field of JSONata, which is not supported yet")],
    ),
    # paths and templates
    ({"Type": "Pass", "End": True, "InputPath": 1}, [("/InputPath", "this must be a path, as text, not 1")]),
    ({"Type": "Pass", "End": True, "OutputPath": "$["}, [("/OutputPath", "this '[' is never closed (column 2)")]),
    (
        {"Type": "Pass", "End": True, "ResultPath": "$.a[*]"},
        [("/ResultPath", "a reference path has only .name, ['name'] and [n] (column 4)")],
    ),
    (
        {"Type": "Pass", "End": True, "Parameters": {"x": [{"a/.$": 1}]}},
        [("/Parameters/x/0/a~1.$", "the value of a key that ends in '.$' must be a path or an intrinsic function, as text")],
    ),
    # variables
    ({"Type": "Pass", "End": True, "Assign": []}, [("/Assign", "this must be an object, not a list")]),
    (
        {"Type": "Pass", "End": True, "Assign": {"states": 1, "1x.$": "$", "v" * 81: 2, "a-b": 3}},
        [
            ("/Assign/states", "no variable may be called 'states': that name is reserved"),
            ("/Assign/1x.$", "\"1x\" is no name of a variable: letters, digits and '_', not starting with a digit"),
            (f"/Assign/{'v' * 81}", "a variable's name has at most 80 characters"),
            ("/Assign/a-b", "\"a-b\" is no name of a variable: letters, digits and '_', not starting with a digit"),
        ],
    ),
    # Task
    ({"Type": "Task", "End": True}, [("", "These fields are required: [Resource]")]),
    ({"Type": "Task", "End": True, "Resource": ""}, [("/Resource", 'this must be a function\'s name or a resource ARN, not ""')]),
    ({"Type": "Task", "End": True, "Resource": 1}, [("/Resource", "this must be a function's name or a resource ARN, not 1")]),
    ({"Type": "Task", "End": True, "Resource": "$.f"}, [("/Resource", "Value is not a valid resource ARN, nor the name of a function")]),
    (
        {"Type": "Task", "End": True, "Resource": "arn:aws:x"},
        [("/Resource", "Value is not a valid resource ARN, nor the name of a function")],
    ),
    *(
        ({"Type": "Task", "End": True, "Resource": arn}, [("/Resource", f'the resource "{arn}" is not supported yet', *suggestion)])
        for arn, *suggestion in (
            ("arn:aws:states:us-east-1:012345678901:activity:pick",),
            ("arn:aws:states:::states:startExecution.sync:2",),
            ("arn:aws:states:::lambda:invoke.waitForTaskToken", INVOKE),
            ("arn:aws:states:::aws-sdk:sfn:sendTaskSuccess",),
            ("arn:aws:states:::lambda:invok", INVOKE),
        )
    ),
    ({"Type": "Task", "End": True, "Resource": INVOKE}, [("", "The field 'FunctionName' is required but was missing")]),
    (
        {"Type": "Task", "End": True, "Resource": INVOKE, "Parameters": {"functionName": "f"}},
        [
            ("/Parameters/functionName", 'The field "functionName" is not supported', "FunctionName"),
            ("/Parameters", "The field 'FunctionName' is required but was missing"),
        ],
    ),
    (
        {"Type": "Task", "End": True, "Resource": INVOKE, "Parameters": {"FunctionName": ["f"], "InvocationType": "event"}},
        [
            ("/Parameters/InvocationType", 'this must be RequestResponse, Event, DryRun, not "event"', "Event"),
            ("/Parameters/FunctionName", "this must be a function's name or ARN, not a list"),
        ],
    ),
    (
        {"Type": "Task", "End": True, "Resource": INVOKE, "Parameters": {"FunctionName": "a b"}},
        [("/Parameters/FunctionName", 'this must be a function\'s name or ARN, not "a b"')],
    ),
    (
        {"Type": "Task", "End": True, "Resource": "f", "TimeoutSeconds": 1, "TimeoutSecondsPath": "$"},
        [("/TimeoutSecondsPath", f"{PAIR}[TimeoutSeconds, TimeoutSecondsPath]")],
    ),
    (
        {"Type": "Task", "End": True, "Resource": "f", "HeartbeatSecondsPath": "$", "HeartbeatSeconds": 0},
        [
            ("/HeartbeatSeconds", "this must be from 1 to 99999999, not 0"),
            ("/HeartbeatSecondsPath", f"{PAIR}[HeartbeatSeconds, HeartbeatSecondsPath]"),
        ],
    ),
    (
        {"Type": "Task", "End": True, "Resource": "f", "TimeoutSeconds": 5, "HeartbeatSeconds": 5},
        [("/HeartbeatSeconds", "this must be less than TimeoutSeconds, 5")],
    ),
    (
        {"Type": "Task", "End": True, "Resource": "f", "Credentials": {}},
        [("/Credentials", "The field 'RoleArn' is required but was missing")],
    ),
    ({"Type": "Task", "End": True, "Resource": "f", "Credentials": 1}, [("/Credentials", "this must be an object, not 1")]),
    (
        {"Type": "Task", "End": True, "Resource": "f", "Credentials": {"RoleArn": "r", "RolArn.$": "$.r"}},
        [("/Credentials/RolArn.$", 'Credentials have no field "RolArn.$"', "RoleArn")],
    ),
    (
        {"Type": "Task", "End": True, "Resource": "f", "Arguments": {}},
        [("/Arguments", "a Task state has no 'Arguments' in JSONPath mode; it is a field of JSONata, which is not supported yet")],
    ),
    # Retry and Catch
    ({"Type": "Pass", "End": True, "Retry": []}, [("/Retry", 'a Pass state has no field "Retry"')]),
    ({"Type": "Task", "End": True, "Resource": "f", "Retry": {}}, [("/Retry", "this must be a list, not an object")]),
    (
        {"Type": "Task", "End": True, "Resource": "f", "Retry": [1, {}, {"ErrorEquals": []}, {"ErrorEquals": [1, ""]}]},
        [
            ("/Retry/0", "this must be an object, not 1"),
            ("/Retry/1", "These fields are required: [ErrorEquals]"),
            ("/Retry/2/ErrorEquals", "this must hold at least one error name"),
            ("/Retry/3/ErrorEquals/0", "this must be text, not 1"),
            ("/Retry/3/ErrorEquals/1", "this must not be empty"),
        ],
    ),
    (
        {
            "Type": "Task",
            "End": True,
            "Resource": "f",
            "Retry": [{"ErrorEquals": ["States.ALL", "E"]}, {"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": "E"}],
        },
        [
            ("/Retry/0/ErrorEquals", "States.ALL must stand alone: it means every error"),
            ("/Retry/2/ErrorEquals", 'this must be a list, not "E"'),
        ],
    ),
    (
        {
            "Type": "Task",
            "End": True,
            "Resource": "f",
            "Retry": [
                {"ErrorEquals": ["E"], "IntervalSeconds": 0, "MaxAttempts": -1, "BackoffRate": 0.5, "JitterStrategy": "full"},
                {"ErrorEquals": ["E"], "MaxDelaySeconds": 31622401, "BackoffRate": "2", "MaxAttempt": 1},
                {"ErrorEquals": ["E"], "IntervalSeconds": 5, "MaxDelaySeconds": 5},
                {"ErrorEquals": ["E"], "MaxDelaySeconds": 1},
            ],
        },
        [
            ("/Retry/0/IntervalSeconds", "this must be from 1 to 99999999, not 0"),
            ("/Retry/0/MaxAttempts", "this must be from 0 to 99999999, not -1"),
            ("/Retry/0/BackoffRate", "this must be from 1 to 1e+300, not 0.5"),
            ("/Retry/0/JitterStrategy", 'this must be FULL or NONE, not "full"', "FULL"),
            ("/Retry/1/MaxDelaySeconds", "this must be from 1 to 31622400, not 31622401"),
            ("/Retry/1/BackoffRate", 'this must be a number, not "2"'),
            ("/Retry/1/MaxAttempt", 'a retrier has no field "MaxAttempt"', "MaxAttempts"),
            ("/Retry/2/MaxDelaySeconds", "this must be more than IntervalSeconds, 5"),
            ("/Retry/3/MaxDelaySeconds", "this must be more than IntervalSeconds, 1"),
        ],
    ),
    (
        {
            "Type": "Task",
            "End": True,
            "Resource": "f",
            "Catch": [{"ErrorEquals": ["E"]}, None, {"ErrorEquals": ["E"], "Next": "B", "End": 1}],
        },
        [
            ("/Catch/0", "These fields are required: [Next]"),
            ("/Catch/1", "this must be an object, not null"),
            ("/Catch/2/End", 'a catcher has no field "End"'),
        ],
    ),
    # Choice
    ({"Type": "Choice"}, [("", "These fields are required: [Choices]")]),
    ({"Type": "Choice", "Choices": []}, [("/Choices", "this must hold at least one rule")]),
    ({"Type": "Choice", "Choices": [1]}, [("/Choices/0", "this must be an object, not 1")]),
    (
        {"Type": "Choice", "Choices": [RULE], "End": True, "Next": "B", "Retry": [], "ResultPath": "$"},
        [
            ("/End", 'a Choice state has no field "End"'),
            ("/Next", 'a Choice state has no field "Next"'),
            ("/Retry", 'a Choice state has no field "Retry"'),
            ("/ResultPath", 'a Choice state has no field "ResultPath"', "InputPath"),
        ],
    ),
    (
        {"Type": "Choice", "Choices": [{"Variable": "$.x", "IsNull": True}], "Default": 1},
        [("/Choices/0", "These fields are required: [Next]"), ("/Default", "this must be text, not 1")],
    ),
    (
        {"Type": "Choice", "Choices": [{"Not": RULE, "Next": "B"}]},
        [("/Choices/0/Not/Next", "'Next' is not allowed inside of a rule")],
    ),
    (
        {"Type": "Choice", "Choices": [{"Variable": "$.x", "StringEqual": "a", "Next": "B"}]},
        [
            ("/Choices/0/StringEqual", "there is no comparison operator or field 'StringEqual'", "StringEquals"),
            ("/Choices/0", "a choice rule needs one comparison operator, or And, Or or Not"),
        ],
    ),
    (
        {"Type": "Choice", "Choices": [{"Condition": "{% true %}", "Next": "B"}]},
        [
            (
                "/Choices/0/Condition",
                "a choice rule has no 'Condition' in JSONPath mode; it is a field of JSONata, which is not supported yet",
            )
        ],
    ),
    # Wait
    ({"Type": "Wait", "End": True}, [("", "One of these fields is required: [Seconds, SecondsPath, Timestamp, TimestampPath]")]),
    (
        {"Type": "Wait", "End": True, "Seconds": 1, "Timestamp": "2016-03-14T01:59:00Z"},
        [("/Timestamp", f"{PAIR}[Seconds, Timestamp]")],
    ),
    ({"Type": "Wait", "End": True, "Seconds": -1}, [("/Seconds", "this must be from 0 to 99999999, not -1")]),
    ({"Type": "Wait", "End": True, "Seconds": "{% 1 %}"}, [("/Seconds", 'this must be a whole number, not "{% 1 %}"')]),
    ({"Type": "Wait", "End": True, "Timestamp": 1}, [("/Timestamp", "this must be text, not 1")]),
    *(
        ({"Type": "Wait", "End": True, "Timestamp": text}, [("/Timestamp", "String does not match RFC3339 timestamp")])
        for text in ("05-12-2016T21:29:29Z", "2016-03-14 01:59:00Z", "2016-03-14T01:59:00", "2016-13-14T01:59:00Z", "{% $x %}", "")
    ),
    # Succeed and Fail
    ({"Type": "Succeed", "End": True}, [("/End", 'a Succeed state has no field "End"')]),
    (
        {"Type": "Succeed", "Next": "B", "Assign": {}},
        [("/Next", 'a Succeed state has no field "Next"'), ("/Assign", 'a Succeed state has no field "Assign"')],
    ),
    (
        {"Type": "Fail", "InputPath": "$", "End": True},
        [("/InputPath", 'a Fail state has no field "InputPath"'), ("/End", 'a Fail state has no field "End"')],
    ),
    (
        {"Type": "Fail", "Error": "E", "ErrorPath": "$.e", "Cause": 1},
        [("/Cause", "this must be text, not 1"), ("/ErrorPath", f"{PAIR}[Error, ErrorPath]")],
    ),
    (
        {"Type": "Fail", "CausePath": "x"},
        [("/CausePath", "expected a path ($...), a context path ($$...), a variable ($name) or a call (States.Name(...)) (column 1)")],
    ),
    # Parallel and Map
    ({"Type": "Parallel", "End": True}, [("", "These fields are required: [Branches]")]),
    ({"Type": "Parallel", "End": True, "Branches": []}, [("/Branches", "this must hold at least one branch")]),
    (
        {"Type": "Parallel", "End": True, "Branches": [1, {}, INNER | {"TimeoutSeconds": 1}]},
        [
            ("/Branches/0", "this must be an object, not 1"),
            ("/Branches/1", "These fields are required: [States, StartAt]"),
            ("/Branches/2/TimeoutSeconds", 'a branch has no field "TimeoutSeconds"'),
        ],
    ),
    ({"Type": "Map", "End": True}, [("", "One of these fields is required: [ItemProcessor, Iterator]")]),
    ({"Type": "Map", "End": True, "ItemProcessor": 1}, [("/ItemProcessor", "this must be an object, not 1")]),
    (
        {"Type": "Map", "End": True, "ItemProcessor": INNER | {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}},
        [("/ItemProcessor/ProcessorConfig/Mode", "DISTRIBUTED is not supported yet")],
    ),
    (
        {"Type": "Map", "End": True, "ItemProcessor": INNER | {"ProcessorConfig": {"Mode": "INLIN", "ExecutionType": "EXPRESS", "x": 1}}},
        [
            ("/ItemProcessor/ProcessorConfig/Mode", 'this must be INLINE or DISTRIBUTED, not "INLIN"', "INLINE"),
            ("/ItemProcessor/ProcessorConfig/x", 'ProcessorConfig has no field "x"'),
            ("/ItemProcessor/ProcessorConfig/ExecutionType", "only a DISTRIBUTED Map has an ExecutionType"),
        ],
    ),
    (
        {"Type": "Map", "End": True, "ItemProcessor": INNER | {"ProcessorConfig": 1}},
        [("/ItemProcessor/ProcessorConfig", "this must be an object, not 1")],
    ),
    (
        {"Type": "Map", "End": True, "ItemProcessor": INNER, "ItemReader": {}, "ItemBatcher": {}, "ResultWriter": {}, "Label": "x"},
        [(f"/{key}", f"{key} (distributed Map) is not supported yet") for key in ("ItemReader", "ItemBatcher", "ResultWriter", "Label")],
    ),
    (
        {"Type": "Map", "End": True, "ItemProcessor": INNER, "ItemSelector": {}, "Parameters": {}},
        [("/Parameters", f"{PAIR}[ItemSelector, Parameters]")],
    ),
    (
        {"Type": "Map", "End": True, "ItemProcessor": INNER, "MaxConcurrency": -1, "ToleratedFailurePercentage": 101, "Items": []},
        [
            ("/MaxConcurrency", "this must be from 0 to 2147483647, not -1"),
            ("/ToleratedFailurePercentage", "this must be from 0 to 100, not 101"),
            ("/Items", "a Map state has no 'Items' in JSONPath mode; it is a field of JSONata, which is not supported yet"),
        ],
    ),
]


@pytest.mark.parametrize(("state", "expected"), STATES)
def test_states(state: Any, expected: list[Any]) -> None:
    document = {"StartAt": "A", "States": {"A": state, "B": {"Type": "Succeed"}}}
    assert said(document) == [(f"/States/A{pointer}", *rest) for pointer, *rest in expected]


def test_transitions_lead_to_states_of_the_same_scope() -> None:
    task = {"Type": "Task", "Resource": "f", "Catch": [{"ErrorEquals": ["E"], "Next": "X"}], "Next": "Bb"}
    states = {
        "A": {"Type": "Choice", "Choices": [RULE | {"Next": "C"}, 7], "Default": "a"},
        "B": {"Type": "Map", "ItemProcessor": {"StartAt": "X", "States": {"X": {"Type": "Pass", "Next": "A"}}}, "End": True},
        "Task": task,
        "Odd": {"Type": "?", "Next": "Tusk"},
        "None": 1,
    }
    found = [problem for problem in problems({"StartAt": "A", "States": states}) if problem.code == TRANSITION]
    assert [(problem.pointer, problem.message, problem.suggestion) for problem in found] == [
        ("/States/A/Default", "Missing 'Default' target: \"a\" is no state here", "A"),
        ("/States/A/Choices/0/Next", "Missing 'Next' target: \"C\" is no state here", None),
        ("/States/Task/Next", "Missing 'Next' target: \"Bb\" is no state here", "B"),
        ("/States/Task/Catch/0/Next", "Missing 'Next' target: \"X\" is no state here", None),
        ("/States/Odd/Next", "Missing 'Next' target: \"Tusk\" is no state here", "Task"),
        ("/States/B/ItemProcessor/States/X/Next", "Missing 'Next' target: \"A\" is no state here", None),
    ]


def test_names_are_given_once_in_the_whole_document() -> None:
    inner = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}, "B": {"Type": "Pass", "End": True}}}
    document = machine(States={"A": {"Type": "Parallel", "Branches": [inner, INNER], "Next": "B"}, "B": {"Type": "Succeed"}})
    assert problems(document) == [
        Problem("/States/A/Branches/0/States/A", 'the name "A" is taken by /States/A', code="DUPLICATE_STATE_NAME"),
        Problem("/States/A/Branches/0/States/B", 'the name "B" is taken by /States/B', code="DUPLICATE_STATE_NAME"),
    ]


def test_inner_scopes_do_not_assign_the_variables_of_outer_ones() -> None:
    inmost = {"StartAt": "Y", "States": {"Y": {"Type": "Pass", "Assign": {"one": 1, "two": 2, "three": 3}, "End": True}}}
    branch = {"StartAt": "X", "States": {"X": {"Type": "Map", "ItemProcessor": inmost, "Assign": {"two.$": "$.x"}, "End": True}}}
    rule = RULE | {"Assign": {"three": 3}}
    states = {
        "A": {"Type": "Parallel", "Branches": [branch], "Catch": [{"ErrorEquals": ["E"], "Next": "B", "Assign": {"one": 1}}], "Next": "C"},
        "B": {"Type": "Succeed"},
        "C": {"Type": "Choice", "Choices": [rule]},
    }
    place = "/States/A/Branches/0/States/X/ItemProcessor/States/Y/Assign"
    message = "the variable {} belongs to an outer scope; here it can only be read"
    assert said(machine(States=states)) == [
        (f"{place}/one", message.format('"one"')),
        (f"{place}/two", message.format('"two"')),
        (f"{place}/three", message.format('"three"')),
    ]


def test_of_jsonata_only_what_both_languages_share_is_looked_at() -> None:
    rule = {"Condition": "{% true %}", "Next": "Nowhere"}
    states = {
        "A": {"Type": "Task", "Resource": INVOKE, "Arguments": {}, "TimeoutSeconds": "{% 1 %}", "Credentials": {}, "Next": "C"},
        "B": {"Type": "Pass", "QueryLanguage": "JSONPath", "Output": 1},
        "C": {"Type": "Choice", "Choices": [rule], "Foo": 1},
        "D": {"Type": "Map", "Items": [], "End": True},
    }
    found = problems(machine(States=states, QueryLanguage="JSONata"))
    assert [(problem.pointer, problem.message) for problem in found] == [
        ("/QueryLanguage", "JSONata is not supported yet"),
        ("/States/A/Credentials", "The field 'RoleArn' is required but was missing"),
        ("/States/B", "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine"),
        ("/States/B", NO_END),
        ("/States/C/Choices/0/Next", "Missing 'Next' target: \"Nowhere\" is no state here"),
    ]


def test_all_at_once() -> None:
    document = {
        "StartAt": "Nowhere",
        "Version": 2,
        "States": {"A": {"Type": "Pass"}, "B": {"Type": "Wait", "Seconds": -1, "Next": "C"}, "D": {"Type": "Fial"}},
    }
    assert [problem.pointer for problem in problems(document, id=None)] == [
        "/id",
        "/Version",
        "/States/A",
        "/States/B/Seconds",
        "/States/D/Type",
        "/StartAt",
        "/States/B/Next",
    ]


def test_a_document_full_of_wrong_names_is_answered_soon() -> None:
    states = {f"s{number}": {"Type": "Pass", "InputPath": f"$v{number}", "Next": f"s{number}x"} for number in range(3_000)}
    found = problems(machine(StartAt="s0", States={"x": {"Type": "Pass", "Assign": {"v": 1}, "End": True}} | states))
    assert len(found) == 3_000
    assert found[0].suggestion is not None
    assert found[-1].suggestion is None
