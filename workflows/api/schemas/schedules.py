"""Schedules on the wire."""

from __future__ import annotations

from marshmallow import fields

from workflows.api.schemas.base import Moment, RawJson, Shape, Told, Words, about, given, next_page, nullable
from workflows.api.schemas.problems import FindingSchema
from workflows.api.schemas.queries import PageQuery, Query, Whole, Word
from workflows.language import shapes
from workflows.service.schedules import MOST_COMING


class SchedulesQuery(PageQuery):
    job = Word(load_default=None, allow_none=False, metadata=about("Id of a job definition: only its schedules."))


class ComingQuery(Query):
    count = Whole(1, MOST_COMING, load_default=10, metadata=about("How many occurrences to tell."))


class ToggleBody(shapes.Shape):
    """The switch."""

    active = shapes.Flag(required=True, metadata=about("Whether it is to be on.", False))


class ScheduleSchema(Shape):
    id = fields.String(**given("Names the schedule.", "nightly"))
    job = fields.String(**given("Id of the job definition that it runs.", "hello"))
    active = fields.Boolean(**given("Whether it is switched on.", True))
    source = fields.String(**given("`definition`: it came with the job's definition; `api`: it was made by itself.", "definition"))
    schedule = RawJson(**given("The schedule as it was written.", {"id": "nightly", "cron": "0 3 * * *", "timezone": "Europe/Berlin"}))
    created = Moment(data_key="createTime", **given("When it was made.", "2026-11-21T03:00:00.000Z"))
    due = Moment(data_key="nextTime", **nullable("When it is due next; null: never, or it is off.", "2026-11-22T02:00:00.000Z"))
    queued = fields.List(Moment(), **given("The times of occurrences that wait until the run before has ended.", []))
    execution = Words(data_key="lastExecutionId", **nullable("The newest execution that it started.", "nightly.20261121T020000Z"))
    warnings = fields.List(
        fields.Nested(FindingSchema), **given("What looks wrong: told when it is made or changed, such as that it is never due.", [])
    )


class SchedulesSchema(Shape):
    schedules = fields.List(fields.Nested(ScheduleSchema), attribute="items", data_key="schedules", **given("Schedules, by id."))
    next = next_page()


class OccurrenceSchema(Shape):
    moment = Moment(data_key="scheduledTime", **given("When it was due.", "2026-11-21T02:00:00.000Z"))
    became = fields.String(
        data_key="status",
        **given("`started`, `caughtUp` (started late), `backfilled`, `queued`, `skipped` or `cancelled` (left the queue).", "started"),
    )
    reason = Words(**nullable("Why, where it was not just started.", "the previous run has not ended"))
    execution = Words(data_key="executionId", **nullable("The execution that was started.", "nightly.20261121T020000Z"))
    until = Moment(data_key="lastScheduledTime", **nullable("Of several in a row that were skipped for one reason: the last one's time."))
    count = fields.Integer(**given("How many in a row this tells of.", 1))
    at = Moment(data_key="handleTime", **given("When that was done.", "2026-11-21T02:00:00.007Z"))


class OccurrencesSchema(Shape):
    occurrences = fields.List(
        fields.Nested(OccurrenceSchema), attribute="items", data_key="occurrences", **given("Occurrences, the newest first.")
    )
    next = next_page()


class ComingOccurrenceSchema(Shape):
    moment = Moment(data_key="scheduledTime", **given("When it is due.", "2026-11-22T02:00:00.000Z"))
    local = fields.String(data_key="localTime", **given("What the clock shows then in the schedule's time zone.", "2026-11-22T03:00:00"))
    start = Moment(data_key="startTime", **given("When it starts: later by its jitter.", "2026-11-22T02:00:00.000Z"))
    runs = fields.Boolean(**given("Whether it will run; not in a blackout.", True))
    note = Words(**nullable("Why it will not run, or what is odd about its time: that it does not exist that day, or comes twice."))


class ComingSchema(Shape):
    occurrences = fields.List(fields.Nested(ComingOccurrenceSchema), **given("The next occurrences, the first one first."))


class DeletedScheduleSchema(Shape):
    message = Told(
        lambda done: f"Schedule {done['id']!r} deleted", str, **given("What happened, for people.", "Schedule 'nightly' deleted")
    )
    id = fields.String(**given("The schedule's id.", "nightly"))
