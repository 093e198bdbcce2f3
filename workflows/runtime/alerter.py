"""The alerter: raises an alert when an execution failed, an occurrence of a schedule did not begin or end in time, or too many executions
are queued, and has those told who hear it.

Its thread looks when the feed tells of a failure, when something expected is due, and now and then. What it raises it writes down in one
commit with how far it has looked, so that a server that was down, or killed at any instant, goes on where it was: failures are read from
the stored feed, what was expected is judged by what is stored. Executions of a job that hears alerts raise none for failing, or they would
go round in circles; they are logged. Of an execution that fails, is redriven and fails again before anybody looks, the last failure counts.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from storage.protocol import CorruptRecord, Key, StoreUnavailable
from workflows.alerts import events
from workflows.alerts.events import Alert
from workflows.alerts.lateness import Run, judged
from workflows.errors import StepwellError
from workflows.model import Status
from workflows.runtime import alerts, schedules
from workflows.runtime.alerts import Awaited, Followed
from workflows.runtime.asking import Ask
from workflows.runtime.changes import EXECUTION_LETTERS, Change
from workflows.runtime.engine import Engine
from workflows.runtime.execution import header_of
from workflows.runtime.feed_log import News, TooOld, missed
from workflows.runtime.firings import SCHEDULE, SCHEDULED_TIME, execution_id, no_audit
from workflows.runtime.ledger import Ledger, Pending, Snapshot
from workflows.runtime.names import find_number
from workflows.runtime.requests import Write
from workflows.runtime.summary import summary
from workflows.runtime.telling import Teller

log = logging.getLogger(__name__)

NAP_S = 30.0
"""The longest sleep: a clock that was set is noticed within it."""

QUEUE_S = 1.0
"""How often the queue's depth is looked at, if it is."""

RETRY_S = 2.0
"""Until it looks again after something went wrong."""

PAGE = 200
"""Failures, expectations and alerts handled in one commit, about."""

SAVED = 1_000
"""Commits after which it is written down how far it has looked, though nothing failed."""

_FAILED = EXECUTION_LETTERS[Status.FAILED]

Read = Callable[[str, Key], Any]
"""A record's data by kind and key, or None."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Of the execution `number`; `news`: the number of the commit that ended it."""

    news: int
    number: int
    job: str


class Alerter:
    """`queue_depth`: how many executions may be queued before that is an alert; 0: any number."""

    def __init__(
        self,
        ledger: Ledger,
        engine: Engine,
        teller: Teller,
        ask: Ask,
        *,
        queue_depth: int = 0,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._ledger = ledger
        self._teller = teller
        self._ask = ask
        self._queue_depth = queue_depth
        self._now = now
        self._first: int | None = None
        self._published = 0
        self._position: Followed | None = None
        self._saved = 0
        self._trouble = ""
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        engine.feed.listen(self._heard, self._wake.set)

    # ----------------------------------------------------------------------------------------------------------- start, stop

    def start(self) -> None:
        """After the engine. Idempotent."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._loop, name="alerts", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Before the engine. Waits for what is being written; idempotent."""
        self._stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def wake(self) -> None:
        """There may be something to do. From any thread."""
        self._wake.set()

    def troubles(self) -> list[str]:
        """What an operator should know, in sentences."""
        return [self._trouble] if self._trouble else []

    def _loop(self) -> None:
        while not self._stopping:
            self._wake.clear()
            try:
                moment = self.look()
                self._trouble = ""
            except Exception as error:
                expected = isinstance(error, StoreUnavailable | StepwellError)
                log.warning("alerts have to wait, will try again: %s", error, exc_info=not expected)
                self._trouble = "" if expected else f"alerts are not looked after: {error}"
                moment = self._now() + RETRY_S
            if not self._stopping and (delay := moment - self._now()) > 0:
                self._wake.wait(delay)

    def _heard(self, news: News) -> None:
        """On the engine's thread, after each commit. That a failure is noted before how far all was heard is what `_failures` builds on."""
        if self._first is None and any(_fails(change) for change in news.changes):
            self._first = news.number
            self._wake.set()
        self._published = news.number
        if news.number - self._saved >= SAVED:
            self._wake.set()

    # ---------------------------------------------------------------------------------------------------------------- a look

    def look(self) -> float:
        """Raise what is to be raised, have everybody told, and say when to look again (seconds since the epoch). Raises storage.StoreError
        and what the engine answers."""
        more = self._follow()
        again, next_due = self._judge()
        self._look_at_queue()
        waiting = self._tell()
        now = self._now()
        if more or again:
            return now
        moments = [now + (QUEUE_S if self._queue_depth else NAP_S), now + RETRY_S if waiting else None, next_due]
        return min(moment for moment in moments if moment is not None)

    def _write(self, apply: Callable[[Pending, Read, float], Any]) -> Any:
        """Raises what the engine answers; whether it was done is not known then, and doing it again does no harm."""
        [answer] = self._ask([Write(apply, no_audit)])
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def _tell(self) -> bool:
        """Whether somebody could not be told yet."""
        while True:
            with self._ledger.snapshot() as snapshot:
                found = alerts.untold(snapshot, PAGE)
            if not found:
                return False
            if not self._teller.tell(found):
                return True

    # -------------------------------------------------------------------------------------------------------------- failures

    def _follow(self) -> bool:
        """Raise alerts for executions that failed. Whether there is more to look at. What goes wrong begins anew with what is stored."""
        position, self._position = self._position or self._begin(), None
        found, upto, more = self._failures(position)
        if not found and upto - self._saved < SAVED:
            self._position = replace(position, upto=upto)
            return more
        with self._ledger.snapshot() as snapshot:
            raised = {one.number: one for one in found}
            made = [(one, alert) for one in raised.values() if (alert := self._failed(snapshot, one)) is not None]
        after = Followed(upto, max([position.at, *(alert.at for _, alert in made)]))
        for line in self._write(lambda pending, read, now: _raise_failed(pending, read, made, after, now)):
            log.error("%s", line)
        self._position, self._saved = after, upto
        return more

    def _begin(self) -> Followed:
        """Where it stopped; with a store that nobody has followed, now."""
        with self._ledger.snapshot() as snapshot:
            known, newest = alerts.followed(snapshot.read), snapshot.number()
        if known is None:
            known = Followed(newest, self._now())
            self._write(lambda pending, _, __: alerts.follow(pending, known))
        self._saved = known.upto
        self._first = known.upto + 1 if self._first is None else min(self._first, known.upto + 1)
        return known

    def _failures(self, position: Followed) -> tuple[list[Failure], int, bool]:
        """Those of the next commits, the last of these, and whether others follow. What was heard is in the store already."""
        published = self._published
        first = self._first
        if first is None:
            return [], max(position.upto, published), False
        self._first = None
        found: list[Failure] = []
        try:
            with self._ledger.snapshot() as snapshot:
                newest = snapshot.number()
                for news in missed(snapshot, min(newest, max(position.upto, first - 1))):
                    found += [Failure(news.number, one.number, one.job) for one in news.changes if _fails(one)]
                    if len(found) >= PAGE:
                        self._first = news.number + 1 if self._first is None else min(self._first, news.number + 1)
                        return found, news.number, True
                return found, newest, False
        except TooOld as error:
            log.warning("failures are looked for among all executions: %s", error)
            return list(self._searched(position, newest)), newest, False

    def _searched(self, position: Followed, newest: int) -> Iterator[Failure]:
        """All executions that failed since then and have not been told of, for when the feed no longer says."""
        with self._ledger.snapshot() as snapshot:
            known = {one.id for n in alerts.newest(snapshot, None, 10 * alerts.KEPT) if (one := alerts.load(snapshot.read, n)) is not None}
            for key in snapshot.walk(f"status/{Status.FAILED}"):
                number = -int(key[0])
                header = header_of(number, snapshot.read)
                if header is not None and (header.ended or 0.0) >= position.at and _event_id(header.id, header.redrives) not in known:
                    yield Failure(newest, number, header.definition)

    def _failed(self, snapshot: Snapshot, failure: Failure) -> Alert | None:
        try:
            header = header_of(failure.number, snapshot.read)
            if header is None:
                return None
            shown = summary(failure.number, header, header.labels, snapshot.read)
        except CorruptRecord as damage:
            log.error("execution number %d failed, which cannot be told: %s", failure.number, damage)
            return None
        error = shown.error
        told: dict[str, str] = {}
        if error is not None:
            told = {"type": error.type, "message": error.message} | ({"task": error.task} if error.task else {})
        labels = {name: header.labels[label] for name, label in _SCHEDULED.items() if label in header.labels}
        gone_on = header.status is not Status.FAILED
        redrives = header.redrives - 1 if gone_on else header.redrives
        at = header.at if header.ended is None else header.ended
        return events.failed(header.id, max(0, redrives), header.definition, at, told, labels, gone_on=gone_on)

    # -------------------------------------------------------------------------------------------------------------- lateness

    def _judge(self) -> tuple[bool, float | None]:
        """Raise alerts for what did not come true. Whether there is more to judge, and when the next deadline comes."""
        with self._ledger.snapshot() as snapshot:
            due, next_due = alerts.due(snapshot, self._now(), PAGE)
            verdicts = [(one, self._verdict(snapshot, one)) for one in due]
        if verdicts:
            self._write(lambda pending, read, now: _raise_late(pending, read, verdicts, now))
        return len(due) == PAGE, next_due

    def _verdict(self, snapshot: Snapshot, one: Awaited) -> Alert | None:
        stored = schedules.load(snapshot.read, one.schedule)
        if stored is None or not stored.active or one.at < stored.created or one.at <= stored.switched:
            return None  # it was deleted or switched off since
        try:
            run = _run(snapshot, execution_id(one.schedule, one.expected.moment))
        except CorruptRecord as error:
            log.error("whether the schedule %r ran in time cannot be told: %s", one.schedule, error)
            return None
        return judged(one.expected, one.schedule, stored.job, run)

    # ----------------------------------------------------------------------------------------------------------------- queue

    def _look_at_queue(self) -> None:
        """Tell once that it is too deep, until it has shrunk to half of that."""
        limit = self._queue_depth
        if not limit:
            return
        with self._ledger.snapshot() as snapshot:
            depth, since = snapshot.count(f"status/{Status.QUEUED}"), alerts.deep_since(snapshot.read)
        if since is None and depth > limit:
            alert = events.queue_deep(depth, limit, self._now())
            self._write(lambda pending, read, now: _raise_deep(pending, read, alert, now))
        elif since is not None and depth <= limit // 2:
            self._write(lambda pending, _, __: alerts.set_deep(pending, None))


_SCHEDULED = {"schedule": SCHEDULE, "scheduledTime": SCHEDULED_TIME}


def _fails(change: Change) -> bool:
    return change.step[1:] == _FAILED


def _event_id(execution: str, redrives: int) -> str:
    return events.failed(execution, redrives, "", 0.0, {}).id


def _run(snapshot: Snapshot, name: str) -> Run | None:
    number = find_number(snapshot.scan, name)
    header = None if number is None else header_of(number, snapshot.read)
    return None if header is None else Run(name, header.started, header.ended, header.redrives > 0)


def _raise_failed(pending: Pending, read: Read, made: Iterable[tuple[Failure, Alert]], after: Followed, now: float) -> list[str]:
    """What of these has not been raised before, and how far all has been; lines for the log about those that raise none."""
    known = alerts.followed(read)
    listening = alerts.listeners(read)
    fresh = [(failure, alert) for failure, alert in made if known is None or failure.news > known.upto]
    alerts.raise_all(pending, read, (alert for failure, alert in fresh if failure.job not in listening), now)
    if known is None or after.upto > known.upto:
        alerts.follow(pending, after)
    return [f"nobody is told of this, for it hears alerts itself: {alert.message}" for failure, alert in fresh if failure.job in listening]


def _raise_late(pending: Pending, read: Read, verdicts: Iterable[tuple[Awaited, Alert | None]], now: float) -> None:
    for one, alert in verdicts:
        if alerts.met(pending, read, one) and alert is not None:
            alerts.raise_all(pending, read, [alert], now)


def _raise_deep(pending: Pending, read: Read, alert: Alert, now: float) -> None:
    if alerts.deep_since(read) is None:
        alerts.set_deep(pending, alert.at)
        alerts.raise_all(pending, read, [alert], now)
