"""Endpoints of hooks: which there are, and the one that requests from outside are sent to."""

from __future__ import annotations

from typing import Any

from flask import request

from workflows.api.bodies import RawBody
from workflows.api.rest.endpoints import Endpoint, Kind
from workflows.api.schemas.hooks import HooksSchema, ReceivedSchema
from workflows.api.schemas.queries import PageQuery
from workflows.service import Service


def hooks(service: Service, query: dict[str, Any]) -> Any:
    return service.hooks.page(query["limit"], query["cursor"])


def send_hook(service: Service, hook_name: str, sent: bytes) -> Any:
    return service.hooks.receive(hook_name, {name.lower(): value for name, value in request.headers.items()}, sent)


KIND = Kind(
    "hooks",
    "Requests from outside that start jobs.",
    (
        Endpoint(
            hooks,
            "GET",
            "/hooks",
            "Lists the hooks, by name.",
            {200: HooksSchema},
            description="They are made, changed and deleted with their definitions.",
            query=PageQuery,
        ),
        Endpoint(
            send_hook,
            "POST",
            "/hooks/<hook_name>",
            "Starts the job of a hook; the body is the event.",
            {202: ReceivedSchema},
            description="It needs no key: the request is signed, as the hook says. An event that is sent again finds the execution that it "
            "has started.",
            errors=(409,),
            body=RawBody("The event: any JSON, as it was signed.", '{"action": "opened"}'),
            leads={name: {"executionId": "executionID"} for name in ("state", "history")},
            sample="/hooks/HOOK_NAME",
            signed=True,
        ),
    ),
)
