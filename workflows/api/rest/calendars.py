"""Endpoints of calendars."""

from __future__ import annotations

from typing import Any

from workflows.api.bodies import JsonBody
from workflows.api.rest.endpoints import Endpoint, Kind, Role
from workflows.api.schemas.calendars import CalendarSchema, CalendarsSchema, DeletedCalendarSchema
from workflows.api.schemas.queries import PageQuery
from workflows.language.calendars import CalendarShape
from workflows.service import Service

SAMPLE = '{"dates": [{"from": "2026-12-24", "to": "2026-12-26", "name": "Christmas"}]}'


def calendars(service: Service, query: dict[str, Any]) -> Any:
    return service.calendars.page(query["limit"], query["cursor"])


def calendar(service: Service, calendar_name: str) -> Any:
    return service.calendars.get(calendar_name)


def set_calendar(service: Service, calendar_name: str, sent: dict[str, Any]) -> Any:
    return service.calendars.put(calendar_name, sent["dates"])


def delete_calendar(service: Service, calendar_name: str) -> dict[str, str]:
    service.calendars.delete(calendar_name)
    return {"name": calendar_name}


KIND = Kind(
    "calendars",
    "Days on which schedules that name them in their `blackout` do not run.",
    (
        Endpoint(
            calendars,
            "GET",
            "/calendars",
            "Lists the calendars, by name.",
            {200: CalendarsSchema},
            description="Without their days.",
            query=PageQuery,
        ),
        Endpoint(
            calendar,
            "GET",
            "/calendars/<calendar_name>",
            "Shows a calendar.",
            {200: CalendarSchema},
            description="With all its days.",
            sample="/calendars/CALENDAR_NAME",
        ),
        Endpoint(
            set_calendar,
            "PUT",
            "/calendars/<calendar_name>",
            "Makes a calendar, or gives it other days.",
            {200: CalendarSchema},
            description="Schedules that name it go by these days from then on.",
            body=JsonBody(CalendarShape, "Its days.", SAMPLE),
            errors=(409,),
            leads={"calendar": {"calendarName": "name"}, "delete_calendar": {"calendarName": "name"}},
            sample="/calendars/holidays-de",
            role=Role.ADMIN,
        ),
        Endpoint(
            delete_calendar,
            "DELETE",
            "/calendars/<calendar_name>",
            "Deletes a calendar.",
            {200: DeletedCalendarSchema},
            description="It is a conflict while a schedule names it.",
            errors=(409,),
            sample="/calendars/CALENDAR_NAME",
            role=Role.ADMIN,
        ),
    ),
)
