"""`inputSchema`: which schemas are taken, what is said of those that are not, and what is said of inputs; all of it in bounded time."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from workflows.errors import Invalid
from workflows.language import compile_definition, read_definition
from workflows.language.input_schemas import check_schema
from workflows.language.inputs import InputCheck

ITEM = {"$defs": {"item": {"type": "string"}}}


def nested(levels: int, around: str) -> Any:
    schema: Any = {}
    for _ in range(levels - 1):
        schema = {around: [schema]} if around == "allOf" else {around: schema}
    return schema


def chain(length: int) -> dict[str, Any]:
    steps: dict[str, Any] = {f"a{n}": {"$ref": f"#/$defs/a{n + 1}"} for n in range(length)}
    return {"$ref": "#/$defs/a0", "$defs": {**steps, f"a{length}": {}}}


GOOD: list[Any] = [
    True,
    False,
    {},
    {"type": "object", "properties": {"a": {"type": ["integer", "null"]}}, "required": ["a"], "additionalProperties": False},
    {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://example.org/order", "title": "An order", "x-owner": 1},
    {"items": {"$ref": "#/$defs/item"}, **ITEM},
    {"$ref": "#/$defs/a~1b%20c", "$defs": {"a/b c": {}}},
    {"properties": {"$ref": {"type": "string"}, "unevaluatedItems": {}, "pattern": {}}, "enum": [{"$ref": "http://x"}]},
    {"items": {"$ref": "#"}},
    {"patternProperties": {"^x-": {}}, "properties": {"a": {"pattern": r"\p{L}+"}}},
    {"if": {"type": "object"}, "then": {"minProperties": 1}, "else": {"const": None}, "not": {"type": "number"}},
    nested(40, "items"),
    chain(38),
]

BAD: list[tuple[Any, str, str]] = [
    ([], "", "a JSON Schema is an object, or true or false, not a list"),
    ("object", "", "a JSON Schema is an object"),
    (None, "", "a JSON Schema is an object"),
    ({"type": "strin"}, "/type", '"string", not "strin"'),
    ({"properties": {"a": {"minimum": "3"}}}, "/properties/a/minimum", 'this must be a number, not "3"'),
    ({"required": "a"}, "/required", 'this must be a list, not "a"'),
    ({"required": ["a", "a"]}, "/required", "the rule 'uniqueItems'"),
    ({"minLength": -1}, "/minLength", "at least 0, not -1"),
    ({"allOf": []}, "/allOf", "at least 1 items, not 0"),
    ({"items": [{}]}, "/items", "not a list"),
    ({"items": 5}, "/items", "this must be an object or true or false, not 5"),
    ({"pattern": "("}, "/pattern", "no regular expression: missing )"),
    ({"patternProperties": {"a/(": {}}}, "/patternProperties/a~1(", "no regular expression"),
    ({"pattern": "a" * 1_001}, "/pattern", "at most 1,000 characters"),
    ({"$ref": "https://example.org/schema"}, "/$ref", "a place in this schema"),
    ({"$ref": "other.json#/$defs/a"}, "/$ref", "a place in this schema"),
    ({"$ref": "file:///etc/passwd"}, "/$ref", "a place in this schema"),
    ({"$ref": "#item"}, "/$ref", "a place in this schema"),
    ({"$ref": ""}, "/$ref", "a place in this schema"),
    ({"items": {"$ref": "#/$defs/itme"}, **ITEM}, "/items/$ref", "there is no schema at"),
    ({"$ref": "#/enum/0", "enum": [{"$ref": "http://x"}]}, "/$ref", "there is no schema at"),
    ({"$ref": 5}, "/$ref", "this must be text, not 5"),
    ({"$ref": "#"}, "", "leads back to itself"),
    ({"not": {"anyOf": [{"$ref": "#"}]}}, "", "leads back to itself"),
    ({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"allOf": [{"$ref": "#/$defs/a"}]}}}, "/$defs/b", "leads back to itself"),
    ({"items": {"$id": "https://example.org/"}}, "/items/$id", "only the whole schema may have a $id"),
    ({"not": {"$schema": "https://json-schema.org/draft/2020-12/schema"}}, "/not/$schema", "only the whole schema may have a $schema"),
    ({"$schema": "http://json-schema.org/draft-07/schema#"}, "/$schema", "2020-12"),
    ({"$anchor": "a"}, "/$anchor", "not supported: refer to places by path"),
    ({"$dynamicRef": "#a"}, "/$dynamicRef", "not supported"),
    ({"unevaluatedProperties": False}, "/unevaluatedProperties", "use additionalProperties"),
    ({"items": {"unevaluatedItems": False}}, "/items/unevaluatedItems", "use items"),
    (nested(41, "items"), "/items" * 40, "at most 40 levels"),
    (nested(150, "items"), "/items" * 40, "at most 40 levels"),
    (nested(41, "allOf"), "/allOf/0" * 40, "at most 40 levels"),
    (chain(2_000), "/$defs/a39", "more than 40 schemas lead to each other"),
    ({"enum": ["x" * 70_000]}, "", "at most 65,536 characters"),
]


@pytest.mark.parametrize("schema", GOOD, ids=lambda schema: json.dumps(schema)[:50])
def test_a_good_schema(schema: Any) -> None:
    assert check_schema(schema) == []
    InputCheck(schema).problems({})


@pytest.mark.parametrize(("schema", "pointer", "words"), BAD, ids=lambda value: json.dumps(value)[:50])
def test_a_bad_schema(schema: Any, pointer: str, words: str) -> None:
    found = check_schema(schema)
    assert [one.pointer for one in found] == [pointer], found
    assert words in found[0].message


def test_all_that_is_wrong_is_told_once() -> None:
    schema = {"type": 1, "properties": {"a": {"pattern": "[", "maximum": "x"}, "b": {"$ref": "#/no"}}, "required": [5]}
    found = check_schema(schema)
    places = ["/properties/a/maximum", "/properties/a/pattern", "/properties/b/$ref", "/required/0", "/type"]
    assert sorted(one.pointer for one in found) == places
    many = check_schema({"properties": {f"p{n}": {"type": 1} for n in range(300)}})
    assert len(many) == 101
    assert "more problems than the 100" in many[-1].message


# -------------------------------------------------------------------------------------------------------------------- inputs

ORDER = {
    "type": "object",
    "required": ["id", "items"],
    "additionalProperties": False,
    "patternProperties": {"^x-": {"type": "string"}},
    "properties": {
        "id": {"type": "integer", "minimum": 1, "maximum": 99},
        "items": {"type": "array", "minItems": 1, "uniqueItems": True, "items": {"$ref": "#/$defs/item"}},
        "how": {"enum": ["fast", "cheap"]},
        "code": {"type": "string", "pattern": "^[A-Z]+$", "maxLength": 3},
        "none": False,
        "pay": {"oneOf": [{"required": ["card"]}, {"required": ["cash"]}]},
        "size": {"anyOf": [{"type": "string"}, {"type": "number", "exclusiveMinimum": 0}]},
        "step": {"multipleOf": 5},
        "two": {"contains": {"const": 2}},
        "ship": {"dependentRequired": {"street": ["town"]}},
        "other": {"not": {"type": "null"}},
        "when": {"if": {"type": "integer"}, "then": {"minimum": 10}},
    },
    "$defs": {"item": {"type": ["string", "object"], "minLength": 2}},
}
BASE: dict[str, Any] = {"id": 1, "items": ["ab"]}

FITTING: list[Any] = [
    BASE,
    {**BASE, "id": 99.0, "x-note": "text", "how": "fast", "code": "ABC"},
    {**BASE, "items": ["ab", {"a": 1}, {"a": "1"}, {"a": True}]},
    {**BASE, "pay": {"card": 1}, "size": 0.5, "step": 10, "two": [1, 2], "ship": {"town": 1}, "other": 0, "when": 10},
]

WRONG: list[tuple[Any, dict[str, str]]] = [
    ([], {"": "this must be an object, not a list"}),
    ({}, {"/id": "this key is missing", "/items": "this key is missing"}),
    ({**BASE, "id": "1"}, {"/id": 'this must be a whole number, not "1"'}),
    ({**BASE, "id": True}, {"/id": "this must be a whole number, not true"}),
    ({**BASE, "id": 1.5}, {"/id": "this must be a whole number, not 1.5"}),
    ({**BASE, "id": 0}, {"/id": "this must be at least 1, not 0"}),
    ({**BASE, "id": 10**300}, {"/id": "this must be at most 99"}),
    ({**BASE, "items": []}, {"/items": "this must have at least 1 items, not 0"}),
    ({**BASE, "items": ["ab", "cd", "ab"]}, {"/items/2": "the same as item 0"}),
    ({**BASE, "items": [{"a": [1.0]}, {"a": [1]}]}, {"/items/1": "the same as item 0"}),
    ({**BASE, "items": ["a", 5]}, {"/items/0": "at least 2 characters, not 1", "/items/1": "this must be text or an object, not 5"}),
    ({**BASE, "how": "slow"}, {"/how": 'this must be one of "fast", "cheap", not "slow"'}),
    ({**BASE, "code": "abc"}, {"/code": 'this must match the pattern "^[A-Z]+$", as "abc" does not'}),
    ({**BASE, "none": 1}, {"/none": "nothing may stand here"}),
    ({**BASE, "a/b~c": 1}, {"/a~1b~0c": "unknown key"}),
    ({**BASE, "x-note": 5}, {"/x-note": "this must be text, not 5"}),
    ({**BASE, "pay": {}}, {"/pay": "fits none of the 2 forms that are allowed: /pay/card: this key is missing; or /pay/cash"}),
    ({**BASE, "pay": {"card": 1, "cash": 1}}, {"/pay": "fits 2 of the forms"}),
    (
        {**BASE, "size": 0},
        {"/size": "fits none of the 2 forms that are allowed: /size: this must be text, not 0; or /size: this must be more"},
    ),
    ({**BASE, "step": 7}, {"/step": "this must be a multiple of 5, not 7"}),
    ({**BASE, "two": [1]}, {"/two": "does not hold as many items"}),
    ({**BASE, "ship": {"street": 1}}, {"/ship/town": 'this key is missing: it goes with "street"'}),
    ({**BASE, "other": None}, {"/other": "must not have the form"}),
    ({**BASE, "when": 9}, {"/when": "at least 10"}),
]


@pytest.fixture(scope="module")
def order() -> InputCheck:
    assert check_schema(ORDER) == []
    return InputCheck(ORDER)


@pytest.mark.parametrize("value", FITTING, ids=lambda value: json.dumps(value)[:60])
def test_what_fits(order: InputCheck, value: Any) -> None:
    assert order.problems(value) == []
    assert Draft202012Validator(ORDER).is_valid(value), "jsonschema by itself says the same"


@pytest.mark.parametrize(("value", "expected"), WRONG, ids=lambda value: json.dumps(value)[:60])
def test_what_does_not_fit(order: InputCheck, value: Any, expected: dict[str, str]) -> None:
    found = {one.pointer: one.message for one in order.problems(value)}
    assert expected.keys() <= found.keys(), found
    assert all(words in found[pointer] for pointer, words in expected.items()), found
    assert not Draft202012Validator(ORDER).is_valid(value), "jsonschema by itself says the same"


def test_the_nearest_key_is_told(order: InputCheck) -> None:
    (found,) = order.problems({**BASE, "shpi": 1})
    assert (found.pointer, found.suggestion) == ("/shpi", "ship")


def test_the_first_hundred_are_told() -> None:
    found = InputCheck({"items": {"type": "string"}}).problems(list(range(100_000)))
    assert [one.pointer for one in found[:2]] == ["/0", "/1"]
    assert (len(found), found[-1].pointer) == (101, "")


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"items": {"pattern": "(a+)+b"}}, ["a" * 50_000]),
        ({"patternProperties": {"(a+)+b": {}}}, {"a" * 50_000: 1}),
        ({"additionalProperties": False, "patternProperties": {"(a|aa)+b": {}}}, {"a" * 50_000: 1}),
        ({"$ref": "#/$defs/a0", "$defs": {**{f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(18)}, "a18": {}}}, 1),
        ({"$schema": "https://json-schema.org/draft/2020-12/schema", "items": {"$ref": "#"}, "pattern": "(a+)+b"}, ["a" * 50_000]),
        ({"items": {"anyOf": [{"items": {"type": "null"}}] * 500}}, [[None] * 100] * 1_000),
    ],
    ids=[
        "a pattern",
        "a pattern of keys",
        "keys beside a pattern",
        "two to the power of eighteen",
        "a schema that names its draft",
        "many forms",
    ],
)
def test_a_check_that_would_take_for_ever_is_given_up(schema: Any, value: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """And other threads go on meanwhile."""
    assert check_schema(schema) == []
    monkeypatch.setattr("workflows.language.inputs.CHECK_S", 0.3)
    monkeypatch.setattr("workflows.language.inputs.SEARCH_S", 0.3)
    ticks, most, stop = [0], 0, threading.Event()

    def tick() -> None:
        while not stop.wait(0.01):
            ticks[0] += 1

    thread = threading.Thread(target=tick)
    thread.start()
    for _ in range(20):  # a busy machine may have let this process wait for just so long
        ticks[0] = 0
        found = InputCheck(schema).problems(value)
        most = max(most, ticks[0])
        if most >= 3:
            break
    stop.set()
    thread.join()
    assert "cannot be checked" in found[0].message
    assert most >= 3


def test_unique_items_are_compared_in_linear_time() -> None:
    assert InputCheck({"uniqueItems": True}).problems([{"n": n} for n in range(50_000)]) == []


def test_a_deep_input_of_a_schema_that_refers_to_itself() -> None:
    check = InputCheck({"anyOf": [{"type": "integer"}, {"items": {"$ref": "#"}}]})
    deep: Any = 1
    for _ in range(40):
        deep = [deep]
    assert check.problems(deep) == []
    for _ in range(159):
        deep = [deep]
    assert all("nested too deeply" in one.message for one in check.problems(deep)), "an answer, not an exception"


# --------------------------------------------------------------------------------------------------------------- definitions

TASKS = {"tasks": [{"id": "a", "functionName": "echo"}]}
STATES = {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}


@pytest.mark.parametrize(
    "document", [{"id": "j", **TASKS}, {"id": "j", **STATES}, {"id": "j", "definition": STATES}], ids=["list", "beside", "around"]
)
def test_both_kinds_of_definitions_take_a_priority_and_a_schema(document: dict[str, Any]) -> None:
    read = compile_definition(json.dumps({**document, "priority": -7, "inputSchema": ORDER}), 1)
    assert (read.priority, read.input_schema) == (-7, ORDER)
    plain = compile_definition(json.dumps(document), 1)
    assert (plain.priority, plain.input_schema) == (0, None)
    with pytest.raises(Invalid) as caught:
        read_definition(
            json.dumps({**document, "priority": 1_001, "inputSchema": {"items": {"type": "txt"}, "$ref": "#/x"}}, indent=1), functions=None
        )
    found = {one.pointer: one for one in caught.value.problems}
    assert set(found) == {"/priority", "/inputSchema/items/type", "/inputSchema/$ref"}
    assert "from -1000 to 1000" in found["/priority"].message
    assert all(one.line for one in found.values())
