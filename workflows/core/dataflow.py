"""Evaluating payload templates and paths over JSON values. Pure; the data comes through a lookup, so that only what a path names is read.

Templates were compiled and checked by `workflows.language`; here they are only applied (specification, "Payload Template").
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from workflows.errors import PathFailure
from workflows.model import JsonPath, Template

Lookup = Callable[[JsonPath], Any]
"""Gives the value a path names, or raises PathFailure."""


def loads(text: str) -> Any:
    """A JSON text checked at the edge, as Python data; integers are exact (Python reads up to 4,300 digits)."""
    return json.loads(text)


def dumps(value: Any) -> str:
    """Compact JSON text of Python data that came out of `loads`. Raises ValueError for infinity, which 1e999 is read as."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def evaluate(template: Template, lookup: Lookup) -> Any:
    """The template's value: each JsonPath replaced by what it names. Raises PathFailure for the first that names nothing."""
    if isinstance(template, JsonPath):
        return lookup(template)
    if isinstance(template, dict):
        return {key: evaluate(value, lookup) for key, value in template.items()}
    if isinstance(template, list):
        return [evaluate(value, lookup) for value in template]
    return template


def walk(value: Any, path: JsonPath, steps: Sequence[str | int] | None = None) -> Any:
    """Follow `steps` (by default all of the path's) from `value`. Raises PathFailure naming the step that leads nowhere."""
    for step in path.steps if steps is None else steps:
        try:
            value = _member(value, step)
        except LookupError:
            raise PathFailure(f"the path {path.text!r} finds nothing: there is no {step!r} in {_kind(value)}") from None
    return value


def _member(value: Any, step: str | int) -> Any:
    kind: type[Any] = dict if isinstance(step, str) else list
    if not isinstance(value, kind):
        raise LookupError(step)
    return value[step]


def rfc3339(seconds: float) -> str:
    """Seconds since the epoch as "2026-11-21T03:00:00.123Z" (RFC 3339), to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        names = ", ".join(sorted(value)[:8])
        return f"an object with the members {names}" if names else "an empty object"
    if isinstance(value, list):
        return f"an array of {len(value)}"
    return {bool: "a boolean", str: "a text", type(None): "null"}.get(type(value), "a number")
