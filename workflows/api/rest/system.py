"""Endpoints of the server itself: what it is doing, and what an operator should know."""

from __future__ import annotations

from dataclasses import replace

from flask import Response, current_app, request

from workflows.api.access import present
from workflows.api.exposition import OPEN_METRICS, TEXT, exposition
from workflows.api.rest.endpoints import Endpoint, Kind
from workflows.api.schemas.system import HealthSchema, SystemStateSchema
from workflows.api.traffic import traffic
from workflows.service import Service
from workflows.service.system import Health, SystemState


def system(service: Service) -> SystemState:
    return service.system.state()


def health(service: Service) -> Health:
    found = service.system.health()
    return found if present() else replace(found, told=False)


def metrics(service: Service) -> Response:
    readings = [*service.metrics.read(), *traffic(current_app).read()]
    text, content_type = exposition(readings, request.accept_mimetypes)
    return Response(text, content_type=content_type)


_EXAMPLE = """\
# HELP stepwell_executions_started_total Executions that were submitted.
# TYPE stepwell_executions_started_total counter
stepwell_executions_started_total 812.0
"""
_OPEN_EXAMPLE = _EXAMPLE.replace("started_total E", "started E").replace("started_total c", "started c") + "# EOF\n"

KIND = Kind(
    "system",
    "The server: what it is doing, and whether all is well.",
    (
        Endpoint(
            system,
            "GET",
            "/system/state",
            "Tells what runs, what waits and how much there was.",
            {200: SystemStateSchema},
            description="It lists the newest 100 active and the oldest 100 queued executions; the counts are whole.",
        ),
        Endpoint(
            health,
            "GET",
            "/health",
            "Tells whether anything is wrong.",
            {200: HealthSchema},
            description="While the server is stopping, 503. It needs no key, like `/api/health`; who sends none where the "
            "others need one is told the status only.",
            public=True,
        ),
        Endpoint(
            metrics,
            "GET",
            "/metrics",
            "Tells how much there was and how long it took, for Prometheus.",
            {200: None},
            description="In its text format, or as OpenMetrics for who would rather have that (`Accept`). While the store cannot be read "
            "it tells what is known without.",
            media=TEXT,
            example=_EXAMPLE,
            also={OPEN_METRICS: _OPEN_EXAMPLE},
        ),
    ),
)
