"""What a Task state calls, and how its history tells of it (ASL.md sections C and T, W.13 and W.14).

Three kinds of resource, one way to run: a registered function gets a JSON text and gives one back or fails. They differ in the names and
details of their history events, and in what the optimised Lambda integration wraps around arguments and result.
"""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import formatdate
from typing import Any

from workflows.core import arns
from workflows.core.asl_flow import Datum, Flow, too_large
from workflows.core.dialect import Moment
from workflows.core.evolve import replace
from workflows.core.expressions import ExpressionFailure
from workflows.core.machine import Machine
from workflows.model import DATA_LIMIT_EXCEEDED, RUNTIME, Error, Frame, TaskSpec, exceeds
from workflows.numbers import dumps
from workflows.states import ABSENT, PAYLOAD_BYTES, Task, function_name

LATEST = "$LATEST"
MAX_SECONDS = 99_999_999


def attempt(m: Machine, flow: Flow, frame: Frame, task: Task) -> None:
    """Ready the next attempt, with what the state's data say it is to be. Raises ExpressionFailure."""
    data = flow.input()
    arguments = flow.filled(task.parameters, data, "Parameters")
    limits = {
        "timeout": _seconds(flow, task.timeout, data, "TimeoutSecondsPath"),
        "heartbeat": _seconds(flow, task.heartbeat, data, "HeartbeatSecondsPath"),
    }
    call: dict[str, Any] = {name: value for name, value in limits.items() if value is not None}
    payload = arguments
    if task.resource.kind == "lambda:invoke":
        payload, called = _invocation(flow, task, arguments)
        call |= called
    details = _scheduled(task, arguments, call)
    if task.credentials is not ABSENT:
        role = flow.filled(task.credentials, data, "Credentials").value.get("RoleArn")
        details["taskCredentials"] = {} if role is None else {"roleArn": role}
    m.attempt(replace(frame, call=call), payload.keep(task.name), **details)


def spec(task: Task, call: Mapping[str, Any]) -> TaskSpec:
    """`call`: what the data told about the attempt, on its frame."""
    return TaskSpec(
        function=call.get("function", task.resource.name),
        retriers=task.retriers,
        timeout=call.get("timeout"),
        heartbeat=call.get("heartbeat"),
        secrets=task.secrets,
    )


def note(m: Machine, frame: Frame, task: Task, moment: Moment, details: Mapping[str, Any]) -> int:
    """`Dialect.note`. A retry shows as another Scheduled and has no event of its own; nor has an attempt that goes on after the server's
    death, beyond the TaskInterrupted that tells of it."""
    if moment is Moment.RETRIED or (moment is Moment.STARTED and frame.taken):
        return frame.last
    shown = {} if task.resource.kind == "lambda" else _resource(task)
    hidden = {"attempt", "worker", "cause" if moment is Moment.TIMED_OUT else ""}
    shown |= {name: value for name, value in details.items() if name not in hidden}
    prefix = "LambdaFunction" if task.resource.kind == "lambda" else "Task"
    return m.note(frame.last, f"{prefix}{moment}", **shown)


def report(m: Machine, frame: Frame, task: Task, report: str | Error) -> str | Error:
    """`Dialect.report`: the result as the resource gives it, or the error with a cause that tells of it as Lambda does."""
    if isinstance(report, Error):
        return replace(report, message=_cause(m, report))
    result = _wrapped(m, frame, report) if task.resource.kind == "lambda:invoke" else report
    if exceeds(result, PAYLOAD_BYTES):
        return Error(DATA_LIMIT_EXCEEDED, too_large(task.resource.arn))
    return result


def _seconds(flow: Flow, source: Any, data: Datum, field: str) -> int | None:
    seconds = flow.number(source, data, field)
    if seconds is None and source is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not 0 < seconds <= MAX_SECONDS:
        shown = seconds if isinstance(seconds, str) else dumps(seconds)
        raise ExpressionFailure(RUNTIME, f"The {field} parameter must reference a positive integer: {source.text} == {shown}")
    return seconds


def _invocation(flow: Flow, task: Task, arguments: Datum) -> tuple[Datum, dict[str, Any]]:
    """Payload, and what the frame is to remember: the function, where only the arguments name it, and the version that is asked for."""
    given = arguments.value
    name = given.get("FunctionName") if isinstance(given, dict) else None
    if not isinstance(name, str) or not name:
        raise ExpressionFailure(RUNTIME, "The field 'FunctionName' is required and must be a STRING")
    function, qualifier = function_name(name)
    version = given.get("Qualifier", qualifier) or LATEST
    call: dict[str, Any] = {} if version == LATEST else {"version": version}
    if function != task.resource.name:
        call["function"] = function
    return flow.made(given.get("Payload", {})), call


def _resource(task: Task) -> dict[str, Any]:
    kind, _, action = task.resource.kind.partition(":")
    return {"resourceType": kind, "resource": action or task.resource.name}


def _scheduled(task: Task, arguments: Datum, call: Mapping[str, Any]) -> dict[str, Any]:
    details: dict[str, Any] = {}
    if task.resource.kind == "lambda":
        details |= {"resource": task.resource.arn, "input": arguments.keep(task.name)}
    else:
        details |= {"region": arns.REGION, "parameters": arguments.keep(task.name)}
    if "timeout" in call:
        details["timeoutInSeconds"] = call["timeout"]
    if "heartbeat" in call and task.resource.kind != "lambda":
        details["heartbeatInSeconds"] = call["heartbeat"]
    return details


def _cause(m: Machine, error: Error) -> str:
    """The response Lambda gives for a function that raised, as JSON text."""
    told: dict[str, Any] = {"errorMessage": error.message, "errorType": error.type, "requestId": _uuid(m)}
    return dumps(told | {"stackTrace": frames_of(error.traceback)})


def frames_of(traceback: str) -> list[str]:
    """The stack frames of a Python traceback's text, outermost first, each with its source line."""
    frames: list[str] = []
    for line in traceback.splitlines():
        if line.startswith('  File "'):
            frames.append(f"{line}\n")
        elif line.startswith("    ") and frames:
            frames[-1] += f"{line}\n"
    return frames


def _wrapped(m: Machine, frame: Frame, payload: str) -> str:
    """The result of lambda:invoke around the function's own, which stays as it was written."""
    version, request = frame.call.get("version", LATEST), _uuid(m)
    headers = {
        "X-Amz-Executed-Version": version,
        "x-amzn-Remapped-Content-Length": "0",
        "Connection": "keep-alive",
        "x-amzn-RequestId": request,
        "Content-Length": str(len(payload.encode("utf-8", "surrogatepass"))),
        "Date": formatdate(m.at, usegmt=True),
        "Content-Type": "application/json",
    }
    http = {"AllHttpHeaders": {name: [value] for name, value in headers.items()}, "HttpHeaders": headers, "HttpStatusCode": 200}
    rest = dumps({"SdkHttpMetadata": http, "SdkResponseMetadata": {"RequestId": request}, "StatusCode": 200})
    return f'{{"ExecutedVersion":{dumps(version)},"Payload":{payload},{rest[1:]}'


def _uuid(m: Machine) -> str:
    digits = "".join(f"{int(m.random() * 2**32):08x}" for _ in range(4))
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"
