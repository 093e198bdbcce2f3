"""The server itself: what it is doing, and what an operator should know."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, TypeVar

from storage.protocol import CorruptRecord, Key
from workflows.errors import Busy, StepwellError, Unavailable
from workflows.language.names import closest
from workflows.model import Status
from workflows.runtime.catalogue import Catalogue
from workflows.runtime.engine import PULSE, Engine
from workflows.runtime.execution import Execution, header_of
from workflows.runtime.firings import no_audit
from workflows.runtime.ledger import Ledger, Pending, Snapshot
from workflows.runtime.requests import Read, Write
from workflows.runtime.state import ExecutionState, describe

log = logging.getLogger(__name__)

T = TypeVar("T")

LISTED = 100
"""Executions that the system state lists of each kind; its counts are whole."""

COMPARED = 1_000
"""Ids among which the nearest one is looked for."""

TURN_S = 20.0
"""How long the engine may take to answer: longer than any turn of a server that is well."""


@dataclass(frozen=True, slots=True)
class SystemState:
    """`active` are states without payloads, the newest first; `queued` are ids, the oldest first. Counts are of all executions kept."""

    active: tuple[ExecutionState, ...]
    queued: tuple[str, ...]
    counts: dict[Status, int]
    pool: dict[str, Any]
    uptime: float
    version: str


@dataclass(frozen=True, slots=True)
class Health:
    """`troubles`: what an operator should know, in sentences; none when all is well. `told`: whoever asks is told of them."""

    troubles: tuple[str, ...]
    told: bool = True


class System:
    """`more`: troubles that others than the engine have."""

    def __init__(
        self,
        ledger: Ledger,
        catalogue: Catalogue,
        engine: Engine,
        clock: Callable[[], float] = time.monotonic,
        more: Callable[[], list[str]] = list,
    ) -> None:
        self._ledger = ledger
        self._catalogue = catalogue
        self._engine = engine
        self._clock = clock
        self._more = more
        self._since = clock()

    def state(self) -> SystemState:
        with self._ledger.snapshot() as snapshot:
            return SystemState(
                active=tuple(self._shown(snapshot, snapshot.scan(f"status/{Status.RUNNING}", None, LISTED), self._active)),
                queued=tuple(self._shown(snapshot, snapshot.last(f"status/{Status.QUEUED}", LISTED), self._queued)),
                counts={status: snapshot.count(f"status/{status}") for status in Status},
                pool=self._engine.gauges(),
                uptime=self._clock() - self._since,
                version=version("stepwell"),
            )

    def health(self) -> Health:
        """Raises Unavailable while the server is stopping."""
        if self._engine.inbox.closed:
            raise Unavailable("the server is stopping")
        return Health((*self._engine.troubles(), *self._more()))

    def nearest(self, index: str, id: str) -> str | None:
        """The id like this one, of those in the index: the first COMPARED of them."""
        with self._ledger.snapshot() as snapshot:
            return closest(id, [str(key[0]) for key in snapshot.scan(index, None, COMPARED)])

    def unwell(self) -> str:
        """Why whoever watches the server from outside should worry, or "". The engine is made to commit something (250 bytes): a server
        with nothing to do would not notice that its disk is full."""
        turn = Write(_pulse, no_audit)
        try:
            troubles = self.health().troubles
            self._engine.inbox.ask(turn)
            turn.reply.result(TURN_S)
        except FutureTimeout:
            turn.reply.cancel()
            return f"the engine has not answered for {TURN_S:g} seconds"
        except (Busy, Unavailable) as error:
            return str(error)
        return "; ".join(troubles)

    def _active(self, snapshot: Snapshot, number: int) -> ExecutionState | None:
        execution = Execution.load(number, snapshot.read)
        if execution is None or execution.header is None:
            return None
        return describe(execution, self._catalogue.get(execution.header.definition, execution.header.revision), payloads=False)

    def _queued(self, snapshot: Snapshot, number: int) -> str | None:
        header = header_of(number, snapshot.read)
        return None if header is None else header.id

    def _shown(self, snapshot: Snapshot, keys: list[Key], show: Callable[[Snapshot, int], T | None]) -> Iterator[T]:
        """One that cannot be read is left out: it is set aside, and `health` says why."""
        for key in keys:
            number = -int(key[0])
            try:
                shown = show(snapshot, number)
                if shown is not None:
                    yield shown
            except (CorruptRecord, LookupError, StepwellError) as error:
                log.warning("execution number %d cannot be listed: %s", number, error, extra={"execution_number": number})


def _pulse(pending: Pending, _read: Read, now: float) -> None:
    pending.put("document", PULSE, {"at": now})
