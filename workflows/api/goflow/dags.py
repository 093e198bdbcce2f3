"""Endpoints of goflow's other REST face (zbrookle's): DAGs, which are one command on a schedule, and their runs."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

from flask import Response

from workflows.api.bodies import CheckedBody, Sent
from workflows.api.goflow import dag_forms
from workflows.api.goflow.pages import BOUNDED, LINKED, onward
from workflows.api.problems import problem
from workflows.api.rest.endpoints import Endpoint, Kind, Reply, Role
from workflows.api.schemas.base import ListOf, Plain
from workflows.api.schemas.dags import NAME, DagMetricSchema, DagRunSchema, DagSchema, DagShape
from workflows.api.schemas.queries import PageQuery
from workflows.errors import Conflict, Invalid, NotFound, Problem
from workflows.model import Status
from workflows.service import Service
from workflows.service.filters import Filter
from workflows.service.jobs import Job

SHOWN = 20
"""Runs that a DAG is shown with."""

ENDS = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)
PLAIN_TEXT = "text/plain"
WRITTEN = "DAG write success"
MISSING = "There is no DAG with given name"
NOT_FOUND = "DAG not found!"
THERE = "DAG with given name already present"
PATTERN = "^[[:alpha:]][a-zA-Z0-9_-]+$"
MISNAMED = f'DAG name must match the pattern "{PATTERN}"'

EXAMPLE = '{"Name": "nightly-report", "Schedule": "0 30 3 * *", "Command": ["/opt/report", "--all"], "StartDateTime": "2100-01-01"}'


def dags(service: Service, query: dict[str, Any]) -> Reply:
    page = service.jobs.page(query["limit"], query["cursor"])
    return Reply([_dag(service, job) for job in page.items], headers=onward(page.next))


def dag(service: Service, dag_name: str) -> Reply | dict[str, Any]:
    try:
        return _dag(service, service.jobs.get(dag_name))
    except NotFound:
        return Reply(MISSING, 404)


def dag_runs(service: Service, dag_name: str, query: dict[str, Any]) -> Reply:
    try:
        job = service.jobs.get(dag_name)
    except NotFound:
        return Reply(MISSING, 404)
    limit = min(query["limit"], dag_forms.fitting(job))
    page = service.listing.executions(Filter(job=dag_name), limit, query["cursor"], errors=False)
    return Reply(dag_forms.runs(job, page.items), headers=onward(page.next))


def dag_metrics(service: Service, dag_name: str, query: dict[str, Any]) -> Reply:
    try:
        job = service.jobs.get(dag_name)
    except NotFound:
        return Reply(MISSING, 400)
    page = service.listing.states(Filter(job=dag_name, statuses=ENDS), query["limit"], query["cursor"])
    return Reply(dag_forms.metrics(job, page.items), headers=onward(page.next))


def add_dag(service: Service, sent: Sent) -> Response:
    misnamed = [] if re.fullmatch(NAME.strip("^$"), sent.loaded.get("Name", "")) else [Problem("/Name", MISNAMED)]
    if sent.problems:
        found = [*sent.problems, *dag_forms.beside(sent.problems, misnamed)]
        more = service.definitions.problems(dag_forms.definition(dag_forms.whole(sent.loaded))[0])
        raise sent.refused([*found, *dag_forms.beside(found, map(dag_forms.placed, more))])
    if misnamed:
        return problem(HTTPStatus.BAD_REQUEST, MISNAMED)
    document, notes = dag_forms.definition(sent.loaded)
    try:
        done = service.definitions.register(document, only_new=True)
    except Invalid as error:
        raise sent.refused(map(dag_forms.placed, error.problems)) from None
    except Conflict as error:
        raise Conflict(f"{THERE}. A new revision of a job is registered with POST /job-definitions") from error
    notes += [one.message for one in done.warnings]
    return Response("\n".join([WRITTEN, *(f"Warning: {note}" for note in notes)]) + "\n", 200, content_type=f"{PLAIN_TEXT}; charset=utf-8")


def toggle_dag(service: Service, dag_name: str) -> Reply | bool:
    try:
        return service.schedules.toggle_job(dag_name)
    except NotFound:
        return Reply(NOT_FOUND, 404)


def _dag(service: Service, job: Job) -> dict[str, Any]:
    id = job.definition.id
    newest = service.listing.executions(Filter(job=id), min(SHOWN, dag_forms.fitting(job)), errors=False)
    return dag_forms.dag(job, service.jobs.tally(id), newest.items)


def _refusal(words: str) -> Plain:
    return Plain({"type": "string"}, words)


KIND = Kind(
    "goflow DAGs",
    "For clients of goflow by zbrookle: DAGs and their runs. Any registered definition is a DAG.",
    (
        Endpoint(
            dags,
            "GET",
            "/dags",
            "Lists DAGs, by name.",
            {200: ListOf(DagSchema)},
            description=f"Each with its newest {SHOWN} runs. {LINKED}",
            query=PageQuery,
        ),
        Endpoint(
            dag,
            "GET",
            "/dag/<dag_name>",
            "Shows a DAG.",
            {200: DagSchema, 404: _refusal(MISSING)},
            description=f"With its newest {SHOWN} runs.",
            sample="/dag/hello",
        ),
        Endpoint(
            dag_runs,
            "GET",
            "/dag/<dag_name>/runs",
            "Lists the runs of a DAG, the newest first.",
            {200: ListOf(DagRunSchema), 404: _refusal(MISSING)},
            description=BOUNDED,
            query=PageQuery,
            sample="/dag/hello/runs",
        ),
        Endpoint(
            dag_metrics,
            "GET",
            "/dag/<dag_name>/metrics",
            "Tells what is known of runs that have ended, the newest first.",
            {200: ListOf(DagMetricSchema), 400: _refusal(MISSING)},
            description=f"How long each took and how many attempts; memory and CPU are not measured. {BOUNDED}",
            query=PageQuery,
            sample="/dag/hello/metrics",
        ),
        Endpoint(
            add_dag,
            "POST",
            "/dag",
            "Makes a job of a DAG: one command on a schedule.",
            {200: None},
            description="The answer's first line says that it is done, each further one what is not used or looks wrong. A name that "
            "another job has is a conflict; the same DAG again changes nothing. A name that cannot be is 400.",
            body=CheckedBody(DagShape, "The DAG.", EXAMPLE),
            errors=(409,),
            media=PLAIN_TEXT,
            example=f"{WRITTEN}\n",
            role=Role.ADMIN,
        ),
        Endpoint(
            toggle_dag,
            "PUT",
            "/dag/<dag_name>/toggle",
            "Switches the schedules of a DAG on or off.",
            {200: Plain({"type": "boolean"}, True), 404: _refusal(NOT_FOUND)},
            description="The answer is whether they are on: all on if any was off, else all off. That stays, through restarts. A job "
            "without schedules is a conflict.",
            errors=(409,),
            sample="/dag/example-custom-operator/toggle",
            role=Role.OPERATOR,
        ),
    ),
)
