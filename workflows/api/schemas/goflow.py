"""Jobs and executions as clients of goflow (github.com/fieldryand/goflow) know them: the shapes of its version 2, and the events of its
version 3. Its names of states are here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from marshmallow import fields, missing, validate

from workflows.api.schemas.base import Moment, Shape, about, given
from workflows.api.schemas.queries import MOST_LISTED, PageQuery, Query, Whole, Word

STATES: Mapping[str, str] = {
    "QUEUED": "notstarted",
    "PENDING": "notstarted",
    "RUNNING": "running",
    "RETRYING": "upforretry",
    "SKIPPED": "skipped",
    "FAILED": "failed",
    "CANCELLED": "failed",
    "COMPLETED": "successful",
}
"""What our statuses, of executions and of tasks, are called there."""

NEVER = "0001-01-01T00:00:00Z"
"""How Go writes a time that is none."""

_NAMES = tuple(dict.fromkeys(STATES.values()))


class Again(fields.Field[Any]):
    """A field that reads what another one of its shape has as its `attribute`."""

    def __init__(self, of: str, **more: Any) -> None:
        super().__init__(**more)
        self.of = of

    def get_value(self, obj: Any, _attr: str, accessor: Any = None, default: Any = missing) -> Any:
        return super().get_value(obj, self.of, accessor, default)


class TextAgain(Again, fields.String):
    """Text."""


class MomentAgain(Again, Moment):
    """A moment."""


class State(TextAgain):
    """The record's status, by its name there."""

    def __init__(self, **more: Any) -> None:
        super().__init__("status", **more)

    def _serialize(self, value: Any, *_: Any, **__: Any) -> str:
        return STATES[value]


class GoMoment(Moment):
    """A moment as a Go program reads it: none is its zero time."""

    def _serialize(self, value: float | None, *args: Any, **more: Any) -> str | None:
        return NEVER if value is None else super()._serialize(value, *args, **more)

    def _deserialize(self, value: Any, *args: Any, **more: Any) -> Any:
        return None if value == NEVER else super()._deserialize(value, *args, **more)


class Printed(fields.String):
    """A result, as it would be printed: a text as it is, anything else as JSON; none is ""."""

    def _serialize(self, value: str | None, *_: Any, **__: Any) -> str:
        if value is None:
            return ""
        return str(orjson.loads(value)) if value.startswith('"') else value


class Said(fields.String):
    """An error in words; none is ""."""

    def _serialize(self, value: Any, *_: Any, **__: Any) -> str:
        return "" if value is None else ": ".join(filter(None, (value.type, value.message)))


_JOB = given("The job: id of its definition.", "hello")
_TASK = given("The task: its id.", "greet")
_STATE = given(f"{', '.join(_NAMES[:-1])} or {_NAMES[-1]}. A cancelled one has failed.", "successful")
_SUBMITTED = given("When it was accepted.", "2026-11-21T03:00:00.123Z")
_MODIFIED = given("When anything last happened.", "2026-11-21T03:00:00.132Z")
_ID = given("The execution's id.", "exec-0-42-9f86d081")


class GoflowHealthSchema(Shape):
    health = fields.String(**given("OK.", "OK"))


class GoflowJobsSchema(Shape):
    jobs = fields.List(fields.String(), **given("All jobs, in the order in which they were first registered.", ["hello"]))


class GoflowJobSchema(Shape):
    job = fields.String(**_JOB)
    tasks = fields.List(fields.String(), **given("Its tasks; of a state machine, its top-level states.", ["greet", "part"]))
    dag = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        **given("For each task, those that wait for it, or may come after it.", {"greet": ["part"], "part": []}),
    )
    schedule = fields.String(**given("When it runs; several schedules are joined by commas. Empty: it has none.", "0 3 * * *"))
    active = fields.Boolean(**given("Whether it has schedules, and all are switched on.", True))


class GoflowTaskSchema(Shape):
    name = fields.String(attribute="id", **_TASK)
    status = State(data_key="state", **_STATE)


class GoflowExecutionSchema(Shape):
    id = fields.String(**_ID)
    definition = fields.String(data_key="job", **_JOB)
    submitted = Moment(**_SUBMITTED)
    modified = Moment(data_key="modifiedTimestamp", **_MODIFIED)
    status = State(data_key="state", **_STATE)
    tasks = fields.List(
        fields.Nested(GoflowTaskSchema),
        **given("Its tasks. Of a state machine: in lists and events the state it stands at, else all that it has entered."),
    )


class GoflowExecutionsSchema(Shape):
    executions = fields.List(fields.Nested(GoflowExecutionSchema), attribute="items", data_key="executions", **given("The newest first."))


class GoflowTaskStatesSchema(Shape):
    state = fields.Dict(keys=fields.String(), values=fields.String(), **given("Each task's state.", {"greet": "successful"}))


class GoflowRunStateSchema(Shape):
    job = fields.String(**_STATE)
    tasks = fields.Nested(GoflowTaskStatesSchema, **given("The states of its tasks."))


class GoflowRunSchema(Shape):
    job = fields.String(**_JOB)
    submitted = Moment(**_SUBMITTED)
    state = fields.Nested(GoflowRunStateSchema, **given("How it stands."))


class GoflowRunsSchema(Shape):
    jobruns = fields.List(fields.Nested(GoflowRunSchema), **given("The newest first."))


class GoflowSubmittedSchema(Shape):
    job = fields.String(**_JOB)
    success = fields.Boolean(**given("Whether it was started.", True))
    submitted = fields.String(**given("When it was accepted; empty for an unknown job.", "2026-11-21T03:00:00.123Z"))
    id = fields.String(**given("The execution's id; empty for an unknown job.", "exec-0-42-9f86d081"))


class GoflowToggledSchema(Shape):
    job = fields.String(**_JOB)
    success = fields.Boolean(**given("Whether they were switched.", True))
    active = fields.Boolean(**given("Whether its schedules are on now.", True))


class GoflowEventTaskSchema(GoflowTaskSchema):
    started = GoMoment(data_key="startTs", **given(f"When its first attempt began; {NEVER}: none has.", "2026-11-21T03:00:00.125Z"))
    result = Printed(**given("What it came to: a text as it is, anything else as JSON. Empty: nothing yet.", '{"name":"Ada"}'))
    error = Said(**given("Why it failed, or the latest attempt did. Empty: it did not.", ""))
    function = fields.String(data_key="operator", **given("The function it calls.", "echo"))


class GoflowEventSchema(Shape):
    """What an event of version 3 holds."""

    id = fields.String(**_ID)
    definition = fields.String(data_key="job", **_JOB)
    submitted = Moment(data_key="startTs", **_SUBMITTED)
    modified = Moment(data_key="modifiedTs", **_MODIFIED)
    status = State(data_key="state", **_STATE)
    tasks = fields.List(fields.Nested(GoflowEventTaskSchema), **given("Its tasks; of a state machine, the state it stands at."))


class GoflowExecutionsQuery(PageQuery):
    limit = Whole(1, MOST_LISTED, load_default=MOST_LISTED, metadata=about("How many executions the answer holds at most."))
    cursor = Word(load_default=None, allow_none=False, metadata=about("Where to go on: the header `Link` of the answer before has it."))
    jobname = fields.String(load_default="", metadata=about("Only executions of this job. Empty: of all.", "hello"))
    state = fields.String(
        load_default="",
        validate=validate.OneOf(("", *_NAMES), error=f"this must be one of {', '.join(_NAMES)}, not {{input!r}}"),
        metadata=about("Only executions in this state. Empty: in any."),
    )


class GoflowEventsQuery(Query):
    since = Word(
        data_key="lastEventId",
        load_default=None,
        metadata=about("Id of the last event that was received: the stream goes on after it. As the header, for clients without it."),
    )
