"""The endpoints, from the rows that they are registered by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from marshmallow import fields, validate

from reference.tables import code, ranged, spelt, table
from workflows.api import goflow, rest
from workflows.api.bodies import JSON, JsonBody
from workflows.api.paths import shown_path
from workflows.api.rest.endpoints import Endpoint, Kind
from workflows.api.schemas.base import Answers, ListOf
from workflows.api.schemas.queries import Instant

_EVERYWHERE = {401, 403, 404, 422, 500, 503, 400, 413, 415, 429}
"""Told of once, by the text around."""


def endpoints() -> str:
    return "\n\n".join(map(_kind, rest.KINDS))


def goflow_endpoints() -> str:
    return "\n\n".join(map(_kind, goflow.KINDS))


def _kind(kind: Kind) -> str:
    rows = [
        (f"`{endpoint.method} {shown_path(endpoint.rule)}`", _does(endpoint), _answers(endpoint), _role(endpoint))
        for endpoint in kind.endpoints
    ]
    parts = [f"### {kind.name[0].upper()}{kind.name[1:]}", kind.description, table(("Request", "What it does", "Answer", "Role"), rows)]
    alike: dict[tuple[tuple[str, ...], ...], list[str]] = {}
    for endpoint in kind.endpoints:
        alike.setdefault(tuple(_taken(endpoint)), []).append(f"{endpoint.method} {shown_path(endpoint.rule)}")
    for taken, requests in alike.items():
        if taken:
            parts += [f"With {spelt(requests)}:", table(("What", "Type", "Default", "Meaning"), taken)]
    return "\n\n".join(parts)


def _does(endpoint: Endpoint) -> str:
    return " ".join(filter(None, (endpoint.summary, endpoint.description)))


def _answers(endpoint: Endpoint) -> str:
    media = f" `{endpoint.media}`" if endpoint.media != JSON else ""
    usual = [f"{status}{'' if n else media}{_members(form)}" for n, (status, form) in enumerate(endpoint.answers.items())]
    return "; ".join((*usual, *(f"{status} {HTTPStatus(status).phrase}" for status in endpoint.errors if status not in _EVERYWHERE)))


def _members(form: Answers) -> str:
    shape = form.shape if isinstance(form, ListOf) else form
    if not isinstance(shape, type):
        return ""
    members = f"{{{', '.join(one.data_key or name for name, one in shape().dump_fields.items())}}}"
    return f" `[{members}]`" if isinstance(form, ListOf) else f" `{members}`"


def _role(endpoint: Endpoint) -> str:
    return "a signature" if endpoint.signed else "none" if endpoint.public else endpoint.needed_role.name.lower()


def _taken(endpoint: Endpoint) -> Iterator[tuple[str, ...]]:
    """A row for each thing that may be said with the request."""
    for schema, shown in ((endpoint.query, "`?{}`"), (endpoint.headers, "header `{}`")):
        yield from _fields(schema().load_fields if schema else {}, shown)
    if isinstance(endpoint.body, JsonBody):
        yield from _fields(endpoint.body.schema().load_fields, "member `{}`")
    elif endpoint.body is not None:
        yield "the body", "JSON" if endpoint.body.required else "JSON, or nothing", "", endpoint.body.description


def _fields(known: Mapping[str, fields.Field[Any]], shown: str) -> Iterator[tuple[str, ...]]:
    for name, field in known.items():
        told = "needed" if field.required else _default(field.load_default)
        yield shown.format(field.data_key or name), _type(field), told, field.metadata.get("description", "")


def _default(value: Any) -> str:
    """Of what is JSON; the others say in their description what holds without them."""
    return code(value) if type(value) in (bool, int, float, str) and value != "" else ""


def _type(field: fields.Field[Any]) -> str:
    if isinstance(field, fields.List):
        return f"{_type(field.inner)}; may be repeated"
    choices = [one.choices for one in field.validators if isinstance(one, validate.OneOf)]
    if choices:
        return spelt(map(str, choices[0]))
    limits = next((ranged(one.min, one.max, not one.min_inclusive) for one in field.validators if isinstance(one, validate.Range)), "")
    for kind, words in ((fields.Integer, "a whole number"), (fields.Float, "a number"), (fields.Boolean, "`true` or `false`")):
        if isinstance(field, kind):
            return f"{words}, {limits}" if limits else words
    if isinstance(field, fields.Nested):
        return f"an object: {spelt(one.data_key or name for name, one in field.schema.fields.items())}"
    if isinstance(field, Instant):
        return "a time"
    return "an object" if isinstance(field, fields.Dict) else "text" if isinstance(field, fields.String) else "any JSON"
