"""Executions on the wire: how one was started and how one stands."""

from __future__ import annotations

from marshmallow import EXCLUDE, Schema, fields, validate

from workflows.api.schemas.base import Moment, RawJson, Shape, Words, about, given, nullable
from workflows.api.schemas.queries import Labels, Number, Query, Whole, Word
from workflows.language import shapes
from workflows.model import PRIORITIES, Status
from workflows.service.starting import ID, ID_TEXT, KEY, KEY_TEXT, LONGEST_WAIT_S

LOWEST, HIGHEST = PRIORITIES[0], PRIORITIES[-1]


class ExecuteQuery(Query):
    id = Word(
        data_key="executionId",
        validate=validate.Regexp(ID, error=ID_TEXT),
        metadata=about(
            "The id to be the execution's: 1 to 128 of A-Z a-z 0-9 _ . - and not of the form of generated ones. If an execution has it "
            "already that was started with the same input, that is the answer; else it is a conflict."
        ),
    )
    labels = Labels(
        data_key="label", metadata=about("key:value, as often as wanted, up to 32 times: labels of its own, before the definition's.")
    )
    priority = Whole(LOWEST, HIGHEST, metadata=about("Whose turn it is to begin: higher goes first. Without it, the definition's."))
    revision = Whole(1, 2**31 - 1, metadata=about("The definition's revision to execute. Without it, the newest."))
    wait = Number(
        int(LONGEST_WAIT_S),
        metadata=about("Seconds to wait for its end, up to 60. If it ends within them the answer is 200 and its state, else 202 as usual."),
    )


class ExecuteHeaders(Schema):
    class Meta(Schema.Meta):
        unknown = EXCLUDE

    key = fields.String(
        data_key="Idempotency-Key",
        validate=validate.Regexp(KEY, error=KEY_TEXT),
        metadata=about(
            "1 to 255 printable ASCII characters. A start that is repeated with its key and its input finds the execution it has started. "
            "Keys are the definition's, and are kept as long as the execution."
        ),
    )


class PriorityShape(shapes.Shape):
    """What an execution's priority is to be."""

    priority = shapes.Whole(LOWEST, HIGHEST, required=True, metadata=about("Higher goes first.", 10))


class PrioritySchema(Shape):
    id = fields.String(**given("The execution's id.", "exec-0-42-9f86d081"))
    priority = fields.Integer(**given("Its priority from now on.", 10))


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
    started = Moment(
        data_key="startTime",
        **nullable("When its first attempt began, of a job's task since it was last redriven.", "2026-11-21T03:00:00.125Z"),
    )
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
    priority = fields.Integer(**given("Whose turn it is while it is queued: higher goes first.", 0))
    labels = fields.Dict(
        keys=fields.String(), values=fields.String(), **given("Texts by name: its own, and the definition's.", {"team": "payments"})
    )
    ended = Moment(data_key="endTime", **nullable("When it ended.", "2026-11-21T03:00:00.132Z"))
    input = RawJson(**nullable("What it was given.", {"name": "Ada"}))
    output = RawJson(**nullable("What it came to.", {"greet": {"name": "Ada"}}))
    error = fields.Nested(ErrorSchema, **nullable("Why it failed."))
    tasks = fields.List(
        fields.Nested(TaskStateSchema),
        **given("Its tasks, in the definition's order; of a state machine, its top-level states in the order of their first entry."),
    )
