"""What the expressions of an Airflow file come to, as far as that can be told without running it: literals, dates, durations."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_UNITS = {"weeks": 604_800.0, "days": 86_400.0, "hours": 3_600.0, "minutes": 60.0, "seconds": 1.0, "milliseconds": 0.001}
_POSITIONS = ("days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks")


class Untold(ValueError):
    """It depends on running the file."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A date and time, and its zone where one is named."""

    text: str
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class Duration:
    seconds: float


@dataclass(frozen=True, slots=True)
class Named:
    """A name that stands for no value known here: a function, a constant of Airflow."""

    name: str


def called(node: ast.expr) -> str:
    """The dotted name of what is called or looked up; "" for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (before := called(node.value)):
        return f"{before}.{node.attr}"
    return ""


def value(node: ast.expr, known: Mapping[str, Any]) -> Any:
    """Plain data, a Moment, a Duration or a Named. `known`: values of names assigned before. Raises Untold."""
    match node:
        case ast.Constant():
            return node.value
        case ast.List() | ast.Tuple() | ast.Set():
            return [value(each, known) for each in node.elts]
        case ast.Dict():
            return _dict(node, known)
        case ast.UnaryOp(op=ast.USub()):
            return -_number(value(node.operand, known))
        case ast.BinOp():
            return _binary(node, known)
        case ast.JoinedStr():
            return "".join(_text(part, known) for part in node.values)
        case ast.Name():
            return known.get(node.id, Named(node.id))
        case ast.Attribute():
            return Named(called(node) or node.attr)
        case ast.Call():
            return _call(node, known)
    raise Untold(ast.unparse(node))


def arguments(node: ast.Call, known: Mapping[str, Any]) -> dict[str, Any]:
    """The keyword arguments whose values can be told; the others are Untold exceptions in their place."""
    found: dict[str, Any] = {}
    for keyword in node.keywords:
        if keyword.arg is None:
            found["**"] = Untold(ast.unparse(keyword.value))
            continue
        try:
            found[keyword.arg] = value(keyword.value, known)
        except Untold as error:
            found[keyword.arg] = error
    return found


def _dict(node: ast.Dict, known: Mapping[str, Any]) -> dict[Any, Any]:
    made: dict[Any, Any] = {}
    for key, each in zip(node.keys, node.values, strict=True):
        if key is None:
            inner = value(each, known)
            if not isinstance(inner, dict):
                raise Untold(ast.unparse(node))
            made.update(inner)
        else:
            made[value(key, known)] = value(each, known)
    return made


def _number(found: Any) -> float | int:
    if isinstance(found, int | float):
        return found
    raise Untold(repr(found))


def _binary(node: ast.BinOp, known: Mapping[str, Any]) -> Any:
    left, right = value(node.left, known), value(node.right, known)
    numbers = isinstance(left, int | float) and isinstance(right, int | float)
    if isinstance(node.op, ast.Add) and (numbers or (isinstance(left, str) and isinstance(right, str))):
        return left + right
    if isinstance(node.op, ast.Mult) and numbers:
        return left * right
    if isinstance(node.op, ast.Sub) and numbers:
        return left - right
    raise Untold(ast.unparse(node))


def _text(part: ast.expr, known: Mapping[str, Any]) -> str:
    found = value(part.value if isinstance(part, ast.FormattedValue) else part, known)
    if isinstance(found, str | int | float):
        return str(found)
    raise Untold(ast.unparse(part))


def _call(node: ast.Call, known: Mapping[str, Any]) -> Any:
    name = called(node.func).rsplit(".", 1)[-1]
    if name == "timedelta":
        return _duration(node, known)
    if name == "datetime":
        return _moment(node, known)
    if name == "dict" and not node.args:
        found = arguments(node, known)
        if not any(isinstance(each, Untold) for each in found.values()):
            return found
    raise Untold(ast.unparse(node))


def _duration(node: ast.Call, known: Mapping[str, Any]) -> Duration:
    given = dict(zip(_POSITIONS, (value(each, known) for each in node.args), strict=False)) | arguments(node, known)
    if any(name not in _UNITS for name in given):
        raise Untold(ast.unparse(node))
    return Duration(sum(_number(amount) * _UNITS[name] for name, amount in given.items()))


def _moment(node: ast.Call, known: Mapping[str, Any]) -> Moment:
    parts = [value(each, known) for each in node.args]
    given = arguments(node, known)
    for name in ("year", "month", "day", "hour", "minute", "second")[len(parts) :]:
        parts.append(given.get(name, 1 if name in ("month", "day") else 0))
    if not all(isinstance(part, int) for part in parts[:6]) or len(parts) > 6:
        raise Untold(ast.unparse(node))
    year, month, day, hour, minute, second = parts[:6]
    zone = given.get("tz", given.get("tzinfo"))
    text = f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
    return Moment(text, zone if isinstance(zone, str) else None)
