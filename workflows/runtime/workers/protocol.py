"""What a worker process and its parent say to each other, over one stream socket.

A message is a JSON array that begins with its kind. Messages travel in frames (a length of 4 bytes, big-endian, then an array of messages),
so that all that waits is one write and one parse. Payloads cross as text, inside a JSON string: numbers keep their form.

To the worker: hello(path, sources, threads, secrets), run(attempt, ...), cancel(attempt), ping(); the end of the stream means: end.
To the parent: ready(errors), done(attempt, output), erred(attempt, type, message, traceback), beat(attempt), log(attempt, text, truncated),
pong(), said(logger, level, text). An `attempt` is a number that the parent gives.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from workflows.runtime.executor import Identity, Run

HELLO, RUN, CANCEL, PING = "hello", "run", "cancel", "ping"
READY, DONE, ERRED, BEAT, LOG, PONG, SAID = "ready", "done", "erred", "beat", "log", "pong", "said"

READ_BYTES = 1 << 20
"""Read at once."""

_LENGTH = struct.Struct(">I")


class BrokenStream(Exception):
    """What came is no message: somebody else has written into the socket."""


def message(kind: str, *fields: Any) -> bytes:
    """Raises orjson.JSONEncodeError for what JSON text cannot hold."""
    return orjson.dumps([kind, *fields])


def frame(messages: Sequence[bytes]) -> bytes:
    body = b"[" + b",".join(messages) + b"]"
    return _LENGTH.pack(len(body)) + body


class Inlet:
    """Cuts what was read into messages."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[list[Any]]:
        """The messages that are complete now. Raises BrokenStream."""
        self._rest += data
        while len(self._rest) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(self._rest)[0]
            if len(self._rest) < end:
                return
            try:
                messages = orjson.loads(bytes(self._rest[_LENGTH.size : end]))
            except orjson.JSONDecodeError as error:
                raise BrokenStream(str(error)) from error
            del self._rest[:end]
            yield from messages


def run_message(number: int, run: Run) -> bytes:
    fields = (run.function, run.input, run.execution_id, run.job_id, run.task_id, run.attempt, run.idempotency_key)
    return message(RUN, number, *fields, dict(run.labels), dict(run.results), run.timeout, run.heartbeat, dict(run.secrets))


def read_run(number: int, *fields: Any) -> Run:
    """Its identity is the parent's business: here it is only the number."""
    return Run(Identity(number, "", 0), *fields)
