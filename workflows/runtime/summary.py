"""An execution in a list: what its header tells, without payloads and without its frames."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from storage.protocol import CorruptRecord, Key
from workflows.core.machine import read_error
from workflows.model import Error, Header, Status
from workflows.runtime.execution import payload_of

log = logging.getLogger(__name__)

MESSAGE_CHARACTERS = 500
"""Of an error's message; the whole is in the execution's state."""

Read = Callable[[str, Key], Any]
"""Reads a record's data (kind, key), or None; from a snapshot."""


@dataclass(frozen=True, slots=True)
class Summary:
    """`submitted` is when it was accepted, `started` when it was admitted. `labels`: its own and its definition's. `error` has no
    traceback, and no longer a message than suits a list."""

    id: str
    definition: str
    revision: int
    status: Status
    paused: bool
    priority: int
    labels: Mapping[str, str]
    submitted: float
    started: float | None
    ended: float | None
    error: Error | None


def summary(number: int, header: Header, labels: Mapping[str, str], read: Read) -> Summary:
    """Of the execution `number`; reads one record more if it failed with a long error; one that is damaged is told of
    in its place."""
    return Summary(
        id=header.id,
        definition=header.definition,
        revision=header.revision,
        status=header.status,
        paused=header.paused,
        priority=header.priority,
        labels=labels,
        submitted=header.created,
        started=header.started,
        ended=header.ended,
        error=_error(number, header, read),
    )


def _error(number: int, header: Header, read: Read) -> Error | None:
    ref = header.error
    if ref is None:
        return None
    try:
        error = read_error(ref if isinstance(ref, str) else payload_of(number, ref, read))
    except CorruptRecord as damage:
        log.warning("why execution number %d failed cannot be told: %s", number, damage, extra={"execution_number": number})
        return Error("CorruptRecord", "the record of its error is damaged; the server's log says more")
    message = error.message
    short = message if len(message) <= MESSAGE_CHARACTERS else f"{message[:MESSAGE_CHARACTERS]}…"
    return replace(error, message=short, traceback="")
