"""What may stand behind a "?" in an address, and its fields: text that must be exactly what is meant.

Nothing is guessed: an unknown parameter, one that is given twice and a number with a space in it are refused, each with its place and what
would be right. The problems that fields find are Problems or texts, as those of `workflows.language.names`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate, validates_schema

from workflows.api.schemas.base import about
from workflows.errors import Problem
from workflows.expressions import timestamp
from workflows.language.names import closest
from workflows.language.shapes import Choice, shown, to_problems

LISTED = 50
"""Entries of a page, unless `limit` asks for fewer or more."""

MOST_LISTED = 200

_NUMBER = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,18})?", re.ASCII)
_WHOLE = re.compile(r"-?[0-9]{1,18}", re.ASCII)


class Query(Schema):
    """Base of all queries, and the query of an endpoint that takes no parameters."""

    class Meta(Schema.Meta):
        unknown = EXCLUDE  # because `_known` says it better

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def _known(self, _: Any, original: Any, **__: Any) -> None:
        known = {field.data_key or name: field for name, field in self.load_fields.items()}
        wrong: dict[str, list[Any]] = {}
        for name in original:
            if name not in known:
                there = f"there are {', '.join(known)}" if known else "this endpoint takes none"
                wrong[name] = [Problem("", f"there is no such query parameter; {there}", closest(name, known))]
            elif not isinstance(known[name], fields.List) and len(original.getlist(name)) > 1:
                wrong[name] = ["this is given more than once"]
        if wrong:
            raise ValidationError(wrong)


class Word(fields.String):
    """Text that is not empty."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        if not value:
            raise ValidationError("this must not be empty")
        return str(value)


class OneOf(Choice):
    """One of a few words."""

    def __init__(self, choices: Iterable[str], description: str, **more: Any) -> None:
        super().__init__(choices, metadata=about(description), **more)


class Whole(fields.Integer):
    """A whole number."""

    def __init__(self, minimum: int, maximum: int, **more: Any) -> None:
        super().__init__(
            validate=validate.Range(minimum, maximum, error=f"this must be from {minimum:,} to {maximum:,}, not {{input}}"), **more
        )

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        if not _WHOLE.fullmatch(value):
            raise ValidationError(f"this must be a whole number, not {shown(value)}")
        return int(value)


class Number(fields.Float):
    """A number above 0, written without an exponent."""

    def __init__(self, maximum: int, **more: Any) -> None:
        error = f"this must be more than 0 and at most {maximum:,}, not {{input:g}}"
        super().__init__(validate=validate.Range(0, maximum, min_inclusive=False, error=error), **more)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> float:
        if not _NUMBER.fullmatch(value):
            raise ValidationError(f"this must be a number such as 2.5, not {shown(value)}")
        return float(value)


class Flag(fields.Boolean):
    """true or false."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> bool:
        if value not in ("true", "false"):
            raise ValidationError(f"this must be true or false, not {shown(value)}")
        return bool(value == "true")


class Instant(fields.Field[float]):
    """A moment (RFC 3339), as seconds since the epoch."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> float:
        found = timestamp(value)
        if found is None:
            hint = "; write a + as %2B" if timestamp(value.replace(" ", "+")) else ""
            raise ValidationError(f"this must be a moment such as 2026-11-21T03:00:00Z, not {shown(value)}{hint}")
        return found[0] + found[1] / 1e9


class Labels(fields.List[str]):
    """`label=key:value`, as often as one likes, as one mapping. The value may hold further colons."""

    def __init__(self, **more: Any) -> None:
        form = validate.Regexp("^[^:]+:")  # for the document; `_deserialize` answers
        super().__init__(fields.String(validate=form), **more)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        labels: dict[str, str] = {}
        for text in value:
            key, colon, label = text.partition(":")
            if not key or not colon:
                raise ValidationError(f"this must be key:value, not {shown(text)}")
            if key in labels:
                raise ValidationError(f"the label {shown(key)} is given more than once")
            labels[key] = label
        return labels


class PageQuery(Query):
    """Base of the queries of what is answered in pages."""

    limit = Whole(1, MOST_LISTED, load_default=LISTED, metadata=about("How many entries the answer holds at most."))
    cursor = Word(
        load_default=None, allow_none=False, metadata=about("The answer before this one had it as `next`; without it, the first page.")
    )


def located(messages: Mapping[str, Mapping[str, Any]]) -> list[Problem]:
    """Marshmallow's messages by location ("query", "headers") and name, flat. `?limit` and `Idempotency-Key:` are their places."""
    told = (
        (f"?{name}" if location == "query" else f"{name}:", found) for location, names in messages.items() for name, found in names.items()
    )
    return [problem for place, found in told for problem in to_problems(found, place)]
