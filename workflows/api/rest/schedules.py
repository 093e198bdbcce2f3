"""Endpoints of schedules."""

from __future__ import annotations

from typing import Any

from workflows.api.bodies import JsonBody, RawBody
from workflows.api.rest.endpoints import Endpoint, Kind, Role
from workflows.api.schemas.queries import PageQuery
from workflows.api.schemas.schedules import (
    ComingQuery,
    ComingSchema,
    DeletedScheduleSchema,
    OccurrencesSchema,
    ScheduleSchema,
    SchedulesQuery,
    SchedulesSchema,
    ToggleBody,
)
from workflows.service import Service

NEW = '{"job": "hello", "id": "hourly", "cron": "@hourly"}'
PREVIEWED = '{"cron": "0 30 2 * * *", "timezone": "Europe/Berlin"}'
CHANGED = '{"cron": "*/30 * * * *", "overlap": "skip"}'


def schedules(service: Service, query: dict[str, Any]) -> Any:
    return service.schedules.page(query["limit"], query["cursor"], query["job"])


def schedule(service: Service, schedule_id: str) -> Any:
    return service.schedules.get(schedule_id)


def add_schedule(service: Service, sent: bytes) -> Any:
    return service.schedules.add(sent)


def change_schedule(service: Service, schedule_id: str, sent: bytes) -> Any:
    return service.schedules.change(schedule_id, sent)


def delete_schedule(service: Service, schedule_id: str) -> dict[str, str]:
    service.schedules.delete(schedule_id)
    return {"id": schedule_id}


def toggle_schedule(service: Service, schedule_id: str, sent: dict[str, Any]) -> Any:
    return service.schedules.toggle(schedule_id, sent["active"])


def occurrences(service: Service, schedule_id: str, query: dict[str, Any]) -> Any:
    return service.schedules.occurrences(schedule_id, query["limit"], query["cursor"])


def coming(service: Service, schedule_id: str, query: dict[str, Any]) -> dict[str, Any]:
    return {"occurrences": service.schedules.coming(schedule_id, query["count"])}


def preview_schedule(service: Service, query: dict[str, Any], sent: bytes) -> dict[str, Any]:
    return {"occurrences": service.schedules.foretell(sent, query["count"])}


KIND = Kind(
    "schedules",
    "When jobs run by themselves.",
    (
        Endpoint(
            schedules,
            "GET",
            "/schedules",
            "Lists schedules, by id.",
            {200: SchedulesSchema},
            description="Of all jobs, or of one.",
            query=SchedulesQuery,
        ),
        Endpoint(
            schedule,
            "GET",
            "/schedules/<schedule_id>",
            "Shows a schedule.",
            {200: ScheduleSchema},
            description="As it was written, with its switch, when it is due next and what waits in its queue.",
            sample="/schedules/SCHEDULE_ID",
        ),
        Endpoint(
            add_schedule,
            "POST",
            "/schedules",
            "Makes a schedule for a job, apart from its definition.",
            {201: ScheduleSchema},
            description="The body is a schedule as in a definition, and `job`. "
            "It stays when the job is registered again, and is deleted with it.",
            errors=(404, 409),
            body=RawBody("A schedule, and the id of its job.", NEW, form={"type": "object"}),
            leads={"schedule": {"scheduleId": "id"}, "toggle_schedule": {"scheduleId": "id"}, "delete_schedule": {"scheduleId": "id"}},
            role=Role.ADMIN,
        ),
        Endpoint(
            change_schedule,
            "PUT",
            "/schedules/<schedule_id>",
            "Puts another schedule in the place of one.",
            {200: ScheduleSchema},
            description="Its switch and its occurrences stay. One of a definition is so until the definition has another revision.",
            body=RawBody("A schedule.", CHANGED, form={"type": "object"}),
            sample="/schedules/SCHEDULE_ID",
            role=Role.ADMIN,
        ),
        Endpoint(
            delete_schedule,
            "DELETE",
            "/schedules/<schedule_id>",
            "Deletes a schedule.",
            {200: DeletedScheduleSchema},
            description="With what is known of its occurrences. Its executions stay.",
            sample="/schedules/SCHEDULE_ID",
            role=Role.ADMIN,
        ),
        Endpoint(
            toggle_schedule,
            "POST",
            "/schedules/<schedule_id>/toggle",
            "Switches a schedule on or off.",
            {200: ScheduleSchema},
            description="That stays, through restarts and when the job is registered again. What comes while it is off is not made up for.",
            body=JsonBody(ToggleBody, "Whether it is to be on.", '{"active": false}'),
            sample="/schedules/SCHEDULE_ID/toggle",
            role=Role.OPERATOR,
        ),
        Endpoint(
            occurrences,
            "GET",
            "/schedules/<schedule_id>/occurrences",
            "Lists what became of the occurrences of a schedule, the newest first.",
            {200: OccurrencesSchema},
            description="The latest thousand are kept.",
            query=PageQuery,
            sample="/schedules/SCHEDULE_ID/occurrences",
        ),
        Endpoint(
            coming,
            "GET",
            "/schedules/<schedule_id>/next",
            "Tells the next occurrences of a schedule.",
            {200: ComingSchema},
            description="With a note where the clock skips or repeats that time, and where a blackout keeps it from running.",
            query=ComingQuery,
            sample="/schedules/SCHEDULE_ID/next",
        ),
        Endpoint(
            preview_schedule,
            "POST",
            "/schedule-preview",
            "Tells the next occurrences of a schedule that is not there.",
            {200: ComingSchema},
            description="The body is a schedule, as for `POST /schedules`; nothing is stored.",
            query=ComingQuery,
            body=RawBody("A schedule.", PREVIEWED, form={"type": "object"}),
            role=Role.OPERATOR,
        ),
    ),
)
