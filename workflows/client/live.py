"""Live events: what changes, told by the server, and watching an execution with their help."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import requests
import urllib3

from workflows.client.changes import ENDED, Change, changes
from workflows.client.errors import CannotReach, ClientError
from workflows.client.executions import Executions
from workflows.client.transport import Json

SILENCE_S = 40.0
"""After so long without a sign of life a stream has broken off; the server gives one every 15 seconds."""

POLLING_S = 5.0
"""How long the server is asked again and again before a stream is tried once more."""


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """`name`: message or reset; "" of what only says where to go on. `id`: that place. `data` is JSON text, of a message the execution."""

    name: str
    data: str
    id: str | None = None


class Live(Executions):
    def stream(
        self,
        *,
        execution: str | None = None,
        job: str | None = None,
        types: str | None = None,
        replay: bool = False,
        last_event_id: str | None = None,
    ) -> Generator[StreamEvent, None, None]:
        """What changes, until the server ends the stream or the connection breaks. Filters are those of `GET /stream`; after
        `last_event_id` it goes on without a gap. Raises NotReady when too many watch already."""
        asked = {"execution": execution, "job": job, "types": types, "replay": "true" if replay else None}
        headers = {} if last_event_id is None else {"Last-Event-ID": last_event_id}
        query = {name: value for name, value in asked.items() if value}
        broken = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)
        with self.opened("/stream", query, headers, SILENCE_S) as response, suppress(*broken):
            yield from events(iter(lambda: response.raw.read1(65_536), b""))

    def watch(self, execution_id: str, interval: float = 0.2, sleep: Callable[[float], None] = time.sleep) -> Iterator[Change]:
        """What changes, as it is seen, until the execution has ended; its own end is the last. The server tells when there is something
        to see. Where it does not, or the connection breaks, it is asked every `interval` seconds for a while. What comes and goes in
        between is not seen."""
        before: Json = {"status": None, "tasks": []}
        for _ in self._signs(execution_id, interval, sleep):
            state = self.state(execution_id)
            yield from changes(before, state)
            if state["status"] in ENDED:
                return
            before = state

    def _signs(self, execution_id: str, interval: float, sleep: Callable[[float], None]) -> Iterator[None]:
        """Whenever there may be something new, without end."""
        last: str | None = None
        while True:
            begun = False
            with suppress(ClientError, CannotReach):
                for event in self.stream(execution=execution_id, last_event_id=last):
                    last, begun = event.id or last, True
                    yield
            for _ in range(1 if begun else max(1, round(POLLING_S / interval))):
                yield
                sleep(interval)


def events(pieces: Iterable[bytes]) -> Iterator[StreamEvent]:
    """Server-sent events in the bytes of a stream, however they are cut. An id without data is an event without a name."""
    rest = b""
    for piece in pieces:
        *blocks, rest = (rest + piece).split(b"\n\n")
        for block in blocks:
            told = dict(line.partition(": ")[::2] for line in block.decode().splitlines() if not line.startswith(":"))
            if "id" in told or "data" in told:
                yield StreamEvent(told.get("event", ""), told.get("data", ""), told.get("id"))
