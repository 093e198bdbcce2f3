"""DAGs as clients of goflow (github.com/zbrookle/goflow) know them: one command on a schedule, in PascalCase."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import fields, post_load, validate

from workflows.api.schemas.base import Moment, Shape, about, given, nullable
from workflows.api.schemas.goflow import NEVER, GoMoment
from workflows.language import shapes

NAME = r"^[A-Za-z][a-zA-Z0-9_-]+$"
NAME_CHARACTERS = 100

PHASES: Mapping[str, str] = {
    "QUEUED": "Pending",
    "RUNNING": "Running",
    "COMPLETED": "Succeeded",
    "FAILED": "Failed",
    "CANCELLED": "Failed",
}
"""What our statuses are called there, which are those of Kubernetes's pods."""

_SHORT = validate.Length(max=NAME_CHARACTERS, error=f"this must not be longer than {NAME_CHARACTERS} characters")


class DagShape(shapes.Shape):
    """A DAG to be made. Members that are null or an empty text count as absent, since Go programs write all that they know."""

    Name = shapes.Text(
        required=True,
        empty=True,  # which is answered 400, as any name that cannot be
        validate=_SHORT,
        metadata=about("Names the DAG, and the job that it becomes: a letter, then letters, digits, _ and -.", "nightly-report"),
    )
    Namespace = shapes.Text(empty=True, allow_none=True, metadata=about("Not used: there are no namespaces."))
    Schedule = shapes.Text(
        required=True,
        validate=validate.Regexp(r"\s*\S", error="this must not be empty"),
        metadata=about(
            "Cron with seconds first: five or six fields, the day of the week may be left out; or @daily and the like.", "0 30 3 * *"
        ),
    )
    DockerImage = shapes.Text(empty=True, allow_none=True, metadata=about("Not used: the server itself runs the command."))
    RetryPolicy = shapes.Choice(
        ("Always", "OnFailure", "Never", ""),
        allow_none=True,
        metadata=about("Whether it is tried again where Retries is not there: Always and OnFailure, 100 times."),
    )
    Command = shapes.Many(
        shapes.Text(empty=True),
        required=True,
        validate=validate.Length(min=1, error="this must not be empty"),
        metadata=about("The program and its arguments; there is no shell.", ["/opt/report", "--all"]),
    )
    Parallelism = shapes.Whole(0, 2**31 - 1, allow_none=True, metadata=about("Not used: one command cannot be parallel."))
    TimeLimit = shapes.Whole(0, 31_622_400, allow_none=True, metadata=about("Seconds that an attempt may take. 0: no limit.", 300))
    Retries = shapes.Whole(0, 100, allow_none=True, metadata=about("How often it is tried again.", 2))
    MaxActiveRuns = shapes.Whole(0, 1_000_000, allow_none=True, metadata=about("Runs at once. 0: no limit.", 1))
    StartDateTime = shapes.Text(
        required=True, metadata=about("The first day (UTC). What was due since then, up to a year back, is made up for.", "2026-11-01")
    )
    EndDateTime = shapes.Text(empty=True, allow_none=True, metadata=about("Nothing is due after.", "2026-12-31"))
    Labels = shapes.Keyed(shapes.Text(empty=True), allow_none=True, metadata=about("Texts by name.", {"team": "payments"}))
    Annotations = shapes.Keyed(shapes.Text(empty=True), allow_none=True, metadata=about("Not used: they are Kubernetes's."))
    WithLogs = shapes.Flag(allow_none=True, metadata=about("Not used: what a command says is always kept."))

    @post_load
    def _without_nothing(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {key: value for key, value in data.items() if value is not None and value != ""}


class DagConfigSchema(Shape):
    """What a DAG is, worked out from the job's definition and its first schedule."""

    Name = fields.String(**given("The DAG: id of its definition.", "nightly-report"))
    Namespace = fields.String(**given("Empty: there are no namespaces.", ""))
    Schedule = fields.String(**given("Cron with seconds first; empty for a job without one.", "0 30 3 * * *"))
    DockerImage = fields.String(**given("Empty: commands run on the server.", ""))
    RetryPolicy = fields.String(**given("Never, or OnFailure for a task that is tried again.", "OnFailure"))
    Command = fields.List(fields.String(), **given("The command; empty for a job that is not one command.", ["/opt/report", "--all"]))
    Parallelism = fields.Integer(**given("Always 1.", 1))
    TimeLimit = fields.Integer(**nullable("Seconds that an attempt, or else a run, may take.", 300))
    Retries = fields.Integer(**given("How often its one task is tried again.", 2))
    MaxActiveRuns = fields.Integer(**given("Runs at once; 0: no limit.", 1))
    StartDateTime = fields.String(**given("From when it is due; empty for none.", "2026-11-01"))
    EndDateTime = fields.String(**given("Until when; empty for none.", ""))
    Labels = fields.Dict(keys=fields.String(), values=fields.String(), **given("Texts by name.", {"team": "payments"}))
    Annotations = fields.Dict(keys=fields.String(), values=fields.String(), **given("Always empty.", {}))
    WithLogs = fields.Boolean(**given("Always true: logs are kept.", True))


class DagRunSchema(Shape):
    Name = fields.String(**given("The DAG's name and the execution date, as a pod's name.", "nightly-report-2026-11-2103-30-00plus0000utc"))
    Config = fields.Nested(DagConfigSchema, **given("What the DAG is now."))
    ExecutionDate = Moment(**given("When it was due; else when it was submitted.", "2026-11-21T03:30:00.000Z"))
    StartTime = Moment(**nullable("When its first attempt was handed out.", "2026-11-21T03:30:00.124Z"))
    EndTime = Moment(**nullable("When it ended.", "2026-11-21T03:30:07.132Z"))
    Status = fields.String(**given("Pending, Running, Succeeded or Failed. A cancelled one has failed.", "Succeeded"))
    ExecutionID = fields.String(**given("The execution's id.", "nightly-report.20261121T033000Z"))


class DagSchema(Shape):
    Config = fields.Nested(DagConfigSchema, **given("What it is."))
    Code = fields.String(**given("The definition, as it was sent.", '{"id": "nightly-report"}'))
    StartDateTime = GoMoment(**given(f"From when it is due; {NEVER}: always.", "2026-11-01T00:00:00.000Z"))
    EndDateTime = GoMoment(**given(f"Until when; {NEVER}: for ever.", NEVER))
    DAGRuns = fields.List(fields.Nested(DagRunSchema), **given("Its newest runs, the newest first."))
    ActiveRuns = fields.Integer(**given("How many of its runs are running; those that are pending are not.", 0))
    MostRecentExecution = GoMoment(**given(f"The execution date of the newest run; {NEVER}: there is none.", "2026-11-21T03:30:00.000Z"))
    ID = fields.Integer(**given("A number that is made of its name.", 42))
    IsOn = fields.Boolean(**given("Whether it has schedules, and all are switched on.", True))
    LastUpdated = Moment(**given("When its definition was registered.", "2026-11-20T09:00:00.000Z"))
    Successes = fields.Integer(**given("How many of its runs succeeded.", 20))
    Failures = fields.Integer(**given("How many of its runs failed or were cancelled.", 1))
    Counted = fields.Integer(
        **given("All its runs: those three, and those that are pending. For moments after an upgrade it may be the newest 200.", 21)
    )


class DagMetricSchema(Shape):
    ID = fields.Integer(**given("The run's number.", 42))
    DagName = fields.String(**given("The DAG.", "nightly-report"))
    PodName = fields.String(**given("The run's name.", "nightly-report-2026-11-2103-30-00plus0000utc"))
    Memory = fields.Integer(**nullable("Always null: it is not measured."))
    CPU = fields.Integer(**nullable("Always null: it is not measured."))
    MetricTime = Moment(**given("When the run ended.", "2026-11-21T03:30:07.132Z"))
    Seconds = fields.Float(**nullable("How long it took, from its first attempt; null: it never began.", 7.008))
    Attempts = fields.Integer(**nullable("Attempts that have begun, of all its tasks; null: of a state machine.", 1))
