"""Endpoints for stopping executions and letting them go on."""

from __future__ import annotations

from workflows.api.rest.endpoints import Endpoint, Kind, Role
from workflows.api.schemas.control import CancelledSchema
from workflows.service import Service


def cancel(service: Service, execution_id: str) -> dict[str, str]:
    service.control.cancel(execution_id)
    return {"id": execution_id}


KIND = Kind(
    "control",
    "Stopping executions and letting them go on.",
    (
        Endpoint(
            cancel,
            "POST",
            "/jobs/<execution_id>/cancel",
            "Cancels an execution.",
            {200: CancelledSchema},
            description="One that is cancelled already stays so; one that has ended otherwise is a conflict.",
            errors=(409,),
            sample="/jobs/EXECUTION_ID/cancel",
            role=Role.OPERATOR,
        ),
    ),
)
