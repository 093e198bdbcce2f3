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
from workflows.service.control import GROUP, SHOWN, Action, Control, Refusal
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
    assert control(house).bulk(Action.PAUSE, Filter(), preview=True).matched == 30


def test_what_is_refused_stops_none_of_the_others(house: House) -> None:
    put_in(house, 3)
    house.cancel(2)
    house.turn()
    house.engine.start()
    done = control(house).bulk(Action.PAUSE, Filter())
    name = house.header(2).id
    assert done.refused == (Refusal(name, f"the execution {name} has ended already: it is CANCELLED"),)
    assert (done.matched, done.done) == (3, 2)
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
