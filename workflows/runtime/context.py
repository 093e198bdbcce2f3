"""What a function may ask of the attempt it runs in: the `ctx` of `fn(data, ctx)`, as `task_functions.Context` describes it.

Also answers to the names of an AWS Lambda context, so that `handler(event, context)` runs unchanged.
"""

from __future__ import annotations

import json
import logging
import math
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from workflows.runtime.capture import TASK_LOGGER
from workflows.runtime.executor import Run

BEATS = 4
"""Heartbeats passed on within one heartbeat interval; more often is no news."""


class Results(Mapping[str, Any]):
    """Results of direct upstream tasks, each parsed anew when asked for: what one attempt does to it no other sees."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts

    def __getitem__(self, name: str) -> Any:
        return json.loads(self._texts[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)


class RunContext:
    """`beat` tells the engine that the attempt lives; `stop` is set when the attempt is no longer wanted; `mask` takes its secrets out of a
    text."""

    function_version = "$LATEST"
    memory_limit_in_mb = 0

    def __init__(self, run: Run, beat: Callable[[], None], stop: threading.Event, mask: Callable[[str], str]) -> None:
        self.execution_id = run.execution_id
        self.job_id = run.job_id
        self.task_id = run.task_id
        self.attempt = run.attempt
        self.idempotency_key = run.idempotency_key
        self.labels = dict(run.labels)
        self.results = Results(run.results)
        self.logger = logging.getLogger(f"{TASK_LOGGER}.{run.function}")
        self.function_name = run.function
        self.aws_request_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{run.idempotency_key}:{run.attempt}"))
        self.invoked_function_arn = f"arn:aws:lambda:local:000000000000:function:{run.function}"
        self.log_group_name = f"/stepwell/{run.job_id}"
        self.log_stream_name = run.execution_id
        self._beat = beat
        self._stop = stop
        self._mask = mask
        self._ends = None if run.timeout is None else time.monotonic() + run.timeout
        self._interval = None if run.heartbeat is None else run.heartbeat / BEATS
        self._beaten = -math.inf

    @property
    def cancelled(self) -> bool:
        """The attempt is no longer wanted: cancelled, timed out, or its execution has ended. Stop at the next good moment."""
        return self._stop.is_set()

    def heartbeat(self) -> None:
        """The attempt lives: its `heartbeatSeconds` count from now. Cheap enough to call in a loop."""
        now = time.monotonic()
        if self._interval is not None and now - self._beaten >= self._interval:
            self._beaten = now
            self._beat()

    def masked(self, text: str) -> str:
        """The text without the values of the attempt's secrets."""
        return self._mask(text)

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the attempt times out; a day's worth when it has no limit."""
        return 86_400_000 if self._ends is None else max(0, int((self._ends - time.monotonic()) * 1000))
