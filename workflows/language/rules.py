"""Choice rules, parsed (specification, "Choice State"): And, Or, Not and the comparison operators, in JSONPath mode."""

from __future__ import annotations

from typing import Any

from workflows.errors import Problem
from workflows.expressions import And, Comparison, Not, Or, Path, Rule, timestamp
from workflows.language.jsonpaths import PathError, parse_path
from workflows.language.names import closest_key
from workflows.model import child_path
from workflows.numbers import dumps, is_number

MAX_NESTING = 100
"""Of And, Or and Not: deep enough for people, and low enough for every recursive reader of ours."""

_ORDERED = ("Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals")
_TYPED = {
    **{f"{kind}{how}": kind for kind in ("String", "Numeric", "Timestamp") for how in _ORDERED},
    "BooleanEquals": "Boolean",
}
_TESTS = ("IsNull", "IsPresent", "IsNumeric", "IsString", "IsBoolean", "IsTimestamp")
_KINDS = {"String": "a text", "Numeric": "a number", "Boolean": "true or false", "Timestamp": "a timestamp such as 2026-01-31T09:00:00Z"}

OPERATORS = (*_TYPED, *(f"{name}Path" for name in _TYPED), "StringMatches", *_TESTS)
_COMBINED = ("And", "Or", "Not")
_AROUND = {True: ("Variable", "Next", "Comment", "Assign"), False: ("Variable", "Comment")}


_SCHEMAS: dict[str, dict[str, Any]] = {
    "String": {"type": "string"},
    "Numeric": {"type": "number"},
    "Boolean": {"type": "boolean"},
    "Timestamp": {"type": "string", "format": "date-time"},
}


def operand_schema(operator: str) -> dict[str, Any]:
    """The JSON Schema of what a comparison operator compares with."""
    if operator.removesuffix("Path") != operator:
        return {"type": "string", "pattern": r"^\$"}
    return dict(_SCHEMAS[_kind(operator)])


def parse_rule(value: Any, pointer: str, problems: list[Problem], *, top: bool, depth: int = 1) -> Rule | None:
    """The rule that `value` is, which stands at `pointer`; what is wrong is added to `problems`, and None returned.

    At the top of a Choice state's rule stand also Next, Assign and Comment, which are the state's reader's to check.
    """
    before = len(problems)
    if not isinstance(value, dict):
        problems.append(Problem(pointer, "a choice rule is an object"))
        return None
    if depth > MAX_NESTING:
        problems.append(Problem(pointer, f"choice rules nest at most {MAX_NESTING} levels deep"))
        return None
    found = [key for key in value if key in OPERATORS or key in _COMBINED]
    _check_members(value, pointer, problems, top, found)
    if len(found) != 1:
        return None
    operator = found[0]
    if operator in _COMBINED:
        if "Variable" in value:
            problems.append(Problem(child_path(pointer, "Variable"), f"{operator!r} takes no Variable"))
        rule = _combined(operator, value, pointer, problems, depth)
    else:
        rule = _comparison(operator, value, pointer, problems)
    return rule if len(problems) == before else None


def _check_members(value: dict[str, Any], pointer: str, problems: list[Problem], top: bool, found: list[str]) -> None:
    allowed = _AROUND[top]
    for key in value:
        if key in found or key in allowed:
            continue
        inside = key in _AROUND[True]
        message = f"{key!r} is not allowed inside of a rule" if inside else f"there is no comparison operator or field {key!r}"
        suggestion = None if inside else closest_key(key, (*OPERATORS, *_COMBINED, *allowed))
        problems.append(Problem(child_path(pointer, key), message, suggestion))
    if not found:
        problems.append(Problem(pointer, "a choice rule needs one comparison operator, or And, Or or Not"))
    elif len(found) > 1:
        problems.append(Problem(pointer, f"a choice rule has exactly one operator, not {' and '.join(found)}"))


def _combined(operator: str, value: dict[str, Any], pointer: str, problems: list[Problem], depth: int) -> Rule | None:
    text = dumps(value)
    place, inner = child_path(pointer, operator), value[operator]
    if operator == "Not":
        rule = parse_rule(inner, place, problems, top=False, depth=depth + 1)
        return Not(rule, text) if rule else None
    if not isinstance(inner, list) or not inner:
        problems.append(Problem(place, f"{operator!r} takes a non-empty array of rules"))
        return None
    parsed = [parse_rule(rule, child_path(place, str(index)), problems, top=False, depth=depth + 1) for index, rule in enumerate(inner)]
    rules = tuple(rule for rule in parsed if rule)
    return And(rules, text) if operator == "And" else Or(rules, text)


def _comparison(operator: str, value: dict[str, Any], pointer: str, problems: list[Problem]) -> Rule | None:
    variable = _path(value.get("Variable"), child_path(pointer, "Variable"), problems)
    place, operand = child_path(pointer, operator), value[operator]
    plain = operator.removesuffix("Path")
    if plain != operator:
        operand_path = _path(operand, place, problems)
        return Comparison(plain, variable, None, operand_path, dumps(value)) if variable and operand_path else None
    kind = _kind(operator)
    if not _is(kind, operand):
        problems.append(Problem(place, f"{operator!r} takes {_KINDS[kind]}"))
    return Comparison(operator, variable, operand, None, dumps(value)) if variable else None


def _kind(operator: str) -> str:
    return "Boolean" if operator in _TESTS else _TYPED.get(operator, "String")


def _is(kind: str, value: Any) -> bool:
    if kind == "Numeric":
        return is_number(value)
    if kind == "Boolean":
        return isinstance(value, bool)
    return isinstance(value, str) and (kind == "String" or timestamp(value) is not None)


def _path(value: Any, pointer: str, problems: list[Problem]) -> Path | None:
    if not isinstance(value, str):
        problems.append(Problem(pointer, "a path is expected, as text" if value is not None else "'Variable' is missing: a path, as text"))
        return None
    try:
        return parse_path(value)
    except PathError as error:
        problems.append(Problem(pointer, str(error), error.suggestion))
        return None
