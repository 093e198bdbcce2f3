"""Answers to stopping executions and letting them go on."""

from __future__ import annotations

from marshmallow import fields

from workflows.api.schemas.base import Shape, Told, given
from workflows.model import Status


class CancelledSchema(Shape):
    message = Told(
        lambda done: f"Execution {done['id']!r} is cancelled",
        str,
        **given("What happened, for people.", "Execution 'exec-0-42-9f86d081' is cancelled"),
    )
    id = fields.String(**given("The execution's id.", "exec-0-42-9f86d081"))
    status = fields.Enum(Status, dump_default=Status.CANCELLED, **given("Always CANCELLED.", "CANCELLED"))
