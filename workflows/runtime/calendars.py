"""Calendars: named ranges of days on which schedules do not run, as they are stored, and which schedules name them.

Written inside a batch, by the engine's thread. A schedule holds a calendar's name, and its days are put into the schedule's blackout each
time somebody looks at that, so that a changed calendar is in force at once. One that a schedule names is there, and cannot be deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from storage.protocol import Key
from workflows.errors import Conflict, NotFound
from workflows.numbers import loads
from workflows.runtime.ledger import Pending, Snapshot
from workflows.schedules.plan import Days
from workflows.schedules.schedule import Schedule

INDEX = "calendars"
"""Index of (name,)."""

USES = "calendar-uses"
"""Index of (calendar, id of a schedule that names it)."""

MOST = 1_000
"""Calendars there may be."""

NAMED = 3
"""Schedules that a refusal names."""

_NAMES: Key = ("calendars", "")

Read = Callable[[str, Key], Any]
"""A record's data by kind and key, or None."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """`changed`: when it was last set. `uses`: how many schedules name it."""

    name: str
    days: tuple[Days, ...]
    changed: float
    uses: int


def load(read: Read, name: str) -> Calendar | None:
    data = read("document", ("calendar", name))
    if data is None:
        return None
    days = (Days(date.fromisoformat(first), date.fromisoformat(last), title, name) for first, last, title in data["days"])
    return Calendar(name, tuple(days), float(data["changed"]), _uses(read, name))


def found(read: Read, name: str) -> Calendar:
    """Raises NotFound."""
    calendar = load(read, name)
    if calendar is None:
        raise NotFound(f"no calendar has the name {name!r}")
    return calendar


def names(read: Read) -> list[str]:
    """Those of all."""
    return list(read("document", _NAMES) or ())


def resolved(read: Read, schedule: Schedule) -> Schedule:
    """The schedule with the days of the calendars that it names, as they are now."""
    blackout = schedule.plan.blackout
    if not blackout.calendars:
        return schedule
    days = [day for name in blackout.calendars if (calendar := load(read, name)) is not None for day in calendar.days]
    return replace(schedule, plan=replace(schedule.plan, blackout=replace(blackout, days=(*blackout.days, *days))))


def put(pending: Pending, read: Read, name: str, days: Sequence[Days], now: float) -> bool:
    """Make it, or give it other days; says whether that changed anything. Raises Conflict where there are too many."""
    data = [[str(day.first), str(day.last), day.name] for day in days]
    before = read("document", ("calendar", name))
    if before is None:
        known = names(read)
        if len(known) >= MOST:
            raise Conflict(f"there are {MOST:,} calendars already; delete one first")
        pending.put("document", _NAMES, sorted([*known, name]))
        pending.index(INDEX, (name,), True)
    elif before["days"] == data:
        return False
    pending.put("document", ("calendar", name), {"days": data, "changed": now})
    return True


def remove(pending: Pending, read: Read, name: str, users: Iterable[str]) -> None:
    """Raises NotFound, and Conflict while a schedule names it; `users` are some that did, as last seen."""
    found(read, name)
    if uses := _uses(read, name):
        told = ", ".join(users)
        raise Conflict(
            f"{uses:,} {'schedule names' if uses == 1 else 'schedules name'} the calendar {name!r}{': ' if told else ''}{told}"
            f"{', …' if uses > NAMED else ''}. Change or delete {'that' if uses == 1 else 'those'} first"
        )
    pending.records["document", ("calendar", name)] = None
    pending.index(INDEX, (name,), False)
    pending.put("document", _NAMES, [other for other in names(read) if other != name])


def users(snapshot: Snapshot, name: str, limit: int) -> list[str]:
    """Ids of schedules that name it."""
    return [str(key[1]) for key in snapshot.scan(USES, (name, ""), limit) if key[0] == name]


def note_uses(pending: Pending, read: Read, id: str, spec: str | None) -> None:
    """The schedule's text is going to be this; None: it is going to be no more. To be told before that is written."""
    before = read("document", ("schedule", id))
    was, will = _named(None if before is None else before["spec"]), _named(spec)
    for name in was ^ will:
        pending.index(USES, (name, id), name in will)
        pending.put("document", ("calendar-uses", name), {"count": _uses(read, name) + (1 if name in will else -1)})


def _named(spec: str | None) -> set[str]:
    return set() if spec is None else set(loads(spec).get("blackout", {}).get("calendars", ()))


def _uses(read: Read, name: str) -> int:
    return int((read("document", ("calendar-uses", name)) or {"count": 0})["count"])
