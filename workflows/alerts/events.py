"""Alerts as events: CloudEvents 1.0 in JSON, each with an id that follows from what it is about.

Whatever happens twice on the way, a restart or a repeated delivery, the id is the same: whoever has seen it has seen the alert.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from workflows.alerts.listening import Kind
from workflows.core.dataflow import rfc3339

SOURCE = "/stepwell"

TYPES: Mapping[str, str] = {
    Kind.FAILED: "stepwell.execution.failed",
    Kind.MISSED: "stepwell.schedule.missed",
    Kind.LATE: "stepwell.schedule.late",
    Kind.QUEUE_DEPTH: "stepwell.queue.deep",
    Kind.TEST: "stepwell.alert.test",
}

ID_CHARACTERS = 128
"""Of an execution."""

TEXT_CHARACTERS = 501
"""Of each text in an event that comes from somewhere else: as many as of an error's message in a list of executions."""

_DIGEST_CHARACTERS = 8


@dataclass(frozen=True, slots=True)
class Alert:
    """`subject`: an execution, a schedule, or another part of the server. `at`: when it happened (seconds since the epoch). `message`: a
    sentence for people. `job`: "" where it is about none. `data`: what else there is to say."""

    id: str
    kind: Kind
    subject: str
    at: float
    message: str
    job: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)

    def event(self) -> dict[str, Any]:
        about = {"kind": str(self.kind), "message": self.message} | ({"job": self.job} if self.job else {})
        return {
            "specversion": "1.0",
            "id": self.id,
            "source": SOURCE,
            "type": TYPES[self.kind],
            "subject": self.subject,
            "time": rfc3339(self.at),
            "datacontenttype": "application/json",
            "data": about | dict(self.data),
        }


def failed(
    execution: str, redrives: int, job: str, at: float, error: Mapping[str, str], labels: Mapping[str, str] = {}, *, gone_on: bool = False
) -> Alert:
    """`labels`: what the scheduler has noted about the execution. `gone_on`: it was redriven before anybody could be told."""
    error, labels = ({name: _plain(text) for name, text in texts.items()} for texts in (error, labels))
    told = ": ".join(part for part in (error.get("type", ""), error.get("message", "")) if part)
    message = f"The execution {execution} of the job {job} failed{f': {told}' if told else ''}"
    message += "; it has been redriven since" if gone_on else ""
    data = {"execution": execution, "redriveCount": redrives, **labels, **({"error": error} if error else {})}
    return Alert(f"failed.{execution}.{redrives}", Kind.FAILED, execution, at, message, job, data)


def queue_deep(depth: int, limit: int, at: float) -> Alert:
    message = f"{depth:,} executions are queued, more than {limit:,}"
    return Alert(f"queueDepth.{stamp(at, exact=True)}", Kind.QUEUE_DEPTH, "queue", at, message, data={"depth": depth, "limit": limit})


def test(number: int, at: float) -> Alert:
    """`number`: of the alert, so that two tests are two."""
    return Alert(f"test.{stamp(at)}-{number}", Kind.TEST, "test", at, "This is a test: whoever reads it hears the alerts of this server")


def execution_id(event: str, job: str) -> str:
    """Of the execution by which this job hears of the event, for ever."""
    name = f"alert.{event}.{job}"
    if len(name) <= ID_CHARACTERS:
        return name
    digest = hashlib.blake2b(name.encode(), digest_size=_DIGEST_CHARACTERS // 2).hexdigest()
    return f"{name[: ID_CHARACTERS - _DIGEST_CHARACTERS - 1]}-{digest}"


def _plain(text: str) -> str:
    """Short, and such that any store can hold it: it must not keep anybody from being told."""
    short = text if len(text) <= TEXT_CHARACTERS else f"{text[: TEXT_CHARACTERS - 1]}…"
    return short.encode("utf-8", "backslashreplace").decode()


def stamp(moment: float, *, exact: bool = False) -> str:
    """A moment as part of an id, such as 20261121T020000Z; `exact`: to the millisecond."""
    at = datetime.fromtimestamp(moment, UTC)
    return f"{at:%Y%m%dT%H%M%S}{f'.{at.microsecond // 1000:03d}' if exact else ''}Z"
