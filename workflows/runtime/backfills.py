"""Backfills as they are stored: a record each, which says how far it has come, and the index of those that run.

Written inside a batch, by the engine's thread. Of a schedule one runs at a time, and the latest are kept; they go with it. What a backfill
goes through never changes: it keeps the schedule as it was written when it was asked for. Knows no clock and starts nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from math import ceil
from typing import Any

from storage.protocol import Key
from workflows.errors import Conflict, NotFound
from workflows.runtime.ledger import Pending

BACKFILL = "backfill"
"""Kind of the records; the key is (schedule, number)."""

RUNNING = "backfill-running"
"""Index of (schedule, number) of those that have not ended."""

KEPT = 50
"""Backfills of a schedule whose records are kept."""

Read = Callable[[str, Key], Any]
"""A record's data by kind and key, or None."""

_ID = re.compile(r"backfill-([1-9][0-9]{0,14})")


class Standing(StrEnum):
    """How a backfill stands."""

    RUNNING = "running"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be backfilled: the schedule's occurrences from `first` to `last`, both included (seconds since the epoch), of which there
    are `total`. `spec`: the schedule's JSON text. `concurrency`: of its executions, so many may run at once."""

    schedule: str
    job: str
    spec: str
    first: float
    last: float
    concurrency: int
    total: int


@dataclass(frozen=True, slots=True)
class Backfill:
    """`until`: occurrences up to there have been dealt with. `started`, `skipped` (could not be started) and `found` (had an execution)
    count them. `running`: numbers of executions that had not ended; `failed`: how many ended, but not well. `ended`: when it did."""

    number: int
    wanted: Wanted
    created: float
    until: int
    status: str = Standing.RUNNING
    started: int = 0
    found: int = 0
    skipped: int = 0
    failed: int = 0
    running: tuple[int, ...] = ()
    ended: float | None = None

    @property
    def id(self) -> str:
        """No other one has it, whatever the schedule."""
        return named(self.number)

    @property
    def left(self) -> int:
        """Occurrences that have not been dealt with, and will be if it is not cancelled."""
        return self.wanted.total - self.started - self.found - self.skipped


def named(number: int) -> str:
    return f"backfill-{number}"


def load(read: Read, schedule: str, number: int) -> Backfill | None:
    data = read(BACKFILL, (schedule, number))
    if data is None:
        return None
    return Backfill(number=number, **{**data, "wanted": Wanted(**data["wanted"]), "running": tuple(map(int, data["running"]))})


def found(read: Read, schedule: str, id: str) -> Backfill:
    """Raises NotFound."""
    match = _ID.fullmatch(id)
    one = load(read, schedule, int(match[1])) if match else None
    if one is None:
        raise NotFound(f"the schedule {schedule!r} has no backfill of the id {id!r}")
    return one


def of_schedule(read: Read, schedule: str) -> list[int]:
    """Numbers of those that are kept, ascending."""
    data = read("document", ("backfills-of", schedule))
    return [] if data is None else [int(number) for number in data["numbers"]]


def add(pending: Pending, read: Read, wanted: Wanted, now: float) -> Backfill:
    """Raises Conflict while another one of the schedule runs."""
    numbers = of_schedule(read, wanted.schedule)
    newest = load(read, wanted.schedule, numbers[-1]) if numbers else None
    if newest is not None and newest.status == Standing.RUNNING:
        raise Conflict(f"{newest.id} of the schedule {wanted.schedule!r} has not ended; wait for that, or cancel it")
    number = 1 + int((read("document", ("backfills", "newest")) or {"number": 0})["number"])
    made = Backfill(number, wanted, now, until=ceil(wanted.first) - 1)
    pending.put("document", ("backfills", "newest"), {"number": number})
    numbers.append(number)
    for old in numbers[:-KEPT]:
        pending.records[BACKFILL, (wanted.schedule, old)] = None
    pending.put("document", ("backfills-of", wanted.schedule), {"numbers": numbers[-KEPT:]})
    _save(pending, made)
    return made


def cancel(pending: Pending, read: Read, schedule: str, id: str, now: float) -> bool:
    """Let it start no more, and say whether that changed anything. Raises NotFound, and Conflict for one that is through."""
    one = found(read, schedule, id)
    if one.status == Standing.COMPLETED:
        raise Conflict(f"{id} of the schedule {schedule!r} has ended; there is nothing left to cancel")
    if one.status == Standing.RUNNING:
        _save(pending, replace(one, status=Standing.CANCELLED, running=(), ended=now))
        return True
    return False


def mark(pending: Pending, read: Read, after: Backfill, now: float) -> None:
    """Write down how far it has come. One that was cancelled meanwhile stays so; one that is gone is not made again."""
    before = load(read, after.wanted.schedule, after.number)
    if before is None:
        return
    if before.status != Standing.RUNNING:
        after = replace(after, status=before.status, running=(), ended=before.ended)
    elif after.status != Standing.RUNNING:
        after = replace(after, ended=now)
    _save(pending, after)


def drop(pending: Pending, read: Read, schedule: str) -> None:
    """All of a schedule that is deleted."""
    numbers = of_schedule(read, schedule)
    for number in numbers:
        pending.records[BACKFILL, (schedule, number)] = None
        pending.index(RUNNING, (schedule, number), False)
    if numbers:
        pending.records["document", ("backfills-of", schedule)] = None


def _save(pending: Pending, one: Backfill) -> None:
    data = asdict(one)
    del data["number"]
    pending.put(BACKFILL, (one.wanted.schedule, one.number), data)
    pending.index(RUNNING, (one.wanted.schedule, one.number), one.status == Standing.RUNNING)
