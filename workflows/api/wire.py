"""Takes request bodies from the wire: whole or not at all, and always to their end.

A body that is cut off or too long is never taken for a shorter one, which could be JSON all the same. And a client that is answered in the
middle of sending, and then has the connection closed on it, mostly sees "connection reset" and never the answer that says why; so what
remains of every refused or ignored body is read and thrown away, up to a bound, in small pieces.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import IO, TYPE_CHECKING, Any

from flask import request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PIECE_BYTES = 64 * 1024
DRAINED_BYTES = 256 * 1024 * 1024
"""Of one body; who sends more may well see a reset."""

DRAINING_S = 30.0
"""For one body; who sends slower may well see a reset."""


class _Counted:
    """A request's body that knows how much of it has been read."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.taken = 0
        self.failed = False

    def _take(self, read: Callable[..., bytes], *size: int) -> bytes:
        try:
            data = read(*size)
        except Exception as error:
            self.failed = True  # where the body ends cannot be known
            raise ClientDisconnected("the request body breaks off, or is not what its headers say") from error
        self.taken += len(data)
        return data

    def read(self, *size: int) -> bytes:
        return self._take(self._stream.read, *size)

    def readline(self, *size: int) -> bytes:
        return self._take(self._stream.readline, *size)

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")


def body() -> bytes:
    """The present request's body. Raises RequestEntityTooLarge, and ClientDisconnected for one that does not come to its end."""
    data = request.get_data(cache=False)
    announced = request.content_length
    if announced is not None and len(data) < announced:
        raise ClientDisconnected(f"the request body breaks off: {announced:,} bytes were announced and {len(data):,} came")
    if announced is None and data and request.environ["wsgi.input"].read(1):  # a body in chunks is silently cut at the limit
        raise RequestEntityTooLarge
    return data


class ReadToTheEnd:
    """WSGI middleware: the application answers, the rest of the body is read, and only then the answer goes out."""

    def __init__(self, application: WSGIApplication, clock: Callable[[], float] = time.monotonic) -> None:
        self._application = application
        self._clock = clock

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        rest = environ["wsgi.input"] = _Counted(environ["wsgi.input"])
        answer = self._application(environ, start_response)
        self._drain(rest, _length(environ))
        return answer

    def _drain(self, rest: _Counted, length: int) -> None:
        """Never past the announced length: not every server ends the stream there."""
        left, until = min(length - rest.taken, DRAINED_BYTES), self._clock() + DRAINING_S
        while left > 0 and not rest.failed and self._clock() < until:
            try:
                piece = rest.read(min(left, PIECE_BYTES))
            except Exception:
                return
            if not piece:
                return
            left -= len(piece)


def _length(environ: WSGIEnvironment) -> int:
    """How long the body is at most: as announced; without end, as far as we go, if the server ends the stream; else there is none."""
    if environ.get("wsgi.input_terminated") and environ.get("HTTP_TRANSFER_ENCODING"):
        return 1 << 62
    announced = environ.get("CONTENT_LENGTH") or "0"
    return int(announced) if announced.isdecimal() else 0
