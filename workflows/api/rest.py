"""The REST face: each endpoint is one line of a table and one small view that translates between HTTP and the service.

Decides nothing. The table is also what `GET /` shows, so that whoever opens the server's address finds the way.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from urllib.parse import quote

from flask import Blueprint, Response, request

from workflows.api.answers import answer
from workflows.api.paths import shown_path
from workflows.api.schemas import (
    CancelledSchema,
    ExecutionStateSchema,
    HealthSchema,
    IndexSchema,
    RegisteredSchema,
    StartedSchema,
    SystemStateSchema,
)
from workflows.api.wire import body
from workflows.service import Service

REGISTERED, STARTED, CANCELLED = RegisteredSchema(), StartedSchema(), CancelledSchema()
STATE, SYSTEM, HEALTH, INDEX = ExecutionStateSchema(), SystemStateSchema(), HealthSchema(), IndexSchema()

TASK_LIST = '{"id": "first", "tasks": [{"id": "say", "name": "Say it", "functionName": "echo", "maxRetry": 0}]}'


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`view` is the name of a method of `Views`. `sample` is a path to try, `body` what to send there."""

    view: str
    method: str
    rule: str
    description: str
    sample: str = ""
    body: str = ""

    def shown(self, server: str) -> dict[str, str]:
        change = f" -X {self.method}" if self.method != "GET" else ""
        sent = f" -H 'Content-Type: application/json' -d '{self.body}'" if self.body else ""
        return {
            "name": self.view,
            "method": self.method,
            "path": shown_path(self.rule),
            "description": self.description,
            "example": f"curl{change} {server}{self.sample or self.rule}{sent}",
        }


ENDPOINTS = (
    Endpoint("index", "GET", "/", "Lists the endpoints."),
    Endpoint("register", "POST", "/job-definitions", "Registers a job definition, or its next revision.", body=TASK_LIST),
    Endpoint(
        "execute",
        "POST",
        "/jobs/<definition_id>/execute",
        "Starts an execution; the body is its input.",
        "/jobs/hello/execute",
        '{"name": "you"}',
    ),
    Endpoint("state", "GET", "/jobs/<execution_id>/state", "Tells how an execution stands.", "/jobs/EXECUTION_ID/state"),
    Endpoint("cancel", "POST", "/jobs/<execution_id>/cancel", "Cancels an execution.", "/jobs/EXECUTION_ID/cancel"),
    Endpoint("system", "GET", "/system/state", "Tells what runs, what waits and how much there was."),
    Endpoint("health", "GET", "/health", "Tells whether anything is wrong."),
)


def rest(service: Service) -> Blueprint:
    """The blueprint, to be registered at the root."""
    blueprint, views = Blueprint("rest", __name__), Views(service)
    for endpoint in ENDPOINTS:
        blueprint.add_url_rule(endpoint.rule, endpoint.view, getattr(views, endpoint.view), methods=[endpoint.method])
    return blueprint


class Views:
    """One method per endpoint. What the service raises is answered by `problems`."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def index(self) -> Response:
        server = request.host_url.rstrip("/")
        endpoints = [endpoint.shown(server) for endpoint in ENDPOINTS]
        return answer(INDEX, {"name": "stepwell", "version": version("stepwell"), "endpoints": endpoints})

    def register(self) -> Response:
        return answer(REGISTERED, self._service.definitions.register(body()), 201)

    def execute(self, definition_id: str) -> Response:
        execution_id = self._service.executions.start(definition_id, body()).id
        location = f"/jobs/{quote(execution_id, safe='')}/state"
        return answer(STARTED, {"execution_id": execution_id}, 202, {"Location": location})

    def state(self, execution_id: str) -> Response:
        return answer(STATE, self._service.executions.state(execution_id))

    def cancel(self, execution_id: str) -> Response:
        self._service.control.cancel(execution_id)
        return answer(CANCELLED, {"id": execution_id})

    def system(self) -> Response:
        return answer(SYSTEM, self._service.system.state())

    def health(self) -> Response:
        return answer(HEALTH, self._service.system.health())
