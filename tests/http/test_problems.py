"""Every error is problem details: unknown paths, wrong methods, and what the service raises."""

from __future__ import annotations

import logging
from typing import NoReturn

import pytest
import requests
from flask import Flask

from storage.protocol import CorruptRecord, StoreUnavailable
from tests.http.client import Client, job, problem, task
from tests.http.conftest import Serve
from workflows.api.schemas.problems import ProblemSchema
from workflows.errors import Busy, IllegalTransition, Unavailable


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/job-definition", "GET, POST /job-definitions"),
        ("/job-definitions/", "GET, POST /job-definitions"),
        ("/job/exec-0-1-aaaaaaaa/state", "GET /jobs/{executionId}/state"),
        ("/jobs/exec-0-1-aaaaaaaa/states", "GET /jobs/{executionId}/state"),
        ("/jobs/exec-0-1-aaaaaaaa", "GET /jobs/{executionId}/logs"),
        ("/system//state", "GET /system/state"),
        ("/jobs//state", "GET /jobs/{executionId}/state"),
        ("/jobs/" + "x" * 5_000 + "/stat", "GET /jobs/{executionId}/state"),
        ("/Health", "GET /health"),
        ("/system", "GET /system/state"),
        ("/jobs/a%2Fb/state", "GET /jobs/{executionId}/state"),
    ],
)
def test_an_unknown_path_is_told_the_nearest_known_one(api: Client, path: str, meant: str) -> None:
    status, text = api.raw(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert status == 404
    assert "application/problem+json" in text
    assert f"did you mean {meant}" in text


@pytest.mark.parametrize("path", ["/favicon.ico", "/xyzzy/" + "x" * 5_000, "/%F0%9F%99%82", "/%ff%fe", "/..%2f..%2fetc%2fpasswd"])
def test_a_path_like_none_is_told_where_to_look(api: Client, path: str) -> None:
    found = problem(api.get(path), 404, "GET / lists")
    assert "did you mean" not in found["detail"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/job-definitions", "GET, HEAD, OPTIONS, POST"),
        ("GET", "/jobs/hello/execute", "OPTIONS, POST"),
        ("POST", "/jobs/x/state", "GET, HEAD, OPTIONS"),
        ("PUT", "/jobs/x/cancel", "OPTIONS, POST"),
        ("POST", "/system/state", "GET, HEAD, OPTIONS"),
        ("PATCH", "/health", "GET, HEAD, OPTIONS"),
        ("TRACE", "/", "GET, HEAD, OPTIONS"),
        ("NONSENSE", "/", "GET, HEAD, OPTIONS"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(api: Client, method: str, path: str, allowed: str) -> None:
    answer = requests.request(method, api.url + path, timeout=30)
    problem(answer, 405, path, method)
    assert answer.headers["Allow"] == allowed


def test_an_unknown_id_is_told_the_nearest_one_there_is(api: Client) -> None:
    api.register(job(task("a"), id="order-export", schedules=[{"id": "nightly-export", "cron": "0 2 * * *"}]))
    problem(api.post("/jobs/ordr-export/execute"), 404, "no job definition has the id 'ordr-export'; did you mean 'order-export'?")
    problem(api.get("/job-definitions/orderexport"), 404, "did you mean 'order-export'?")
    problem(api.get("/schedules/nigthly-export"), 404, "no schedule has the id 'nigthly-export'; did you mean 'nightly-export'?")
    problem(api.post("/schedules", {"job": "order-exprt", "cron": "0 2 * * *"}), 404, "did you mean 'order-export'?")
    assert "did you mean" not in problem(api.get("/job-definitions/zzz"), 404)["detail"]
    api.delete("/job-definitions/order-export")


def test_the_title_says_whether_it_is_about_the_body(api: Client) -> None:
    assert problem(api.get("/executions?status=BOGUS"), 422)["title"] == "A query parameter or a header is not what is asked for"
    assert problem(api.post("/job-definitions", {}), 422)["title"] == "What was sent is JSON, but not what is asked for"


def test_options_names_the_methods(api: Client) -> None:
    answer = requests.options(api.url + "/health", timeout=30)
    assert (answer.status_code, answer.text) == (200, "")
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


@pytest.mark.parametrize(
    ("error", "status", "retry"),
    [
        (Busy("too many"), 429, True),
        (Unavailable("not now"), 503, True),
        (StoreUnavailable("/secret/Data.fs: disk full"), 503, True),
        (CorruptRecord("/secret/Data.fs: bad checksum"), 500, False),
        (IllegalTransition("secret"), 500, False),
        (ZeroDivisionError("secret"), 500, False),
        (RecursionError("secret"), 500, False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_what_goes_wrong_inside(serve: Serve, caplog: pytest.LogCaptureFixture, error: Exception, status: int, retry: bool) -> None:
    with serve() as (api, app):
        break_views(app, error)
        with caplog.at_level(logging.ERROR, "workflows.api.problems"):
            answer = api.get("/jobs/x/state")
        assert problem(answer, status)["instance"] == "/jobs/x/state"
        assert ("Retry-After" in answer.headers) is retry
        assert "secret" not in answer.text
        assert "Traceback" not in answer.text
        assert ("secret" in caplog.text) == (not isinstance(error, Busy | Unavailable))
        assert api.get("/health").status_code == 200


def break_views(app: Flask, error: Exception) -> None:
    def broken(**_: str) -> NoReturn:
        raise error

    app.view_functions["executions.state"] = broken


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        ("GARBAGE\r\n\r\n", 400),
        ("GET /health HTTP/9.9\r\n\r\n", 400),
        ("GET /health HTTP/1.1\r\nHost: localhost\r\nno colon\r\n\r\n", 400),
        (f"GET /health HTTP/1.1\r\nHost: localhost\r\nX: {'x' * 20_000}\r\n\r\n", 431),
        (f"GET /{'x' * 20_000} HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
    ],
)
def test_what_the_server_in_front_refuses_is_a_problem_too(gunicorn: Client, request_text: str, status: int) -> None:
    answered, text = gunicorn.raw(request_text)
    head, _, body = text.partition("\r\n\r\n")
    assert answered == status
    assert "content-type: application/problem+json" in head.lower()
    assert ProblemSchema().loads(body)["status"] == status


def test_a_full_inbox_is_busy(serve: Serve) -> None:
    with serve() as (api, app):
        inbox = app.extensions["stepwell"]._engine.inbox
        taken = 0
        while inbox._room.acquire(blocking=False):
            taken += 1
        answer = api.post("/jobs/hello/execute", {})
        problem(answer, 429, "try again")
        assert int(answer.headers["Retry-After"]) > 0
        inbox._room.release(taken)
        assert api.post("/jobs/hello/execute", {}).status_code == 202


def test_a_store_that_is_gone(serve: Serve) -> None:
    with serve() as (api, app):
        app.extensions["stepwell"]._store.close()
        answer = api.get("/system/state")
        problem(answer, 503, "store")
        assert "Retry-After" in answer.headers
