"""Alerts: the latest ones, and one to try who hears them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from workflows.alerts import events
from workflows.alerts.listening import OnAlert
from workflows.errors import Conflict
from workflows.runtime import alerts
from workflows.runtime.alerts import Raised
from workflows.runtime.audit import Act
from workflows.runtime.engine import Engine
from workflows.runtime.ledger import Ledger, Pending
from workflows.runtime.removal import no_definition
from workflows.runtime.requests import Read, Write
from workflows.runtime.telling import Teller
from workflows.service.asking import ask
from workflows.service.paging import Page, cursor, place_of


class Alerts:
    """`raised` is called when there is an alert that somebody may have to be told of."""

    def __init__(self, ledger: Ledger, engine: Engine, teller: Teller, raised: Callable[[], None]) -> None:
        self._ledger = ledger
        self._engine = engine
        self._teller = teller
        self._raised = raised

    def page(self, limit: int = 50, after: str | None = None, kind: str | None = None) -> Page[Raised]:
        """The newest first, of one kind or of all; `after` is a cursor. Raises Invalid for a cursor that is not of this list."""
        asked = ("alerts", kind)
        place = place_of(after, asked, int)
        found: list[Raised] = []
        with self._ledger.snapshot() as snapshot:
            while len(found) <= limit and (sequences := alerts.newest(snapshot, place, limit + 1)):
                place = sequences[-1]
                read = (alerts.readable(snapshot.read, sequence) for sequence in sequences)
                found += [one for one in read if one is not None and kind in (None, one.kind)]
        return Page(tuple(found[:limit]), cursor(asked, found[limit - 1].sequence if len(found) > limit else None))

    def test(self, job: str | None = None) -> Raised:
        """Raise an alert for all who listen, or for this job alone, and have them told. One that is gone from the log by then, because
        a thousand others came, is answered as it was raised. Raises NotFound for an unknown job, and Conflict for one that hears no
        alerts."""

        def write(pending: Pending, read: Read, now: float) -> Raised:
            self._check(alerts.listeners(read), read, job)
            alert = events.test(alerts.next_number(read), now)
            return alerts.raise_all(pending, read, [alert], now, None if job is None else [job])[0]

        raised: Raised = ask(self._engine, Write(write, lambda raised: Act("test alerts", raised.id), self._raised))
        told = self._teller.tell([raised.sequence])
        with self._ledger.snapshot() as snapshot:
            return alerts.readable(snapshot.read, raised.sequence) or replace(raised, told=told)

    def _check(self, known: dict[str, OnAlert], read: Read, job: str | None) -> None:
        if job is None or job in known:
            return
        definition = read("document", ("definition", job))
        if definition is None or definition.get("deleted"):
            raise no_definition(job)
        raise Conflict(f"the job {job!r} hears no alerts: its definition has no `onAlert`")
