"""How far the clock was ever set back while executions were submitted: what a search by time must know.

Executions are numbered in order of submission, so their times of submission are in that order, too, unless the clock was set back in
between. Then an execution's time lies behind the latest one before it, by at most what is kept here; written only when that grows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from storage.protocol import Key
from workflows.runtime.ledger import Pending

Read = Callable[[str, Key], Any]
"""A record's data by kind and key, or None."""

_KEY = ("clock",)


def set_back(read: Read) -> float:
    """Seconds by which a time of submission lies behind an earlier execution's at most."""
    data = read("document", _KEY)
    return 0.0 if data is None else float(data["back"])


class SetBack:
    """Belongs to the engine's thread, which tells it of every submission."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self.forget()

    def forget(self) -> None:
        """After a failed commit: what was noted in it was not."""
        self._latest: float | None = None
        self._stored = (0.0, 0.0)

    def note(self, pending: Pending, now: float, before: Callable[[], float | None]) -> None:
        """An execution is submitted `now`; `before` gives the last one's time, and is asked once."""
        if self._latest is None:
            data = self._read("document", _KEY)
            self._stored = (0.0, 0.0) if data is None else (data["latest"], data["back"])
            self._latest = max(self._stored[0], before() or 0.0)
        if now >= self._latest:
            self._latest = now
            return
        noted = (self._latest, max(self._stored[1], self._latest - now))
        if noted != self._stored:
            self._stored = noted
            pending.put("document", _KEY, {"latest": noted[0], "back": noted[1]})
