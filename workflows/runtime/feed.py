"""Tells whoever waits what a commit has changed, after that commit: no polling, and nobody is told too early.

The engine's thread publishes, any thread waits. Whoever waits for an end registers first and looks then: an end before that is seen in the
store, one after it is told. Listeners hear of every commit. Knows nothing of what is waited for beyond its number.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from workflows.runtime.feed_log import News


class Feed:
    """`close` lets everybody go, and whoever comes later does not wait at all."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[int, list[threading.Event]] = {}
        self._listeners: list[tuple[Callable[[News], None], Callable[[], None]]] = []
        self._closed = False

    def listen(self, heard: Callable[[News], None], closed: Callable[[], None]) -> None:
        """Have `heard` called after each commit, on the engine's thread, and `closed` when there will be no more. Before the engine
        starts."""
        self._listeners.append((heard, closed))

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

    def published(self, news: News) -> None:
        """This has changed, and that is committed."""
        if not news.number:
            return
        if self._waiting:
            with self._lock:
                for change in news.changes:
                    if change.ends:
                        for event in self._waiting.get(change.number, ()):
                            event.set()
        for heard, _ in self._listeners:
            heard(news)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            for events in self._waiting.values():
                for event in events:
                    event.set()
        for _, closed in self._listeners:
            closed()
