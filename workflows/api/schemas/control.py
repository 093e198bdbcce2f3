"""Stopping executions and letting them go on, on the wire: one by one and in bulk."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from workflows.api.schemas.base import RawJson, Shape, Told, about, given
from workflows.api.schemas.filters import FilterShape
from workflows.language import shapes
from workflows.model import Status

_ID = "exec-0-42-9f86d081"

_DONE = {"cancel": "is cancelled", "pause": "is paused", "resume": "goes on", "redrive": "is redriven"}

MAX_REVISION = 2**31 - 1


class ControlledSchema(Shape):
    message = Told(
        lambda done: f"Execution {done.id!r} {_DONE[done.action]}",
        str,
        **given("What happened, for people.", f"Execution {_ID!r} is paused"),
    )
    id = fields.String(**given("The execution's id.", _ID))
    status = fields.Enum(Status, **given("Its status as the change was made; one that was redriven may have ended again.", "RUNNING"))


class RedriveShape(shapes.Shape):
    revision = shapes.Whole(1, MAX_REVISION, metadata=about("The revision to go on by; left out: the one it ran by.", 2))
    input = RawJson(
        metadata=about(
            "A new input, left out: as it was. A task list's tasks see it from now on; of a state machine it is the input of the state "
            "at which the execution stands.",
            {"name": "Ada"},
        )
    )


class BulkShape(shapes.Shape):
    filter = shapes.Object(FilterShape, required=True, metadata=about("Which executions: those for which all that is given holds."))
    preview = shapes.Flag(load_default=False, metadata=about("Only tell which they are, and change nothing.", True))


class RefusalSchema(Shape):
    id = fields.String(**given("The execution's id.", _ID))
    reason = fields.String(**given("Why it was left as it is.", "too many requests are waiting; try again in a moment"))


class BulkSchema(Shape):
    matched = fields.Integer(**given("How many executions the filter means that can be changed so.", 1))
    executions = fields.List(fields.String(), **given("Ids of the newest 100 of them.", [_ID]))
    left = fields.Integer(**given("How many more it means, for which there is nothing to do: they have ended, say, or are so already.", 0))
    done = fields.Integer(**given("How many were changed.", 0))
    refused = fields.List(fields.Nested(RefusalSchema), **given("Those that were left as they are, and why."))


Sent = dict[str, Any]
"""A loaded body."""
