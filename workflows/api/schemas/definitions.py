"""Job definitions on the wire."""

from __future__ import annotations

from marshmallow import fields

from workflows.api.schemas.base import Moment, RawJson, Shape, Told, given, next_page
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


class _DescribedSchema(Shape):
    id = fields.String(**given("The definition's id.", "hello"))
    revision = fields.Integer(**given("The revision, from 1.", 1))
    name = fields.String(**given("What people see.", "Hello"))
    description = fields.String(**given("What it is for; may be empty.", "Greets."))
    labels = fields.Dict(keys=fields.String(), values=fields.String(), **given("Texts by name.", {"team": "payments"}))
    dialect = fields.String(**given("`taskList` (a list or graph of tasks) or `stateMachine`.", "taskList"))
    hears = fields.Boolean(data_key="hearsAlerts", **given("Whether it hears alerts: it has `onAlert`.", False))


class ListedDefinitionSchema(_DescribedSchema):
    """A definition as its newest revision has it."""

    created = Moment(data_key="updateTime", **given("When its newest revision was registered.", "2026-11-21T03:00:00.123Z"))


class DefinitionsSchema(Shape):
    definitions = fields.List(
        fields.Nested(ListedDefinitionSchema), attribute="items", data_key="definitions", **given("Definitions, by id.")
    )
    next = next_page()


class DefinitionSchema(_DescribedSchema):
    """A revision of a definition."""

    created = Moment(data_key="createTime", **given("When this revision was registered.", "2026-11-21T03:00:00.123Z"))
    document = RawJson(
        **given("The document as it was sent.", {"id": "hello", "tasks": [{"id": "greet", "name": "Greet", "functionName": "echo"}]})
    )


class ListedRevisionSchema(Shape):
    revision = fields.Integer(**given("The revision, from 1.", 1))
    created = Moment(data_key="createTime", **given("When it was registered.", "2026-11-21T03:00:00.123Z"))


class RevisionsSchema(Shape):
    revisions = fields.List(
        fields.Nested(ListedRevisionSchema), attribute="items", data_key="revisions", **given("Revisions, the newest first.")
    )
    next = next_page()


class DeletedSchema(Shape):
    message = Told(
        lambda done: f"Job definition {done['id']!r} deleted", str, **given("What happened, for people.", "Job definition 'hello' deleted")
    )
    id = fields.String(**given("The definition's id.", "hello"))


class DeletedRevisionSchema(Shape):
    message = Told(
        lambda done: f"Revision {done['revision']} of job definition {done['id']!r} deleted",
        str,
        **given("What happened, for people.", "Revision 1 of job definition 'hello' deleted"),
    )
    id = fields.String(**given("The definition's id.", "hello"))
    revision = fields.Integer(**given("The revision that is gone.", 1))
