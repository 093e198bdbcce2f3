"""A line for each beginning and each end of a function, so that somebody outside can count what really ran, whatever the server says.

Off unless the environment variable STEPWELL_CALL_LOG names a file. Each line is one `write` to a file opened for appending, which
the system keeps whole among processes, and which stays when the process is killed. A beginning without an end is a killed attempt.
`key` tells the items of a Map apart, which have one state's name.
"""

from __future__ import annotations

import functools
import json
import os
import time
from collections.abc import Callable
from typing import Any, TypeVar

from task_functions.context import Context

VARIABLE = "STEPWELL_CALL_LOG"

Result = TypeVar("Result")


def logged(function: Callable[[Any, Context], Result]) -> Callable[[Any, Context], Result]:
    """Log the calls of `fn(data, ctx)`. An end is logged for failures too."""

    @functools.wraps(function)
    def call(data: Any, ctx: Context) -> Result:
        path = os.environ.get(VARIABLE)
        if not path:
            return function(data, ctx)
        _write(path, "begin", ctx)
        try:
            return function(data, ctx)
        finally:
            _write(path, "end", ctx)

    return call


def _write(path: str, event: str, ctx: Context) -> None:
    line = {
        "event": event,
        "time": time.time(),
        "execution": ctx.execution_id,
        "task": ctx.task_id,
        "attempt": ctx.attempt,
        "key": ctx.idempotency_key,
        "pid": os.getpid(),
    }
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, json.dumps(line).encode() + b"\n")
    finally:
        os.close(descriptor)
