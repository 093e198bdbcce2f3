"""Line and column of everything in a JSON text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflows.errors import Invalid, Problem
from workflows.language import read_definition
from workflows.language.positions import Place, located, places
from workflows.model import child_path


def where(text: str, *pointers: str) -> list[tuple[int | None, int | None]]:
    return [(problem.line, problem.column) for problem in located([Problem(pointer, "m") for pointer in pointers], text)]


def test_values_and_keys() -> None:
    text = '{"a": [1, {"b": null}], "": {}, "c": "x,]}\\""}'
    assert places(text) == {
        "": Place(0),
        "/a": Place(6, 1),
        "/a/0": Place(7),
        "/a/1": Place(10),
        "/a/1/b": Place(16, 11),
        "/": Place(28, 24),
        "/c": Place(37, 32),
    }


def test_only_what_is_wanted_and_what_is_around_it() -> None:
    text = '{"a": [1, {"b": 2}], "c": {"d": 3}}'
    assert set(places(text, {"/a/1"})) == {"", "/a", "/a/1"}


@pytest.mark.parametrize("text", ["1", ' "a b" ', "null", "[]", "{}"])
def test_a_lone_value(text: str) -> None:
    assert places(text) == {"": Place(len(text) - len(text.lstrip()))}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_and_columns(end: str) -> None:
    text = end.join(["{", '  "a": {', '    "b": [1,', "     22]", "  }", "}"])
    assert where(text, "", "/a", "/a/b", "/a/b/0", "/a/b/1") == [(1, 1), (2, 8), (3, 10), (3, 11), (4, 6)]


def test_columns_count_characters() -> None:
    text = '{"ü": "é😀", "x": 1,\n "\\u00e9\\n\\"~/": 2, "😀": 3}'
    assert where(text, "/ü", '/é\n"~0~1', "/x", "/😀") == [(1, 7), (2, 18), (1, 18), (2, 26)]


def test_a_break_in_a_text_is_escaped_and_starts_no_line() -> None:
    assert where('["a\\nb",\n 1]', "/1") == [(2, 2)]


def test_what_is_missing_is_where_it_is_missing() -> None:
    assert where('{"a":\n {"b": 1}}', "/a/c", "/a/b/c/d", "/x", "/a/~1/0") == [(2, 2), (2, 8), (1, 1), (2, 2)]


def test_of_equal_keys_the_last_one_counts() -> None:
    assert where('{"a": 1,\n"a": 2}', "/a") == [(2, 6)]


def test_task_lists_have_them_too() -> None:
    text = '{"id": "j",\r\n "tasks": [\r\n  {"id": "a", "functionName": 7}]}'
    with pytest.raises(Invalid) as caught:
        read_definition(text, functions=None)
    (problem,) = caught.value.problems
    assert (problem.pointer, problem.line, problem.column) == ("/tasks/0/functionName", 3, 31)


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5)
keys = st.text(max_size=3) | st.sampled_from(["~", "/", '"', "\\", "\n", "é", "😀"])
documents = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=20)


def every(value: Any, pointer: str = "") -> dict[str, Any]:
    """Each value of a document by its pointer."""
    found = {pointer: value}
    if isinstance(value, (list, dict)):
        for key, member in value.items() if isinstance(value, dict) else enumerate(value):
            found |= every(member, child_path(pointer, str(key)))
    return found


@settings(max_examples=150)
@given(documents, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_every_value_is_found(document: Any, indent: Any, ascii_only: bool) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=ascii_only)
    found, expected = places(text), every(document)
    assert found.keys() == expected.keys()
    decoder = json.JSONDecoder()
    for pointer, place in found.items():
        assert decoder.raw_decode(text, place.value)[0] == expected[pointer]
        if place.key is not None:
            key = decoder.raw_decode(text, place.key)[0]
            assert pointer.endswith(child_path("", key))
