"""Endpoints for stopping executions and letting them go on, one by one and in bulk."""

from __future__ import annotations

from workflows.api.bodies import JsonBody
from workflows.api.rest.endpoints import Endpoint, Kind, Role
from workflows.api.schemas.control import BulkSchema, BulkShape, ControlledSchema, RedriveShape, Sent
from workflows.service import Service
from workflows.service.control import Action, Bulk, Controlled
from workflows.service.filters import Filter

BULK = JsonBody(
    BulkShape, "Which executions, and whether only to look.", '{"filter": {"job": "hello", "status": "FAILED"}, "preview": true}'
)


def cancel(service: Service, execution_id: str) -> Controlled:
    return service.control.cancel(execution_id)


def pause(service: Service, execution_id: str) -> Controlled:
    return service.control.pause(execution_id)


def resume(service: Service, execution_id: str) -> Controlled:
    return service.control.resume(execution_id)


def redrive(service: Service, execution_id: str, sent: Sent) -> Controlled:
    text = sent.get("input")
    return service.control.redrive(execution_id, sent.get("revision"), None if text is None else text.encode())


def cancel_all(service: Service, sent: Sent) -> Bulk:
    return _bulk(service, Action.CANCEL, sent)


def pause_all(service: Service, sent: Sent) -> Bulk:
    return _bulk(service, Action.PAUSE, sent)


def resume_all(service: Service, sent: Sent) -> Bulk:
    return _bulk(service, Action.RESUME, sent)


def redrive_all(service: Service, sent: Sent) -> Bulk:
    return _bulk(service, Action.REDRIVE, sent)


def _bulk(service: Service, action: Action, sent: Sent) -> Bulk:
    return service.control.bulk(action, Filter(**sent["filter"]), preview=sent["preview"])


_EACH = (
    "Those for which there is nothing to do are counted and left. Each stands for itself: a refusal is told, and stops none of the others."
)

KIND = Kind(
    "control",
    "Stopping executions and letting them go on.",
    (
        Endpoint(
            cancel,
            "POST",
            "/jobs/<execution_id>/cancel",
            "Cancels an execution.",
            {200: ControlledSchema},
            description="One that is cancelled already stays so; one that has ended otherwise is a conflict.",
            errors=(409,),
            sample="/jobs/EXECUTION_ID/cancel",
            role=Role.OPERATOR,
        ),
        Endpoint(
            pause,
            "POST",
            "/jobs/<execution_id>/pause",
            "Pauses an execution: what runs finishes, nothing starts.",
            {200: ControlledSchema},
            description="Moments and time-outs that come meanwhile take effect when it is resumed, but for the execution's own time-out. "
            "One that is paused already stays so; one that has ended is a conflict.",
            errors=(409,),
            sample="/jobs/EXECUTION_ID/pause",
            role=Role.OPERATOR,
        ),
        Endpoint(
            resume,
            "POST",
            "/jobs/<execution_id>/resume",
            "Lets a paused execution go on.",
            {200: ControlledSchema},
            description="One that is not paused stays so; one that has ended is a conflict.",
            errors=(409,),
            sample="/jobs/EXECUTION_ID/resume",
            role=Role.OPERATOR,
        ),
        Endpoint(
            redrive,
            "POST",
            "/jobs/<execution_id>/redrive",
            "Lets an execution that failed or was cancelled go on from there.",
            {202: ControlledSchema},
            description="What has succeeded keeps its result and never runs again. Another revision must fit what is finished; where it "
            "does not, the conflict lists the differences.",
            body=JsonBody(RedriveShape, "Another revision or input, if there is to be one.", '{"revision": 2}', required=False),
            errors=(409,),
            sample="/jobs/EXECUTION_ID/redrive",
            role=Role.OPERATOR,
        ),
        *(
            Endpoint(
                view,
                "POST",
                f"/executions/{action}",
                f"{does} all executions that a filter means and that can be, or tells which they are.",
                {200: BulkSchema},
                description=_EACH,
                body=BULK,
                role=Role.OPERATOR,
            )
            for view, action, does in (
                (cancel_all, Action.CANCEL, "Cancels"),
                (pause_all, Action.PAUSE, "Pauses"),
                (resume_all, Action.RESUME, "Resumes"),
                (redrive_all, Action.REDRIVE, "Redrives"),
            )
        ),
    ),
)
