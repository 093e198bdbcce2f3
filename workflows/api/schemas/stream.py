"""Live events on the wire: what may be asked of a stream, and the execution that an event holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validates_schema

from workflows.api.schemas.base import Moment, about, given, nullable
from workflows.api.schemas.executions import TaskSummarySchema
from workflows.api.schemas.goflow import MomentAgain, State, TextAgain
from workflows.api.schemas.listing import ListedExecutionSchema
from workflows.api.schemas.queries import Flag, Query, Word
from workflows.errors import Problem
from workflows.language.names import closest
from workflows.language.shapes import shown
from workflows.runtime.changes import ALL_KINDS, END, EXECUTION, TASK

RECENT = 100
"""Executions that a stream for clients of goflow begins with: as many as its pages show."""

EVENT_ID = "Id of the last event that was received: the stream goes on after it."

KINDS: Mapping[str, int] = {"execution": EXECUTION, "task": TASK, "end": END}


class Types(fields.String):
    """Kinds of changes, separated by commas, as their sum."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        kinds = 0
        for name in str(value).split(","):
            if name not in KINDS:
                raise ValidationError([Problem("", f"there is no type {shown(name)}; there are {', '.join(KINDS)}", closest(name, KINDS))])
            kinds |= KINDS[name]
        return kinds


class StreamQuery(Query):
    execution = Word(load_default=None, metadata=about("Only changes of the execution with this id."))
    job = Word(load_default=None, metadata=about("Only changes of executions of the definition with this id.", "hello"))
    jobname = fields.String(
        metadata=about(
            "As `job`, empty for all, for clients of goflow: events are then exactly what its version 2 sends, and begin with the newest "
            f"{RECENT} executions.",
            "hello",
        ),
    )
    kinds = Types(
        data_key="types",
        load_default=ALL_KINDS,
        metadata=about(
            "Only such changes, separated by commas: `execution` (its status, or that it was paused, resumed, redriven or given another "
            "priority), `task` (a task's status, or another attempt), `end` (it ended). Without it, all.",
            "execution,end",
        ),
    )
    replay = Flag(
        load_default=False,
        metadata=about(
            "Whether to begin with how things stand: each active execution, the newest 1,000, or the one that is asked for, whatever its "
            "status. A stream that goes on after an event does not."
        ),
    )
    since = Word(data_key="lastEventId", load_default=None, metadata=about(f"{EVENT_ID} As the header, for clients that cannot send it."))

    @validates_schema
    def _one_job(self, data: Mapping[str, Any], **_: Any) -> None:
        if data.get("job") is not None and "jobname" in data:
            raise ValidationError("this is the same as job, which is there, too", "jobname")


class StreamHeaders(Schema):
    class Meta(Schema.Meta):
        unknown = EXCLUDE

    since = fields.String(data_key="Last-Event-ID", metadata=about(f"{EVENT_ID} Browsers send it by themselves."))


class TaskProgressSchema(TaskSummarySchema):
    attempts = fields.Integer(**given("Attempts that have begun.", 1))
    started = Moment(
        data_key="startTime",
        **nullable("When its first attempt began, of a job's task since it was last redriven.", "2026-11-21T03:00:00.125Z"),
    )
    ended = Moment(data_key="endTime", **nullable("When the task ended.", "2026-11-21T03:00:00.131Z"))
    state = State(**given("Its status by the name that goflow has for it.", "successful"))


class StreamedExecutionSchema(ListedExecutionSchema):
    """An execution as it stood when a commit had changed it, without its payloads. Some members are there twice, once by the names that
    clients of goflow know."""

    job = TextAgain("definition", **given("As `definitionId`.", "hello"))
    submitted_again = MomentAgain("submitted", data_key="submitted", **given("As `submitTime`.", "2026-11-21T03:00:00.123Z"))
    modified = Moment(data_key="modifiedTimestamp", **given("When anything last happened in it.", "2026-11-21T03:00:00.132Z"))
    state = State(**given("Its status by the name that goflow has for it.", "successful"))

    tasks = fields.List(
        fields.Nested(TaskProgressSchema), **given("Its tasks, in the definition's order; of a state machine, the state it stands at.")
    )
