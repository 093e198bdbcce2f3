"""Evaluating expressions in JSONPath mode: paths, payload templates, intrinsics, ResultPath. Choice rules (`matches`) are in `core.rules`.

Everything comes in a `Scope`; nothing here is changed, reads a clock or draws a number. What goes wrong is an `ExpressionFailure`, whose
cause is in the service's words; the place ("An error occurred while executing the state ...") is put before it by the dialect.
Values are shared, never copied: what comes out may hold parts of what went in, and none of it may be changed.
"""

from __future__ import annotations

from typing import Any

from workflows.core.intrinsics import call
from workflows.core.paths import ExpressionFailure, Miss, Scope, failure, find
from workflows.core.rules import matches
from workflows.expressions import CONTEXT, DATA, Field, Intrinsic, Path, ReferencePath, Template
from workflows.model import RUNTIME
from workflows.numbers import dumps

__all__ = ["RESULT_PATH_MATCH_FAILURE", "ExpressionFailure", "Scope", "apply_result", "evaluate", "matches", "select"]

RESULT_PATH_MATCH_FAILURE = "States.ResultPathMatchFailure"


def evaluate(template: Template, scope: Scope, field: str = "") -> Any:
    """The value of a parsed template, path or intrinsic.

    `field` is the name of the state's field for messages ("ErrorPath"); inside of a template it is the key. Raises ExpressionFailure.
    """
    if isinstance(template, Field):
        return evaluate(template.expression, scope, template.name)
    if isinstance(template, Path):
        return select(template, scope, field)
    if isinstance(template, Intrinsic):
        return call(template, scope)
    if isinstance(template, dict):
        return {key: evaluate(value, scope) for key, value in template.items()}
    if isinstance(template, list):
        return [evaluate(value, scope) for value in template]
    return template


def select(path: Path, scope: Scope, field: str = "") -> Any:
    """What `path` finds: one value, or an array if it is not definite. Raises ExpressionFailure (States.Runtime) if it finds nothing.

    With `field` (a template's key, "ErrorPath") the failure names it and shows the input; without, as for InputPath, it names the step
    that led nowhere. In a template an index beyond the end of its array gives null, as measured at the real service.
    """
    try:
        return find(path, scope)
    except Miss as miss:
        if miss.past_end and field.endswith(".$") and not scope.lookup:
            return None
        raise ExpressionFailure(RUNTIME, _not_found(path, scope, field, miss)) from None


def _not_found(path: Path, scope: Scope, field: str, miss: Miss) -> str:
    """The service looks up a `$$` path as a `$` path in the context object, and says so."""
    if not field or scope.lookup:
        return failure(path, scope, miss, f"Invalid path '{path.text}' : {miss.reason}")
    text, data = (path.text[1:], scope.context) if path.root == CONTEXT else (path.text, scope.input)
    if path.root not in (DATA, CONTEXT):
        data = scope.variables.get(path.root, scope.input)
    return f"The JSONPath '{text}' specified for the field '{field}' could not be found in the input '{dumps(data)}'"


def apply_result(data: Any, path: ReferencePath, result: Any) -> Any:
    """`data` with `result` at `path` (ResultPath). Objects on the way are made where they are missing; an index must exist.

    Raises ExpressionFailure (States.ResultPathMatchFailure) where `data` has something else than an object or array on the way.
    """
    if not path.steps:
        return result
    try:
        return _replaced(data, path.steps, result)
    except LookupError as error:
        raise ExpressionFailure(RESULT_PATH_MATCH_FAILURE, f'Unable to apply step "{error.args[0]}" to input {dumps(data)}') from None


def _replaced(value: Any, steps: tuple[str | int, ...], result: Any) -> Any:
    """Raises LookupError(step) for the step that does not fit. Only what is on the way is copied."""
    if not steps:
        return result
    step, rest = steps[0], steps[1:]
    if isinstance(step, int):
        if not isinstance(value, list) or step >= len(value):
            raise LookupError(step)
        return [*value[:step], _replaced(value[step], rest, result), *value[step + 1 :]]
    if not isinstance(value, dict):
        raise LookupError(step)
    return {**value, step: _replaced(value.get(step, {}), rest, result)}
