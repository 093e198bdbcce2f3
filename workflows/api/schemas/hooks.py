"""Hooks on the wire."""

from __future__ import annotations

from marshmallow import fields

from workflows.api.schemas.base import Shape, given, next_page


class HookSchema(Shape):
    name = fields.String(**given("Names the hook: requests are sent to `/hooks/{name}`.", "github-push"))
    job = fields.String(**given("Id of the job definition that it starts.", "deploy"))
    signature = fields.String(
        **given("How requests are signed: `standard` (by Standard Webhooks), `github`, or `header` (in one that the hook names).", "github")
    )


class HooksSchema(Shape):
    hooks = fields.List(fields.Nested(HookSchema), attribute="items", data_key="hooks", **given("Hooks, by name."))
    next = next_page()


class ReceivedSchema(Shape):
    id = fields.String(data_key="executionID", **given("The execution that the event has started.", "hook.github-push.72d3162e-cc78-11e3"))
    repeated = fields.Boolean(**given("Whether the event had started it before.", False))
