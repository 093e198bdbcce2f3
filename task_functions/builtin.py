"""The functions every server has: `echo`, `sleep` and `fail`, which touch nothing outside, and those that do: `http`, `http.get`,
`http.post`, `command`, and `alert.webhook`, `alert.slack` and `alert.email`, by which alerts reach people. The first three are small and
quick and run in the server itself unless a task says otherwise; so do alerts, which must go out also where no worker can be started.

Data that makes no sense raises ValueError, which says what would. What touches something outside lives in files of its own, which are read
when it is first called: a worker that calls no server need not import `requests`.
"""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from time import sleep as pause
from typing import Any

from task_functions.context import Context
from task_functions.registry import task_function

SLEEP_LIMIT_SECONDS = 86_400
SLICE_SECONDS = 0.1
"""How soon a sleeping task notices that it was cancelled."""

DEFAULT_ERROR = "TaskFailed"


@task_function(executor="inline")
def echo(data: Any) -> Any:
    """Its data."""
    return data


@task_function(executor="inline")
def sleep(data: Any, ctx: Context) -> dict[str, float]:
    """`{"seconds": n}`, 0 to 86400: waits so long, answers `{"slept": n}`. A cancelled one stops early and says how long it slept."""
    seconds = data.get("seconds") if isinstance(data, Mapping) else None
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 <= seconds <= SLEEP_LIMIT_SECONDS:
        raise ValueError(f'sleep takes {{"seconds": n}} with n from 0 to {SLEEP_LIMIT_SECONDS}, not {data!r:.200}')
    begun = monotonic()
    while (left := begun + seconds - monotonic()) > 0:
        if ctx.cancelled:
            return {"slept": round(seconds - left, 3)}
        ctx.heartbeat()
        pause(min(left, SLICE_SECONDS))
    return {"slept": seconds}


@task_function(executor="inline")
def fail(data: Any, ctx: Context) -> Any:
    """Fails. `{"error": type, "message": text, "times": n}`, all optional: with `times` only the first n attempts do, then it echoes."""
    if not isinstance(data, Mapping):
        raise ValueError(f'fail takes {{"error": type, "message": text, "times": n}}, all optional, not {data!r:.200}')
    error, message, times = data.get("error", DEFAULT_ERROR), data.get("message", ""), data.get("times")
    if not isinstance(error, str) or not error:
        raise ValueError(f'fail: "error" is the name of an error type, not {error!r:.200}')
    if not isinstance(message, str):
        raise ValueError(f'fail: "message" is a text, not {message!r:.200}')
    if times is not None and (not isinstance(times, int) or isinstance(times, bool) or times < 0):
        raise ValueError(f'fail: "times" is a number of attempts, 0 or more, not {times!r:.200}')
    if times is not None and ctx.attempt > times:
        return data
    raise type(error, (Exception,), {"__module__": __name__})(message)


@task_function
def http(data: Any, ctx: Context) -> dict[str, Any]:
    """Calls a server: `{"method", "url", "headers", "params", "json" or "body", "timeout", "expected", "maxBytes", "followRedirects"}`, of
    which only `url` is needed; answers `{"status", "headers", "json" or "body"}`. See `http_call`."""
    from task_functions.http_call import call

    return call(data, ctx)


@task_function("http.get")
def http_get(data: Any, ctx: Context) -> dict[str, Any]:
    """`http` with the method GET, so without `method`, `json` and `body`."""
    from task_functions.http_call import call

    return call(data, ctx, "http.get")


@task_function("http.post")
def http_post(data: Any, ctx: Context) -> dict[str, Any]:
    """`http` with the method POST, so without `method`. What it sends is the same in every attempt."""
    from task_functions.http_call import call

    return call(data, ctx, "http.post")


@task_function
def command(data: Any, ctx: Context) -> dict[str, Any]:
    """Runs a program: `{"argv", "cwd", "env", "stdin", "timeout", "expected", "maxOutputBytes"}`, of which only `argv` is needed; answers
    `{"exitCode", "stdout", "stderr", "truncated", "seconds"}`. See `command`."""
    from task_functions.command import call

    return call(data, ctx)


@task_function("alert.webhook", executor="inline")
def alert_webhook(data: Any, ctx: Context) -> dict[str, Any]:
    """Sends an event, signed: `{"url", "secret", "event", "headers", "timeoutSeconds"}`; answers `{"id", "status"}`. See `alert_hooks`."""
    from task_functions.alert_hooks import webhook

    return webhook(data, ctx)


@task_function("alert.slack", executor="inline")
def alert_slack(data: Any, ctx: Context) -> dict[str, Any]:
    """Posts a text to a chat: `{"url", "event", "text", "timeoutSeconds"}`; answers `{"id", "status"}`. See `alert_hooks`."""
    from task_functions.alert_hooks import slack

    return slack(data, ctx)


@task_function("alert.email", executor="inline")
def alert_email(data: Any, ctx: Context) -> dict[str, Any]:
    """Sends a mail: `{"host", "port", "tls", "username", "password", "from", "to", "event", "subject", "timeoutSeconds"}`; answers
    `{"id", "messageId", "accepted", "refused"}`. See `alert_email`."""
    from task_functions.alert_email import email

    return email(data, ctx)
