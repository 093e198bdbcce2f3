"""Stopping executions and letting them go on."""

from __future__ import annotations

from workflows.errors import Conflict
from workflows.model import Status
from workflows.runtime.engine import Engine
from workflows.runtime.ledger import Ledger
from workflows.runtime.requests import Cancel
from workflows.service.asking import ask, find


class Control:
    def __init__(self, ledger: Ledger, engine: Engine) -> None:
        self._ledger = ledger
        self._engine = engine

    def cancel(self, execution_id: str) -> None:
        """Cancel an execution; one that is cancelled already is left so. Raises NotFound, and Conflict for one that has ended otherwise."""
        status = ask(self._engine, Cancel(self._number(execution_id)))
        if status != Status.CANCELLED:
            raise Conflict(f"the execution {execution_id} has ended already: it is {status}")

    def _number(self, execution_id: str) -> int:
        with self._ledger.snapshot() as snapshot:
            return find(snapshot, execution_id).number
