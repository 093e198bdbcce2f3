"""How long to leave the store alone after it has failed: longer each time, until something has been committed or read again."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import backoff

RETRY_S = 5.0
"""The longest pause between two tries."""


class Outage:
    """`steady`: seconds that only grow."""

    def __init__(self, steady: Callable[[], float]) -> None:
        self._steady = steady
        self._pauses: Iterator[float] | None = None
        self._resume_at = 0.0

    def __bool__(self) -> bool:
        """The last try failed."""
        return self._pauses is not None

    def failed(self) -> None:
        if self._pauses is None:
            self._pauses = backoff.expo(factor=0.1, max_value=RETRY_S)
            next(self._pauses)
        self._resume_at = self._steady() + next(self._pauses)

    def over(self) -> None:
        self._pauses = None

    def left(self) -> float:
        """Seconds until the next try."""
        return 0.0 if self._pauses is None else max(0.0, self._resume_at - self._steady())
