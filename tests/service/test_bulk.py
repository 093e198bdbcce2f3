"""Changes in bulk: each match stands for itself, and thousands of them hold up nobody."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial

import pytest

from tests.core.jobs import dag, task
from tests.runtime.house import House
from workflows.model import Status
from workflows.runtime.catalogue import Catalogue
from workflows.runtime.inbox import Request
from workflows.runtime.requests import Cancel, Pause, Start
from workflows.service.control import GROUP, SHOWN, Action, Control
from workflows.service.filters import Filter, matching
from workflows.service.inputs import Inputs

MANY = 10_000


@pytest.fixture
def house() -> Iterator[House]:
    """Its engine is not started: tests put executions in first."""
    house = House(dag(task("a")).definition, max_jobs=1)
    yield house
    house.engine.stop(0)


def control(house: House) -> Control:
    return Control(house.ledger, Catalogue(house.ledger, lambda name, _: house.definitions[name]), house.engine, Inputs())


def put_in(house: House, count: int) -> None:
    """So many executions, of which the first is running."""
    for done in range(0, count, 1_000):
        for _ in range(min(1_000, count - done)):
            house.ask(Start(house.definitions["job"], "{}"))
        house.turn()


@pytest.mark.slow
def test_ten_thousand_are_asked_a_group_at_a_time(house: House) -> None:
    put_in(house, MANY)
    house.engine.start()
    inbox, waiting, other = house.engine.inbox, set[int](), Pause(MANY)
    ask, most = inbox.ask, 0

    def watched(request: Request) -> None:
        nonlocal most
        assert isinstance(request, Cancel)
        waiting.add(request.number)
        request.reply.add_done_callback(lambda _: waiting.discard(request.number))
        most = max(most, len(waiting))
        if request.number == MANY - GROUP:
            ask(other)
        assert request.number > 1 or other.reply.done(), "who asks in the middle of it is answered in the middle of it"
        ask(request)

    setattr(inbox, "ask", watched)  # noqa: B010  # of this one inbox
    done = control(house).bulk(Action.CANCEL, Filter(job="job"))
    assert (done.matched, done.done, len(done.executions), done.refused) == (MANY, MANY, SHOWN, ())
    assert 1 < most <= GROUP
    with house.ledger.snapshot() as snapshot:
        assert snapshot.count(f"status/{Status.CANCELLED}") == MANY


def test_a_preview_asks_nobody(house: House) -> None:
    put_in(house, 3)
    done = control(house).bulk(Action.CANCEL, Filter(), preview=True)
    assert (done.matched, len(done.executions), done.done, done.refused) == (3, 3, 0, ())
    assert house.header(1).status is Status.RUNNING


def test_a_preview_goes_over_all_pages(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that examines much and finds nothing is not the end."""
    put_in(house, 30)
    house.cancel(1)
    house.turn()
    monkeypatch.setattr("workflows.service.control.matching", partial(matching, budget=4))
    assert control(house).bulk(Action.REDRIVE, Filter(text="none"), preview=True).matched == 0
    (found,) = control(house).bulk(Action.REDRIVE, Filter(status=Status.CANCELLED), preview=True).executions
    assert found == house.header(1).id
    assert control(house).bulk(Action.PAUSE, Filter(), preview=True).matched == 29


@pytest.mark.parametrize(("action", "changed"), [(Action.CANCEL, [1, 3]), (Action.PAUSE, [1]), (Action.RESUME, [3]), (Action.REDRIVE, [2])])
def test_what_it_cannot_change_is_counted_and_left(house: House, action: Action, changed: list[int]) -> None:
    """The first is running, the second was cancelled, the third is paused."""
    put_in(house, 3)
    house.cancel(2)
    house.ask(Pause(3))
    house.turn()
    ids = tuple(house.header(number).id for number in reversed(changed))
    expected = (len(changed), 3 - len(changed), ids, ())
    seen = control(house).bulk(action, Filter(), preview=True)
    assert (seen.matched, seen.left, seen.executions, seen.refused, seen.done) == (*expected, 0)
    house.engine.start()
    done = control(house).bulk(action, Filter())
    assert (done.matched, done.left, done.executions, done.refused, done.done) == (*expected, len(changed))


def test_what_has_ended_meanwhile_is_left_with_the_rest(house: House) -> None:
    put_in(house, 3)
    ask = house.engine.inbox.ask

    def first_cancelled(request: Request) -> None:
        setattr(house.engine.inbox, "ask", ask)  # noqa: B010
        ask(Cancel(2))
        ask(request)

    setattr(house.engine.inbox, "ask", first_cancelled)  # noqa: B010
    house.engine.start()
    done = control(house).bulk(Action.PAUSE, Filter())
    assert (done.matched, done.done, done.left, done.refused) == (3, 2, 1, ())
    assert [house.header(number).paused for number in (1, 2, 3)] == [True, False, True]


@pytest.mark.parametrize("stopped", [True, False])
def test_those_that_the_engine_does_not_take_are_told_of(house: House, stopped: bool) -> None:
    put_in(house, 3)
    inbox = house.engine.inbox
    if stopped:
        house.engine.stop(0)
        reason = "the server is stopping; try again in a moment"
    else:
        setattr(inbox, "_room", threading.Semaphore(0))  # noqa: B010
        reason = "too many requests are waiting; try again in a moment"
    done = control(house).bulk(Action.CANCEL, Filter())
    assert (done.matched, done.done, {one.reason for one in done.refused}) == (3, 0, {reason})
