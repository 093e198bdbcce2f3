"""The client against servers that answer badly, late, or not at all; and what counts as a change."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from workflows.client import CannotReach, Change, Client, ClientError, Filter, StreamEvent, changes, describe_error
from workflows.client import seconds_between as between
from workflows.client.live import events

Answer = tuple[int, Any]
PROBLEM = {"title": "Busy", "status": 503, "detail": "later", "type": "x", "instance": "/"}


class Asked(list[str]):
    """Method and path of each request; `headers` has theirs."""

    def __init__(self) -> None:
        super().__init__()
        self.headers: list[dict[str, str]] = []


@pytest.fixture
def answering() -> Iterator[Callable[..., tuple[str, Asked]]]:
    """Starts a server that gives these answers one after the other, then the last one for ever. Gives its URL and what it was asked."""
    servers: list[ThreadingHTTPServer] = []

    def start(*answers: Answer) -> tuple[str, Asked]:
        asked = Asked()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, body = answers[min(len(asked), len(answers) - 1)]
                asked.append(f"{self.command} {self.path}")
                asked.headers.append(dict(self.headers))
                text = body.encode() if isinstance(body, str) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = answer

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}", asked

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


Answering = Callable[..., tuple[str, Asked]]


def test_questions_are_repeated_while_the_server_is_not_ready(answering: Answering) -> None:
    url, asked = answering((503, PROBLEM), (503, PROBLEM), (200, {"status": "ok"}))
    assert Client(url).health() == {"status": "ok"}
    assert asked == ["GET /health"] * 3
    url, asked = answering((503, PROBLEM), (200, "stepwell_degraded 0.0\n"))
    client = Client(url)
    with pytest.raises(ClientError):
        Client(url, patience=0).metrics()
    assert client.metrics() == "stepwell_degraded 0.0\n"
    url, asked = answering((200, {}), (503, PROBLEM), (200, "# EOF\n"))
    client = Client(url)
    client.health()
    assert (client.metrics(), asked) == ("# EOF\n", ["GET /health", "GET /metrics", "GET /metrics"])


def test_patience_ends(answering: Answering) -> None:
    url, asked = answering((503, PROBLEM))
    with pytest.raises(ClientError, match="later") as raised:
        Client(url, patience=3).system_state()
    assert raised.value.status == 503
    assert len(asked) > 1


def test_a_server_that_went_away_is_waited_for(answering: Answering) -> None:
    url, _ = answering((200, {"status": "ok"}))
    client = Client(url, patience=0.5)
    client.health()
    client.url = "http://127.0.0.1:1"
    began = time.monotonic()
    with pytest.raises(CannotReach):
        client.health()
    assert time.monotonic() - began > 0.3


def test_what_would_change_something_twice_is_sent_once(answering: Answering) -> None:
    url, asked = answering((503, PROBLEM))
    with pytest.raises(ClientError):
        Client(url).redrive("a/b", revision=2)
    assert asked == ["POST /jobs/a%2Fb/redrive"]


def test_a_start_is_repeated_under_one_key(answering: Answering) -> None:
    url, asked = answering((503, PROBLEM), (503, PROBLEM), (202, {"executionID": "x"}))
    started = Client(url, api_key="sw_key").start("a/b", {"x": 1}, labels={"team": "a b"}, priority=0, wait=0.5)
    assert (started.id, started.state, started.repeated) == ("x", None, False)
    assert asked == ["POST /jobs/a%2Fb/execute?priority=0&wait=0.5&label=team%3Aa+b"] * 3
    keys = [headers["Idempotency-Key"] for headers in asked.headers]
    assert len(keys[0]) == 32
    assert set(keys) == {keys[0]}
    assert {headers["Authorization"] for headers in asked.headers} == {"Bearer sw_key"}


def test_a_refusal_carries_its_problems(answering: Answering) -> None:
    problems = [{"pointer": "/id", "message": "is missing"}, {"pointer": "", "message": "no 'taks'", "suggestion": "tasks"}]
    url, _ = answering((422, PROBLEM | {"status": 422, "title": "Invalid", "problems": problems}))
    with pytest.raises(ClientError) as raised:
        Client(url).register({"taks": []})
    assert raised.value.title == "Invalid"
    assert raised.value.problems == (("/id", "is missing"), ("", "no 'taks'; did you mean 'tasks'?"))
    assert str(raised.value) == "/id: is missing\n/: no 'taks'; did you mean 'tasks'?"


@pytest.mark.parametrize("answer", [(200, "<html>"), (200, "[]"), (404, "not found"), (302, {})])
def test_another_kind_of_server_is_told_apart(answering: Answering, answer: Answer) -> None:
    url, _ = answering(answer)
    with pytest.raises(ClientError, match="not as a Stepwell server does"):
        Client(url).health()


def test_nobody_there_is_cannot_reach() -> None:
    with pytest.raises(CannotReach, match="connection refused"):
        Client("127.0.0.1:1", patience=0.3).health()
    with pytest.raises(CannotReach, match="cannot reach http://"):
        Client("http://[", patience=0.1).execute("x")


def test_one_who_takes_the_request_and_says_nothing_is_cannot_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflows.client.transport.ANSWER_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(CannotReach, match="does not answer"):
        Client(f"http://127.0.0.1:{silent.getsockname()[1]}", patience=0.1).execute("x")


def test_a_whole_life(shared: str, tmp_path: Any) -> None:
    client = Client(shared + "/")
    path = tmp_path / "job.json"
    path.write_text('{"id": "filed", "tasks": [{"id": "say", "name": "Say", "functionName": "echo", "maxRetry": 0}]}')
    assert client.register(path)["revision"] == 1
    assert client.register(json.loads(path.read_text()))["revision"] == 1
    execution_id = client.execute("filed", '{"n": 1.00}')
    *_, end = client.watch(execution_id, 0.02)
    assert (end.task, end.status) == (None, "COMPLETED")
    assert client.state(execution_id)["output"] == {"say": {"n": 1.0}}
    with pytest.raises(ClientError, match="ended already") as raised:
        client.cancel(execution_id)
    assert raised.value.status == 409
    client.close()


# -------------------------------------------------------------------------------------------------------------------- changes


def task(status: str, attempts: int, end: str | None = None, error: Any = None) -> dict[str, Any]:
    start = "2026-01-01T00:00:00.000Z" if attempts else None
    return {"id": "a", "status": status, "attempts": attempts, "startTime": start, "endTime": end, "error": error, "reason": None}


def state(status: str, *tasks: dict[str, Any]) -> dict[str, Any]:
    times = {"submitTime": "2025-12-31T23:00:00.000Z", "startTime": "2026-01-01T00:00:00.000Z", "endTime": None}
    return {"status": status, "tasks": list(tasks), **times, "error": None}


def test_only_what_is_new_is_a_change() -> None:
    nothing: dict[str, Any] = {"status": None, "tasks": []}
    queued, running = state("QUEUED", task("PENDING", 0)), state("RUNNING", task("RUNNING", 1))
    retrying = state("RUNNING", task("RETRYING", 1, error={"type": "Oops", "message": "no"}))
    second = state("RUNNING", task("RUNNING", 2))
    done = state("COMPLETED", task("COMPLETED", 2, "2026-01-01T00:00:01.500Z"))
    assert list(changes(nothing, queued)) == [Change(None, "QUEUED")]
    assert list(changes(queued, running)) == [Change("a", "RUNNING", 1), Change(None, "RUNNING")]
    assert list(changes(running, running)) == []
    assert [str(change) for change in changes(running, retrying)] == ["a            RETRYING   Oops: no"]
    assert [str(change) for change in changes(retrying, second)] == ["a            RUNNING    attempt 2"]
    assert [str(change) for change in changes(second, done)] == ["a            COMPLETED  attempt 2  1.50s", "COMPLETED"]
    over = {**done, "endTime": "2026-01-01T00:00:02.000Z"}
    assert [str(change) for change in changes(second, over)][1] == "COMPLETED  2.00s", "not the hour that it was queued"


def test_small_parts() -> None:
    assert describe_error(None) is None
    assert describe_error({"type": "States.Timeout", "message": ""}) == "States.Timeout"
    cause = '{"errorMessage":"no stock","errorType":"Empty","requestId":"r","stackTrace":[]}'
    assert describe_error({"type": "Empty", "message": cause}) == "Empty: no stock"
    assert describe_error({"type": "Odd", "message": "{not JSON"}) == "Odd: {not JSON"
    assert describe_error({"type": "Odd", "message": '{"other":1}'}) == 'Odd: {"other":1}'
    assert between(None, "2026-01-01T00:00:00Z") is None
    assert between("2026-01-01T00:00:00.250Z", "2026-01-01T00:00:01Z") == 0.75


# ------------------------------------------------------------------------------------------------------------------- requests


def test_pages_are_asked_for_when_they_are_needed(answering: Answering) -> None:
    first, last = {"executions": [{"id": "a"}, {"id": "b"}], "next": "x=/y"}, {"executions": [{"id": "c"}], "next": None}
    url, asked = answering((200, first), (200, last))
    found = Client(url).executions(Filter(job="a b", labels={"team": "x:y"}, paused=True), page=2)
    assert [next(found)["id"], next(found)["id"]] == ["a", "b"]
    assert len(asked) == 1
    assert [one["id"] for one in found] == ["c"]
    query = "/executions?limit=2&job=a+b&paused=true&label=team%3Ax%3Ay"
    assert asked == [f"GET {query}", f"GET {query}&cursor=x%3D%2Fy"]


def test_times_know_their_zone() -> None:
    zoned = datetime(2026, 11, 21, 4, tzinfo=timezone(timedelta(hours=1)))
    written = {"since": "2026-11-21T04:00:00+01:00", "until": "2026-11-22T03:00:00Z"}
    assert Filter(since=zoned, until="2026-11-22T03:00:00Z").body() == written
    with pytest.raises(ValueError, match="no time zone"):
        Filter(since=datetime(2026, 11, 21)).query()


def test_the_key_is_ours_and_no_other(answering: Answering, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    (tmp_path / "netrc").write_text("machine localhost login me password theirs\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setattr("workflows.client.transport.LOOPBACK", ())
    url, asked = answering((200, {"status": "ok"}))
    url = url.replace("127.0.0.1", "localhost")
    monkeypatch.delenv("STEPWELL_API_KEY", raising=False)
    Client(url).health()
    monkeypatch.setenv("STEPWELL_API_KEY", " sw_variable\n")
    Client(url).health()
    Client(url, api_key="sw_argument").health()
    assert [headers.get("Authorization") for headers in asked.headers] == [None, "Bearer sw_variable", "Bearer sw_argument"]


# -------------------------------------------------------------------------------------------------------------------- watching

RUNS: dict[str, Any] = {"status": "RUNNING", "startTime": "2026-11-21T03:00:00.000Z", "endTime": None, "tasks": []}
DONE = {**RUNS, "status": "COMPLETED", "endTime": "2026-11-21T03:00:01.000Z"}


def test_where_no_stream_is_given_a_watch_asks_again_and_again(answering: Answering) -> None:
    url, asked = answering((503, PROBLEM), (200, RUNS), (200, RUNS), (200, RUNS), (200, DONE))
    slept: list[float] = []
    assert [change.status for change in Client(url).watch("x", 0.5, slept.append)] == ["RUNNING", "COMPLETED"]
    assert asked == ["GET /stream?execution=x", *["GET /jobs/x/state"] * 4]
    assert slept == [0.5] * 3


def test_after_a_while_a_stream_is_tried_again(answering: Answering) -> None:
    url, asked = answering((503, PROBLEM), *[(200, RUNS)] * 10, (503, PROBLEM), (200, DONE))
    assert [change.status for change in Client(url).watch("x", 0.5, lambda _: None)] == ["RUNNING", "COMPLETED"]
    assert [place for place, path in enumerate(asked) if "stream" in path] == [0, 11]


def test_a_watch_of_what_is_not_there_says_so(answering: Answering) -> None:
    url, _ = answering((404, {**PROBLEM, "status": 404, "title": "There is no such thing"}))
    with pytest.raises(ClientError, match="later") as raised:
        list(Client(url).watch("x"))
    assert raised.value.status == 404


@pytest.mark.parametrize("size", [1, 2, 7, 1_000])
def test_events_are_the_same_however_they_are_cut(size: int) -> None:
    text = (
        'retry: 1000\n\nid: 0:1\n\n: nothing new\nid: 0:2\n\nevent: message\nid: 0:3\ndata: {"a": "é: b"}\n\nevent: reset\ndata: 1\n\nid: 0'
    )
    sent = text.encode()
    found = list(events(sent[place : place + size] for place in range(0, len(sent), size)))
    assert found == [
        StreamEvent("", "", "0:1"),
        StreamEvent("", "", "0:2"),
        StreamEvent("message", '{"a": "é: b"}', "0:3"),
        StreamEvent("reset", "1", None),
    ]
