"""The endpoint of live events."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
from flask import Response

from workflows.api.event_stream import EVENT_STREAM, event_stream
from workflows.api.rest.endpoints import Endpoint, Kind
from workflows.api.schemas.base import example_of
from workflows.api.schemas.goflow import GoflowExecutionSchema
from workflows.api.schemas.stream import RECENT, StreamedExecutionSchema, StreamHeaders, StreamQuery
from workflows.runtime.state import ExecutionState
from workflows.service import Service
from workflows.service.streams import Watch

_SCHEMA, _GOFLOW = StreamedExecutionSchema(), GoflowExecutionSchema()


def streamed(state: ExecutionState) -> bytes:
    """An execution in the form of this face."""
    return orjson.dumps(_SCHEMA.dump(state))


def as_goflow(state: ExecutionState) -> bytes:
    """An execution in the form that goflow, version 2, sends."""
    return orjson.dumps(_GOFLOW.dump(state))


def stream(service: Service, query: dict[str, Any], headers: dict[str, Any]) -> Response:
    asked = Watch(query["job"], query["execution"], query["kinds"], headers.get("since", query["since"]), query["replay"])
    form = streamed
    if "jobname" in query:
        asked, form = replace(asked, job=query["jobname"] or None, recent=RECENT), as_goflow
    return event_stream(lambda gone: service.streams.open(asked, form, gone))


KIND = Kind(
    "stream",
    "Live events.",
    (
        Endpoint(
            stream,
            "GET",
            "/stream",
            "Sends what changes, as it changes, until the client leaves.",
            {200: None},
            description="Server-sent events. Each `message` holds one execution, without payloads, as it stood after a commit that changed "
            "it; of one that changes often only the latest state, ten times a second at most, and always its end. After the id of an "
            "event a stream goes on without a gap, also when the server was restarted; `reset` says that this is no longer known.",
            query=StreamQuery,
            headers=StreamHeaders,
            errors=(404,),
            media=EVENT_STREAM,
            example=f"event: message\nid: 0:812\ndata: {orjson.dumps(example_of(_SCHEMA)).decode()}\n\n",
        ),
    ),
)
