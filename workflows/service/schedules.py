"""Schedules: which there are, when they are due, what became of their occurrences; and those that are made apart from a definition."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from marshmallow import ValidationError

from workflows.errors import Conflict, Invalid, NotFound, Problem
from workflows.language import canonical, compile_schedule
from workflows.language.positions import located
from workflows.language.schedule_findings import schedule_findings
from workflows.language.schedules import problems_of, read_schedule
from workflows.language.shapes import shown
from workflows.language.text import loads_unique
from workflows.model import TaskList
from workflows.runtime import calendars, schedules
from workflows.runtime.audit import Act
from workflows.runtime.catalogue import Catalogue
from workflows.runtime.engine import Engine
from workflows.runtime.execution import header_of
from workflows.runtime.ledger import Ledger, Pending, Snapshot
from workflows.runtime.removal import no_definition
from workflows.runtime.requests import Read, Write
from workflows.runtime.schedules import Made, Result, Stored
from workflows.schedules.plan import jitter, occurrences, remark
from workflows.schedules.schedule import Schedule
from workflows.schedules.zones import wall_clock
from workflows.service.asking import ask
from workflows.service.calendars import check_calendars
from workflows.service.paging import Page, cursor, place_of

MOST_COMING = 100
"""Occurrences that can be foretold at once."""


@dataclass(frozen=True, slots=True)
class Shown:
    """`schedule`: its JSON text. `due`: when it starts something next; None: never, or it is switched off. `queued`: when those are due
    that wait for the run before. `execution`: the id of the newest execution it started. `warnings`: what looks wrong, when it is made or
    changed."""

    id: str
    job: str
    active: bool
    source: str
    schedule: str
    created: float
    due: float | None
    queued: tuple[int, ...]
    execution: str
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Coming:
    """`local`: what the clock of its time zone shows at `moment`. `start`: with its jitter. `runs`: whether a blackout lets it. `note`: why
    not, or what is odd about its time; "" for nothing."""

    moment: int
    local: str
    start: float
    runs: bool
    note: str


class Schedules:
    """`changed` is called when a schedule has."""

    def __init__(
        self, ledger: Ledger, catalogue: Catalogue, engine: Engine, changed: Callable[[], None], clock: Callable[[], float] = time.time
    ) -> None:
        self._ledger = ledger
        self._catalogue = catalogue
        self._engine = engine
        self._changed = changed
        self._clock = clock

    # ------------------------------------------------------------------------------------------------------------- looking

    def page(self, limit: int = 50, after: str | None = None, job: str | None = None) -> Page[Shown]:
        """By id, of one job or of all; `after` is a cursor. Raises Invalid for a cursor that is not of this list."""
        asked = ("schedules", job)
        place = place_of(after, asked, str)
        with self._ledger.snapshot() as snapshot:
            if job is None:
                ids = [str(key[0]) for key in snapshot.scan(schedules.INDEX, None if place is None else (place,), limit + 1)]
            else:
                ids = [id for id in sorted(schedules.of_job(snapshot.read, job)) if place is None or id > place][: limit + 1]
            found = [_shown(snapshot, schedules.found(snapshot.read, id)) for id in ids[:limit]]
        return Page(tuple(found), cursor(asked, ids[limit - 1] if len(ids) > limit else None))

    def get(self, id: str) -> Shown:
        """Raises NotFound."""
        with self._ledger.snapshot() as snapshot:
            return _shown(snapshot, schedules.found(snapshot.read, id))

    def of_job(self, job: str) -> tuple[Shown, ...]:
        """All of a job, by id."""
        with self._ledger.snapshot() as snapshot:
            return tuple(_shown(snapshot, schedules.found(snapshot.read, id)) for id in sorted(schedules.of_job(snapshot.read, job)))

    def occurrences(self, id: str, limit: int = 50, after: str | None = None) -> Page[Result]:
        """What became of its occurrences, the newest first; the latest are kept. `after` is a cursor. Raises NotFound, and Invalid for a
        cursor that is not of this list."""
        asked = ("occurrences", id)
        place = place_of(after, asked, int)
        with self._ledger.snapshot() as snapshot:
            schedules.found(snapshot.read, id)
            found = schedules.results(snapshot, id, place, limit + 1)
        return Page(tuple(result for _, result in found[:limit]), cursor(asked, found[limit - 1][0] if len(found) > limit else None))

    def coming(self, id: str, count: int = 10) -> list[Coming]:
        """Its next occurrences, whether or not it is switched on. Raises NotFound."""
        stored = schedules.found(self._ledger.read, id)
        schedule = calendars.resolved(self._ledger.read, compile_schedule(stored.spec, id))
        return _coming(schedule, max(stored.handled, self._clock()), count)

    def foretell(self, raw: bytes, count: int = 10) -> list[Coming]:
        """The next occurrences of a schedule that is not stored: its JSON text, as `add` takes it, with or without a `job`. Raises NotJson,
        and Invalid with every problem."""
        document, problems = _object(raw)
        schedule = _schedule(document, str(document.pop("job", "")) or "preview", problems)
        if problems or schedule is None:
            raise Invalid(located(problems, raw.decode()))
        check_calendars(self._ledger.read, {"": schedule}, raw.decode())
        return _coming(calendars.resolved(self._ledger.read, schedule), self._clock(), count)

    # ------------------------------------------------------------------------------------------------------------- changing

    def toggle(self, id: str, active: bool) -> Shown:
        """Switch it on or off; that stays, whatever its definition says. Raises NotFound."""

        def write(pending: Pending, read: Read, now: float) -> bool:
            stored = schedules.found(read, id)
            return schedules.switch(pending, read, compile_schedule(stored.spec, id), active, now)

        self._write(write, lambda changed: Act("switch schedule on" if active else "switch schedule off", id) if changed else None)
        return self.get(id)

    def toggle_job(self, job: str) -> bool:
        """Switch all schedules of a job on if any is off, else all off, in one commit; whether they are on. Raises NotFound for an unknown
        job, and Conflict for one without schedules."""

        def write(pending: Pending, read: Read, now: float) -> bool:
            _known(read, job)
            found = [schedules.found(read, id) for id in sorted(schedules.of_job(read, job))]
            if not found:
                raise Conflict(f"the job {job!r} has no schedule that could be switched; POST /schedules makes one")
            active = not all(one.active for one in found)
            for one in found:
                schedules.switch(pending, read, compile_schedule(one.spec, one.id), active, now)
            return active

        def tell(active: bool) -> Act:
            return Act("switch schedules on" if active else "switch schedules off", job)

        active: bool = ask(self._engine, Write(write, tell, self._changed))
        return active

    def add(self, raw: bytes) -> Shown:
        """Make one for a job apart from its definition: the JSON text of a schedule with a `job`. Raises NotJson, Invalid with every
        problem, NotFound for an unknown job, and Conflict for an id that there is."""
        job, made = _read(raw, None)
        warnings = self._odd(job, made.schedule, raw.decode())

        def write(pending: Pending, read: Read, now: float) -> Stored:
            _known(read, job)
            check_calendars(read, {"": made.schedule}, raw.decode())
            return schedules.add(pending, read, job, made, now)

        self._write(write, lambda stored: Act("add schedule", stored.id, {"job": job}))
        return replace(self.get(made.schedule.id), warnings=warnings)

    def change(self, id: str, raw: bytes) -> Shown:
        """Give it another text; one of a definition is so until that has another revision. Its switch stays as it is. Raises NotFound,
        NotJson, and Invalid with every problem."""
        job = schedules.found(self._ledger.read, id).job
        _, made = _read(raw, id)
        warnings = self._odd(job, made.schedule, raw.decode())

        def write(pending: Pending, read: Read, now: float) -> Stored:
            check_calendars(read, {"": made.schedule}, raw.decode())
            return schedules.change(pending, read, made, now)

        self._write(write, lambda _: Act("change schedule", id))
        return replace(self.get(id), warnings=warnings)

    def delete(self, id: str) -> None:
        """With all that is known of its occurrences; its executions stay. Raises NotFound."""
        self._write(lambda pending, read, _: schedules.remove(pending, read, id), lambda _: Act("delete schedule", id))

    def _odd(self, job: str, schedule: Schedule, text: str) -> tuple[Problem, ...]:
        """The warnings of a schedule that is written in `text`. Raises Invalid where the job could never be started with its input."""
        latest = self._catalogue.latest(job)
        if latest is None:
            return ()
        definition = self._catalogue.get(job, latest)
        objects = isinstance(definition, TaskList)
        found = located(list(schedule_findings(schedule, definition.input_schema, objects=objects, now=self._clock())), text)
        if any(problem.severity == "error" for problem in found):
            raise Invalid(found)
        return tuple(found)

    def _write(self, apply: Callable[[Pending, Read, float], Any], tell: Callable[[Any], Act | None]) -> None:
        ask(self._engine, Write(apply, tell, self._changed))


def _known(read: Read, job: str) -> None:
    definition = read("document", ("definition", job))
    if definition is None or definition.get("deleted"):
        raise no_definition(job)


def _shown(snapshot: Snapshot, stored: Stored) -> Shown:
    header = header_of(stored.last, snapshot.read) if stored.last else None
    queued = tuple(moment for moment, _ in stored.queue)
    execution = "" if header is None else header.id
    return Shown(stored.id, stored.job, stored.active, stored.source, stored.spec, stored.created, stored.due, queued, execution)


def _coming(schedule: Schedule, after: float, count: int) -> list[Coming]:
    plan, found = schedule.plan, []
    for each in islice(occurrences(plan, after), count):
        late = jitter(schedule.id, each.moment, schedule.jitter)
        note = each.excluded or remark(plan, each.moment) or ""
        local = f"{wall_clock(each.moment, plan.zone):%Y-%m-%dT%H:%M:%S}"
        found.append(Coming(each.moment, local, each.moment + late, each.excluded is None, note))
    return found


def _read(raw: bytes, id: str | None) -> tuple[str, Made]:
    """The job and the schedule that are written in `raw`; for one that is there, with its `id`, no job."""
    document, problems = _object(raw)
    job = ""
    if id is None:
        job = document.pop("job", None)
        if not isinstance(job, str) or not job:
            problems.append(Problem("/job" if job is not None else "", "`job` must be the id of a job definition"))
            job = "job"
    elif document.get("id", id) != id:
        problems.append(Problem("/id", f"the id of a schedule stays: leave it out, or write {id!r}"))
    schedule = _schedule(document, id or job, problems)
    if problems or schedule is None:
        raise Invalid(located(problems, raw.decode()))
    if id is None and len(schedule.id) > 128:
        raise NotFound(f"no job definition has the id {job!r}")
    return job, Made(schedule, canonical(document))


def _object(raw: bytes) -> tuple[dict[str, Any], list[Problem]]:
    """The object written in `raw`, and what is wrong with it so far."""
    document, problems = loads_unique(raw, "request body")
    if not isinstance(document, dict):
        raise Invalid([Problem("", f"a schedule must be an object, not {shown(document)}")])
    return document, list(problems)


def _schedule(document: dict[str, Any], id: str, problems: list[Problem]) -> Schedule | None:
    try:
        return read_schedule(document, id)
    except ValidationError as error:
        problems += problems_of(error)
        return None
