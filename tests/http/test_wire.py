"""How far an unread body is read, on a made-up wire."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from workflows.api.wire import DRAINED_BYTES, DRAINING_S, PIECE_BYTES, ReadToTheEnd

ENDLESS = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}


class Wire:
    """A body of so many bytes that breaks off with an error after `breaks`; each read takes `seconds`."""

    def __init__(self, size: int, breaks: int | None = None, seconds: float = 0.0) -> None:
        self.left, self.breaks, self.seconds = size, breaks, seconds
        self.taken, self.largest, self.now = 0, 0, 0.0

    def read(self, size: int) -> bytes:
        self.now += self.seconds
        if self.breaks is not None and self.taken >= self.breaks:
            raise OSError("the client is gone")
        data = b"x" * min(size, self.left)
        self.left -= len(data)
        self.taken += len(data)
        self.largest = max(self.largest, size)
        return data


def request(wire: Wire, environ: dict[str, Any], reads: int = 0) -> Iterable[bytes]:
    def application(environ: Any, _: Any) -> list[bytes]:
        if reads:
            environ["wsgi.input"].read(reads)
        return [b"answer"]

    return ReadToTheEnd(application, lambda: wire.now)({"wsgi.input": wire, **environ}, lambda *_: lambda _: None)


def test_the_rest_is_read_in_pieces_and_never_past_the_announced_length() -> None:
    wire = Wire(10_000_000)
    assert request(wire, {"CONTENT_LENGTH": "1000000"}, reads=10) == [b"answer"]
    assert (wire.taken, wire.largest) == (1_000_000, PIECE_BYTES)


@pytest.mark.parametrize(
    "environ", [{}, {"CONTENT_LENGTH": ""}, {"CONTENT_LENGTH": "0"}, {"CONTENT_LENGTH": "-5"}, {"CONTENT_LENGTH": "x"}]
)
def test_where_no_body_is_announced_nothing_is_read(environ: dict[str, Any]) -> None:
    """A server may block on it."""
    wire = Wire(100)
    request(wire, environ)
    assert wire.taken == 0


def test_chunks_are_read_to_their_end() -> None:
    wire = Wire(1_000_000)
    request(wire, ENDLESS)
    assert wire.taken == 1_000_000


@pytest.mark.parametrize("environ", [ENDLESS, {"CONTENT_LENGTH": str(10 * DRAINED_BYTES)}])
def test_there_is_a_bound(environ: dict[str, Any]) -> None:
    wire = Wire(2 * DRAINED_BYTES)
    assert request(wire, environ) == [b"answer"]
    assert wire.taken == DRAINED_BYTES


def test_there_is_a_time_limit() -> None:
    wire = Wire(DRAINED_BYTES, seconds=1.0)
    assert request(wire, ENDLESS) == [b"answer"]
    assert wire.now == DRAINING_S


def test_a_client_that_goes_away_changes_no_answer() -> None:
    wire = Wire(1_000_000, breaks=100_000)
    assert request(wire, {"CONTENT_LENGTH": "1000000"}) == [b"answer"]
