"""Endpoints for looking through executions: which there are, and what happened in one."""

from __future__ import annotations

from typing import Any

from workflows.api.rest.endpoints import Endpoint, Kind
from workflows.api.schemas.filters import ExecutionsQuery
from workflows.api.schemas.listing import ExecutionsSchema, HistoryQuery, HistorySchema
from workflows.service import Service
from workflows.service.filters import Filter


def executions(service: Service, query: dict[str, Any]) -> Any:
    return service.listing.executions(Filter(**query["wanted"]), query["limit"], query["cursor"])


def history(service: Service, execution_id: str, query: dict[str, Any]) -> Any:
    return service.listing.history(execution_id, query["limit"], query["cursor"], query["reverse"])


KIND = Kind(
    "listing",
    "Looking through executions: which there are, and what happened in one.",
    (
        Endpoint(
            executions,
            "GET",
            "/executions",
            "Lists executions, the newest first.",
            {200: ExecutionsSchema},
            description="All that is asked for must hold. Labels and text are sought among so many executions per page: an answer may "
            "hold few or none of them and have a next page all the same. What is submitted meanwhile does not move the pages that follow.",
            query=ExecutionsQuery,
        ),
        Endpoint(
            history,
            "GET",
            "/jobs/<execution_id>/history",
            "Lists what happened in an execution.",
            {200: HistorySchema},
            description="Events as GetExecutionHistory of AWS Step Functions has them; of task lists, too, with names of our own where it "
            "has none.",
            query=HistoryQuery,
            sample="/jobs/EXECUTION_ID/history",
        ),
    ),
)
