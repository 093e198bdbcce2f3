"""The audit log, read: newest first, a page at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from storage.protocol import CorruptRecord
from workflows.runtime.audit import KIND
from workflows.runtime.ledger import Ledger, Snapshot
from workflows.service.paging import Page, cursor, place_of

LOOKED_AT = 2_000
"""Records read for one page: where few fit the filter, a page is short and its cursor leads on."""

DAMAGED: dict[str, Any] = {"who": "", "action": "the record is damaged"}


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One change. `at` is seconds since the epoch. Texts are "" where there is nothing to say."""

    sequence: int
    at: float | None
    who: str
    name: str
    action: str
    target: str
    details: dict[str, Any]
    address: str
    request: str


class Audit:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def list(
        self, limit: int = 50, after: str | None = None, since: float | None = None, until: float | None = None, who: str | None = None
    ) -> Page[AuditRecord]:
        """Up to `limit` records, newest first: from `since` (included) to `until` (excluded), of those whose id or name is `who`. Times are
        seconds since the epoch; `after` is a cursor. A page with `who` may be short or empty and have a next one all the same. Raises
        Invalid for a cursor that is not of this question."""
        asked = ("audit", since, until, who)
        place = place_of(after, asked, int)
        found: list[AuditRecord] = []
        with self._ledger.snapshot() as snapshot:
            first = _newest(snapshot)
            if place is not None:
                first = min(first, place)
            if until is not None:
                first = _before(snapshot, until, first)
            for looked_at, record in enumerate(_down_from(snapshot, first)):
                if since is not None and record.at is not None and record.at < since:
                    return Page(tuple(found), None)
                if len(found) == limit or looked_at == LOOKED_AT:
                    return Page(tuple(found), cursor(asked, record.sequence))
                if who is None or who in (record.who, record.name):
                    found.append(record)
        return Page(tuple(found), None)


def _newest(snapshot: Snapshot) -> int:
    keys = snapshot.keys(KIND, None, 1)
    return -int(keys[0][0]) if keys else 0


def _before(snapshot: Snapshot, moment: float, newest: int) -> int:
    """The newest sequence, at most `newest`, of before that moment; 0 if there is none. Times never run backwards in the log."""
    low, high = 0, newest
    while low < high:
        middle = (low + high + 1) // 2
        at = _read(snapshot, middle).at
        low, high = (middle, high) if at is not None and at < moment else (low, middle - 1)
    return low


def _down_from(snapshot: Snapshot, sequence: int) -> Iterator[AuditRecord]:
    """There are no gaps in the sequence."""
    while sequence > 0:
        yield _read(snapshot, sequence)
        sequence -= 1


def _read(snapshot: Snapshot, sequence: int) -> AuditRecord:
    try:
        data = snapshot.read(KIND, (-sequence,)) or DAMAGED
    except CorruptRecord:
        data = DAMAGED
    texts = {name: data.get(name, "") for name in ("who", "name", "action", "target", "address", "request")}
    return AuditRecord(sequence, data.get("at"), **texts, details=data.get("details", {}))
