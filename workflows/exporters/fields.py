"""A task's own settings as fields of a Task state: what it calls, with what, how long, how often again."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from workflows.expressions import Field, Intrinsic, Path, Template
from workflows.model import ALL, DATA_LIMIT_EXCEEDED, Retrier, Task

Tell = Callable[[str], None]
"""Hears what is not carried over."""

_ALIKE = ("input", "results")


def written(template: Template) -> Any:
    """The JSON value that a parsed template was read from."""
    if isinstance(template, dict):
        return {(f"{key}.$" if isinstance(value, Field) else key): written(value) for key, value in template.items()}
    if isinstance(template, list):
        return [written(value) for value in template]
    return template.expression.text if isinstance(template, Field) else template


def paths(template: Template) -> Iterator[Path]:
    if isinstance(template, Path):
        yield template
    elif isinstance(template, Field):
        yield from paths(template.expression)
    elif isinstance(template, Intrinsic):
        for argument in template.arguments:
            yield from paths(argument)
    elif isinstance(template, dict | list):
        for value in template.values() if isinstance(template, dict) else template:
            yield from paths(value)


def check_paths(template: Template, tell: Tell) -> None:
    """Tell of paths that find something else in a state machine."""
    for path in paths(template):
        if path.root == "$$" and (not path.steps or path.steps[0] == "StateMachine" or path.steps in (("Execution",), ("Execution", "Id"))):
            tell(f"{path.text} finds the ids of a state machine and its execution, which are ARNs")
        elif path.root == "$" and (not path.steps or path.steps == ("results",)):
            tell(f"{path.text} finds what the state machine has at that moment, which may be other members than in the job")


def settings(task: Task, tell: Tell) -> dict[str, Any]:
    """Resource, Parameters or InputPath, limits and Retry."""
    spec = task.spec
    fields: dict[str, Any] = {"Type": "Task"}
    if task.name != task.id:
        fields["Comment"] = task.name
    fields["Resource"] = spec.function
    if task.parameters is None:
        fields["InputPath"] = "$.input"
    else:
        fields["Parameters"] = written(task.parameters)
        check_paths(task.parameters, tell)
        if not isinstance(task.parameters, dict):
            tell("its parameters are no object: other servers of the states language take only objects")
    fields |= _limits(task, tell)
    if retriers := [one for retrier in spec.retriers for one in _retriers(retrier, tell)]:
        fields["Retry"] = retriers
    if spec.executor is not None:
        tell(f"executor {spec.executor!r} is not carried over: the function's own or the server's decides")
    if spec.fail_on_interrupt:
        tell("onInterrupt 'fail' is not carried over: an attempt that was under way when the server died runs again")
    return fields


def _limits(task: Task, tell: Tell) -> dict[str, int]:
    timeout = _whole("timeoutSeconds", task.spec.timeout, tell)
    heartbeat = _whole("heartbeatSeconds", task.spec.heartbeat, tell)
    if timeout is not None and heartbeat is not None and heartbeat >= timeout:
        timeout = heartbeat + 1
        tell(f"timeoutSeconds becomes {timeout}, because it has to be more than heartbeatSeconds")
    found = {"TimeoutSeconds": timeout, "HeartbeatSeconds": heartbeat}
    return {key: value for key, value in found.items() if value is not None}


def whole(seconds: float) -> int:
    return max(1, math.ceil(seconds))


def _whole(key: str, seconds: float | None, tell: Tell) -> int | None:
    if seconds is None:
        return None
    if whole(seconds) != seconds:
        tell(f"{key} {seconds:g} becomes {whole(seconds)}: the states language has whole seconds, at least one")
    return whole(seconds)


def _retriers(retrier: Retrier, tell: Tell) -> Iterator[dict[str, Any]]:
    """What is excluded is a retrier before it, with no attempts: the first that matches decides."""
    if not retrier.errors:
        return
    if retrier.excluded:
        yield {"ErrorEquals": _names("doNotRetryOn", retrier.excluded, tell), "MaxAttempts": 0}
    delay = retrier.delay
    interval, multiplier = _interval(min(delay.initial, delay.maximum), tell), delay.multiplier
    made: dict[str, Any] = {"ErrorEquals": _names("retryOn", retrier.errors, tell), "IntervalSeconds": interval}
    made["MaxAttempts"] = retrier.attempts
    longest = whole(delay.maximum)
    if longest <= interval:
        multiplier = 1.0
    elif delay.initial and math.log(delay.maximum / delay.initial) < (retrier.attempts - 1) * math.log(multiplier):
        made["MaxDelaySeconds"] = longest
        if longest != delay.maximum:
            tell(f"maxSeconds {delay.maximum:g} becomes {longest}")
    if delay.initial == 0.0:
        multiplier = 1.0
    made["BackoffRate"] = int(multiplier) if multiplier.is_integer() else multiplier
    if delay.jitter:
        made["JitterStrategy"] = "FULL"
    yield made


def _interval(seconds: float, tell: Tell) -> int:
    if whole(seconds) != seconds:
        tell(f"a retry after {seconds:g} seconds becomes one after {whole(seconds)}: the states language has whole seconds, at least one")
    return whole(seconds)


def _names(key: str, errors: tuple[str, ...], tell: Tell) -> list[str]:
    """States.ALL has to stand alone; it means the others, too, but for one."""
    if ALL not in errors:
        return list(errors)
    if DATA_LIMIT_EXCEEDED in errors:
        tell(f"{DATA_LIMIT_EXCEEDED} in {key} is not carried over: {ALL} must stand alone, and does not mean it")
    return [ALL]
