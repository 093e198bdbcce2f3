"""References to secrets in templates: `{"$secret": "NAME"}`, and where in what a template makes they will stand.

Who writes a definition makes a reference, data never does: its name is written out, and its place is known before anything runs. It means
a secret only in what a function is given; anywhere else it would be an object like any other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from workflows.errors import Problem
from workflows.expressions import Field, Template
from workflows.model import child_path

KEY = "$secret"

NAME = r"^[A-Za-z_][A-Za-z0-9_]{0,127}$"

_NAME = re.compile(NAME.strip("^$"))
_RULE = 'a secret is named as {"$secret": "NAME"}, with nothing beside it'


def references(template: Template, pointer: str = "") -> dict[str, str]:
    """The names of the secrets by their places (JSON Pointers that begin with `pointer`) in what the template makes."""
    return {place: found[KEY] for place, found in _objects(template, pointer) if not _wrong(found)}


def check_references(template: Template, pointer: str) -> Iterator[Problem]:
    """What is wrong with references in a parsed template that stands at `pointer`."""
    for place, found in _objects(template, pointer):
        if wrong := _wrong(found):
            at = f"{place}/{KEY}.$" if isinstance(found[KEY], Field) else place
            yield Problem(at, wrong)


def named(value: Any) -> str:
    """The name in a JSON value that must be a reference. Raises ValueError with what is wrong, without the value: it may be the secret."""
    if not isinstance(value, dict) or KEY not in value:
        raise ValueError('a secret is named, not written down: {"$secret": "NAME"}, and its value is where the server finds secrets')
    if wrong := _wrong(value):
        raise ValueError(wrong)
    return str(value[KEY])


def unknown(
    found: Mapping[str, str], known: Callable[[str], bool] | None, then: str = "a task that needs it fails with SecretNotFound"
) -> Iterator[Problem]:
    """Warnings of secrets that cannot be found now; they may come until they are needed. `known` None: not asked. `then`: what happens
    without it."""
    for place, name in found.items():
        if known is not None and not known(name):
            yield Problem(place, f"there is no secret {name!r} now; {then}", severity="warning")


def stray(document: Any, found: Iterable[str]) -> Iterator[Problem]:
    """Warnings of what looks like a reference in a JSON document and stands at none of the places that are known."""
    places = set(found)
    for place, _ in _objects(document, ""):
        if place not in places:
            yield Problem(place, "no secret is put here: only what a function is given may name one", severity="warning")


def _wrong(found: Mapping[str, Any]) -> str:
    name = found[KEY]
    if isinstance(name, Field):
        return f"the name of a secret is written out, it does not come from data: {_RULE}"
    if len(found) > 1 or not isinstance(name, str):
        return _RULE
    return "" if _NAME.fullmatch(name) else "the name of a secret is 1 to 128 letters, digits and _, and starts with no digit"


def _objects(node: Any, pointer: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every object that has the key, with its place."""
    todo: list[tuple[str, Any]] = [(pointer, node)]
    while todo:
        place, node = todo.pop()
        if isinstance(node, dict) and KEY in node:
            yield place, node
        elif isinstance(node, dict | list):
            members = node.items() if isinstance(node, dict) else enumerate(node)
            todo += reversed([(child_path(place, str(key)), member) for key, member in members])
