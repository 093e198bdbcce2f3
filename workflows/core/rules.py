"""Choice rules, matched. Pure.

A value of another type than the operator's never matches and is never an error; a Variable that leads nowhere is one, except to IsPresent.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from workflows.core.paths import ExpressionFailure, Miss, Scope, failure, find
from workflows.expressions import And, Comparison, Not, Or, Path, Rule, timestamp
from workflows.model import RUNTIME
from workflows.numbers import is_number

_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "GreaterThan": operator.gt,
    "LessThanEquals": operator.le,
    "GreaterThanEquals": operator.ge,
}


def matches(rule: Rule, scope: Scope) -> bool:
    """Whether `rule` matches. And and Or stop at the first rule that decides. Raises ExpressionFailure (States.Runtime)."""
    if isinstance(rule, And):
        return all(matches(inner, scope) for inner in rule.rules)
    if isinstance(rule, Or):
        return any(matches(inner, scope) for inner in rule.rules)
    if isinstance(rule, Not):
        return not matches(rule.rule, scope)
    return _compare(rule, scope)


def _compare(rule: Comparison, scope: Scope) -> bool:
    if rule.operator == "IsPresent":
        return _present(rule.variable, scope) is rule.operand
    value = _value(rule.variable, scope)
    test = _TESTS.get(rule.operator)
    if test:
        return test(value) is rule.operand
    operand = rule.operand if rule.operand_path is None else _value(rule.operand_path, scope)
    if rule.operator == "StringMatches":
        return isinstance(value, str) and wildcard(operand, value)
    kind, how = next((kind, rule.operator.removeprefix(kind)) for kind in _KEYS if rule.operator.startswith(kind))
    left, right = _KEYS[kind](value), _KEYS[kind](operand)
    return left is not None and right is not None and _ORDERS[how](left, right)


def _value(path: Path, scope: Scope) -> Any:
    try:
        return find(path, scope)
    except Miss as miss:
        words = f"Invalid path '{path.text}': The choice state's condition path references an invalid value."
        raise ExpressionFailure(RUNTIME, failure(path, scope, miss, words)) from None


def _present(path: Path, scope: Scope) -> bool:
    try:
        find(path, scope)
    except Miss:
        return False
    return True


def _timestamp(value: Any) -> tuple[int, int] | None:
    return timestamp(value) if isinstance(value, str) else None


_KEYS: Mapping[str, Callable[[Any], Any]] = {
    "String": lambda value: value if isinstance(value, str) else None,
    "Numeric": lambda value: value if is_number(value) else None,
    "Boolean": lambda value: value if isinstance(value, bool) else None,
    "Timestamp": _timestamp,
}
"""By kind, what values of it are compared by; None for values of another kind."""

_TESTS: Mapping[str, Callable[[Any], bool]] = {
    "IsNull": lambda value: value is None,
    "IsNumeric": is_number,
    "IsString": lambda value: isinstance(value, str),
    "IsBoolean": lambda value: isinstance(value, bool),
    "IsTimestamp": lambda value: _timestamp(value) is not None,
}


def wildcard(pattern: str, text: str) -> bool:
    """Whether `text` is as `pattern` says: `*` stands for any characters, `\\*` and `\\\\` for themselves. Linear, whatever the pattern."""
    first, *others = _literals(pattern)
    if not others:
        return text == first
    last = others.pop()
    if not text.startswith(first) or len(text) < len(first) + len(last) or not text.endswith(last):
        return False
    position, end = len(first), len(text) - len(last)
    for literal in others:
        found = text.find(literal, position, end)
        if found < 0:
            return False
        position = found + len(literal)
    return True


def _literals(pattern: str) -> list[str]:
    """The texts between the stars."""
    literals = [""]
    characters = iter(pattern)
    for character in characters:
        if character == "*":
            literals.append("")
        elif character == "\\":
            escaped = next(characters, "")
            literals[-1] += escaped if escaped in ("*", "\\") else character + escaped
        else:
            literals[-1] += character
    return literals
