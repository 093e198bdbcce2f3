"""Executions and what happened in them, on the wire: everything that comes in pages."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from marshmallow import fields

from workflows.api.schemas.base import Moment, Shape, about, given, next_page, nullable
from workflows.api.schemas.executions import ErrorSchema
from workflows.api.schemas.queries import Flag, PageQuery, Whole, Word
from workflows.core.dataflow import rfc3339
from workflows.model import Status


class ListedExecutionSchema(Shape):
    """An execution without its payloads and tasks."""

    id = fields.String(**given("The execution's id.", "exec-0-42-9f86d081"))
    definition = fields.String(data_key="definitionId", **given("Id of the definition it executes.", "hello"))
    revision = fields.Integer(**given("The definition's revision it executes.", 1))
    status = fields.Enum(Status, **given("QUEUED, RUNNING, COMPLETED, FAILED or CANCELLED.", "COMPLETED"))
    paused = fields.Boolean(**given("Whether it is paused: nothing of it starts.", False))
    priority = fields.Integer(**given("Whose turn it is while it is queued: higher goes first.", 0))
    labels = fields.Dict(
        keys=fields.String(), values=fields.String(), **given("Texts by name: its own, and the definition's.", {"team": "payments"})
    )
    submitted = Moment(data_key="submitTime", **given("When it was accepted.", "2026-11-21T03:00:00.123Z"))
    started = Moment(
        data_key="startTime", **nullable("When its first attempt was handed out; null while it is queued.", "2026-11-21T03:00:00.124Z")
    )
    ended = Moment(data_key="endTime", **nullable("When it ended.", "2026-11-21T03:00:00.132Z"))
    error = fields.Nested(
        ErrorSchema, **nullable("Why it failed, without the traceback and with the beginning of the message; its state has the whole.")
    )


class ExecutionsSchema(Shape):
    executions = fields.List(
        fields.Nested(ListedExecutionSchema), attribute="items", data_key="executions", **given("Executions, the newest first.")
    )
    next = next_page()


class HistoryEvent(fields.Dict):
    """An event of a history. Its timestamp is RFC 3339; its details are those of its type."""

    def _serialize(self, value: Any, *_: Any, **__: Any) -> dict[str, Any]:
        return {**value, "timestamp": rfc3339(value["timestamp"])}

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> dict[str, Any]:
        return {**value, "timestamp": datetime.fromisoformat(value["timestamp"]).timestamp()}


_EVENT = {
    "id": 2,
    "previousEventId": 0,
    "timestamp": "2026-11-21T03:00:00.124Z",
    "type": "PassStateEntered",
    "stateEnteredEventDetails": {"name": "Greet", "input": '{"name": "Ada"}', "inputDetails": {"truncated": False}},
}


class HistorySchema(Shape):
    events = fields.List(
        HistoryEvent(metadata=about("An event: id, previousEventId, timestamp, type, and the details of its type.", _EVENT)),
        attribute="items",
        data_key="events",
        **given("What happened, in order. Payloads within are JSON texts."),
    )
    next = next_page()


class HistoryQuery(PageQuery):
    reverse = Flag(load_default=False, metadata=about("Whether the newest come first."))


class AttemptLogSchema(Shape):
    """What one attempt printed and logged."""

    task = fields.String(data_key="taskId", **given("Id of the task, or name of the state.", "greet"))
    attempt = fields.Integer(**given("Which attempt of it, from 1.", 1))
    at = Moment(data_key="time", **given("When it was stored.", "2026-11-21T03:00:00.131Z"))
    text = fields.String(**given("What it printed and logged, together.", "greeting Ada\n"))
    truncated = fields.Boolean(**given("Whether this is only the end of it.", False))


class LogsSchema(Shape):
    logs = fields.List(
        fields.Nested(AttemptLogSchema),
        attribute="items",
        data_key="logs",
        **given("One entry per attempt, in the order they were issued."),
    )
    next = next_page()


class LogsQuery(PageQuery):
    task = Word(load_default=None, metadata=about("Only attempts of this task or state.", "greet"))
    attempt = Whole(1, 1_000_000, load_default=None, metadata=about("Only attempts with this number.", 1))
