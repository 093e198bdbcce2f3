"""Alerts on the wire."""

from __future__ import annotations

from marshmallow import fields

from workflows.alerts import events
from workflows.alerts.listening import Kind
from workflows.api.schemas.base import Moment, Shape, Words, about, given, next_page, nullable
from workflows.api.schemas.queries import OneOf, PageQuery
from workflows.language import shapes

EXAMPLE = events.failed("exec-0-42-9f86d081", 0, "nightly", 1_795_230_000.0, {"type": "TimeoutError", "message": "no answer"}).event()


class AlertsQuery(PageQuery):
    kind = OneOf(Kind, "Only those of this kind.", load_default=None, allow_none=False)


class TestAlertBody(shapes.Shape):
    """Who is to hear it."""

    __test__ = False

    job = shapes.Text(metadata=about("The one job that is to hear it. If absent, all that hear alerts.", "notify-by-mail"))


class TellingSchema(Shape):
    job = fields.String(**given("The job that hears it.", "notify-by-mail"))
    execution = fields.String(
        data_key="executionId", **given("The execution that tells it.", "alert.failed.exec-0-42-9f86d081.0.notify-by-mail")
    )
    reason = Words(**nullable("Why that could not be started; else null."))


class AlertSchema(Shape):
    id = fields.String(**given("The event's id, the same whenever it is delivered.", EXAMPLE["id"]))
    kind = fields.String(**given("`failed`, `missed`, `late`, `queueDepth` or `test`.", "failed"))
    job = Words(**nullable("The job that it is about.", "nightly"))
    at = Moment(data_key="time", **given("When it was raised.", "2026-11-21T03:00:00.000Z"))
    event = fields.Dict(**given("What those who hear it get as their input: a CloudEvent.", EXAMPLE))
    tellings = fields.List(
        fields.Nested(TellingSchema), data_key="executions", **given("Those who hear it, and the executions by which they do.")
    )
    told = fields.Boolean(**given("Whether these executions have been started.", True))


class AlertsSchema(Shape):
    alerts = fields.List(fields.Nested(AlertSchema), attribute="items", data_key="alerts", **given("Alerts, the newest first."))
    next = next_page()
