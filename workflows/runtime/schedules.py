"""Schedules as they are stored: a document each, the index of when the next is due, and what became of their latest occurrences.

Written inside a batch, by the engine's thread. How a schedule's text is read is a function given by the wiring. The switch, what has been
handled and what waits in the queue are the server's: they stay when the same job is registered again. Knows no clock and starts nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from itertools import groupby
from typing import Any

from storage.protocol import Key
from workflows.alerts.lateness import Expected, Happened, expected
from workflows.errors import Conflict, Invalid, NotFound, Problem
from workflows.numbers import loads
from workflows.runtime import backfills
from workflows.runtime.alerts import expect
from workflows.runtime.calendars import note_uses
from workflows.runtime.ledger import Pending, Snapshot
from workflows.schedules.plan import jitter, occurrences
from workflows.schedules.policy import Cause, beginning
from workflows.schedules.schedule import Schedule

INDEX = "schedules"
"""Index of (id,)."""

DUE = "schedule-due"
"""Index of (when the next occurrence is to be handled, id), of those that are switched on."""

QUEUED = "schedule-queued"
"""Index of (id,) of those with occurrences in their queue."""

OCCURRENCE = "occurrence"
"""Kind of the records; the key is (id, -sequence), so that the newest come first."""

KEPT = 1_000
"""Occurrences of a schedule whose records are kept."""

ROW = 20
"""Skipped occurrences in a row that have a record each."""

TIMING = ("cron", "intervalSeconds", "at", "timezone", "startDateTime", "endDateTime", "blackout")
"""Keys that say when it is due."""

Read = Callable[[str, Key], Any]
"""A record's data by kind and key, or None."""


class Source(StrEnum):
    """Where a schedule comes from: with the job's definition, or made by itself."""

    DEFINITION = "definition"
    API = "api"


class Became(StrEnum):
    """What became of an occurrence."""

    STARTED = "started"
    CAUGHT_UP = "caughtUp"
    QUEUED = "queued"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    BACKFILLED = "backfilled"


@dataclass(frozen=True, slots=True)
class Made:
    """A schedule as it is read, and its text."""

    schedule: Schedule
    spec: str


@dataclass(frozen=True, slots=True)
class Stored:
    """`spec`: its JSON text. `version` grows when that changes. Occurrences up to `handled` have been dealt with; the next one is to be at
    `due`. `queue`: (moment, sequence) of those that wait; `last`: number of the newest execution it has started, 0 for none; `sequence`:
    of its newest occurrence record; `switched`: when it was last switched off; `row`: why its newest occurrence was skipped, if that raises
    no alert again for those behind it."""

    id: str
    job: str
    spec: str
    source: str
    active: bool
    created: float
    handled: float
    version: int = 1
    due: float | None = None
    queue: tuple[tuple[int, int], ...] = ()
    last: int = 0
    sequence: int = 0
    switched: float = 0.0
    row: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """Of the occurrence at `moment`; of `count` in a row, up to `until`, where more than one came to the same. `execution`: the id of what
    was started. `at`: when it was dealt with. `cause`: of a policy's decision to skip it."""

    moment: int
    became: str
    reason: str = ""
    execution: str = ""
    until: int | None = None
    count: int = 1
    at: float = 0.0
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Handled:
    """What came of looking at a schedule: of its occurrences up to `until`, and of those that were in its queue, by their sequences."""

    until: float
    results: tuple[Result, ...] = ()
    dequeued: tuple[tuple[int, Result], ...] = ()
    last: int = 0
    cut: bool = field(default=False, compare=False)


def next_due(schedule: Schedule, after: float) -> float | None:
    """When the first occurrence later than `after` is to be handled."""
    first = next(occurrences(schedule.plan, after), None)
    return None if first is None else first.moment + jitter(schedule.id, first.moment, schedule.jitter)


# ------------------------------------------------------------------------------------------------------------------- reading


def load(read: Read, id: str) -> Stored | None:
    data = read("document", ("schedule", id))
    if data is None:
        return None
    return Stored(id=id, **{**data, "queue": tuple((int(moment), int(sequence)) for moment, sequence in data["queue"])})


def found(read: Read, id: str) -> Stored:
    """Raises NotFound."""
    stored = load(read, id)
    if stored is None:
        raise NotFound(f"no schedule has the id {id!r}", INDEX, id)
    return stored


def of_job(read: Read, job: str) -> Mapping[str, str]:
    """Ids of a job's schedules, and where each comes from."""
    data: Mapping[str, str] = read("document", ("schedules-of", job)) or {}
    return data


def results(snapshot: Snapshot, id: str, before: int | None, limit: int) -> list[tuple[int, Result]]:
    """Records of its occurrences, newest first, with their sequences; those before one of them."""
    keys = snapshot.keys(OCCURRENCE, (id,) if before is None else (id, -before), limit)
    return [(-int(key[1]), Result(**snapshot.read(OCCURRENCE, key))) for key in keys if key[0] == id]


# ------------------------------------------------------------------------------------------------------------------- writing


def replace_all(pending: Pending, read: Read, job: str, made: Sequence[Made], now: float) -> None:
    """The job's definition comes with these; those that came with it before and are none of them go. Raises Invalid."""
    known = dict(of_job(read, job))
    for n, one in enumerate(made):
        other = load(read, one.schedule.id)
        if other is not None and other.job != job:
            message = f"the job {other.job!r} has a schedule of the id {other.id!r} already; give this one another id"
            raise Invalid([Problem(f"/schedules/{n}", message)])
    kept = {one.schedule.id for one in made}
    for id, source in known.items():
        if source == Source.DEFINITION and id not in kept:
            _drop(pending, read, id)
    left = {id: source for id, source in known.items() if source != Source.DEFINITION}
    for one in made:
        note_uses(pending, read, one.schedule.id, one.spec)
        _save(pending, load(read, one.schedule.id), _made(read, job, one, Source.DEFINITION, now))
    _list(pending, read, job, left | dict.fromkeys((one.schedule.id for one in made), str(Source.DEFINITION)))


def add(pending: Pending, read: Read, job: str, made: Made, now: float) -> Stored:
    """Make one apart from a definition. Raises Conflict where there is one of its id."""
    other = load(read, made.schedule.id)
    if other is not None:
        raise Conflict(f"the job {other.job!r} has a schedule of the id {other.id!r} already; change that one, or choose another id")
    stored = _made(read, job, made, Source.API, now)
    note_uses(pending, read, stored.id, stored.spec)
    _save(pending, None, stored)
    _list(pending, read, job, {**of_job(read, job), stored.id: str(Source.API)})
    return stored


def change(pending: Pending, read: Read, made: Made, now: float) -> Stored:
    """Give it another text. It is of the same source as before. Raises NotFound."""
    before = found(read, made.schedule.id)
    after = _made(read, before.job, made, Source(before.source), now)
    note_uses(pending, read, after.id, after.spec)
    _save(pending, before, after)
    return after


def switch(pending: Pending, read: Read, schedule: Schedule, active: bool, now: float) -> bool:
    """Switch it on or off, and say whether that changed anything. What came while it was off is not made up for. Raises NotFound."""
    before = found(read, schedule.id)
    if before.active == active:
        return False
    if active:
        handled = max(now, before.handled)
        after = replace(before, active=True, handled=handled, due=next_due(schedule, handled), row="")
    else:
        for moment, sequence in before.queue:
            if sequence > before.sequence - KEPT:
                _note(pending, before.id, sequence, Result(moment, Became.CANCELLED, "the schedule was switched off", at=now))
        after = replace(before, active=False, due=None, queue=(), switched=now)
    _save(pending, before, after)
    return True


def remove(pending: Pending, read: Read, id: str) -> Stored:
    """Delete it and what is known of its occurrences. Raises NotFound."""
    stored = found(read, id)
    _drop(pending, read, id)
    _list(pending, read, stored.job, {other: source for other, source in of_job(read, stored.job).items() if other != id})
    return stored


def remove_all(pending: Pending, read: Read, job: str) -> None:
    """All of a job that is deleted."""
    known = of_job(read, job)
    for id in known:
        _drop(pending, read, id)
    _list(pending, read, job, {})


def mark(pending: Pending, read: Read, seen: Stored, schedule: Schedule, done: Handled, now: float) -> bool:
    """Write down what came of looking at it, and say whether that was done. Of one that was changed since, what it is going to handle again
    is not. What the same look has written already, and got no answer, is not written twice."""
    before = load(read, seen.id)
    if before is None or before.created != seen.created or (before.version != seen.version and before.handled < done.until):
        return False
    for place, one in done.dequeued:  # also where the queue was emptied meanwhile: it has been started all the same
        if place > before.sequence - KEPT:
            _note(pending, before.id, place, replace(one, at=now))
    gone = {one.moment for _, one in done.dequeued}
    queue = [entry for entry in before.queue if entry[0] not in gone]
    sequence, known = before.sequence, _recorded(read, before, seen.sequence)
    for one in done.results:
        if one.moment in known:
            continue
        sequence += 1
        if one.became == Became.QUEUED and not before.active:
            one = replace(one, became=Became.CANCELLED, reason="the schedule was switched off")
        elif one.became == Became.QUEUED:
            queue.append((one.moment, sequence))
        _note(pending, before.id, sequence, replace(one, at=now))
        if sequence > KEPT:
            pending.records[OCCURRENCE, (before.id, KEPT - sequence)] = None
    if before.active:
        expect(pending, before.id, expectations(schedule, done, now, before.row), now)
    handled = max(before.handled, done.until)
    due = next_due(schedule, handled) if before.active and before.version == seen.version else before.due
    last, row = max(before.last, done.last), _row(done.results[-1]) if done.results else before.row
    _save(pending, before, replace(before, handled=handled, due=due, queue=tuple(queue), last=last, sequence=sequence, row=row))
    return True


def record(pending: Pending, read: Read, id: str, done: Iterable[Result], now: float) -> None:
    """Write down what became of occurrences apart from its looks, if it is there still."""
    before = load(read, id)
    if before is None:
        return
    sequence = before.sequence
    for one in done:
        sequence += 1
        _note(pending, id, sequence, replace(one, at=now))
        if sequence > KEPT:
            pending.records[OCCURRENCE, (id, KEPT - sequence)] = None
    if sequence != before.sequence:
        _save(pending, before, replace(before, sequence=sequence))


def expectations(schedule: Schedule, done: Handled, now: float, row: str) -> list[Expected]:
    """What is expected of its occurrences from now on. Of those that ran into the same thing in a row there is one, and none where the row
    goes on from before."""
    found: list[Expected] = []
    refused = [one for _, one in done.dequeued if one.cause == Cause.REFUSED and schedule.expect_start is None]  # else it is since queued
    results: list[Result] = []
    for reason, some in groupby(done.results, _row):
        if not reason:
            results += some
        elif reason != row:
            results.append(_together(list(some)))
        row = reason
    for one in (*refused, *results):
        due = one.moment + jitter(schedule.id, one.moment, schedule.jitter)
        happened = Happened(one.moment, due, one.became, one.cause, one.reason, one.count, one.until)
        found += expected(happened, schedule.expect_start, schedule.expect_end, now)
    return found


# -------------------------------------------------------------------------------------------------------------------- within


def _made(read: Read, job: str, made: Made, source: Source, now: float) -> Stored:
    """As it is to be stored, with what is kept of the one it replaces."""
    schedule, before = made.schedule, load(read, made.schedule.id)
    if before is None:
        handled = beginning(schedule, now)
        fresh = Stored(schedule.id, job, made.spec, source, schedule.active, created=now, handled=handled)
        return replace(fresh, due=next_due(schedule, handled) if fresh.active else None)
    if before.spec == made.spec:
        return replace(before, source=source)
    handled = before.handled if _timing(before.spec) == _timing(made.spec) else max(now, before.handled)
    due = next_due(schedule, handled) if before.active else None
    return replace(before, spec=made.spec, source=source, version=before.version + 1, handled=handled, due=due, row="")


def _timing(spec: str) -> list[Any]:
    document = loads(spec)
    return [document.get(key) for key in TIMING]


def _save(pending: Pending, before: Stored | None, after: Stored) -> None:
    data = asdict(after)
    del data["id"]
    pending.put("document", ("schedule", after.id), data)
    pending.index(INDEX, (after.id,), True)
    if before is not None and before.due is not None:
        pending.index(DUE, (before.due, after.id), False)
    if after.due is not None:
        pending.index(DUE, (after.due, after.id), True)
    if bool(after.queue) != bool(before is not None and before.queue):
        pending.index(QUEUED, (after.id,), bool(after.queue))


def _drop(pending: Pending, read: Read, id: str) -> None:
    stored = load(read, id)
    if stored is None:
        return
    note_uses(pending, read, id, None)
    pending.records["document", ("schedule", id)] = None
    pending.index(INDEX, (id,), False)
    if stored.due is not None:
        pending.index(DUE, (stored.due, id), False)
    pending.index(QUEUED, (id,), False)
    backfills.drop(pending, read, id)
    for sequence in range(max(1, stored.sequence - KEPT + 1), stored.sequence + 1):
        pending.records[OCCURRENCE, (id, -sequence)] = None


def _list(pending: Pending, read: Read, job: str, ids: Mapping[str, str]) -> None:
    if ids:
        pending.put("document", ("schedules-of", job), dict(ids))
    elif of_job(read, job):
        pending.records["document", ("schedules-of", job)] = None


def _recorded(read: Read, stored: Stored, after: int) -> set[int]:
    """Moments of the records that came behind this sequence."""
    kept = range(max(after, stored.sequence - KEPT) + 1, stored.sequence + 1)
    found = (read(OCCURRENCE, (stored.id, -sequence)) for sequence in kept)
    return {record["moment"] for record in found if record is not None}


def _note(pending: Pending, id: str, sequence: int, result: Result) -> None:
    pending.put(OCCURRENCE, (id, -sequence), asdict(result))


def merged(some: Iterable[Result]) -> list[Result]:
    """Long rows of occurrences that were skipped for one reason become one result."""
    rows: list[list[Result]] = []
    for one in some:
        if rows and _cause(rows[-1][-1]) == _cause(one) is not None:
            rows[-1].append(one)
        else:
            rows.append([one])
    return [one for row in rows for one in (row if len(row) <= ROW else [_together(row)])]


def _together(row: Sequence[Result]) -> Result:
    """As one result."""
    until = row[-1].until or row[-1].moment
    return row[0] if len(row) == 1 else replace(row[0], until=until, count=sum(one.count for one in row))


def _row(one: Result) -> str:
    """The reason of the row that a skipped one is in; "" for others, and for what was missed: that is told of with how much it was."""
    return "" if one.cause in (Cause.MISSED, Cause.BLACKOUT) else _cause(one) or ""


def _cause(one: Result) -> str | None:
    """Behind the semicolon, where before it is by how much each was missed."""
    if one.became != Became.SKIPPED:
        return None
    told, _, cause = one.reason.partition("; ")
    return cause or told
