"""Endpoints of the server itself: what it is doing, and what an operator should know."""

from __future__ import annotations

from dataclasses import replace

from workflows.api.access import present
from workflows.api.rest.endpoints import Endpoint, Kind
from workflows.api.schemas.system import HealthSchema, SystemStateSchema
from workflows.service import Service
from workflows.service.system import Health, SystemState


def system(service: Service) -> SystemState:
    return service.system.state()


def health(service: Service) -> Health:
    found = service.system.health()
    return found if present() else replace(found, told=False)


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
    ),
)
