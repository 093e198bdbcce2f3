"""The expressions of the language in JSONPath mode, from text to nodes (`workflows.expressions`): what readers of definitions call.

Payload templates are parsed here; paths, intrinsics and choice rules have files of their own. Everything that can be known to be wrong is
found at once, each with its place: a `Problem` for what stands in a document, a `PathError` with a column for one text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from workflows.errors import Problem
from workflows.expressions import And, Comparison, Expression, Field, Intrinsic, Not, Or, Path, Rule, Template
from workflows.language.intrinsics import is_intrinsic, parse_intrinsic
from workflows.language.jsonpaths import PathError, parse_path, parse_reference_path
from workflows.language.rules import parse_rule
from workflows.model import child_path

__all__ = [
    "PathError",
    "parse_expression",
    "parse_intrinsic",
    "parse_path",
    "parse_reference_path",
    "parse_rule",
    "parse_template",
    "paths_of",
]

_JSONATA = re.compile(r"\s*\{%.*%\}\s*", re.DOTALL)


def parse_expression(text: str) -> Expression:
    """The path or intrinsic written as `text`, or PathError."""
    if is_intrinsic(text):
        return parse_intrinsic(text)
    if _JSONATA.fullmatch(text):
        raise PathError("JSONata ({% ... %}) is not allowed here; expected a path or an intrinsic function", 1)
    if not text.startswith("$"):
        raise PathError("expected a path ($...), a context path ($$...), a variable ($name) or a call (States.Name(...))", 1)
    return parse_path(text)


def parse_template(value: Any, pointer: str, problems: list[Problem]) -> Template:
    """The template that `value` is, which stands at `pointer`; what is wrong is added to `problems`. `value` nests as JSON text may."""
    if isinstance(value, list):
        return [parse_template(item, child_path(pointer, str(index)), problems) for index, item in enumerate(value)]
    if isinstance(value, dict):
        return _object(value, pointer, problems)
    return value


def _object(value: dict[str, Any], pointer: str, problems: list[Problem]) -> Template:
    parsed: dict[str, Any] = {}
    for key, member in value.items():
        place = child_path(pointer, key)
        if not key.endswith(".$"):
            parsed[key] = parse_template(member, place, problems)
        elif key == ".$":
            problems.append(Problem(place, "a name is missing before '.$'"))
        elif key[:-2] in value:
            problems.append(Problem(place, f"both {key[:-2]!r} and {key!r} are given; they would be the same key"))
        else:
            parsed[key[:-2]] = _field(key, member, place, problems)
    return parsed


def _field(key: str, value: Any, pointer: str, problems: list[Problem]) -> Field | None:
    if not isinstance(value, str):
        problems.append(Problem(pointer, "the value of a key that ends in '.$' must be a path or an intrinsic function, as text"))
        return None
    try:
        return Field(key, parse_expression(value))
    except PathError as error:
        problems.append(Problem(pointer, str(error), error.suggestion))
        return None


def paths_of(parsed: Template | Expression | Rule | None, pointer: str) -> Iterator[tuple[str, Path]]:
    """Every path in a parsed template, expression or rule, with the place where it was written; paths inside of filters excepted."""
    todo: list[tuple[str, Any]] = [(pointer, parsed)]
    while todo:
        pointer, node = todo.pop()
        if isinstance(node, Path):
            yield pointer, node
        else:
            todo += reversed(list(_members(pointer, node)))


def _members(pointer: str, node: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict):
        for key, member in node.items():
            if isinstance(member, Field):
                yield child_path(pointer, member.name), member.expression
            else:
                yield child_path(pointer, key), member
    elif isinstance(node, list):
        yield from ((child_path(pointer, str(index)), member) for index, member in enumerate(node))
    elif isinstance(node, Field):
        yield pointer, node.expression
    elif isinstance(node, Intrinsic):
        yield from ((pointer, argument) for argument in node.arguments)
    elif isinstance(node, Comparison):
        yield child_path(pointer, "Variable"), node.variable
        yield child_path(pointer, f"{node.operator}Path"), node.operand_path
    elif isinstance(node, Not):
        yield child_path(pointer, "Not"), node.rule
    elif isinstance(node, (And, Or)):
        place = child_path(pointer, type(node).__name__)
        yield from ((child_path(place, str(index)), rule) for index, rule in enumerate(node.rules))
