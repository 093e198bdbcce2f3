"""`inputSchema`: whether it is a JSON Schema that we take, told when a job is registered. What checks inputs by it is `inputs.py`.

JSON Schema 2020-12, with what would make a check unbounded or reach out of the document left out: references lead to a place in this very
schema that holds a schema, and not in a circle without going into the data; nothing is `unevaluated…`; patterns are of a bounded length.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from workflows.errors import Problem
from workflows.language.inputs import PROBLEMS, InputCheck
from workflows.language.shapes import shown
from workflows.language.text import canonical
from workflows.model import child_path

DRAFT = "https://json-schema.org/draft/2020-12/schema"

SCHEMA_CHARACTERS = 65_536
LEVELS = 40
"""Of schemas in each other, and of schemas that lead to each other for the same place in the data."""

PATTERN_CHARACTERS = 1_000

_ONE = ("additionalProperties", "contains", "contentSchema", "else", "if", "items", "not", "propertyNames", "then")
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
_MAPS = ("$defs", "definitions", "dependentSchemas", "patternProperties", "properties")
_SAME_PLACE = frozenset({"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"})
_LEFT_OUT = {
    "$anchor": "refer to places by path, as in #/$defs/name",
    "$dynamicAnchor": "refer to places by path, as in #/$defs/name",
    "$dynamicRef": "use $ref with a path, as in #/$defs/name",
    "$recursiveRef": "use $ref with a path, as in #/$defs/name",
    "$vocabulary": "it is for schemas of schemas",
    "unevaluatedItems": "use items, which knows of prefixItems",
    "unevaluatedProperties": "use additionalProperties, which knows of properties and patternProperties",
}


@dataclass(slots=True)
class _Walk:
    """All schemas in a document by pointer, and where each leads that is for the same place in the data."""

    problems: list[Problem] = field(default_factory=list)
    schemas: dict[str, Any] = field(default_factory=dict)
    leads: dict[str, list[str]] = field(default_factory=dict)
    refs: list[tuple[str, str]] = field(default_factory=list)
    too_deep: bool = False

    def refuse(self, pointer: str, message: str) -> None:
        self.problems.append(Problem(pointer, message))


def check_schema(value: Any) -> list[Problem]:
    """What is wrong with a value that is to be an input schema; pointers begin at it."""
    if not isinstance(value, (dict, bool)):
        return [Problem("", f"a JSON Schema is an object, or true or false, not {shown(value)}")]
    if (size := len(canonical(value))) > SCHEMA_CHARACTERS:
        return [Problem("", f"an input schema has at most {SCHEMA_CHARACTERS:,} characters; this one has {size:,}")]
    walk = _walked(value)
    if walk.too_deep:
        return walk.problems
    said = {problem.pointer for problem in walk.problems}
    problems = [*walk.problems, *(problem for problem in _schema_of_schemas().problems(value) if problem.pointer not in said)]
    problems = list(dict.fromkeys([*problems, *_references(walk)]))
    more = [Problem("", f"there are more problems than the {PROBLEMS} that are listed")] if len(problems) > PROBLEMS else []
    return problems[:PROBLEMS] + more


@lru_cache(maxsize=1)
def _schema_of_schemas() -> InputCheck:
    from jsonschema import Draft202012Validator

    return InputCheck(Draft202012Validator.META_SCHEMA)


def _walked(root: Any) -> _Walk:
    walk = _Walk()
    todo: list[tuple[str, Any, int]] = [("", root, 1)]
    while todo:
        pointer, schema, level = todo.pop()
        walk.schemas[pointer] = schema
        walk.leads[pointer] = []
        if not isinstance(schema, dict):
            continue
        if level > LEVELS:
            walk.refuse(pointer, f"schemas are nested at most {LEVELS} levels deep")
            walk.too_deep = True
            continue
        _look_at(walk, pointer, schema)
        for keyword, place, inner in _inside(pointer, schema):
            if keyword in _SAME_PLACE:
                walk.leads[pointer].append(place)
            todo.append((place, inner, level + 1))
    return walk


def _inside(pointer: str, schema: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """The schemas directly inside this one: keyword, pointer, schema. What is not of the right kind is left to others to refuse."""
    for keyword, value in schema.items():
        place = child_path(pointer, keyword)
        if keyword in _ONE:
            yield keyword, place, value
        elif keyword in _LISTS and isinstance(value, list):
            yield from ((keyword, child_path(place, str(index)), inner) for index, inner in enumerate(value))
        elif keyword in _MAPS and isinstance(value, dict):
            yield from ((keyword, child_path(place, key), inner) for key, inner in value.items())


def _look_at(walk: _Walk, pointer: str, schema: dict[str, Any]) -> None:
    for keyword in schema.keys() & _LEFT_OUT.keys():
        walk.refuse(child_path(pointer, keyword), f"{keyword} is not supported: {_LEFT_OUT[keyword]}")
    for keyword in ("$id", "$schema") if pointer else ():
        if keyword in schema:
            walk.refuse(child_path(pointer, keyword), f"only the whole schema may have a {keyword}")
    if not pointer and isinstance(draft := schema.get("$schema"), str) and draft.rstrip("#") != DRAFT:
        walk.refuse(child_path(pointer, "$schema"), f"this must be {DRAFT}, or be left out")
    if isinstance(schema.get("$ref"), str):
        walk.refs.append((pointer, schema["$ref"]))
    if isinstance(schema.get("pattern"), str):
        _look_at_pattern(walk, child_path(pointer, "pattern"), schema["pattern"])
    if isinstance(schema.get("patternProperties"), dict):
        for pattern in schema["patternProperties"]:
            _look_at_pattern(walk, child_path(child_path(pointer, "patternProperties"), pattern), pattern)


def _look_at_pattern(walk: _Walk, pointer: str, pattern: str) -> None:
    import regex

    if len(pattern) > PATTERN_CHARACTERS:
        walk.refuse(pointer, f"a pattern has at most {PATTERN_CHARACTERS:,} characters")
        return
    try:
        regex.compile(pattern)
    except (regex.error, RecursionError, OverflowError) as error:
        walk.refuse(pointer, f"this is no regular expression: {error}")


def _references(walk: _Walk) -> Iterator[Problem]:
    for pointer, reference in walk.refs:
        place, target = child_path(pointer, "$ref"), unquote(reference[1:])
        if not reference.startswith("#") or (target and not target.startswith("/")):
            yield Problem(place, f"this must lead to a place in this schema, as #/$defs/name does, not to {shown(reference)}")
        elif target not in walk.schemas:
            yield Problem(place, f"there is no schema at {shown(reference)}")
        else:
            walk.leads[pointer].append(target)
    yield from _circles(walk.leads)


def _circles(leads: dict[str, list[str]]) -> Iterator[Problem]:
    """Schemas that lead back to themselves without going into the data, or through too many others: a check would never end, or be deep.
    Taken away layer by layer from those that nobody leads to."""
    times = dict.fromkeys(leads, 0)
    for target in (target for targets in leads.values() for target in targets):
        times[target] += 1
    layer: Iterable[str] = [pointer for pointer, count in times.items() if not count]
    level = 0
    while layer:
        level += 1
        following = []
        for pointer in layer:
            del times[pointer]
            for target in leads[pointer]:
                times[target] -= 1
                if not times[target]:
                    following.append(target)
        if level > LEVELS:
            yield Problem(next(iter(layer)), f"more than {LEVELS} schemas lead to each other here")
            return
        layer = following
    for pointer in times:
        if leads[pointer]:
            yield Problem(pointer, "this schema leads back to itself without going into the data")
            return
