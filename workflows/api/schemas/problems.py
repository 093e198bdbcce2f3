"""What went wrong, on the wire: problem details (RFC 9457), and one finding in what was sent."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, post_dump

from workflows.api.schemas.base import Shape, about, given


class FindingSchema(Shape):
    pointer = fields.String(
        **given(
            "Where in the document, as a JSON Pointer (RFC 6901); empty: the whole. `?name` is a query parameter, `Name:` a header.",
            "/tasks/0/functionName",
        )
    )
    message = fields.String(**given("What is wrong there.", 'there is no function "ecko"'))
    suggestion = fields.String(metadata=about("The nearest valid name, where there is one; else this member is left out.", "echo"))
    severity = fields.String(**given("`error`: the document is refused for it. `warning`: it would not be.", "error"))
    code = fields.String(metadata=about("What Step Functions calls this kind of finding; of state machines only."))
    line = fields.Integer(metadata=about("The line of the text where it is, from 1; left out where there was no text.", 4))
    column = fields.Integer(metadata=about("The column in that line, from 1, in characters.", 27))

    @post_dump
    def _leave_out(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {name: value for name, value in data.items() if value is not None}


class ProblemSchema(Shape):
    """Problem details (RFC 9457)."""

    type = fields.String(**given("Names the kind of problem; does not change between versions.", "urn:stepwell:problem:invalid"))
    title = fields.String(**given("The kind of problem, for people.", "What was sent is JSON, but not what is asked for"))
    status = fields.Integer(**given("The HTTP status code.", 422))
    detail = fields.String(**given("What is wrong this time, and what would be right.", "2 problems were found; all of them are listed"))
    instance = fields.String(**given("The path that was asked for.", "/job-definitions"))


class ConflictSchema(ProblemSchema):
    problems = fields.List(
        fields.Nested(FindingSchema),
        metadata=about("Where a revision cannot take over an execution: every difference that stands in the way. Else left out."),
    )


class InvalidSchema(ProblemSchema):
    problems = fields.List(fields.Nested(FindingSchema), **given("Everything that is wrong with what was sent."))
