"""The history of an execution in the form GetExecutionHistory gives it (ASL.md section T).

Entries hold references to payloads and none of the wrapping; here they become events with the details member their type has. That of a
task list comes out the same way, with our own names where the service has none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from workflows.model import Entry, Ref
from workflows.runtime.execution import Execution
from workflows.runtime.records import entry_from

_PAYLOADS = ("input", "output", "parameters")
_BARE = frozenset(
    [
        *("ExecutionPaused", "ExecutionResumed", "LambdaFunctionStarted", "MapStateAborted", "MapStateFailed", "MapStateSucceeded"),
        *("ParallelStateAborted", "ParallelStateFailed", "ParallelStateStarted", "ParallelStateSucceeded"),
        *("TaskStateAborted", "WaitStateAborted"),
    ]
)
"""Types without a details member."""

_DROPPED = {"ExecutionTimedOut": ("error", "cause")}
"""What we note and the service does not tell: an execution that timed out shows neither."""


def events(execution: Execution) -> Iterator[dict[str, Any]]:
    """Its events, oldest first: id, previousEventId, timestamp (seconds since the epoch), type, and the details of that type.

    Payloads are JSON texts. Reads page by page; raises storage.CorruptRecord for a part that is missing.
    """
    for row in execution.rows():
        yield event(entry_from(row), execution)


def event(entry: Entry, execution: Execution) -> dict[str, Any]:
    made: dict[str, Any] = {"id": entry.id, "previousEventId": entry.previous, "timestamp": entry.at, "type": entry.type}
    if entry.type not in _BARE:
        made[_member(entry.type)] = dict(_details(entry, execution))
    return made


def _member(type: str) -> str:
    """The name of the details member: stateEnteredEventDetails for all entries into states, else the type's own."""
    for ending in ("StateEntered", "StateExited"):
        if type.endswith(ending):
            return f"s{ending[1:]}EventDetails"
    return f"{type[0].lower()}{type[1:]}EventDetails"


def _details(entry: Entry, execution: Execution) -> Iterator[tuple[str, Any]]:
    for name, value in entry.details.items():
        if name in _DROPPED.get(entry.type, ()):
            continue
        if name == "assignedVariables":
            yield name, {variable: execution.text(ref) for variable, ref in value.items()}
            yield "assignedVariablesDetails", {"truncated": False}
        elif name in _PAYLOADS:
            yield from _payload(name, value, execution)
        elif name not in ("error", "cause") or value:
            yield name, value


def _payload(name: str, ref: Ref, execution: Execution) -> Iterator[tuple[str, Any]]:
    yield name, execution.text(ref)
    if name != "parameters":
        yield f"{name}Details", {"truncated": False}
