"""The engine: one thread that takes what came in, steps it, commits it in one transaction, and only then acts.

Owns the order of things (commit, then act), the attempts in flight, recovery, draining and what happens when a commit fails. It knows no
status and no rule of any dialect: `Stepper` steps, `Gate` chooses, `Ledger` writes, an executor runs. `turn` is the whole loop and needs no
thread, so that a simulation can drive it with its own clock and stop it between any two effects.
"""

from __future__ import annotations

import logging
import os
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import backoff

from storage.protocol import CorruptRecord, Key, StoreError, StoreUnavailable
from storage.records import decode
from workflows.errors import Unavailable
from workflows.model import RUNTIME, Continue, Error, Event, Failed, Fired, Heartbeat, Interrupted, Started, Status, Succeeded, Taken
from workflows.runtime.catalogue import Catalogue
from workflows.runtime.dispatch import Functions, build_run
from workflows.runtime.executor import Beat, Done, Erred, Executor, Identity, Lost, Outcome
from workflows.runtime.gate import Gate
from workflows.runtime.inbox import Cancel, Inbox, Item, Reported, Request, Start, TurnOf, Wake, Write
from workflows.runtime.ledger import Ledger
from workflows.runtime.stepper import Round, Stepper
from workflows.runtime.timers import Timers

log = logging.getLogger(__name__)

NAP_S = 1.0
"""The longest sleep: a clock that was set is noticed within it."""

FIRED = 500
"""Deadlines handled in one turn."""

RECOVERED = 256
"""Executions looked at in one turn of recovery."""

RETRY_S = 5.0
"""The longest pause between two tries to commit."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """`now`: seconds since the epoch, may be set. `steady`: seconds that only grow."""

    now: Callable[[], float] = time.time
    steady: Callable[[], float] = time.monotonic


class Engine:
    """Writes one partition. `seed` draws 63 random bits; `fatal` is called when the engine cannot go on and must not return."""

    def __init__(
        self,
        ledger: Ledger,
        catalogue: Catalogue,
        executor: Executor,
        functions: Functions,
        *,
        max_jobs: int = 10,
        clocks: Clocks = Clocks(),
        seed: Callable[[], int] = lambda: random.getrandbits(63),  # noqa: S311  (jitter and ids need no secrecy)
        fatal: Callable[[], None] = lambda: os._exit(3),
    ) -> None:
        self.inbox = Inbox()
        self._ledger = ledger
        self._catalogue = catalogue
        self._executor = executor
        self._functions = functions
        self._clocks = clocks
        self._fatal = fatal
        self._flight: dict[Identity, None] = {}
        self._gate = Gate(max_jobs, lambda number: self._stepper.ready_paths(self._round, number), self._active)
        self._stepper = Stepper(ledger, self._gate, catalogue.dialect, seed)
        self._timers = Timers(lambda after, limit: ledger.scan("due", after, limit))
        self._round = Round(clocks.now())
        self._last: int | None = None
        self._recovered_to: Key | None = None
        self._kept: list[Item] = []
        self._pauses: Iterator[float] | None = None
        self._resume_at = 0.0
        self._drain_until: float | None = None
        self._stopped = False
        self._thread: threading.Thread | None = None
        self._held: dict[tuple[int, str], str] = {}

    # ----------------------------------------------------------------------------------------------------------- start, stop

    def start(self) -> None:
        """Start the thread. The store is open already. Idempotent."""
        if self._thread is None and not self._stopped:
            self._executor.start(self.report)
            self._thread = threading.Thread(target=self._loop, name="engine", daemon=True)
            self._thread.start()

    def stop(self, grace: float = 10.0) -> None:
        """Refuse requests, hand nothing out, give running attempts `grace` seconds, commit the last batch. Waits; idempotent."""
        self.inbox.close()
        if self._drain_until is None:
            self._drain_until = self._clocks.steady() + grace
        self.inbox.offer(Wake())
        if self._thread is not None:
            self._thread.join()
        self._stopped = True

    def report(self, identity: Identity, outcome: Outcome) -> None:
        """What an executor calls, from any thread."""
        self.inbox.offer(Reported(identity, outcome))

    def _loop(self) -> None:
        try:
            while not self._stopped:
                self.turn(self._nap())
        except BaseException:
            log.critical("the engine cannot go on; what was committed is safe", exc_info=True)
            self._fatal()

    def _nap(self) -> float:
        if self._stepper.recovering or self._kept:
            return 0.01 if self._paused() else 0.0
        due = self._timers.next()
        return NAP_S if due is None else min(NAP_S, max(0.0, due - self._clocks.now()))

    # ---------------------------------------------------------------------------------------------------------------- a turn

    def turn(self, timeout: float) -> None:
        """Take what is there (waiting up to `timeout` seconds for it), step it, commit, act."""
        items = self.inbox.drain(timeout)
        if self._paused():
            self._put_off(items)
        else:
            self._work(self._kept + items)
        if self._drain_until is not None and (not self._flight or self._clocks.steady() >= self._drain_until):
            self._finish()

    def _work(self, items: list[Item]) -> None:
        self._kept = []
        round = self._round = Round(self._clocks.now())
        replies: list[tuple[Request, Any]] = []
        try:
            self._recover(round)
            for item in items:
                self._take_in(round, item, replies)
            self._fire(round)
            self._hand_out(round)
            self._stepper.write(round)
            if round.pending:
                self._ledger.commit(round.pending)
        except StoreUnavailable as error:
            if not self._landed():
                self._commit_failed(items, error)
                return
        self._act(round, replies)

    def _take_in(self, round: Round, item: Item, replies: list[tuple[Request, Any]]) -> None:
        if isinstance(item, Request):
            try:
                replies.append((item, self._perform(round, item)))
            except StoreUnavailable:
                raise
            except Exception as error:
                replies.append((item, error))
        elif isinstance(item, Reported):
            if item.identity in self._flight and item.identity not in round.reported:
                self._reported(round, item.identity, item.outcome)
        elif isinstance(item, TurnOf):
            _number, path, visit = item.identity
            self._stepper.step(round, item.identity.number, lambda at, seed: Continue(at, seed, path, visit))

    def _perform(self, round: Round, request: Request) -> Any:
        """Raises what the asker is to hear."""
        if isinstance(request, Start):
            return self._begin(round, request)
        if isinstance(request, Cancel):
            return self._stepper.cancel(round, request.number)
        assert isinstance(request, Write), f"nobody performs a {type(request).__name__}"

        def read(kind: str, key: Key) -> Any:
            written = round.pending.records.get((kind, key))
            return self._ledger.read(kind, key) if written is None else decode(written)

        return request.apply(round.pending, read, round.now)

    def _begin(self, round: Round, request: Start) -> tuple[int, str]:
        if self._last is None:
            newest = self._ledger.scan("created", None, 1)
            self._last = -int(newest[0][0]) if newest else 0
        number, definition = self._last + 1, request.definition

        def started(at: float, seed: int) -> Event:
            name = f"exec-{self._ledger.partition}-{number}-{seed & 0xFFFFFFFF:08x}"
            return Started(at, seed, name, definition.id, definition.revision, request.input)

        answer = self._stepper.begin(round, number, definition, started)
        self._last = number
        return number, answer

    def _reported(self, round: Round, identity: Identity, outcome: Outcome) -> None:
        number, path, visit = identity
        if not isinstance(outcome, Beat):
            round.reported[identity] = None

        def event(at: float, seed: int) -> Event:
            match outcome:
                case Done(output):
                    return Succeeded(at, seed, path, visit, output)
                case Erred(error):
                    return Failed(at, seed, path, visit, error)
                case Lost():
                    return Interrupted(at, seed, path, visit)
                case Beat():
                    return Heartbeat(at, seed, path, visit)

        self._stepper.step(round, number, event)

    def _recover(self, round: Round) -> None:
        """Look at the next page of executions that have something to do. Nothing else knows about restarts."""
        if not self._stepper.recovering:
            return
        page = self._ledger.scan("busy", self._recovered_to, RECOVERED)
        for key in page:
            self._stepper.execution(round, int(key[0]))
            self._recovered_to = key
        if len(page) < RECOVERED:
            self._stepper.recovery_done()
            executions, attempts = self._stepper.recovered
            if executions:
                log.info("recovered %d unfinished executions; %d attempts had been interrupted", executions, attempts)

    def _fire(self, round: Round) -> None:
        for due, number, path in self._timers.due(round.now, FIRED):
            execution = self._stepper.execution(round, int(number))
            frame = execution.frame(str(path)) if execution is not None else None
            if frame is not None:
                visit, moment = frame.visit, float(due)
                self._stepper.step(round, int(number), lambda at, seed, p=path, v=visit, d=moment: Fired(at, seed, p, v, d))

    def _hand_out(self, round: Round) -> None:
        """Have ready attempts taken while there are free workers. Each pick is admission and `Taken` at once."""
        if self._drain_until is not None:
            return
        free = self._executor.capacity - len(self._flight) + len(round.reported) - len(round.starts.keys() - self._flight.keys())
        while free > 0 and (pick := self._gate.pick()) is not None:
            number, path = pick
            function, visit = self._stepper.function(round, number, path)
            if self._functions.has(function):
                self._stepper.step(round, number, lambda at, seed, p=path, v=visit: Taken(at, seed, p, v, self._executor.name))
                free -= 1
            else:
                self._stepper.hold(round, number, path)
                self._held[pick] = function

    # ---------------------------------------------------------------------------------------------------------- after a turn

    def _act(self, round: Round, replies: Iterable[tuple[Request, Any]]) -> None:
        """All this is committed: say so, and do what follows from it."""
        self._pauses = None
        for request, answer in replies:
            _answer(
                request, round.refused.get(answer[0], answer[1]) if isinstance(request, Start) and isinstance(answer, tuple) else answer
            )
        self._stepper.committed(round)
        self._timers.changed(round.pending.indexes.get("due", {}))
        for identity in round.reported:
            self._flight.pop(identity, None)
        for identity in round.stops:
            if identity in self._flight:
                del self._flight[identity]
                self._executor.cancel(identity)
        for identity in round.starts:
            if identity not in self._flight:
                self._submit(round, identity)
        for identity in round.turns:
            self.inbox.offer(TurnOf(identity))

    def _submit(self, round: Round, identity: Identity) -> None:
        self._flight[identity] = None
        execution = self._stepper.execution(round, identity.number)
        if execution is None:
            return
        try:
            run = build_run(execution, self._stepper.dialect(execution), identity, self._functions)
        except CorruptRecord as error:
            self.report(identity, Erred(Error(RUNTIME, str(error))))
        except StoreError:
            self.report(identity, Lost())
        else:
            self._executor.submit(run)

    def _landed(self) -> bool:
        with suppress(StoreError):
            return self._ledger.landed()
        return False

    def _commit_failed(self, items: list[Item], error: Exception) -> None:
        """Nothing of the round has happened. Askers hear it; reports are kept for the next try; memory is read again from the store."""
        log.error("the store cannot commit, will try again: %s", error)
        self._put_off(items)
        self._stepper.forget()
        self._timers.clear()
        self._recovered_to = self._last = None
        if self._pauses is None:
            self._pauses = backoff.expo(factor=0.1, max_value=RETRY_S)
            next(self._pauses)
        self._resume_at = self._clocks.steady() + next(self._pauses)

    def _paused(self) -> bool:
        return self._pauses is not None and self._clocks.steady() < self._resume_at

    def _put_off(self, items: list[Item]) -> None:
        for item in items:
            if isinstance(item, Request):
                _answer(item, Unavailable("the store cannot commit now; nothing was changed; try again in a moment"))
            elif isinstance(item, Reported):
                self._kept.append(item)

    def _finish(self) -> None:
        """The end of a drain: attempts still running are to be issued again, and that is not held against them."""
        self._executor.close()
        round = self._round = Round(self._clocks.now())
        try:
            for number, path, visit in self._flight:
                self._stepper.step(round, number, lambda at, seed, p=path, v=visit: Interrupted(at, seed, p, v, clean=True))
            self._stepper.write(round)
            if round.pending:
                self._ledger.commit(round.pending)
        except StoreUnavailable as error:
            log.error("the last batch could not be committed; its attempts count as interrupted: %s", error)
        self._put_off(self.inbox.drain(0))
        self._stopped = True

    def _active(self, definition: str) -> int:
        """Executions of the definition that have begun and not ended, this round included."""
        with self._ledger.snapshot() as snapshot:
            running = [key for key in snapshot.walk(f"status/{Status.RUNNING}")]
            stored = sum(snapshot.scan(f"definition/{definition}", (key[0] - 1,), 1) == [key] for key in running)
        return stored + self._stepper.begun_since(self._round, definition)

    # --------------------------------------------------------------------------------------------------------- what is shown

    def gauges(self) -> dict[str, Any]:
        """Figures for people, from any thread: a moment old at most."""
        return {
            "workers": self._executor.capacity,
            "running": len(self._flight),
            "admitted": self._gate.admitted,
            "recoveredExecutions": self._stepper.recovered[0],
            "interruptedAttempts": self._stepper.recovered[1],
        }

    def troubles(self) -> list[str]:
        """What an operator should know, in sentences; empty when all is well."""
        held = sorted(set(self._held.copy().values()))
        troubles = [f"no function {name!r} is registered: its attempts are held" for name in held]
        troubles += [f"execution number {n} is set aside: {why}" for n, why in self._stepper.set_aside.copy().items()]
        if self._pauses is not None:
            troubles.append("the store cannot commit")
        return troubles + self._executor.troubles()


def _answer(request: Request, answer: Any) -> None:
    """Whoever asked may have given up waiting."""
    if not request.reply.set_running_or_notify_cancel():
        return
    if isinstance(answer, BaseException):
        request.reply.set_exception(answer)
    else:
        request.reply.set_result(answer)
