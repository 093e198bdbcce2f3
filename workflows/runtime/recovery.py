"""Finds, after a start and after a failed commit, what has something to do: pages of the stored index of busy executions. After them, the
counts that a store of an earlier version lacks.

Looking at an execution is all it takes (`Stepper.execution` tells the machine what was interrupted), so nothing else knows about restarts.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from storage.protocol import Key
from workflows.runtime.executor import Identity
from workflows.runtime.ledger import Ledger
from workflows.runtime.stepper import Round, Stepper
from workflows.runtime.tallies import Tallies

log = logging.getLogger(__name__)


class Recovery:
    """Belongs to the engine's thread. It is over when `stepper.recovering` is false."""

    def __init__(self, ledger: Ledger, stepper: Stepper) -> None:
        self._ledger = ledger
        self._stepper = stepper
        self._tallies = Tallies(ledger)
        self._after: Key | None = None
        self._said = False

    def again(self) -> None:
        """From the beginning: what was looked at has been forgotten."""
        self._after = None
        self._tallies.again()

    @property
    def under_way(self) -> bool:
        """Whether there is something to look at, for all that is known."""
        return self._stepper.recovering or self._tallies.behind

    def page(self, round: Round, limit: int, flight: Iterable[Identity]) -> None:
        """Look at the next `limit` executions; before all others at those that hold a slot already, because attempts are in `flight`."""
        if self._stepper.recovering:
            self._look(round, limit, flight)
        else:
            self._tallies.page(round.pending, limit)

    def _look(self, round: Round, limit: int, flight: Iterable[Identity]) -> None:
        if self._after is None:
            for number in {identity.number for identity in flight}:
                self._stepper.execution(round, number)
        page = self._ledger.scan("busy", self._after, limit)
        for key in page:
            self._stepper.execution(round, int(key[0]))
            self._after = key
        if len(page) < limit:
            self._stepper.recovery_done()

    def committed(self) -> None:
        """Say once what was found at the start, when all that follows from it is in the store."""
        if self._said or self._stepper.recovering:
            return
        self._said = True
        executions, attempts = self._stepper.recovered
        if executions:
            log.info("unfinished executions recovered: %d; attempts that had been interrupted: %d", executions, attempts)
