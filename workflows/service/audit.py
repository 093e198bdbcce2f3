"""The audit log, read: newest first, a page at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from storage.protocol import CorruptRecord
from workflows.runtime.audit import KIND
from workflows.runtime.ledger import Ledger, Snapshot

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


@dataclass(frozen=True, slots=True)
class AuditPage:
    """`next`: the cursor of the following page, None after the last one."""

    records: tuple[AuditRecord, ...]
    next: int | None


class Audit:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def list(
        self, limit: int = 100, cursor: int | None = None, since: float | None = None, until: float | None = None, who: str | None = None
    ) -> AuditPage:
        """Up to `limit` records, newest first: from `since` (included) to `until` (excluded), of those whose id or name is `who`. Times are
        seconds since the epoch. `cursor` is the sequence to begin with."""
        found: list[AuditRecord] = []
        with self._ledger.snapshot() as snapshot:
            first = _newest(snapshot)
            if cursor is not None:
                first = min(first, cursor)
            if until is not None:
                first = _before(snapshot, until, first)
            for looked_at, record in enumerate(_down_from(snapshot, first)):
                if since is not None and record.at is not None and record.at < since:
                    return AuditPage(tuple(found), None)
                if len(found) == limit or looked_at == LOOKED_AT:
                    return AuditPage(tuple(found), record.sequence)
                if who is None or who in (record.who, record.name):
                    found.append(record)
        return AuditPage(tuple(found), None)


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
