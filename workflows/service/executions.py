"""Executions: starting one, and how one stands."""

from __future__ import annotations

from typing import Any

from workflows.errors import NotFound
from workflows.runtime.catalogue import Catalogue
from workflows.runtime.engine import Engine
from workflows.runtime.history import events
from workflows.runtime.ledger import Ledger
from workflows.runtime.requests import Start
from workflows.runtime.state import ExecutionState, describe
from workflows.service.asking import ask, find
from workflows.service.inputs import taken


class Executions:
    def __init__(self, ledger: Ledger, catalogue: Catalogue, engine: Engine) -> None:
        self._ledger = ledger
        self._catalogue = catalogue
        self._engine = engine

    def start(self, definition_id: str, raw: bytes) -> str:
        """Start an execution of the newest revision; the answer is its id. `raw` is its input, empty for {}: an object for a task list, any
        JSON for a state machine. Raises NotFound, NotJson, Invalid for an input it cannot take, Busy, Unavailable."""
        revision = self._catalogue.latest(definition_id)
        if revision is None:
            raise NotFound(f"no job definition has the id {definition_id!r}")
        definition = self._catalogue.get(definition_id, revision)
        answer: str = ask(self._engine, Start(definition, taken(definition, raw)))
        return answer

    def state(self, execution_id: str) -> ExecutionState:
        """Raises NotFound."""
        with self._ledger.snapshot() as snapshot:
            execution = find(snapshot, execution_id)
            header = execution.header
            assert header is not None, "an execution that was found has a header"
            return describe(execution, self._catalogue.get(header.definition, header.revision))

    def history(self, execution_id: str) -> list[dict[str, Any]]:
        """All its events, oldest first, in the form of GetExecutionHistory. Raises NotFound."""
        with self._ledger.snapshot() as snapshot:
            return list(events(find(snapshot, execution_id)))
