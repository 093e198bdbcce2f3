"""Requests that wait hold a thread each. They may hold so many and no more, so that one is always left for those that do not wait."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from workflows.errors import Unavailable


def waiting_requests(threads: int) -> int:
    """Of so many that answer requests: a quarter, and two at least, are kept for those that do not wait."""
    return threads - max(2, threads // 4)


class Seats:
    """`count`: requests that may wait at once."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._free = threading.BoundedSemaphore(count)

    @contextmanager
    def seat(self) -> Iterator[None]:
        """Taken before anything is done for the request, so that one who gets none may just ask again. Raises Unavailable."""
        if not self._free.acquire(blocking=False):
            raise Unavailable(f"{self._count} requests wait or watch already, and that is all that may; ask without, or in a while")
        try:
            yield
        finally:
            self._free.release()
