"""What can be asked of the engine from outside, and what each request does to a round. Answers go out after the commit.

Does not know who asks or in what form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from storage.protocol import Key
from storage.records import decode
from workflows.errors import Unavailable
from workflows.model import Cancelled, Definition, Header, Prioritized, Started
from workflows.runtime.execution import Execution
from workflows.runtime.inbox import Request
from workflows.runtime.ledger import Ledger, Pending
from workflows.runtime.names import Accepted, Known, generated, look_up, names_of
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


@dataclass(slots=True)
class Cancel(Request):
    """Cancel an execution. Answer: the status it has now, which is the one it ended with if it had ended already."""

    number: int


@dataclass(slots=True)
class Prioritize(Request):
    """Give an execution this priority, if it is still queued. Answer: the status it has now."""

    number: int
    priority: int


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

    def forget(self) -> None:
        """After a failed commit: numbers given out in it were not."""
        self._last = None

    def perform(self, round: Round, request: Request) -> tuple[int | None, Any]:
        """Number of the execution it is about, and the answer. Raises what the asker is to hear."""
        if isinstance(request, Start):
            return self._start(round, request)
        if isinstance(request, Cancel):
            return request.number, self._stepper.ask(round, request.number, Cancelled)
        if isinstance(request, Prioritize):
            return request.number, self._stepper.ask(round, request.number, Prioritized, request.priority)
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

    def _start(self, round: Round, request: Start) -> tuple[int | None, Accepted]:
        """Begin it, unless it is there already."""
        known = Known(lambda index, name: self._named(round, index, name), lambda number: self._present(round, number)[1])
        before = known.repeated(request.definition.id, request.id, request.key, request.digest)
        if before is None:
            before = self._begin(round, request)
        elif (
            self._present(round, before.number)[0].stored is not None
        ):  # what becomes of it in this round is nothing to whoever repeats its start
            return None, before
        return before.number, before

    def _begin(self, round: Round, request: Start) -> Accepted:
        if self._last is None:
            newest = self._ledger.scan("created", None, 1)
            self._last = -int(newest[0][0]) if newest else 0
        number, definition = self._last + 1, request.definition
        name = request.id or generated(self._ledger.partition, number, self._stepper.seed())
        priority = definition.priority if request.priority is None else request.priority
        own = (priority, request.labels, request.key, request.digest)
        self._stepper.begin(round, number, definition, Started, name, definition.id, definition.revision, request.input, *own)
        self._last = number
        round.names.update(dict.fromkeys(names_of(self._present(round, number)[1]).items(), number))
        return Accepted(name, number)

    def _named(self, round: Round, index: str, name: Key) -> int | None:
        return round.names.get((index, name)) or look_up(self._ledger.scan, index, name)

    def _present(self, round: Round, number: int) -> tuple[Execution, Header]:
        execution = self._stepper.execution(round, number)
        if execution is None or execution.header is None:
            raise Unavailable(f"the execution is set aside: {self._stepper.set_aside.get(number)}")
        return execution, execution.header
