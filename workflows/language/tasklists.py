"""Task lists and DAGs: a JSON document in, a frozen TaskList out, or every problem it has.

First the shape (`schemas.py`), then what keys demand of each other (`checks.py`). The second works with whatever the first could make
sense of, so that one answer lists the problems of both. Nothing here runs a job or knows more of a function than its name.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from marshmallow import ValidationError

from workflows.errors import Invalid, Problem
from workflows.language.alerts import on_alert_of
from workflows.language.checks import Draft
from workflows.language.findings import Cautions, Known, no_caution
from workflows.language.hooks import hook_problems, hook_warnings, hooks_of
from workflows.language.schedule_findings import job_findings
from workflows.language.schedules import schedule_problems, schedules_of
from workflows.language.schemas import MAX_DELAY_SECONDS, JobShape
from workflows.language.secrets import references
from workflows.language.shapes import to_problems
from workflows.model import ALL, Delay, Retrier, Rule, Task, TaskList, TaskSpec

_JOB = JobShape()


def read(
    document: object,
    *,
    functions: Known | None,
    function_names: Iterable[str] = (),
    inline: Known | None = None,
    cautions: Cautions = no_caution,
    secrets: Known | None = None,
    now: float | None = None,
    revision: int = 1,
) -> TaskList:
    """The job that `document` (a JSON value) defines, or Invalid with all its problems, the warnings after the errors.

    `functions` and `secrets` say whether there is a function, a secret of that name (None: not asked); `function_names` are those to
    suggest; `inline` says whether a function may run in the server itself (None: not asked); `cautions` become its `warnings`;
    `now`: when it is registered (None: it was before).
    """
    if not isinstance(document, dict):
        raise Invalid([Problem("", "a job must be an object")])
    job, problems = _loaded(document)
    draft = Draft(document, job)
    if functions is not None:
        draft.check_functions(functions, function_names)
    if inline is not None:
        draft.check_executors(inline)
    draft.caution(cautions, secrets)
    draft.warnings += hook_warnings(job, secrets)
    problems += [*draft.problems, *schedule_problems(job), *hook_problems(job)]
    for one in job_findings(job, problems, objects=True, now=now) if now is not None else ():
        (draft.warnings if one.severity == "warning" else problems).append(one)
    if problems:
        raise Invalid([*problems, *draft.warnings])
    return _compiled(draft, revision)


def _loaded(document: dict[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    try:
        return _JOB.load(document), []
    except ValidationError as error:
        return error.valid_data, to_problems(error.messages)  # type: ignore[return-value]


def _compiled(draft: Draft, revision: int) -> TaskList:
    job = draft.job
    tasks: dict[str, Task] = {}
    downstream: dict[str, list[str]] = {entry.loaded["id"]: [] for entry in draft.entries}
    for number, entry in enumerate(draft.entries):
        task = _task(entry.loaded, draft.upstream(number))
        tasks[task.id] = task
        for other in task.depends_on:
            downstream[other].append(task.id)
    return TaskList(
        id=job["id"],
        revision=revision,
        name=job.get("name", job["id"]),
        description=job["description"],
        labels=job["labels"],
        timeout=job.get("timeout"),
        max_concurrency=job.get("max_concurrency"),
        max_active_runs=job.get("max_active_runs"),
        priority=job["priority"],
        input_schema=job.get("input_schema"),
        schedules=schedules_of(job),
        on_alert=on_alert_of(job),
        hooks=hooks_of(job),
        warnings=tuple(draft.warnings),
        tasks=tasks,
        downstream={upstream: tuple(ids) for upstream, ids in downstream.items()},
        output=job.get("output"),
    )


def _task(loaded: dict[str, Any], upstream: tuple[str, ...]) -> Task:
    spec = TaskSpec(
        function=loaded["function"],
        retriers=_retriers(loaded),
        timeout=loaded.get("timeout"),
        heartbeat=loaded.get("heartbeat"),
        fail_on_interrupt=loaded["on_interrupt"] == "fail",
        secrets=references(loaded.get("parameters")),
        executor=loaded.get("executor"),
    )
    return Task(
        id=loaded["id"],
        name=loaded.get("name", loaded["id"]),
        spec=spec,
        depends_on=upstream,
        rule=Rule(loaded["rule"]),
        when=loaded.get("when"),
        parameters=loaded.get("parameters"),
        continue_on_failure=loaded["continue_on_failure"],
    )


def _retriers(loaded: dict[str, Any]) -> tuple[Retrier, ...]:
    if not loaded["retries"]:
        return ()
    errors, excluded = loaded.get("retry_on", (ALL,)), loaded["do_not_retry_on"]
    delay = _delay(loaded["delay"]) if "delay" in loaded else Delay()
    return (Retrier(loaded["retries"], delay, tuple(errors), tuple(excluded)),)


def _delay(loaded: dict[str, Any]) -> Delay:
    return Delay(
        initial=loaded["initial"],
        multiplier=1.0 if loaded["type"] == "constant" else loaded["multiplier"],
        maximum=min(loaded["maximum"], MAX_DELAY_SECONDS),
        jitter=loaded["jitter"] == "full",
    )
