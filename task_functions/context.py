"""What a task function is told besides its data: the second parameter of `fn(data, ctx)`.

Only a protocol: whoever runs functions brings the object, a test brings its own. Members come in two groups, ours and those of an AWS
Lambda context, so that a `handler(event, context)` written for Lambda runs unchanged.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Protocol


class Context(Protocol):
    """Read-only, and valid only during the call it was made for."""

    @property
    def execution_id(self) -> str:
        """The execution this attempt belongs to."""

    @property
    def job_id(self) -> str:
        """The id of the execution's definition."""

    @property
    def task_id(self) -> str:
        """The task (or state) this attempt is for."""

    @property
    def attempt(self) -> int:
        """1 for the first try, 2 for the first retry, and so on."""

    @property
    def idempotency_key(self) -> str:
        """The same for all attempts of one entry into the task, across retries and crashes: hand it to whatever must not act twice."""

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels of the definition."""

    @property
    def logger(self) -> logging.Logger:
        """What is logged here is stored with the attempt."""

    @property
    def cancelled(self) -> bool:
        """True once nobody wants the result any more. A long function looks now and then and returns early."""

    @property
    def results(self) -> Mapping[str, Any]:
        """The results of the tasks this one directly depends on, by task id."""

    def heartbeat(self) -> None:
        """Say that the attempt is alive. Cheap: may be called as often as one likes."""

    def masked(self, text: str) -> str:
        """The text without the values of secrets that the attempt was given: `***` stands for each."""

    # ---------------------------------------------------------------------- what an AWS Lambda context has

    @property
    def function_name(self) -> str:
        """The name the function was called by."""

    @property
    def function_version(self) -> str: ...

    @property
    def invoked_function_arn(self) -> str: ...

    @property
    def memory_limit_in_mb(self) -> int: ...

    @property
    def aws_request_id(self) -> str:
        """Another for each attempt."""

    @property
    def log_group_name(self) -> str: ...

    @property
    def log_stream_name(self) -> str: ...

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the attempt's time-out."""
