"""What can be asked of the engine from outside, and what each request does to a round. Answers go out after the commit.

Knows how execution ids are made; does not know who asks or in what form.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from storage.protocol import CorruptRecord, Key
from storage.records import decode
from workflows.model import Cancelled, Definition, Started
from workflows.runtime.execution import header_of
from workflows.runtime.inbox import Request
from workflows.runtime.ledger import Ledger, Pending
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
class Cancel(Request):
    """Cancel an execution. Answer: the status it has now, which is the one it ended with if it had ended already."""

    number: int


@dataclass(slots=True)
class Write(Request):
    """Change documents: `apply(pending, read, now)` adds records to the batch; `read` sees the batch. Answer: what it returns. `after` is
    called when that is settled, before the answer, whether or not anybody still waits for it."""

    apply: Callable[[Pending, Read, float], Any]
    after: Callable[[], None] = lambda: None

    def answer(self, answer: Any) -> None:
        self.after()
        Request.answer(self, answer)


class Desk:
    """Performs requests on the engine's thread."""

    def __init__(self, ledger: Ledger, stepper: Stepper) -> None:
        self._ledger = ledger
        self._stepper = stepper
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
        if isinstance(request, Cancel):
            return request.number, self._stepper.ask(round, request.number, Cancelled)
        assert isinstance(request, Write), f"nobody performs a {type(request).__name__}"
        return None, self._write(round.pending, request, round.now)

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
