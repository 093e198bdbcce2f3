"""The shape of a job definition, once: what keys there are, of what kind, in what range, and what they mean.

Reading, the API description and the reference pages all come from these declarations, so each field carries its `description` and an
`example`. What one key demands of another place in the document (tasks that must exist, cycles) is in `tasklists.py`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from workflows.errors import Problem
from workflows.language.alerts import OnAlertShape
from workflows.language.hooks import Hooks
from workflows.language.ids import ID as JOB_ID
from workflows.language.ids import check_id
from workflows.language.input_schemas import check_schema
from workflows.language.schedules import Schedules
from workflows.language.shapes import (
    Choice,
    Condition,
    Flag,
    Keyed,
    Many,
    Object,
    Payload,
    Real,
    Shape,
    Strict,
    Text,
    Whole,
    load_members,
    shown,
)
from workflows.model import EXECUTORS, PRIORITIES, InputSchema, Rule, child_path

MAX_SECONDS = 31_622_400
"""366 days. Longer waits belong to a schedule."""

MAX_DELAY_SECONDS = 86_400.0
"""No retry waits longer, whatever `maxSeconds` says."""

MAX_TASKS = 10_000
MAX_RETRIES = 100
MAX_COUNT = 2**31 - 1
MAX_MULTIPLIER = 1_000

TASK_ID_CHARACTERS = 128


def about(description: str, example: Any) -> dict[str, Any]:
    return {"description": description, "example": example}


def _task_id(value: str) -> None:
    if len(value) > TASK_ID_CHARACTERS:
        raise ValidationError(f"a task id has at most {TASK_ID_CHARACTERS} characters")
    if any(unicodedata.category(character) == "Cc" for character in value):
        raise ValidationError("a task id holds no control characters")


class RetryDelayShape(Shape):
    """How long to wait before each retry."""

    type = Choice(
        ("exponential", "constant"),
        load_default="exponential",
        metadata=about("Whether each wait is `multiplier` times the one before, or all are the same.", "exponential"),
    )
    initial = Real(0, MAX_SECONDS, data_key="initialSeconds", load_default=1.0, metadata=about("Seconds before the first retry.", 1))
    multiplier = Real(1, MAX_MULTIPLIER, load_default=2.0, metadata=about("What each wait is multiplied by for the next one.", 2))
    maximum = Real(
        0,
        MAX_SECONDS,
        data_key="maxSeconds",
        load_default=MAX_DELAY_SECONDS,
        metadata=about("No wait is longer; nor than a day, whatever is said.", 3600),
    )
    jitter = Choice(
        ("none", "full"),
        load_default="none",
        metadata=about("`full` waits for a random part of the time, so that tasks that failed together do not retry together.", "full"),
    )

    @validates_schema(pass_original=True)
    def _constant_does_not_grow(self, loaded: Mapping[str, Any], original: Mapping[str, Any], **_: Any) -> None:
        if loaded["type"] == "constant" and "multiplier" in original:
            raise ValidationError([Problem("/multiplier", "a constant delay has no multiplier")])


class TaskShape(Shape):
    """One task: a function to call, when, with what, and what to do when it fails."""

    id = Text(
        required=True, validate=_task_id, metadata=about("Names the task within the job: any text without control characters.", "charge")
    )
    name = Text(metadata=about("What people see. The id if absent.", "Charge the card"))
    function = Text(data_key="functionName", required=True, metadata=about("The registered function to call.", "charge_card"))
    retries = Whole(
        0,
        MAX_RETRIES,
        data_key="maxRetry",
        load_default=0,
        metadata=about("How many times a failed attempt is tried again: 2 means three attempts at most.", 2),
    )
    delay = Object(
        RetryDelayShape,
        data_key="retryDelay",
        metadata=about(
            "How long to wait before a retry. If absent: 1, 2, 4, 8... seconds, at most a day.", {"type": "constant", "initialSeconds": 5}
        ),
    )
    retry_on = Many(
        Text(), data_key="retryOn", metadata=about("The error types to retry. If absent, all of them.", ["TimeoutError", "States.Timeout"])
    )
    do_not_retry_on = Many(
        Text(), data_key="doNotRetryOn", load_default=list, metadata=about("The error types never to retry.", ["ValueError"])
    )
    depends_on = Many(
        Text(),
        data_key="dependsOn",
        metadata=about("The tasks that must have ended first. If no task of a list says so, they run in the order of the list.", ["fetch"]),
    )
    rule = Choice(
        list(Rule),
        data_key="triggerRule",
        load_default=Rule.ALL_SUCCESSFUL.value,
        metadata=about("How the tasks it depends on must have ended for it to start; otherwise it is skipped.", "allSuccessful"),
    )
    when = Condition(
        metadata=about(
            "A choice rule as in the states language, over the same data as `parameters`; if it does not match, the task is skipped.",
            {"Variable": "$.input.total", "NumericGreaterThan": 100},
        )
    )
    parameters = Payload(
        metadata=about(
            "What the function is given: any JSON value but null, in which the value of a key ending in `.$` is a path into "
            '`{"input": ..., "results": {taskId: ...}}` or, starting with `$$`, into the context object, or a call of an '
            "intrinsic function. If absent: the input.",
            {"order.$": "$.input.orderId", "card.$": "$.results.fetch.card", "currency": "EUR"},
        )
    )
    timeout = Real(
        0,
        MAX_SECONDS,
        data_key="timeoutSeconds",
        metadata=about("How long one attempt may take, in seconds. If absent, as long as it likes.", 60),
    )
    heartbeat = Real(
        0,
        MAX_SECONDS,
        data_key="heartbeatSeconds",
        metadata=about("How long an attempt may be silent, in seconds. Less than `timeoutSeconds`.", 10),
    )
    on_interrupt = Choice(
        ("rerun", "fail"),
        data_key="onInterrupt",
        load_default="rerun",
        metadata=about("What becomes of an attempt that was under way when the server, or its worker process, died.", "rerun"),
    )
    executor = Choice(
        EXECUTORS,
        metadata=about(
            "Where it runs: in a worker process beside others (`shared`), in one by itself, which is killed when its time is up or it is "
            "cancelled (`isolated`), or in the server (`inline`: only functions made for that). If absent: where the function says, or "
            "else the server's settings.",
            "isolated",
        ),
    )
    continue_on_failure = Flag(
        data_key="continueOnFailure",
        load_default=False,
        metadata=about("Whether a failure of this task counts as done well, for the tasks after it and for the job.", True),
    )

    @validates_schema(skip_on_field_errors=False)
    def _heartbeat_within_timeout(self, loaded: Mapping[str, Any], **_: Any) -> None:
        timeout, heartbeat = loaded.get("timeout"), loaded.get("heartbeat")
        if timeout is not None and heartbeat is not None and heartbeat >= timeout:
            raise ValidationError([Problem("/heartbeatSeconds", "this must be less than timeoutSeconds")])


class Tasks(Many):
    """A list of tasks, or an object of them by id. Either way a list is given, in which each task has its id where it has a good one."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(Object(TaskShape), **kwargs)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> list[Any]:
        if not isinstance(value, (list, dict)):
            raise ValidationError(f"this must be a list of tasks, or an object of tasks by id, not {shown(value)}")
        if not 1 <= len(value) <= MAX_TASKS:
            raise ValidationError(f"a job has from 1 to {MAX_TASKS} tasks, not {len(value)}")
        members, problems = load_members(self.inner, enumerate(value) if isinstance(value, list) else _with_ids(value))
        loaded = [task for _, task in members]
        if isinstance(value, dict):
            problems += _other_ids(value)
        if problems:
            raise ValidationError(problems, valid_data=loaded)
        return loaded


def _with_ids(tasks: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(key, {"id": key} | task if isinstance(task, dict) else task) for key, task in tasks.items()]


def _other_ids(tasks: dict[str, Any]) -> list[Problem]:
    ids = [(key, task.get("id", key)) for key, task in tasks.items() if isinstance(task, dict)]
    return [
        Problem(f"{child_path('', key)}/id", "this must equal the task's key, or be left out", key)
        for key, given in ids
        if isinstance(given, str) and given != key
    ]


class JsonSchema(Strict, fields.Raw):
    """A JSON Schema, which is given as it is."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> InputSchema:
        problems = check_schema(value)
        if problems:
            raise ValidationError(problems)
        schema: InputSchema = value
        return schema


class JobShape(Shape):
    """A job: tasks, and what holds for all of them."""

    id = Text(
        required=True,
        validate=check_id,
        metadata=about("Names the job: letters, digits, `_`, `.` and `-`, at most 128.", "order-processing") | {"pattern": JOB_ID},
    )
    name = Text(metadata=about("What people see. The id if absent.", "Order processing"))
    description = Text(empty=True, load_default="", metadata=about("What the job is for.", "Charges the card and ships the order."))
    labels = Keyed(Text(empty=True), load_default=dict, metadata=about("Texts by name, to find jobs by.", {"team": "payments"}))
    tasks = Tasks(
        required=True,
        metadata=about("The tasks, 1 to 10,000: a list, or an object of tasks by id.", [{"id": "charge", "functionName": "charge_card"}]),
    )
    graph = Keyed(
        Many(Text()),
        empty_keys=True,
        metadata=about(
            "Where `tasks` is an object: the tasks that each task waits for, by its id. Tasks not named here wait for none.",
            {"ship": ["charge", "pack"]},
        ),
    )
    output = Payload(
        metadata=about(
            "What the execution gives: a template like `parameters`. If absent: the results, by id, of the tasks no task depends on.",
            {"receipt.$": "$.results.charge.receipt"},
        )
    )
    max_concurrency = Whole(
        1,
        MAX_COUNT,
        data_key="maxConcurrency",
        metadata=about("How many attempts of one execution may run at once. If absent, any number.", 4),
    )
    max_active_runs = Whole(
        1, MAX_COUNT, data_key="maxActiveRuns", metadata=about("How many executions of the job may run at once. If absent, any number.", 1)
    )
    priority = Whole(
        PRIORITIES[0],
        PRIORITIES[-1],
        load_default=0,
        metadata=about(
            "Whose turn it is among executions that wait to begin: higher goes first, and a minute of waiting counts as one.", 10
        ),
    )
    input_schema = JsonSchema(
        data_key="inputSchema",
        metadata=about(
            "A JSON Schema (2020-12) that inputs must fit, or nothing is started. References lead to places in it, as `#/$defs/name`.",
            {"type": "object", "required": ["orderId"], "properties": {"orderId": {"type": "integer"}}},
        ),
    )
    schedules = Schedules(metadata=about("When it is to run by itself.", [{"cron": "0 3 * * *", "timezone": "Europe/Berlin"}]))
    on_alert = Object(
        OnAlertShape,
        data_key="onAlert",
        metadata=about("Which alerts it hears: each starts an execution of it, with the alert as input.", {"kinds": ["failed", "late"]}),
    )
    hooks = Hooks(
        metadata=about(
            "Requests from outside that start it.", [{"name": "github-push", "secret": {"$secret": "GITHUB_HOOK"}, "signature": "github"}]
        )
    )
    timeout = Real(
        0,
        MAX_SECONDS,
        data_key="timeoutSeconds",
        metadata=about("How long an execution may take, in seconds, before it fails. If absent, as long as it likes.", 3600),
    )
