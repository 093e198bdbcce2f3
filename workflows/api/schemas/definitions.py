"""Job definitions on the wire."""

from __future__ import annotations

from marshmallow import fields

from workflows.api.schemas.base import Shape, Told, given
from workflows.api.schemas.problems import FindingSchema


class RegisteredSchema(Shape):
    message = Told(
        lambda done: f"Job definition {done.id!r} " + ("registered successfully" if done.created else "unchanged"),
        str,
        **given("What happened, for people: registered successfully, or unchanged.", "Job definition 'hello' registered successfully"),
    )
    id = fields.String(**given("The definition's id.", "hello"))
    revision = fields.Integer(**given("The revision that holds the document, from 1; the same one for the same canonical JSON.", 1))
    warnings = fields.List(fields.Nested(FindingSchema), **given("What looks wrong but was no reason to refuse it.", []))
