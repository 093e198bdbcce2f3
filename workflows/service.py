"""What can be asked of the server, once. Every face (REST, command line, later others) translates to this and decides nothing.

Takes and gives plain data and the errors of `workflows.errors`; knows no HTTP. Requests that change something go through the engine's
inbox and are answered after their commit; questions are answered from a snapshot and never wait for the engine.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from storage.protocol import CorruptRecord
from task_functions.registry import Registry
from workflows.errors import Conflict, Invalid, NotFound, NotJson, Problem, StepwellError, Unavailable
from workflows.language import canonical, read_definition
from workflows.language.text import check, loads
from workflows.model import Status, exceeds
from workflows.runtime.catalogue import Catalogue, Registration
from workflows.runtime.engine import Engine
from workflows.runtime.execution import Execution
from workflows.runtime.history import events
from workflows.runtime.inbox import Request
from workflows.runtime.ledger import Ledger, Snapshot
from workflows.runtime.requests import Cancel, Start, Write, number_of
from workflows.runtime.state import ExecutionState, describe
from workflows.states import PAYLOAD_BYTES, StateMachine

log = logging.getLogger(__name__)

T = TypeVar("T")

LISTED = 100
"""Executions that the system state lists of each kind; its counts are whole."""

ANSWER_S = 30.0
"""How long a request waits for its commit."""


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
    """`troubles`: what an operator should know, in sentences; none when all is well."""

    troubles: tuple[str, ...]


class Service:
    """Any thread may call any method."""

    def __init__(
        self, ledger: Ledger, catalogue: Catalogue, engine: Engine, registry: Registry, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ledger = ledger
        self._catalogue = catalogue
        self._engine = engine
        self._registry = registry
        self._clock = clock
        self._since = clock()

    # --------------------------------------------------------------------------------------------------------- definitions

    def register(self, raw: bytes, source: str | None = None) -> Registration:
        """Add a definition, or the next revision of one. `source`: the file it came from; a file that is as it was at its own last load
        changes nothing, so that what was edited since then by request stays. Raises NotJson, and Invalid with every problem."""
        definition = read_definition(raw, functions=self._registry.has, function_names=self._registry.names())
        text = check(raw)
        form = canonical(loads(text))

        def write(pending: Any, read: Any, now: float) -> Registration:
            return self._catalogue.register(pending, read, definition.id, text, form, now, source)

        answer: Registration = self._ask(Write(write, lambda: self._catalogue.forget(definition.id)))
        return replace(answer, warnings=definition.warnings if isinstance(definition, StateMachine) else ())

    def load_file(self, path: Path) -> Registration:
        """Register a definition file. Raises as `register` does, and NotJson for a file that cannot be read."""
        try:
            return self.register(path.read_bytes(), source=path.name)
        except OSError as error:
            raise NotJson(f"cannot read {path}: {error.strerror}") from error

    # ---------------------------------------------------------------------------------------------------------- executions

    def execute(self, definition_id: str, raw: bytes) -> str:
        """Start an execution of the newest revision; the answer is its id. `raw` is its input, empty for {}: an object for a task list, any
        JSON for a state machine. Raises NotFound, NotJson, Invalid for an input it cannot take, Busy, Unavailable."""
        revision = self._catalogue.latest(definition_id)
        if revision is None:
            raise NotFound(f"no job definition has the id {definition_id!r}")
        text = check(raw) if raw.strip() else "{}"
        definition = self._catalogue.get(definition_id, revision)
        if not isinstance(definition, StateMachine) and not text.lstrip().startswith("{"):
            raise Invalid([Problem("", "the input of a task list is a JSON object, such as {}")])
        if isinstance(definition, StateMachine) and exceeds(text, PAYLOAD_BYTES):
            raise Invalid([Problem("", f"the input of a state machine has at most {PAYLOAD_BYTES:,} bytes")])
        answer: str = self._ask(Start(definition, text))
        return answer

    def state(self, execution_id: str) -> ExecutionState:
        """Raises NotFound."""
        with self._ledger.snapshot() as snapshot:
            return self._describe(self._find(snapshot, execution_id), payloads=True)

    def history(self, execution_id: str) -> list[dict[str, Any]]:
        """All its events, oldest first, in the form of GetExecutionHistory. Raises NotFound."""
        with self._ledger.snapshot() as snapshot:
            return list(events(self._find(snapshot, execution_id)))

    def cancel(self, execution_id: str) -> None:
        """Cancel an execution; one that is cancelled already is left so. Raises NotFound, and Conflict for one that has ended otherwise."""
        with self._ledger.snapshot() as snapshot:
            number = self._find(snapshot, execution_id).number
        status = self._ask(Cancel(number))
        if status != Status.CANCELLED:
            raise Conflict(f"the execution {execution_id} has ended already: it is {status}")

    # -------------------------------------------------------------------------------------------------------------- system

    def system_state(self) -> SystemState:
        with self._ledger.snapshot() as snapshot:
            return SystemState(
                active=tuple(self._listed(snapshot, Status.RUNNING, lambda execution: self._describe(execution, payloads=False))),
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

    # -------------------------------------------------------------------------------------------------------------- within

    def _listed(self, snapshot: Snapshot, status: Status, show: Callable[[Execution], T]) -> Iterator[T]:
        """The newest executions of this status. One that cannot be read is left out: it is set aside, and `health` says why."""
        for key in snapshot.scan(f"status/{status}", None, LISTED):
            try:
                execution = Execution.load(-int(key[0]), snapshot.read)
                if execution is not None:
                    yield show(execution)
            except (CorruptRecord, LookupError, StepwellError) as error:
                log.warning("execution number %d cannot be listed: %s", -int(key[0]), error)

    def _find(self, snapshot: Snapshot, execution_id: str) -> Execution:
        number = number_of(execution_id)
        execution = Execution.load(number, snapshot.read) if number is not None else None
        if execution is None or execution.header is None or execution.header.id != execution_id:
            raise NotFound(f"no execution has the id {execution_id!r}")
        return execution

    def _describe(self, execution: Execution, *, payloads: bool) -> ExecutionState:
        assert execution.header is not None, "a loaded execution has a header"
        definition = self._catalogue.get(execution.header.definition, execution.header.revision)
        return describe(execution, definition, payloads=payloads)

    def _ask(self, request: Request) -> Any:
        self._engine.inbox.ask(request)
        try:
            return request.reply.result(ANSWER_S)
        except FutureTimeout:
            request.reply.cancel()
            raise Unavailable(f"no answer within {ANSWER_S:g} seconds; the request may still take effect") from None
