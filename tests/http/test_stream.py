"""GET /stream: what is sent to whom, going on after an event, places, and the end of the server."""

from __future__ import annotations

import json
import socket
import threading
from itertools import takewhile
from typing import Any

import pytest
import requests

from tests.http.client import Client, eventually, job, problem, task
from tests.http.conftest import Serve
from tests.http.events import Reader
from workflows.api import event_stream
from workflows.service import streams


def run_of(api: Client, *tasks: dict[str, Any]) -> tuple[str, str]:
    name = api.register(job(*(tasks or (task("a"), task("b")))))
    return name, api.execute(name)


def test_an_execution_is_sent_as_it_goes_on_until_its_end(api: Client, held: threading.Event) -> None:
    name = api.register(job(task("a", "held"), task("b", "fail"), labels={"team": "x"}))
    with Reader(api.url, job=name) as reader:
        assert reader.headers["Content-Type"] == "text/event-stream"
        execution_id = api.execute(name)
        reader.until(lambda found: "RUNNING" in [one["status"].value for one in found], "its beginning")
        held.set()
        found = reader.until_ended(execution_id)
    assert [one["status"].value for one in found][-1] == "FAILED"
    last = found[-1]
    assert (last["id"], last["definition"], last["labels"], last["error"]["task"]) == (execution_id, name, {"team": "x"}, "b")
    assert [(one["id"], one["status"], one["attempts"]) for one in last["tasks"]] == [("a", "COMPLETED", 1), ("b", "FAILED", 1)]
    assert [event.name for event in reader.seen[1:]] == ["message"] * (len(reader.seen) - 1)
    numbers = [int(event.id.partition(":")[2]) for event in reader.seen if event.id]
    assert numbers == sorted(numbers)


def test_filters(api: Client) -> None:
    name, other = (api.register(job(task("a"), task("b"))) for _ in range(2))
    with (
        Reader(api.url, job=other) as others,
        Reader(api.url, types="end", job=name) as ends,
        Reader(api.url, types="task", job=name) as tasks,
    ):
        execution_id = api.execute(name)
        with Reader(api.url, execution=execution_id, replay="true") as one:
            assert {found["id"] for found in one.until_ended(execution_id)} == {execution_id}
        assert [found["status"].value for found in ends.until_ended(execution_id)] == ["COMPLETED"]
        tasks.until(lambda found: bool(found) and found[-1]["tasks"][-1]["status"] == "COMPLETED", "its last task")
        last = api.execute(other)
        assert {found["id"] for found in others.until_ended(last)} == {last}


def test_a_state_machine_shows_the_state_it_stands_at(api: Client) -> None:
    states = {"Say": {"Type": "Pass", "Next": "Stop"}, "Stop": {"Type": "Wait", "Seconds": 600, "End": True}}
    name = api.register({"id": job()["id"], "StartAt": "Say", "States": states})
    with Reader(api.url, job=name) as reader:
        execution_id = api.execute(name)
        reader.until(lambda found: bool(found) and found[-1]["tasks"][0]["id"] == "Stop", "the state it waits at")
        api.post(f"/jobs/{execution_id}/cancel")
        assert reader.until_ended(execution_id)[-1]["status"].value == "CANCELLED"


def test_a_stream_goes_on_after_an_event_and_sends_no_end_twice(api: Client) -> None:
    name, first = run_of(api)
    api.ended(first)
    with Reader(api.url, job=name) as reader:
        second = api.execute(name)
        reader.until_ended(second)
        position = reader.position
    missed = [str(api.ended(api.execute(name))["id"]) for _ in range(3)]
    assert position is not None
    for how in ({"last": position}, {"lastEventId": position}):
        with Reader(api.url, job=name, **how) as again:
            again.until_ended(*missed)
            assert again.ends == missed, "in their order, each once"
            assert len(again.messages) == len(missed), "as it stands now and as nothing else"
            live = api.execute(name)
            again.until_ended(live)
        missed.append(live)


def test_a_replay_shows_what_is_active_and_then_what_changes(api: Client) -> None:
    name, waiting = run_of(api, task("a", "sleep", parameters={"seconds": 600}))
    for asked in ({"job": name}, {}):
        with Reader(api.url, replay="true", **asked) as reader:
            replay = list(takewhile(lambda event: not event.id, reader.seen))
            assert waiting in {json.loads(event.data)["id"] for event in replay if event.name}, (
                "only the whole of it is a place to go on from"
            )
    with Reader(api.url, job=name) as reader:
        assert reader.messages == []
        api.post(f"/jobs/{waiting}/pause")
        reader.until(lambda found: bool(found) and found[-1]["paused"], "the pause")
        api.post(f"/jobs/{waiting}/cancel")
        reader.until_ended(waiting)
    with Reader(api.url, execution=waiting, replay="true") as reader:
        assert reader.ends == [waiting], "one that is named is shown whatever its status"


@pytest.mark.parametrize("last", ["0:1000000000", "nonsense", "1:5"])
def test_where_nobody_knows_the_place_to_go_on_from_a_reset_says_so(api: Client, last: str) -> None:
    name, first = run_of(api)
    api.ended(first)
    with Reader(api.url, last, job=name) as reader:
        assert [event.name for event in reader.seen if event.name] == ["reset"]
        execution_id = api.execute(name)
        reader.until_ended(execution_id)


def test_what_was_too_long_ago_is_a_reset(serve: Serve) -> None:
    with serve(feed_events=100) as (api, _):
        with Reader(api.url) as reader:
            position = reader.position
        for _ in range(101):
            api.register(job(task("a")))
        with Reader(api.url, position) as reader:
            assert [event.name for event in reader.seen if event.name] == ["reset"]


def test_wrong_questions(api: Client) -> None:
    problem(api.get("/stream?execution=nobody"), 404, "nobody")
    problem(api.get("/stream?types=ends"), 422, "no type", "end")
    problem(api.get("/stream?replay=1"), 422, "true or false")
    problem(api.get("/stream?jobs=x"), 422, "no such query parameter", "job")


def test_places_are_few_and_the_rest_is_still_answered(serve: Serve) -> None:
    with serve(threads=8) as (api, _):
        readers = [Reader(api.url) for _ in range(6)]
        refused = asked(api.url)
        problem(refused, 503, "6 requests wait or watch already")
        assert int(refused.headers["Retry-After"]) > 0
        assert api.get("/health").status_code == 200
        name = api.register(job(task("a")))
        problem(api.post(f"/jobs/{name}/execute?wait=5"), 503, "6 requests wait")
        execution_id = api.execute(name)
        for reader in readers:
            reader.until_ended(execution_id)
            reader.close()
        with eventually(lambda: free(api.url), "a free place"):
            pass
        assert requests.head(f"{api.url}/stream", timeout=30).status_code == 200


def asked(url: str) -> requests.Response:
    """The answer to somebody who wants to watch. It is not read to its end before it is known to have one."""
    answer = requests.get(f"{url}/stream", timeout=30, stream=True)
    assert answer.status_code != 200
    return answer


def free(url: str) -> Reader | None:
    reader = Reader(url)
    return reader if reader.status == 200 else None


def test_nothing_new_is_told_too_and_says_where_to_go_on(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT_S", 0.0)
    monkeypatch.setattr(streams, "LOOK_S", 0.01)
    name, _ = run_of(api)
    with Reader(api.url, job="nobody") as reader:
        begun = reader.position
        api.ended(api.execute(name))
        eventually(lambda: reader.position != begun or None, "another place to go on from")
        assert reader.messages == []


def test_who_does_not_read_is_cut_off_and_others_are_not_held_up(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "SENDING_S", 0.3)
    monkeypatch.setattr(streams, "LOOK_S", 0.01)
    with serve(threads=4) as (api, _):
        slow = [socket.create_connection(("127.0.0.1", api.port), timeout=30) for _ in range(2)]
        for wire in slow:
            wire.sendall(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert wire.recv(12).endswith(b" 200"), "it has a place, and reads no more from now on"
        assert asked(api.url).status_code == 503, "all places are taken"
        assert api.get("/health").status_code == 200
        monkeypatch.setattr(streams, "HEARTBEAT_S", 0.0)
        monkeypatch.setattr(streams, "LOOK_S", 0.0)
        with eventually(lambda: free(api.url), "a place that was given back", 60):
            pass
        for wire in slow:
            wire.close()


def test_streams_end_with_the_server(serve: Serve) -> None:
    with serve(threads=8) as (api, app):
        readers = [Reader(api.url) for _ in range(3)]
        app.extensions["stepwell"].stop()
        assert all(reader.ended.wait(60) for reader in readers)
        problem(asked(api.url), 503, "stopping")


@pytest.mark.parametrize("busy", [False, True])
def test_a_stream_ends_soon_after_its_key_was_revoked(serve: Serve, monkeypatch: pytest.MonkeyPatch, busy: bool) -> None:
    monkeypatch.setattr(streams, "LOOK_S", 0.1)
    with serve() as (api, _):
        made = api.post("/keys", {"name": "short-lived", "role": "viewer"}).json()
        with Reader(api.url, key=made["key"]) as reader, Reader(api.url) as other:
            api.delete(f"/keys/{made['id']}")
            if busy:
                run_of(api, task("a", "sleep", parameters={"seconds": 1}), *(task(f"t{n}") for n in range(20)))
            assert reader.ended.wait(60)
            assert not other.ended.is_set()


def test_gunicorn_sends_each_event_at_once_and_answers_others_while_all_places_are_taken(gunicorn: Client) -> None:
    """16 threads: 12 places."""
    name = gunicorn.register(job(task("a")))
    readers = [Reader(gunicorn.url, job=name) for _ in range(12)]
    problem(asked(gunicorn.url), 503, "12 requests wait or watch already")
    started = [gunicorn.execute(name) for _ in range(20)]
    for reader in readers:
        reader.until_ended(*started)
        assert sorted(reader.ends) == sorted(started), "each end once"
        reader.close()
    with eventually(lambda: free(gunicorn.url), "a free place"):
        pass
