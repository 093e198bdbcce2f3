"""Strict marshmallow fields, and one function that turns what they find into Problems.

Marshmallow converts where it can ("1" to 1, 1 to True, a dict to a list); a definition must mean what it says, so nothing is converted
here. A list or map in which some members are wrong still gives the others, in their places (None for the wrong ones), so that whoever
reads on can report the rest of what is wrong in the same answer.

The error lists of these fields hold texts, about the value itself, and Problems, whose pointers begin at it. That way a member called
"_schema" cannot be taken for marshmallow's key of that name. Nothing here knows what a job is.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate, validates_schema
from marshmallow.exceptions import SCHEMA

from workflows.errors import Problem
from workflows.expressions import Rule, Template
from workflows.language.names import Nearest as Nearest
from workflows.language.names import closest as closest  # who reads shapes suggests names, too
from workflows.language.names import closest_key
from workflows.language.templates import read_condition, read_template
from workflows.model import child_path

_NULL = "this must not be null; leave the key out instead"
_REQUIRED = "this key is missing"
_SHOWN_CHARACTERS = 60
_SUGGESTED_KEYS = 10  # of one object; whoever has more unknown keys has another problem
_OUT_OF_RANGE = 10**300  # a stand-in for integers that `float` cannot take


def shown(value: Any) -> str:
    """A value as JSON, short enough for a message."""
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."


def to_problems(messages: Any, pointer: str = "") -> list[Problem]:
    """Marshmallow's errors of the value at `pointer`, flat."""
    found: list[Problem] = []
    if isinstance(messages, dict):
        for key, inner in messages.items():
            found += to_problems(inner, pointer if key == SCHEMA else child_path(pointer, key))
        return found
    for message in messages:
        if isinstance(message, Problem):
            found.append(Problem(pointer + message.pointer, message.message, message.suggestion))
        else:
            found.append(Problem(pointer, message))
    return found


class Shape(Schema):
    """An object with exactly the declared keys."""

    class Meta(Schema.Meta):
        unknown = EXCLUDE  # because `_known` says it better

    error_messages = {"type": "this must be an object"}

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def _known(self, _: Any, original: Any, **__: Any) -> None:
        if not isinstance(original, Mapping):
            return
        keys = [field.data_key or name for name, field in self.load_fields.items()]
        unknown = [key for key in original if key not in keys]
        if unknown:
            names = [tuple(keys) if index < _SUGGESTED_KEYS else () for index in range(len(unknown))]
            raise ValidationError(
                [Problem(child_path("", key), "unknown key", closest_key(key, near)) for key, near in zip(unknown, names, strict=True)]
            )


class Strict(fields.Field[Any]):
    """Base of our fields: says in our words that a key is missing, or null."""

    default_error_messages = {"null": _NULL, "required": _REQUIRED}


class Text(Strict, fields.String):
    def __init__(self, *, empty: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.empty = empty

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        if not isinstance(value, str):
            raise ValidationError(f"this must be text, not {shown(value)}")
        if not value and not self.empty:
            raise ValidationError("this must not be empty")
        return value


class Choice(Strict, fields.String):
    """One of a few texts."""

    def __init__(self, choices: Iterable[str], **kwargs: Any) -> None:
        self.choices = tuple(map(str, choices))
        super().__init__(validate=validate.OneOf(self.choices), **kwargs)  # for whoever writes the schema down; `_deserialize` answers

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        if isinstance(value, str) and value in self.choices:
            return value
        suggestion = closest_key(value, self.choices) if isinstance(value, str) else None
        raise ValidationError([Problem("", f"this must be one of {', '.join(self.choices)}, not {shown(value)}", suggestion)])


class Flag(Strict, fields.Boolean):
    def _deserialize(self, value: Any, *_: Any, **__: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError(f"this must be true or false, not {shown(value)}")
        return value


class _Ranged(Strict):
    """`validate` is for whoever writes the schema down; `_within` gives the answer, which says what was found."""

    def __init__(self, minimum: int, maximum: int, *, above: bool = False, **kwargs: Any) -> None:
        super().__init__(validate=validate.Range(minimum, maximum, min_inclusive=not above), **kwargs)
        self.minimum, self.maximum, self.above = minimum, maximum, above

    def _within(self, value: int | float, given: Any) -> None:
        if not self.minimum <= value <= self.maximum or (self.above and value == self.minimum):
            lowest = f"more than {self.minimum} and up" if self.above else f"from {self.minimum}"
            found = shown(given) if abs(value) < _OUT_OF_RANGE else "a number of hundreds of digits"
            raise ValidationError(f"this must be {lowest} to {self.maximum}, not {found}")


class Whole(_Ranged, fields.Integer):
    """A whole number written without a fraction: 1.0 is not one, and neither is true."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        if type(value) is not int:
            raise ValidationError(f"this must be a whole number, not {shown(value)}")
        self._within(value, value)
        return value


class Real(_Ranged, fields.Float):
    """A number from `minimum` (or, if that is 0, above it) to `maximum`."""

    def __init__(self, minimum: int, maximum: int, **kwargs: Any) -> None:
        super().__init__(minimum, maximum, above=minimum == 0, **kwargs)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> float:
        given = value
        if type(value) is int:
            value = float(max(-_OUT_OF_RANGE, min(value, _OUT_OF_RANGE)))
        if type(value) is not float or not math.isfinite(value):
            raise ValidationError(f"this must be a number, not {shown(value)}")
        self._within(value, given)
        return value


class Payload(Strict, fields.Raw):
    """A payload template, which is given parsed."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Template:
        problems: list[Problem] = []
        compiled = read_template(value, "", problems)
        if problems:
            raise ValidationError(problems, valid_data=compiled)
        return compiled


class Condition(Strict, fields.Raw):
    """A choice rule, which is given parsed."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Rule | None:
        problems: list[Problem] = []
        rule = read_condition(value, "", problems)
        if problems:
            raise ValidationError(problems, valid_data={})
        return rule


class Object(Strict, fields.Nested):
    """An object of another Shape."""


class Many(Strict, fields.List[Any]):
    """A list."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> list[Any]:
        if not isinstance(value, list):
            raise ValidationError(f"this must be a list, not {shown(value)}")
        members, problems = load_members(self.inner, enumerate(value))
        loaded = [member for _, member in members]
        if problems:
            raise ValidationError(problems, valid_data=loaded)
        return loaded


class Keyed(Strict, fields.Dict):
    """An object whose keys the user chooses."""

    value_field: fields.Field[Any]

    def __init__(self, values: fields.Field[Any], *, empty_keys: bool = False, **kwargs: Any) -> None:
        super().__init__(values=values, **kwargs)
        self.empty_keys = empty_keys

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValidationError(f"this must be an object, not {shown(value)}")
        members, problems = load_members(self.value_field, value.items())
        if "" in value and not self.empty_keys:
            problems.append(Problem(child_path("", ""), "a key must not be empty"))
        if problems:
            raise ValidationError(problems, valid_data=dict(members))
        return dict(members)


def load_members(inner: fields.Field[Any], members: Iterable[tuple[Any, Any]]) -> tuple[list[tuple[Any, Any]], list[Problem]]:
    loaded: list[tuple[Any, Any]] = []
    problems: list[Problem] = []
    for key, member in members:
        try:
            loaded.append((key, inner.deserialize(member)))
        except ValidationError as error:
            loaded.append((key, error.valid_data))
            problems += to_problems(error.messages, child_path("", str(key)))
    return loaded, problems
