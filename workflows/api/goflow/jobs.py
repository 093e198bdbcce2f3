"""Endpoints of goflow's REST face, version 2: jobs and their executions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from workflows.api.bodies import RawBody
from workflows.api.goflow.pages import BOUNDED, onward
from workflows.api.rest.endpoints import Endpoint, Kind, Reply, Role
from workflows.api.schemas.goflow import (
    STATES,
    GoflowExecutionSchema,
    GoflowExecutionsQuery,
    GoflowExecutionsSchema,
    GoflowHealthSchema,
    GoflowJobSchema,
    GoflowJobsSchema,
    GoflowRunsSchema,
    GoflowSubmittedSchema,
    GoflowToggledSchema,
)
from workflows.core.dataflow import rfc3339
from workflows.errors import NotFound
from workflows.model import Definition, Status, TaskList
from workflows.numbers import loads
from workflows.runtime.state import ExecutionState
from workflows.service import Service
from workflows.service.filters import Filter
from workflows.service.paging import Page
from workflows.states import Choice, State, StateMachine, Working

NOTHING = {"job": "", "tasks": [], "dag": {}, "schedule": "", "active": False}
"""What an unknown job looks like."""


def goflow_health(service: Service) -> dict[str, str]:
    service.system.health()
    return {"health": "OK"}


def goflow_jobs(service: Service) -> dict[str, Any]:
    return {"jobs": service.jobs.names()}


def goflow_job(service: Service, job_name: str) -> Reply:
    try:
        job = service.jobs.get(job_name)
    except NotFound:
        return Reply(NOTHING, 404)
    schedule = ", ".join(written(one.schedule) for one in job.schedules)
    dag = graph(job.definition)
    return Reply({"job": job_name, "tasks": list(dag), "dag": dag, "schedule": schedule, "active": job.active})


def goflow_executions(service: Service, query: dict[str, Any]) -> Reply:
    page = _page(service, query)
    return Reply(page, headers=onward(page.next))


def goflow_execution(service: Service, execution_id: str) -> ExecutionState:
    return service.executions.state(execution_id)


def goflow_jobruns(service: Service, query: dict[str, Any]) -> Reply:
    page = _page(service, query)
    runs = [
        {
            "job": one.definition,
            "submitted": one.submitted,
            "state": {"job": STATES[one.status], "tasks": {"state": {task.id: STATES[task.status] for task in one.tasks}}},
        }
        for one in page.items
    ]
    return Reply({"jobruns": runs}, headers=onward(page.next))


def goflow_submit(service: Service, job_name: str, sent: bytes) -> Reply:
    try:
        begun = service.executions.start(job_name, sent)
    except NotFound:
        return Reply({"job": job_name, "success": False, "submitted": "", "id": ""}, 404)
    submitted = rfc3339(service.executions.submitted(begun.id))
    return Reply({"job": job_name, "success": True, "submitted": submitted, "id": begun.id})


def goflow_toggle(service: Service, job_name: str) -> Reply:
    try:
        active = service.schedules.toggle_job(job_name)
    except NotFound:
        return Reply({"job": job_name, "success": False, "active": False}, 404)
    return Reply({"job": job_name, "success": True, "active": active})


# -------------------------------------------------------------------------------------------------------------- forms


def written(schedule: str) -> str:
    """When a schedule is due, in goflow's words; `schedule` is its JSON text."""
    spec = loads(schedule)
    return str(spec.get("cron") or spec.get("at") or f"@every {spec['intervalSeconds']}s")


def graph(definition: Definition) -> dict[str, list[str]]:
    """Each task, in the definition's order, and those that wait for it; of a state machine, where each top-level state may lead."""
    if isinstance(definition, TaskList):
        return {name: list(definition.downstream.get(name, ())) for name in definition.tasks}
    assert isinstance(definition, StateMachine), "there is no third dialect"
    return {name: list(dict.fromkeys(_targets(state))) for name, state in definition.states.items()}


def _targets(state: State) -> Iterator[str]:
    if state.next is not None:
        yield state.next
    if isinstance(state, Choice):
        yield from (rule.next for rule in state.choices)
        yield from () if state.default is None else (state.default,)
    if isinstance(state, Working):
        yield from (catcher.next for catcher in state.catchers)


def _page(service: Service, query: dict[str, Any]) -> Page[ExecutionState]:
    meant = tuple(status for status in Status if STATES[status] == query["state"]) if query["state"] else None
    wanted = Filter(job=query["jobname"] or None, statuses=meant)
    return service.listing.states(wanted, query["limit"], query["cursor"])


KIND = Kind(
    "goflow",
    "For clients of goflow by fieldryand, version 2: its jobs and executions. Any registered definition is a job.",
    (
        Endpoint(
            goflow_health,
            "GET",
            "/api/health",
            "Says OK.",
            {200: GoflowHealthSchema},
            description="Without a key, as probes want it; while the server is stopping, 503. `GET /health` says what is wrong.",
            public=True,
        ),
        Endpoint(
            goflow_jobs,
            "GET",
            "/api/jobs",
            "Lists the names of all jobs.",
            {200: GoflowJobsSchema},
            description="In the order in which they were first registered.",
        ),
        Endpoint(
            goflow_job,
            "GET",
            "/api/jobs/<job_name>",
            "Shows a job.",
            {200: GoflowJobSchema, 404: GoflowJobSchema},
            description="An unknown one is 404, with the same members, empty.",
            sample="/api/jobs/hello",
        ),
        Endpoint(
            goflow_executions,
            "GET",
            "/api/executions",
            "Lists executions, the newest first.",
            {200: GoflowExecutionsSchema},
            description=BOUNDED,
            query=GoflowExecutionsQuery,
        ),
        Endpoint(
            goflow_execution,
            "GET",
            "/api/executions/<execution_id>",
            "Shows an execution.",
            {200: GoflowExecutionSchema},
            description="As lists have it; of a state machine, with all states that it has entered.",
            sample="/api/executions/EXECUTION_ID",
        ),
        Endpoint(
            goflow_jobruns,
            "GET",
            "/api/jobruns",
            "Lists executions in an older form.",
            {200: GoflowRunsSchema},
            description=f"The newest first, as `GET /api/executions` finds them. {BOUNDED}",
            query=GoflowExecutionsQuery,
        ),
        Endpoint(
            goflow_submit,
            "POST",
            "/api/jobs/<job_name>/submit",
            "Starts an execution of a job.",
            {200: GoflowSubmittedSchema, 404: GoflowSubmittedSchema},
            description="The body, if there is one, is its input. `POST /jobs/{id}/execute` takes ids, labels and idempotency keys, too.",
            body=RawBody("The input: an object; for a state machine any JSON. None means {}.", '{"name": "you"}', required=False),
            leads={"goflow_execution": {"executionId": "id"}},
            sample="/api/jobs/hello/submit",
            role=Role.OPERATOR,
        ),
        Endpoint(
            goflow_toggle,
            "POST",
            "/api/jobs/<job_name>/toggle",
            "Switches the schedules of a job on or off.",
            {200: GoflowToggledSchema, 404: GoflowToggledSchema},
            description="All on if any is off, else all off; that stays, through restarts. A job without schedules is a conflict.",
            errors=(409,),
            sample="/api/jobs/example-custom-operator/toggle",
            role=Role.OPERATOR,
        ),
    ),
)
