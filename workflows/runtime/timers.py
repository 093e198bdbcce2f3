"""What is due next, over the stored index of deadlines: a window of the nearest in memory, the rest on disk.

Owns no thread and no clock: the engine asks what is due at a moment. A hundred thousand executions that wait cost a window of entries, not
a hundred thousand. Entries may be stale (the frame has gone on); the machine ignores a deadline that is no longer the frame's.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping

from storage.protocol import Key

WINDOW = 1_000
"""Entries read from the index at a time."""

Scan = Callable[[Key | None, int], list[Key]]
"""Entries of the stored index after a key, ascending, at most so many. An entry is (due, execution number, path)."""


class Timers:
    """Belongs to the engine's thread. `scan` reads the committed index."""

    def __init__(self, scan: Scan) -> None:
        self._scan = scan
        self.clear()

    def clear(self) -> None:
        """Forget the window; the next question reads the index again."""
        self._heap: list[Key] = []
        self._beyond: Key | None = None
        self._whole = False

    def changed(self, entries: Mapping[Key, bool]) -> None:
        """These entries of the index were added (True) or removed, and that is committed."""
        for key, present in entries.items():
            if present and (self._whole or (self._beyond is not None and key <= self._beyond)):
                heapq.heappush(self._heap, key)
        if len(self._heap) > 4 * WINDOW:
            self._heap = heapq.nsmallest(WINDOW, self._heap)
            self._beyond, self._whole = self._heap[-1], False

    def next(self) -> float | None:
        """When the nearest deadline is, or None. It may be one that has been removed since."""
        self._fill()
        return float(self._heap[0][0]) if self._heap else None

    def due(self, now: float, limit: int) -> list[Key]:
        """Take out entries due at `now`, earliest first, at most `limit`."""
        taken: list[Key] = []
        while len(taken) < limit:
            self._fill()
            if not self._heap or float(self._heap[0][0]) > now:
                break
            taken.append(heapq.heappop(self._heap))
        return taken

    def _fill(self) -> None:
        """Read the next window when the last is used up."""
        while not self._heap and not self._whole:
            page = self._scan(self._beyond, WINDOW)
            self._whole = len(page) < WINDOW
            self._beyond = page[-1] if page else self._beyond
            self._heap = page
