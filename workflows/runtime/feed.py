"""Tells whoever waits for an execution that it has ended, after the commit that ends it: no polling, and nobody is told too early.

The engine's thread publishes, any thread waits. Whoever waits registers first and looks then: an end before that is seen in the store, one
after it is told. Knows nothing of what is waited for beyond its number.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from workflows.model import ENDED
from workflows.runtime.execution import Execution


class Feed:
    """`close` lets everybody go, and whoever comes later does not wait at all."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[int, list[threading.Event]] = {}
        self._closed = False

    @contextmanager
    def end_of(self, number: int) -> Iterator[threading.Event]:
        """An event that is set when the execution ends, from now on, or when the server stops. Look in the store inside the `with`."""
        event = threading.Event()
        with self._lock:
            self._waiting.setdefault(number, []).append(event)
            if self._closed:
                event.set()
        try:
            yield event
        finally:
            with self._lock:
                waiting = self._waiting[number]
                waiting.remove(event)
                if not waiting:
                    del self._waiting[number]

    def published(self, executions: Iterable[Execution]) -> None:
        """These have changed, and that is committed."""
        if not self._waiting:
            return
        ended = [one.number for one in executions if one.header is not None and one.header.status in ENDED]
        with self._lock:
            for number in ended:
                for event in self._waiting.get(number, ()):
                    event.set()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            for events in self._waiting.values():
                for event in events:
                    event.set()
