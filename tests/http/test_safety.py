"""No web page drives the server: Host, Origin and Content-Type."""

from __future__ import annotations

import pytest

from tests.http.client import JSON, Client, problem
from tests.http.conftest import Serve


def ask(api: Client, *headers: str, request: str = "GET /health", body: str = "") -> tuple[int, str]:
    return api.raw("\r\n".join([f"{request} HTTP/1.1", *headers, f"Content-Length: {len(body)}", "", body]))


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "localhost:8080", "LOCALHOST", "localhost.", "127.0.0.1", "127.0.0.1:80", "127.8.9.1", "[::1]", "[::1]:8080"),
        *("sync-localhost", "sync-localhost:8080", "sync-127.0.0.1:8080"),
    ],
)
def test_names_of_this_machine_are_answered(api: Client, host: str) -> None:
    assert ask(api, f"Host: {host}")[0] == 200


@pytest.mark.parametrize(
    "host",
    [
        *("example.com", "example.com:8080", "localhost.example.com", "127.0.0.1.example.com", "evil@localhost", "localhost:x"),
        *("10.0.0.1", "[2001:db8::1]", "0.0.0.0", "sync-example.com", "localhost/", "local host", "xn--nxasmq6b", "ló", "[::1", ":80"),
    ],
)
def test_other_names_are_refused(api: Client, host: str) -> None:
    for request in ("GET /health", "POST /jobs/hello/execute", "GET /nowhere"):
        status, text = ask(api, f"Host: {host}", request=request)
        assert status == 403, text
        assert "--insecure" in text


def test_who_names_no_host_is_no_browser(api: Client) -> None:
    assert api.raw("GET /health HTTP/1.0\r\n\r\n")[0] == 200


def test_an_insecure_server_answers_to_any_name(serve: Serve) -> None:
    with serve(insecure=True) as (api, _):
        assert ask(api, "Host: stepwell.example.com")[0] == 200
        assert ask(api, "Host: stepwell.example.com", "Origin: https://stepwell.example.com")[0] == 200
        assert ask(api, "Host: stepwell.example.com", "Origin: https://example.com")[0] == 403


@pytest.mark.parametrize("origin", ["http://localhost:3000", "http://127.0.0.1:8080", "https://[::1]", "http://LOCALHOST"])
def test_pages_of_this_machine_are_welcome(api: Client, origin: str) -> None:
    assert ask(api, "Host: localhost", f"Origin: {origin}")[0] == 200


@pytest.mark.parametrize("origin", ["https://example.com", "null", "", "http://localhost.example.com", "http://evil@localhost", "file://"])
def test_other_pages_are_not(api: Client, origin: str) -> None:
    assert ask(api, "Host: localhost", f"Origin: {origin}")[0] == 403
    status, text = ask(api, "Host: localhost", f"Origin: {origin}", request="POST /jobs/hello/execute")
    assert status == 403
    assert "web page" in text


@pytest.mark.parametrize(
    "content_type",
    [
        *("application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8", 'application/json; charset="utf-8"'),
        *("application/problem+json", "application/vnd.x.y-z+json"),
    ],
)
def test_changes_are_taken_as_json(api: Client, content_type: str) -> None:
    assert api.post("/jobs/hello/execute", "{}", headers={"Content-Type": content_type}).status_code == 202


@pytest.mark.parametrize(
    "content_type",
    [
        *("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/json", "application/jsonp"),
        *("application/xml", "json", "*/*", "application/+json", "application/json, text/plain", "application/json; charset=latin-1"),
    ],
)
def test_changes_are_taken_as_nothing_else(api: Client, content_type: str) -> None:
    found = problem(api.post("/jobs/hello/execute", "{}", headers={"Content-Type": content_type}), 415)
    assert "JSON" in found["detail"]


def test_a_body_of_no_type_is_told_what_to_send(api: Client) -> None:
    problem(api.post("/jobs/hello/execute", b"{}", headers={}), 415, "Content-Type: application/json", "names no type")
    problem(api.post("/jobs/hello/execute", iter([b"{}"]), headers={}), 415, "Content-Type: application/json")


def test_a_compressed_body_is_refused(api: Client) -> None:
    problem(api.post("/jobs/hello/execute", "{}", headers=JSON | {"Content-Encoding": "gzip"}), 415, "gzip")


def test_no_body_needs_no_type(api: Client) -> None:
    assert api.post("/jobs/hello/execute", headers={}).status_code == 202


def test_an_unknown_path_is_not_about_types(api: Client) -> None:
    problem(api.post("/nowhere", "{}", headers={"Content-Type": "text/plain"}), 404)
    problem(api.post("/health", "{}", headers={"Content-Type": "text/plain"}), 405)


@pytest.mark.parametrize("host", ["a b", "[::1", "a\\b", "<script>", "a:b:c", "", "x" * 5_000, "\u00e9"])
def test_no_host_name_confuses_an_insecure_server(serve: Serve, host: str) -> None:
    with serve(insecure=True) as (api, _):
        assert ask(api, f"Host: {host}", request="GET /")[0] in (200, 400)
        assert ask(api, f"Host: {host}", "Origin: https://example.com")[0] in (400, 403)
