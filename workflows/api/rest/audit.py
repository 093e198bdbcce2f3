"""The endpoint of the audit log."""

from __future__ import annotations

from typing import Any

from workflows.api.rest.endpoints import Endpoint, Kind, Role
from workflows.api.schemas.audit import AuditQuery, AuditSchema
from workflows.service import Service
from workflows.service.audit import AuditRecord
from workflows.service.paging import Page


def audit(service: Service, query: dict[str, Any]) -> Page[AuditRecord]:
    return service.audit.list(query["limit"], query["cursor"], query["since"], query["until"], query["who"])


KIND = Kind(
    "audit",
    "Who changed what, when and from where.",
    (
        Endpoint(
            audit,
            "GET",
            "/audit",
            "Lists the changes that anybody made, the newest first.",
            {200: AuditSchema},
            description="Each was written by the commit that made the change. With a filter that fits few, a page may hold fewer records "
            "than it could, even none; `next` leads on.",
            query=AuditQuery,
            role=Role.ADMIN,
        ),
    ),
)
