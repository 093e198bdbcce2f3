"""Calendars on the wire."""

from __future__ import annotations

from marshmallow import fields

from workflows.api.schemas.base import Moment, Shape, Told, Words, given, next_page, nullable

_NAME = given("Names the calendar.", "holidays-de")
_CHANGED = given("When it was last set.", "2026-11-21T03:00:00.000Z")
_USES = given("How many schedules name it.", 2)


class DaySchema(Shape):
    first = fields.Date(data_key="from", **given("The first day.", "2026-12-24"))
    last = fields.Date(data_key="to", **given("The last day.", "2026-12-26"))
    name = Words(**nullable("What people see as the reason.", "Christmas"))


class CalendarSchema(Shape):
    name = fields.String(**_NAME)
    days = fields.List(fields.Nested(DaySchema), data_key="dates", **given("Ranges of days."))
    changed = Moment(data_key="updateTime", **_CHANGED)
    uses = fields.Integer(data_key="schedules", **_USES)


class ListedCalendarSchema(Shape):
    name = fields.String(**_NAME)
    ranges = fields.Integer(**given("How many ranges of days it has.", 11))
    changed = Moment(data_key="updateTime", **_CHANGED)
    uses = fields.Integer(data_key="schedules", **_USES)


class CalendarsSchema(Shape):
    calendars = fields.List(fields.Nested(ListedCalendarSchema), attribute="items", data_key="calendars", **given("Calendars, by name."))
    next = next_page()


class DeletedCalendarSchema(Shape):
    message = Told(
        lambda done: f"Calendar {done['name']!r} deleted", str, **given("What happened, for people.", "Calendar 'holidays-de' deleted")
    )
    name = fields.String(**_NAME)
