"""What can be asked of the engine from outside, and what each request does to a round. Answers go out after the commit.

Does not know who asks or in what form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from storage.protocol import CorruptRecord, Key
from storage.records import decode
from workflows.core.machine import HISTORY_EVENTS
from workflows.errors import Conflict, Invalid, Problem
from workflows.events import Cancelled, Event, Paused, Prioritized, Resumed, Started
from workflows.model import REDRIVABLE, Definition
from workflows.runtime.audit import Act, Deed, Log
from workflows.runtime.execution import header_of
from workflows.runtime.inbox import Request
from workflows.runtime.ledger import Ledger, Pending
from workflows.runtime.names import Accepted, Known, generated, look_up, names_of
from workflows.runtime.removal import Removals, Remove
from workflows.runtime.setback import SetBack
from workflows.runtime.stepper import Round, Stepper

Read = Callable[[str, Key], Any]
"""A record's data by kind and key, or None."""


@dataclass(slots=True)
class Start(Request):
    """Start an execution of this definition; `input` is checked JSON text. `id` is the one chosen for it and `key` the idempotency key;
    with either, `digest` stands for what makes two starts the same. `priority` None: the definition's. Answer: Accepted; Conflict for an
    id and Invalid for a key that something else was started with."""

    definition: Definition
    input: str
    id: str = ""
    key: str = ""
    digest: str = ""
    priority: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    def act(self, answer: Any) -> Act | None:
        return Act("execute", answer.id, {"definition": self.definition.id, "revision": self.definition.revision})


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
class Prioritize(Control):
    """Give it this priority. One that is not queued is left as it is."""

    priority: int

    def act(self, _answer: Any) -> Act | None:
        return Act("prioritize", details={"priority": self.priority})


@dataclass(slots=True)
class Redrive(Control):
    """Let it go on after an end without success, by another revision and with another input (checked JSON text) if they are given. It may
    have ended again when this is answered. Raises Conflict for one that completed or has not ended, Invalid for an unknown revision, and
    Misfit for one that cannot take over."""

    revision: int | None = None
    input: str | None = None

    def act(self, _answer: Any) -> Act | None:
        revision = {} if self.revision is None else {"revision": self.revision}
        return Act("redrive", details=revision if self.input is None else revision | {"input": "replaced"})


@dataclass(slots=True)
class Write(Request):
    """Change documents: `apply(pending, read, now)` adds records to the batch; `read` sees the batch. Answer: what it returns. `tell` makes
    of that answer what the audit log says. `after` is called when all is settled, before the answer, whether or not anybody still waits."""

    apply: Callable[[Pending, Read, float], Any]
    tell: Callable[[Any], Act | None]
    after: Callable[[], None] = lambda: None

    def act(self, answer: Any) -> Act | None:
        return self.tell(answer)

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
        self._log = Log(ledger)
        self._clock = SetBack(ledger.read)

    def forget(self) -> None:
        """After a failed commit: numbers given out in it were not."""
        self._last = None
        self._clock.forget()
        self._log.forget()

    def write(self, round: Round) -> None:
        """Add what the audit log says of the round to its batch, once it is settled what is in that."""
        self._log.write(round.pending, round.now, (deed for number, deed in round.deeds if number not in round.instead))

    def perform(self, round: Round, request: Request) -> tuple[int | None, Any]:
        """Number of the execution it is about, and the answer. Raises what the asker is to hear."""
        before = round.changes
        number, answer = self._performed(round, request)
        act = request.act(answer) if request.origin is not None and round.changes > before else None
        if request.origin is not None and act is not None:
            execution = self._stepper.execution(round, number) if number is not None and not act.target else None
            if execution is not None and execution.header is not None:
                act = replace(act, target=execution.header.id)
            if request.note:
                act = replace(act, details={**act.details, **request.note})
            round.deeds.append((number, Deed(request.origin, act)))
        return number, answer

    def _performed(self, round: Round, request: Request) -> tuple[int | None, Any]:
        if isinstance(request, Start):
            return self._start(round, request)
        if isinstance(request, Redrive):
            return request.number, self._redrive(round, request)
        if isinstance(request, Prioritize):
            return request.number, self._stepper.ask(round, request.number, Prioritized, request.priority)
        if isinstance(request, Control):
            return request.number, self._stepper.ask(round, request.number, _EVENTS[type(request)])
        if isinstance(request, Remove):
            self._removals.remove(round.pending, round.touched.values(), request)
            round.changes += 1
            return None, None
        assert isinstance(request, Write), f"nobody performs a {type(request).__name__}"
        return None, self._write(round, request)

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

    def _write(self, round: Round, request: Write) -> Any:
        """All of it or, when it raises, nothing."""
        mine, pending = Pending(), round.pending

        def read(kind: str, key: Key) -> Any:
            for written in (mine.records, pending.records):
                if (kind, key) in written:
                    sealed = written[kind, key]
                    return None if sealed is None else decode(sealed)
            return self._ledger.read(kind, key)

        answer = request.apply(mine, read, round.now)
        round.changes += bool(mine)
        pending.take(mine)
        return answer

    def _start(self, round: Round, request: Start) -> tuple[int | None, Accepted]:
        """Begin it, unless it is there already."""
        known = Known(lambda index, name: self._named(round, index, name), lambda number: self._stepper.header(round, number))
        before = known.repeated(request.definition.id, request.id, request.key, request.digest)
        if before is None:
            before = self._begin(round, request)
        execution = self._stepper.execution(round, before.number)
        is_new = execution is not None and execution.stored is None
        return before.number if is_new else None, before  # what becomes of an older one in this round is nothing to whoever repeats a start

    def _begin(self, round: Round, request: Start) -> Accepted:
        if self._last is None:
            newest = self._ledger.scan("created", None, 1)
            self._last = -int(newest[0][0]) if newest else 0
        number, definition = self._last + 1, request.definition
        self._removals.check(round.pending, definition)
        name = request.id or generated(self._ledger.partition, number, self._stepper.seed())
        priority = definition.priority if request.priority is None else request.priority
        own = (priority, request.labels, request.key, request.digest)
        self._stepper.begin(round, number, definition, Started, name, definition.id, definition.revision, request.input, *own)
        self._clock.note(round.pending, round.now, lambda: self._submitted(number - 1))
        self._last = number
        round.names.update(dict.fromkeys(names_of(self._stepper.header(round, number)).items(), number))
        return Accepted(name, number)

    def _named(self, round: Round, index: str, name: Key) -> int | None:
        return round.names.get((index, name)) or look_up(self._ledger.scan, index, name)

    def _submitted(self, number: int) -> float | None:
        try:
            header = header_of(number, self._ledger.read)
        except CorruptRecord:
            return None
        return None if header is None else header.created
