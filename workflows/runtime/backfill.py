"""Backfilling: which occurrences of a window are missing, and starting their executions, a few at once, until none is.

An occurrence is missing if no execution has the id that is made of the schedule and its moment. The scheduler's thread carries a backfill
on, a look at a time: it goes through the window in order, starts what is missing while fewer than `concurrency` of the backfill's
executions run, then writes down how far it came. Who is killed between finds by their label those that it had started, before any that it
had not. Overlap, jitter and the switch of the schedule mean nothing here.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Generator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from workflows.errors import Invalid, Problem
from workflows.model import ENDED, Header, Status
from workflows.runtime import backfills, schedules
from workflows.runtime.backfills import Backfill, Standing
from workflows.runtime.execution import header_of
from workflows.runtime.firings import Firings, Late, Work, execution_id, no_audit
from workflows.runtime.inbox import Request
from workflows.runtime.ledger import Ledger, Pending, Snapshot
from workflows.runtime.names import find_number
from workflows.runtime.requests import Read, Write
from workflows.runtime.schedules import Became, Result
from workflows.schedules.plan import within
from workflows.schedules.schedule import Schedule

LABEL = "stepwell.backfill"
"""Of executions that a backfill has started: its id."""

MOST = 10_000
"""Occurrences that may be missing in the window of a backfill."""

MOST_LOOKED_AT = 100_000
"""Occurrences of any kind in it."""

SHOWN = 10

PAGE = 200
"""Occurrences that are gone through in one look."""

STARTS = 10
"""Of which so many are started: what is due in the meantime does not wait for more."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What there is in a window. `total`: occurrences but for the `excluded` ones, those of a blackout. `first`: moments of the first that
    are missing; `last`: of the last one."""

    total: int = 0
    missing: int = 0
    excluded: int = 0
    first: tuple[int, ...] = ()
    last: int | None = None


def survey(snapshot: Snapshot, schedule: Schedule, first: float, last: float) -> Survey:
    """Raises Invalid for a window with too much in it."""
    total = missing = excluded = 0
    shown: list[int] = []
    newest = None
    for each in within(schedule.plan, first, last):
        if each.excluded is not None:
            excluded += 1
        else:
            total += 1
            if find_number(snapshot.scan, execution_id(schedule.id, each.moment)) is None:
                missing, newest = missing + 1, each.moment
                shown += [each.moment] if missing <= SHOWN else []
        if missing > MOST:
            raise Invalid([Problem("/to", f"more than {MOST:,} occurrences are missing up to there; choose a shorter time")])
        if total + excluded > MOST_LOOKED_AT:
            raise Invalid([Problem("/to", f"there are more than {MOST_LOOKED_AT:,} occurrences up to there; choose a shorter time")])
    return Survey(total, missing, excluded, tuple(shown), newest)


@dataclass(slots=True)
class _Look:
    """At one backfill. `through`: its window has been gone through; `more`: it has not, though nothing stands in the way."""

    after: Backfill
    schedule: Schedule
    results: list[Result] = field(default_factory=list)
    through: bool = False
    more: bool = False

    def count(self, **more: Any) -> None:
        self.after = replace(self.after, **more)


class Backfiller:
    """Belongs to the scheduler's thread. `awaited`: numbers of executions whose end it wants to be woken by; `again`: after a look, that
    there is more to do at once."""

    def __init__(self, ledger: Ledger, firings: Firings, compile: Callable[[str, str], Schedule]) -> None:
        self._ledger = ledger
        self._firings = firings
        self._compile = compile
        self.awaited: set[int] = set()
        self.again = False

    def works(self, waiting: Container[str]) -> dict[str, Work]:
        """A look at each that runs, by a name that tells its schedule and itself, but for those that are `waiting`."""
        self.again = False
        self.awaited.clear()
        with self._ledger.snapshot() as snapshot:
            running = [(str(id), int(number)) for id, number in snapshot.walk(backfills.RUNNING)]
        names = {f"{id}/{backfills.named(number)}": (id, number) for id, number in running}
        return {name: self._carry_on(*one) for name, one in names.items() if name not in waiting}

    def carries_on(self, snapshot: Snapshot, name: str) -> bool:
        """Whether that is the name of a backfill, as in `works`, and it has not ended."""
        id, _, backfill = name.partition("/")
        return any(key[0] == id and backfills.named(int(key[1])) == backfill for key in snapshot.walk(backfills.RUNNING))

    def _carry_on(self, id: str, number: int) -> Work:
        with self._ledger.snapshot() as snapshot:
            before = backfills.load(snapshot.read, id, number)
            if before is None or before.status != Standing.RUNNING:
                return
            look = _Look(_refreshed(before, snapshot), self._compile(before.wanted.spec, id))
        late: Late | None = None
        try:
            yield from self._go_through(look)
        except Late as error:
            late = error
        if look.through and not look.after.running:
            look.count(status=Standing.COMPLETED)
        if look.after != before:
            yield Write(lambda pending, read, now: _write(pending, read, look, now), no_audit)
        if late is not None:
            raise late
        self.awaited.update(look.after.running)
        if look.more or not all(map(self._firings.runs, look.after.running)):
            self.again = True

    def _go_through(self, look: _Look) -> Generator[Request, Any, None]:
        wanted, starts = look.after.wanted, 0
        if len(look.after.running) >= wanted.concurrency:
            return  # an end will have it looked at again
        page = list(islice(within(look.schedule.plan, look.after.until + 1, wanted.last), PAGE))
        with self._ledger.snapshot() as snapshot:
            there = self._firings.there(snapshot, wanted.schedule, [each.moment for each in page if each.excluded is None])
        for each in page:
            if each.excluded is None and each.moment in there:
                self._found(look, each.moment, *there[each.moment])
            elif each.excluded is None:
                if len(look.after.running) >= wanted.concurrency:
                    return
                if starts == STARTS:
                    look.more = True
                    return
                yield from self._start(look, each.moment)
                starts += 1
            look.count(until=each.moment)
        look.through = len(page) < PAGE
        look.more = not look.through

    def _found(self, look: _Look, moment: int, number: int, header: Header) -> None:
        """One of its own was started before a crash."""
        after = look.after
        if header.labels.get(LABEL) != after.id:
            look.count(found=after.found + 1)
        elif header.status in ENDED:
            look.count(started=after.started + 1, failed=after.failed + (header.status is not Status.COMPLETED))
        else:
            look.count(started=after.started + 1, running=(*after.running, number))
        if header.labels.get(LABEL) == after.id:
            look.results.append(Result(moment, Became.BACKFILLED, after.id, header.id))

    def _start(self, look: _Look, moment: int) -> Generator[Request, Any, None]:
        after = look.after
        number = yield from self._firings.begin(after.wanted.job, look.schedule, moment, {LABEL: after.id})
        if isinstance(number, str):
            look.results.append(Result(moment, Became.SKIPPED, f"{after.id}: {number}"))
            look.count(skipped=after.skipped + 1)
        else:
            look.results.append(Result(moment, Became.BACKFILLED, after.id, execution_id(look.schedule.id, moment)))
            look.count(started=after.started + 1, running=(*after.running, number))


def _refreshed(one: Backfill, snapshot: Snapshot) -> Backfill:
    """Without those of its executions that have ended."""
    headers = {number: header_of(number, snapshot.read) for number in one.running}
    running = tuple(number for number, header in headers.items() if header is not None and header.status not in ENDED)
    ended = [header for number, header in headers.items() if header is not None and number not in running]
    return replace(one, running=running, failed=one.failed + sum(header.status is not Status.COMPLETED for header in ended))


def _write(pending: Pending, read: Read, look: _Look, now: float) -> None:
    backfills.mark(pending, read, look.after, now)
    schedules.record(pending, read, look.after.wanted.schedule, look.results, now)
