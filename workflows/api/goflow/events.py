"""Endpoints of goflow's live events, version 3. Those of version 2 are a form of `GET /stream`."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Response

from workflows.api.event_stream import EVENT_STREAM, event_stream
from workflows.api.rest.endpoints import Endpoint, Kind
from workflows.api.schemas.base import example_of
from workflows.api.schemas.goflow import GoflowEventSchema, GoflowEventsQuery
from workflows.api.schemas.stream import RECENT, StreamHeaders
from workflows.runtime.state import ExecutionState
from workflows.service import Service
from workflows.service.streams import Watch

_SCHEMA = GoflowEventSchema()


def event(state: ExecutionState) -> bytes:
    """An execution in the form of version 3."""
    return orjson.dumps(_SCHEMA.dump(state))


def goflow_events(service: Service, query: dict[str, Any], headers: dict[str, Any]) -> Response:
    return _events(service, None, query, headers)


def goflow_job_events(service: Service, job_name: str, query: dict[str, Any], headers: dict[str, Any]) -> Response:
    return _events(service, job_name, query, headers)


def _events(service: Service, job: str | None, query: dict[str, Any], headers: dict[str, Any]) -> Response:
    asked = Watch(job, since=headers.get("since", query["since"]), recent=RECENT, short=True)
    return event_stream(lambda gone: service.streams.open(asked, event, gone))


_ABOUT = (
    f"Server-sent events. It begins with the newest {RECENT} executions, then sends each `message` as `GET /stream` does, and goes on "
    "without a gap after the id of an event. A result beyond 2 KiB is left out."
)
_EXAMPLE = f"event: message\nid: 0:812\ndata: {orjson.dumps(example_of(_SCHEMA)).decode()}\n\n"

KIND = Kind(
    "goflow events",
    "For clients of goflow by fieldryand, version 3: executions as they change, with what each task came to.",
    (
        Endpoint(
            goflow_events,
            "GET",
            "/events",
            "Sends executions as they change.",
            {200: None},
            description=_ABOUT,
            query=GoflowEventsQuery,
            headers=StreamHeaders,
            media=EVENT_STREAM,
            example=_EXAMPLE,
        ),
        Endpoint(
            goflow_job_events,
            "GET",
            "/events/<job_name>",
            "Sends executions of a job as they change.",
            {200: None},
            description=_ABOUT,
            query=GoflowEventsQuery,
            headers=StreamHeaders,
            sample="/events/hello",
            media=EVENT_STREAM,
            example=_EXAMPLE,
        ),
    ),
)
