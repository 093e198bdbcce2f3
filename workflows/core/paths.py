"""Following paths through data: what a scope is, what a path finds there, and in which words it is said that nothing is there. Pure.

The words are those of the service, which are those of its JSONPath library for Java, recorded from the real one. They stand in this file
and in `core.expressions`, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isfinite, sqrt
from typing import Any

from workflows.expressions import CONTEXT, DATA, Path, Step
from workflows.model import RUNTIME
from workflows.numbers import dumps, is_number

_PROVIDER = "com.jayway.jsonpath.spi.json.JacksonJsonNodeJsonProvider"
_JAVA_NODES = ((bool, "Boolean"), (str, "Text"), (int, "Int"), (float, "Decimal"), (list, "Array"))


class ExpressionFailure(Exception):
    """An expression failed: `error` is the name that Retry and Catch compare, `cause` the text in the service's words."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(error, cause)
        self.error = error
        self.cause = cause

    def __str__(self) -> str:
        return f"{self.error}: {self.cause}"


class Miss(Exception):
    """A path led nowhere. `reason` is the library's text, `plain` says the same to people: which step is not in what.

    `past_end`: only the last index is beyond its array; `no_array`: an index met something else than an array.
    """

    def __init__(self, reason: str, plain: str = "", *, past_end: bool = False, no_array: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.plain = plain or reason
        self.past_end = past_end
        self.no_array = no_array


def _no_random() -> float:
    raise ValueError("this scope has no randomness")


@dataclass(frozen=True, slots=True)
class Scope:
    """What an expression can see. `random` gives numbers from 0 up to 1 (States.UUID, States.MathRandom)."""

    input: Any
    context: Any = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    random: Callable[[], float] = _no_random
    lookup: Callable[[Path], Any] | None = None
    """Gives the data that a path begins at, or raises Miss, instead of `input` and `context`: for readers with data to be fetched by need,
    whose failures then say what was not found and do not show the input."""

    def root(self, path: Path) -> Any:
        """The value that `path` begins at, or Miss."""
        if self.lookup:
            return self.lookup(path)
        if path.root == DATA:
            return self.input
        if path.root == CONTEXT:
            return {} if self.context is None else self.context
        try:
            return self.variables[path.root]
        except KeyError:
            raise Miss(f"The variable '${path.root}' has no value") from None


def failure(path: Path, scope: Scope, miss: Miss, words: str) -> str:
    """Why `path` found nothing: in the service's `words`, or plainly where the data were looked up."""
    return f"the path {path.text!r} finds nothing: {miss.plain}" if scope.lookup else words


def find(path: Path, scope: Scope) -> Any:
    """The value of a definite path, or the array of all that any other finds. Raises Miss."""
    root = scope.root(path)
    if path.query is None:
        value = _walk(root, path.steps)
    elif isinstance(root, str):
        value = []  # the library would read a text as JSON
    else:
        value = list(path.query.findall(root))
    return _applied(path.function, value) if path.function else value


def _applied(function: str, value: Any) -> Any:
    try:
        found = _FUNCTIONS[function](value)
    except OverflowError:
        found = inf
    if isinstance(found, float) and not isfinite(found):
        raise ExpressionFailure(RUNTIME, f"The result of {function}() is beyond the range of a double")
    return found


def _walk(value: Any, steps: Sequence[Step]) -> Any:
    for position, step in enumerate(steps):
        if isinstance(step, int):
            if not isinstance(value, list) or not -len(value) <= step < len(value):
                raise _no_item(value, steps, position)
            value = value[step]
            continue
        if not isinstance(value, dict):
            raise Miss(
                f"Expected to find an object with property {_written(step)} in path {_place(steps, position)} but found "
                f"'{_java_class(value)}'. This is not a json object according to the JsonProvider: '{_PROVIDER}'.",
                _plainly(step, value),
            )
        if isinstance(step, tuple):
            value = {name: value[name] for name in step if name in value}
        elif step in value:
            value = value[step]
        elif position + 1 == len(steps):
            raise Miss(f"No results for path: {_place(steps, position + 1)}", _plainly(step, value))
        else:
            raise Miss(f"Missing property in path {_place(steps, position + 1)}", _plainly(step, value))
    return value


def _no_item(value: Any, steps: Sequence[Step], position: int) -> Miss:
    index = steps[position]
    plain = _plainly(index, value)
    if value is None:
        return Miss(f"The path {_place(steps, position)} is null", plain, no_array=True)
    if not isinstance(value, list):
        shown = value if isinstance(value, str) else dumps(value)
        return Miss(f"Filter: {_written(index)} can only be applied to arrays. Current context is: {shown}", plain, no_array=True)
    return Miss(f"No results for path: {_place(steps, len(steps))}", plain, past_end=position + 1 == len(steps))


def _plainly(step: Step, value: Any) -> str:
    return f"there is no {step!r} in {_kind(value)}"


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        names = ", ".join(sorted(value)[:8])
        return f"an object with the members {names}" if names else "an empty object"
    if isinstance(value, list):
        return f"an array of {len(value)}"
    return {bool: "a boolean", str: "a text", type(None): "null"}.get(type(value), "a number")


def _place(steps: Sequence[Step], count: int) -> str:
    return "$" + "".join(map(_written, steps[:count]))


def _written(step: Step) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return "[" + ",".join(f"'{name}'" for name in ((step,) if isinstance(step, str) else step)) + "]"


def _java_class(value: Any) -> str:
    if value is None:
        return "null"
    return f"com.fasterxml.jackson.databind.node.{next(name for kind, name in _JAVA_NODES if isinstance(value, kind))}Node"


# ---------------------------------------------------------------------------------- functions that close a path


def _numbers(value: Any) -> list[float]:
    numbers = [member for member in value if is_number(member)] if isinstance(value, list) else []
    if not numbers:
        raise ExpressionFailure(RUNTIME, "Aggregation function attempted to calculate value using empty array")
    return numbers


def _stddev(value: Any) -> float:
    numbers = _numbers(value)
    mean = sum(numbers) / len(numbers)
    return sqrt(sum((number - mean) ** 2 for number in numbers) / len(numbers))


def _end(index: int) -> Callable[[Any], Any]:
    def end(value: Any) -> Any:
        if not isinstance(value, list) or not value:
            raise ExpressionFailure(RUNTIME, "Aggregation function attempted to calculate value using empty array")
        return value[index]

    return end


_FUNCTIONS: Mapping[str, Callable[[Any], Any]] = {
    "length": lambda value: len(value) if isinstance(value, (list, dict, str)) else None,
    "min": lambda value: float(min(_numbers(value))),
    "max": lambda value: float(max(_numbers(value))),
    "sum": lambda value: float(sum(_numbers(value))),
    "avg": lambda value: float(sum(numbers := _numbers(value)) / len(numbers)),
    "stddev": _stddev,
    "keys": lambda value: list(value) if isinstance(value, dict) else None,
    "first": _end(0),
    "last": _end(-1),
}
