"""The scheduler over a small engine whose clock is set: each policy, each record, and what a crash at the worst moment leaves."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from storage.memory import MemoryStore
from storage.protocol import Key
from tests.core.jobs import dag, task
from tests.runtime.house import House, answer
from workflows.errors import Busy, Conflict, Invalid, NotFound, Problem, Unavailable
from workflows.language import canonical, compile_schedule
from workflows.model import Definition, Status
from workflows.runtime.alerts import due
from workflows.runtime.firings import execution_id
from workflows.runtime.inbox import Request
from workflows.runtime.ledger import Snapshot
from workflows.runtime.removal import Remove
from workflows.runtime.requests import Start, Write
from workflows.runtime.scheduler import AT_ONCE, NAP_S, PAGE, RETRY_S, Scheduler
from workflows.runtime.schedules import (
    DUE,
    KEPT,
    QUEUED,
    Became,
    Made,
    Result,
    Stored,
    add,
    change,
    load,
    record,
    remove,
    replace_all,
    results,
    switch,
)

JOB = dag(task("a")).definition
BEGIN = 1_000
SECONDS = {"id": "tick", "intervalSeconds": 10}


def made(**spec: Any) -> Made:
    spec = {**SECONDS, **spec}
    text = canonical(spec)
    return Made(compile_schedule(text, "job"), text)


class Clockwork:
    """A house with a scheduler, both driven by hand."""

    def __init__(self, **spec: Any) -> None:
        self.house = House(JOB, store=MemoryStore(), max_jobs=100)
        self.refuse: Exception | None = None
        self.lost: type[Request] | None = None
        self.unheard = False
        self.between: Callable[[], Any] = lambda: None
        self.boot()
        if spec or spec is not None:
            self.write(lambda pending, read, now: replace_all(pending, read, "job", [made(**spec)], now))

    def boot(self) -> None:
        house = self.house
        self.scheduler = Scheduler(
            house.ledger, house.catalogue, house.engine, compile_schedule, self.check, now=lambda: house.now, ask=self.ask
        )

    def check(self, definition: Definition, text: str) -> None:
        if self.refuse is not None:
            raise self.refuse

    def ask(self, requests: list[Request]) -> list[Any]:
        """Requests of the kind `lost` never reach the engine: the server dies before. What is to be written waits once, until
        there is something else to do, if it is to be `unheard`, and comes after what is done `between`."""
        if self.lost is not None and any(isinstance(request, self.lost) for request in requests):
            raise KeyboardInterrupt
        writes = any(isinstance(request, Write) for request in requests)
        if writes:
            between, self.between = self.between, lambda: None
            between()
        asked = [self.house.ask(request) for request in requests]
        if writes and self.unheard:
            self.unheard = False
            return [Unavailable("no answer within 30 seconds")] * len(requests)
        self.house.turn()
        return [answer(request) for request in asked]

    def write(self, apply: Any) -> Any:
        asked = self.house.ask(Write(apply, lambda _: None))
        self.house.turn()
        found = answer(asked)
        if isinstance(found, Exception):
            raise found
        return found

    def look(self, seconds: float = 0.0) -> float:
        self.house.wait(seconds)
        while (moment := self.scheduler.look()) <= self.house.now:
            pass
        return moment

    def die(self, before: type[Request]) -> None:
        """Look, and be killed before a request of this kind; then a new server."""
        self.lost = before
        with pytest.raises(KeyboardInterrupt):
            self.scheduler.look()
        self.lost = None
        self.house.boot()
        self.boot()
        self.house.turn()

    @property
    def stored(self) -> Stored:
        found = load(self.house.ledger.read, "tick")
        assert found is not None
        return found

    def records(self) -> list[Result]:
        with self.house.ledger.snapshot() as snapshot:
            return [one for _, one in reversed(results(snapshot, "tick", None, KEPT))]

    def became(self) -> list[tuple[int, str]]:
        return [(one.moment - BEGIN, one.became) for one in self.records()]

    def count(self) -> int:
        with self.house.ledger.snapshot() as snapshot:
            return snapshot.count("created")

    def end(self, number: int) -> None:
        self.house.turn()
        self.house.end(number)


def test_an_occurrence_starts_an_execution_that_tells_where_it_comes_from() -> None:
    clock = Clockwork()
    assert clock.look() == BEGIN + 10
    assert clock.count() == 0
    assert clock.look(10) == BEGIN + 20
    header = clock.house.header(1)
    assert header.id == execution_id("tick", BEGIN + 10) == "tick.19700101T001650Z"
    assert header.labels == {"stepwell.schedule": "tick", "stepwell.scheduledTime": "1970-01-01T00:16:50Z"}
    assert json.loads(clock.house.stored(1).text(header.input)) == {"scheduledTime": "1970-01-01T00:16:50Z", "schedule": "tick"}
    assert clock.records() == [Result(BEGIN + 10, "started", execution=header.id, at=BEGIN + 10.0)]
    [record] = [clock.house.ledger.read("audit", (-1,))]
    assert (record["who"], record["name"], record["action"], record["target"]) == ("schedule", "tick", "execute", header.id)


def test_the_input_is_a_template_and_one_that_is_not_taken_skips_the_occurrence() -> None:
    clock = Clockwork(input={"day.$": "$.scheduledTime", "of": 1})
    clock.look(10)
    assert json.loads(clock.house.stored(1).text(clock.house.header(1).input)) == {"day": "1970-01-01T00:16:50Z", "of": 1}
    clock.refuse = Invalid([Problem("/of", "no")])
    clock.look(10)
    assert clock.became() == [(10, "started"), (20, "skipped")]
    assert "could not be started: /of: no" in clock.records()[-1].reason
    clock.write(lambda pending, read, now: change(pending, read, made(input={"day.$": "$.nothing"}), now))
    clock.refuse = None
    clock.look(10)
    assert clock.became()[-1] == (30, "skipped")


def test_one_that_cannot_be_started_is_warned_of_once_for_each_reason_and_missed_at_once(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clockwork()
    told: list[int] = []
    for refuse in ("no", "no", "nor that", None, "no"):
        clock.refuse = Invalid([Problem("/of", refuse)]) if refuse else None
        clock.look(10)
        told.append(len([one for one in caplog.records if "could not be started" in one.getMessage()]))
    assert told == [1, 1, 2, 2, 3]
    assert caplog.records[0].levelname == "WARNING"
    assert caplog.records[0].getMessage() == (
        "the occurrence tick.19700101T001650Z of the job 'job' was skipped: it could not be started: /of: no"
    )
    with clock.house.ledger.snapshot() as snapshot:
        awaited, _ = due(snapshot, clock.house.now, 100)
    assert [(one.expected.moment - BEGIN, one.expected.deadline - BEGIN) for one in awaited] == [(10, 10), (30, 30), (50, 50)]
    clock.write(lambda pending, read, now: remove(pending, read, "tick"))
    clock.look(10)
    assert clock.scheduler._refused == {}


def test_of_many_that_are_skipped_in_a_row_the_first_is_missed_and_the_next_row_tells_again() -> None:
    clock = Clockwork(overlap="skip", expectStartWithinSeconds=5)

    def awaited() -> list[tuple[int, int]]:
        with clock.house.ledger.snapshot() as snapshot:
            found, _ = due(snapshot, clock.house.now + 100, 1_000)
        return [(one.expected.moment - BEGIN, one.expected.count) for one in found if one.expected.became == "skipped"]

    for _ in range(9):
        clock.look(10)
    assert clock.became() == [(10, "started"), *((10 * n, "skipped") for n in range(2, 10))]
    assert awaited() == [(20, 1)]
    clock.end(1)
    clock.look(10)
    clock.look(30)
    assert awaited() == [(20, 1), (110, 3)]
    clock.write(lambda pending, read, now: change(pending, read, made(overlap="skip", expectStartWithinSeconds=6), now))
    clock.look(10)
    clock.look(10)
    assert awaited() == [(20, 1), (110, 3), (140, 1)]


@pytest.mark.parametrize("expected", [None, 500])
def test_one_that_waited_and_then_cannot_be_started_is_missed_once(expected: int | None) -> None:
    clock = Clockwork(overlap="queueAll", **({} if expected is None else {"expectStartWithinSeconds": expected}))
    clock.look(10)
    clock.look(10)
    clock.end(1)
    clock.refuse = Invalid([Problem("/of", "no")])
    clock.look()
    assert clock.became() == [(10, "started"), (20, "skipped")]
    with clock.house.ledger.snapshot() as snapshot:
        awaited, _ = due(snapshot, clock.house.now + 1_000, 100)
    assert [one.expected.deadline - BEGIN for one in awaited if one.expected.moment == BEGIN + 20] == [20 if expected is None else 520]


@pytest.mark.parametrize(
    ("overlap", "became", "running"),
    [
        ("allow", ["started", "started", "started"], [1, 2, 3]),
        ("skip", ["started", "skipped", "skipped"], [1]),
        ("queueOne", ["started", "queued", "skipped"], [1]),
        ("queueAll", ["started", "queued", "queued"], [1]),
        ("cancelPrevious", ["started", "started", "started"], [3]),
    ],
)
def test_what_becomes_of_an_occurrence_while_the_one_before_runs(overlap: str, became: list[str], running: list[int]) -> None:
    clock = Clockwork(overlap=overlap)
    for _ in range(3):
        clock.look(10)
    assert [what for _, what in clock.became()] == became
    assert [n for n in range(1, clock.count() + 1) if clock.house.header(n).status is Status.RUNNING] == running
    assert all(one.reason for one in clock.records()[1:]) == (overlap != "allow")


def test_a_queue_goes_on_when_the_run_before_has_ended_and_the_scheduler_is_told_of_that() -> None:
    clock = Clockwork(overlap="queueAll")
    for _ in range(3):
        clock.look(10)
    assert clock.house.ledger.scan(QUEUED, None, 9) == [("tick",)]
    clock.scheduler._wake.clear()
    clock.end(1)
    assert clock.scheduler._wake.is_set()
    clock.look()
    assert clock.became() == [(10, "started"), (20, "started"), (30, "queued")]
    clock.end(2)
    clock.look()
    clock.end(3)
    clock.look()
    assert clock.became() == [(10, "started"), (20, "started"), (30, "started")]
    assert clock.house.header(3).labels["stepwell.scheduledTime"] == "1970-01-01T00:17:10Z"
    assert clock.stored.queue == ()
    assert clock.house.ledger.scan(QUEUED, None, 9) == []


@pytest.mark.parametrize(("catch_up", "caught"), [("none", []), ("last", [600 - 70]), ("all", list(range(600 - 100, 600 - 60, 10)))])
def test_what_was_missed_is_made_up_for_as_the_schedule_says(catch_up: str, caught: list[int]) -> None:
    clock = Clockwork(catchUp=catch_up, catchUpWindowSeconds=100)
    clock.look(600)
    found = [moment for moment, what in clock.became() if what == "caughtUp"]
    assert found == caught
    on_time = [moment for moment, what in clock.became() if what == "started"]
    assert on_time == [540, 550, 560, 570, 580, 590, 600]
    skipped = [one for one in clock.records() if one.became == "skipped"]
    assert sum(one.count for one in skipped) == 60 - len(caught) - len(on_time)
    assert clock.count() == len(caught) + len(on_time)
    assert all("missed by" in one.reason for one in skipped)


def test_a_long_absence_is_looked_through_in_pages_and_only_the_last_of_all_is_made_up_for() -> None:
    clock = Clockwork(catchUp="last", catchUpWindowSeconds=10 * 5 * PAGE)
    clock.look(10 * 3 * PAGE)
    caught = [moment for moment, what in clock.became() if what == "caughtUp"]
    assert caught == [10 * 3 * PAGE - 70]
    assert sum(one.count for one in clock.records()) == 3 * PAGE
    assert len(clock.records()) < 20


def test_a_blackout_and_jitter() -> None:
    clock = Clockwork(blackout={"weekdays": ["THU"]})  # the first of January 1970
    clock.look(10)
    assert [(one.became, one.reason) for one in clock.records()] == [("skipped", "it is a THU")]
    clock = Clockwork(jitterSeconds=5)
    [(due, _)] = clock.house.ledger.scan(DUE, None, 9)
    assert BEGIN + 10 < float(due) < BEGIN + 15
    clock.look(10)
    assert clock.count() == 0
    clock.look(5)
    assert clock.became() == [(10, "started")]


@pytest.mark.parametrize("overlap", ["allow", "skip", "queueAll", "cancelPrevious"])
@pytest.mark.parametrize("away", [0, 300])
def test_killed_between_start_and_bookkeeping_nothing_is_lost_or_doubled(overlap: str, away: int) -> None:
    clock = Clockwork(overlap=overlap)
    clock.house.wait(10)
    clock.die(before=Write)
    assert (clock.count(), clock.records()) == (1, [])
    clock.look(away)
    assert next(one for one in clock.records() if one.moment == BEGIN + 10).became == "started"
    assert clock.house.header(1).status is (Status.CANCELLED if away and overlap == "cancelPrevious" else Status.RUNNING)
    assert overlap not in ("skip", "queueAll") or clock.count() == 1
    names = [clock.house.header(n).id for n in range(1, clock.count() + 1)]
    assert len(set(names)) == len(names)
    clock = Clockwork(overlap=overlap)
    clock.house.wait(10)
    clock.die(before=Start)
    clock.look()
    assert (clock.count(), clock.became()) == (1, [(10, "started")])


def test_killed_between_the_start_of_one_that_was_queued_and_its_record_it_has_one_record() -> None:
    clock = Clockwork(overlap="queueAll")
    for _ in range(3):
        clock.look(10)
    clock.end(1)
    clock.die(before=Write)
    assert (clock.count(), clock.became()) == (2, [(10, "started"), (20, "queued"), (30, "queued")])
    clock.look()
    assert (clock.count(), clock.became()) == (2, [(10, "started"), (20, "started"), (30, "queued")])
    clock.look(10)
    assert clock.became() == [(10, "started"), (20, "started"), (30, "queued"), (40, "queued")]


def test_what_was_written_without_an_answer_is_not_written_twice() -> None:
    clock = Clockwork(overlap="queueAll")
    clock.look(10)
    for unheard in ([(20, "queued")], [(20, "queued"), (30, "queued")]):
        clock.unheard = True
        clock.look(10)
        clock.look(RETRY_S)
        clock.house.wait(-RETRY_S)
        assert clock.became() == [(10, "started"), *unheard]
    assert clock.stored.queue == ((BEGIN + 20, 2), (BEGIN + 30, 3))
    clock.end(1)
    clock.unheard = True
    clock.look()
    clock.look(RETRY_S)
    assert (clock.count(), clock.became()) == (2, [(10, "started"), (20, "started"), (30, "queued")])


def test_switched_off_while_one_of_its_queue_is_started_that_has_been_started_all_the_same() -> None:
    clock = Clockwork(overlap="queueAll")
    for _ in range(3):
        clock.look(10)
    clock.end(1)
    clock.between = lambda: clock.write(lambda pending, read, now: switch(pending, read, made().schedule, False, now))
    clock.look()
    assert (clock.count(), clock.became()) == (2, [(10, "started"), (20, "started"), (30, "cancelled")])
    assert not clock.stored.queue


def _off(pending: Any, read: Any, now: float) -> None:
    switch(pending, read, made().schedule, False, now)


def _off_and_on(pending: Any, read: Any, now: float) -> None:
    _off(pending, read, now)
    switch(pending, read, made().schedule, True, now)


def _gone(pending: Any, read: Any, now: float) -> None:
    remove(pending, read, "tick")


def _rarer(pending: Any, read: Any, now: float) -> None:
    change(pending, read, made(intervalSeconds=1_000, catchUp="all"), now)


def _otherwise(pending: Any, read: Any, now: float) -> None:
    change(pending, read, made(catchUp="all", overlap="skip"), now)


@pytest.mark.parametrize(
    ("apply", "started", "became"),
    [
        (_off, 3, ["caughtUp"] * 3),
        (_off_and_on, 3, ["caughtUp"] * 3),
        (_gone, 3, []),
        (_rarer, 3, ["caughtUp"] * 3),
        (_otherwise, 3, ["started"] * 3 + ["skipped"]),
    ],
)
def test_a_catch_up_that_has_begun_ends_when_its_schedule_is_switched_changed_or_deleted(
    apply: Any, started: int, became: list[str]
) -> None:
    clock = Clockwork(catchUp="all")
    original, starts = clock.ask, itertools.count()

    def ask(requests: list[Request]) -> list[Any]:
        answers = original(requests)
        if any(isinstance(request, Start) for request in requests) and next(starts) == 2:
            clock.write(apply)
        return answers

    clock.ask = ask  # type: ignore[method-assign]
    clock.boot()
    clock.look(10 * (PAGE + 100))
    assert clock.count() == started
    assert [what for _, what in clock.became()][:4] == became
    assert sum(one.count for one in clock.records()) == (PAGE + 100 if apply is _otherwise else len(became))
    clock.look()
    assert clock.count() == started


def test_what_comes_of_one_that_was_made_anew_meanwhile_is_not_written_into_it() -> None:
    clock = Clockwork(overlap="queueAll")

    def anew() -> None:
        clock.write(lambda pending, read, now: remove(pending, read, "tick"))
        clock.house.wait(1)
        clock.write(lambda pending, read, now: replace_all(pending, read, "job", [made()], now))

    clock.between = anew
    clock.look(10)
    assert clock.records() == []


def test_a_switch_stays_as_it_is_when_the_job_is_registered_again_and_after_a_restart() -> None:
    clock = Clockwork(overlap="queueAll")
    clock.look(10)
    clock.look(10)
    assert clock.write(lambda pending, read, now: switch(pending, read, made().schedule, False, now))
    assert not clock.write(lambda pending, read, now: switch(pending, read, made().schedule, False, now))
    assert clock.became() == [(10, "started"), (20, "cancelled")]
    assert clock.house.ledger.scan(DUE, None, 9) == []
    clock.house.boot()
    clock.boot()
    for spec in ({"overlap": "queueAll"}, {"overlap": "skip"}, {"intervalSeconds": 5}):
        clock.write(lambda pending, read, now, spec=spec: replace_all(pending, read, "job", [made(**spec)], now))
        assert not clock.stored.active
    clock.look(100)
    assert clock.count() == 1
    clock.write(lambda pending, read, now: switch(pending, read, made(intervalSeconds=5).schedule, True, now))
    clock.look(5)
    assert clock.became()[2:] == [(125, "started")]


def test_schedules_come_and_go_with_their_definition_and_others_with_the_job() -> None:
    clock = Clockwork()
    clock.look(10)
    clock.write(lambda pending, read, now: add(pending, read, "job", made(id="own"), now))
    with pytest.raises(Conflict, match="'job' has a schedule of the id 'own' already"):
        clock.write(lambda pending, read, now: add(pending, read, "job", made(id="own"), now))
    with pytest.raises(Invalid, match="the job 'job' has a schedule of the id 'tick' already"):
        clock.write(lambda pending, read, now: replace_all(pending, read, "other", [made()], now))
    clock.write(lambda pending, read, now: replace_all(pending, read, "job", [], now))
    assert load(clock.house.ledger.read, "tick") is None
    assert clock.records() == []
    assert clock.house.ledger.scan(DUE, None, 9) == [(BEGIN + 20, "own")]
    clock.end(1)
    asked = clock.house.ask(Remove("job", None, 1, lambda: clock.house.catalogue.drop("job")))
    clock.house.turn()
    assert answer(asked) is None
    assert clock.house.ledger.scan("schedules", None, 9) == clock.house.ledger.scan(DUE, None, 9) == []
    with pytest.raises(NotFound):
        clock.write(lambda pending, read, now: remove(pending, read, "own"))


def test_what_goes_wrong_with_one_schedule_is_told_and_does_not_stop_the_others() -> None:
    clock = Clockwork()
    broken = Made(made(id="bad").schedule, '{"cron": "nonsense"}')
    clock.write(lambda pending, read, now: add(pending, read, "job", broken, now))
    clock.look(10)
    assert clock.became() == [(10, "started")]
    [trouble] = clock.scheduler.troubles()
    assert trouble.startswith("the schedule 'bad' cannot be read")


@pytest.mark.parametrize("gone", [True, False], ids=["deleted", "switched off"])
def test_the_trouble_with_a_schedule_is_over_when_nobody_wants_it(gone: bool) -> None:
    clock = Clockwork()
    bad = made(id="bad").schedule
    clock.write(lambda pending, read, now: add(pending, read, "job", Made(bad, '{"cron": "nonsense"}'), now))
    clock.look(10)
    assert len(clock.scheduler.troubles()) == 1
    clock.write(lambda pending, read, now: remove(pending, read, "bad") if gone else switch(pending, read, bad, False, now))
    clock.look()
    assert clock.scheduler.troubles() == []


def test_those_in_trouble_do_not_stand_in_the_way_however_many() -> None:
    clock = Clockwork()
    for n in range(AT_ONCE):
        broken = Made(made(id=f"bad-{n}", intervalSeconds=5).schedule, '{"cron": "nonsense"}')
        clock.write(lambda pending, read, now, broken=broken: add(pending, read, "job", broken, now))
    clock.look(10)
    clock.look(1)
    assert clock.became() == [(10, "started")]


def test_one_that_was_thought_to_be_due_and_is_not_waits_for_its_moment() -> None:
    """As after an update that gives a zone's clocks new rules."""
    clock = Clockwork()

    def too_early(pending: Any, read: Any, _now: float) -> None:
        pending.put("document", ("schedule", "tick"), read("document", ("schedule", "tick")) | {"due": BEGIN + 3.0})
        pending.index(DUE, (BEGIN + 10.0, "tick"), False)
        pending.index(DUE, (BEGIN + 3.0, "tick"), True)

    clock.write(too_early)
    clock.house.wait(5)
    assert clock.scheduler.look() == BEGIN + 10
    assert clock.records() == []
    clock.look(5)
    assert clock.became() == [(10, "started")]


def test_a_busy_engine_is_asked_again() -> None:
    clock = Clockwork()
    clock.refuse = Busy("too many")
    assert clock.look(10) == BEGIN + 12
    assert clock.records() == []
    clock.refuse = None
    clock.look(2)
    assert clock.became() == [(10, "started")]


def test_a_start_date_in_the_past_is_caught_up_with() -> None:
    clock = Clockwork(startDateTime="1970-01-01T00:16:00", catchUp="all")
    clock.look(30)
    assert [moment for moment, _ in clock.became()] == [-40, -30, -20, -10, 0, 10, 20, 30]


def test_only_the_latest_records_are_kept() -> None:
    clock = Clockwork(overlap="skip")
    clock.look(10)
    for _ in range(KEPT // 5 + 10):
        clock.look(50)
    records = clock.records()
    assert len(records) == KEPT
    assert records[-1].moment == clock.house.now


def test_of_what_waits_no_record_comes_back_that_is_no_longer_kept() -> None:
    clock = Clockwork(overlap="queueOne")
    clock.look(10)
    clock.look(10)
    assert clock.became()[-1] == (20, "queued")
    done = [Result(BEGIN, Became.BACKFILLED)] * KEPT
    clock.write(lambda pending, read, now: record(pending, read, "tick", done, now))
    clock.write(lambda pending, read, now: switch(pending, read, made().schedule, False, now))
    clock.write(lambda pending, read, now: remove(pending, read, "tick"))
    with clock.house.ledger.snapshot() as snapshot:
        assert results(snapshot, "tick", None, KEPT) == []


@pytest.mark.parametrize("due", [0, 1])
def test_schedules_that_are_not_due_cost_a_look_nothing(due: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are, a look reads as many records and as many keys of indexes; beside one that is due, too."""
    read: Counter[str] = Counter()
    record, walk = Snapshot.read, Snapshot.walk

    def reading(self: Snapshot, kind: str, key: Key) -> Any:
        read["records"] += 1
        return record(self, kind, key)

    def walking(self: Snapshot, index: str, page: int = 1_000) -> Iterator[Key]:
        for key in walk(self, index, page):
            read["keys"] += 1
            yield key

    monkeypatch.setattr(Snapshot, "read", reading)
    monkeypatch.setattr(Snapshot, "walk", walking)
    costs = []
    for count in (300, 3_000):
        clock = Clockwork(intervalSeconds=1)
        one = made(id="idle", startDateTime="2099-01-01T00:00:00")
        idle = [Made(replace(one.schedule, id=f"idle-{number}"), one.spec) for number in range(count)]
        clock.write(lambda pending, read, now, idle=idle: [add(pending, read, "idle", one, now) for one in idle])
        clock.look(1)
        read.clear()
        for _ in range(5):
            assert clock.look(due) == clock.house.now + 1
        costs.append(dict(read))
        assert len(clock.records()) == 1 + 5 * due
    assert costs[0] == costs[1]
    assert costs[0].get("records", 0) <= 100 * due, "of what is not due nothing is read"


def test_while_nothing_is_due_looks_are_as_rare_as_naps() -> None:
    clock = Clockwork(startDateTime="2099-01-01T00:00:00")
    assert clock.look() == BEGIN + NAP_S
    assert clock.look(NAP_S) == BEGIN + 2 * NAP_S
