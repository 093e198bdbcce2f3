"""What answers are made of: the fields, and the base of all shapes.

Owns forms on the wire; the records behind them know none. An absent value is null and an empty collection is [], never missing. Payloads
are JSON text that was checked when it came in; it is spliced into the answer as it is, so that 1.00 and integers of any length come out
as they went in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from marshmallow import RAISE, Schema, fields

from workflows.core.dataflow import rfc3339


class Moment(fields.Field[float]):
    """Seconds since the epoch, written as RFC 3339 in UTC with milliseconds."""

    def _serialize(self, value: float | None, *_: Any, **__: Any) -> str | None:
        return None if value is None else rfc3339(value)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> float:
        try:
            return datetime.fromisoformat(value).timestamp()
        except (TypeError, ValueError):
            raise self.make_error("validator_failed") from None


class Seconds(fields.Float):
    """A duration, to the millisecond."""

    def _serialize(self, value: Any, *_: Any, **__: Any) -> float:
        return round(float(value), 3)


class RawJson(fields.Field[Any]):
    """A payload: JSON text, spliced unchanged into the answer. Loading an answer gives the value; a request's body, the text
    (`workflows.api.bodies`)."""

    def _serialize(self, value: str | None, *_: Any, **__: Any) -> orjson.Fragment | None:
        return None if value is None else orjson.Fragment(value)


class Words(fields.String):
    """Text that is null where the record has none ("")."""

    def _serialize(self, value: Any, *_: Any, **__: Any) -> str | None:
        return super()._serialize(value, *_, **__) or None


class Told(fields.Function):
    """Text for people, worked out from the record."""


def given(description: str, example: Any = None) -> dict[str, Any]:
    """Keywords of a field that always holds a value. Objects, and lists of them, need no example: they are made of their fields'."""
    return {"required": True, "metadata": about(description, example)}


def nullable(description: str, example: Any = None) -> dict[str, Any]:
    """Keywords of a field that is null where there is nothing to say, and in the examples unless there is one."""
    return {"required": True, "allow_none": True, "metadata": about(description, example)}


def about(description: str, example: Any = None) -> dict[str, Any]:
    """A field's metadata."""
    return {"description": description} if example is None else {"description": description, "examples": [example]}


def next_page() -> fields.String:
    """The last member of what is answered in pages."""
    return fields.String(**nullable("The `cursor` with which to ask for the next page; null: this was the last one."))


class Shape(Schema):
    """Base of all answers: on loading, a member that is not declared is an error."""

    class Meta(Schema.Meta):
        unknown = RAISE


@dataclass(frozen=True, slots=True)
class ListOf:
    """An answer that is a list of such objects."""

    shape: type[Shape]


@dataclass(frozen=True, slots=True)
class Plain:
    """An answer that is JSON as the view gives it, or text: its JSON Schema, and an example."""

    form: Mapping[str, Any]
    example: Any


Answers = type[Shape] | ListOf | Plain | None
"""What an answer is; None: some object of JSON."""


def dumper(form: Answers) -> Schema | None:
    """What makes such an answer of a record; None: it is JSON already."""
    if isinstance(form, ListOf):
        return form.shape(many=True)
    return None if form is None or isinstance(form, Plain) else form()


def example_of(schema: Schema) -> dict[str, Any]:
    """One value of this shape, as it is on the wire, made of its fields' examples. What may be missing and has no example is left out."""
    fields_by_key = {field.data_key or name: field for name, field in schema.fields.items()}
    return {key: _example(field) for key, field in fields_by_key.items() if field.required or "examples" in field.metadata}


def _example(field: fields.Field[Any]) -> Any:
    """Raises KeyError for a field that should have an example and has none."""
    if "examples" in field.metadata:
        return field.metadata["examples"][0]
    if field.allow_none:
        return None
    if isinstance(field, fields.List):
        return [_example(field.inner)]
    if isinstance(field, fields.Nested):
        return example_of(field.schema)
    return field.metadata["examples"][0]
