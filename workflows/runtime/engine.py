"""The engine: one thread that takes what came in, steps it, commits it in one transaction, and only then acts.

Owns the order of things (commit, then act), draining and what happens when a commit fails. It knows no status and no rule of any dialect:
`Intake` says what came in, `Stepper` steps, `Gate` chooses, `Handout` hands out, `Ledger` writes, `Flight` has what executors run,
`Recovery` finds what a dead server left. `turn` is the whole loop and needs no thread, so that a simulation can drive it with its own clock
and stop it between any two effects.
"""

from __future__ import annotations

import logging
import os
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from storage.protocol import StoreError, StoreUnavailable
from workflows.errors import Unavailable
from workflows.events import Fired
from workflows.runtime.catalogue import Catalogue
from workflows.runtime.counters import Counters
from workflows.runtime.dispatch import Functions
from workflows.runtime.executor import Executor, Identity, Outcome
from workflows.runtime.feed import Feed
from workflows.runtime.feed_log import KEPT, NONE, FeedLog, News
from workflows.runtime.flight import Flight
from workflows.runtime.gates import Gates
from workflows.runtime.handout import Handout
from workflows.runtime.held import Held
from workflows.runtime.inbox import Inbox, Item, Reported, Request, TurnOf, Wake
from workflows.runtime.intake import Intake, Reply
from workflows.runtime.ledger import Ledger
from workflows.runtime.outage import Outage
from workflows.runtime.recovery import Recovery
from workflows.runtime.requests import Desk
from workflows.runtime.stepper import Round, Stepper
from workflows.runtime.timers import Timers

log = logging.getLogger(__name__)

NAP_S = 1.0
"""The longest sleep: a clock that was set is noticed within it."""

FIRED = 500
"""Deadlines handled in one turn."""

RECOVERED = 256
"""Executions looked at in one turn of recovery."""

PULSE = ("pulse",)
"""The document that is written (250 bytes) to learn whether the store commits."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """`now`: seconds since the epoch, may be set. `steady`: seconds that only grow."""

    now: Callable[[], float] = time.time
    steady: Callable[[], float] = time.monotonic


@dataclass(slots=True)
class _Turn:
    """A round, what went into it, and what is to be answered and told once it is committed."""

    round: Round
    items: list[Item]
    news: News = NONE
    replies: list[Reply] = field(default_factory=list)


class Engine:
    """Writes one partition. `executors` have the names that `functions` knows; `seed` draws 63 random bits; `fatal` is called when the
    engine cannot go on and must not return."""

    def __init__(
        self,
        ledger: Ledger,
        catalogue: Catalogue,
        executors: Sequence[Executor],
        functions: Functions,
        *,
        max_jobs: int = 10,
        feed_events: int = KEPT,
        clocks: Clocks = Clocks(),
        seed: Callable[[], int] = lambda: random.getrandbits(63),
        fatal: Callable[[], None] = lambda: os._exit(3),
    ) -> None:
        self.inbox = Inbox()
        self.feed = Feed()
        self.counters = Counters(executor.name for executor in executors)
        self._ledger = ledger
        self._feed_log = FeedLog(ledger, feed_events)
        self._clocks = clocks
        self._fatal = fatal
        self._round = Round(clocks.now())
        self._flight = Flight(executors, functions, self.report, lambda: self.inbox.offer(Wake()), self.counters)
        self._gate = Gates(
            max_jobs,
            lambda number: self._stepper.ready_paths(self._round, number),
            lambda definition: self._stepper.active(self._round, definition),
            lambda number, path: self._stepper.lane(self._round, number, path),
        )
        self._stepper = Stepper(ledger, self._gate, catalogue.dialect, seed, self._flight.__contains__, functions.lane)
        self._desk = Desk(ledger, self._stepper, catalogue.latest)
        self._intake = Intake(self._desk, self._stepper, self._flight)
        self._held = Held()
        self._handout = Handout(self._gate, self._stepper, self._flight, self._held)
        self._timers = Timers(lambda after, limit: ledger.scan("due", after, limit))
        self._recovery = Recovery(ledger, self._stepper)
        self._kept: list[Item] = []
        self._outage = Outage(clocks.steady)
        self._doubt: _Turn | None = None
        self._drain_until: float | None = None
        self._stopped = False
        self._thread: threading.Thread | None = None

    # ----------------------------------------------------------------------------------------------------------- start, stop

    def start(self) -> None:
        """Start the thread. The store is open already. Idempotent."""
        if self._thread is None and not self._stopped:
            self._flight.start()
            self._thread = threading.Thread(target=self._loop, name="engine", daemon=True)
            self._thread.start()

    def stop(self, grace: float = 10.0) -> None:
        """Refuse requests, hand nothing out, give running attempts `grace` seconds, commit the last batch. Waits; idempotent."""
        self.inbox.close()
        self.feed.close()
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
        if self._outage:
            return min(NAP_S, self._outage.left())
        if self._recovery.under_way or self._kept:
            return 0.0
        try:
            due = self._timers.next()
        except StoreUnavailable:
            return NAP_S  # the next turn meets it as well, and knows what to do
        return NAP_S if due is None else min(NAP_S, max(0.0, due - self._clocks.now()))

    # ---------------------------------------------------------------------------------------------------------------- a turn

    def turn(self, timeout: float) -> None:
        """Take what is there (waiting up to `timeout` seconds for it), step it, commit, act."""
        items = self.inbox.drain(timeout)
        if self._outage.left() > 0 or not self._settled():
            self._put_off(items)
        else:
            self._work(self._kept + items)
        if self._drain_until is not None and (not self._flight or self._clocks.steady() >= self._drain_until):
            self._finish()

    def _work(self, items: list[Item]) -> None:
        self._kept = []
        round = self._round = Round(self._clocks.now())
        turn = _Turn(round, items)
        try:
            self._recovery.page(round, RECOVERED, self._flight)
            for item in items:
                if (reply := self._intake.take(round, item)) is not None:
                    turn.replies.append(reply)
            self._fire(round)
            if self._intake.closing:
                self._handout.give_back(round)
            elif self._drain_until is None:
                self._handout.hand_out(round)
            self._stepper.write(round)
            if self._outage:  # only a commit ends it, so there must be something to commit
                round.pending.put("document", PULSE, {"at": round.now})
            turn.news = self._feed_log.write(round.pending, round.touched.values())
            self._desk.write(round)
        except StoreUnavailable as error:
            self._undo(turn, error)
            return
        try:
            if round.pending:
                self._ledger.commit(round.pending)
        except StoreUnavailable as error:
            log.error("a commit failed: %s", error)
            self._doubt = turn
            self._settled()
        else:
            self._act(turn)

    def _settled(self) -> bool:
        """Whether it is known what became of the last commit. While the store cannot be read nobody can tell, and nothing goes on."""
        if self._doubt is None:
            return True
        try:
            landed = self._ledger.landed()
        except StoreError as error:
            self._outage.failed()
            log.error("the store can neither commit nor be read, will try again: %s", error)
            return False
        turn, self._doubt = self._doubt, None
        if landed:
            self._act(turn)
        else:
            self._undo(turn, "nothing was written")
        return landed

    def _fire(self, round: Round) -> None:
        for due, number, path in self._timers.due(round.now, FIRED):
            execution = self._stepper.execution(round, int(number))
            frame = execution.frame(str(path)) if execution is not None else None
            if frame is not None:
                self._stepper.step(round, int(number), Fired, path, frame.visit, due)

    # ---------------------------------------------------------------------------------------------------------- after a turn

    def _act(self, turn: _Turn) -> None:
        """All this is committed: say so, and do what follows from it."""
        round = turn.round
        if self._outage:
            log.info("the store commits again")
            self._outage.over()
        for request, number, answer in turn.replies:
            request.answer(answer if number is None else round.instead.get(number, answer))
        self.feed.published(turn.news)
        self.counters.turn(len(turn.items), round.touched.values())
        self._stepper.committed(round)
        self._recovery.committed()
        self._held.let_go(round.touched, lambda number: self._stepper.ready_paths(round, number))
        self._timers.changed(round.pending.indexes.get("due", {}))
        self._flight.settle(round, at := self._clocks.steady())
        for identity in round.starts:
            execution = self._stepper.execution(round, identity.number)
            if execution is not None:
                self._flight.submit(identity, round.lanes.get(identity), execution, self._stepper.dialect(execution), at)
        for identity in round.turns:
            self.inbox.offer(TurnOf(identity))

    def _undo(self, turn: _Turn, error: object) -> None:
        """Nothing of the turn has happened. Askers hear it; reports are kept for the next try; memory is read again from the store."""
        log.error("the store cannot commit, will try again: %s", error)
        self._put_off(turn.items)
        self._stepper.forget()
        self._timers.clear()
        self._desk.forget()
        self._feed_log.forget()
        self._held.clear()
        self._recovery.again()
        self._outage.failed()

    def _put_off(self, items: list[Item]) -> None:
        for item in items:
            if isinstance(item, Request):
                item.answer(Unavailable("the store cannot commit now; nothing was changed; try again in a moment"))
            elif not isinstance(item, Wake):
                self._kept.append(item)

    def _finish(self) -> None:
        """The end of a drain: a last turn, in which attempts still running are given back."""
        self._intake.closing = True
        self._flight.close()
        settled = self._settled()
        items, self._kept = self._kept, []
        while more := self.inbox.drain(0):
            items += more
        if settled:
            self._work(items)
        else:
            self._put_off(items)
        if self._doubt is not None:
            for request, _, _ in self._doubt.replies:
                request.answer(Unavailable("the server stopped and could not learn whether the store took this; look before you try again"))
        if self._doubt is not None or self._kept:
            log.error("the last batch could not be committed: its attempts count as interrupted")
        self._stopped = True

    # --------------------------------------------------------------------------------------------------------- what is shown

    def gauges(self) -> dict[str, Any]:
        """Figures for people, from any thread: a moment old at most."""
        found, interrupted = self._stepper.recovered
        return self._flight.gauges() | {"admitted": self._gate.admitted, "recoveredExecutions": found, "interruptedAttempts": interrupted}

    def troubles(self) -> list[str]:
        """What an operator should know, in sentences; empty when all is well."""
        troubles = self._held.troubles()
        troubles += [f"execution number {n} is set aside: {why}" for n, why in self._stepper.set_aside.copy().items()]
        if self._outage:
            troubles.append("the store cannot commit")
        return [*troubles, *self._flight.troubles()]
