"""Checks a value by a JSON Schema that `input_schemas.py` found good, and says in our words what is wrong with it and where.

`jsonschema` knows the rules. What it does in unbounded time or space is done here otherwise: patterns are searched by `regex`, which can be
given a limit and lets other threads run meanwhile; items are compared by their canonical text; of the forms that `anyOf` and `oneOf` allow
one problem each is looked for. The whole check has a limit of processor time, looked at before each rule.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from workflows.errors import Problem
from workflows.language.names import closest
from workflows.language.shapes import shown
from workflows.language.text import canonical
from workflows.model import InputSchema, child_path

if TYPE_CHECKING:
    from jsonschema import ValidationError

PROBLEMS = 100
"""What is told of one input."""

CHECK_S = 5.0
"""Processor time for one input."""

SEARCH_S = 0.5
"""For one pattern in one text."""

_FORMS = 3
_COMPARED = 100

_KINDS = {"object": "an object", "array": "a list", "string": "text", "integer": "a whole number", "boolean": "true or false"}
_KINDS |= {"number": "a number", "null": "null"}

_NOTHING: dict[str, Any] = {"not": {}}

_limit = threading.local()

Errors = Iterator["ValidationError"]
Rule = Callable[[Any, Any, Any, Any], "Errors | None"]


class _TooLong(Exception):
    """The check has used up its time."""


class InputCheck:
    """One schema, ready for any number of inputs. Any thread may call it."""

    def __init__(self, schema: InputSchema) -> None:
        from jsonschema_specifications import REGISTRY

        if isinstance(schema, Mapping):  # a schema that names its draft is handed to that draft's own rules, not to ours
            schema = {key: value for key, value in schema.items() if key != "$schema"}
        self._validator = _validator_class()(schema, registry=REGISTRY)  # which fetches nothing from anywhere

    def problems(self, value: Any) -> list[Problem]:
        """What is wrong with the value, the first PROBLEMS of it. A value that cannot be checked within the limits is wrong, too."""
        _limit.until = time.thread_time() + CHECK_S
        found: list[Problem] = []
        try:
            found += map(problem_of, islice(self._validator.iter_errors(value), PROBLEMS + 1))
        except _TooLong:
            return [Problem("", f"the input cannot be checked by its schema within {CHECK_S:g} seconds: it is too large for it")]
        except RecursionError:
            return [Problem("", "the input is nested too deeply to be checked by its schema")]
        if len(found) > PROBLEMS:
            found[PROBLEMS:] = [Problem("", f"there are more problems than the {PROBLEMS} that are listed")]
        return found


@lru_cache(maxsize=1)
def _validator_class() -> Any:
    """Made when the first schema is used: importing this costs 10 MiB."""
    from jsonschema import Draft202012Validator, validators

    extend: Any = validators.extend  # which has no types
    rules: dict[str, Rule] = {**Draft202012Validator.VALIDATORS, **_RULES}
    made = extend(Draft202012Validator, {keyword: _watched(rule) for keyword, rule in rules.items()})
    descend = made.descend

    def placed(self: Any, instance: Any, schema: Any, **more: Any) -> Errors:
        """`jsonschema` does not say where it was that `false` allows nothing."""
        found: Errors = descend(self, instance, _NOTHING if schema is False else schema, **more)
        return found

    made.descend = placed
    return made


def _watched(rule: Rule) -> Rule:
    def watched(validator: Any, value: Any, instance: Any, schema: Any) -> Errors | None:
        _watch()
        return rule(validator, value, instance, schema)

    return watched


def _watch() -> None:
    if time.thread_time() > _limit.until:
        raise _TooLong


# --------------------------------------------------------------------------------------------------------------------- rules


@lru_cache(maxsize=1)
def _our_error() -> type[ValidationError]:
    from jsonschema import ValidationError

    class OurError(ValidationError):
        """One whose message is for people: it does not hold the value."""

    return OurError


def _error(message: str, at: str | int | None = None, context: Any = ()) -> ValidationError:
    return _our_error()(message, path=() if at is None else (at,), context=context)


def _found(pattern: str, text: str) -> bool:
    import regex

    _watch()
    try:
        return regex.search(pattern, text, timeout=SEARCH_S, concurrent=True) is not None
    except TimeoutError:
        raise _TooLong from None


def _pattern(_validator: Any, pattern: str, value: Any, _schema: Any) -> Errors:
    if isinstance(value, str) and not _found(pattern, value):
        yield _error("this must match the pattern")


def _pattern_properties(validator: Any, patterns: Mapping[str, Any], value: Any, _schema: Any) -> Errors:
    if not isinstance(value, dict):
        return
    for pattern, schema in patterns.items():
        for key, member in value.items():
            if _found(pattern, key):
                yield from validator.descend(member, schema, path=key, schema_path=pattern)


def _additional_properties(validator: Any, rule: Any, value: Any, schema: Any) -> Errors:
    if not isinstance(value, dict):
        return
    names, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for key, member in value.items():
        if key in names or any(_found(pattern, key) for pattern in patterns):
            continue
        if rule is False:
            yield _error("unknown key", key)
        else:
            yield from validator.descend(member, rule, path=key)


def _required(_validator: Any, names: Any, value: Any, _schema: Any) -> Errors:
    if isinstance(value, dict):
        for name in names:
            if name not in value:
                yield _error("this key is missing", name)


def _dependent_required(_validator: Any, rules: Mapping[str, Any], value: Any, _schema: Any) -> Errors:
    if not isinstance(value, dict):
        return
    for name, needed in rules.items():
        for other in needed if name in value else ():
            if other not in value:
                yield _error(f"this key is missing: it goes with {shown(name)}", other)


def _unique_items(_validator: Any, rule: Any, value: Any, _schema: Any) -> Errors:
    if not rule or not isinstance(value, list):
        return
    seen: dict[str, int] = {}
    for index, item in enumerate(value):
        if not index % 256:
            _watch()
        first = seen.setdefault(canonical(_as_compared(item)), index)
        if first != index:
            yield _error(f"this item is the same as item {first}, and no two may be", index)


def _as_compared(value: Any) -> Any:
    """1.0 is 1 to JSON Schema."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_as_compared(item) for item in value]
    return {key: _as_compared(member) for key, member in value.items()} if isinstance(value, dict) else value


def _any_of(validator: Any, forms: list[Any], value: Any, _schema: Any) -> Errors:
    errors = _first_errors(validator, forms, value)
    if all(errors):
        yield _error("this fits none of the forms that are allowed", context=errors)


def _one_of(validator: Any, forms: list[Any], value: Any, _schema: Any) -> Errors:
    errors = _first_errors(validator, forms, value)
    fitting = [index for index, error in enumerate(errors) if error is None]
    if not fitting:
        yield _error("this fits none of the forms that are allowed", context=errors)
    elif len(fitting) > 1:
        yield _error(f"this fits {len(fitting)} of the forms that are allowed, and must fit just one")


def _first_errors(validator: Any, forms: list[Any], value: Any) -> list[ValidationError | None]:
    return [next(validator.descend(value, form, schema_path=index), None) for index, form in enumerate(forms)]


_RULES: Mapping[str, Rule] = {
    "additionalProperties": _additional_properties,
    "anyOf": _any_of,
    "dependentRequired": _dependent_required,
    "oneOf": _one_of,
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "required": _required,
    "uniqueItems": _unique_items,
}

# ------------------------------------------------------------------------------------------------------------------ messages

_BOUNDS = {
    "minimum": "this must be at least {}, not {}",
    "maximum": "this must be at most {}, not {}",
    "exclusiveMinimum": "this must be more than {}, not {}",
    "exclusiveMaximum": "this must be less than {}, not {}",
    "multipleOf": "this must be a multiple of {}, not {}",
    "const": "this must be {}, not {}",
    "pattern": "this must match the pattern {}, as {} does not",
}
_SIZES = {
    "minLength": "this must have at least {} characters, not {}",
    "maxLength": "this must have at most {} characters, not {}",
    "minItems": "this must have at least {} items, not {}",
    "maxItems": "this must have at most {} items, not {}",
    "minProperties": "this must have at least {} members, not {}",
    "maxProperties": "this must have at most {} members, not {}",
}


def problem_of(error: ValidationError) -> Problem:
    """One finding of `jsonschema` in our words."""
    pointer = ""
    for step in error.absolute_path:
        pointer = child_path(pointer, str(step))
    return Problem(pointer, _message(error), _suggestion(error))


def _message(error: ValidationError) -> str:
    wanted: Any = error.validator_value
    rule = str(error.validator)
    value: Any = error.instance
    if rule in ("None", "not") and wanted in (None, {}):
        return "nothing may stand here"
    if rule in _BOUNDS:
        return _BOUNDS[rule].format(shown(wanted), shown(value))
    if rule in _SIZES:
        return _SIZES[rule].format(wanted, len(value))
    if rule == "type":
        kinds = [wanted] if isinstance(wanted, str) else wanted
        return f"this must be {' or '.join(_KINDS.get(kind, kind) for kind in kinds)}, not {shown(value)}"
    if rule == "enum":
        return f"this must be one of {', '.join(map(shown, wanted[:20]))}{', ...' if len(wanted) > 20 else ''}, not {shown(value)}"
    if rule in ("contains", "minContains", "maxContains"):
        return "the list does not hold as many items of the required form as it must"
    if rule == "not":
        return "this must not have the form that it has"
    if rule in ("anyOf", "oneOf") and error.context:
        forms = [problem_of(one) for one in error.context[:_FORMS]]
        told = "; or ".join(f"{one.pointer or 'here'}: {one.message}" for one in forms)
        return f"this fits none of the {len(wanted)} forms that are allowed: {told}"
    return error.message if isinstance(error, _our_error()) else f"this breaks the rule {rule!r} of the schema"


def _suggestion(error: ValidationError) -> str | None:
    """The declared key that an unknown one was most likely meant to be."""
    if error.validator != "additionalProperties" or not isinstance(error.schema, dict) or not error.path:
        return None
    names = tuple(error.schema.get("properties", ()))
    return closest(str(error.absolute_path[-1]), names) if len(names) <= _COMPARED else None
