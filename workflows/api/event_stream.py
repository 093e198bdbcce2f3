"""An answer that goes on: server-sent events, and what the connection behind it must do for that.

A client that has left is noticed by its closed connection, and one that does not read is cut off: neither may hold a thread for ever.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Callable
from typing import Any

from flask import Response, request

from workflows.api.access import still_welcome
from workflows.service.streams import Stream

EVENT_STREAM = "text/event-stream"

SENDING_S = 20.0
"""How long the connection may take nothing before it is cut."""

_SOCKETS = ("gunicorn.socket", "werkzeug.socket")


def event_stream(open_stream: Callable[[Callable[[], bool]], Stream]) -> Response:
    """The answer that sends a stream's pieces. `open_stream` is given a function that says whether the client has left, or has no right to
    go on: its key was revoked."""
    headers = {"X-Accel-Buffering": "no"}  # for proxies that would keep it until there is more
    if request.method == "HEAD":
        return Response(status=200, headers=headers, content_type=EVENT_STREAM)
    wire: socket.socket | None = next((request.environ[name] for name in _SOCKETS if name in request.environ), None)
    welcome = still_welcome()
    stream = open_stream(lambda: (wire is not None and _has_left(wire)) or not welcome())
    if wire is not None:
        wire.settimeout(SENDING_S)
    response = Response(stream, headers=headers, content_type=EVENT_STREAM)
    response.call_on_close(stream.close)
    return response


def _has_left(wire: Any) -> bool:
    """Whether the other side has closed the connection."""
    look = select.poll()
    try:
        look.register(wire, select.POLLIN)
        return bool(look.poll(0)) and wire.recv(1, socket.MSG_PEEK) == b""
    except (OSError, ValueError):
        return True
