"""Backfills on the wire."""

from __future__ import annotations

from marshmallow import fields

from workflows.api.schemas.base import Moment, Shape, Words, about, given, nullable
from workflows.language import shapes
from workflows.service.backfills import MOST_AT_ONCE


class BackfillBody(shapes.Shape):
    """What to backfill. Both ends belong to it; without an offset they are in the schedule's time zone."""

    first = shapes.Text(data_key="from", required=True, metadata=about("From when on.", "2026-11-01T00:00:00"))
    last = shapes.Text(data_key="to", required=True, metadata=about("Until when; not in the future.", "2026-11-07T23:59:59"))
    concurrency = shapes.Whole(1, MOST_AT_ONCE, load_default=1, metadata=about("How many of its executions may run at once.", 4))
    preview = shapes.Flag(load_default=False, metadata=about("Only tell what would start, and change nothing.", True))


class BackfillSchema(Shape):
    id = fields.String(**given("Names the backfill; the label `stepwell.backfill` of its executions.", "backfill-1"))
    schedule = fields.String(data_key="scheduleId", **given("Id of its schedule.", "nightly"))
    status = fields.String(**given("`running`, `completed` (all is started and has ended) or `cancelled`.", "running"))
    first = Moment(data_key="from", **given("From when on.", "2026-10-31T23:00:00.000Z"))
    last = Moment(data_key="to", **given("Until when.", "2026-11-07T22:59:59.000Z"))
    concurrency = fields.Integer(**given("How many of its executions may run at once.", 4))
    total = fields.Integer(data_key="occurrences", **given("Occurrences in that time, but for those of a blackout.", 7))
    started = fields.Integer(**given("How many it has started.", 3))
    found = fields.Integer(**given("How many had an execution when it came to them.", 1))
    skipped = fields.Integer(**given("How many could not be started; their records say why.", 0))
    left = fields.Integer(**given("How many it has not come to.", 3))
    running = fields.Integer(**given("How many of its executions ran when it last looked; 0 once it has ended.", 1))
    failed = fields.Integer(**given("How many of its executions failed or were cancelled.", 0))
    created = Moment(data_key="createTime", **given("When it was asked for.", "2026-11-21T03:00:00.000Z"))
    ended = Moment(data_key="endTime", **nullable("When it was through, or cancelled."))


class BackfillsSchema(Shape):
    backfills = fields.List(fields.Nested(BackfillSchema), **given("Backfills, the newest first."))


class MissingSchema(Shape):
    moment = Moment(data_key="scheduledTime", **given("When it was due.", "2026-11-01T01:30:00.000Z"))
    local = fields.String(data_key="localTime", **given("What the clock showed then in the schedule's time zone.", "2026-11-01T02:30:00"))
    note = Words(**nullable("What is odd about its time: that it does not exist that day, or comes twice."))


class BackfillPreviewSchema(Shape):
    first = Moment(data_key="from", **given("From when on.", "2026-10-31T23:00:00.000Z"))
    until = Moment(data_key="to", **given("Until when.", "2026-11-07T22:59:59.000Z"))
    occurrences = fields.Integer(**given("Occurrences in that time, but for those of a blackout.", 7))
    missing = fields.Integer(**given("How many have no execution, and would be started.", 6))
    found = fields.Integer(**given("How many have one.", 1))
    excluded = fields.Integer(**given("How many a blackout leaves out.", 0))
    shown = fields.List(fields.Nested(MissingSchema), data_key="first", **given("The first that would be started, at most ten."))
    last = Moment(data_key="lastTime", **nullable("When the last one that would be started was due.", "2026-11-07T01:30:00.000Z"))
