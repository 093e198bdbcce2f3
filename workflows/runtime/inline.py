"""Runs attempts on daemon threads of the server itself: for built-ins and quick, trusted functions.

A thread cannot be killed. When its attempt is cancelled or times out, the thread is *abandoned*: it runs out in its own time while another
takes its place, up to as many as there are workers; beyond that capacity shrinks until one returns, and `troubles` says so. What an
attempt prints goes out about once a second, and for the last time before its end.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from workflows.logs import bound
from workflows.model import INLINE
from workflows.runtime.calling import Lookup, call
from workflows.runtime.capture import Pulse
from workflows.runtime.executor import Beat, Identity, Lost, Outcome, Report, Run
from workflows.runtime.output import Output
from workflows.runtime.secrets import Vault

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Attempt:
    run: Run
    output: Output
    stop: threading.Event = field(default_factory=threading.Event)
    begun: bool = False


class InlineExecutor:
    """An `Executor`. `lookup` finds a function by name; `workers` attempts run at once; `vault` has the secrets."""

    def __init__(self, lookup: Lookup, workers: int, vault: Vault | None = None, name: str = INLINE) -> None:
        self.name = name
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
        self._pulse = Pulse(self._pass_on)

    @property
    def capacity(self) -> int:
        return self._threads - self._abandoned

    def start(self, report: Report, _more: Callable[[], None] = lambda: None) -> None:
        with self._lock:
            if self._report is not None or self._closed:
                return
            self._report = report
            for _ in range(self._workers):
                self._spawn()

    def prepare(self) -> None:
        """There are as many threads as there may be."""

    def submit(self, run: Run) -> None:
        with self._lock:
            if run.identity in self._attempts or self._closed:
                return
            attempt = self._attempts[run.identity] = _Attempt(run, Output(run, self._pulse.ask))
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
        attempt.output.pass_on(self._tell)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            attempts = list(self._attempts.values())
            for attempt in attempts:
                attempt.stop.set()
            for _ in range(self._threads):
                self._queue.put(None)
        for attempt in attempts:
            attempt.output.pass_on(self._tell)

    def gauges(self) -> Mapping[str, int]:
        return {"workers": self.capacity, "processes": 0}

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
        attempt.output.pass_on(self._tell)
        self._tell(attempt.run.identity, outcome)
        return surplus

    def _tell(self, identity: Identity, outcome: Outcome) -> None:
        assert self._report is not None, "an executor runs nothing before its start"
        self._report(identity, outcome)

    def _outcome(self, attempt: _Attempt) -> Outcome:
        run = attempt.run
        with bound(execution_id=run.execution_id, task_id=run.task_id, attempt=run.attempt):
            return call(run, self._lookup, self._vault, lambda: self._tell(run.identity, Beat()), attempt.stop, attempt.output.tail)

    def _pass_on(self) -> None:
        with self._lock:
            attempts = list(self._attempts.values())
        for attempt in attempts:
            if attempt.output.pass_on(self._tell, now=False):
                self._pulse.ask()
