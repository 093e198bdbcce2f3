"""The function of the example `retry-catch-showcase`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from task_functions.call_log import logged
from task_functions.context import Context
from task_functions.registry import task_function


@task_function("showcaseFlaky")
@logged
def flaky(data: Any, ctx: Context) -> dict[str, Any]:
    """`{"errors": [type, ...]}`: the nth attempt fails with the nth of these; after them `{"attempts": n}`."""
    errors = data.get("errors") if isinstance(data, Mapping) else None
    if not isinstance(errors, list) or not all(isinstance(name, str) and name for name in errors):
        raise ValueError(f'expected {{"errors": [type, ...]}}, each a text, not {data!r:.200}')
    if ctx.attempt <= len(errors):
        raise type(errors[ctx.attempt - 1], (Exception,), {"__module__": __name__})(f"attempt {ctx.attempt} fails on purpose")
    return {"attempts": ctx.attempt}
