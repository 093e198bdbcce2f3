"""Executions on the wire: how one was started and how one stands."""

from __future__ import annotations

from marshmallow import fields

from workflows.api.schemas.base import Moment, RawJson, Shape, Words, given, nullable
from workflows.model import Status


class StartedSchema(Shape):
    execution_id = fields.String(data_key="executionID", **given("Names the execution from now on.", "exec-0-42-9f86d081"))


class ErrorSchema(Shape):
    type = fields.String(**given("The exception's class name, or a name such as States.Timeout.", "OutOfStock"))
    message = fields.String(**given("The exception's text; may be empty.", "no tea today"))
    traceback = Words(**nullable("Where it was raised, if a function raised it."))
    task = Words(**nullable("Id of the task that failed, if one did.", "reserve"))


class TaskSummarySchema(Shape):
    id = fields.String(**given("The task's id, unique within the definition.", "greet"))
    name = fields.String(**given("What people see.", "Greet"))
    status = fields.String(**given("PENDING, RUNNING, RETRYING, COMPLETED, FAILED, SKIPPED or CANCELLED.", "COMPLETED"))


class TaskStateSchema(TaskSummarySchema):
    function = fields.String(data_key="functionName", **given("The function it calls.", "echo"))
    started = Moment(data_key="startTime", **nullable("When its first attempt began.", "2026-11-21T03:00:00.125Z"))
    ended = Moment(data_key="endTime", **nullable("When the task ended.", "2026-11-21T03:00:00.131Z"))
    attempts = fields.Integer(**given("Attempts that have begun.", 1))
    result = RawJson(**nullable("What the function returned.", {"name": "Ada"}))
    error = fields.Nested(ErrorSchema, **nullable("Why the task failed, or the latest attempt did."))
    reason = fields.String(**nullable("Why the task was skipped or never started."))


class ExecutionSummarySchema(Shape):
    """An execution without its payloads."""

    id = fields.String(**given("The execution's id.", "exec-0-42-9f86d081"))
    definition = fields.String(data_key="definitionId", **given("Id of the definition it executes.", "hello"))
    status = fields.Enum(Status, **given("QUEUED, RUNNING, COMPLETED, FAILED or CANCELLED.", "COMPLETED"))
    paused = fields.Boolean(**given("Whether it is paused: nothing of it is started until it is resumed.", False))
    started = Moment(
        data_key="startTime",
        **nullable(
            "When its first attempt was handed out, since it was last redriven; null while it is queued.", "2026-11-21T03:00:00.124Z"
        ),
    )
    tasks = fields.List(
        fields.Nested(TaskSummarySchema), **given("Its tasks, in the definition's order; of a state machine, the state it stands at.")
    )


class ExecutionStateSchema(ExecutionSummarySchema):
    revision = fields.Integer(**given("The definition's revision it executes, whatever was registered since.", 1))
    redrives = fields.Integer(data_key="redriveCount", **given("How often it was redriven.", 0))
    submitted = Moment(data_key="submitTime", **given("When it was accepted.", "2026-11-21T03:00:00.123Z"))
    ended = Moment(data_key="endTime", **nullable("When it ended.", "2026-11-21T03:00:00.132Z"))
    input = RawJson(**nullable("What it was given.", {"name": "Ada"}))
    output = RawJson(**nullable("What it came to.", {"greet": {"name": "Ada"}}))
    error = fields.Nested(ErrorSchema, **nullable("Why it failed."))
    tasks = fields.List(
        fields.Nested(TaskStateSchema),
        **given("Its tasks, in the definition's order; of a state machine, its top-level states in the order of their first entry."),
    )
