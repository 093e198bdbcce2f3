"""X-Request-ID: every request has a name, the client's or one of ours, and so has every answer."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
import requests

from tests.http.client import JSON, Client
from tests.http.conftest import Serve
from workflows.api.request_id import HEADER, request_id, taken
from workflows.logs import Lines

MADE = 32
"""Characters of a name of ours."""


def name_of(answer: requests.Response) -> str:
    """Never more than one, never with anything odd in it."""
    name = answer.headers[HEADER]
    assert taken(name) == name, name
    return name


def test_the_clients_name_is_kept(api: Client) -> None:
    for name in ("a", "checkout-4711", "A.b_c-9", "x" * 128):
        assert name_of(api.get("/health", headers={HEADER: name})) == name


def test_a_request_without_one_is_given_a_name_of_its_own(api: Client) -> None:
    names = [name_of(api.get("/health")) for _ in range(20)]
    assert len(set(names)) == 20
    assert {len(name) for name in names} == {MADE}


@pytest.mark.parametrize("name", ["", "a b", "a,b", "x" * 129, "<script>", "a\tb", "ä", '"a"', "a/b", "٣"])
def test_what_is_not_well_formed_is_replaced(api: Client, name: str) -> None:
    answered = name_of(api.get("/health", headers={HEADER: name.encode()}))
    assert answered != name
    assert len(answered) == MADE


def test_two_names_are_none(api: Client) -> None:
    status, text = api.raw(f"GET /health HTTP/1.1\r\nHost: localhost\r\n{HEADER}: a\r\n{HEADER}: b\r\n\r\n")
    assert status == 200
    [name] = [line.partition(": ")[2] for line in text.split("\r\n") if line.startswith(HEADER)]
    assert len(name) == MADE


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status"),
    [
        ("GET", "/nowhere", None, {}, 404),
        ("GET", "/jobs/nobody/state", None, {}, 404),
        ("DELETE", "/health", None, {}, 405),
        ("OPTIONS", "/health", None, {}, 200),
        ("HEAD", "/health", None, {}, 200),
        ("GET", "/health?a=1", None, {}, 422),
        ("POST", "/job-definitions", "{", JSON, 400),
        ("POST", "/job-definitions", "{}", JSON, 422),
        ("POST", "/job-definitions", "{}", {"Content-Type": "text/plain"}, 415),
        ("POST", "/job-definitions", "x" * 9_000_000, JSON, 413),
        ("GET", "/health", None, {"Origin": "https://example.com"}, 403),
    ],
)
def test_every_answer_has_it(api: Client, method: str, path: str, body: str | None, headers: dict[str, str], status: int) -> None:
    answer = requests.request(method, api.url + path, data=body, headers={**headers, HEADER: "mine"}, timeout=30)
    assert (answer.status_code, name_of(answer)) == (status, "mine")


@pytest.mark.parametrize("said", ["GARBAGE\r\n\r\n", f"GET /{'x' * 20_000} HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n"])
def test_so_has_the_answer_to_what_is_no_request(gunicorn: Client, said: str) -> None:
    status, text = gunicorn.raw(said)
    assert status >= 400
    [name] = [line.partition(": ")[2] for line in text.split("\r\n") if line.startswith(HEADER)]
    assert len(name) == MADE


def test_views_know_it_and_never_each_others(serve: Serve) -> None:
    """Several at once, on threads of their own, none of which ends before all have begun."""
    together = Barrier(8, timeout=60)
    with serve() as (api, app):

        def view(**_: Any) -> str:
            before = request_id()
            together.wait()
            return f"{before} {request_id()}"

        app.view_functions["system.health"] = view
        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(lambda n: api.get("/health", headers={HEADER: f"n{n}"}), range(8)))
    for number, answer in enumerate(answers):
        assert answer.text == f"n{number} n{number}"
        assert name_of(answer) == f"n{number}"
    assert request_id() == ""


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What is logged from here on, as lines of JSON."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Lines("json"))
    root, ours = logging.getLogger(), logging.getLogger("workflows.api")
    root.addHandler(handler)
    ours.setLevel(logging.DEBUG)
    yield stream
    ours.setLevel(logging.NOTSET)
    root.removeHandler(handler)


def test_the_log_names_the_request_and_what_it_is_about(serve: Serve, log: io.StringIO) -> None:
    with serve() as (api, app):

        def broken(**_: Any) -> str:
            raise ZeroDivisionError

        app.view_functions["executions.state"] = broken
        assert api.get("/jobs/some-id/state?secret=1", headers={HEADER: "mine"}).status_code == 500
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    [defect] = [line for line in lines if line["level"] == "error"]
    assert (defect["request_id"], defect["execution_id"]) == ("mine", "some-id")
    assert "ZeroDivisionError" in defect["exception"]
    [answered] = [line for line in lines if line["logger"] == "workflows.api.request_id"]
    assert (answered["request_id"], answered["level"]) == ("mine", "debug")
    assert (answered["method"], answered["path"], answered["status"]) == ("GET", "/jobs/some-id/state", 500)
    assert answered["ms"] > 0
    assert not any("secret" in str(line) for line in lines if line["logger"].startswith("workflows.")), "a query may hold anything"
