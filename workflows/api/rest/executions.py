"""Endpoints of executions: starting one, and how one stands."""

from __future__ import annotations

from urllib.parse import quote

from workflows.api.bodies import RawBody
from workflows.api.rest.endpoints import Endpoint, Kind, Reply, Role
from workflows.api.schemas.executions import ExecutionStateSchema, StartedSchema
from workflows.runtime.state import ExecutionState
from workflows.service import Service


def execute(service: Service, definition_id: str, sent: bytes) -> Reply:
    execution_id = service.executions.start(definition_id, sent)
    return Reply({"execution_id": execution_id}, headers={"Location": f"/jobs/{quote(execution_id, safe='')}/state"})


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
            {202: StartedSchema},
            description="It executes the newest revision and stays on it. Once it is answered, no crash loses it.",
            body=RawBody("The input: an object; for a state machine any JSON. None means {}.", '{"name": "you"}', required=False),
            tells={"Location": "Where its state is found."},
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
    ),
)
