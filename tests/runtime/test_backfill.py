"""Backfills over a small engine whose clock is set: what they start, how many at once, and what a crash at any moment leaves."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.core.jobs import dag, task
from tests.runtime.test_scheduler import BEGIN, Clockwork, made
from workflows.errors import Busy, Conflict, Invalid, NotFound, Problem
from workflows.model import ENDED
from workflows.runtime import backfill as backfilling
from workflows.runtime import backfills
from workflows.runtime.backfill import LABEL, survey
from workflows.runtime.backfills import KEPT, RUNNING, Backfill, Standing, Wanted
from workflows.runtime.firings import SCHEDULE, execution_id
from workflows.runtime.inbox import Request
from workflows.runtime.schedules import change, remove, switch

JOB = dag(task("a")).definition


class World(Clockwork):
    """A schedule that has been off since BEGIN; now it is ten minutes later. `fuse`: the server dies before the request of that number."""

    def __init__(self, **spec: Any) -> None:
        super().__init__(active=False, **spec)
        self.fuse = 0
        self.most = 0
        self.house.wait(600)
        self.look()

    def ask(self, requests: list[Request]) -> list[Any]:
        if self.fuse:
            self.fuse -= 1
            if not self.fuse:
                raise KeyboardInterrupt
        answers = super().ask(requests)
        self.most = max(self.most, len(self.running()))
        return answers

    def backfill(self, first: float, last: float, concurrency: int = 1) -> Backfill:
        """From and to so many seconds after BEGIN."""
        schedule, stored = self.read(), self.stored
        with self.house.ledger.snapshot() as snapshot:
            total = survey(snapshot, schedule, BEGIN + first, BEGIN + last).total
        wanted = Wanted("tick", stored.job, stored.spec, BEGIN + first, BEGIN + last, concurrency, total)
        begun: Backfill = self.write(lambda pending, read, now: backfills.add(pending, read, wanted, now))
        return begun

    def read(self) -> Any:
        return self.scheduler._compile(self.stored.spec, "tick")

    def now(self, number: int = 1) -> Backfill:
        found = backfills.load(self.house.ledger.read, "tick", number)
        assert found is not None
        return found

    def running(self) -> list[int]:
        """Executions of backfills that have not ended."""
        headers = {n: self.house.header(n) for n in range(1, self.count() + 1)}
        return [n for n, header in headers.items() if LABEL in header.labels and header.status not in ENDED]

    def ids(self) -> list[str]:
        return [self.house.header(n).id for n in range(1, self.count() + 1)]

    def moments(self) -> list[str]:
        return [f"{id[-7:-5]}:{id[-5:-3]}:{id[-3:-1]}" for id in self.ids()]

    def killed(self, before: int) -> bool:
        """Go on until that many requests have come, be killed before the last of them; then a new server. False: it was through before."""
        self.fuse = before
        try:
            self.through()
        except KeyboardInterrupt:
            self.house.boot()
            self.boot()
            self.house.turn()
            return True
        finally:
            self.fuse = 0
        return False

    def through(self, number: int = 1) -> Backfill:
        """Let executions end, one after the other, until it has ended."""
        for _ in range(1_000):
            self.look()
            if self.now(number).status != Standing.RUNNING:
                return self.now(number)
            self.end(self.running()[0])
        raise AssertionError("it never ends")


def test_it_starts_what_is_missing_and_both_ends_belong_to_it() -> None:
    world = World()
    begun = world.backfill(10, 50, concurrency=100)
    assert (begun.id, begun.wanted.total, begun.left) == ("backfill-1", 5, 5)
    world.look()
    assert world.moments() == ["00:16:50", "00:17:00", "00:17:10", "00:17:20", "00:17:30"]
    header = world.house.header(1)
    assert header.id == execution_id("tick", BEGIN + 10)
    assert header.labels == {SCHEDULE: "tick", "stepwell.scheduledTime": "1970-01-01T00:16:50Z", LABEL: "backfill-1"}
    assert json.loads(world.house.stored(1).text(header.input)) == {"scheduledTime": "1970-01-01T00:16:50Z", "schedule": "tick"}
    assert world.became() == [(moment, "backfilled") for moment in (10, 20, 30, 40, 50)]
    assert {one.reason for one in world.records()} == {"backfill-1"}
    [record] = [world.house.ledger.read("audit", (-1,))]
    assert (record["who"], record["name"], record["action"], record["target"]) == ("schedule", "tick/backfill-1", "execute", header.id)
    assert not world.stored.active


def test_no_more_than_so_many_run_at_once_and_the_scheduler_is_told_of_their_ends() -> None:
    world = World()
    world.backfill(10, 100, concurrency=3)
    world.look()
    assert world.running() == [1, 2, 3]
    assert (world.now().started, world.now().left, world.now().running) == (3, 7, (1, 2, 3))
    world.scheduler._wake.clear()
    world.end(2)
    assert world.scheduler._wake.is_set()
    world.look()
    assert world.running() == [1, 3, 4]
    done = world.through()
    assert (done.status, done.started, done.found, done.left, done.failed, done.running) == ("completed", 10, 0, 0, 0, ())
    assert done.ended == world.house.now
    assert world.most == 3
    assert world.house.ledger.scan(RUNNING, None, 9) == []


def test_what_has_an_execution_is_not_missing_whoever_started_it() -> None:
    world = World()
    world.house.start("job", "{}", id=execution_id("tick", BEGIN + 20))
    world.house.turn()
    world.backfill(10, 30, concurrency=5)
    done = world.through()
    assert (done.started, done.found, world.count()) == (2, 1, 4 - 1)
    world.backfill(10, 40, concurrency=5)
    done = world.through(2)
    assert (done.started, done.found) == (1, 3)
    assert world.became() == [(10, "backfilled"), (30, "backfilled"), (40, "backfilled")]


def test_a_blackout_is_left_out_and_jitter_and_overlap_mean_nothing() -> None:
    world = World(blackout={"weekdays": ["THU"]})
    with world.house.ledger.snapshot() as snapshot:
        found = survey(snapshot, world.read(), BEGIN, BEGIN + 100)
    assert (found.total, found.missing, found.excluded, found.first, found.last) == (0, 0, 11, (), None)
    world.backfill(0, 100)
    assert world.through().started == 0
    assert world.count() == 0
    world = World(jitterSeconds=600, overlap="skip")
    world.backfill(590, 600, concurrency=2)
    world.look()
    assert world.running() == [1, 2]


def test_ends_and_refusals_are_counted() -> None:
    world = World()
    world.backfill(10, 40)
    world.look()
    world.house.end(1, "Broken")
    world.look()
    world.house.cancel(2)
    world.house.turn()
    world.refuse = Invalid([Problem("/of", "no")])
    world.look()
    done = world.now()
    assert (done.status, done.started, done.failed, done.skipped) == ("completed", 2, 2, 2)
    assert [(one.became, one.reason) for one in world.records()[2:]] == [("skipped", "backfill-1: it could not be started: /of: no")] * 2


def test_a_busy_engine_is_asked_again() -> None:
    world = World()
    world.backfill(10, 30, concurrency=5)
    world.refuse = Busy("too many")
    assert world.look() == world.house.now + 2
    assert (world.count(), world.now().until) == (0, BEGIN + 9)
    world.refuse = None
    world.look(2)
    assert world.through().started == 3


def test_what_goes_wrong_with_it_is_told_until_it_is_cancelled() -> None:
    world = World()
    wanted = Wanted("tick", "job", '{"cron": "nonsense"}', BEGIN, BEGIN + 10, 1, 1)
    world.write(lambda pending, read, now: backfills.add(pending, read, wanted, now))
    for _ in range(2):
        world.look(3)
        [trouble] = world.scheduler.troubles()
        assert trouble.startswith("the schedule 'tick/backfill-1' failed")
    world.write(lambda pending, read, now: backfills.cancel(pending, read, "tick", "backfill-1", now))
    world.look(3)
    assert world.scheduler.troubles() == []


def test_it_goes_through_a_long_window_a_page_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backfilling, "PAGE", 4)
    monkeypatch.setattr(backfilling, "STARTS", 3)
    world = World()
    world.backfill(10, 500, concurrency=100)
    world.look()
    assert len(world.running()) == 50
    assert world.through().started == 50
    world.backfill(10, 500)
    assert world.through(2).found == 50


def test_cancelled_it_starts_no_more_and_what_runs_goes_on() -> None:
    world = World()
    world.backfill(10, 100, concurrency=2)
    with pytest.raises(Conflict, match="backfill-1 of the schedule 'tick' has not ended"):
        world.backfill(10, 20)
    world.look()
    assert world.write(lambda pending, read, now: backfills.cancel(pending, read, "tick", "backfill-1", now))
    assert not world.write(lambda pending, read, now: backfills.cancel(pending, read, "tick", "backfill-1", now))
    assert world.running() == [1, 2]
    world.end(1)
    world.look()
    assert (world.count(), world.running()) == (2, [2])
    done = world.now()
    assert (done.status, done.started, done.left, done.ended) == ("cancelled", 2, 8, world.house.now)
    world.backfill(10, 30)
    world.through(2)
    with pytest.raises(Conflict, match="has ended"):
        world.write(lambda pending, read, now: backfills.cancel(pending, read, "tick", "backfill-2", now))
    for id in ("backfill-3", "backfill-01", "nonsense"):
        with pytest.raises(NotFound, match=id):
            world.write(lambda pending, read, now, id=id: backfills.cancel(pending, read, "tick", id, now))


def test_cancelled_in_the_middle_of_a_look_what_it_started_is_written_down() -> None:
    world = World()
    world.backfill(10, 100, concurrency=2)
    asked = world.ask

    def cancelling(requests: list[Request]) -> list[Any]:
        answers = asked(requests)
        if world.count() == 1 and world.now().status == Standing.RUNNING:
            world.write(lambda pending, read, now: backfills.cancel(pending, read, "tick", "backfill-1", now))
        return answers

    world.scheduler._ask = cancelling
    world.look()
    assert (world.now().status, world.now().started, world.now().running) == ("cancelled", 2, ())
    assert world.became() == [(10, "backfilled"), (20, "backfilled")]


def test_a_schedule_that_changes_meanwhile_changes_nothing_and_one_that_is_deleted_ends_it() -> None:
    world = World(input={"of": 1})
    world.backfill(10, 50, concurrency=1)
    world.look()
    world.write(lambda pending, read, now: change(pending, read, made(intervalSeconds=7), now))
    world.write(lambda pending, read, now: switch(pending, read, world.read(), True, now))
    world.end(1)
    world.look()
    assert world.moments() == ["00:16:50", "00:17:00"]
    assert json.loads(world.house.stored(2).text(world.house.header(2).input)) == {"of": 1}
    world.write(lambda pending, read, now: remove(pending, read, "tick"))
    world.end(2)
    world.look()
    assert world.count() == 2
    assert backfills.load(world.house.ledger.read, "tick", 1) is None
    assert world.house.ledger.scan(RUNNING, None, 9) == []
    with world.house.ledger.snapshot() as snapshot:
        assert snapshot.keys(backfills.BACKFILL, None, 9) == []


@pytest.mark.parametrize("concurrency", [1, 3])
def test_killed_before_any_request_none_is_lost_or_doubled_and_none_runs_too_many(concurrency: int) -> None:
    """Once anywhere, and again soon after."""
    killed = 0
    for first in range(1, 20):
        for second in range(4):
            where = f"killed before request {first}, then {second}"
            world = World()
            world.house.start("job", "{}", id=execution_id("tick", BEGIN + 40))
            world.house.turn()
            world.backfill(10, 100, concurrency)
            killed += world.killed(first) and (not second or world.killed(second))
            done = world.through()
            assert (done.started, done.found, done.skipped, done.failed, done.left) == (9, 1, 0, 0, 0), where
            assert sorted(world.ids()) == [execution_id("tick", BEGIN + moment) for moment in range(10, 101, 10)], where
            assert world.most == concurrency, where
            assert world.became() == [(moment, "backfilled") for moment in range(10, 101, 10) if moment != 40], where
    assert killed > 50


def test_the_latest_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    for n in range(1, KEPT + 3):
        world.backfill(10, 10)
        world.through(n)
    assert backfills.of_schedule(world.house.ledger.read, "tick") == list(range(3, KEPT + 3))
    assert backfills.load(world.house.ledger.read, "tick", 2) is None
    assert world.count() == 1


@pytest.mark.parametrize(
    ("most", "looked_at", "said"), [(10, 999, "more than 10 occurrences are missing"), (999, 10, "there are more than 10 occ")]
)
def test_a_window_with_too_much_in_it_is_refused(monkeypatch: pytest.MonkeyPatch, most: int, looked_at: int, said: str) -> None:
    monkeypatch.setattr(backfilling, "MOST", most)
    monkeypatch.setattr(backfilling, "MOST_LOOKED_AT", looked_at)
    world = World()
    with world.house.ledger.snapshot() as snapshot:
        assert survey(snapshot, world.read(), BEGIN + 10, BEGIN + 100).missing == 10
        with pytest.raises(Invalid, match=said):
            survey(snapshot, world.read(), BEGIN + 10, BEGIN + 110)


def test_a_backfill_and_the_schedule_start_an_occurrence_once_between_them() -> None:
    world = World()
    world.write(lambda pending, read, now: switch(pending, read, world.read(), True, now))
    world.house.wait(10)
    world.backfill(600, 610, concurrency=5)
    world.look()
    assert world.moments() == ["00:26:50", "00:26:40"]
    assert world.became() == [(610, "started"), (600, "backfilled")]
    assert world.house.header(1).labels.keys() == {SCHEDULE, "stepwell.scheduledTime"}


def test_while_as_many_run_as_may_nothing_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.backfill(0, 100)
    world.look()
    assert len(world.running()) == 1
    monkeypatch.setattr(world.scheduler._firings, "there", lambda *_: pytest.fail("nothing can be started"))
    world.look()
    monkeypatch.undo()
    world.end(world.running()[0])
    world.look()
    assert (len(world.running()), world.now().started) == (1, 2)
