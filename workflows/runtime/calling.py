"""Calls one function for one attempt and makes data of what comes of it. On whatever thread, in whatever process: it knows neither.

Whatever a function raises, SystemExit included, ends its attempt and nothing else.
"""

from __future__ import annotations

import json
import threading
import traceback
from collections.abc import Callable
from typing import Any

from task_functions.registry import Function
from workflows.errors import NotJson
from workflows.language.text import InvalidValue, check, dumps
from workflows.model import DATA_LIMIT_EXCEEDED, INVALID_RESULT, RESULT_BYTES, Error, exceeds
from workflows.runtime.capture import Tail, captured, plain
from workflows.runtime.context import RunContext
from workflows.runtime.executor import Done, Erred, Run
from workflows.runtime.secrets import SecretNotFound, Vault

FUNCTION_NOT_FOUND = "FunctionNotFound"

TRACEBACK_CHARS = 16_000
"""The end of a longer traceback is kept."""

_MACHINERY = frozenset({__name__, "task_functions.registry", "task_functions.handlers"})
"""Modules whose frames at the top of a traceback say nothing to the function's author."""


Lookup = Callable[[str], Function | None]
"""Finds a function by name."""


def call(
    run: Run, lookup: Lookup, vault: Vault, beat: Callable[[], None], stop: threading.Event, tail: Tail, missing: str = ""
) -> Done | Erred:
    """What the attempt comes to. `vault` has the secrets; what is printed, logged and raised is masked. `beat` passes a heartbeat on,
    `stop` is set when the attempt is no longer wanted, `tail` takes what it prints; `missing`: what else to say of a function that is not
    there. Raises nothing."""
    try:
        function = lookup(run.function)
        if function is None:
            return Erred(Error(FUNCTION_NOT_FOUND, f"no function {run.function!r} is registered{missing}"))
        data, mask = vault.fill(json.loads(run.input), run.secrets)
        if mask:
            tail.mask = mask
        return _called(run, function, data, beat, stop, tail)
    except BaseException as error:  # a result whose own methods raise, say: whatever it is, it is reported
        return Erred(describe(error, tail.mask))
    finally:
        tail.close()


def _called(run: Run, function: Function, data: Any, beat: Callable[[], None], stop: threading.Event, tail: Tail) -> Done | Erred:
    ctx = RunContext(run, beat, stop, tail.mask)
    with captured(tail):
        try:
            result = function.invoke(data, ctx)
        except BaseException as error:
            return Erred(describe(error, tail.mask))
        try:
            raw = function.handler and isinstance(result, bytes | bytearray | memoryview)
            output = check(bytes(result), "result") if raw else dumps(result)
        except (InvalidValue, NotJson) as error:
            return Erred(Error(INVALID_RESULT, tail.mask(f"the function returned what JSON cannot hold: {error}")))
    if exceeds(output, RESULT_BYTES):  # not to be carried about only to be refused
        return Erred(Error(DATA_LIMIT_EXCEEDED, f"the result is longer than {RESULT_BYTES:,} bytes"))
    return Done(output)


def describe(error: BaseException, mask: Callable[[str], str] = plain) -> Error:
    """An exception as data. The type is the class's name; nothing the exception's own methods do can raise here. `mask` takes secrets out
    of a text, before it is cut."""
    if isinstance(error, SecretNotFound):
        return Error(SecretNotFound.__name__, str(error))
    try:
        message = str(error)
    except BaseException as failure:
        message = f"(its text cannot be had: {type(failure).__name__})"
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_globals.get("__name__") in _MACHINERY:
        frames = frames.tb_next
    try:
        text = "".join(traceback.format_exception(type(error), error, frames))
    except BaseException as failure:
        text = f"(the traceback cannot be had: {type(failure).__name__})"
    return Error(_clean(mask(type(error).__name__)), _clean(mask(message)), _clean(mask(text)[-TRACEBACK_CHARS:]))


def _clean(text: str) -> str:
    """Text that UTF-8 can hold: lone surrogates, as from undecodable file names, are written out."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
