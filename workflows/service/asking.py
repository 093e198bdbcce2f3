"""How the rest of the service reaches the engine, in whose name, and how an execution is found by its id."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from workflows.errors import NotFound, Unavailable
from workflows.model import Header
from workflows.runtime.audit import Origin
from workflows.runtime.engine import Engine
from workflows.runtime.execution import Execution, header_of
from workflows.runtime.inbox import Request
from workflows.runtime.ledger import Snapshot
from workflows.runtime.names import find_number

ANSWER_S = 30.0
"""How long a request waits for its commit."""

SERVER = Origin("server")
ORIGIN = ContextVar("ORIGIN", default=SERVER)
"""Who asks, for the audit log. A face sets it for each of its requests; a thread that somebody starts must set it anew."""


@contextmanager
def acting(origin: Origin) -> Iterator[None]:
    """What is asked meanwhile, by this thread, is asked in this name."""
    token = ORIGIN.set(origin)
    try:
        yield
    finally:
        ORIGIN.reset(token)


def ask(engine: Engine, request: Request) -> Any:
    """The engine's answer, after the commit that holds the effect. Raises what the engine answers, Busy, Unavailable."""
    begin(engine, request)
    return answered(request)


def begin(engine: Engine, request: Request) -> None:
    """Hand it over, in the name of whoever asks; `answered` waits for it. Raises Busy, Unavailable."""
    request.origin = ORIGIN.get()
    engine.inbox.ask(request)


def answered(request: Request) -> Any:
    """What a request that is in the inbox is answered. Raises what the engine answers, and Unavailable."""
    try:
        return request.reply.result(ANSWER_S)
    except FutureTimeout:
        request.reply.cancel()
        raise Unavailable(f"no answer within {ANSWER_S:g} seconds; the request may still take effect") from None


def find(snapshot: Snapshot, execution_id: str) -> Execution:
    """The execution as of the snapshot. Raises NotFound."""
    number = find_number(snapshot.scan, execution_id)
    execution = Execution.load(number, snapshot.read) if number is not None else None
    if execution is None or execution.header is None or execution.header.id != execution_id:
        raise NotFound(f"no execution has the id {execution_id!r}")
    return execution


def locate(snapshot: Snapshot, execution_id: str) -> tuple[int, Header]:
    """The execution's number and header as of the snapshot, without its frames. Raises NotFound."""
    number = find_number(snapshot.scan, execution_id)
    header = header_of(number, snapshot.read) if number is not None else None
    if number is None or header is None or header.id != execution_id:
        raise NotFound(f"no execution has the id {execution_id!r}")
    return number, header
