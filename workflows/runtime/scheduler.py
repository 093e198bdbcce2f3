"""The scheduler: starts executions when their schedules say so, and writes down what became of each occurrence.

APScheduler is the alarm clock: one alarm, for the earliest schedule. When it rings, when a schedule changes and when an execution ends for
which occurrences wait, the scheduler's thread looks for what is due in the store, and starts it under an id that is made of the schedule
and the moment. First it is started, then it is written down: who is killed between finds it started. What is to be done is decided by
`workflows.schedules.policy`; the schedule's own part of a look is a generator of requests, so that those of many go into one commit.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.date import DateTrigger

from storage.protocol import StoreError
from workflows.errors import Busy, Unavailable
from workflows.runtime import calendars
from workflows.runtime.asking import Ask, asker
from workflows.runtime.audit import Origin
from workflows.runtime.backfill import Backfiller
from workflows.runtime.catalogue import Catalogue
from workflows.runtime.engine import Engine
from workflows.runtime.feed_log import News
from workflows.runtime.firings import Check, Firings, Late, Work, execution_id, no_audit
from workflows.runtime.inbox import Request
from workflows.runtime.ledger import Ledger, Snapshot
from workflows.runtime.requests import Cancel, Write
from workflows.runtime.schedules import DUE, QUEUED, Became, Handled, Result, Stored, expectations, load, mark, merged
from workflows.schedules.plan import Occurrence, jitter, occurrences
from workflows.schedules.policy import Act as Verdict
from workflows.schedules.policy import Cause, Decision, decide, tolerance
from workflows.schedules.schedule import Overlap, Schedule

log = logging.getLogger(__name__)

NAP_S = 30.0
"""The longest sleep: a clock that was set is noticed within it."""

RETRY_S = 2.0
"""Until a schedule is looked at again with which something went wrong."""

AT_ONCE = 200
"""Schedules looked at together; the engine's inbox takes more."""

PAGE = 500
"""Occurrences of a schedule handled in one look."""


STARTING = frozenset({Verdict.START, Verdict.CATCH_UP, Verdict.CANCEL_AND_START})
"""Verdicts by which an execution is started."""


@dataclass(slots=True)
class _Look:
    """At one schedule. `last`: the execution that was started last. `page`: occurrences that have come; `cut`: more follow; `missed`: the
    next was missed. `begun`: numbers of the executions that a crash left started, by moment. `changed`: meanwhile it was switched, changed
    or deleted, and what is left of it is for another look."""

    stored: Stored
    schedule: Schedule
    now: float
    last: int
    page: list[Occurrence] = field(default_factory=list)
    cut: bool = False
    missed: bool = False
    begun: dict[int, int] = field(default_factory=dict)
    changed: bool = False
    results: list[Result] = field(default_factory=list)
    dequeued: list[tuple[int, Result]] = field(default_factory=list)


class Scheduler:
    """`compile` reads a stored schedule's text. `ask` is for whoever has no thread for the engine: it performs requests and gives what each
    is answered, an error as it is. `expecting` is called when something is expected of occurrences by some moment. `lateness`: by how many
    seconds the latest occurrence that was neither queued nor caught up began after its moment; None: there was none yet."""

    def __init__(
        self,
        ledger: Ledger,
        catalogue: Catalogue,
        engine: Engine,
        compile: Callable[[str, str], Schedule],
        check: Check,
        *,
        now: Callable[[], float] = time.time,
        ask: Ask | None = None,
        expecting: Callable[[], None] = lambda: None,
    ) -> None:
        self._ledger = ledger
        self._engine = engine
        self._compile = compile
        self._firings = Firings(ledger, catalogue, check)
        self._backfiller = Backfiller(ledger, self._firings, compile)
        self._now = now
        self._ask = ask or asker(engine)
        self._expecting = expecting
        self.lateness: float | None = None
        self._awaited: set[int] = set()
        self._later: dict[str, float] = {}
        self._troubles: dict[str, str] = {}
        self._refused: dict[str, str] = {}
        self._again = False
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._clock: BackgroundScheduler | None = None
        self._armed: float | None = None
        engine.feed.listen(self._heard, self._wake.set)

    # ----------------------------------------------------------------------------------------------------------- start, stop

    def start(self) -> None:
        """After the engine. Idempotent."""
        if self._thread is None:
            logging.getLogger("apscheduler").setLevel(logging.WARNING)  # it tells of every alarm
            self._clock = BackgroundScheduler(timezone=UTC)
            self._clock.start()
            self._thread = threading.Thread(target=self._loop, name="schedules", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Before the engine. Waits for what is being started; idempotent."""
        self._stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        if self._clock is not None:
            self._clock.shutdown(wait=False)
            self._clock = None

    def wake(self) -> None:
        """A schedule has changed. From any thread."""
        self._wake.set()

    def troubles(self) -> list[str]:
        """What an operator should know, in sentences."""
        return [f"the schedule {id!r} {trouble}" for id, trouble in self._troubles.copy().items()]

    def _loop(self) -> None:
        while not self._stopping:
            self._wake.clear()
            try:
                moment = self.look()
            except Exception as error:
                log.warning("schedules could not be looked at, will try again: %s", error, exc_info=not isinstance(error, StoreError))
                moment = self._now() + RETRY_S
            if not self._stopping and moment > self._now():
                self._arm(moment)
                self._wake.wait()

    def _arm(self, moment: float) -> None:
        if self._clock is not None and (moment != self._armed or self._clock.get_job("alarm") is None):
            when = DateTrigger(datetime.fromtimestamp(moment, UTC))
            self._clock.add_job(self._wake.set, when, id="alarm", replace_existing=True, misfire_grace_time=None)
            self._armed = moment

    def _heard(self, news: News) -> None:
        """On the engine's thread."""
        awaited, backfilled = self._awaited, self._backfiller.awaited
        if (awaited or backfilled) and any(one.ends and (one.number in awaited or one.number in backfilled) for one in news.changes):
            self._wake.set()

    # ---------------------------------------------------------------------------------------------------------------- a look

    def look(self) -> float:
        """Handle what is due, and say when to look again (seconds since the epoch). Raises storage.StoreError."""
        now, self._again = self._now(), False
        with self._ledger.snapshot() as snapshot:
            self._forget(snapshot)
            looks = [look for id in self._wanted(snapshot, now) if (look := self._read(snapshot, id, now)) is not None]
        self._drive({look.stored.id: self._handle(look) for look in looks})
        self._drive(self._backfiller.works(self._later))  # behind the others: then no two start the same occurrence at once
        return now if self._again or self._backfiller.again else self._next(now)

    def _wanted(self, snapshot: Snapshot, now: float) -> list[str]:
        """Those that are due and those with a queue."""
        self._later = {id: until for id, until in self._later.items() if until > now}
        due: dict[str, None] = {}
        for moment, id in snapshot.walk(DUE, AT_ONCE):
            if moment > now or len(due) == AT_ONCE:  # type: ignore[operator]  # a number comes first
                break
            if id not in self._later:  # however many have to wait, the others are found behind them
                due[str(id)] = None
        due |= {str(key[0]): None for key in snapshot.walk(QUEUED)}
        return [id for id in due if id not in self._later]

    def _forget(self, snapshot: Snapshot) -> None:
        """The troubles of schedules that are gone or switched off, with nothing in their queues, and of backfills that have ended: nobody
        will look at these again. And why those that are gone could not start anything."""
        self._refused = {id: why for id, why in self._refused.items() if load(snapshot.read, id) is not None}
        for id in list(self._troubles):
            if self._backfiller.carries_on(snapshot, id):
                continue
            stored = load(snapshot.read, id)
            if stored is None or not (stored.active or stored.queue):
                del self._troubles[id]

    def _read(self, snapshot: Snapshot, id: str, now: float) -> _Look | None:
        """All that is to be known before it is handled: read in one snapshot with the others, so that many can be started at once."""
        try:
            stored = load(snapshot.read, id)
            if stored is None:
                return None
            schedule = calendars.resolved(snapshot.read, self._compile(stored.spec, id))
            look = _Look(stored, schedule, now, stored.last)
            look.page, look.cut, look.missed = self._page(look)
            look.begun = self._firings.begun(snapshot, stored.job, id, [each.moment for each in look.page])
            return look
        except Exception as error:
            self._troubled(id, f"cannot be read: {error}")
            return None

    def _next(self, now: float) -> float:
        with self._ledger.snapshot() as snapshot:
            for moment, id in snapshot.walk(DUE, AT_ONCE):
                if id not in self._later:
                    return min(float(moment), now + NAP_S, *self._later.values())
        return min(now + NAP_S, *self._later.values()) if self._later else now + NAP_S

    def _troubled(self, id: str, trouble: str) -> None:
        if self._troubles.get(id) != trouble:
            log.error("the schedule %r %s", id, trouble)
        self._troubles[id] = trouble
        self._later[id] = self._now() + RETRY_S

    def _drive(self, works: dict[str, Work]) -> None:
        """Take all on together, a request of each at a time, until they are through. What goes wrong with one is its own trouble."""
        heard: dict[str, Any] = dict.fromkeys(works)
        while heard:
            asked = {id: request for id, answer in heard.items() if (request := self._advance(id, works[id], answer)) is not None}
            heard = dict(zip(asked, self._ask(list(asked.values())), strict=True)) if asked else {}

    def _advance(self, id: str, work: Work, answer: Any) -> Request | None:
        try:
            request = work.throw(answer) if isinstance(answer, BaseException) else work.send(answer)
            request.origin = Origin("schedule", id)
            return request
        except StopIteration:
            self._troubles.pop(id, None)
        except Late as error:
            self._later[id] = self._now() + RETRY_S
            log.warning("the schedule %r has to wait: %s", id, error)
        except Exception as error:
            self._troubled(id, f"failed: {error}")
        return None

    # ---------------------------------------------------------------------------------------------------------- one schedule

    def _handle(self, look: _Look) -> Work:
        """All that there is to do for it now."""
        stored, schedule, begun = look.stored, look.schedule, look.begun.copy()  # without what is found of its queue
        late: Late | None = None
        until = stored.handled
        try:
            waiting = yield from self._queued(look)
            look.last = max([look.last, *begun.values()])
            left = [each for each in look.page if each.moment not in begun]
            running = schedule.overlap is not Overlap.ALLOW and self._firings.runs(look.last)
            decisions = decide(schedule, left, look.now, running=running, queued=waiting, more=look.missed)
            for moment, decision in sorted({**dict.fromkeys(begun), **{one.moment: one for one in decisions}}.items()):
                if look.changed or (decision is not None and decision.act in STARTING and self._overtaken(look)):
                    break
                look.results.append((yield from self._performed(look, moment, decision)))
                until = moment
        except Late as error:
            late = error
        done = Handled(until, tuple(merged(look.results)), tuple(look.dequeued), look.last)
        early = not look.page and stored.due is not None and stored.due <= look.now  # since then the zone's clocks have new rules, say
        if early or done != Handled(stored.handled, last=stored.last):
            after = self._expecting if expectations(schedule, done, look.now, stored.row) else lambda: None
            yield Write(lambda pending, read, now: mark(pending, read, stored, schedule, done, now), no_audit, after)
        if late is not None:
            raise late
        self._again = self._again or look.cut
        if look.changed:
            self._again = True
        elif len(waiting) + sum(one.became == Became.QUEUED for one in look.results) > 0:
            self._awaited.add(look.last)
            if not self._firings.runs(look.last):  # it ended a moment ago, or there never was one
                self._again = True

    def _page(self, look: _Look) -> tuple[list[Occurrence], bool, bool]:
        """What has come, at most a page; whether there is more of it; and whether that has one that counts as missed."""
        schedule, now = look.schedule, look.now
        if not look.stored.active:
            return [], False, False
        coming = occurrences(schedule.plan, look.stored.handled)

        def ready() -> Iterable[Occurrence]:
            for each in coming:
                if each.moment + jitter(schedule.id, each.moment, schedule.jitter) > now:
                    return
                yield each

        come = iter(ready())
        page = list(islice(come, PAGE))
        following = next((each for each in come if each.excluded is None), None) if len(page) == PAGE else None
        return page, len(page) == PAGE, following is not None and now - following.moment > tolerance(schedule)

    def _queued(self, look: _Look) -> Generator[Request, Any, list[int]]:
        """Start what is first in the queue if nothing runs, and say what is left of it."""
        queue = list(look.stored.queue)
        self._awaited.discard(look.last)
        while queue and not self._firings.runs(look.last) and not self._overtaken(look):
            moment, sequence = queue.pop(0)
            with self._ledger.snapshot() as snapshot:
                look.begun |= self._firings.begun(snapshot, look.stored.job, look.schedule.id, [moment])
            look.dequeued.append((sequence, (yield from self._started(look, moment, Became.STARTED, "the previous run has ended"))))
        return [moment for moment, _ in queue]

    def _overtaken(self, look: _Look) -> bool:
        """Whether it was changed since it was read. That was a moment ago before the first start, but a look may go on for long."""
        if not look.changed and (look.results or look.dequeued):
            now = load(self._ledger.read, look.stored.id)
            look.changed = now is None or _version(now) != _version(look.stored)
        return look.changed

    def _performed(self, look: _Look, moment: int, decision: Decision | None) -> Generator[Request, Any, Result]:
        """Without a decision it was started before a crash."""
        if decision is None:
            return Result(moment, Became.STARTED, execution=execution_id(look.schedule.id, moment))
        act, reason = decision.act, decision.reason
        if act in (Verdict.SKIP, Verdict.QUEUE):
            return Result(moment, Became.SKIPPED if act is Verdict.SKIP else Became.QUEUED, reason, cause=decision.cause)
        if act is Verdict.CANCEL_AND_START and self._firings.runs(look.last):
            try:
                yield Cancel(look.last)
            except (Busy, Unavailable) as error:
                raise Late(str(error)) from error
        became = Became.CAUGHT_UP if act is Verdict.CATCH_UP else Became.STARTED
        result = yield from self._started(look, moment, became, reason)
        if result.became is Became.STARTED:
            self.lateness = max(0.0, self._now() - moment - jitter(look.schedule.id, moment, look.schedule.jitter))
        return result

    def _started(self, look: _Look, moment: int, became: Became, reason: str) -> Generator[Request, Any, Result]:
        """Start the execution of this occurrence, or find it started."""
        name = execution_id(look.schedule.id, moment)
        if moment in look.begun:
            look.last = max(look.last, look.begun[moment])
            return Result(moment, became, reason, name)
        number = yield from self._firings.begin(look.stored.job, look.schedule, moment)
        if isinstance(number, str):
            if self._refused.get(look.schedule.id) != number:
                log.warning("the occurrence %s of the job %r was skipped: %s", name, look.stored.job, number)
            self._refused[look.schedule.id] = number
            return Result(moment, Became.SKIPPED, number, cause=Cause.REFUSED)
        self._refused.pop(look.schedule.id, None)
        look.last = max(look.last, number)
        return Result(moment, became, reason, name)


def _version(stored: Stored) -> tuple[object, ...]:
    """Another one after it was switched, changed or made anew."""
    return stored.created, stored.version, stored.active, stored.switched
