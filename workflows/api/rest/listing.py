"""Endpoints for looking through executions: which there are, and what happened in one."""

from __future__ import annotations

from typing import Any

from workflows.api.rest.endpoints import Endpoint, Kind
from workflows.api.schemas.filters import ExecutionsQuery
from workflows.api.schemas.listing import ExecutionsSchema, HistoryQuery, HistorySchema, LogsQuery, LogsSchema
from workflows.service import Service
from workflows.service.filters import Filter


def executions(service: Service, query: dict[str, Any]) -> Any:
    return service.listing.executions(Filter(**query["wanted"]), query["limit"], query["cursor"])


def history(service: Service, execution_id: str, query: dict[str, Any]) -> Any:
    return service.listing.history(execution_id, query["limit"], query["cursor"], query["reverse"])


def logs(service: Service, execution_id: str, query: dict[str, Any]) -> Any:
    return service.listing.logs(execution_id, query["limit"], query["cursor"], query["task"], query["attempt"])


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
        Endpoint(
            logs,
            "GET",
            "/jobs/<execution_id>/logs",
            "Lists what the attempts of an execution printed and logged.",
            {200: LogsSchema},
            description="One entry per attempt that said anything, in the order in which they were issued. Where a task or an attempt is "
            "asked for, so many are looked through per page: an answer may hold none and have a next page all the same.",
            query=LogsQuery,
            sample="/jobs/EXECUTION_ID/logs",
        ),
    ),
)
