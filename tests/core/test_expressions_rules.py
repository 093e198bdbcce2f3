"""Choice rules: every operator, with every kind of value on the other side."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.core.expressions import ExpressionFailure, Scope, matches
from workflows.core.rules import wildcard
from workflows.language.expressions import parse_rule
from workflows.numbers import loads

EARLY, LATE = "2026-01-31T09:00:00Z", "2026-01-31T09:00:00.001Z"
PAIRS = {"String": ("a", "b"), "Numeric": (1, 1.5), "Timestamp": (EARLY, LATE)}
ORDERS = {
    "Equals": (False, True, False),
    "LessThan": (True, False, False),
    "GreaterThan": (False, False, True),
    "LessThanEquals": (True, True, False),
    "GreaterThanEquals": (False, True, True),
}
OTHERS: list[Any] = [None, True, 0, "text", [], {}, [1], {"a": 1}]


def rule(value: dict[str, Any]) -> Any:
    problems: list[Any] = []
    parsed = parse_rule(value, "", problems, top=False)
    assert parsed is not None
    assert not problems
    return parsed


def holds(value: Any, operand: Any, operator: str) -> bool:
    plain = matches(rule({"Variable": "$.v", operator: operand}), Scope({"v": value}))
    by_path = matches(rule({"Variable": "$.v", f"{operator}Path": "$.o"}), Scope({"v": value, "o": operand}))
    assert plain is by_path
    return plain


@pytest.mark.parametrize("kind", PAIRS)
@pytest.mark.parametrize("how", ORDERS)
def test_ordered_operators(kind: str, how: str) -> None:
    small, large = PAIRS[kind]
    operator = kind + how
    assert (holds(small, large, operator), holds(small, small, operator), holds(large, small, operator)) == ORDERS[how]
    for other in OTHERS:
        if not (kind == "String" and isinstance(other, str)) and not (kind == "Numeric" and other == 0 and other is not False):
            assert not holds(other, small, operator)
            assert not matches(rule({"Variable": "$.v", f"{operator}Path": "$.o"}), Scope({"v": small, "o": other}))


def test_booleans() -> None:
    assert holds(True, True, "BooleanEquals")
    assert holds(False, False, "BooleanEquals")
    assert not holds(True, False, "BooleanEquals")
    assert not holds(1, True, "BooleanEquals")
    assert not holds("true", True, "BooleanEquals")


@pytest.mark.parametrize(
    ("value", "operand", "equal"),
    [
        ("1", "1.0", True),
        ("1e2", "100", True),
        ("0.1", "0.10", True),
        ("9007199254740993", "9007199254740992", False),
        ("true", "1", False),
    ],
)
def test_numbers_are_compared_by_value(value: str, operand: str, equal: bool) -> None:
    scope = Scope({"v": loads(value), "o": loads(operand)})
    assert matches(rule({"Variable": "$.v", "NumericEqualsPath": "$.o"}), scope) is equal


@pytest.mark.parametrize(
    ("value", "operand", "equal"),
    [
        ("2026-01-31T09:00:00Z", "2026-01-31T10:00:00+01:00", True),
        ("2026-01-31T09:00:00Z", "2026-01-31T09:00:00.000Z", True),
        ("2026-01-31T09:00Z", "2026-01-31T09:00:00Z", True),
        ("2026-01-31T09:00:00-00:30", "2026-01-31T09:30:00Z", True),
        ("2026-01-31T09:00:00.123456789Z", "2026-01-31T09:00:00.123456788Z", False),
        ("2026-01-31 09:00:00Z", "2026-01-31T09:00:00Z", False),
        ("2026-01-31T09:00:00", "2026-01-31T09:00:00Z", False),
        ("2026-02-30T09:00:00Z", "2026-01-31T09:00:00Z", False),
        ("2026-01-31T25:00:00Z", "2026-01-31T09:00:00Z", False),
        ("2026-01-31T09:00:00+19:00", "2026-01-31T09:00:00Z", False),
        ("2026-01-31T09:00:00+01:60", "2026-01-31T09:00:00Z", False),
    ],
)
def test_timestamps(value: str, operand: str, equal: bool) -> None:
    assert holds(value, operand, "TimestampEquals") is equal


@pytest.mark.parametrize(
    ("operator", "right"),
    [
        ("IsNull", [None]),
        ("IsNumeric", [0, 1.5]),
        ("IsString", ["", "text", EARLY]),
        ("IsBoolean", [True, False]),
        ("IsTimestamp", [EARLY]),
    ],
)
def test_what_something_is(operator: str, right: list[Any]) -> None:
    values: list[Any] = [None, 0, 1.5, "", "text", EARLY, True, False, [], {}]
    for value in values:
        is_one = any(value is one or (type(value) is type(one) and value == one) for one in right)
        assert matches(rule({"Variable": "$", operator: True}), Scope(value)) is is_one
        assert matches(rule({"Variable": "$", operator: False}), Scope(value)) is not is_one


@pytest.mark.parametrize(
    ("path", "there"),
    [("$.a", True), ("$.n", True), ("$.x", False), ("$.a.b", False), ("$.l[0]", True), ("$.l[1]", False), ("$v", True), ("$w", False)],
)
def test_presence(path: str, there: bool) -> None:
    scope = Scope({"a": 1, "n": None, "l": [1]}, variables={"v": 1})
    assert matches(rule({"Variable": path, "IsPresent": True}), scope) is there
    assert matches(rule({"Variable": path, "IsPresent": False}), scope) is not there


@pytest.mark.parametrize(
    "value",
    [
        {"Variable": "$.x", "StringEquals": "a"},
        {"Variable": "$.x", "IsNull": True},
        {"Variable": "$.a", "StringEqualsPath": "$.x"},
        {"Not": {"Variable": "$.x", "IsNull": True}},
        {"And": [{"Variable": "$.a", "IsPresent": True}, {"Variable": "$.x", "IsString": True}]},
    ],
)
def test_a_path_that_leads_nowhere(value: dict[str, Any]) -> None:
    with pytest.raises(ExpressionFailure) as caught:
        matches(rule(value), Scope({"a": 1}))
    cause = "Invalid path '$.x': The choice state's condition path references an invalid value."
    assert (caught.value.error, caught.value.cause) == ("States.Runtime", cause)


def test_rules_combined() -> None:
    yes, no = {"Variable": "$", "NumericEquals": 1}, {"Variable": "$", "NumericEquals": 2}
    unsafe = {"Variable": "$.x", "NumericEquals": 1}
    cases: list[tuple[dict[str, Any], bool]] = [
        ({"And": [yes, yes]}, True),
        ({"And": [no, unsafe]}, False),
        ({"Or": [yes, unsafe]}, True),
        ({"Or": [no, no]}, False),
        ({"Not": yes}, False),
        ({"Not": {"Or": [no, {"And": [yes, {"Not": no}]}]}}, False),
    ]
    for value, expected in cases:
        assert matches(rule(value), Scope(1)) is expected


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("", "", True),
        ("", "a", False),
        ("*", "", True),
        ("*", "anything\nat all", True),
        ("log-*.txt", "log-1.txt", True),
        ("log-*.txt", "log-.txt", True),
        ("log-*.txt", "log-1.txt2", False),
        ("log-*.txt", "a log-1.txt", False),
        ("*a*b*", "xxaxxbxx", True),
        ("*a*b*", "xxbxxaxx", False),
        ("a*a", "a", False),
        ("a*b*b", "ab", False),
        ("?", "a", False),
        ("[a]", "[a]", True),
        (r"a\*b", "a*b", True),
        (r"a\*b", "axb", False),
        (r"a\\*", "a\\bc", True),
        (r"a\\\*", "a\\*", True),
        (r"a\b", r"a\b", True),
        ("a\\", "a\\", True),
        ("**", "x", True),
    ],
)
def test_wildcards(pattern: str, text: str, expected: bool) -> None:
    assert wildcard(pattern, text) is expected
    assert matches(rule({"Variable": "$", "StringMatches": pattern}), Scope(text)) is expected
    assert not matches(rule({"Variable": "$", "StringMatches": "*"}), Scope([text]))


@given(st.text("ab*"), st.text("ab"))
def test_wildcards_match_as_patterns_do(pattern: str, text: str) -> None:
    assert wildcard(pattern, text) is fnmatchcase(text, pattern) is bool(re.fullmatch(pattern.replace("*", ".*"), text))
