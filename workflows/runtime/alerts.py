"""Alerts as they are stored: the log of the latest, those that somebody has yet to be told of, who listens, and what is expected of
occurrences by when.

Written inside a batch, by the engine's thread: an alert by the commit that drops what it came from, so that a crash neither loses nor
doubles one. Knows no clock, judges nothing and tells nobody.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

from storage.protocol import CorruptRecord, Key
from workflows.alerts.events import Alert, execution_id
from workflows.alerts.lateness import Expected
from workflows.alerts.listening import OnAlert, from_row
from workflows.runtime.ledger import Pending, Snapshot

log = logging.getLogger(__name__)

KIND = "alert"
"""Of the records; the key is (-sequence,), so that the newest come first."""

UNTOLD = "alert-untold"
"""Index of (sequence,) of those that somebody has yet to be told of."""

KEPT = 1_000
"""Alerts that are kept, and older ones until all have been told."""

EXPECTED = "expectation"
"""Kind of the records of what is expected; the key is (deadline, schedule, moment, what)."""

_LISTENERS = ("alert-listeners",)
_ALERTS = ("alerts",)
_FOLLOWED = ("alerts-followed",)
_QUEUE = ("alert-queue",)

Read = Callable[[str, Key], Any]
"""A record's data by kind and key, or None."""


@dataclass(frozen=True, slots=True)
class Telling:
    """A job that hears of an alert, and the id of the execution by which it does. `reason`: why that could not be started."""

    job: str
    execution: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Raised:
    """An alert in the log. `event` is the CloudEvent; `told`: all have been told who were to be, as far as that was possible."""

    sequence: int
    kind: str
    job: str
    at: float
    event: Mapping[str, Any]
    tellings: tuple[Telling, ...]
    told: bool

    @property
    def id(self) -> str:
        return str(self.event["id"])


# --------------------------------------------------------------------------------------------------------------- who listens


def listeners(read: Read) -> dict[str, OnAlert]:
    """Jobs that hear alerts, by id."""
    return {job: from_row(row) for job, row in (read("document", _LISTENERS) or {}).items()}


def listen(pending: Pending, read: Read, job: str, wanted: OnAlert | None) -> None:
    """What the job hears from now on; None: nothing, or it is gone."""
    known = dict(read("document", _LISTENERS) or {})
    left = {id: row for id, row in known.items() if id != job} | ({job: wanted.row()} if wanted is not None else {})
    if left != known:
        pending.put("document", _LISTENERS, left)


# ------------------------------------------------------------------------------------------------------------------- the log


def load(read: Read, sequence: int) -> Raised | None:
    data = read(KIND, (-sequence,))
    if data is None:
        return None
    return Raised(sequence, **{**data, "tellings": tuple(Telling(*row) for row in data["tellings"])})


def newest(snapshot: Snapshot, before: int | None, limit: int) -> list[int]:
    """Sequences of alerts, newest first; those before one of them."""
    return [-int(key[0]) for key in snapshot.keys(KIND, None if before is None else (-before,), limit)]


def known(snapshot: Snapshot) -> set[str]:
    """Ids of all in the log that can be read."""
    return {one.id for sequence in newest(snapshot, None, sys.maxsize) if (one := readable(snapshot.read, sequence)) is not None}


def readable(read: Read, sequence: int) -> Raised | None:
    """None for one that cannot be read, too."""
    with suppress(CorruptRecord):
        return load(read, sequence)
    return None


def untold(snapshot: Snapshot, limit: int) -> list[int]:
    """Sequences of alerts that somebody has yet to be told of, oldest first."""
    return [int(key[0]) for key in snapshot.scan(UNTOLD, None, limit)]


def raise_all(pending: Pending, read: Read, alerts: Iterable[Alert], now: float, to: Sequence[str] | None = None) -> list[Raised]:
    """Add them to the log. Who hears of each is settled here: whoever listens now; of these, `to`."""
    heard = listeners(read)
    sequence = last = _sequence(read)
    added: list[Raised] = []
    for alert in alerts:
        sequence += 1
        jobs = [job for job, wanted in heard.items() if wanted.hears(alert.kind, alert.job) and (to is None or job in to)]
        tellings = tuple(Telling(job, execution_id(alert.id, job)) for job in sorted(jobs))
        added.append(Raised(sequence, alert.kind, alert.job, now, alert.event(), tellings, told=not tellings))
        _put(pending, added[-1])
        _prune(pending, read, sequence - KEPT)
    if sequence > last:
        pending.put("document", _ALERTS, {"sequence": sequence})
    return added


def next_number(read: Read) -> int:
    """Of the next alert."""
    return _sequence(read) + 1


def told(pending: Pending, read: Read, sequence: int, reasons: Mapping[str, str]) -> None:
    """All have been told of it who were to be, but for those with a reason (job → why not)."""
    raised = load(read, sequence)
    if raised is None or raised.told:
        return
    tellings = tuple(replace(one, reason=reasons.get(one.job, "")) for one in raised.tellings)
    _put(pending, replace(raised, tellings=tellings, told=True))
    if sequence <= _sequence(read) - KEPT:
        pending.records[KIND, (-sequence,)] = None


def drop(pending: Pending, sequence: int) -> None:
    """One that cannot be read."""
    pending.records[KIND, (-sequence,)] = None
    pending.index(UNTOLD, (sequence,), False)


def _put(pending: Pending, raised: Raised) -> None:
    data = asdict(raised) | {"tellings": [[one.job, one.execution, one.reason] for one in raised.tellings]}
    del data["sequence"]
    pending.put(KIND, (-raised.sequence,), data)
    pending.index(UNTOLD, (raised.sequence,), not raised.told)


def _prune(pending: Pending, read: Read, sequence: int) -> None:
    try:
        raised = load(read, sequence) if sequence > 0 else None
    except CorruptRecord:
        drop(pending, sequence)
        return
    if raised is not None and raised.told:
        pending.records[KIND, (-sequence,)] = None


def _sequence(read: Read) -> int:
    return int((read("document", _ALERTS) or {"sequence": 0})["sequence"])


# -------------------------------------------------------------------------------------------------- how far all is looked at


@dataclass(frozen=True, slots=True)
class Followed:
    """Failures of commits up to `upto` have been raised; no later one was before `at` (seconds since the epoch)."""

    upto: int
    at: float


def followed(read: Read) -> Followed | None:
    data = read("document", _FOLLOWED)
    return None if data is None else Followed(**data)


def follow(pending: Pending, after: Followed) -> None:
    pending.put("document", _FOLLOWED, asdict(after))


def deep_since(read: Read) -> float | None:
    """Since when the queue is too deep, as it was told; None: it is not."""
    data = read("document", _QUEUE)
    return None if data is None else data["since"]


def set_deep(pending: Pending, since: float | None) -> None:
    pending.put("document", _QUEUE, {"since": since})


# -------------------------------------------------------------------------------------------------------------- expectations


@dataclass(frozen=True, slots=True)
class Awaited:
    """What is expected of an occurrence of `schedule`, and since when (`at`)."""

    schedule: str
    at: float
    expected: Expected

    @property
    def key(self) -> Key:
        one = self.expected
        return (one.deadline, self.schedule, one.moment, str(one.what))


def expect(pending: Pending, schedule: str, some: Iterable[Expected], now: float) -> None:
    for one in some:
        data = {"at": now, "within": one.within, "became": one.became, "reason": one.reason, "count": one.count, "until": one.until}
        pending.put(EXPECTED, Awaited(schedule, now, one).key, data)


def due(snapshot: Snapshot, now: float, limit: int) -> tuple[list[Awaited], float | None]:
    """Those whose deadline has come, at most so many, and when the next one's comes. One that cannot be read is of a time before all
    schedules."""
    found: list[Awaited] = []
    for key in snapshot.keys(EXPECTED, None, limit):
        deadline, schedule, moment, what = key
        if float(deadline) > now:
            return found, float(deadline)
        try:
            data = dict(snapshot.read(EXPECTED, key))
        except CorruptRecord as damage:
            log.error("whether the schedule %r ran in time cannot be told: %s", schedule, damage)
            data = dict.fromkeys(("at", "within"), 0.0) | {"became": ""}
        found.append(Awaited(str(schedule), data.pop("at"), Expected(str(what), int(moment), float(deadline), **data)))
    return found, None


def met(pending: Pending, read: Read, one: Awaited) -> bool:
    """Drop it, and say whether it was there."""
    try:
        if read(EXPECTED, one.key) is None:
            return False
    except CorruptRecord:
        pass  # `due` has told of it
    pending.records[EXPECTED, one.key] = None
    return True
