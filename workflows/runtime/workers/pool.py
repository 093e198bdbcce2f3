"""Runs attempts in worker processes: an `Executor` that has some, each with a number of threads. `shared` has many threads, `isolated` one.

Owns who gets which attempt, and when a worker is started, retired and killed. One thread does all that: it starts the processes (which die
with it, see `worker`), reads and writes their sockets, and reports. A worker is started when attempts wait for it; nothing is *taken* for
one that is not up, so that neither a time-out nor an interruption counts what has not begun.

A worker is *retired* after `recycle_after` attempts, when something holds its interpreter's lock, and when an attempt that is no longer
wanted has not ended after GRACE_S: it gets no more attempts, another takes its place, and it ends when its attempts have. When only
unwanted ones are left, or the lock stays held, it is killed; what is lost with it is not held against them. An attempt whose worker died
by itself is reported as lost, to be issued again alone: whichever attempt brought the worker down, its neighbours meet it once.
"""

from __future__ import annotations

import logging
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from workflows.model import Error
from workflows.runtime.executor import Beat, Done, Erred, Identity, Lost, Outcome, Report, Run
from workflows.runtime.output import Output
from workflows.runtime.workers import protocol
from workflows.runtime.workers.child import Attempt, Child, Saying
from workflows.runtime.workers.health import Health

log = logging.getLogger(__name__)

GRACE_S = 2.0
"""For an unwanted attempt in a shared worker to notice that it is."""

SILENT_S = 10.0
"""Without an answer, a worker's interpreter lock is held: it gets no more attempts."""

HELD_S = 30.0
"""After so long its attempts are issued again, alone: none of them can go on beside the one that holds the lock."""

START_S = 120.0
"""For a worker to import its functions."""

END_S = 2.0
"""For a worker that has nothing to do to end by itself."""

GROWING = 2
"""Attempts that a worker takes until all have been up once: a first burst is not to sit in the one that is quickest."""

PING_S = 1.0
REAP_S = 0.005


class WorkerPool:
    """`alone`: an attempt no longer wanted is killed at once, with its worker, which has no other. `workers`: processes at most."""

    def __init__(
        self,
        name: str,
        sources: Sequence[str],
        secrets: Path | None = None,
        *,
        workers: int,
        threads: int = 1,
        recycle_after: int = 10_000,
        alone: bool = False,
    ) -> None:
        self.name = name
        self._said: deque[Saying] = deque()
        self._make: Callable[[str], Child] = lambda child: Child(child, sources, threads, secrets, self._said)
        self._workers, self._threads = workers, threads
        self._recycle_after = recycle_after
        self._alone = alone
        self._lock = threading.RLock()
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        self._children: list[Child] = []
        self._attempts: dict[Identity, Attempt] = {}
        self._queue: deque[Attempt] = deque()
        self._talking: dict[Identity, None] = {}
        self._asked = self._spread = self._grown = self._awake = False
        self._made = 0
        self._health = Health(name)
        self._report: Report | None = None
        self._more: Callable[[], None] = lambda: None
        self._closed = self._broken = False

    # --------------------------------------------------------------------------------------------------- asked by other threads

    @property
    def capacity(self) -> int:
        with self._lock:
            wanted = len(self._attempts) - sum(len(child.unwanted) for child in self._children)
            each = self._threads if self._grown or self._health.outage else min(self._threads, GROWING)
            return wanted + sum(max(0, each - len(child.attempts)) for child in self._open()) - len(self._queue)

    def start(self, report: Report, more: Callable[[], None] = lambda: None) -> None:
        with self._lock:
            if self._report is not None or self._closed:
                return
            self._report, self._more = report, more
            self._woken.setblocking(False)
            self._selector.register(self._woken, selectors.EVENT_READ)
            threading.Thread(target=self._loop, name=f"{self.name} workers", daemon=True).start()

    def prepare(self) -> None:
        with self._lock:
            if not self._asked and not self._closed and len(self._standing()) < self._workers:
                self._asked = True
                self._poke()

    def submit(self, run: Run) -> None:
        with self._lock:
            if run.identity in self._attempts or self._closed:
                return
            attempt = self._attempts[run.identity] = Attempt(run, Output(run, lambda: self._talking.setdefault(run.identity)))
            self._queue.append(attempt)
            self._poke()

    def cancel(self, identity: Identity) -> None:
        with self._lock:
            attempt = self._attempts.get(identity)
            if attempt is None or attempt.unwanted is not None:
                return
            attempt.unwanted = time.monotonic()
            child = attempt.child
            if child is None:
                self._queue.remove(attempt)
                self._end(attempt, Lost())
                return
            attempt.output.pass_on(self._tell)
            child.unwanted[attempt.number] = attempt.unwanted
            if self._alone:
                child.kill("was killed, as its attempt was cancelled or timed out")
            else:
                child.send(protocol.message(protocol.CANCEL, attempt.number))
            self._poke()

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for attempt in self._attempts.values():
                attempt.output.pass_on(self._tell)
            for child in self._children:
                if child.attempts:
                    child.kill("was stopped")  # now: when this returns, another server may be told to issue the same attempts
                else:
                    child.finish()
            while self._queue:
                self._end(self._queue.popleft(), Lost(clean=True))
            self._poke()

    def gauges(self) -> Mapping[str, int]:
        with self._lock:
            up = not self._closed and self._report is not None
            return {"workers": self._workers * self._threads if up else 0, "processes": len(self._children)}

    def troubles(self) -> list[str]:
        with self._lock:
            if self._broken:
                return [f"{self.name} workers are gone after a defect: see the log, and start the server again"]
            if self._closed or self._report is None:
                return []
            found = self._health.troubles()
            held = sum(bool(child.retired and child.unwanted) for child in self._children)
            if held and not self._alone:
                found.append(f"{held} {self.name} workers wait for the rest of theirs, to be killed for attempts that do not end when told")
            return found

    def _poke(self) -> None:
        if not self._awake and self._report is not None:
            self._awake = True
            self._wake.send(b"\0")

    # ------------------------------------------------------------------------------------------------------------- the thread

    def _loop(self) -> None:
        try:
            while self._children or not self._closed:
                events = self._selector.select(self._patience())
                with self._lock:
                    for key, _ in events:
                        if isinstance(key.data, Child):
                            self._hear(key.data)
                        elif key.data is not None:
                            key.data()
                        else:
                            self._awake = False
                            self._woken.recv(16)
                    starts = self._turn()
                while self._said:  # without the lock: nobody else is to wait for the log
                    self._said.popleft()()
                for _ in range(starts):
                    self._start_one()
        except BaseException:  # a defect: what runs is not reported on any more, which is worse than losing it
            log.critical("the %s workers cannot be looked after any more", self.name, exc_info=True)
            self._give_up()
        for one in (self._selector, self._wake, self._woken):
            one.close()

    def _patience(self) -> float | None:
        """Seconds until something must be looked at again, whatever is heard."""
        with self._lock:
            if any(child.ending is not None for child in self._children):
                return REAP_S
            if (self._queue or self._asked) and self._health.outage.left() > 0:
                return min(PING_S, self._health.outage.left())
            if any(child.unwanted for child in self._children):
                return GRACE_S / 10
            return PING_S if self._children else None

    def _turn(self) -> int:
        """Look after everything once. How many workers to start."""
        now = time.monotonic()
        for child in list(self._children):
            self._tend(child, now)
        self._thin_out()
        self._assign()
        for identity in list(self._talking):
            attempt = self._attempts.get(identity)
            if attempt is None or not attempt.output.pass_on(self._tell, now=False):
                self._talking.pop(identity, None)
        for child in self._children:
            if child.ending is None:
                self._listen(child, selectors.EVENT_READ | (selectors.EVENT_WRITE if child.flush() else 0))
        return self._wanting()

    def _give_up(self) -> None:
        with self._lock:
            self._closed = self._broken = True
            self._queue.clear()
            for attempt in list(self._attempts.values()):
                self._end(attempt, Lost(clean=True))
            for child in self._children:
                child.kill("was stopped")

    def _listen(self, child: Child, events: int) -> None:
        if self._selector.get_key(child.link).events != events:
            self._selector.modify(child.link, events, child)

    # ------------------------------------------------------------------------------------------------------- life and death

    def _standing(self) -> list[Child]:
        """Workers that take attempts, now or when they are up."""
        return [child for child in self._children if not child.retired and child.ending is None]

    def _open(self) -> list[Child]:
        return [child for child in self._standing() if child.ready]

    def _wanting(self) -> int:
        """As many more as there are, while attempts wait; one when they have to sit together."""
        standing, waiting = self._standing(), bool(self._queue or self._asked)
        if self._closed or self._health.outage.left() > 0 or not (waiting or self._spread) or not all(child.ready for child in standing):
            return 0
        self._asked = self._spread = False
        return min(max(1, len(standing)) if waiting else 1, self._workers - len(standing))

    def _start_one(self) -> None:
        """Without the lock: nobody else is to wait for a process."""
        self._made += 1
        name = f"{self.name} worker {self._made}"
        try:
            child = self._make(name)
        except OSError as error:
            with self._lock:
                self._health.failed(name, f"could not be made ({error})")
            return
        with self._lock:
            self._children.append(child)
            self._selector.register(child.link, selectors.EVENT_READ, child)
            self._selector.register(child.speech, selectors.EVENT_READ, partial(self._overhear, child))
            if self._closed:
                child.kill("was stopped")
            child.flush()

    def _tend(self, child: Child, now: float) -> None:
        if (child.ending is not None or now - child.looked > PING_S) and child.dead():
            self._bury(child)
            return
        if child.ending is not None:
            if now - child.ending > END_S:
                child.kill("closed its connection", ours=False)
            return
        if not child.ready:
            if now - child.started > START_S:
                child.kill(f"was not up after {START_S:g} seconds")
            return
        if child.attempts and child.pinged is None and now - child.heard > PING_S:
            child.ping()
        overdue = any(now - since > GRACE_S for since in child.unwanted.values())
        silent = not self._alone and child.silent(SILENT_S)
        if not child.retired and (overdue or silent):
            self._retire(child)
        if child.retired:
            if not child.attempts:
                child.finish()
            elif overdue and (silent or len(child.unwanted) == len(child.attempts)):
                child.kill("was killed for an attempt that did not end when told")
            elif silent and child.silent(HELD_S):
                child.kill("was killed, as one of its attempts held the interpreter's lock for too long")

    def _retire(self, child: Child) -> None:
        """It gets no more attempts; another is to take its place."""
        child.retired = self._spread = True

    def _thin_out(self) -> None:
        """Of those that wait to be killed there are at most as many as workers: they cost memory, and often processor time."""
        held = [child for child in self._children if child.retired and child.unwanted and child.ending is None]
        for child in held[: max(0, len(held) - self._workers)]:
            child.kill("was killed for an attempt that did not end when told")

    def _bury(self, child: Child) -> None:
        """What it has said counts; what it had not finished is lost."""
        self._hear(child, all=True)
        self._children.remove(child)
        self._overhear(child, all=True)
        if child.open:
            self._selector.unregister(child.link)
        if not child.silenced:
            self._selector.unregister(child.speech)
        why = child.bury()
        if not child.ready and not self._closed:
            self._health.failed(str(child), why)
        elif not child.ours:
            self._health.died(str(child), why, len(child.attempts))
        for attempt in list(child.attempts.values()):
            self._end(attempt, Lost(clean=child.ours, alone=not self._closed, why=f"its worker {why}"))

    # -------------------------------------------------------------------------------------------------------------- attempts

    def _assign(self) -> None:
        """Each to the worker that has fewest."""
        while self._queue:
            child = min(self._open(), key=lambda child: len(child.attempts), default=None)
            if child is None or len(child.attempts) >= self._threads:
                return
            self._spread = self._spread or bool(child.attempts)
            attempt = self._queue.popleft()
            child.given += 1
            attempt.child, attempt.number = child, child.given
            child.attempts[attempt.number] = attempt
            child.send(protocol.run_message(attempt.number, attempt.run))
            if child.given >= self._recycle_after:
                self._retire(child)

    def _hear(self, child: Child, *, all: bool = False) -> None:
        if not child.open:
            return
        messages, open_ = child.receive(all=all)
        for kind, *fields in messages:
            self._handle(child, kind, fields)
        if not open_:
            self._selector.unregister(child.link)
            child.ending = child.ending or time.monotonic()

    def _overhear(self, child: Child, *, all: bool = False) -> None:
        if not child.silenced and not child.overhear(all=all):
            self._selector.unregister(child.speech)

    def _handle(self, child: Child, kind: str, fields: list[Any]) -> None:
        if kind in (protocol.READY, protocol.SAID):
            self._ready(child, *fields) if kind == protocol.READY else child.says(*fields)
            return
        attempt = child.attempts.get(fields[0]) if fields else None
        if attempt is None:
            return
        match kind:
            case protocol.DONE:
                self._end(attempt, Done(fields[1]))
            case protocol.ERRED:
                self._end(attempt, Erred(Error(*fields[1:])))
            case protocol.BEAT:
                self._tell(attempt.run.identity, Beat())
            case protocol.LOG:
                attempt.output.tail.write(*fields[1:])

    def _ready(self, child: Child, errors: list[str]) -> None:
        child.ready = True
        self._asked = False
        self._grown = self._grown or len(self._open()) >= self._workers
        self._health.up(errors)
        self._more()

    def _end(self, attempt: Attempt, outcome: Outcome) -> None:
        """The one final report."""
        if attempt.child is not None:
            del attempt.child.attempts[attempt.number]
            attempt.child.unwanted.pop(attempt.number, None)
        del self._attempts[attempt.run.identity]
        attempt.output.pass_on(self._tell)
        self._tell(attempt.run.identity, outcome)

    def _tell(self, identity: Identity, outcome: Outcome) -> None:
        assert self._report is not None, "an executor runs nothing before its start"
        self._report(identity, outcome)
