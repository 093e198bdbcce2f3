"""A reader of event streams for tests: it reads on a thread of its own, so that a test can wait for what it wants to see."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from types import TracebackType
from typing import Any
from urllib.parse import urlencode

from tests.http.client import eventually
from workflows.api.schemas.stream import StreamedExecutionSchema
from workflows.client import StreamEvent
from workflows.client.live import events

SCHEMA = StreamedExecutionSchema()


class Reader:
    """`status` and `headers` are there when the stream has begun. `seen`: all events so far; `ended`: there will be no more."""

    def __init__(self, url: str, last: str | None = None, key: str | None = None, path: str = "/stream", **query: str) -> None:
        headers = {} if last is None else {"Last-Event-ID": last}
        headers |= {} if key is None else {"Authorization": f"Bearer {key}"}
        self._connection = HTTPConnection(url.removeprefix("http://"), timeout=30)
        self._connection.request("GET", f"{path}?{urlencode(query)}", headers=headers)
        self._wire = self._connection.sock
        self._answer = self._connection.getresponse()
        self.status, self.headers = self._answer.status, self._answer.headers
        self.seen: list[StreamEvent] = []
        self.ended = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        if self.status == 200:
            self._thread.start()
            eventually(lambda: self.position or self.ended.is_set() or None, "the beginning of the stream")

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        with suppress(OSError):
            self._wire.shutdown(socket.SHUT_RDWR)
        if self._thread.is_alive():
            self._thread.join(10)
        self._connection.close()

    def _read(self) -> None:
        with suppress(HTTPException, OSError):
            for event in events(iter(lambda: self._answer.read1(65_536), b"")):
                self.seen.append(event)
        self.ended.set()

    @property
    def position(self) -> str | None:
        """Where to go on."""
        return next((event.id for event in reversed(self.seen) if event.id), None)

    @property
    def values(self) -> list[dict[str, Any]]:
        """What was sent, as it was."""
        return [json.loads(event.data) for event in self.seen.copy() if event.name == "message"]

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The executions that were sent, each of exactly the declared shape."""
        return [dict(SCHEMA.loads(event.data)) for event in self.seen.copy() if event.name == "message"]

    @property
    def ends(self) -> list[str]:
        return [one["id"] for one in self.messages if one["ended"] is not None]

    def until(self, holds: Callable[[list[dict[str, Any]]], bool], what: str) -> list[dict[str, Any]]:
        def look() -> list[dict[str, Any]] | None:
            found = self.messages
            return found if holds(found) else None

        return eventually(look, what)

    def until_ended(self, *names: str) -> list[dict[str, Any]]:
        return self.until(lambda found: set(names) <= {one["id"] for one in found if one["ended"] is not None}, f"the ends of {names}")
