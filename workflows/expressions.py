"""Layer 0: the nodes of the expression language (paths, intrinsics, payload templates, choice rules), as they are after parsing.

Frozen data without behaviour: `language.expressions` makes them from definitions, `core.expressions` evaluates them. Both sides know only
this file. Specification: Amazon States Language, "Paths", "Intrinsic Functions", "Payload Template", "Choice Rules" (JSONPath mode).
"""

from __future__ import annotations

import re
from calendar import timegm
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

DATA = "$"
CONTEXT = "$$"

Step = str | int | tuple[str, ...]
"""Of a definite path: a member, an array index (from the end where negative) or, last, several members picked into one object."""


class Query(Protocol):
    """A compiled path that may name many places."""

    def findall(self, data: Any) -> Sequence[object]: ...


@dataclass(frozen=True, slots=True)
class Path:
    """`root` is "$" (the data), "$$" (the context object) or the name of a variable. A definite path gives one value or fails, any other
    the array of all it finds. `steps` lead there; where they cannot, `query` does, and they are how it begins. `function` is
    applied to what was found (".length()").
    """

    text: str
    root: str
    definite: bool
    steps: tuple[Step, ...] = ()
    query: Query | None = field(default=None, compare=False)
    function: str = ""


@dataclass(frozen=True, slots=True)
class ReferencePath:
    """A path that can be written to: members and indexes from "$" on (specification, "Reference Paths")."""

    text: str
    steps: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Intrinsic:
    """A call such as `States.Format('{}', $.name)`; `name` is without "States.". `text` is the call as written."""

    name: str
    arguments: tuple[Argument, ...]
    text: str


Argument = Path | Intrinsic | str | int | float | None
"""Of an intrinsic: an expression, or the literal itself. (A boolean is an int to Python's types.)"""

Expression = Path | Intrinsic


@dataclass(frozen=True, slots=True)
class Field:
    """The value of a template's key that ends in ".$". `name` is that key as written, for messages."""

    name: str
    expression: Expression


Template = Any
"""A payload template: a JSON value in which each `"key.$": text` has become `"key": Field`."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """`operator` is without "Path": that form has its operand in `operand_path` instead of `operand`. `text` is the rule as JSON."""

    operator: str
    variable: Path
    operand: Any
    operand_path: Path | None
    text: str


@dataclass(frozen=True, slots=True)
class And:
    rules: tuple[Rule, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Or:
    rules: tuple[Rule, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Not:
    rule: Rule
    text: str


Rule = Comparison | And | Or | Not

_TIMESTAMP = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9]{2}:[0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?(?:Z|([+-])([0-9]{2}):([0-9]{2}))", re.ASCII
)


def timestamp(text: str) -> tuple[int, int] | None:
    """The seconds since the epoch and nanoseconds of an ISO-8601 extended offset date-time ("2026-11-21T03:00:00Z"), or None.

    A T, and a Z or an offset, are required as in RFC 3339; seconds may be left out, as the service allows.
    """
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        return None
    day, minute, second, fraction, sign, hours, minutes = match.groups()
    if int(hours or 0) > 18 or int(minutes or 0) > 59:
        return None
    try:
        local = datetime.fromisoformat(f"{day}T{minute}:{second or '00'}")
    except ValueError:
        return None
    offset = int(f"{sign or '+'}1") * (int(hours or 0) * 3_600 + int(minutes or 0) * 60)
    return timegm(local.timetuple()) - offset, int((fraction or "").ljust(9, "0"))
