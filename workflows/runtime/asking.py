"""How the server's own threads ask the engine: several requests at once, each answered after the commit that holds its effect."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any

from workflows.errors import Busy, StepwellError, Unavailable
from workflows.runtime.engine import Engine
from workflows.runtime.inbox import Request

ANSWER_S = 30.0

Ask = Callable[[list[Request]], list[Any]]
"""Performs requests and gives what each is answered, an error as it is."""


def asker(engine: Engine) -> Ask:
    def ask(requests: list[Request]) -> list[Any]:
        return [_answer(request) for request in [_handed_over(engine, request) for request in requests]]

    return ask


def _handed_over(engine: Engine, request: Request) -> Request | StepwellError:
    try:
        engine.inbox.ask(request)
    except (Busy, Unavailable) as error:
        return error
    return request


def _answer(request: Request | StepwellError) -> Any:
    if isinstance(request, StepwellError):
        return request
    try:
        return request.reply.result(ANSWER_S)
    except FutureTimeout:
        request.reply.cancel()
        return Unavailable(f"no answer within {ANSWER_S:g} seconds")
    except Exception as error:
        return error
