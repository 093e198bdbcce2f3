"""The shape of every JSON answer, once: dumped by the views, loaded back by clients and tests, described to people by the descriptions.

Owns names and forms on the wire; the records behind them know neither. An absent value is null and an empty collection is [], never
missing. Payloads are JSON text that was checked when it came in; it is spliced into the answer as it is, so that 1.00 and integers of any
length come out as they went in.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
from marshmallow import RAISE, Schema, fields, post_dump

from workflows.core.dataflow import rfc3339
from workflows.model import Status


class Moment(fields.Field[float]):
    """Seconds since the epoch, written as RFC 3339 in UTC with milliseconds."""

    def _serialize(self, value: float | None, *_: Any, **__: Any) -> str | None:
        return None if value is None else rfc3339(value)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> float:
        try:
            return datetime.fromisoformat(value).timestamp()
        except (TypeError, ValueError):
            raise self.make_error("validator_failed") from None


class Seconds(fields.Float):
    """A duration, to the millisecond."""

    def _serialize(self, value: Any, *_: Any, **__: Any) -> float:
        return round(float(value), 3)


class RawJson(fields.Field[Any]):
    """JSON text, spliced unchanged into the answer. Loading gives the value."""

    def _serialize(self, value: str | None, *_: Any, **__: Any) -> orjson.Fragment | None:
        return None if value is None else orjson.Fragment(value)


class Words(fields.String):
    """Text that is null where the record has none ("")."""

    def _serialize(self, value: Any, *_: Any, **__: Any) -> str | None:
        return super()._serialize(value, *_, **__) or None


def given(description: str) -> dict[str, Any]:
    """Keywords of a field that always holds a value."""
    return {"required": True, "metadata": {"description": description}}


def nullable(description: str) -> dict[str, Any]:
    """Keywords of a field that is null where there is nothing to say."""
    return {"required": True, "allow_none": True, "metadata": {"description": description}}


class Shape(Schema):
    """Base of all answers: on loading, a member that is not declared is an error."""

    class Meta(Schema.Meta):
        unknown = RAISE


# -------------------------------------------------------------------------------------------------- answers to changes


class RegisteredSchema(Shape):
    message = fields.Function(
        lambda done: f"Job definition {done.id!r} " + ("registered successfully" if done.created else "unchanged"),
        str,
        **given("What happened, for people: registered successfully, or unchanged."),
    )
    id = fields.String(**given("The definition's id."))
    revision = fields.Integer(**given("The revision that holds the document, from 1; the same one for the same canonical JSON."))
    warnings = fields.List(fields.Nested(lambda: FindingSchema()), **given("What looks wrong but was no reason to refuse it."))


class StartedSchema(Shape):
    execution_id = fields.String(data_key="executionID", **given("Names the execution from now on."))


class CancelledSchema(Shape):
    message = fields.Function(lambda done: f"Execution {done['id']!r} is cancelled", str, **given("What happened, for people."))
    id = fields.String(**given("The execution's id."))
    status = fields.Enum(Status, dump_default=Status.CANCELLED, **given("Always CANCELLED."))


# ---------------------------------------------------------------------------------------------------------- executions


class ErrorSchema(Shape):
    type = fields.String(**given("The exception's class name, or a name such as States.Timeout."))
    message = fields.String(**given("The exception's text; may be empty."))
    traceback = Words(**nullable("Where it was raised, if a function raised it."))
    task = Words(**nullable("Id of the task that failed, if one did."))


class TaskSummarySchema(Shape):
    id = fields.String(**given("The task's id, unique within the definition."))
    name = fields.String(**given("What people see."))
    status = fields.String(**given("PENDING, RUNNING, RETRYING, COMPLETED, FAILED, SKIPPED or CANCELLED."))


class TaskStateSchema(TaskSummarySchema):
    function = fields.String(data_key="functionName", **given("The function it calls."))
    started = Moment(data_key="startTime", **nullable("When its first attempt began."))
    ended = Moment(data_key="endTime", **nullable("When the task ended."))
    attempts = fields.Integer(**given("Attempts that have begun."))
    result = RawJson(**nullable("What the function returned."))
    error = fields.Nested(ErrorSchema, **nullable("Why the task failed, or the latest attempt did."))
    reason = fields.String(**nullable("Why the task was skipped or never started."))


class ExecutionSummarySchema(Shape):
    """An execution without its payloads."""

    id = fields.String(**given("The execution's id."))
    definition = fields.String(data_key="definitionId", **given("Id of the definition it executes."))
    status = fields.Enum(Status, **given("QUEUED, RUNNING, COMPLETED, FAILED or CANCELLED."))
    started = Moment(data_key="startTime", **nullable("When its first attempt was handed out; null while it is queued."))
    tasks = fields.List(
        fields.Nested(TaskSummarySchema), **given("Its tasks, in the definition's order; of a state machine, the state it stands at.")
    )


class ExecutionStateSchema(ExecutionSummarySchema):
    revision = fields.Integer(**given("The definition's revision it executes, whatever was registered since."))
    submitted = Moment(data_key="submitTime", **given("When it was accepted."))
    ended = Moment(data_key="endTime", **nullable("When it ended."))
    input = RawJson(**nullable("What it was given."))
    output = RawJson(**nullable("What it came to."))
    error = fields.Nested(ErrorSchema, **nullable("Why it failed."))
    tasks = fields.List(
        fields.Nested(TaskStateSchema),
        **given("Its tasks, in the definition's order; of a state machine, its top-level states in the order of their first entry."),
    )


# ---------------------------------------------------------------------------------------------------------- the server


class PoolSchema(Shape):
    workers = fields.Integer(**given("Attempts that can run at once."))
    running = fields.Integer(**given("Attempts that run now."))
    admitted = fields.Integer(**given("Executions that hold one of the max-jobs slots."))
    recovered = fields.Integer(
        attribute="recoveredExecutions", data_key="recoveredExecutions", **given("Unfinished executions found when the server started.")
    )
    interrupted = fields.Integer(
        attribute="interruptedAttempts", data_key="interruptedAttempts", **given("Attempts under way when the server last died.")
    )


def _count(status: Status, name: str, description: str) -> fields.Integer:
    return fields.Integer(attribute=f"counts.{status}", data_key=name, **given(description))


class SystemStateSchema(Shape):
    active = fields.List(fields.Nested(ExecutionSummarySchema), data_key="activeJobs", **given("The first 100 executions that run."))
    queued = fields.List(fields.String(), data_key="queuedJobs", **given("Ids of the first 100 executions that have not begun."))
    active_count = _count(Status.RUNNING, "activeCount", "How many executions run.")
    queued_count = _count(Status.QUEUED, "queuedCount", "How many executions have not begun.")
    completed = _count(Status.COMPLETED, "executedJobs", "How many executions have completed.")
    failed = _count(Status.FAILED, "failedJobs", "How many executions have failed.")
    cancelled = _count(Status.CANCELLED, "cancelledJobs", "How many executions were cancelled.")
    pool = fields.Nested(PoolSchema, **given("The workers."))
    uptime = Seconds(data_key="uptimeSeconds", **given("Seconds since the server started."))
    version = fields.String(**given("The server's version."))


class HealthSchema(Shape):
    status = fields.Function(lambda health: "degraded" if health.troubles else "ok", str, **given("ok, or degraded: see the troubles."))
    troubles = fields.List(fields.String(), **given("What an operator should know, in sentences."))


class EndpointSchema(Shape):
    name = fields.String(**given("What it does, in one word."))
    method = fields.String(**given("The HTTP method."))
    path = fields.String(**given("The path; a name in braces stands for a value."))
    description = fields.String(**given("What it does, in one sentence."))
    example = fields.String(**given("A command to try it with."))


class IndexSchema(Shape):
    name = fields.String(**given("The program."))
    version = fields.String(**given("The server's version."))
    endpoints = fields.List(fields.Nested(EndpointSchema), **given("All there is."))


# ------------------------------------------------------------------------------------------------------------ problems


class FindingSchema(Shape):
    pointer = fields.String(**given("Where in the document, as a JSON Pointer (RFC 6901); empty: the document itself."))
    message = fields.String(**given("What is wrong there."))
    suggestion = fields.String(metadata={"description": "The nearest valid name, where there is one; else this member is left out."})
    severity = fields.String(**given("`error`: the document is refused for it. `warning`: it would not be."))
    code = fields.String(metadata={"description": "What Step Functions calls this kind of finding; of state machines only."})
    line = fields.Integer(metadata={"description": "The line of the text where it is, from 1; left out where there was no text."})
    column = fields.Integer(metadata={"description": "The column in that line, from 1, in characters."})

    @post_dump
    def _leave_out(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {name: value for name, value in data.items() if value is not None}


class ProblemSchema(Shape):
    """Problem details (RFC 9457)."""

    type = fields.String(**given("Names the kind of problem; does not change between versions."))
    title = fields.String(**given("The kind of problem, for people."))
    status = fields.Integer(**given("The HTTP status code."))
    detail = fields.String(**given("What is wrong this time, and what would be right."))
    instance = fields.String(**given("The path that was asked for."))


class InvalidSchema(ProblemSchema):
    problems = fields.List(fields.Nested(FindingSchema), **given("Everything that is wrong with what was sent."))
