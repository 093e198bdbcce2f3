"""All there is to say about the text of a definition, as findings and never as an exception: what `lint` prints and a 422 lists."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from workflows.errors import Invalid, NotJson, Problem
from workflows.language.definitions import read_definition

_PLACE = re.compile(r" at line (\d+), column (\d+)")


@dataclass(frozen=True, slots=True)
class Linted:
    """`id` of the definition, None where it was refused. Without a finding of severity "error" a server takes it."""

    id: str | None
    findings: tuple[Problem, ...]


def lint(raw: str | bytes, functions: Callable[[str], bool] | None, function_names: Iterable[str] = (), now: float | None = None) -> Linted:
    """`functions` says whether a function of that name is registered (None: not asked); `function_names` are those to suggest; `now`: when
    it would be registered (None: not asked)."""
    try:
        definition = read_definition(raw, functions=functions, function_names=function_names, now=now)
    except NotJson as error:
        return Linted(None, (_placed(str(error)),))
    except Invalid as error:
        return Linted(None, error.problems)
    return Linted(definition.id, definition.warnings)


def as_data(problem: Problem) -> dict[str, Any]:
    """A finding as JSON data, as HTTP answers have it: what it does not have is left out."""
    return {name: value for name, value in asdict(problem).items() if value is not None}


def _placed(message: str) -> Problem:
    """What is no JSON has its place in the message only."""
    place = _PLACE.search(message)
    return Problem("", message, line=int(place[1]), column=int(place[2])) if place else Problem("", message)
