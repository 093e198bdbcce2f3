"""What an endpoint takes as its request's body: a payload, handed on as it came, or an object whose members a schema knows.

Owns how a body becomes what a view is given, and how `/openapi.json` describes it. A payload is checked by the service, which also keeps
its text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from marshmallow import Schema, ValidationError

from workflows.api.schemas.base import RawJson
from workflows.api.wire import body
from workflows.errors import Invalid, Problem
from workflows.language.positions import located, places
from workflows.language.shapes import Shape, to_problems
from workflows.language.text import loads_unique
from workflows.model import child_path

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class RawBody:
    """Any JSON; the view gets its bytes. `example` is JSON text, `form` a JSON Schema of what is taken."""

    description: str
    example: str
    required: bool = True
    form: Mapping[str, Any] = field(default_factory=dict)

    def read(self) -> bytes:
        return body()

    def described(self) -> dict[str, Any]:
        return _described(self.description, self.required, dict(self.form), self.example)


@dataclass(frozen=True, slots=True)
class JsonBody:
    """An object of the shape `schema`; the view gets it loaded. A member that is a RawJson is given as its text, unchanged. Where the
    body is not required, none means {}."""

    schema: type[Shape]
    description: str
    example: str
    required: bool = True

    def read(self) -> Any:
        """Raises NotJson, and Invalid with every problem."""
        raw = body()
        return load(self.schema(), raw if self.required or raw.strip() else b"{}")

    def described(self) -> dict[str, Any]:
        return _described(self.description, self.required, self.schema, self.example)


@dataclass(frozen=True, slots=True)
class Sent:
    """`loaded`: the members without a problem; all of them where there are no `problems`. `text`: what was sent."""

    loaded: dict[str, Any]
    problems: list[Problem]
    text: str

    def refused(self, problems: Iterable[Problem]) -> Invalid:
        """These, with their places in the text."""
        return Invalid(located(problems, self.text))


@dataclass(frozen=True, slots=True)
class CheckedBody(JsonBody):
    """One whose view looks on where the schema has found problems, so that one answer tells all: it gets a Sent."""

    def read(self) -> Sent:
        """Raises NotJson."""
        raw = body()
        value, problems = loads_unique(raw, "request body")
        text = raw.decode()
        try:
            return Sent(self.schema().load(value), problems, text)
        except ValidationError as error:
            problems = [*problems, *to_problems(error.messages)]
            wrong = {problem.pointer.split("/")[1] for problem in problems if problem.pointer}
            valid = error.valid_data if isinstance(error.valid_data, dict) else {}
            return Sent({key: one for key, one in valid.items() if key not in wrong}, problems, text)


def load(schema: Schema, raw: bytes) -> Any:
    """What `schema` makes of the object written in `raw`. Raises NotJson, and Invalid with every problem and its place."""
    value, problems = loads_unique(raw, "request body")
    text = raw.decode()
    if isinstance(value, dict):
        value |= _payloads(schema, text, value)
    loaded = None
    try:
        loaded = schema.load(value)
    except ValidationError as error:
        problems += to_problems(error.messages)
    if problems:
        raise Invalid(located(problems, text))
    return loaded


def _payloads(schema: Schema, text: str, value: Mapping[str, Any]) -> dict[str, str]:
    """The texts of the members that are payloads."""
    names = [known.data_key or name for name, known in schema.load_fields.items() if isinstance(known, RawJson)]
    found = places(text, [child_path("", name) for name in names if name in value])
    starts = {name: found[child_path("", name)].value for name in names if name in value}
    return {name: text[start : json.JSONDecoder().raw_decode(text, start)[1]] for name, start in starts.items()}


def _described(description: str, required: bool, schema: Any, example: str) -> dict[str, Any]:
    return {"description": description, "required": required, "content": {JSON: {"schema": schema, "example": json.loads(example)}}}
