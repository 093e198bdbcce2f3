"""Payload templates (ASL.md row J.5), compiled: a JSON value in which each `"key.$": "path"` has become `"key": JsonPath`.

Compiling finds everything that can be wrong with a template by itself. Whether a path leads to a task that exists is for the reader of
the whole job to say; `paths_of` hands it every path with its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from workflows.errors import Problem
from workflows.language import paths
from workflows.model import JsonPath, Template, child_path

_INTRINSIC = re.compile(r"\s*States\.\w*\s*\(")
_JSONATA = re.compile(r"\s*\{%.*%\}\s*", re.DOTALL)


def compile_template(value: Any, pointer: str, problems: list[Problem]) -> Template:
    """The compiled form of `value`, which stands at `pointer`; what is wrong is added to `problems`. `value` nests as JSON text may."""
    if isinstance(value, list):
        return [compile_template(item, child_path(pointer, str(index)), problems) for index, item in enumerate(value)]
    if isinstance(value, dict):
        return _compile_object(value, pointer, problems)
    if isinstance(value, str) and _JSONATA.fullmatch(value):
        problems.append(Problem(pointer, "JSONata ({% ... %}) is not supported yet"))
    return value


def _compile_object(value: dict[str, Any], pointer: str, problems: list[Problem]) -> Template:
    compiled: dict[str, Any] = {}
    for key, member in value.items():
        place = child_path(pointer, key)
        if not key.endswith(".$"):
            compiled[key] = compile_template(member, place, problems)
        elif key == ".$":
            problems.append(Problem(place, "a name is missing before '.$'"))
        elif key[:-2] in value:
            problems.append(Problem(place, f"both {key[:-2]!r} and {key!r} are given; they would be the same key"))
        else:
            compiled[key[:-2]] = _compile_path(member, place, problems)
    return compiled


def _compile_path(value: Any, pointer: str, problems: list[Problem]) -> JsonPath | None:
    if not isinstance(value, str):
        problems.append(Problem(pointer, "the value of a key that ends in '.$' must be a path, as text"))
    elif _JSONATA.fullmatch(value):
        problems.append(Problem(pointer, "JSONata ({% ... %}) is not supported yet"))
    elif _INTRINSIC.match(value):
        problems.append(Problem(pointer, "intrinsic functions (States....) are not supported yet"))
    else:
        try:
            return paths.parse(value)
        except paths.PathError as error:
            problems.append(Problem(pointer, str(error)))
    return None


def paths_of(template: Template, pointer: str) -> Iterator[tuple[str, JsonPath]]:
    """Every path of a compiled template, with the place where it was written."""
    todo: list[tuple[str, Any]] = [(pointer, template)]
    while todo:
        pointer, value = todo.pop()
        if isinstance(value, dict):
            places = [(f"{key}.$" if isinstance(member, JsonPath) else key, member) for key, member in value.items()]
            todo += [(child_path(pointer, key), member) for key, member in reversed(places)]
        elif isinstance(value, list):
            todo += [(child_path(pointer, str(index)), value[index]) for index in reversed(range(len(value)))]
        elif isinstance(value, JsonPath):
            yield pointer, value
