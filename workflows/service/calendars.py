"""Calendars: which there are, setting and deleting them, and refusing schedules that name one that there is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workflows.errors import Invalid, Problem
from workflows.language.calendars import check_name
from workflows.language.positions import located
from workflows.language.schedules import days
from workflows.language.shapes import closest
from workflows.runtime import calendars
from workflows.runtime.audit import Act
from workflows.runtime.calendars import NAMED, Calendar
from workflows.runtime.engine import Engine
from workflows.runtime.ledger import Ledger, Pending
from workflows.runtime.requests import Read, Write
from workflows.schedules.schedule import Schedule
from workflows.service.asking import ask
from workflows.service.paging import Page, cursor, place_of


@dataclass(frozen=True, slots=True)
class Listed:
    """`ranges`: how many it has. `changed`: when it was last set. `uses`: how many schedules name it."""

    name: str
    ranges: int
    changed: float
    uses: int


class Calendars:
    def __init__(self, ledger: Ledger, engine: Engine) -> None:
        self._ledger = ledger
        self._engine = engine

    def page(self, limit: int = 50, after: str | None = None) -> Page[Listed]:
        """By name; `after` is a cursor. Raises Invalid for a cursor that is not of this list."""
        place = place_of(after, "calendars", str)
        with self._ledger.snapshot() as snapshot:
            names = [str(key[0]) for key in snapshot.scan(calendars.INDEX, None if place is None else (place,), limit + 1)]
            found = [calendars.found(snapshot.read, name) for name in names[:limit]]
        items = tuple(Listed(one.name, len(one.days), one.changed, one.uses) for one in found)
        return Page(items, cursor("calendars", names[limit - 1] if len(names) > limit else None))

    def get(self, name: str) -> Calendar:
        """Raises NotFound."""
        with self._ledger.snapshot() as snapshot:
            return calendars.found(snapshot.read, name)

    def put(self, name: str, dates: Sequence[Mapping[str, Any]]) -> Calendar:
        """Make it, or give it other days; schedules that name it go by these from then on. `dates`: as `DaysShape` loads them. Raises
        Invalid for the name, and Conflict where there are too many calendars."""
        check_name(name)
        read_days = [days(one) for one in dates]

        def write(pending: Pending, read: Read, now: float) -> bool:
            return calendars.put(pending, read, name, read_days, now)

        ask(self._engine, Write(write, lambda changed: Act("set calendar", name, {"dates": len(read_days)}) if changed else None))
        return self.get(name)

    def delete(self, name: str) -> None:
        """Raises NotFound, and Conflict while a schedule names it."""
        with self._ledger.snapshot() as snapshot:
            calendars.found(snapshot.read, name)
            users = calendars.users(snapshot, name, NAMED)

        def write(pending: Pending, read: Read, _: float) -> None:
            calendars.remove(pending, read, name, users)

        ask(self._engine, Write(write, lambda _: Act("delete calendar", name)))


def check_calendars(read: Read, schedules: Mapping[str, Schedule], text: str) -> None:
    """`schedules`: by their places in `text`. Raises Invalid with every calendar they name that is not there."""
    named = {
        f"{place}/blackout/calendars/{n}": name
        for place, schedule in schedules.items()
        for n, name in enumerate(schedule.plan.blackout.calendars)
    }
    known = calendars.names(read) if named else []
    problems = [
        Problem(place, f"there is no calendar {name!r}", closest(name, known)) for place, name in named.items() if name not in known
    ]
    if problems:
        raise Invalid(located(problems, text))
