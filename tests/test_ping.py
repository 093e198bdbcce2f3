"""The ping by itself, against a real watcher: it comes while all is well, falls silent when it is not, and holds up nobody."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import create_app
from tests.functions.sites import Handler, Site
from tests.http.client import eventually
from workflows.ping import Ping
from workflows.server import Server
from workflows.settings import Settings

OFTEN_S = 0.01


class Patient:
    """How the server is: `trouble`, or well. Counts how often it is asked."""

    def __init__(self) -> None:
        self.trouble = ""
        self.asked = 0

    def __call__(self) -> str:
        self.asked += 1
        if self.trouble == "raise":
            raise RuntimeError("nobody knows")
        return self.trouble


@pytest.fixture
def watcher() -> Iterator[Site]:
    found = Site()
    yield found
    found.end()


def test_it_pings_while_all_is_well_and_not_otherwise(watcher: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "workflows.ping")
    patient = Patient()
    ping = Ping(watcher.on("hush", lambda r: r.reply()), OFTEN_S, patient)
    ping.stop()
    ping.start()
    ping.start()
    eventually(lambda: len(watcher.seen) >= 3 or None, "three pings")
    assert {(one.command, one.path) for one in watcher.seen} == {("GET", "/hush")}
    assert not caplog.messages
    for trouble, told in (("the store cannot commit", "the store cannot commit"), ("raise", "it cannot be told how the server is: nobody")):
        patient.trouble = trouble
        eventually(lambda told=told: any(told in one for one in caplog.messages) or None, "a warning")  # type: ignore[misc]
        asked, seen = patient.asked, len(watcher.seen)
        eventually(lambda asked=asked: patient.asked >= asked + 3 or None, "more looks")  # type: ignore[misc]
        assert len(watcher.seen) == seen
    patient.trouble = ""
    eventually(lambda: len(watcher.seen) > seen or None, "pings again")
    eventually(lambda: "pinging again" in caplog.messages or None, "a word of it")
    ping.stop()
    seen = len(watcher.seen)
    assert [one.partition(":")[0] for one in caplog.messages] == [
        *["not pinging 127.0.0.1, so that it raises the alarm"] * 2,
        "pinging again",
    ]
    ping.start()
    eventually(lambda: len(watcher.seen) > seen or None, "pings after another start")
    ping.stop()


def test_a_watcher_that_is_away_is_told_of_once_and_tried_again(watcher: Site, caplog: pytest.LogCaptureFixture) -> None:
    statuses = [503, 503, 503, 404, 200]
    watcher.on("hush", lambda r: r.reply(statuses.pop(0) if len(statuses) > 1 else statuses[0]))
    ping = Ping(f"http://127.0.0.1:{watcher.server_port}/hush?token=hush", OFTEN_S, Patient())
    ping.start()
    eventually(lambda: len(watcher.seen) >= 6 or None, "tries")
    assert caplog.messages == ["the ping to 127.0.0.1 was answered 503", "the ping to 127.0.0.1 was answered 404"]
    watcher.end()
    eventually(lambda: len(caplog.messages) > 2 or None, "another warning")
    ping.stop()
    assert caplog.messages[2].startswith("the ping to 127.0.0.1 did not get through: ")
    assert "hush" not in caplog.text


def test_a_watcher_that_hangs_holds_up_no_end(watcher: Site) -> None:
    begun, left = threading.Event(), threading.Event()

    def hang(r: Handler) -> None:
        begun.set()
        r.server.closing.wait(60)
        left.set()

    ping = Ping(watcher.on("hush", hang), OFTEN_S, Patient())
    ping.start()
    assert begun.wait(60)
    ping.stop()
    assert not left.is_set(), "it waited for the answer"


def test_nobody_to_ping() -> None:
    patient = Patient()
    ping = Ping(None, OFTEN_S, patient)
    ping.start()
    ping.stop()
    assert not patient.asked


def test_how_a_server_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server: Server = create_app(Settings(store="memory:", definitions=tmp_path)).extensions["stepwell"]
    system, troubles = server.service.system, list[str]()
    monkeypatch.setattr(system, "_more", lambda: troubles)
    with monkeypatch.context() as patch:
        patch.setattr("workflows.service.system.TURN_S", 0.05)
        assert system.unwell() == "the engine has not answered for 0.05 seconds", "its thread does not run yet"
    server.start()
    assert system.unwell() == ""
    troubles += ["one thing", "another"]
    assert system.unwell() == "one thing; another"
    server.stop()
    assert system.unwell() == "the server is stopping"
