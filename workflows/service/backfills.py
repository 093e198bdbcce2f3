"""Backfills: what would start, starting one, how it stands, and letting it start no more."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from workflows.errors import Invalid, Problem
from workflows.language import canonical, compile_schedule
from workflows.language.schedules import moment_of
from workflows.language.text import loads
from workflows.runtime import backfills, calendars, schedules
from workflows.runtime.audit import Act
from workflows.runtime.backfill import Survey, survey
from workflows.runtime.backfills import Backfill, Wanted
from workflows.runtime.engine import Engine
from workflows.runtime.ledger import Ledger, Pending
from workflows.runtime.requests import Read, Write
from workflows.runtime.schedules import Stored
from workflows.schedules.plan import remark
from workflows.schedules.schedule import Schedule
from workflows.schedules.zones import wall_clock
from workflows.service.asking import ask

DAY_S = 86_400

MOST_AT_ONCE = 100
"""Executions of a backfill that may run at once."""


@dataclass(frozen=True, slots=True)
class Missing:
    """An occurrence that has no execution. `local`: what the clock of its time zone shows then; `note`: what is odd about that, or ""."""

    moment: int
    local: str
    note: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What a backfill would do. `missing`: so many it would start, of which `shown` are the first and `last` is the last one's moment;
    `found`: so many have an execution; `excluded`: so many are left out for a blackout."""

    first: float
    until: float
    occurrences: int
    missing: int
    found: int
    excluded: int
    shown: tuple[Missing, ...]
    last: int | None


@dataclass(frozen=True, slots=True)
class Shown:
    """How a backfill stands. `total`: occurrences from `first` to `last`, of which it has `started`, `found` (they had an execution) and
    `skipped` (they could not be started) so many. `running`: executions of it that had not ended when it last looked; `failed`: that
    ended, but not well."""

    id: str
    schedule: str
    status: str
    first: float
    last: float
    concurrency: int
    total: int
    started: int
    found: int
    skipped: int
    left: int
    running: int
    failed: int
    created: float
    ended: float | None


class Backfills:
    """`changed` is called when there is something to start."""

    def __init__(self, ledger: Ledger, engine: Engine, changed: Callable[[], None], clock: Callable[[], float] = time.time) -> None:
        self._ledger = ledger
        self._engine = engine
        self._changed = changed
        self._clock = clock

    def preview(self, schedule_id: str, first: str, last: str) -> Preview:
        """From and to: dates and times, without an offset those of the schedule's time zone. Raises NotFound, and Invalid for a window
        that cannot be backfilled."""
        _, schedule, (begin, end), found = self._surveyed(schedule_id, first, last)
        plan = schedule.plan
        shown = tuple(
            Missing(moment, f"{wall_clock(moment, plan.zone):%Y-%m-%dT%H:%M:%S}", remark(plan, moment) or "") for moment in found.first
        )
        return Preview(begin, end, found.total, found.missing, found.total - found.missing, found.excluded, shown, found.last)

    def begin(self, schedule_id: str, first: str, last: str, concurrency: int) -> Shown:
        """Start what is missing, as soon as it can be. Raises NotFound, Invalid, and Conflict while another one of the schedule runs."""
        stored, schedule, window, found = self._surveyed(schedule_id, first, last)
        wanted = Wanted(schedule_id, stored.job, _settled(stored.spec, schedule, *window), *window, concurrency, found.total)

        def write(pending: Pending, read: Read, now: float) -> Backfill:
            schedules.found(read, schedule_id)
            return backfills.add(pending, read, wanted, now)

        told = {"from": first, "to": last, "concurrency": concurrency, "missing": found.missing}
        return _shown(self._write(write, lambda made: Act("backfill schedule", schedule_id, {"backfill": made.id, **told})))

    def of(self, schedule_id: str) -> list[Shown]:
        """The latest, the newest first. Raises NotFound."""
        with self._ledger.snapshot() as snapshot:
            schedules.found(snapshot.read, schedule_id)
            numbers = backfills.of_schedule(snapshot.read, schedule_id)
            found = [backfills.load(snapshot.read, schedule_id, number) for number in reversed(numbers)]
        return [_shown(one) for one in found if one is not None]

    def get(self, schedule_id: str, id: str) -> Shown:
        """Raises NotFound."""
        with self._ledger.snapshot() as snapshot:
            schedules.found(snapshot.read, schedule_id)
            return _shown(backfills.found(snapshot.read, schedule_id, id))

    def cancel(self, schedule_id: str, id: str) -> Shown:
        """Let it start no more; what runs goes on. Raises NotFound, and Conflict for one that is through."""

        def write(pending: Pending, read: Read, now: float) -> bool:
            schedules.found(read, schedule_id)
            return backfills.cancel(pending, read, schedule_id, id, now)

        self._write(write, lambda changed: Act("cancel backfill", schedule_id, {"backfill": id}) if changed else None)
        return self.get(schedule_id, id)

    def _surveyed(self, schedule_id: str, first: str, last: str) -> tuple[Stored, Schedule, tuple[float, float], Survey]:
        with self._ledger.snapshot() as snapshot:
            stored = schedules.found(snapshot.read, schedule_id)
            schedule = calendars.resolved(snapshot.read, compile_schedule(stored.spec, schedule_id))
            window = self._window(schedule, first, last)
            return stored, schedule, window, survey(snapshot, schedule, *window)

    def _window(self, schedule: Schedule, first: str, last: str) -> tuple[float, float]:
        problems: list[Problem] = []
        found: dict[str, float] = {}
        for pointer, text in (("/from", first), ("/to", last)):
            try:
                found[pointer] = moment_of(text, schedule.plan.zone)
            except ValueError as error:
                problems.append(Problem(pointer, str(error)))
        if found.get("/from", 0) < 0:
            problems.append(Problem("/from", "this must not be before 1970"))
        if found.get("/to", 0) > self._clock():
            problems.append(Problem("/to", "this must not lie in the future: what is still to come is not missing"))
        if len(found) == 2 and found["/to"] < found["/from"]:
            problems.append(Problem("/to", "this must not be before from"))
        if problems:
            raise Invalid(problems)
        return found["/from"], found["/to"]

    def _write(self, apply: Callable[[Pending, Read, float], Any], tell: Callable[[Any], Act | None]) -> Any:
        return ask(self._engine, Write(apply, tell, self._changed))


def _settled(spec: str, schedule: Schedule, first: float, last: float) -> str:
    """The schedule's text, in which the days of its calendars have taken the place of their names: a backfill goes by those of its
    beginning. Those of the window and a day around it: the text is written again at each step, and calendars may have thousands."""
    blackout = schedule.plan.blackout
    if not blackout.calendars:
        return spec
    document = loads(spec)
    begin, end = (wall_clock(moment, schedule.plan.zone).date() for moment in (first - DAY_S, last + DAY_S))
    near = [days for days in blackout.days if days.last >= begin and days.first <= end]
    dates = [{"from": str(days.first), "to": str(days.last), **({"name": days.name} if days.name else {})} for days in near]
    kept = {name: value for name, value in document["blackout"].items() if name != "calendars"}
    return canonical({**document, "blackout": {**kept, "dates": dates}})


def _shown(one: Backfill) -> Shown:
    wanted = one.wanted
    window = (wanted.first, wanted.last, wanted.concurrency, wanted.total)
    counts = (one.started, one.found, one.skipped, one.left, len(one.running), one.failed)
    return Shown(one.id, wanted.schedule, one.status, *window, *counts, one.created, one.ended)
