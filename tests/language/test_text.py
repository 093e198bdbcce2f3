"""JSON text: what is taken in, with the place named where it is not, and what is given out."""

from __future__ import annotations

import json
import pickle
from collections import OrderedDict, namedtuple
from enum import IntEnum, StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.errors import NotJson
from workflows.language.text import InvalidValue, canonical, check, dumps, loads, loads_unique

LARGEST = 2**1024 - 2**970 - 1

REFUSED: list[tuple[str | bytes, str]] = [
    ("", "empty"),
    (b" \r\n\t", "empty"),
    ("[1,\n 2", "not JSON: .* at line 2, column 3"),
    ('{"a":1,}', "not JSON: .* line 1, column"),
    ("[1] 2", "not JSON: Extra data at line 1, column 5"),
    ('["a', "not JSON: Unterminated string starting at line 1, column 2"),
    ("'a'", "not JSON: Expecting value at line 1, column 1"),
    ("\u00a01", "not JSON"),
    ('"a\tb"', "not JSON: .* column 3"),
    (b'{"a":\n "\xc3"}', "not UTF-8: byte 0xc3 at line 2, column 3"),
    (b'["\xc3\xa9\xed\xa0\x80"]', "not UTF-8: byte 0xed at line 1, column 4"),
    ("1".encode("utf-16"), "not UTF-8"),
    (b"\xef\xbb\xbf1", "byte order mark"),
    ("\ufeff1", "byte order mark"),
    ("[1, NaN]", "NaN is not a JSON value, at line 1, column 5"),
    ('{"NaN": Infinity}', "Infinity is not a JSON value, at line 1, column 9"),
    ('["\\"1e999", [-Infinity]]', "-Infinity is not a JSON value, at line 1, column 14"),
    ("[1,\n1e400]", "number out of range .* line 2, column 1"),
    ("-1e309", "number out of range .* column 1"),
    ("9" * 250 + "e99", "number out of range"),
    (str(LARGEST + 1), "number out of range"),
    ("[" + "7" * 309 + "]", "number out of range .* column 2"),
    ("-" + "1" * 5_000, "number out of range"),
    ('["a", "\\ud800"]', r"half a surrogate pair, \\ud800, at line 1, column 8"),
    ('"\\uDE00\\uD83D"', r"half a surrogate pair, \\uDE00, at line 1, column 2"),
    ('"\\ud83d x \\ude00"', "half a surrogate pair"),
    ('"\ud800"', "half a surrogate pair at line 1, column 2"),
    ("[" * 201 + "]" * 201, "nested more than 200 levels deep at line 1, column 201"),
    ('{"a":' * 201 + "1" + "}" * 201, "nested more than 200 levels deep at line 1, column 1001"),
    ("[" * 1_000_000, "nested more than 200"),
    ('["\\\\",\n"]",' + "[" * 300, "nested more than 200 levels deep at line 2, column 204"),
    ('\\"' + "[" * 201 + '"', "not JSON: .* column 1"),
    ('"' + "\\[" * 500, "not JSON"),
]

TAKEN = [
    " 1 ",
    "null",
    '"\\ud83d\\ude00 \\\\ud800 \\\\\\\\uD800 \\u00e9"',
    "[" * 200 + "]" * 200,
    '"' + "[{" * 500 + '"',
    '["\\"' + "[" * 300 + '", {}]',
    "[" + "[]," * 500 + "[]]",
    str(LARGEST),
    str(-LARGEST),
    "1.7976931348623158e308",
    "1e-400",
    "-0.0",
    '{"a": 1, "a": 2}',
]


@pytest.mark.parametrize(("raw", "message"), REFUSED, ids=range(len(REFUSED)))
def test_refuses(raw: str | bytes, message: str) -> None:
    with pytest.raises(NotJson, match=message) as caught:
        check(raw)
    assert str(caught.value).startswith("the request body ")
    with pytest.raises(NotJson, match=r"^the definition "):
        loads_unique(raw)
    if isinstance(raw, str):
        with pytest.raises(NotJson, match=message):
            loads(raw)


@pytest.mark.parametrize("text", TAKEN, ids=range(len(TAKEN)))
def test_takes_unchanged(text: str) -> None:
    assert check(text) is text
    assert check(text.encode()) == text
    assert loads(text) == json.loads(text)
    assert repr(loads(text)) == repr(json.loads(text))
    assert loads_unique(text)[0] == json.loads(text)


def test_names_what_was_sent() -> None:
    with pytest.raises(NotJson, match=r"^the payload is empty"):
        check("", "payload")


@given(st.text('[]{}",:\\u0d8e1-NI. \n', max_size=30) | st.text(max_size=30))
def test_takes_only_what_the_standard_parser_takes(text: str) -> None:
    try:
        check(text)
    except NotJson:
        return
    assert loads(text) == json.loads(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)


@given(JSON, st.booleans(), st.sampled_from([None, 1, 7]))
def test_takes_what_the_standard_library_writes(value: Any, ascii_only: bool, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    assert check(text.encode()) == text
    assert repr(loads(text)) == repr(value)
    assert loads_unique(text) == (value, [])


@given(JSON)
def test_round_trip(value: Any) -> None:
    text = dumps(value)
    assert check(text) == text
    assert repr(loads(text)) == repr(value)
    assert text == json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def test_repeated_keys_are_found_wherever_they_are() -> None:
    text = '{"a": 1, "b": [{"x/y": 1, "x/y": {"q": 1, "q": 2, "q": 3}}], "a": {"z": 1}, "c": {"a": {"~": 1, "~": 1}, "a": 0}}'
    value, problems = loads_unique(text)
    assert value == json.loads(text)
    assert sorted((problem.pointer, problem.message) for problem in problems) == [
        ("/a", "this key is given 2 times in one object"),
        ("/b/0/x~1y", "this key is given 2 times in one object"),
        ("/b/0/x~1y/q", "this key is given 3 times in one object"),
        ("/c/a", "this key is given 2 times in one object"),
        ("/c/a/~0", "this key is given 2 times in one object"),
    ]


class Colour(StrEnum):
    RED = "red"


class Number(IntEnum):
    ONE = 1


Pair = namedtuple("Pair", "a b")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ((1, (2, [])), "[1,[2,[]]]"),
        (Pair(1, None), "[1,null]"),
        ({Colour.RED: Colour.RED, "n": Number.ONE}, '{"red":"red","n":1}'),
        (OrderedDict(a=True), '{"a":true}'),
        (LARGEST, str(LARGEST)),
        ("é\u2028😀", '"é\u2028😀"'),
        (1.0, "1.0"),
    ],
)
def test_dumps(value: Any, text: str) -> None:
    assert dumps(value) == text


def nested(levels: int) -> Any:
    value: Any = []
    for _ in range(levels - 1):
        value = {"a": value}
    return value


def looped() -> Any:
    value: dict[str, Any] = {"first": 1}
    value["b"] = [0, value]
    return value


UNWRITABLE: list[tuple[Any, str, str]] = [
    (float("nan"), "", "nan is not a JSON value"),
    ({"a": [1, float("-inf")]}, "/a/1", "-inf is not a JSON value"),
    ({"a/b": b"x"}, "/a~1b", "a value of type bytes is not a JSON value"),
    ([{1}], "/0", "a value of type set is not a JSON value"),
    ([1, object()], "/1", "a value of type object is not a JSON value"),
    ({"a": {1: 2}}, "/a", "a key is of type int; keys must be text"),
    ({"a": {None: 2}}, "/a", "a key is of type NoneType; keys must be text"),
    ({10**5_000: 2}, "", "a key is of type int; keys must be text"),
    ([True, {"n": LARGEST + 1}], "/1/n", "integer out of range (a double ends at 1.8e308)"),
    (-(10**5_000), "", "integer out of range (a double ends at 1.8e308)"),
    ({"k": "a\ud800"}, "/k", "half a surrogate pair, \\ud800, is not text"),
    ({"\udfff": 1}, "", "half a surrogate pair, \\udfff, is not text"),
    (looped(), "/b/1", "this value holds itself"),
    (nested(201), "/a" * 200, "nested more than 200 levels deep"),
]


@pytest.mark.parametrize(("value", "pointer", "reason"), UNWRITABLE, ids=range(len(UNWRITABLE)))
def test_dumps_names_the_place(value: Any, pointer: str, reason: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        dumps(value)
    error = pickle.loads(pickle.dumps(caught.value))
    assert (error.pointer, error.reason) == (pointer, reason)
    assert str(error) == (f"{pointer}: {reason}" if pointer else reason)


def test_dumps_200_levels() -> None:
    assert check(dumps(nested(200)))


def test_canonical() -> None:
    assert (
        canonical(loads('{"b": [1, 1.0, 1.00, 12345678901234567890123], "a": "é"}')) == '{"a":"é","b":[1,1.0,1.0,12345678901234567890123]}'
    )
    assert canonical(loads('{"a": 1, "b": 2}')) == canonical(loads('{"b":2,\n"a":1}'))
    assert canonical(1) != canonical(1.0)
