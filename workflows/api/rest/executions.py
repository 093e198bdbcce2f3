"""Endpoints of executions: starting one, and how one stands."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from workflows.api.bodies import JsonBody, RawBody
from workflows.api.rest.endpoints import Endpoint, Kind, Reply, Role
from workflows.api.schemas.executions import (
    ExecuteHeaders,
    ExecuteQuery,
    ExecutionStateSchema,
    PrioritySchema,
    PriorityShape,
    StartedSchema,
)
from workflows.runtime.state import ExecutionState
from workflows.service import Service
from workflows.service.starting import Options


def execute(service: Service, definition_id: str, query: dict[str, Any], headers: dict[str, Any], sent: bytes) -> Reply:
    begun = service.executions.start(definition_id, sent, Options(**query, **headers))
    told = {"Location": f"/jobs/{quote(begun.id, safe='')}/state", "Idempotency-Replayed": str(begun.repeated).lower()}
    if begun.state is not None:
        return Reply(begun.state, 200, told)
    return Reply({"execution_id": begun.id}, headers=told)


def priority(service: Service, execution_id: str, sent: dict[str, int]) -> dict[str, Any]:
    service.executions.prioritize(execution_id, sent["priority"])
    return {"id": execution_id, **sent}


def state(service: Service, execution_id: str) -> ExecutionState:
    return service.executions.state(execution_id)


KIND = Kind(
    "executions",
    "Runs of a definition's revision, each with its input.",
    (
        Endpoint(
            execute,
            "POST",
            "/jobs/<definition_id>/execute",
            "Starts an execution; the body is its input.",
            {202: StartedSchema, 200: ExecutionStateSchema},
            description="It executes the newest revision, or the one that is asked for, and stays on it. Once it is answered, no crash "
            "loses it. With an execution id or an idempotency key it may be sent again and again, and starts one execution.",
            query=ExecuteQuery,
            headers=ExecuteHeaders,
            errors=(409,),
            body=RawBody("The input: an object; for a state machine any JSON. None means {}.", '{"name": "you"}', required=False),
            tells={
                "Location": "Where its state is found.",
                "Idempotency-Replayed": "Whether it had been started before, by the same request: true or false.",
            },
            leads={
                name: {"executionId": "executionID"} for name in ("state", "history", "cancel", "pause", "resume", "redrive", "priority")
            },
            sample="/jobs/hello/execute",
            role=Role.OPERATOR,
        ),
        Endpoint(
            state,
            "GET",
            "/jobs/<execution_id>/state",
            "Tells how an execution stands.",
            {200: ExecutionStateSchema},
            description="As of the latest commit: status, times, input, output, error, and the same of each task.",
            sample="/jobs/EXECUTION_ID/state",
        ),
        Endpoint(
            priority,
            "PUT",
            "/jobs/<execution_id>/priority",
            "Gives a queued execution another priority.",
            {200: PrioritySchema},
            description="Higher goes first. Whoever waits gains one step a minute. An execution that has begun is a conflict.",
            body=JsonBody(PriorityShape, "The priority, from -1000 to 1000.", '{"priority": 10}'),
            errors=(409,),
            sample="/jobs/EXECUTION_ID/priority",
            role=Role.OPERATOR,
        ),
    ),
)
