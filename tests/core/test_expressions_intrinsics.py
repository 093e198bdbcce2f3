"""The intrinsic functions: what each gives, where its edges are, and what is said about wrong arguments."""

from __future__ import annotations

import uuid
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.core.expressions import ExpressionFailure, Scope, evaluate
from workflows.language.expressions import parse_intrinsic
from workflows.numbers import dumps, loads

DATA = loads('{"list":[1,2,3,2,1],"object":{"b":1.10,"a":"x"},"text":"a,b","n":null,"one":1,"true":true,"pi":3.140,"template":"n={}"}')


def call(text: str, data: Any = DATA) -> Any:
    return evaluate(parse_intrinsic(text), Scope(data, {"State": {"Name": "S"}}, {"v": 7}, lambda: 0.75))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("States.Array()", []),
        ("States.Array(1, 'a', true, null, $.one, $$.State.Name, $v, States.Array())", [1, "a", True, None, 1, "S", 7, []]),
        ("States.Array(1.10, -0.5, 1e2)", loads("[1.10,-0.5,1e2]")),
        ("States.ArrayPartition($.list, 2)", [[1, 2], [3, 2], [1]]),
        ("States.ArrayPartition($.list, 9)", [[1, 2, 3, 2, 1]]),
        ("States.ArrayPartition(States.Array(), 1)", []),
        ("States.ArrayContains($.list, 3)", True),
        ("States.ArrayContains($.list, 3.0)", True),
        ("States.ArrayContains($.list, true)", False),
        ("States.ArrayContains($.list, '3')", False),
        ("States.ArrayContains(States.Array($.object), $.object)", True),
        ("States.ArrayRange(1, 9, 2)", [1, 3, 5, 7, 9]),
        ("States.ArrayRange(3, 1, -1)", [3, 2, 1]),
        ("States.ArrayRange(1, 3, -1)", []),
        ("States.ArrayRange(1.4, 2.5, 1)", [1, 2, 3]),
        ("States.ArrayLength(States.ArrayRange(1, 1000, 1))", 1000),
        ("States.ArrayGetItem($.list, 2)", 3),
        ("States.ArrayLength($.list)", 5),
        ("States.ArrayLength($.nope[*])", 0),
        ("States.ArrayUnique($.list)", [1, 2, 3]),
        ("States.ArrayUnique(States.Array(1, true, '1', 1.0, null, $.object, $.object))", [1, True, "1", None, DATA["object"]]),
        ("States.Base64Encode('data ä')", "ZGF0YSDDpA=="),
        ("States.Base64Decode('ZGF0YSDDpA==')", "data ä"),
        ("States.Hash('input data', 'SHA-1')", "aaff4a450a104cd177d28d18d74485e8cae074b7"),
        ("States.Hash('', 'MD5')", "d41d8cd98f00b204e9800998ecf8427e"),
        ("States.ArrayLength(States.StringSplit(States.Hash('x', 'SHA-256'), ' '))", 1),
        ("States.Hash($.one, 'MD5')", "c4ca4238a0b923820dcc509a6f75849b"),
        ('States.JsonMerge($.object, States.StringToJson(\'{"a":2,"c":3}\'), false)', loads('{"b":1.10,"a":2,"c":3}')),
        ("States.JsonToString($.object)", '{"b":1.10,"a":"x"}'),
        ("States.JsonToString('a')", '"a"'),
        ("States.StringToJson('[1.0, {\"a\": null}]')", loads('[1.0,{"a":null}]')),
        ("States.StringToJson('\"text\"')", "text"),
        ("States.MathRandom(1, 9)", 7),
        ("States.MathAdd(111, -1)", 110),
        ("States.MathAdd($.one, 2147483646)", 2147483647),
        ("States.StringSplit($.text, ',')", ["a", "b"]),
        ("States.StringSplit('a-b_c^d]e', '^]-')", ["a", "b_c", "d", "e"]),
        ("States.StringSplit('ab', '')", ["ab"]),
        ("States.StringSplit('', '')", []),
        ("States.Format('no placeholders')", "no placeholders"),
        ("States.Format('{} {} {} {}', $.pi, $.object, null, true)", '3.140 {"b":1.10,"a":"x"} null true'),
        ("States.Format('{}', '{}')", "{}"),
        (r"States.Format('\{\} \\ \' {}', 1)", r"{} \ ' 1"),
        (r"States.Array('\{\} \\ \'')", [r"{} \ '"]),
        ("States.Format($.template, 1)", "n=1"),
        ("States.Format( 'x' ) ", "x"),
        (" States.Array( $.list[0] , $.list[?(@ > 2)],$['one'] )", [1, [3], 1]),
    ],
)
def test_what_a_call_gives(text: str, value: Any) -> None:
    assert dumps(call(text)) == dumps(value)


@pytest.mark.parametrize(("algorithm", "length"), [("MD5", 32), ("SHA-1", 40), ("SHA-256", 64), ("SHA-384", 96), ("SHA-512", 128)])
def test_hashes_have_their_length(algorithm: str, length: int) -> None:
    assert len(call(f"States.Hash('x', '{algorithm}')")) == length


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("States.ArrayPartition($.one, 2)", "the first argument must be an array, not 1"),
        ("States.ArrayPartition($.list, 0)", "the chunk size must be positive, not 0"),
        ("States.ArrayPartition($.list, 'x')", 'the chunk size must be a number, not "x"'),
        ("States.ArrayPartition($.list, true)", "the chunk size must be a number, not true"),
        ("States.ArrayContains($.text, 1)", 'the first argument must be an array, not "a,b"'),
        ("States.ArrayRange(1, 2, 0)", "the step must not be zero"),
        ("States.ArrayRange(1, 1001, 1)", "the range must have at most 1000 items"),
        ("States.ArrayRange(0, 1e300, 1)", "the range must have at most 1000 items"),
        ("States.ArrayGetItem($.list, 5)", "the index 5 is out of bounds for an array of 5 items"),
        ("States.ArrayGetItem($.list, -1)", "the index -1 is out of bounds for an array of 5 items"),
        ("States.ArrayLength($.object)", 'the argument must be an array, not {"b":1.10,"a":"x"}'),
        ("States.ArrayUnique(null)", "the argument must be an array, not null"),
        ("States.Base64Encode(1)", "the text must be a string, not 1"),
        ("States.Base64Encode($.long)", "the text must have at most 10000 characters, not 10001"),
        ("States.Base64Decode('a')", '"a" is not a Base64 encoded text'),
        ("States.Base64Decode('/w==')", '"/w==" is not a Base64 encoded text'),
        ("States.Hash('x', 'SHA-2')", 'the algorithm must be one of MD5, SHA-1, SHA-256, SHA-384, SHA-512, not "SHA-2"'),
        ("States.Hash('x', $.list)", "the algorithm must be a string, not [1,2,3,2,1]"),
        ("States.Hash($.long, 'MD5')", "the data must have at most 10000 characters, not 10001"),
        ("States.JsonMerge($.object, 1, false)", "only objects can be merged, not 1"),
        ("States.JsonMerge($.object, $.object, true)", "the third argument must be false: deep merging is not supported"),
        ("States.StringToJson(1)", "the argument must be a string, not 1"),
        ("States.StringToJson('{')", '"{" is not JSON'),
        ("States.StringToJson('NaN')", '"NaN" is not JSON'),
        ("States.StringToJson('1e999')", '"1e999" is not JSON'),
        ("States.StringToJson($.half)", '"[\\"\\\\ud800\\"]" is not JSON'),
        ("States.StringToJson($.half_key)", '"{\\"\\\\ud800\\":1}" is not JSON'),
        ("States.MathRandom(2, 2)", "the first number, 2, must be less than the last, 2"),
        ("States.MathAdd(2147483648, 1)", "the first number must be between -2147483648 and 2147483647, not 2147483648"),
        ("States.MathAdd(2147483647, 1)", "the sum must be between -2147483648 and 2147483647, not 2147483648"),
        ("States.MathAdd('1', 1)", 'the first number must be a number, not "1"'),
        ("States.StringSplit($.list, ',')", "the first argument must be a string, not [1,2,3,2,1]"),
        ("States.StringSplit('a', 1)", "the delimiter must be a string, not 1"),
        ("States.Format(1)", "the template must be a string, not 1"),
        ("States.Format('{} {}', 1)", "Invalid template: there are more placeholders than the 1 values"),
        ("States.Format('{}', 1, 2)", "Invalid template: there are 2 values, but 1 placeholders"),
        ("States.Format('{a}', 1)", "Invalid template: unexpected '{'"),
        ("States.Format($.backslash)", r"Invalid template: unexpected '\\n'"),
        ("States.Format('}')", "Invalid template: unexpected '}'"),
    ],
)
def test_wrong_arguments(text: str, message: str) -> None:
    more = {"long": "x" * 10_001, "half": '["\\ud800"]', "half_key": '{"\\ud800":1}', "backslash": "\\n"}
    with pytest.raises(ExpressionFailure) as caught:
        call(text, {**DATA, **more})
    assert (caught.value.error, caught.value.cause) == (
        "States.IntrinsicFailure",
        f"The function '{text}' had the following error: {message}",
    )


@pytest.mark.parametrize("text", ["[" * 201 + "]" * 201, "[" * 100_000, "9" * 400, "-" + "9" * 5_000])
def test_json_inside_of_a_text_is_held_to_the_limits_of_the_edge(text: str) -> None:
    with pytest.raises(ExpressionFailure, match="is not JSON"):
        call("States.StringToJson($.x)", {"x": text})
    assert call("States.StringToJson($.x)", {"x": "[" * 200 + "]" * 200})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("States.Format('{}',$.nope)", "The JsonPath argument for the field '$.nope' could not be found in the input '{\"a\":[1]}'"),
        ("States.Format('{}', $.a[5])", "The JsonPath argument for the field '$.a[5]' could not be found in the input '{\"a\":[1]}'"),
        (
            "States.Array(States.Array($.a.b.c))",
            "The JsonPath argument for the field '$.a.b.c' could not be found in the input '{\"a\":[1]}'",
        ),
        ("States.Array($$.No.Deep)", "The JsonPath argument for the field '$.No.Deep' could not be found in the input '{\"a\":[1]}'"),
        ("States.Array($unset)", "The JsonPath argument for the field '$unset' could not be found in the input '{\"a\":[1]}'"),
        ("States.Array($.a[0][0])", "Filter: [0] can only be applied to arrays. Current context is: 1"),
    ],
)
def test_an_argument_that_finds_nothing(text: str, message: str) -> None:
    with pytest.raises(ExpressionFailure) as caught:
        call(text, {"a": [1]})
    assert (caught.value.error, caught.value.cause) == ("States.Runtime", f"The function '{text}' had the following error: {message}")


def test_a_random_number_with_a_seed_needs_no_chance() -> None:
    first = evaluate(parse_intrinsic("States.MathRandom(1, 1000000, 42)"), Scope({}))
    assert first == evaluate(parse_intrinsic("States.MathRandom(1, 1000000, 42)"), Scope({}))
    assert first != evaluate(parse_intrinsic("States.MathRandom(1, 1000000, 43)"), Scope({}))
    with pytest.raises(ValueError, match="no randomness"):
        evaluate(parse_intrinsic("States.MathRandom(1, 10)"), Scope({}))


@given(st.floats(0, 1, exclude_max=True), st.integers(-(2**31), 2**31 - 2), st.integers(1, 100), st.none() | st.integers())
def test_a_random_number_is_within_its_bounds(drawn: float, start: int, size: int, seed: int | None) -> None:
    end = min(start + size, 2**31 - 1)
    more = "" if seed is None else f", {seed}"
    number = evaluate(parse_intrinsic(f"States.MathRandom({start}, {end}{more})"), Scope({}, random=lambda: drawn))
    assert start <= number < end


@given(st.lists(st.floats(0, 1, exclude_max=True), min_size=4, max_size=4))
def test_a_uuid_is_of_version_4(drawn: list[float]) -> None:
    numbers = count()
    text = evaluate(parse_intrinsic("States.UUID()"), Scope({}, random=lambda: drawn[next(numbers)]))
    parsed = uuid.UUID(text)
    assert str(parsed) == text
    assert parsed.version == 4
    assert parsed.variant == uuid.RFC_4122


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=50))
def test_base64_there_and_back(text: str) -> None:
    assert call("States.Base64Decode(States.Base64Encode($))", text) == text
