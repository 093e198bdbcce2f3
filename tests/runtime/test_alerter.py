"""The alerter over a small engine whose clock is set: each kind of alert, who is told, and what a crash at the worst moment leaves."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from storage.memory import MemoryStore
from storage.protocol import CorruptRecord, StoreUnavailable
from tests.core.jobs import dag, task
from tests.runtime.house import House, answer
from tests.runtime.test_scheduler import made
from workflows.alerts.listening import OnAlert
from workflows.errors import Busy, Invalid, Problem, Unavailable
from workflows.language import compile_schedule
from workflows.model import Definition, Status
from workflows.runtime import alerter as module
from workflows.runtime import alerts
from workflows.runtime.alerter import Alerter
from workflows.runtime.alerts import Raised, followed, listen
from workflows.runtime.feed_log import News
from workflows.runtime.inbox import Request
from workflows.runtime.names import find_number
from workflows.runtime.removal import Remove
from workflows.runtime.requests import Cancel, Redrive, Start, Write
from workflows.runtime.scheduler import Scheduler
from workflows.runtime.schedules import replace_all, switch
from workflows.runtime.telling import Teller
from workflows.schedules.plan import jitter

JOB = dag(task("a")).definition
HEAR = replace(JOB, id="hear")
BEGIN = 1_000
ALL = OnAlert()


class Watch:
    """A house with an alerter and a scheduler, all driven by hand."""

    def __init__(self, wanted: OnAlert | None = ALL, queue_depth: int = 0, max_jobs: int = 100, **spec: Any) -> None:
        self.house = House(JOB, HEAR, store=MemoryStore(), max_jobs=max_jobs, workers=1_000)
        self.queue_depth = queue_depth
        self.refuse: Exception | None = None
        self.answers: list[Exception] = []
        self.lost: tuple[type[Request], int] | None = None
        self.boot()
        if wanted is not None:
            self.write(lambda pending, read, _: listen(pending, read, "hear", wanted))
        if spec:
            self.write(lambda pending, read, now: replace_all(pending, read, "job", [made(intervalSeconds=1_000, **spec)], now))
        self.look()

    def boot(self) -> None:
        house = self.house
        teller = Teller(house.ledger, house.catalogue, self.check, self.ask)
        self.alerter = Alerter(house.ledger, house.engine, teller, self.ask, queue_depth=self.queue_depth, now=lambda: house.now)
        self.scheduler = Scheduler(
            *(house.ledger, house.catalogue, house.engine, compile_schedule, self.check),
            now=lambda: house.now,
            ask=self.ask,
            expecting=self.alerter.wake,
        )

    def reboot(self) -> None:
        self.house.boot()
        self.boot()
        self.house.turn()

    def check(self, definition: Definition, text: str) -> None:
        if self.refuse is not None:
            raise self.refuse

    def ask(self, requests: list[Request]) -> list[Any]:
        """The server dies before the nth request of a kind from now on, if that is what `lost` says."""
        for request in requests:
            if self.lost is not None and isinstance(request, self.lost[0]):
                if self.lost[1] == 0:
                    raise KeyboardInterrupt
                self.lost = (self.lost[0], self.lost[1] - 1)
        if self.answers:
            return [self.answers.pop(0) for _ in requests]
        asked = [self.house.ask(request) for request in requests]
        self.house.turn()
        return [answer(request) for request in asked]

    def write(self, apply: Any) -> Any:
        return self.asked(Write(apply, lambda _: None))

    def asked(self, request: Request) -> Any:
        [found] = self.ask([request])
        if isinstance(found, Exception):
            raise found
        return found

    def look(self, seconds: float = 0.0) -> float:
        self.house.wait(seconds)
        while self.scheduler.look() <= self.house.now:
            pass
        while (moment := self.alerter.look()) <= self.house.now:
            pass
        return moment

    def die(self, kind: type[Request], nth: int) -> bool:
        """Look, and be killed before the nth request of this kind; then a new server. Whether it came to that."""
        self.lost = (kind, nth)
        try:
            self.look()
        except KeyboardInterrupt:
            return True
        finally:
            self.lost = None
            self.reboot()
        return False

    def fail(self, name: str = "job") -> int:
        """An execution of it that fails; its number."""
        number: int = self.asked(Start(self.house.definitions[name], "{}")).number
        self.house.end(number, "Boom")
        return number

    def raised(self) -> list[Raised]:
        with self.house.ledger.snapshot() as snapshot:
            found = [alerts.load(snapshot.read, sequence) for sequence in alerts.newest(snapshot, None, 100_000)]
        return [one for one in reversed(found) if one is not None]

    def ids(self) -> list[str]:
        return [one.id for one in self.raised()]

    def number(self, name: str) -> int:
        number = find_number(self.house.ledger.scan, name)
        assert number is not None, name
        return number

    def heard(self) -> list[str]:
        """Ids of the executions of the job that hears alerts, in order."""
        keys = self.house.ledger.scan("definition/hear", None, 100_000)
        return [self.house.header(-int(key[0])).id for key in reversed(keys)]


def test_a_failure_is_told_once_by_an_execution_whose_input_is_the_event() -> None:
    watch = Watch()
    watch.alerter._wake.clear()
    number = watch.fail()
    assert watch.alerter._wake.is_set()
    watch.look()
    name = watch.house.header(number).id
    [alert] = watch.raised()
    assert (alert.id, alert.kind, alert.job, alert.told) == (f"failed.{name}.0", "failed", "job", True)
    assert alert.event["data"]["error"] == {"type": "Boom", "message": "", "task": "a"}
    [heard] = watch.heard()
    assert heard == f"alert.failed.{name}.0.hear" == alert.tellings[0].execution
    told = watch.house.stored(watch.number(heard))
    assert told.header is not None
    assert json.loads(told.text(told.header.input)) == alert.event
    assert told.header.labels == {"stepwell.alert": alert.id}
    record = watch.house.ledger.read("audit", (-1,))
    assert (record["who"], record["name"], record["action"], record["target"]) == ("alert", alert.id, "execute", heard)
    watch.look(100)
    watch.reboot()
    watch.look()
    assert (len(watch.raised()), len(watch.heard())) == (1, 1)


def test_what_ends_well_or_is_cancelled_raises_nothing_and_costs_no_look() -> None:
    watch = Watch()
    watch.alerter._wake.clear()
    number: int = watch.asked(Start(JOB, "{}")).number
    watch.house.end(number)
    number = watch.asked(Start(JOB, "{}")).number
    watch.asked(Cancel(number))
    assert not watch.alerter._wake.is_set()
    commits = len(watch.house.commits)
    watch.look()
    assert watch.raised() == []
    assert len(watch.house.commits) == commits


def test_each_failure_of_a_redriven_execution_is_an_alert() -> None:
    watch = Watch()
    number = watch.fail()
    watch.look()
    for _ in range(2):
        watch.asked(Redrive(number))
        watch.house.end(number, "Boom")
        watch.look()
    name = watch.house.header(number).id
    assert watch.ids() == [f"failed.{name}.{n}" for n in range(3)]


def test_one_that_goes_on_before_anybody_looks_is_told_all_the_same() -> None:
    watch = Watch()
    number = watch.fail()
    watch.asked(Redrive(number))
    watch.look()
    [alert] = watch.raised()
    assert alert.id == f"failed.{watch.house.header(number).id}.0"
    assert "it has been redriven since" in alert.event["data"]["message"]
    watch.house.end(number, "Boom")
    watch.look()
    assert [one.id[-2:] for one in watch.raised()] == [".0", ".1"]


def test_a_job_that_hears_alerts_raises_none_for_failing_but_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    watch = Watch()
    watch.fail("hear")
    watch.look()
    assert watch.raised() == []
    assert "of the job hear failed: Boom" in caplog.text
    watch.fail()
    watch.look()
    [telling] = [one for one in watch.heard() if one.startswith("alert.")]
    watch.house.end(watch.number(telling), "Unreachable")
    watch.look()
    assert len(watch.raised()) == 1


def test_nobody_listens_and_who_listens_later_hears_only_what_comes_then() -> None:
    watch = Watch(None)
    watch.fail()
    watch.look()
    watch.write(lambda pending, read, _: listen(pending, read, "hear", OnAlert(kinds=("failed",))))
    watch.look()
    assert [(one.tellings, one.told) for one in watch.raised()] == [((), True)]
    watch.fail()
    watch.look()
    assert len(watch.heard()) == 1
    watch.write(lambda pending, read, _: listen(pending, read, "hear", OnAlert(jobs=("other-*",))))
    watch.fail()
    watch.look()
    assert (len(watch.raised()), len(watch.heard())) == (3, 1)


def test_a_deleted_job_listens_no_more_and_one_that_cannot_be_told_has_a_reason() -> None:
    watch = Watch()
    watch.refuse = Invalid([Problem("/data", "no")])
    watch.fail()
    watch.look()
    [alert] = watch.raised()
    assert (alert.told, alert.tellings[0].reason) == (True, "/data: no")
    watch.refuse = None
    watch.fail()
    watch.alerter._follow()
    watch.asked(Remove("hear", None, 99, lambda: watch.house.catalogue.drop("hear")))
    watch.look()
    assert "no job definition has the id 'hear'" in watch.raised()[-1].tellings[0].reason
    watch.fail()
    watch.look()
    assert watch.raised()[-1].tellings == ()


@pytest.mark.parametrize("error", [Busy("too many"), Unavailable("not now")])
def test_a_busy_engine_is_asked_again(error: Exception) -> None:
    watch = Watch()
    watch.fail()
    watch.answers = [error]
    with pytest.raises(type(error)):
        watch.alerter.look()
    watch.alerter._follow()
    watch.answers = [error]
    assert watch.alerter.look() == watch.house.now + module.RETRY_S
    assert [one.told for one in watch.raised()] == [False]
    watch.look()
    assert ([one.told for one in watch.raised()], len(watch.heard())) == ([True], 1)


def test_a_write_that_took_effect_though_nobody_heard_is_not_doubled() -> None:
    watch = Watch(expectStartWithinSeconds=5)
    ask = watch.ask
    dropped: list[int] = []

    def deaf(requests: list[Request]) -> list[Any]:
        answers = ask(requests)
        if any(isinstance(request, Write) for request in requests) and len(dropped) < 9:
            dropped.append(1)
            return [Unavailable("no answer") for _ in answers]
        return answers

    watch.fail()
    watch.house.wait(1_200)
    while watch.scheduler.look() <= watch.house.now:
        pass
    watch.alerter._ask = watch.alerter._teller._ask = deaf
    for _ in range(20):
        try:
            watch.alerter.look()
        except Unavailable:
            continue
    assert len(dropped) > 2
    assert [one.kind for one in watch.raised()] == ["failed", "missed"]
    assert len(watch.heard()) == 2


@pytest.mark.parametrize("part", ["_follow", "_judge", "_look_at_queue"])
def test_a_write_that_takes_effect_only_after_it_was_given_up_is_not_doubled(part: str) -> None:
    watch = Watch(queue_depth=1, max_jobs=1, catchUp="none")
    watch.fail()
    watch.house.wait(1_200)
    while watch.scheduler.look() <= watch.house.now:
        pass
    for _ in range(3):
        watch.asked(Start(JOB, "{}"))
    asked: list[Request] = []

    def slow(requests: list[Request]) -> list[Any]:
        asked.extend(watch.house.ask(request) for request in requests)
        return [Unavailable("no answer") for _ in requests]

    watch.alerter._ask = slow
    with pytest.raises(Unavailable):
        getattr(watch.alerter, part)()
    assert [answer(request) for request in asked] == ["unanswered"]
    watch.alerter._ask = watch.ask
    getattr(watch.alerter, part)()
    watch.look()
    assert answer(asked[0]) != "unanswered"
    assert sorted(one.kind for one in watch.raised()) == ["failed", "missed", "queueDepth"]


def test_what_is_committed_but_not_yet_published_is_not_passed_over() -> None:
    watch = Watch()
    listeners = watch.house.engine.feed._listeners

    def look(_: News) -> None:
        watch.alerter._follow()

    listeners.insert(0, (look, lambda: None))
    watch.fail()
    del listeners[0]
    watch.look()
    assert len(watch.raised()) == 1


def failing(watch: Watch) -> None:
    for _ in range(3):
        watch.fail()


def missing(watch: Watch) -> None:
    watch.house.wait(5_000)


@pytest.mark.parametrize(("cause", "kinds"), [(failing, ["failed"] * 3), (missing, ["missed"] * 4)])
@pytest.mark.parametrize("kind", [Write, Start])
def test_killed_between_any_two_effects_nothing_is_lost_or_doubled(
    cause: Callable[[Watch], None], kinds: list[str], kind: type[Request]
) -> None:
    nth = 0
    while True:
        watch = Watch(expectStartWithinSeconds=1_900, expectEndWithinSeconds=2_500)
        cause(watch)
        came = watch.die(kind, nth)
        watch.look()
        ids = watch.ids()
        assert len(ids) == len(set(ids)), (kind, nth)
        assert [one.kind for one in watch.raised()] == kinds, (kind, nth)
        assert all(one.told for one in watch.raised())
        assert sorted(watch.heard()) == sorted(f"alert.{id}.hear" for id in ids)
        if not came:
            assert nth >= 1
            return
        nth += 1


def test_failures_that_the_feed_no_longer_tells_are_found_among_all_executions(caplog: pytest.LogCaptureFixture) -> None:
    watch = Watch()
    first = watch.fail()
    watch.look()
    second, third = watch.fail(), watch.fail()
    watch.house.engine._feed_log._size = 100
    watch.house.engine._feed_log.forget()
    watch.asked(Start(JOB, "{}"))
    watch.reboot()
    watch.look()
    assert "failures are looked for among all executions" in caplog.text
    names = [watch.house.header(number).id for number in (first, second, third)]
    assert sorted(watch.ids()) == sorted(f"failed.{name}.0" for name in names)
    caplog.clear()
    watch.reboot()
    watch.look()
    assert (len(watch.raised()), caplog.text) == (3, "")


def test_how_far_it_has_looked_is_saved_now_and_then_though_nothing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SAVED", 10)
    watch = Watch()
    before = followed(watch.house.ledger.read)
    for _ in range(12):
        watch.asked(Start(JOB, "{}"))
    watch.alerter._wake.clear()
    watch.asked(Start(JOB, "{}"))
    assert watch.alerter._wake.is_set()
    watch.look()
    after = followed(watch.house.ledger.read)
    assert before is not None
    assert after is not None
    assert after.upto > before.upto + 10
    assert after.at == before.at


def test_many_failures_are_raised_in_several_commits_and_all_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE", 2)
    watch = Watch()
    for _ in range(7):
        watch.fail()
    watch.look()
    assert (len(set(watch.ids())), len(watch.heard())) == (7, 7)


def test_only_the_latest_alerts_are_kept_but_none_goes_untold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "KEPT", 3)
    watch = Watch()
    for _ in range(5):
        watch.fail()
    watch.alerter._follow()
    assert len(watch.raised()) == 5
    watch.look()
    assert len(watch.raised()) == 3
    assert len(watch.heard()) == 5
    watch.fail()
    watch.look()
    assert [one.sequence for one in watch.raised()] == [4, 5, 6]


# -------------------------------------------------------------------------------------------------------------- missed and late


def test_what_begins_and_ends_in_time_is_neither_missed_nor_late() -> None:
    watch = Watch(expectStartWithinSeconds=60, expectEndWithinSeconds=120)
    watch.look(1_000)
    watch.house.wait(100)
    watch.house.end(1)
    watch.look(100)
    assert watch.raised() == []
    assert keys(watch) == []


def test_what_ends_too_late_is_late_whenever_somebody_looks() -> None:
    watch = Watch(expectEndWithinSeconds=120)
    assert watch.look(1_000) == BEGIN + 1_000 + 30
    watch.house.wait(150)
    watch.house.end(1)
    watch.reboot()
    watch.look(500)
    [alert] = watch.raised()
    assert alert.id == "late.tick.19700101T003320Z"
    assert "ended 30 seconds later than within 2 minutes" in alert.event["data"]["message"]
    assert alert.event["data"]["execution"] == watch.house.header(1).id


def test_it_looks_again_when_the_next_deadline_comes_and_is_told_of_new_ones() -> None:
    watch = Watch(expectStartWithinSeconds=20, expectEndWithinSeconds=25)
    watch.alerter._wake.clear()
    assert watch.look(1_000) == BEGIN + 1_020
    assert watch.alerter._wake.is_set()
    assert watch.look(20) == BEGIN + 1_025
    watch.look(5)
    assert [one.kind for one in watch.raised()] == ["late"]


def test_one_that_waits_for_a_place_is_missed() -> None:
    watch = Watch(OnAlert(kinds=("missed",)), max_jobs=1, expectStartWithinSeconds=60)
    watch.asked(Start(JOB, "{}"))
    watch.look(1_000)
    watch.look(59)
    assert watch.raised() == []
    watch.look(1)
    [alert] = watch.raised()
    assert watch.house.header(2).status is Status.QUEUED
    assert (alert.id, alert.event["data"]["execution"]) == ("missed.tick.19700101T003320Z", watch.house.header(2).id)


@pytest.mark.parametrize(
    ("overlap", "words"), [("skip", "was skipped: the previous run has not ended"), ("queueAll", "waits in the queue"), ("allow", None)]
)
def test_what_overlap_keeps_from_beginning_is_missed_at_its_deadline(overlap: str, words: str | None) -> None:
    watch = Watch(overlap=overlap, expectStartWithinSeconds=60)
    watch.look(1_000)
    watch.look(1_000)
    assert watch.raised() == []
    watch.look(60)
    assert [words in one.event["data"]["message"] for one in watch.raised() if words] == ([True] if words else [])
    assert len(watch.raised()) == (1 if words else 0)


def test_what_begins_from_the_queue_in_time_is_not_missed() -> None:
    watch = Watch(overlap="queueAll", expectStartWithinSeconds=60)
    watch.look(1_000)
    watch.look(1_000)
    watch.house.end(1)
    watch.look(30)
    watch.look(60)
    assert watch.raised() == []


@pytest.mark.parametrize(("catch_up", "missed"), [("none", 2), ("last", 1), ("all", 0)])
def test_what_no_server_started_is_missed_at_once_unless_it_is_made_up_for(catch_up: str, missed: int) -> None:
    watch = Watch(catchUp=catch_up)
    watch.look(2_500)
    assert [one.kind for one in watch.raised()] == ["missed"] * missed
    assert all("it was missed by" in one.event["data"]["reason"] for one in watch.raised())


def test_what_is_caught_up_too_late_is_missed_all_the_same_and_says_so() -> None:
    watch = Watch(catchUp="all", expectStartWithinSeconds=600)
    watch.look(1_900)
    [alert] = watch.raised()
    assert alert.event["data"]["message"].endswith("began 5 minutes later than within 10 minutes; it was caught up")
    watch.look(100)
    assert len(watch.raised()) == 1


def test_many_in_a_row_are_one_alert() -> None:
    watch = Watch()
    watch.write(lambda pending, read, now: replace_all(pending, read, "job", [made(expectStartWithinSeconds=60)], now))
    watch.look(1_000)
    [alert] = watch.raised()
    assert alert.event["data"]["count"] == 93
    assert len(watch.heard()) == 1


def test_a_blackout_is_not_expected() -> None:
    watch = Watch(expectStartWithinSeconds=60, expectEndWithinSeconds=60, blackout={"weekdays": ["THU"]})
    watch.look(1_000)
    watch.look(5_000)
    assert watch.raised() == []


@pytest.mark.parametrize("way", ["off", "off and on", "deleted", "made anew"])
def test_a_schedule_that_is_switched_off_or_deleted_expects_nothing_more(way: str) -> None:
    watch = Watch(expectEndWithinSeconds=600)
    watch.look(1_000)
    watch.house.wait(1)
    one = made(intervalSeconds=1_000, expectEndWithinSeconds=600)
    if way.startswith("off"):
        watch.write(lambda pending, read, now: switch(pending, read, one.schedule, False, now))
    else:
        watch.write(lambda pending, read, now: replace_all(pending, read, "job", [], now))
    watch.house.wait(1)
    if way == "off and on":
        watch.write(lambda pending, read, now: switch(pending, read, one.schedule, True, now))
    if way == "made anew":
        watch.write(lambda pending, read, now: replace_all(pending, read, "job", [one], now))
    watch.look(700)
    assert watch.raised() == []
    assert keys(watch) == []


def test_jitter_is_no_lateness() -> None:
    watch = Watch(jitterSeconds=500, expectStartWithinSeconds=1)
    watch.look(1_000 + jitter("tick", BEGIN + 1_000, 500))
    assert len(keys(watch)) == 1
    watch.look(2)
    assert (watch.raised(), keys(watch)) == ([], [])


def keys(watch: Watch) -> list[Any]:
    with watch.house.ledger.snapshot() as snapshot:
        return snapshot.keys(alerts.EXPECTED, None, 100)


# ------------------------------------------------------------------------------------------------------------------- the queue


def test_a_deep_queue_is_told_once_until_it_has_shrunk_to_half() -> None:
    watch = Watch(OnAlert(kinds=("queueDepth",), jobs=()), queue_depth=4, max_jobs=1)
    assert watch.look() == watch.house.now + module.QUEUE_S
    for _ in range(5):
        watch.asked(Start(JOB, "{}"))
    watch.look()
    assert watch.raised() == []
    watch.asked(Start(JOB, "{}"))
    watch.look()
    [alert] = watch.raised()
    assert (alert.event["data"]["depth"], alert.event["data"]["limit"], alert.job) == (5, 4, "")
    watch.reboot()
    watch.look(10)
    assert len(watch.raised()) == 1
    queued = [-int(key[0]) for key in watch.house.ledger.scan("status/QUEUED", None, 100)]
    for number in queued[:4]:
        watch.asked(Cancel(number))
        watch.look(1)
    for _ in range(4):
        watch.asked(Start(JOB, "{}"))
        watch.look(1)
    assert [one.kind for one in watch.raised()] == ["queueDepth"] * 2
    assert len(set(watch.ids())) == 2


# ------------------------------------------------------------------------------------------------------------------- the thread


def test_its_thread_starts_and_stops_as_all_do() -> None:
    watch = Watch()
    watch.alerter.stop()
    watch.reboot()
    watch.alerter.start()
    watch.alerter.start()
    watch.alerter.stop()
    watch.alerter.stop()
    assert watch.alerter.troubles() == []


def test_what_keeps_it_from_looking_is_told_until_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Watch()
    looked, looks = threading.Event(), [CorruptRecord("damaged"), StoreUnavailable("away")]

    def look() -> float:
        if looks:
            raise looks.pop(0)
        looked.set()
        return watch.house.now + 1_000

    monkeypatch.setattr(module, "RETRY_S", 0.0)
    monkeypatch.setattr(watch.alerter, "look", look)
    told: list[list[str]] = []
    monkeypatch.setattr(watch.alerter._wake, "clear", lambda: told.append(watch.alerter.troubles()))
    watch.alerter.start()
    assert looked.wait(30)
    watch.alerter.stop()
    assert told[:3] == [[], ["alerts are not looked after: damaged"], []]
