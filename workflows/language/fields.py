"""The fields of a state machine's objects: which an object may hold, and a reader for each kind of value.

A reader takes a JSON value, its pointer and the findings; it gives the value's compiled form, or None after it has said what is wrong.
What it gives after a problem is never used for more than further checks. An object is described by a `Kind`; `read_fields` reads one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from workflows.expressions import timestamp
from workflows.language.findings import Findings
from workflows.language.shapes import shown
from workflows.model import child_path

MAX_SECONDS = 99_999_999
"""Of Wait.Seconds, TimeoutSeconds and the like (about three years)."""

MAX_COUNT = 2**31 - 1

JSONATA_FIELDS = frozenset({"Arguments", "Output", "Items", "Condition"})

Read = Callable[[Any, str, Findings], Any]

SCHEMAS: dict[Read, dict[str, Any]] = {}
"""The JSON Schema of what a reader takes, of the readers that are made here: so a range is written once."""

NULLABLE: dict[Read, Read] = {}
"""Readers that take null, too, and what reads the rest."""


@dataclass(frozen=True, slots=True)
class Field:
    """`attribute` of the compiled object takes what `read` gives; "" if none does. `shared`: means the same in a JSONata state."""

    attribute: str
    read: Read
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """An object with exactly these fields. `one_of`: groups of which exactly one field is there; `either`: at most one."""

    what: str
    fields: Mapping[str, Field]
    required: tuple[str, ...] = ()
    one_of: tuple[tuple[str, ...], ...] = ()
    either: tuple[tuple[str, ...], ...] = ()
    aliases: tuple[str, ...] = ()
    """Other keys the object may hold, for suggestions; somebody else reads them."""


def read_fields(value: dict[str, Any], pointer: str, kind: Kind, findings: Findings, jsonata: bool = False) -> dict[str, Any]:
    """The compiled values by attribute. Of a JSONata object only the shared fields are looked at."""
    values: dict[str, Any] = {}
    missing = [key for key in kind.required if key not in value and (not jsonata or kind.fields[key].shared)]
    if missing:
        findings.refuse(pointer, f"These fields are required: [{', '.join(missing)}]")
    for key, member in value.items():
        known = kind.fields.get(key)
        place = child_path(pointer, key)
        if known is None:
            if not jsonata and key not in kind.aliases:
                _refuse_unknown(key, place, kind, findings)
        elif known.shared or not jsonata:
            read = known.read(member, place, findings)
            if known.attribute:
                values[known.attribute] = read
    if not jsonata:
        _check_groups(value, pointer, kind, findings)
    return values


def _refuse_unknown(key: str, pointer: str, kind: Kind, findings: Findings) -> None:
    if key in JSONATA_FIELDS:
        findings.refuse(pointer, f"{kind.what} has no {key!r} in JSONPath mode; it is a field of JSONata, which is not supported yet")
    else:
        findings.refuse(pointer, f"{kind.what} has no field {shown(key)}", findings.nearest(key, (*kind.fields, *kind.aliases)))


def _check_groups(value: dict[str, Any], pointer: str, kind: Kind, findings: Findings) -> None:
    for group in kind.one_of:
        if not any(key in value for key in group):
            findings.refuse(pointer, f"One of these fields is required: [{', '.join(group)}]")
    for group in (*kind.one_of, *kind.either):
        given = [key for key in group if key in value]
        if len(given) > 1:
            findings.refuse(child_path(pointer, given[1]), f"Only one of these fields may be given: [{', '.join(given)}]")


# --------------------------------------------------------------------------------------------- readers


def anything(value: Any, _: str, __: Findings) -> Any:
    return value


def text(value: Any, pointer: str, findings: Findings) -> str | None:
    if isinstance(value, str):
        return value
    findings.refuse(pointer, f"this must be text, not {shown(value)}")
    return None


def name(value: Any, pointer: str, findings: Findings) -> str | None:
    """Text that is not empty."""
    if value == "":
        findings.refuse(pointer, "this must not be empty")
        return None
    return text(value, pointer, findings)


def flag(value: Any, pointer: str, findings: Findings) -> bool | None:
    if isinstance(value, bool):
        return value
    findings.refuse(pointer, f"this must be true or false, not {shown(value)}")
    return None


def whole(minimum: int, maximum: int) -> Read:
    """A whole number in this range."""

    def read(value: Any, pointer: str, findings: Findings) -> int | None:
        if type(value) is not int:
            findings.refuse(pointer, f"this must be a whole number, not {shown(value)}")
            return None
        if not minimum <= value <= maximum:
            findings.refuse(pointer, f"this must be from {minimum} to {maximum}, not {shown(value)}")
            return None
        return value

    SCHEMAS[read] = {"type": "integer", "minimum": minimum, "maximum": maximum}
    return read


def number(minimum: float, maximum: float) -> Read:
    def read(value: Any, pointer: str, findings: Findings) -> float | None:
        if type(value) not in (int, float) or (type(value) is float and not math.isfinite(value)):
            findings.refuse(pointer, f"this must be a number, not {shown(value)}")
            return None
        if not minimum <= value <= maximum:
            findings.refuse(pointer, f"this must be from {minimum:g} to {maximum:g}, not {shown(value)}")
            return None
        return float(value)

    SCHEMAS[read] = {"type": "number", "minimum": minimum, "maximum": maximum}
    return read


def one_of(*choices: str) -> Read:
    def read(value: Any, pointer: str, findings: Findings) -> str | None:
        if isinstance(value, str) and value in choices:
            return value
        findings.refuse(pointer, f"this must be {' or '.join(choices)}, not {shown(value)}", findings.nearest(value, choices))
        return None

    SCHEMAS[read] = {"enum": list(choices)}
    return read


def not_yet(what: str) -> Read:
    def read(_: Any, pointer: str, findings: Findings) -> None:
        findings.refuse(pointer, f"{what} is not supported yet")

    SCHEMAS[read] = {"not": {}}
    return read


def nullable(inner: Read) -> Read:
    def read(value: Any, pointer: str, findings: Findings) -> Any:
        return None if value is None else inner(value, pointer, findings)

    NULLABLE[read] = inner
    return read


def members(value: Any, pointer: str, findings: Findings, inner: Read, *, what: str) -> tuple[Any, ...]:
    """A list that is not empty, each member read by `inner`. `what` names a member."""
    if not isinstance(value, list):
        findings.refuse(pointer, f"this must be a list, not {shown(value)}")
        return ()
    if not value:
        findings.refuse(pointer, f"this must hold at least one {what}")
    return tuple(inner(member, child_path(pointer, str(index)), findings) for index, member in enumerate(value))


def is_object(value: Any, pointer: str, findings: Findings) -> bool:
    if not isinstance(value, dict):
        findings.refuse(pointer, f"this must be an object, not {shown(value)}")
    return isinstance(value, dict)


def moment(value: Any, pointer: str, findings: Findings) -> float | None:
    """Seconds since the epoch of an RFC 3339 timestamp with a T, and Z or an offset."""
    if not isinstance(value, str):
        findings.refuse(pointer, f"this must be text, not {shown(value)}")
        return None
    found = timestamp(value)
    if found is None:
        findings.refuse(pointer, "String does not match RFC3339 timestamp")
        return None
    return found[0] + found[1] / 1e9
