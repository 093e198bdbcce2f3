"""The server itself on the wire: what it does, whether all is well, and what it can be asked."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, post_dump

from workflows.api.schemas.base import Seconds, Shape, Told, about, given
from workflows.api.schemas.executions import ExecutionSummarySchema
from workflows.model import Status


class ExecutorSchema(Shape):
    name = fields.String(
        **given("inline: threads of the server; delivering: those for alerts; shared: workers of many; isolated: of one.", "shared")
    )
    workers = fields.Integer(**given("Attempts that it can run at once, when all of it is up.", 32))
    processes = fields.Integer(**given("Worker processes that it has now; they are started when attempts wait for them.", 2))
    running = fields.Integer(**given("Attempts that it runs now.", 1))


class PoolSchema(Shape):
    workers = fields.Integer(**given("Attempts that can run at once.", 52))
    classes = fields.List(fields.Nested(ExecutorSchema), **given("Where they run."))
    running = fields.Integer(**given("Attempts that run now.", 1))
    admitted = fields.Integer(**given("Executions that hold one of the max-jobs slots.", 1))
    recovered = fields.Integer(
        attribute="recoveredExecutions", data_key="recoveredExecutions", **given("Unfinished executions found when the server started.", 0)
    )
    interrupted = fields.Integer(
        attribute="interruptedAttempts", data_key="interruptedAttempts", **given("Attempts under way when the server last died.", 0)
    )


def _count(status: Status, name: str, description: str) -> fields.Integer:
    return fields.Integer(attribute=f"counts.{status}", data_key=name, **given(description, 1))


class SystemStateSchema(Shape):
    active = fields.List(
        fields.Nested(ExecutionSummarySchema), data_key="activeJobs", **given("The first 100 executions that run, the newest first.")
    )
    queued = fields.List(
        fields.String(),
        data_key="queuedJobs",
        **given("Ids of the first 100 executions that have not begun, the oldest first.", ["exec-0-43-60303ae2"]),
    )
    active_count = _count(Status.RUNNING, "activeCount", "How many executions run.")
    queued_count = _count(Status.QUEUED, "queuedCount", "How many executions have not begun.")
    completed = _count(Status.COMPLETED, "executedJobs", "How many executions have completed.")
    failed = _count(Status.FAILED, "failedJobs", "How many executions have failed.")
    cancelled = _count(Status.CANCELLED, "cancelledJobs", "How many executions were cancelled.")
    pool = fields.Nested(PoolSchema, **given("The workers."))
    uptime = Seconds(data_key="uptimeSeconds", **given("Seconds since the server started.", 3600.125))
    version = fields.String(**given("The server's version.", "0.1.0"))


class HealthSchema(Shape):
    status = Told(lambda health: "degraded" if health.troubles else "ok", str, **given("ok, or degraded: see the troubles.", "ok"))
    troubles = fields.List(
        fields.String(), metadata=about("What an operator should know, in sentences; left out where a key is needed and none was sent.", [])
    )

    @post_dump(pass_original=True)
    def _leave_out(self, data: dict[str, Any], health: Any, **_: Any) -> dict[str, Any]:
        return data if health.told else {"status": data["status"]}


class EndpointSchema(Shape):
    name = fields.String(**given("What it does, in one word.", "health"))
    method = fields.String(**given("The HTTP method.", "GET"))
    path = fields.String(**given("The path; a name in braces stands for a value.", "/health"))
    description = fields.String(**given("What it does, in one sentence.", "Tells whether anything is wrong."))
    example = fields.String(**given("A command to try it with.", "curl http://127.0.0.1:8080/health"))


class IndexSchema(Shape):
    name = fields.String(**given("The program.", "stepwell"))
    version = fields.String(**given("The server's version.", "0.1.0"))
    endpoints = fields.List(fields.Nested(EndpointSchema), **given("All there is."))
