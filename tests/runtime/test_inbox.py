"""The inbox: outside requests are bounded, everything else is not."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError

import pytest

from workflows.errors import Busy, Unavailable
from workflows.runtime import inbox as module
from workflows.runtime.executor import Beat, Identity
from workflows.runtime.inbox import Inbox, Reported, Request, Wake


def test_one_request_too_many_is_busy_until_some_are_taken_out() -> None:
    inbox = Inbox(requests=2)
    inbox.ask(Request())
    inbox.ask(Request())
    with pytest.raises(Busy):
        inbox.ask(Request())
    assert len(inbox.drain(0)) == 2
    inbox.ask(Request())


def test_reports_are_never_refused_and_take_no_room() -> None:
    inbox = Inbox(requests=1)
    for number in range(5_000):
        inbox.offer(Reported(Identity(number, "", 1), Beat()))
    inbox.ask(Request())
    taken = 0
    while items := inbox.drain(0):
        assert len(items) <= module.BATCH
        taken += len(items)
    assert taken == 5_001


def test_order_is_kept() -> None:
    inbox = Inbox()
    items = [Reported(Identity(number, "", 1), Beat()) for number in range(10)]
    for item in items:
        inbox.offer(item)
    assert inbox.drain(0) == items


def test_closed_it_refuses_requests_and_takes_the_rest() -> None:
    inbox = Inbox()
    inbox.ask(Request())
    inbox.close()
    with pytest.raises(Unavailable):
        inbox.ask(Request())
    inbox.offer(Wake())
    assert len(inbox.drain(0)) == 2


def test_an_empty_inbox_does_not_wait_when_told_so() -> None:
    assert Inbox().drain(0) == []


def test_an_asker_who_gave_up_is_no_trouble() -> None:
    request = Request()
    request.reply.cancel()
    request.answer("too late")
    with pytest.raises(CancelledError):
        request.reply.result(0)


def test_an_error_is_raised_at_the_asker() -> None:
    request = Request()
    request.answer(Busy("so"))
    with pytest.raises(Busy, match="so"):
        request.reply.result(0)


def test_a_request_is_refused_or_drained_whoever_closes_meanwhile() -> None:
    """Otherwise it would wait for an answer that nobody gives."""
    for _ in range(50):
        inbox, taken = Inbox(), [0]

        def ask(inbox: Inbox = inbox, taken: list[int] = taken) -> None:
            try:
                while True:
                    inbox.ask(Request())
                    taken[0] += 1
            except (Busy, Unavailable):
                return

        thread = threading.Thread(target=ask)
        thread.start()
        inbox.close()
        left = len(inbox.drain(0))
        thread.join()
        assert left == taken[0]
