"""The server itself: what it is doing, and what an operator should know."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from typing import TypeVar

from storage.protocol import CorruptRecord
from workflows.errors import StepwellError, Unavailable
from workflows.model import Status
from workflows.runtime.catalogue import Catalogue
from workflows.runtime.engine import Engine
from workflows.runtime.execution import Execution
from workflows.runtime.ledger import Ledger, Snapshot
from workflows.runtime.state import ExecutionState, describe

log = logging.getLogger(__name__)

T = TypeVar("T")

LISTED = 100
"""Executions that the system state lists of each kind; its counts are whole."""


@dataclass(frozen=True, slots=True)
class SystemState:
    """`active` are states without payloads. Counts are of all executions kept."""

    active: tuple[ExecutionState, ...]
    queued: tuple[str, ...]
    counts: dict[Status, int]
    pool: dict[str, int]
    uptime: float
    version: str


@dataclass(frozen=True, slots=True)
class Health:
    """`troubles`: what an operator should know, in sentences; none when all is well. `told`: whoever asks is told of them."""

    troubles: tuple[str, ...]
    told: bool = True


class System:
    def __init__(self, ledger: Ledger, catalogue: Catalogue, engine: Engine, clock: Callable[[], float] = time.monotonic) -> None:
        self._ledger = ledger
        self._catalogue = catalogue
        self._engine = engine
        self._clock = clock
        self._since = clock()

    def state(self) -> SystemState:
        with self._ledger.snapshot() as snapshot:
            return SystemState(
                active=tuple(self._listed(snapshot, Status.RUNNING, self._shown)),
                queued=tuple(self._listed(snapshot, Status.QUEUED, lambda execution: execution.header.id if execution.header else "")),
                counts={status: snapshot.count(f"status/{status}") for status in Status},
                pool=self._engine.gauges(),
                uptime=self._clock() - self._since,
                version=version("stepwell"),
            )

    def health(self) -> Health:
        """Raises Unavailable while the server is stopping."""
        if self._engine.inbox.closed:
            raise Unavailable("the server is stopping")
        return Health(tuple(self._engine.troubles()))

    def _shown(self, execution: Execution) -> ExecutionState:
        assert execution.header is not None, "a loaded execution has a header"
        return describe(execution, self._catalogue.get(execution.header.definition, execution.header.revision), payloads=False)

    def _listed(self, snapshot: Snapshot, status: Status, show: Callable[[Execution], T]) -> Iterator[T]:
        """The newest executions of this status. One that cannot be read is left out: it is set aside, and `health` says why."""
        for key in snapshot.scan(f"status/{status}", None, LISTED):
            try:
                execution = Execution.load(-int(key[0]), snapshot.read)
                if execution is not None:
                    yield show(execution)
            except (CorruptRecord, LookupError, StepwellError) as error:
                log.warning("execution number %d cannot be listed: %s", -int(key[0]), error)
