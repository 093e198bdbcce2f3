"""A context to call functions with."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from task_functions import Context


@dataclass
class FakeContext:
    """`cancel_after` heartbeats the attempt counts as cancelled. `secret` is what it was given."""

    task_id: str = "task"
    attempt: int = 1
    results: Mapping[str, Any] = field(default_factory=dict)
    cancel_after: int | None = None
    heartbeats: int = 0
    execution_id: str = "exec-1"
    job_id: str = "job"
    idempotency_key: str = "exec-1/task/1"
    labels: Mapping[str, str] = field(default_factory=dict)
    logger: logging.Logger = field(default_factory=lambda: logging.getLogger("fake"))
    function_name: str = "function"
    function_version: str = "$LATEST"
    invoked_function_arn: str = "arn:aws:lambda:local:000000000000:function:function"
    memory_limit_in_mb: int = 128
    aws_request_id: str = "request"
    log_group_name: str = "group"
    log_stream_name: str = "stream"
    secret: str = ""

    @property
    def cancelled(self) -> bool:
        return self.cancel_after is not None and self.heartbeats >= self.cancel_after

    def heartbeat(self) -> None:
        self.heartbeats += 1

    def masked(self, text: str) -> str:
        return text.replace(self.secret, "***") if self.secret else text

    def get_remaining_time_in_millis(self) -> int:
        return 1000


def _fits(context: FakeContext) -> Context:
    """The type checker proves here that an ordinary object can be a Context."""
    return context
