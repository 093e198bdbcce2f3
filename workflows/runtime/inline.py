"""Runs attempts on daemon threads of the server itself: for built-ins and quick, trusted functions.

A thread cannot be killed. When its attempt is cancelled or times out, the thread is *abandoned*: it runs out in its own time while another
takes its place, up to as many as there are workers; beyond that capacity shrinks until one returns, and `troubles` says so. Whatever a
function raises, SystemExit included, ends its attempt and nothing else.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

from task_functions.registry import Function
from workflows.errors import NotJson
from workflows.language.text import InvalidValue, check, dumps
from workflows.model import INVALID_RESULT, Error
from workflows.runtime.context import RunContext
from workflows.runtime.executor import Beat, Done, Erred, Identity, Lost, Outcome, Report, Run
from workflows.runtime.secrets import NOTHING, Mask, SecretNotFound, Vault, install, masking

log = logging.getLogger(__name__)

TRACEBACK_CHARS = 16_000
"""The end of a longer traceback is kept."""

_MACHINERY = frozenset({__name__, "task_functions.registry", "task_functions.handlers"})
"""Modules whose frames at the top of a traceback say nothing to the function's author."""


@dataclass(slots=True)
class _Attempt:
    run: Run
    stop: threading.Event = field(default_factory=threading.Event)
    begun: bool = False


class InlineExecutor:
    """An `Executor`. `lookup` finds a function by name; `workers` attempts run at once; `vault` has the secrets."""

    name = "inline"

    def __init__(self, lookup: Callable[[str], Function | None], workers: int, vault: Vault | None = None) -> None:
        self._lookup = lookup
        self._vault = vault or Vault()
        self._workers = workers
        self._queue: queue.SimpleQueue[_Attempt | None] = queue.SimpleQueue()
        self._attempts: dict[Identity, _Attempt] = {}
        self._lock = threading.Lock()
        self._threads = 0
        self._abandoned = 0
        self._report: Report | None = None
        self._closed = False

    @property
    def capacity(self) -> int:
        return self._threads - self._abandoned

    def start(self, report: Report) -> None:
        with self._lock:
            if self._report is not None or self._closed:
                return
            self._report = report
            install()
            for _ in range(self._workers):
                self._spawn()

    def submit(self, run: Run) -> None:
        with self._lock:
            if run.identity in self._attempts or self._closed:
                return
            attempt = self._attempts[run.identity] = _Attempt(run)
        self._queue.put(attempt)

    def cancel(self, identity: Identity) -> None:
        with self._lock:
            attempt = self._attempts.get(identity)
            if attempt is None or attempt.stop.is_set():
                return
            attempt.stop.set()
            if attempt.begun:
                self._abandoned += 1
                if self._threads < 2 * self._workers and not self._closed:
                    self._spawn()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            for attempt in self._attempts.values():
                attempt.stop.set()
            for _ in range(self._threads):
                self._queue.put(None)

    def troubles(self) -> list[str]:
        short = self._workers - self.capacity if self._report is not None and not self._closed else 0
        return [f"{short} of {self._workers} workers are held up by attempts that were cancelled or timed out"] if short > 0 else []

    # -------------------------------------------------------------------------------------------------------------- threads

    def _spawn(self) -> None:
        try:
            threading.Thread(target=self._work, name="task", daemon=True).start()
        except RuntimeError as error:  # the system has no more; `cancel`, on the engine's thread, must not fail for that
            log.error("one worker less than there should be: %s", error)
        else:
            self._threads += 1

    def _work(self) -> None:
        while (attempt := self._queue.get()) is not None:
            with self._lock:
                attempt.begun = not attempt.stop.is_set()
            outcome = self._outcome(attempt) if attempt.begun else Lost()
            if self._over(attempt, outcome):
                return
        with self._lock:
            self._threads -= 1

    def _over(self, attempt: _Attempt, outcome: Outcome) -> bool:
        """Report the end of an attempt. True: the thread was replaced meanwhile and is to end."""
        with self._lock:
            del self._attempts[attempt.run.identity]
            abandoned = attempt.begun and attempt.stop.is_set() and not self._closed
            self._abandoned -= abandoned
            surplus = abandoned and self._threads - self._abandoned > self._workers
            self._threads -= surplus
        self._tell(attempt.run.identity, outcome)
        return surplus

    def _tell(self, identity: Identity, outcome: Outcome) -> None:
        assert self._report is not None, "an executor runs nothing before its start"
        self._report(identity, outcome)

    def _outcome(self, attempt: _Attempt) -> Outcome:
        try:
            return self._called(attempt)
        except BaseException as error:  # a result whose own methods raise, say: whatever it is, it is reported
            return Erred(describe(error))

    def _called(self, attempt: _Attempt) -> Outcome:
        run = attempt.run
        function = self._lookup(run.function)
        if function is None:
            return Erred(Error("FunctionNotFound", f"no function {run.function!r} is registered"))
        ctx = RunContext(run, lambda: self._tell(run.identity, Beat()), attempt.stop)
        try:
            data, mask = self._vault.fill(json.loads(run.input), run.secrets)
        except SecretNotFound as error:
            return Erred(Error(SecretNotFound.__name__, str(error)))
        try:
            with masking(mask):
                result = function.invoke(data, ctx)
        except BaseException as error:
            return Erred(describe(error, mask))
        try:
            raw = function.handler and isinstance(result, bytes | bytearray | memoryview)
            return Done(check(bytes(result), "result") if raw else dumps(result))
        except (InvalidValue, NotJson) as error:
            return Erred(Error(INVALID_RESULT, mask(f"the function returned what JSON cannot hold: {error}")))
        except BaseException as error:
            return Erred(describe(error, mask))


def describe(error: BaseException, mask: Mask = NOTHING) -> Error:
    """An exception as data. The type is the class's name; nothing the exception's own methods do can raise here. `mask`: of the secrets
    the function was given."""
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
    return Error(mask(type(error).__name__), _clean(mask(message)), _clean(mask(text)[-TRACEBACK_CHARS:]))


def _clean(text: str) -> str:
    """Text that UTF-8 can hold: lone surrogates, as from undecodable file names, are written out."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
