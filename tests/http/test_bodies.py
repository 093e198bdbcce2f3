"""Bodies on the wire: too long, cut off, in chunks. Served by gunicorn, because these are about what the server in front does."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
import requests

from tests.http.client import JSON, Client, job, loaded, problem, task
from workflows.api.schemas.executions import StartedSchema
from workflows.settings import Settings

MEBIBYTE = 1024 * 1024
LIMIT = Settings().max_body_bytes


def megabytes(count: int) -> Iterator[bytes]:
    yield b'{"a": "'
    for _ in range(count):
        yield b"x" * MEBIBYTE
    yield b'"}'


@pytest.fixture(params=["gunicorn", "werkzeug"])
def server(request: pytest.FixtureRequest) -> Client:
    client: Client = request.getfixturevalue("gunicorn" if request.param == "gunicorn" else "api")
    return client


@pytest.mark.parametrize("path", ["/jobs/hello/execute", "/job-definitions"])
def test_a_body_of_100_megabytes_is_refused_readably(server: Client, path: str) -> None:
    problem(server.post(path, b"x" * (100 * MEBIBYTE)), 413, f"{LIMIT:,} bytes")
    assert server.get("/health").status_code == 200


def test_a_body_of_100_megabytes_in_chunks_is_refused_readably(server: Client) -> None:
    problem(server.post("/jobs/hello/execute", megabytes(100)), 413, f"{LIMIT:,} bytes")
    assert server.get("/health").status_code == 200


def test_a_body_in_chunks_is_not_cut_down_to_what_would_be_taken(server: Client) -> None:
    """Its first bytes are JSON by themselves."""
    problem(server.post("/jobs/hello/execute", (piece for piece in [b"{}", *[b" " * MEBIBYTE] * 9])), 413)


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/nowhere", JSON, 404),
        ("/health", JSON, 405),
        ("/jobs/hello/execute", {"Content-Type": "text/plain"}, 415),
        ("/jobs/hello/execute", JSON | {"Origin": "https://example.com"}, 403),
        ("/jobs/nobody/cancel", JSON, 404),
    ],
)
def test_whatever_is_wrong_with_a_long_request_its_answer_arrives(server: Client, path: str, headers: dict[str, str], status: int) -> None:
    problem(server.post(path, b"x" * (20 * MEBIBYTE), headers=headers), status)
    problem(server.post(path, megabytes(20), headers=headers), status)


def test_the_limit_is_the_last_length_that_is_taken(server: Client) -> None:
    name = server.register(job(task("a", parameters={})))
    body = b'{"a": "' + b"x" * (LIMIT - 9) + b'"}'
    assert len(body) == LIMIT
    assert loaded(server.post(f"/jobs/{name}/execute", body), StartedSchema(), 202)
    problem(server.post(f"/jobs/{name}/execute", body + b" "), 413)


def test_a_body_in_chunks(server: Client) -> None:
    state = server.ended(server.execute(server.register(job(task("a"))), megabytes(1)))
    assert len(state["input"]["a"]) == MEBIBYTE


def test_a_connection_goes_on_after_each_answer(gunicorn: Client) -> None:
    """Refused bodies included: what was sent with them is not taken for the next request."""
    with requests.Session() as session:
        for _ in range(3):
            for body, headers, status in (
                (b"{}", JSON, 202),
                (b"{", JSON, 400),
                (b"x" * 3 * MEBIBYTE, {}, 415),
                (b"x" * 9 * MEBIBYTE, JSON, 413),
            ):
                answer = session.post(f"{gunicorn.url}/jobs/hello/execute", data=body, headers=headers, timeout=30)
                assert answer.status_code == status
            assert session.get(f"{gunicorn.url}/health", timeout=30).json()["status"] == "ok"


def test_a_body_that_is_cut_off_starts_nothing(gunicorn: Client) -> None:
    before = gunicorn.get("/system/state").json()
    head = "POST /jobs/hello/execute HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    for rest in (
        'Content-Length: 100\r\n\r\n{"a": 1}',
        "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
        "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ):
        with gunicorn.connect() as wire:
            wire.sendall((head + rest).encode())
            wire.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda wire=wire: wire.recv(65_536), b""))  # type: ignore[misc]
        assert answer == b"" or answer.startswith(b"HTTP/1.1 400"), answer
    after = gunicorn.get("/system/state").json()
    counts = ("activeCount", "queuedCount", "executedJobs", "failedJobs")
    assert sum(after[name] for name in counts) == sum(before[name] for name in counts)


def test_a_client_that_goes_away_in_the_middle_leaves_the_server_well(gunicorn: Client) -> None:
    for _ in range(20):
        with gunicorn.connect() as wire:
            wire.sendall(
                b"POST /job-definitions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 5000000\r\n\r\n{"
            )
    assert gunicorn.get("/health").json() == {"status": "ok", "troubles": []}


def test_an_announced_length_that_never_comes_does_not_block_others(gunicorn: Client) -> None:
    with gunicorn.connect() as wire:
        wire.sendall(
            b"POST /jobs/hello/execute HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 900000000\r\n\r\n{"
        )
        assert gunicorn.get("/health").status_code == 200
