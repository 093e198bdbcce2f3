"""Whatever is sent as a state machine, the answer is a machine or its problems, and what is right compiles."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflows.errors import Invalid
from workflows.language.definitions import read_definition
from workflows.language.fields import Kind
from workflows.language.retries import CATCHER, RETRIER
from workflows.language.scopes import BRANCH, KINDS, MACHINE, PROCESSOR
from workflows.language.states import read
from workflows.language.text import MAX_DEPTH
from workflows.states import StateMachine, all_states

NAMES = ["A", "B", "C/~", "é"]
OTHER = ["Variable", "StringEquals", "IsNull", "And", "Not", "FunctionName", "RoleArn.$", "x.$", "Mode", "ProcessorConfig", "definition"]
TEXTS = [
    *(
        "$",
        "$$.x",
        "$.a[0]",
        "$.a[*]",
        "$v",
        "$.",
        "States.UUID()",
        "States.Format('{}', $v)",
        "{% 1 %}",
        "JSONata",
        "JSONPath",
        "States.ALL",
    ),
    *("f", "arn:aws:lambda:r:1:function:f", "arn:aws:states:::lambda:invoke", "arn:x", "2016-03-14T01:59:00Z", "INLINE", "DISTRIBUTED"),
]


def keys_of(*kinds: Kind) -> list[str]:
    return sorted({key for kind in kinds for key in kind.fields})


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-2, 10**8)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(NAMES + TEXTS + list(KINDS))
)
keys = st.sampled_from([*keys_of(*KINDS.values(), CATCHER, RETRIER), *NAMES, *OTHER]) | st.text(max_size=3)
anything = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4), max_leaves=20)


def some_of(kind: Kind, type: str | None, inner: Any) -> Any:
    fixed = {} if type is None else {"Type": st.just(type)}
    return st.fixed_dictionaries(fixed, optional={key: inner for key in kind.fields if key not in fixed})


def scopes(kind: Kind, states: Any) -> Any:
    return st.fixed_dictionaries(
        {"StartAt": st.sampled_from(NAMES), "States": st.dictionaries(st.sampled_from(NAMES), states, max_size=3)},
        optional={key: anything for key in kind.fields if key not in ("StartAt", "States")},
    )


flat = st.one_of([some_of(kind, type, anything) for type, kind in KINDS.items()])
inner_scopes = scopes(BRANCH, flat) | scopes(PROCESSOR, flat)
holding = st.fixed_dictionaries({"Type": st.just("Parallel"), "Branches": st.lists(inner_scopes, max_size=2)}) | st.fixed_dictionaries(
    {"Type": st.just("Map"), "ItemProcessor": inner_scopes}, optional={"ItemSelector": anything, "End": st.booleans()}
)
machines = scopes(MACHINE, flat | holding | anything)


def answered(document: Any, **options: Any) -> StateMachine | None:
    refused: Invalid
    try:
        return read(document, functions=NAMES.__contains__, function_names=NAMES, **options)
    except Invalid as error:
        refused = error
    assert any(problem.severity == "error" for problem in refused.problems)
    return None


@settings(max_examples=300, derandomize=True)
@given(machines | anything)
def test_anything_is_answered(document: Any) -> None:
    answered(document, id="m")
    answered(document)
    with pytest.raises(Invalid) as caught:  # the switch is off, so even what is sound is refused
        read_definition(json.dumps(document), functions=None)
    assert all(problem.line and problem.column for problem in caught.value.problems)


# ------------------------------------------------------------------------------------ what is right

ends: Any = st.just({"End": True}) | st.sampled_from([{"Next": name} for name in "AB"])
simple = st.sampled_from(
    [
        *({"Type": "Pass"}, {"Type": "Pass", "ResultPath": None, "Parameters": {"a.$": "$.b"}}, {"Type": "Wait", "Seconds": 1}),
        *({"Type": "Task", "Resource": "A"}, {"Type": "Task", "Resource": "B", "TimeoutSeconds": 5, "HeartbeatSecondsPath": "$.h"}),
    ]
)
middle = st.builds(lambda state, end: {**state, **end}, simple, ends)
choice = st.just({"Type": "Choice", "Choices": [{"Variable": "$.a", "IsPresent": True, "Next": "B"}], "Default": "A"})
sound_states = middle | choice | st.sampled_from([{"Type": "Succeed"}, {"Type": "Fail", "Error": "E"}])
sound = st.builds(lambda a, b: {"StartAt": "A", "States": {"A": a, "B": b}}, sound_states, sound_states)


def renamed(document: Any, prefix: str) -> Any:
    """The same machine, its states called otherwise."""
    text = json.dumps(document)
    for name in "AB":
        for key in ("StartAt", "Next", "Default"):
            text = text.replace(f'"{key}": "{name}"', f'"{key}": "{prefix}{name}"')
        text = text.replace(f'"{name}": {{', f'"{prefix}{name}": {{')
    return json.loads(text)


@given(sound, sound, sound)
def test_what_is_right_compiles(outer: Any, first: Any, second: Any) -> None:
    branches = [renamed(first, "1"), renamed(second, "2")]
    document = {**outer, "States": {**outer["States"], "P": {"Type": "Parallel", "Branches": branches, "Next": "A"}}}
    compiled = answered(document, id="m")
    assert compiled is not None
    assert [state.name for state in all_states(compiled)] == ["A", "B", "P", "1A", "1B", "2A", "2B"]
    assert {state.type for state in all_states(compiled)} <= KINDS.keys()


@pytest.mark.parametrize("kind", ["Map", "Parallel", "Not", "Parameters"])
def test_nesting_as_deep_as_json_may_be(kind: str) -> None:
    def wrap(inner: Any, level: int) -> Any:
        if kind == "Map":
            return {"StartAt": f"s{level}", "States": {f"s{level}": {"Type": "Map", "End": True, "ItemProcessor": inner}}}
        return {"StartAt": f"s{level}", "States": {f"s{level}": {"Type": "Parallel", "End": True, "Branches": [inner]}}}

    document: Any = {"StartAt": "X", "States": {"X": {"Type": "Pass", "End": True}}}
    levels = (MAX_DEPTH - 3) // (3 if kind == "Map" else 4)
    if kind == "Not":
        rule = json.loads('{"Not":' * (MAX_DEPTH - 5) + '{"Variable": "$", "IsNull": true}' + "}" * (MAX_DEPTH - 5))
        document["States"]["X"] = {"Type": "Choice", "Choices": [rule | {"Next": "X"}]}
    elif kind == "Parameters":
        document["States"]["X"]["Parameters"] = json.loads("[" * (MAX_DEPTH - 3) + "]" * (MAX_DEPTH - 3))
    else:
        for level in range(levels):
            document = wrap(document, level)
    wrong = kind == "Not"
    with pytest.raises(Invalid) if wrong else nullcontext():
        read_definition(json.dumps(document | {"id": "deep"}), functions=None)
    assert (answered(document, id="m") is None) == wrong
