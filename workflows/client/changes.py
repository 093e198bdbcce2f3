"""What is new between two looks at an execution, and the small parts of an answer that people read: errors, times."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

ENDED = frozenset({"COMPLETED", "FAILED", "CANCELLED"})


@dataclass(frozen=True, slots=True)
class Change:
    """What is new about a task, or about the execution itself, whose `task` is None. `seconds`: how long it took, since it was last
    redriven."""

    task: str | None
    status: str
    attempts: int = 0
    seconds: float | None = None
    error: str | None = None

    def __str__(self) -> str:
        """One line, such as `hash-03      COMPLETED  0.41s`."""
        parts = [self.status if self.task is None else f"{self.task:<12} {self.status:<9}"]
        if self.attempts > 1:
            parts.append(f"attempt {self.attempts}")
        if self.seconds is not None:
            parts.append(f"{self.seconds:.2f}s")
        if self.error:
            parts.append(self.error)
        return "  ".join(parts).rstrip()


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """What is different between two states of an execution: its tasks, in their order, then the execution."""
    known = {task["id"]: (task["status"], task["attempts"]) for task in before["tasks"]}
    for task in after["tasks"]:
        now = (task["status"], task["attempts"])
        if now != known.get(task["id"], ("PENDING", 0)):
            error = describe_error(task.get("error")) or task.get("reason")
            yield Change(task["id"], *now, seconds_between(task["startTime"], task["endTime"]), error)
    if after["status"] != before["status"]:
        error = describe_error(after.get("error"))
        yield Change(None, after["status"], seconds=seconds_between(after["startTime"], after["endTime"]), error=error)


def describe_error(error: Mapping[str, Any] | None) -> str | None:
    """`Type: message`, or None where there is no error. Of a cause as Lambda writes it, a JSON text, only its errorMessage is shown."""
    if not error:
        return None
    message = error.get("message") or ""
    if message.startswith("{"):
        with suppress(ValueError, KeyError):  # a message may begin so and be no cause
            message = str(json.loads(message)["errorMessage"])
    return f"{error['type']}: {message}" if message else str(error["type"])


def moment(text: str | None) -> float | None:
    """Seconds since the epoch of a time as the server writes it."""
    return None if text is None else datetime.fromisoformat(text).timestamp()


def seconds_between(start: str | None, end: str | None) -> float | None:
    begun, ended = moment(start), moment(end)
    return None if begun is None or ended is None else max(0.0, ended - begun)
