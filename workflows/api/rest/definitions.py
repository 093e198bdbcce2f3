"""Endpoints of job definitions."""

from __future__ import annotations

from workflows.api.bodies import RawBody
from workflows.api.rest.endpoints import Endpoint, Kind, Role
from workflows.api.schemas.definitions import RegisteredSchema
from workflows.runtime.catalogue import Registration
from workflows.service import Service

TASK_LIST = '{"id": "first", "tasks": [{"id": "say", "name": "Say it", "functionName": "echo", "maxRetry": 0}]}'


def register(service: Service, sent: bytes) -> Registration:
    return service.definitions.register(sent)


KIND = Kind(
    "definitions",
    "What may be executed: task lists, graphs and state machines, each in numbered revisions.",
    (
        Endpoint(
            register,
            "POST",
            "/job-definitions",
            "Registers a job definition, or its next revision.",
            {201: RegisteredSchema},
            description="The same document again, however it is written, is the same revision. One that is refused is told every problem.",
            body=RawBody("A task list, a graph, or a state machine in Amazon States Language.", TASK_LIST, form={"type": "object"}),
            role=Role.ADMIN,
        ),
    ),
)
