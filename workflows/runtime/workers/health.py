"""How a pool's workers have fared: whether they start, how often they die, what they could not load, and what of that is worth telling."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterable

from workflows.runtime.outage import Outage

log = logging.getLogger(__name__)

DEATHS, WITHIN_S = 3, 60.0
"""So many deaths within so long are worth telling."""


class Health:
    """`name`: of the pool. `outage`: how long to leave it after a worker could not be started."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._deaths: deque[tuple[float, str]] = deque(maxlen=DEATHS)
        self._said: set[str] = set()
        self.outage = Outage(time.monotonic)

    def up(self, errors: Iterable[str]) -> None:
        """A worker is up, though it could not load these."""
        self.outage.over()
        for error in errors:
            if error not in self._said:
                self._said.add(error)
                log.error("functions in workers: %s", error)

    def failed(self, worker: str, why: str) -> None:
        """It did not come up."""
        self.outage.failed()
        self._deaths.append((time.monotonic(), why))
        log.error("%s %s", worker, why)

    def died(self, worker: str, why: str, attempts: int) -> None:
        """Nobody had asked it to."""
        self._deaths.append((time.monotonic(), why))
        log.warning("%s %s; attempts under way: %d", worker, why, attempts)

    def troubles(self) -> list[str]:
        if self.outage:
            return [f"{self._name} workers do not start: the last one {self._deaths[-1][1]}"]
        if len(self._deaths) == DEATHS and time.monotonic() - self._deaths[0][0] < WITHIN_S:
            return [f"at least {DEATHS} {self._name} workers died within a minute: the last one {self._deaths[-1][1]}"]
        return []
