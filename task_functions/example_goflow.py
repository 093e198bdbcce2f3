"""The functions of the examples `example-complex-analytics` and `example-custom-operator`, which are goflow's; the rest of what these do
is done by built-in ones."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from task_functions.call_log import logged
from task_functions.context import Context
from task_functions.registry import task_function


class NegativeNumber(ValueError):
    """One of the numbers to be added is below zero."""


class Unlucky(Exception):
    """Chance would have it so."""


@task_function("exampleAdd")
@logged
def add(data: Any, _ctx: Context) -> dict[str, int]:
    """`{"a": n, "b": n}`, whole numbers from 0: `{"sum": n}`."""
    a, b = (_whole(data, name) for name in ("a", "b"))
    if a < 0 or b < 0:
        raise NegativeNumber(f"exampleAdd adds whole numbers from 0, not {a} and {b}")
    return {"sum": a + b}


@task_function("exampleRandomFailure")
@logged
def random_failure(data: Any, _ctx: Context) -> dict[str, int]:
    """`{"of": n}`: draws a number from 0 to n - 1; the highest fails, any other is the result, as `{"drawn": n}`."""
    of = _whole(data, "of")
    if of < 1:
        raise ValueError(f'exampleRandomFailure: "of" is a whole number from 1, not {of}')
    drawn = random.randrange(of)  # noqa: S311  (for chance, not for secrets)
    if drawn == of - 1:
        raise Unlucky(f"drew {drawn}, the highest of {of} numbers")
    return {"drawn": drawn}


def _whole(data: Any, name: str) -> int:
    value = data.get(name) if isinstance(data, Mapping) else None
    if type(value) is not int:
        raise ValueError(f'expected a whole number under "{name}", not {data!r:.200}')
    return value
