"""Functions for the process tests: each writes down when it begins and ends."""

from __future__ import annotations

import threading
from typing import Any

from task_functions import Context, task_function
from task_functions.call_log import logged


class Stumbled(Exception):
    """A failure that is meant."""


@task_function("work")
@logged
def work(data: dict[str, Any], ctx: Context) -> dict[str, Any]:
    """Take `ms` milliseconds; fail the attempts up to `stumbles`."""
    threading.Event().wait(data.get("ms", 5) / 1000)
    if ctx.attempt <= data.get("stumbles", 0):
        raise Stumbled(f"attempt {ctx.attempt}")
    return {"task": ctx.task_id, "attempt": ctx.attempt, "upstream": sorted(ctx.results)}
