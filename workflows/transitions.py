"""Layer 0: which status may follow which, of executions and of frames. The one table, asked by the one function that changes either."""

from __future__ import annotations

from collections.abc import Mapping

from workflows.model import ENDED, At, Status

STATUS_TRANSITIONS: Mapping[Status | None, frozenset[Status]] = {
    None: frozenset({Status.QUEUED}),
    Status.QUEUED: frozenset({Status.RUNNING}) | ENDED,
    Status.RUNNING: ENDED,
    Status.COMPLETED: frozenset(),
    Status.FAILED: frozenset({Status.QUEUED}),
    Status.CANCELLED: frozenset({Status.QUEUED}),
}
"""Only a redrive queues again what has ended without success."""

_ENDS = frozenset({At.SUCCEEDED, At.FAILED, At.CANCELLED})

TRANSITIONS: Mapping[At | None, frozenset[At]] = {
    None: frozenset({At.PENDING, At.READY, At.OPEN, At.PARKED, At.FAILED, At.SKIPPED}),
    At.PENDING: frozenset({At.PENDING, At.READY, At.OPEN, At.PARKED, At.FAILED, At.SKIPPED, At.CANCELLED}),
    At.READY: frozenset({At.RUNNING, At.FAILED, At.CANCELLED}),
    At.RUNNING: frozenset({At.RUNNING, At.READY, At.RETRYING, At.PARKED}) | _ENDS,
    At.RETRYING: frozenset({At.READY, At.PARKED, At.FAILED, At.CANCELLED}),
    At.WAITING: frozenset({At.PARKED}) | _ENDS,
    At.OPEN: frozenset({At.OPEN, At.RETRYING, At.PARKED}) | _ENDS,
    At.PARKED: frozenset({At.PARKED, At.READY, At.RETRYING, At.WAITING, At.OPEN}) | _ENDS,
    At.SUCCEEDED: frozenset(),
    At.FAILED: frozenset({At.PENDING}),
    At.SKIPPED: frozenset({At.PENDING}),
    At.CANCELLED: frozenset({At.PENDING}),
}
"""What is finished stays so; only a redrive makes a frame that did not succeed PENDING again."""
