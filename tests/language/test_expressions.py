"""Expressions as text: what is read, and where exactly it is said to be wrong."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.errors import Problem
from workflows.expressions import And, Comparison, Field, Intrinsic, Not, Or, Path, ReferencePath, timestamp
from workflows.language.expressions import (
    PathError,
    parse_expression,
    parse_intrinsic,
    parse_path,
    parse_reference_path,
    parse_rule,
    parse_template,
    paths_of,
)
from workflows.language.rules import OPERATORS


@pytest.mark.parametrize(
    ("text", "root", "definite", "steps", "function"),
    [
        ("$", "$", True, (), ""),
        ("$$", "$$", True, (), ""),
        ("$name", "name", True, (), ""),
        ("$größe_1.x", "größe_1", True, ("x",), ""),
        ("$.a.b-c_1.$ref.@type.x:y", "$", True, ("a", "b-c_1", "$ref", "@type", "x:y"), ""),
        ("$.0.größe.हिन्दी.😀", "$", True, ("0", "größe", "हिन्दी", "😀"), ""),
        ("$['a b'][0][-10]", "$", True, ("a b", 0, -10), ""),
        ('$["it\'s"][\'say "hi"\']', "$", True, ("it's", 'say "hi"'), ""),
        (r"$['\'\"\\\/\n\t\b\f\r\u00e9\ud83d\ude00']", "$", True, ("'\"\\/\n\t\b\f\ré😀",), ""),
        ("$['']['.$[']", "$", True, ("", ".$["), ""),
        ("$[ 'a' ][ 0 ]", "$", True, ("a", 0), ""),
        ("$['a', 'b']", "$", True, (("a", "b"),), ""),
        ("$.a[(@.length-1)].b", "$", True, ("a", -1, "b"), ""),
        ("$$.Map.Item.Value", "$$", True, ("Map", "Item", "Value"), ""),
        ("$.a.length()", "$", True, ("a",), "length"),
        ("$.length()", "$", True, (), "length"),
        ("$.length", "$", True, ("length",), ""),
        ("$.a[*].max()", "$", True, ("a",), "max"),
        ("$.a[*]", "$", False, ("a",), ""),
        ("$.*", "$", False, (), ""),
        ("$..a", "$", False, (), ""),
        ("$..*", "$", False, (), ""),
        ("$..[0]", "$", False, (), ""),
        ("$.a[1][0,1].b", "$", False, ("a", 1), ""),
        ("$[0:1]", "$", False, (), ""),
        ("$['a','b'].c", "$", False, (), ""),
        ("$$..Name", "$$", False, (), ""),
        ("$v[?(@.x == ']')]", "v", False, (), ""),
    ],
)
def test_paths(text: str, root: str, definite: bool, steps: tuple[Any, ...], function: str) -> None:
    path = parse_path(text)
    assert (path.text, path.root, path.definite, path.steps, path.function) == (text, root, definite, steps, function)
    assert (path.query is None) is (definite and "[*]" not in text)


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("", 1, "a path starts with '$'"),
        ("abc", 1, "a path starts with '$'"),
        ("@.x", 1, "a path starts with '$'"),
        ("$" + "x" * 81, 2, "expected '.' or '[', not 'x'"),
        ("$$$", 3, "expected '.' or '[', not '$'"),
        ("$$x", 3, "expected '.' or '[', not 'x'"),
        ("$1", 2, "expected '.' or '[', not '1'"),
        ("$.", 3, "expected a name after '.'"),
        ("$.a.", 5, "expected a name after '.'"),
        ("$..", 4, "expected a name after '..'"),
        ("$.a b", 4, "expected '.' or '[', not ' '"),
        ("$. a", 3, "expected a name after '.'"),
        ("$.a'b'", 4, "expected '.' or '[', not \"'\""),
        ("$.a,b", 4, "expected '.' or '[', not ','"),
        ("$.a]", 4, "expected '.' or '[', not ']'"),
        ("$.a[", 4, "this '[' is never closed"),
        ("$.a[?(@.x == ']']", 4, "this is not a JSONPath"),
        ("$.a[]", 4, "expected [n], ['name'], [*], [a:b] or a filter"),
        ("$.a[b]", 4, "expected [n], ['name'], [*], [a:b] or a filter"),
        ("$.a['b]", 4, "expected [n], ['name'], [*], [a:b] or a filter"),
        ("$.a[01]", 4, "this is not a JSONPath"),
        ("$.a[1:2:3:4]", 4, "this is not a JSONPath"),
        ("$.a[99999999999999999999]", 4, "this is not a JSONPath"),
        ("$.a[?(@.x ==)]", 4, "this is not a JSONPath"),
        ("$.a[?(@.x anyof [1])]", 4, "the filter operator 'anyof' is not supported"),
        ("$.a[?(startswith(@.x, 'a'))]", 4, "this is not a JSONPath"),
        ("$.a[?(@.x =~ /(/)]", 4, "this is not a JSONPath"),
        ("$.a[?" + "(" * 3_000 + "]", 4, "this is not a JSONPath: it nests too deeply"),
        (r"$['\x']", 4, r"unknown escape '\x'"),
        (r"$.a['b', '\ud800']", 11, "half a surrogate pair"),
        ("$.a.size()", 5, "unknown path function 'size'"),
        ("$.a.lenght()", 5, "unknown path function 'lenght'; supported are length, min"),
        ("$.a.length().b", 5, "the function length() is supported only at the end"),
        ("$.a.concat('x')", 5, "the function concat(...) is not supported inside of a path or with arguments"),
        ("$..length()", 4, "the function length(...) is not supported inside of a path"),
    ],
)
def test_what_is_not_a_path(text: str, column: int, message: str) -> None:
    with pytest.raises(PathError) as caught:
        parse_path(text)
    assert caught.value.column == column, caught.value
    assert str(caught.value).startswith(message)
    assert str(caught.value).endswith(f"(column {column})")


def test_reference_paths() -> None:
    assert parse_reference_path("$") == ReferencePath("$", ())
    assert parse_reference_path("$.a['b c'][0]") == ReferencePath("$.a['b c'][0]", ("a", "b c", 0))


@pytest.mark.parametrize(
    ("text", "column"),
    [("", 1), ("a", 1), ("$$.a", 1), ("$v.a", 1), ("$.a[*]", 4), ("$.a[-1]", 4), ("$..a", 2), ("$.a['b','c']", 4), ("$.a.length()", 5)],
)
def test_what_is_not_a_reference_path(text: str, column: int) -> None:
    with pytest.raises(PathError) as caught:
        parse_reference_path(text)
    assert caught.value.column == column


def test_intrinsics() -> None:
    text = " States.Format( '{}\\'s',States.Array( 1 , -2.50,true,false,null ), $.a[?(@.b == ')')], $$.x ) "
    parsed = parse_intrinsic(text)
    template, array, path, context = parsed.arguments
    assert (parsed.name, parsed.text, template) == ("Format", text.strip(), "{}\\'s")
    assert array == Intrinsic("Array", (1, -2.5, True, False, None), "States.Array( 1 , -2.50,true,false,null )")
    assert isinstance(path, Path)
    assert path.text == "$.a[?(@.b == ')')]"
    assert isinstance(context, Path)
    assert (context.text, context.root) == ("$$.x", "$$")


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("States.", 1, "expected a call"),
        ("States.Format", 1, "expected a call"),
        ("States.Formatt('x')", 8, "there is no intrinsic function 'States.Formatt' (column 8)"),
        ("States.Zzz()", 8, "there is no intrinsic function 'States.Zzz' (column 8)"),
        ("States.format('x')", 8, "there is no intrinsic function 'States.format' (column 8)"),
        ("States.UUID(1)", 8, "States.UUID takes 0 arguments, not 1"),
        ("States.Format()", 8, "States.Format takes 1 or more arguments, not 0"),
        ("States.ArrayLength()", 8, "States.ArrayLength takes 1 argument, not 0"),
        ("States.MathRandom(1)", 8, "States.MathRandom takes 2 or 3 arguments, not 1"),
        ("States.Array(1,)", 16, "expected a 'text', a number"),
        ("States.Array(,1)", 14, "expected a 'text', a number"),
        ("States.Array(1", 14, "expected a 'text', a number"),
        ("States.Array('a'", 17, "expected ',' or ')'"),
        ("States.Array('a' 'b')", 18, "expected ',' or ')'"),
        ("States.Array('a)", 14, "expected a 'text', a number"),
        ('States.Array("a")', 14, "expected a 'text', a number"),
        ("States.Array(01)", 14, "expected a 'text', a number"),
        ("States.Array(True)", 14, "expected a 'text', a number"),
        ("States.Array(" + "1" * 301 + ")", 14, "this number has too many digits"),
        ("States.Array(1e999)", 14, "1e999 is beyond the range of a double"),
        (r"States.Array('a\n')", 16, r"unknown escape '\n'"),
        ("States.Array($.a[)", 17, "this '[' is never closed"),
        ("States.Array($.a b)", 17, "expected '.' or '[', not ' '"),
        ("States.Array($.a", 17, "expected ',' or ')'"),
        ("States.Array(States.Nope())", 21, "there is no intrinsic function"),
        ("States.Array() x", 15, "unexpected 'x' after the call"),
        ("States.Array())", 15, "unexpected ')' after the call"),
    ],
)
def test_what_is_not_an_intrinsic(text: str, column: int, message: str) -> None:
    with pytest.raises(PathError) as caught:
        parse_intrinsic(text)
    assert (caught.value.column, str(caught.value)[: len(message)]) == (column, message)


def test_calls_nest_ten_levels_deep() -> None:
    assert parse_intrinsic("States.Array(" * 10 + ")" * 10)
    with pytest.raises(PathError, match="at most 10 levels deep"):
        parse_intrinsic("States.Array(" * 11 + ")" * 11)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("literal", "expected a path"),
        ("{% $x %}", "JSONata"),
        ("States.X", "expected a call"),
        ("  States.Array(x)", "expected a 'text'"),
    ],
)
def test_what_is_neither(text: str, message: str) -> None:
    with pytest.raises(PathError, match=message):
        parse_expression(text)


def test_templates() -> None:
    problems: list[Problem] = []
    parsed = parse_template({"a.$": "$.x", "b": [{"c.$": "States.UUID()"}, 1], "d": {"e": "$.x"}}, "/p", problems)
    assert not problems
    assert parsed == {
        "a": Field("a.$", Path("$.x", "$", True, ("x",))),
        "b": [{"c": Field("c.$", Intrinsic("UUID", (), "States.UUID()"))}, 1],
        "d": {"e": "$.x"},
    }


def test_templates_report_everything() -> None:
    problems: list[Problem] = []
    value = {"a": 1, "a.$": "$", ".$": "$", "n.$": 1, "deep": [{"x.$": "$.["}, {"y/z.$": "x"}]}
    parse_template(value, "/p", problems)
    assert [problem.pointer for problem in problems] == ["/p/a.$", "/p/.$", "/p/n.$", "/p/deep/0/x.$", "/p/deep/1/y~1z.$"]
    assert "both 'a' and 'a.$' are given" in problems[0].message


def parsed_rule(value: Any, *, top: bool = False) -> tuple[Any, list[Problem]]:
    problems: list[Problem] = []
    return parse_rule(value, "/r", problems, top=top), problems


def test_rules() -> None:
    path = Path("$.x", "$", True, ("x",))
    leaf = {"Variable": "$.x", "NumericLessThan": 1, "Comment": "why"}
    text = '{"Variable":"$.x","NumericLessThan":1,"Comment":"why"}'
    comparison = Comparison("NumericLessThan", path, 1, None, text)
    assert parsed_rule(leaf) == (comparison, [])
    by_path, problems = parsed_rule({"Variable": "$.x", "StringEqualsPath": "$v", "Next": "A", "Assign": {"y": 1}}, top=True)
    assert not problems
    assert by_path.operator == "StringEquals"
    assert by_path.operand_path == Path("$v", "v", True)
    assert parsed_rule({"Not": leaf}) == (Not(comparison, f'{{"Not":{text}}}'), [])
    assert parsed_rule({"And": [leaf]}) == (And((comparison,), f'{{"And":[{text}]}}'), [])
    assert parsed_rule({"Or": [leaf], "Next": "A", "Comment": ""}, top=True)[0].rules == (comparison,)
    assert isinstance(parsed_rule({"Or": [leaf]})[0], Or)


def test_every_operator_is_known() -> None:
    assert len(OPERATORS) == 39
    values = {"S": "a", "N": 1.5, "B": True, "T": "2026-01-31T09:00:00+01:00", "I": False}
    for operator in OPERATORS:
        rule, problems = parsed_rule({"Variable": "$", operator: "$.o" if operator.endswith("Path") else values[operator[0]]})
        assert rule
        assert not problems


@pytest.mark.parametrize(
    ("value", "pointer", "message"),
    [
        (1, "/r", "a choice rule is an object"),
        ({}, "/r", "needs one comparison operator"),
        ({"Variable": "$.x"}, "/r", "needs one comparison operator"),
        ({"Variable": "$.x", "IsNull": True, "IsString": True}, "/r", "exactly one operator, not IsNull and IsString"),
        ({"Variable": "$.x", "And": [], "IsNull": True}, "/r", "exactly one operator, not And and IsNull"),
        ({"Variable": "$.x", "StringEqual": "a"}, "/r/StringEqual", "there is no comparison operator or field 'StringEqual'"),
        ({"IsNull": True}, "/r/Variable", "'Variable' is missing"),
        ({"Variable": 1, "IsNull": True}, "/r/Variable", "a path is expected"),
        ({"Variable": "x", "IsNull": True}, "/r/Variable", "a path starts with"),
        ({"Variable": "$", "IsNull": 1}, "/r/IsNull", "'IsNull' takes true or false"),
        ({"Variable": "$", "StringEquals": 1}, "/r/StringEquals", "takes a text"),
        ({"Variable": "$", "StringMatches": None}, "/r/StringMatches", "takes a text"),
        ({"Variable": "$", "NumericEquals": "1"}, "/r/NumericEquals", "takes a number"),
        ({"Variable": "$", "NumericEquals": True}, "/r/NumericEquals", "takes a number"),
        ({"Variable": "$", "BooleanEquals": "true"}, "/r/BooleanEquals", "takes true or false"),
        ({"Variable": "$", "TimestampEquals": "2026-01-31"}, "/r/TimestampEquals", "takes a timestamp"),
        ({"Variable": "$", "NumericEqualsPath": 1}, "/r/NumericEqualsPath", "a path is expected"),
        ({"Variable": "$", "NumericEqualsPath": "1"}, "/r/NumericEqualsPath", "a path starts with"),
        ({"And": []}, "/r/And", "non-empty array"),
        ({"Or": {}}, "/r/Or", "non-empty array"),
        ({"Not": []}, "/r/Not", "a choice rule is an object"),
        ({"And": [1]}, "/r/And/0", "a choice rule is an object"),
        ({"Not": {"Variable": "$", "IsNull": True, "Next": "A"}}, "/r/Not/Next", "'Next' is not allowed inside of a rule"),
        ({"Not": {"Variable": "$", "IsNull": True}, "Variable": "$"}, "/r/Variable", "'Not' takes no Variable"),
        ({"Variable": "$", "IsNull": True, "Next": "A"}, "/r/Next", "'Next' is not allowed inside of a rule"),
    ],
)
def test_what_is_not_a_rule(value: Any, pointer: str, message: str) -> None:
    rule, (problem, *_) = parsed_rule(value)
    assert rule is None
    assert problem.pointer == pointer
    assert message in problem.message


def test_rules_suggest_the_nearest_name_and_report_everything() -> None:
    _, problems = parsed_rule({"And": [{"Variable": "$", "StringEqual": "a"}, {"Varable": "$", "IsNull": 1}]})
    assert {problem.pointer: problem.suggestion for problem in problems} == {
        "/r/And/0/StringEqual": "StringEquals",
        "/r/And/0": None,
        "/r/And/1/Varable": "Variable",
        "/r/And/1/Variable": None,
        "/r/And/1/IsNull": None,
    }


def test_rules_nest_a_hundred_levels_deep() -> None:
    def nested(levels: int) -> Any:
        return {"Variable": "$", "IsNull": True} if levels == 1 else {"Not": nested(levels - 1)}

    assert parsed_rule(nested(100))[0]
    assert "at most 100 levels" in parsed_rule(nested(101))[1][0].message


def test_paths_of() -> None:
    template = parse_template({"a.$": "$.x", "b": [{"c/d.$": "States.Array($.y, States.Array($$.z), 1)"}]}, "/p", [])
    assert [(pointer, path.text) for pointer, path in paths_of(template, "/p")] == [
        ("/p/a.$", "$.x"),
        ("/p/b/0/c~1d.$", "$.y"),
        ("/p/b/0/c~1d.$", "$$.z"),
    ]
    leaf = {"Variable": "$.v", "IsNull": True}
    rule, _ = parsed_rule({"And": [{"Not": leaf}, {"Or": [leaf, {"Variable": "$.a", "NumericEqualsPath": "$.b"}]}]})
    assert [(pointer, path.text) for pointer, path in paths_of(rule, "/r")] == [
        ("/r/And/0/Not/Variable", "$.v"),
        ("/r/And/1/Or/0/Variable", "$.v"),
        ("/r/And/1/Or/1/Variable", "$.a"),
        ("/r/And/1/Or/1/NumericEqualsPath", "$.b"),
    ]
    assert [path.text for _, path in paths_of(Field("x.$", parse_path("$.q")), "")] == ["$.q"]


PIECES = st.sampled_from(
    [
        *"""$@.[]()'"*?:,-+ \\/=~<>!&|{}01azé_""",
        *("\x00", "\ud800", "\U0001f600", "$$", "..", "[*]", "[0]", "['a']", "[?(@.a", "==", "=~ /a/"),
        *("States.Format(", "States.Array(", "'{}'", " nin ", " size 1", ".length()"),
    ]
)


@given(st.lists(PIECES, max_size=25).map("".join) | st.text())
def test_parsing_raises_nothing_but_its_own_error(text: str) -> None:
    for parse in (parse_path, parse_reference_path, parse_intrinsic, parse_expression):
        for whole in (text, f"${text}", f"States.Array({text})"):
            with suppress(PathError):
                parse(whole)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["$", "$.a", "2026-01-31T09:00:00Z"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*OPERATORS, "And", "Or", "Not", "Variable", "Next", "a.$"]) | st.text(), inner, max_size=4)
    ),
)


@given(VALUES, st.booleans())
def test_reading_rules_and_templates_raises_nothing(value: Any, top: bool) -> None:
    problems: list[Problem] = []
    rule = parse_rule(value, "", problems, top=top)
    assert (rule is None) is bool(problems)
    parse_template(value, "", problems)


@given(st.text() | st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})", fullmatch=True))
def test_timestamps_are_read_or_not(text: str) -> None:
    read = timestamp(text)
    assert read is None or (isinstance(read[0], int) and 0 <= read[1] < 10**9)
