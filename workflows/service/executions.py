"""Executions: starting one, and how one stands."""

from __future__ import annotations

import time
from typing import Any

from workflows.errors import Conflict, NotFound
from workflows.model import ENDED, Definition, Status
from workflows.runtime.catalogue import Catalogue
from workflows.runtime.engine import Engine
from workflows.runtime.execution import Execution, header_of
from workflows.runtime.history import events
from workflows.runtime.ledger import Ledger
from workflows.runtime.names import Accepted
from workflows.runtime.removal import no_definition
from workflows.runtime.requests import Prioritize, Start
from workflows.runtime.state import ExecutionState, describe
from workflows.service.asking import ask, find, locate
from workflows.service.inputs import Inputs, text_of
from workflows.service.seats import Seats
from workflows.service.starting import PLAIN, Begun, Options, begun_before, check_options, digest_of


class Executions:
    """`seats`: for those who wait for an end."""

    def __init__(self, ledger: Ledger, catalogue: Catalogue, engine: Engine, inputs: Inputs, seats: Seats) -> None:
        self._ledger = ledger
        self._catalogue = catalogue
        self._engine = engine
        self._inputs = inputs
        self._seats = seats

    def start(self, definition_id: str, raw: bytes, options: Options = PLAIN) -> Begun:
        """Start an execution, or find the one that the same request has started before. `raw` is its input, empty for {}: an object for a
        task list, any JSON for a state machine. Raises NotFound, NotJson, Invalid for an input or option it cannot take and for an
        idempotency key that was used for something else, Conflict for an id that was, Busy, Unavailable."""
        check_options(options)
        if options.wait is None:
            accepted = self._start(definition_id, raw, options)
            return Begun(accepted.id, accepted.repeated)
        with self._seats.seat():
            until = time.monotonic() + options.wait
            accepted = self._start(definition_id, raw, options)
            return Begun(accepted.id, accepted.repeated, self._end(accepted.number, until))

    def prioritize(self, execution_id: str, priority: int) -> None:
        """Give a queued execution another priority. Raises NotFound, Invalid, and Conflict once it has begun."""
        check_options(Options(priority=priority))
        with self._ledger.snapshot() as snapshot:
            number, _ = locate(snapshot, execution_id)
        status = ask(self._engine, Prioritize(number, priority))
        if status != Status.QUEUED:
            raise Conflict(f"the execution {execution_id} is {status}: a priority can be changed only as long as it is QUEUED")

    def state(self, execution_id: str) -> ExecutionState:
        """Raises NotFound."""
        with self._ledger.snapshot() as snapshot:
            return self._described(find(snapshot, execution_id))

    def submitted(self, execution_id: str) -> float:
        """When it was accepted. Raises NotFound."""
        with self._ledger.snapshot() as snapshot:
            _, header = locate(snapshot, execution_id)
            return header.created

    def history(self, execution_id: str) -> list[dict[str, Any]]:
        """All its events, oldest first, in the form of GetExecutionHistory. Raises NotFound."""
        with self._ledger.snapshot() as snapshot:
            return list(events(find(snapshot, execution_id)))

    # -------------------------------------------------------------------------------------------------------------- within

    def _start(self, definition_id: str, raw: bytes, options: Options) -> Accepted:
        text = text_of(raw)
        digest = ""
        if options.id is not None or options.key is not None:
            digest = digest_of(text, options.revision)
            with self._ledger.snapshot() as snapshot:
                before = begun_before(snapshot, definition_id, options, text, digest)
            if before is not None:
                return before
        definition = self._definition(definition_id, options.revision)
        self._inputs.check(definition, text)
        start = Start(definition, text, options.id or "", options.key or "", digest, options.priority, options.labels)
        accepted: Accepted = ask(self._engine, start)
        return accepted

    def _definition(self, definition_id: str, revision: int | None) -> Definition:
        latest = self._catalogue.latest(definition_id)
        if latest is None:
            raise no_definition(definition_id)
        try:
            return self._catalogue.get(definition_id, revision or latest)
        except LookupError:
            raise NotFound(f"the job definition {definition_id!r} has no revision {revision or latest}; the newest is {latest}") from None

    def _end(self, number: int, until: float) -> ExecutionState | None:
        """How it ended, if it does so in time and the server does not stop before."""
        with self._engine.feed.end_of(number) as ended:
            state = self._ended(number)
            if state is None and ended.wait(max(0.0, until - time.monotonic())):
                state = self._ended(number)
        return state

    def _ended(self, number: int) -> ExecutionState | None:
        with self._ledger.snapshot() as snapshot:
            header = header_of(number, snapshot.read)
            execution = Execution.load(number, snapshot.read) if header is not None and header.status in ENDED else None
            return None if execution is None else self._described(execution)

    def _described(self, execution: Execution) -> ExecutionState:
        assert execution.header is not None, "a loaded execution has a header"
        return describe(execution, self._catalogue.get(execution.header.definition, execution.header.revision))
