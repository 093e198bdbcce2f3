"""Endpoints of alerts."""

from __future__ import annotations

from typing import Any

from workflows.api.bodies import JsonBody
from workflows.api.rest.endpoints import Endpoint, Kind, Role
from workflows.api.schemas.alerts import AlertSchema, AlertsQuery, AlertsSchema, TestAlertBody
from workflows.service import Service


def alerts(service: Service, query: dict[str, Any]) -> Any:
    return service.alerts.page(query["limit"], query["cursor"], query["kind"])


def test_alert(service: Service, sent: dict[str, Any]) -> Any:
    return service.alerts.test(sent.get("job"))


KIND = Kind(
    "alerts",
    "What went wrong, and who hears of it.",
    (
        Endpoint(
            alerts,
            "GET",
            "/alerts",
            "Lists alerts, the newest first.",
            {200: AlertsSchema},
            description="The latest thousand are kept, each with the executions that tell of it.",
            query=AlertsQuery,
        ),
        Endpoint(
            test_alert,
            "POST",
            "/alerts/test",
            "Raises an alert of the kind `test`.",
            {200: AlertSchema},
            description="All jobs that hear alerts hear it, whatever kinds they name, or only the one that is named. "
            "Their executions are started when this is answered.",
            errors=(404, 409),
            body=JsonBody(TestAlertBody, "Who is to hear it, if not all.", "{}", required=False),
            role=Role.OPERATOR,
        ),
    ),
)
