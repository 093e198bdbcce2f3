"""What can be asked of the engine from outside, and what each request does to a round. Answers go out after the commit.

Knows how execution ids are made; does not know who asks or in what form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from storage.protocol import CorruptRecord, Key
from storage.records import decode
from workflows.core.control import REDRIVABLE
from workflows.core.machine import HISTORY_EVENTS
from workflows.errors import Conflict, Invalid, Problem
from workflows.model import Cancelled, Definition, Event, Paused, Resumed, Started
from workflows.runtime.execution import header_of
from workflows.runtime.inbox import Request
from workflows.runtime.ledger import Ledger, Pending
from workflows.runtime.removal import Removals, Remove
from workflows.runtime.setback import SetBack
from workflows.runtime.stepper import Round, Stepper

Read = Callable[[str, Key], Any]
"""A record's data by kind and key, or None."""


@dataclass(slots=True)
class Start(Request):
    """Start an execution of this definition; `input` is checked JSON text. Answer: the execution's id."""

    definition: Definition
    input: str


@dataclass(slots=True)
class Control(Request):
    """Base of what is asked of one execution. Answer: its status after it."""

    number: int


@dataclass(slots=True)
class Cancel(Control):
    """Cancel it. One that has ended is left as it is."""


@dataclass(slots=True)
class Pause(Control):
    """Start nothing more of it until it is resumed. One that has ended is left as it is."""


@dataclass(slots=True)
class Resume(Control):
    """Let it go on after a pause. One that has ended is left as it is."""


@dataclass(slots=True)
class Redrive(Control):
    """Let it go on after an end without success, by another revision and with another input (checked JSON text) if they are given. It may
    have ended again when this is answered. Raises Conflict for one that completed or has not ended, Invalid for an unknown revision, and
    Misfit for one that cannot take over."""

    revision: int | None = None
    input: str | None = None


@dataclass(slots=True)
class Write(Request):
    """Change documents: `apply(pending, read, now)` adds records to the batch; `read` sees the batch. Answer: what it returns. `after` is
    called when that is settled, before the answer, whether or not anybody still waits for it."""

    apply: Callable[[Pending, Read, float], Any]
    after: Callable[[], None] = lambda: None

    def answer(self, answer: Any) -> None:
        self.after()
        Request.answer(self, answer)


_EVENTS: Mapping[type[Control], type[Event]] = {Cancel: Cancelled, Pause: Paused, Resume: Resumed}


class Desk:
    """Performs requests on the engine's thread. `latest` gives a definition's newest revision as committed, or None."""

    def __init__(self, ledger: Ledger, stepper: Stepper, latest: Callable[[str], int | None]) -> None:
        self._ledger = ledger
        self._stepper = stepper
        self._removals = Removals(ledger, latest)
        self._last: int | None = None
        self._clock = SetBack(ledger.read)

    def forget(self) -> None:
        """After a failed commit: numbers given out in it were not."""
        self._last = None
        self._clock.forget()

    def perform(self, round: Round, request: Request) -> tuple[int | None, Any]:
        """Number of the execution it is about, and the answer. Raises what the asker is to hear."""
        if isinstance(request, Start):
            return self._begin(round, request)
        if isinstance(request, Redrive):
            return request.number, self._redrive(round, request)
        if isinstance(request, Control):
            return request.number, self._stepper.ask(round, request.number, _EVENTS[type(request)])
        if isinstance(request, Remove):
            self._removals.remove(round.pending, round.touched.values(), request)
            return None, None
        assert isinstance(request, Write), f"nobody performs a {type(request).__name__}"
        return None, self._write(round.pending, request, round.now)

    def _redrive(self, round: Round, request: Redrive) -> str:
        header = self._stepper.header(round, request.number)
        if header.status not in REDRIVABLE:
            raise Conflict(f"the execution {header.id} is {header.status}; only one that failed or was cancelled can be redriven")
        if header.entries >= HISTORY_EVENTS:
            raise Conflict(f"the history of the execution {header.id} is full ({HISTORY_EVENTS:,} events); start another one")
        revision = header.revision if request.revision is None else request.revision
        try:
            if ("definition", (header.definition, revision)) in round.pending.records:
                raise LookupError  # registered or deleted in this very batch
            dialect = self._stepper.dialect_of(header.definition, revision)
        except LookupError:
            raise Invalid([Problem("/revision", f"the job definition {header.definition!r} has no revision {revision}")]) from None
        return self._stepper.redrive(round, request.number, dialect, request.input)

    def _write(self, pending: Pending, request: Write, now: float) -> Any:
        """All of it or, when it raises, nothing."""
        mine = Pending()

        def read(kind: str, key: Key) -> Any:
            for written in (mine.records, pending.records):
                if (kind, key) in written:
                    sealed = written[kind, key]
                    return None if sealed is None else decode(sealed)
            return self._ledger.read(kind, key)

        answer = request.apply(mine, read, now)
        pending.records.update(mine.records)
        for name, entries in mine.indexes.items():
            pending.indexes.setdefault(name, {}).update(entries)
        return answer

    def _begin(self, round: Round, request: Start) -> tuple[int, str]:
        if self._last is None:
            newest = self._ledger.scan("created", None, 1)
            self._last = -int(newest[0][0]) if newest else 0
        number, definition = self._last + 1, request.definition
        self._removals.check(round.pending, definition)
        tag = f"{self._stepper.seed() & 0xFFFFFFFF:08x}"  # no two stores give out the same id, nor the same idempotency key
        name = f"exec-{self._ledger.partition}-{number}-{tag}"
        self._stepper.begin(round, number, definition, Started, name, definition.id, definition.revision, request.input)
        self._clock.note(round.pending, round.now, lambda: self._submitted(number - 1))
        self._last = number
        return number, name

    def _submitted(self, number: int) -> float | None:
        try:
            header = header_of(number, self._ledger.read)
        except CorruptRecord:
            return None
        return None if header is None else header.created


def number_of(execution_id: str) -> int | None:
    """The number that a generated id carries, or None for what is no such id."""
    parts = execution_id.split("-")
    return int(parts[2]) if len(parts) == 4 and parts[0] == "exec" and parts[2].isdecimal() and len(parts[2]) < 16 else None
