"""Calendars as they are stored: counted for as long as schedules name them, whatever comes and goes in one batch."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.memory import MemoryStore
from storage.protocol import Key
from storage.records import decode
from workflows.errors import Conflict, NotFound
from workflows.language import compile_schedule
from workflows.runtime import calendars
from workflows.runtime.ledger import Ledger, Pending
from workflows.schedules.plan import Days, within
from workflows.service.backfills import _settled

DAY = Days(date(2050, 12, 25), date(2050, 12, 26), "Christmas")


class World:
    """A store, and the batch that is being made."""

    def __init__(self) -> None:
        store = MemoryStore()
        store.open()
        self.ledger = Ledger(store)
        self.pending = Pending()

    def read(self, kind: str, key: Key) -> Any:
        if (kind, key) in self.pending.records:
            sealed = self.pending.records[kind, key]
            return None if sealed is None else decode(sealed)
        return self.ledger.read(kind, key)

    def commit(self) -> None:
        self.ledger.commit(self.pending)
        self.pending = Pending()

    def schedule(self, id: str, *names: str) -> None:
        """Have it name these; none at all: it goes."""
        spec = json.dumps({"blackout": {"calendars": list(names)}}) if names else None
        calendars.note_uses(self.pending, self.read, id, spec)
        if spec is None:
            self.pending.records["document", ("schedule", id)] = None
        else:
            self.pending.put("document", ("schedule", id), {"spec": spec})


IDS, NAMES = st.sampled_from("abc"), st.lists(st.sampled_from(("x", "y", "z")), max_size=3)


@given(st.lists(st.tuples(IDS, NAMES, st.booleans()), max_size=25))
def test_uses_are_what_schedules_name(changes: list[tuple[str, list[str], bool]]) -> None:
    world, truth = World(), dict[str, set[str]]()
    for name in ("x", "y", "z"):
        calendars.put(world.pending, world.read, name, [DAY], 1.0)
    for id, names, commit in changes:
        world.schedule(id, *names)
        truth[id] = set(names)
        if commit:
            world.commit()
    world.commit()
    with world.ledger.snapshot() as snapshot:
        for name in ("x", "y", "z"):
            users = sorted(id for id, named in truth.items() if name in named)
            assert calendars.found(snapshot.read, name).uses == len(users)
            assert calendars.users(snapshot, name, 10) == users
            assert calendars.users(snapshot, name, 1) == users[:1]


def test_one_that_is_named_stays_and_the_refusal_names_a_few() -> None:
    world = World()
    calendars.put(world.pending, world.read, "x", [DAY], 1.0)
    for id in "abcd":
        world.schedule(id, "x")
    with pytest.raises(Conflict, match=r"4 schedules name the calendar 'x': a, b, c, …\. Change or delete those first"):
        calendars.remove(world.pending, world.read, "x", ["a", "b", "c"])
    for id in "abcd":
        world.schedule(id)
    calendars.remove(world.pending, world.read, "x", [])
    world.commit()
    with pytest.raises(NotFound):
        calendars.remove(world.pending, world.read, "x", [])
    assert calendars.names(world.read) == []


def test_there_may_be_a_thousand() -> None:
    world = World()
    for n in range(calendars.MOST):
        assert calendars.put(world.pending, world.read, f"c{n}", [], 1.0)
    with pytest.raises(Conflict, match="there are 1,000 calendars already"):
        calendars.put(world.pending, world.read, "one-more", [], 1.0)
    assert calendars.put(world.pending, world.read, "c7", [DAY], 2.0), "one that is there may change"
    assert not calendars.put(world.pending, world.read, "c7", [DAY], 3.0)
    assert calendars.found(world.read, "c7").changed == 2.0


def test_its_days_are_read_once_until_they_change() -> None:
    world = World()
    calendars.put(world.pending, world.read, "c", [DAY], 1.0)
    world.commit()
    first, again = (calendars.found(world.ledger.read, "c").days for _ in range(2))
    assert first is again
    world.pending = Pending()
    other = Days(date(2051, 1, 1), date(2051, 1, 1))
    calendars.put(world.pending, world.read, "c", [other], 1.0)
    world.commit()
    assert [day.first for day in calendars.found(world.ledger.read, "c").days] == [other.first]


def test_a_backfill_keeps_the_days_around_its_window() -> None:
    spec = json.dumps({"cron": "@hourly", "timezone": "Pacific/Auckland", "blackout": {"calendars": ["x"], "weekdays": ["SUN"]}})
    schedule = compile_schedule(spec, "tick")
    every = tuple(Days(day, day, "", "x") for day in (date(2025, 3, 1) + timedelta(n) for n in range(60)))
    plan = replace(schedule.plan, blackout=replace(schedule.plan.blackout, days=every))
    window = [datetime(2025, 3, day, 12, tzinfo=UTC).timestamp() for day in (10, 12)]
    settled = json.loads(_settled(spec, replace(schedule, plan=plan), *window))["blackout"]
    assert settled.keys() == {"weekdays", "dates"}
    assert settled["weekdays"] == ["SUN"]
    kept = compile_schedule(_settled(spec, replace(schedule, plan=plan), *window), "tick")
    assert [str(days.first) for days in kept.plan.blackout.days] == [f"2025-03-{day}" for day in ("10", "11", "12", "13", "14")]
    assert [each.excluded is None for each in within(kept.plan, *window)] == [False] * 49
