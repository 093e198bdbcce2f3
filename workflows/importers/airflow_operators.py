"""One Airflow operator → one task of a job. Tables of what each argument comes to; what is in no table is noted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from workflows.importers.airflow_values import Duration, Named, Untold

Note = Callable[[str], None]

EMPTY = frozenset({"EmptyOperator", "DummyOperator"})
BASH, PYTHON = "BashOperator", "PythonOperator"
HTTP = frozenset({"HttpOperator", "SimpleHttpOperator"})

RULES = {
    "all_success": "allSuccessful",
    "all_done": "allDone",
    "all_failed": "allFailed",
    "one_success": "oneSuccessful",
    "one_failed": "oneFailed",
    "none_failed": "noneFailed",
    "none_skipped": "noneSkipped",
    "always": "always",
    "dummy": "always",
}

MAX_RETRIES = 100

_COMMON = frozenset(
    ["task_id", "retries", "retry_delay", "retry_exponential_backoff", "max_retry_delay", "execution_timeout", "trigger_rule", "dag"]
)
_FOR_PEOPLE = frozenset({"owner", "doc", "doc_md", "doc_json", "doc_yaml", "doc_rst", "task_display_name", "ui_color"})
"""Arguments that change nothing about what runs."""


def task(operator: str, task_id: str, given: Mapping[str, Any], note: Note) -> dict[str, Any]:
    """The task of a job. An operator that is not known becomes a task that fails and says so."""
    made: dict[str, Any] = {"id": task_id, **_work(operator, given, note)}
    if made["functionName"] != "fail":
        made |= _retrying(given, note)
    timeout = given.get("execution_timeout")
    if isinstance(timeout, Duration):
        made["timeoutSeconds"] = _whole(timeout.seconds)
    rule = given.get("trigger_rule")
    name = rule.name.rsplit(".", 1)[-1].lower() if isinstance(rule, Named) else rule
    if name in RULES:
        if RULES[name] != "allSuccessful":
            made["triggerRule"] = RULES[name]
    elif name is not None:
        note(f"the trigger rule {name!r} has no counterpart: all_success is used")
    for argument, found in given.items():
        if isinstance(found, Untold) and argument in _COMMON:
            note(f"{argument}={found} depends on running the file")
    return made


def _work(operator: str, given: Mapping[str, Any], note: Note) -> dict[str, Any]:
    if operator in EMPTY:
        _rest(given, (), note)
        return {"functionName": "echo"}
    if operator == BASH:
        return _bash(given, note)
    if operator == PYTHON:
        return _python(given, note)
    if operator in HTTP:
        return _http(given, note)
    note(f"{operator} is not supported: its task fails until it is replaced")
    return {"functionName": "fail", "parameters": {"message": f"{operator} of the Airflow file is not supported: replace this task"}}


def _bash(given: Mapping[str, Any], note: Note) -> dict[str, Any]:
    command = given.get("bash_command")
    if not isinstance(command, str):
        note(f"bash_command={command} depends on running the file: until it is written here, the task runs `exit 1`")
        command = "exit 1"
    _jinja("bash_command", command, note)
    parameters: dict[str, Any] = {"argv": ["/bin/bash", "-c", command]}
    if isinstance(given.get("env"), dict):
        parameters["env"] = {str(name): str(text) for name, text in given["env"].items()}
    if isinstance(given.get("cwd"), str):
        parameters["cwd"] = given["cwd"]
    _rest(given, ("bash_command", "env", "cwd", "append_env"), note)
    return {"functionName": "command", "parameters": parameters}


def _python(given: Mapping[str, Any], note: Note) -> dict[str, Any]:
    function = given.get("python_callable")
    name = function.name.rsplit(".", 1)[-1] if isinstance(function, Named) else "python_callable"
    note(f"register a task function {name!r}: it is given one object, not arguments")
    arguments = given.get("op_kwargs")
    positional = given.get("op_args")
    made: dict[str, Any] = {"functionName": name}
    if isinstance(arguments, dict) and arguments:
        made["parameters"] = _plain(arguments, "op_kwargs", note)
    if positional:
        note("op_args are not taken over: a task function is given one object; use op_kwargs")
    _rest(given, ("python_callable", "op_kwargs", "op_args"), note)
    return made


def _http(given: Mapping[str, Any], note: Note) -> dict[str, Any]:
    endpoint = given.get("endpoint") if isinstance(given.get("endpoint"), str) else ""
    _jinja("endpoint", str(endpoint), note)
    note(f"the connection {given.get('http_conn_id', 'http_default')!r} is unknown here: put the server into the task's url")
    parameters: dict[str, Any] = {"method": str(given.get("method", "POST")).upper(), "url": f"http://SERVER/{str(endpoint).lstrip('/')}"}
    if isinstance(given.get("headers"), dict):
        parameters["headers"] = _plain(given["headers"], "headers", note)
    data = given.get("data")
    if isinstance(data, str):
        parameters["body"] = data
    elif isinstance(data, dict):
        parameters["params" if parameters["method"] == "GET" else "json"] = _plain(data, "data", note)
    _rest(given, ("endpoint", "method", "headers", "data", "http_conn_id", "log_response"), note)
    return {"functionName": "http", "parameters": parameters}


def _retrying(given: Mapping[str, Any], note: Note) -> dict[str, Any]:
    retries, delay = given.get("retries"), given.get("retry_delay")
    if not isinstance(retries, int) or retries <= 0:
        return {}
    if retries > MAX_RETRIES:
        note(f"retries={retries}: a task has at most {MAX_RETRIES}")
    made: dict[str, Any] = {"maxRetry": min(retries, MAX_RETRIES)}
    seconds = delay.seconds if isinstance(delay, Duration) else delay if isinstance(delay, int | float) else 300.0
    exponential = given.get("retry_exponential_backoff") is True
    made["retryDelay"] = {"type": "exponential" if exponential else "constant", "initialSeconds": _whole(max(seconds, 0.001))}
    longest = given.get("max_retry_delay")
    if isinstance(longest, Duration):
        made["retryDelay"]["maxSeconds"] = _whole(longest.seconds)
    return made


def _rest(given: Mapping[str, Any], used: tuple[str, ...], note: Note) -> None:
    for argument, found in given.items():
        if argument in _COMMON or argument in _FOR_PEOPLE:
            continue
        if argument not in used:
            note(f"the argument {argument} is not taken over")
        elif isinstance(found, Untold):
            note(f"{argument}={found} depends on running the file")


def _plain(found: Mapping[Any, Any], argument: str, note: Note) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, each in found.items():
        if isinstance(each, Named | Untold | Duration):
            note(f"{argument}: {name!r} depends on running the file")
        else:
            if isinstance(each, str):
                _jinja(f"{argument}: {name!r}", each, note)
            made[str(name)] = each
    return made


def _jinja(place: str, text: str, note: Note) -> None:
    if "{{" in text or "{%" in text:
        note(f"{place} has a Jinja template, which is not filled in: {text[:80]!r}")


def _whole(seconds: float) -> float | int:
    return int(seconds) if seconds == int(seconds) else seconds
