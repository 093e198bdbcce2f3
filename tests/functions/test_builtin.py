"""The functions every server has. `http`, `command` and those of alerts have files of their own."""

from __future__ import annotations

from typing import Any

import pytest

from task_functions import builtin, load
from task_functions.builtin import echo, fail, sleep
from tests.functions.fakes import FakeContext


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Time passes only while the function pauses; the pauses it made are listed."""
    pauses: list[float] = []
    monkeypatch.setattr(builtin, "pause", pauses.append)
    monkeypatch.setattr(builtin, "monotonic", lambda: 100.0 + sum(pauses))
    return pauses


def test_they_are_registered() -> None:
    assert load("task_functions.builtin").names == (
        "alert.email",
        "alert.slack",
        "alert.webhook",
        "command",
        "echo",
        "fail",
        "http",
        "http.get",
        "http.post",
        "sleep",
    )


def test_echo() -> None:
    data = {"a": [1, None]}
    assert echo(data) is data


def test_sleep(clock: list[float]) -> None:
    ctx = FakeContext()
    assert sleep({"seconds": 0.25}, ctx) == {"slept": 0.25}
    assert clock == pytest.approx([0.1, 0.1, 0.05])
    assert ctx.heartbeats == 3


def test_sleep_not_at_all(clock: list[float]) -> None:
    assert sleep({"seconds": 0}, FakeContext()) == {"slept": 0}
    assert clock == []


def test_sleep_ends_early_when_cancelled(clock: list[float]) -> None:
    assert sleep({"seconds": 86_400}, FakeContext(cancel_after=3)) == {"slept": 0.3}
    assert len(clock) == 3


@pytest.mark.parametrize(
    "data",
    [{}, None, "1", {"seconds": "1"}, {"seconds": True}, {"seconds": -1}, {"seconds": 86_400.1}, {"seconds": float("nan")}],
)
def test_sleep_refuses(data: Any) -> None:
    with pytest.raises(ValueError, match="sleep takes"):
        sleep(data, FakeContext())


@pytest.mark.parametrize(
    ("data", "type_name", "message"),
    [
        ({}, "TaskFailed", ""),
        ({"error": "CardDeclined", "message": "no funds"}, "CardDeclined", "no funds"),
        ({"error": "States.Timeout", "times": 1}, "States.Timeout", ""),
    ],
)
def test_fail(data: Any, type_name: str, message: str) -> None:
    with pytest.raises(Exception, match=f"^{message}$") as caught:
        fail(data, FakeContext())
    assert type(caught.value).__name__ == type_name


def test_fail_some_times() -> None:
    data = {"times": 2, "order": 7}
    for attempt in (1, 2):
        with pytest.raises(Exception, match=r"^$") as caught:
            fail(data, FakeContext(attempt=attempt))
        assert type(caught.value).__name__ == "TaskFailed"
    assert fail(data, FakeContext(attempt=3)) == data
    assert fail({"times": 0}, FakeContext()) == {"times": 0}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "fail takes"),
        ({"error": 1}, '"error" is the name'),
        ({"error": ""}, '"error" is the name'),
        ({"message": 1}, '"message" is a text'),
        ({"times": "1"}, '"times" is a number'),
        ({"times": True}, '"times" is a number'),
        ({"times": -1}, '"times" is a number'),
    ],
)
def test_fail_refuses(data: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fail(data, FakeContext())
