"""Paths followed, templates filled in, results put in place; and the words of the service when that fails."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.core.expressions import ExpressionFailure, Scope, apply_result, evaluate, select
from workflows.expressions import ReferencePath
from workflows.language.expressions import parse_intrinsic, parse_path, parse_reference_path, parse_template
from workflows.numbers import dumps, loads

DATA = loads(
    """{"a": {"b": [1, 2, 3], "x y": 5, "n": null, "s": "text"}, "aws:x": 9, "@t": 4, "1": {"0": 7}, "empty": [],
        "items": [{"p": 8.95, "t": ["a"], "n": "foo", "m": [{"z": 1}]}, {"p": 12.50, "t": [], "n": "Bar", "o": {"0": 1}}]}"""
)
SCOPE = Scope(DATA, {"State": {"Name": "S"}}, {"v": {"w": [10, 20]}, "text": '{"not": "read"}'})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$.a.b", [1, 2, 3]),
        ("$.a.b[0]", 1),
        ("$.a.b[-1]", 3),
        ("$.a.b[(@.length-1)]", 3),
        ("$.a.b[( @.length() - 2 )]", 2),
        ("$.a['x y']", 5),
        ('$["a"]["x y"]', 5),
        ("$.aws:x", 9),
        ("$.@t", 4),
        ("$.1.0", 7),
        ("$.a.n", None),
        ("$.a['s','n','nope']", {"s": "text", "n": None}),
        ("$.items[*].p", [8.95, 12.5]),
        ("$.items[*]['p','o']", [{"p": 8.95}, {"p": 12.5, "o": {"0": 1}}]),
        ("$.items[?(@.n)]['n', 'p']", [{"n": "foo", "p": 8.95}, {"n": "Bar", "p": 12.5}]),
        ("$.a.*['p','n']", []),
        ("$.items.*.n", ["foo", "Bar"]),
        ("$..p", [8.95, 12.5]),
        ("$..['p']", [8.95, 12.5]),
        ("$..m[0].z", [1]),
        ("$.items..*", [DATA["items"][0], DATA["items"][1], *DATA["items"][0].values(), "a", {"z": 1}, 1, *DATA["items"][1].values(), 1]),
        ("$.a.b[1:]", [2, 3]),
        ("$.a.b[:2]", [1, 2]),
        ("$.a.b[-2:]", [2, 3]),
        ("$.a.b[0, 2]", [1, 3]),
        ("$.items[?(@.p > 10)].n", ["Bar"]),
        ("$.items[?(@.p>10 && @.n=='Bar')].p", [12.5]),
        ("$.items[?(@.p>10 || @.n=='foo')].p", [8.95, 12.5]),
        ("$.items[?(@.o)].n", ["Bar"]),
        ("$.items[?(!@.o)].n", ["foo"]),
        ("$.items[?@.o].n", ["Bar"]),
        ("$.items[?(@.n =~ /b.*/i)].n", ["Bar"]),
        ("$.items[?(@.n =~ /[A-Z]a[rz]/)].n", ["Bar"]),
        ("$.items[?(@.n in ['foo', 'x'])].n", ["foo"]),
        ("$.items[?(@.n IN ['foo', 'x'])].n", ["foo"]),
        ("$.items[?(@.n nin ['foo', 'x'])].n", ["Bar"]),
        ("$.items[?(@.t size 1)].n", ["foo"]),
        ("$.items[?(@.t empty true)].n", ["Bar"]),
        ("$.items[?(@.t empty false)].n", ["foo"]),
        ("$.items[?(@.t.length() == 0)].n", ["Bar"]),
        ("$.items[?(@.t contains 'a')].n", ["foo"]),
        ("$.items[?(@['n'] == \"foo]\" || @.n == 'foo')].n", ["foo"]),
        ("$.items[?(@.p < $.a.b[2])]", []),
        ("$.a.b.length()", 3),
        ("$.a.length()", 4),
        ("$.a.s.length()", 4),
        ("$.a.n.length()", None),
        ("$.a.b.min()", 1.0),
        ("$.a.b.max()", 3.0),
        ("$.a.b.sum()", 6.0),
        ("$.a.b.avg()", 2.0),
        ("$.items[*].p.length()", 2),
        ("$.a.b[0,2].stddev()", 1.0),
        ("$.a.keys()", ["b", "x y", "n", "s"]),
        ("$.a.b.keys()", None),
        ("$.a.b.first()", 1),
        ("$.a.b.last()", 3),
        ("$$.State.Name", "S"),
        ("$$", {"State": {"Name": "S"}}),
        ("$v.w[1]", 20),
        ("$v.w[*]", [10, 20]),
        ("$text", '{"not": "read"}'),
        ("$text[*]", []),
        ("$text..not", []),
        ("$.nope[*]", []),
        ("$.nope.such[1:]", []),
    ],
)
def test_what_a_path_finds(text: str, value: Any) -> None:
    found = select(parse_path(text), SCOPE)
    assert found == value
    assert type(found) is type(value)


def test_an_index_is_not_a_member() -> None:
    assert select(parse_path("$.items[*].o[0]"), SCOPE) == []


def test_the_context_may_be_missing() -> None:
    assert select(parse_path("$$"), Scope({})) == {}


OBJECT = "This is not a json object according to the JsonProvider: 'com.jayway.jsonpath.spi.json.JacksonJsonNodeJsonProvider'."


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("$.x", "No results for path: $['x']"),
        ("$.a.x", "No results for path: $['a']['x']"),
        ("$.no.x", "Missing property in path $['no']"),
        ("$.a.no.x[0]", "Missing property in path $['a']['no']"),
        ("$.a.b[3]", "No results for path: $['a']['b'][3]"),
        ("$.a.b[3].c", "No results for path: $['a']['b'][3]['c']"),
        ("$.a.b[-4]", "No results for path: $['a']['b'][-4]"),
        ("$.a.n[0]", "The path $['a']['n'] is null"),
        ("$.aws:x[0]", "Filter: [0] can only be applied to arrays. Current context is: 9"),
        ("$.a.s[0]", "Filter: [0] can only be applied to arrays. Current context is: text"),
        ("$.a.s.y", f"Expected to find an object with property ['y'] in path $['a']['s'] but found '{{}}.TextNode'. {OBJECT}"),
        ("$.a.b.y", f"Expected to find an object with property ['y'] in path $['a']['b'] but found '{{}}.ArrayNode'. {OBJECT}"),
        ("$.a.n.y", f"Expected to find an object with property ['y'] in path $['a']['n'] but found 'null'. {OBJECT}"),
        ("$.a.b['y','z']", f"Expected to find an object with property ['y','z'] in path $['a']['b'] but found '{{}}.ArrayNode'. {OBJECT}"),
        ("$nope", "The variable '$nope' has no value"),
    ],
)
def test_a_path_that_leads_nowhere(text: str, reason: str) -> None:
    with pytest.raises(ExpressionFailure) as caught:
        select(parse_path(text), SCOPE)
    reason = reason.replace("{}", "com.fasterxml.jackson.databind.node")
    assert (caught.value.error, caught.value.cause) == ("States.Runtime", f"Invalid path '{text}' : {reason}")


@pytest.mark.parametrize("text", ["$.empty.min()", "$.a.s.sum()", "$.empty.first()", "$.a.s.last()", "$.empty.avg()", "$.empty.stddev()"])
def test_nothing_to_aggregate(text: str) -> None:
    with pytest.raises(ExpressionFailure, match="Aggregation function attempted to calculate value using empty array"):
        select(parse_path(text), SCOPE)


def template(value: Any) -> Any:
    problems: list[Any] = []
    parsed = parse_template(value, "", problems)
    assert not problems
    return parsed


def test_a_template() -> None:
    parsed = template(
        {
            "text": "$.a",
            "number": 1.5,
            "path.$": "$.a.b[0]",
            "many.$": "$.items[*].n",
            "context.$": "$$.State.Name",
            "variable.$": "$v.w",
            "call.$": "States.Format('{}-{}', $.a.s, States.ArrayLength($.a.b))",
            "nested": [{"deep.$": "$.items[0].p"}, "$.x", None],
            "past the end.$": "$.a.b[3]",
        }
    )
    assert evaluate(parsed, SCOPE) == {
        "text": "$.a",
        "number": 1.5,
        "path": 1,
        "many": ["foo", "Bar"],
        "context": "S",
        "variable": [10, 20],
        "call": "text-3",
        "nested": [{"deep": 8.95}, "$.x", None],
        "past the end": None,
    }


def test_numbers_pass_through_as_they_were_written() -> None:
    data = loads('{"n":[1.10,1e2,1.0,12345678901234567890123,8.950]}')
    assert dumps(evaluate(template({"all.$": "$.n[*]", "one.$": "$.n[4]"}), Scope(data))) == (
        '{"all":[1.10,1e2,1.0,12345678901234567890123,8.950],"one":8.950}'
    )


@pytest.mark.parametrize(
    ("key", "text", "shown", "data"),
    [
        ("x.$", "$.nope", "$.nope", '{"k":1.10}'),
        ("x.$", "$.k[0]", "$.k[0]", '{"k":1.10}'),
        ("x.$", "$$.Task.Token", "$.Task.Token", '{"State":{}}'),
        ("x.$", "$v.x", "$v.x", '{"w":1}'),
        ("x.$", "$other", "$other", '{"k":1.10}'),
    ],
)
def test_a_template_that_finds_nothing(key: str, text: str, shown: str, data: str) -> None:
    scope = Scope(loads('{"k":1.10}'), {"State": {}}, {"v": {"w": 1}})
    with pytest.raises(ExpressionFailure) as caught:
        evaluate(template({"deep": [{key: text}]}), scope)
    assert caught.value.error == "States.Runtime"
    assert caught.value.cause == f"The JSONPath '{shown}' specified for the field '{key}' could not be found in the input '{data}'"


def test_a_path_in_a_field_of_the_state() -> None:
    with pytest.raises(ExpressionFailure, match=r"The JSONPath '\$\.b\[9\]' specified for the field 'ErrorPath' could not be found in"):
        evaluate(parse_path("$.b[9]"), Scope({"b": []}), "ErrorPath")
    assert evaluate(parse_intrinsic("States.Format('{}', $.c)"), Scope({"c": 1}), "CausePath") == "1"


@pytest.mark.parametrize(
    ("data", "path", "expected"),
    [
        ({"x": 1}, "$", "R"),
        ([1], "$", "R"),
        ({"x": 1}, "$.y", {"x": 1, "y": "R"}),
        ({"x": 1}, "$.x", {"x": "R"}),
        ({"x": 1}, "$['a b'].c", {"x": 1, "a b": {"c": "R"}}),
        ({"x": {"y": {"z": 1}, "q": 2}}, "$.x.y.w", {"x": {"y": {"z": 1, "w": "R"}, "q": 2}}),
        ({"x": [1, 2]}, "$.x[1]", {"x": [1, "R"]}),
        ({"x": [{"y": 1}, 2]}, "$.x[0].z", {"x": [{"y": 1, "z": "R"}, 2]}),
        ([1, 2], "$[0]", ["R", 2]),
        ({}, "$.a.b.c.d", {"a": {"b": {"c": {"d": "R"}}}}),
    ],
)
def test_result_path(data: Any, path: str, expected: Any) -> None:
    before = dumps(data)
    assert dumps(apply_result(data, parse_reference_path(path), "R")) == dumps(expected)
    assert dumps(data) == before


@pytest.mark.parametrize(
    ("data", "path", "step"),
    [
        ("text", "$.a", "a"),
        ([1], "$.a", "a"),
        (None, "$.a", "a"),
        ({"a": 1}, "$.a.b", "b"),
        ({"a": None}, "$.a.b", "b"),
        ({"a": [1]}, "$.a.b", "b"),
        ({"a": [1]}, "$.a[1]", "1"),
        ({"a": {}}, "$.a[0]", "0"),
        ({}, "$.a[0]", "0"),
    ],
)
def test_a_result_that_does_not_fit(data: Any, path: str, step: str) -> None:
    with pytest.raises(ExpressionFailure) as caught:
        apply_result(data, parse_reference_path(path), "R")
    assert caught.value.error == "States.ResultPathMatchFailure"
    assert caught.value.cause == f'Unable to apply step "{step}" to input {dumps(data)}'


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=3),
)


@given(JSON, st.lists(st.text(st.characters(exclude_categories=["Cs"])) | st.integers(0, 3), max_size=4), JSON)
def test_what_was_put_somewhere_is_found_there(data: Any, steps: list[str | int], result: Any) -> None:
    text = "$" + "".join(f"[{step}]" if isinstance(step, int) else f"[{dumps(step)}]" for step in steps)
    path = parse_reference_path(text)
    assert path == ReferencePath(text, tuple(steps))
    before = dumps(data)
    with suppress(ExpressionFailure):
        assert select(parse_path(text), Scope(apply_result(data, path, result))) == result
    assert dumps(data) == before


@pytest.mark.parametrize("function", ["sum", "avg", "stddev"])
def test_a_function_beyond_the_range_of_numbers(function: str) -> None:
    with pytest.raises(ExpressionFailure, match="beyond the range of a double"):
        select(parse_path(f"$.{function}()"), Scope([1.7e308, 1.7e308, -1.7e308][: 3 if function == "stddev" else 2]))
