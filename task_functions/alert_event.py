"""The event that an alert is (a CloudEvent), and what people are told of it. The functions that deliver alerts share this.

An event is data: it may hold what a failing task said. So whatever of it becomes a header, a line or a message is bounded, and made to be
no more than text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from task_functions.inputs import Reader, shown

NEEDED = ("specversion", "id", "source", "type")
"""What every CloudEvent has."""

ID_CHARACTERS = 200
LINE_CHARACTERS = 500

DEFAULT_SECONDS = 20.0
MOST_SECONDS = 300.0
"""Of a delivery. Receivers of webhooks are asked to answer within 15 to 30 seconds."""

DETAILS = (("job", "job"), ("execution", "execution"), ("schedule", "schedule"), ("scheduledTime", "due"))


class AlertRefused(Exception):
    """The receiver will not have it, and would not the next time either: it is gone, or wants something else. `status` is what it said."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Event:
    """`whole` is the CloudEvent, `data` what it tells."""

    id: str
    whole: Mapping[str, Any]
    data: Mapping[str, Any]

    @property
    def headline(self) -> str:
        """What happened, on one line."""
        subject = self.whole.get("subject")
        told = self.data.get("message") or f"{self.whole['type']}{f' ({subject})' if subject else ''}"
        return line(told)

    @property
    def details(self) -> Iterator[str]:
        """Lines of what it happened to, where, and why."""
        for key, word in DETAILS:
            if value := self.data.get(key):
                yield f"{word}: {line(value)}"
        error = self.data.get("error")
        if isinstance(error, Mapping):
            if error.get("task"):
                yield f"step: {line(error['task'])}"
            told = line(": ".join(str(error[key]) for key in ("type", "message") if error.get(key)))
            if told and told not in self.headline:
                yield f"error: {told}"


def line(value: object) -> str:
    """On one line, of a length that people read, and without what terminals and headers obey."""
    text = " ".join("".join(one if one.isprintable() else " " for one in str(value)).split())
    return text if len(text) <= LINE_CHARACTERS else f"{text[: LINE_CHARACTERS - 1]}…"


def read_event(reader: Reader) -> Event:
    """Of the key `event`."""
    event = reader.data.get("event")
    if not isinstance(event, Mapping):
        reader.refuse("event", 'this must be a CloudEvent, as the input of a job that alerts start is: "event.$": "$.input"')
        return Event("", {"type": ""}, {})
    for name in NEEDED:
        if not isinstance(event.get(name), str) or not event[name]:
            reader.refuse(f"event/{name}", f"a CloudEvent has this, and it is text, not {shown(event.get(name))}")
    id, data = event.get("id"), event.get("data")
    if isinstance(id, str) and (len(id) > ID_CHARACTERS or not id.isascii() or not id.isprintable() or " " in id):
        reader.refuse("event/id", f"this must be up to {ID_CHARACTERS} letters, digits and signs of ASCII")
    return Event(id if isinstance(id, str) else "", event, data if isinstance(data, Mapping) else {})
