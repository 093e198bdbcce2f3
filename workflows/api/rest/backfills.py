"""Endpoints of backfills."""

from __future__ import annotations

from typing import Any

from workflows.api.bodies import JsonBody
from workflows.api.rest.endpoints import Endpoint, Kind, Reply, Role
from workflows.api.schemas.backfills import BackfillBody, BackfillPreviewSchema, BackfillSchema, BackfillsSchema
from workflows.service import Service

EXAMPLE = '{"from": "2026-11-01T00:00:00", "to": "2026-11-07T23:59:59", "preview": true}'


def start_backfill(service: Service, schedule_id: str, sent: dict[str, Any]) -> Any:
    window = (schedule_id, sent["first"], sent["last"])
    if sent["preview"]:
        return Reply(service.backfills.preview(*window), 200)
    return service.backfills.begin(*window, sent["concurrency"])


def backfills(service: Service, schedule_id: str) -> dict[str, Any]:
    return {"backfills": service.backfills.of(schedule_id)}


def backfill(service: Service, schedule_id: str, backfill_id: str) -> Any:
    return service.backfills.get(schedule_id, backfill_id)


def cancel_backfill(service: Service, schedule_id: str, backfill_id: str) -> Any:
    return service.backfills.cancel(schedule_id, backfill_id)


_LED = {"scheduleId": "scheduleId", "backfillId": "id"}

KIND = Kind(
    "backfills",
    "Making up for occurrences that have no execution.",
    (
        Endpoint(
            start_backfill,
            "POST",
            "/schedules/<schedule_id>/backfill",
            "Starts the missing occurrences of a schedule between two moments.",
            {202: BackfillSchema, 200: BackfillPreviewSchema},
            description="Both ends belong to it, and it does not matter whether the schedule is switched on. With `preview` it only tells "
            "what it would start. At most 10,000 may be missing; one backfill of a schedule runs at a time.",
            errors=(409,),
            body=JsonBody(BackfillBody, "From when to when, and how many at once.", EXAMPLE),
            leads={"backfill": _LED, "cancel_backfill": _LED},
            sample="/schedules/SCHEDULE_ID/backfill",
            role=Role.OPERATOR,
        ),
        Endpoint(
            backfills,
            "GET",
            "/schedules/<schedule_id>/backfills",
            "Lists the backfills of a schedule, the newest first.",
            {200: BackfillsSchema},
            description="The latest fifty are kept.",
            sample="/schedules/SCHEDULE_ID/backfills",
        ),
        Endpoint(
            backfill,
            "GET",
            "/schedules/<schedule_id>/backfills/<backfill_id>",
            "Tells how far a backfill has come.",
            {200: BackfillSchema},
            description="`occurrences` is `started`, `found`, `skipped` and `left` together. `GET /executions` with "
            "`label=stepwell.backfill:backfill-1` lists what it has started.",
            sample="/schedules/SCHEDULE_ID/backfills/BACKFILL_ID",
        ),
        Endpoint(
            cancel_backfill,
            "POST",
            "/schedules/<schedule_id>/backfills/<backfill_id>/cancel",
            "Lets a backfill start no more.",
            {200: BackfillSchema},
            description="What it has started goes on. Refused for one that is through.",
            errors=(409,),
            sample="/schedules/SCHEDULE_ID/backfills/BACKFILL_ID/cancel",
            role=Role.OPERATOR,
        ),
    ),
)
