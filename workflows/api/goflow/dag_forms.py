"""What a job looks like as one of zbrookle/goflow's DAGs, and what a DAG that is sent becomes.

A DAG there is one command on a schedule. The conversion is the importer's (`workflows.importers.goflow`); back, everything is worked out
from the job's definition and its first schedule, so that any job has a true picture, whoever made it.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from workflows.api.schemas.dags import PHASES
from workflows.errors import Problem
from workflows.importers import goflow
from workflows.model import Task, TaskList
from workflows.numbers import loads
from workflows.runtime.state import ExecutionState
from workflows.runtime.summary import Summary
from workflows.runtime.tallies import Tally
from workflows.service.jobs import Job, due_at
from workflows.service.paging import PAGE_BYTES

Json = dict[str, Any]

PLACES: Mapping[str, str] = {
    "/tasks/0/parameters": "/Command",
    "/tasks/0/maxRetry": "/Retries",
    "/tasks/0/timeoutSeconds": "/TimeLimit",
    "/schedules/0/startDateTime": "/StartDateTime",
    "/schedules/0/endDateTime": "/EndDateTime",
    "/schedules/0": "/Schedule",
    "/maxActiveRuns": "/MaxActiveRuns",
    "/labels": "/Labels",
    "/id": "/Name",
    "/name": "/Name",
}
"""Where in a DAG stands what stands there in the definition that it becomes; the first that fits."""


def definition(dag: Mapping[str, Any]) -> tuple[bytes, list[str]]:
    """The document that the DAG becomes, and what is not taken over."""
    notes: list[str] = []
    made = goflow.definition(dag, lambda key, why: notes.append(f"{key} is not used: {why}"), set())
    return json.dumps({**made, "id": dag["Name"]}).encode(), notes


def whole(dag: Mapping[str, Any]) -> Json:
    """The DAG with what stands in for members that are missing or wrong, so that the others can be looked at."""
    given = {key: value for key, value in dag.items() if value not in (None, "")}
    return {"Name": "dag", "Schedule": "@daily", "Command": ["true"], **given}


def beside(found: Iterable[Problem], more: Iterable[Problem]) -> list[Problem]:
    """Those of `more` that are of other members than those that were found."""
    known = {problem.pointer.split("/")[1] for problem in found if problem.pointer}
    return [one for one in more if one.pointer[1:] not in known]


def placed(problem: Problem) -> Problem:
    """A problem of the definition, at its place in the DAG."""
    place = next((there for here, there in PLACES.items() if problem.pointer.startswith(here)), "")
    return replace(problem, pointer=place, line=None, column=None)


# ----------------------------------------------------------------------------------------------------------------- back


def config(job: Job) -> Json:
    found, spec = job.definition, loads(job.schedules[0].schedule) if job.schedules else {}
    tasks = tuple(found.tasks.values()) if isinstance(found, TaskList) else ()
    only = tasks[0] if len(tasks) == 1 else None
    retries = only.spec.retriers[0].attempts if only is not None and only.spec.retriers else 0
    limit = (only.spec.timeout if only is not None else None) or found.timeout
    return {
        "Name": found.id,
        "Namespace": "",
        "Schedule": _schedule(spec),
        "DockerImage": "",
        "RetryPolicy": "OnFailure" if retries else "Never",
        "Command": _command(job, only),
        "Parallelism": 1,
        "TimeLimit": None if limit is None else math.ceil(limit),
        "Retries": retries,
        "MaxActiveRuns": found.max_active_runs or 0,
        "StartDateTime": spec.get("startDateTime", ""),
        "EndDateTime": spec.get("endDateTime", ""),
        "Labels": dict(found.labels),
        "Annotations": {},
        "WithLogs": True,
    }


def dag(job: Job, tally: Tally, newest: tuple[Summary, ...]) -> Json:
    start, end = job.span
    return {
        "Config": config(job),
        "Code": job.document,
        "StartDateTime": start,
        "EndDateTime": end,
        "DAGRuns": runs(job, newest),
        "ActiveRuns": tally.active,
        "MostRecentExecution": due_at(newest[0]) if newest else None,
        "ID": zlib.crc32(job.definition.id.encode()),
        "IsOn": job.active,
        "LastUpdated": job.updated,
        "Successes": tally.completed,
        "Failures": tally.failed + tally.cancelled,
        "Counted": tally.counted,
    }


def runs(job: Job, found: tuple[Summary, ...]) -> list[Json]:
    shown = config(job)
    return [
        {
            "Name": _run_name(one),
            "Config": shown,
            "ExecutionDate": due_at(one),
            "StartTime": one.started,
            "EndTime": one.ended,
            "Status": PHASES[one.status],
            "ExecutionID": one.id,
        }
        for one in found
    ]


def fitting(job: Job) -> int:
    """How many runs a page takes: each tells what the DAG is, whose command may be long."""
    return max(1, PAGE_BYTES // len(json.dumps(config(job))))


def metrics(job: Job, found: tuple[ExecutionState, ...]) -> list[Json]:
    of_tasks = isinstance(job.definition, TaskList)
    return [
        {
            "ID": one.number,
            "DagName": one.definition,
            "PodName": _run_name(one),
            "Memory": None,
            "CPU": None,
            "MetricTime": one.ended,
            "Seconds": None if one.started is None or one.ended is None else round(one.ended - one.started, 3),
            "Attempts": sum(task.attempts for task in one.tasks) if of_tasks else None,
        }
        for one in found
    ]


def _schedule(spec: Mapping[str, Any]) -> str:
    """In its words: with seconds, always. A single moment cannot be said in them."""
    if "intervalSeconds" in spec:
        return f"@every {spec['intervalSeconds']}s"
    words = str(spec.get("cron", "")).split()
    return " ".join(["0", *words] if len(words) == 5 else words)


def _command(job: Job, only: Task | None) -> list[str]:
    """As it stands in the document; a template, which is another command in each run, is none."""
    if only is None or only.spec.function.removesuffix("Function") != "command":
        return []
    tasks = loads(job.document)["tasks"]
    [task] = tasks.values() if isinstance(tasks, dict) else tasks
    parameters = task.get("parameters")
    argv = parameters.get("argv") if isinstance(parameters, dict) else None
    return argv if isinstance(argv, list) and all(isinstance(word, str) for word in argv) else []


def _run_name(state: ExecutionState | Summary) -> str:
    """As a pod of it was called."""
    name = f"{state.definition}-{datetime.fromtimestamp(due_at(state), UTC):%Y-%m-%d %H:%M:%S} +0000 UTC"
    for part, instead in (("_", "-"), (":", "-"), (" ", ""), ("+", "plus")):
        name = name.replace(part, instead)
    return name.lower()
