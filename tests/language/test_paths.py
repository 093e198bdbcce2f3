"""The grammar of paths, and the column of what is wrong in one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.language.paths import PathError, parse
from workflows.model import JsonPath


@pytest.mark.parametrize(
    ("text", "root", "steps"),
    [
        ("$", "$", ()),
        ("$$", "$$", ()),
        ("$.a.b-c_1", "$", ("a", "b-c_1")),
        ("$.0.größe.हिन्दी", "$", ("0", "größe", "हिन्दी")),
        ("$['a b'][0][10]", "$", ("a b", 0, 10)),
        ('$["it\'s"][\'say "hi"\']', "$", ("it's", 'say "hi"')),
        (r"$['\'\"\\\/\n\t\b\f\r\u00e9\ud83d\ude00']", "$", ("'\"\\/\n\t\b\f\ré😀",)),
        ("$['']['.$[']", "$", ("", ".$[")),
        ("$$.Execution.Id", "$$", ("Execution", "Id")),
        ("$$['Execution']", "$$", ("Execution",)),
    ],
)
def test_parses(text: str, root: str, steps: tuple[str | int, ...]) -> None:
    assert parse(text) == JsonPath(root, steps, text)


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("", 1, "starts with"),
        ("x.y", 1, "starts with"),
        (" $", 1, "starts with"),
        ("$a.b", 2, "a variable is not supported yet"),
        ("$..a", 2, "'..' is not supported yet"),
        ("$.a..b", 4, "'..' is not supported yet"),
        ("$.*", 2, "wildcard .* not supported yet"),
        ("$.a[*]", 4, "wildcard .* not supported yet"),
        ("$[?(@.x)]", 2, "filter .* not supported yet"),
        ("$[1:2]", 2, "slice .* not supported yet"),
        ("$[:-1]", 2, "slice .* not supported yet"),
        ("$[-1]", 2, "index from the end is not supported yet"),
        ("$[1,2]", 2, "list of .* not supported yet"),
        ("$['a','b']", 2, "list of .* not supported yet"),
        ("$.", 3, "expected a name"),
        ("$.a. b", 5, "expected a name"),
        ("$.\u00a0", 3, "expected a name"),
        ("$[01]", 2, "expected .n."),
        ("$[1234567890]", 2, "expected .n."),
        ("$[]", 2, "expected .n."),
        ("$['a", 2, "expected .n."),
        ("$['a'x]", 2, "expected .n."),
        ("$.a b", 4, "expected '.' or '.', not ' '"),
        ("$.a.length()", 11, "not '\\('"),
        ("$$$", 3, "not '\\$'"),
        ("$$x", 3, "not 'x'"),
        (r"$.a['b\q']", 7, "unknown escape"),
        (r"$['\ud800']", 4, "half a surrogate pair"),
    ],
)
def test_refuses(text: str, column: int, message: str) -> None:
    with pytest.raises(PathError, match=message) as caught:
        parse(text)
    assert caught.value.column == column
    assert f"(column {column})" in str(caught.value)


@given(st.lists(st.text() | st.integers(0, 999_999_999)))
def test_any_place_can_be_named(steps: list[str | int]) -> None:
    text = "$" + "".join(f"[{json.dumps(step)}]" for step in steps)
    assert parse(text).steps == tuple(steps)


@given(st.text("$.[]'\"ab0*?:,-\\ u", max_size=12).map("$".__add__))
def test_never_raises_anything_else(text: str) -> None:
    try:
        column = len(parse(text).text)
    except PathError as error:
        column = error.column
    assert 1 <= column <= len(text) + 1
