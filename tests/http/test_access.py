"""Who may do what: every route with every role on a real server, what is open without a key, and what is said to who is turned away."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask, Response

from app import create_app
from tests.http.client import JSON, Client, job, problem, task
from tests.http.conftest import Serve, serve_in
from workflows.api.access import TABLE
from workflows.api.event_stream import EVENT_STREAM
from workflows.api.faces import KINDS
from workflows.api.rest.endpoints import Endpoint
from workflows.roles import Role
from workflows.setting import SettingsError
from workflows.settings import Settings

ENDPOINTS = [endpoint for kind in KINDS for endpoint in kind.endpoints]
KEYS = {role: f"{role.label}-0123456789" for role in Role}
SETTINGS: dict[str, Any] = {"require_keys": True, "api_keys": tuple(f"{role.label}:{key}" for role, key in KEYS.items())}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A server that wants keys, and has one for each role."""
    with serve_in(tmp_path_factory.mktemp("guarded"), **SETTINGS) as (client, _):
        yield client


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def ask(api: Client, endpoint: Endpoint, headers: dict[str, str]) -> requests.Response:
    path = re.sub(r"<\w+>", "nobody", re.sub(r"<int:\w+>", "7", endpoint.rule))
    body = endpoint.body.example if endpoint.body else None
    with requests.request(
        endpoint.method, api.url + path, data=body, headers=JSON | headers, timeout=30, stream=endpoint.media == EVENT_STREAM
    ) as answer:
        if endpoint.media != EVENT_STREAM or answer.status_code != 200:
            answer.content  # noqa: B018  (read now; a stream has no end)
        return answer


# ------------------------------------------------------------------------------------------------------------------- the table


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_every_route_is_open_to_its_roles_and_to_nobody_else(guarded: Client, endpoint: Endpoint) -> None:
    for headers in ({}, bearer("sw_unknown_key"), bearer(""), {"X-API-Key": "nonsense"}):
        answer = ask(guarded, endpoint, headers)
        if endpoint.signed:
            problem(answer, 404, "nobody")
        elif endpoint.public and not headers:
            assert answer.status_code == 200
        else:
            problem(answer, 401, "key")
            assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="stepwell"')
    for role, key in KEYS.items():
        answer = ask(guarded, endpoint, bearer(key))
        if role < endpoint.needed_role and not endpoint.signed:
            problem(answer, 403, f"needs the role {endpoint.needed_role.label}", role.label)
        else:
            assert answer.status_code not in (401, 403, 500)
            answer.close()  # unread: a stream has no end


OPERATED = ("/toggle", "/backfill", "/cancel")
"""Ends of paths below what admins make."""


def test_viewers_look_operators_operate_admins_do_the_rest() -> None:
    assert [(one.method, one.rule) for one in ENDPOINTS if one.signed] == [("POST", "/hooks/<hook_name>")]
    roles = {(one.method, one.rule): None if one.public else one.needed_role for one in ENDPOINTS if not one.signed}
    assert [place for place, role in roles.items() if role is None] == [("GET", "/health"), ("GET", "/api/health")]
    for (method, rule), role in roles.items():
        made = rule.startswith(("/job-definitions", "/schedules", "/calendars")) and method != "GET" and not rule.endswith(OPERATED)
        admin = rule.startswith(("/keys", "/audit")) or made or (method, rule) == ("POST", "/dag")
        expected = Role.ADMIN if admin else Role.VIEWER if method == "GET" else Role.OPERATOR
        assert role in (expected, None), (method, rule)


def test_every_route_of_the_application_is_in_the_table() -> None:
    app = create_app(Settings(store="memory:"))
    routes = {(method, rule.rule) for rule in app.url_map.iter_rules() for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}}
    assert set(app.extensions[TABLE]) == routes


def test_a_route_that_is_not_in_the_table_is_open_to_nobody() -> None:
    for settings in (Settings(store="memory:"), Settings(store="memory:", **SETTINGS), Settings(store="memory:", insecure=True)):
        app = create_app(settings)
        app.extensions["stepwell"].service.keys.configure([(Role.ADMIN, KEYS[Role.ADMIN])])
        app.add_url_rule("/forgotten", view_func=lambda: Response("open"), methods=["GET", "POST"])
        for method in ("GET", "HEAD", "POST"):
            answer = app.test_client().open("/forgotten", method=method, headers=bearer(KEYS[Role.ADMIN]))
            assert answer.status_code == 403
            assert method == "HEAD" or b"nobody has been allowed" in answer.data


def test_head_and_options_need_what_the_route_needs_or_a_key(guarded: Client) -> None:
    def status(method: str, path: str, role: Role | None) -> int:
        headers = {} if role is None else bearer(KEYS[role])
        return requests.request(method, guarded.url + path, headers=headers, timeout=30).status_code

    assert [status("HEAD", "/audit", role) for role in (None, Role.VIEWER, Role.OPERATOR, Role.ADMIN)] == [401, 403, 403, 200]
    assert [status("HEAD", "/health", None), status("HEAD", "/system/state", Role.VIEWER)] == [200, 200]
    assert [status("OPTIONS", "/keys", role) for role in (None, Role.VIEWER)] == [401, 200]


def test_what_there_is_not_is_told_only_to_who_has_a_key(guarded: Client) -> None:
    for method, path, status in (("GET", "/nowhere", 404), ("DELETE", "/health", 405), ("GET", "/keys/", 404)):
        problem(requests.request(method, guarded.url + path, timeout=30), 401)
        problem(requests.request(method, guarded.url + path, headers=bearer(KEYS[Role.VIEWER]), timeout=30), status)


# ------------------------------------------------------------------------------------------------------------- how keys are sent


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {KEYS[Role.VIEWER]}"},
        {"Authorization": f"bearer   {KEYS[Role.VIEWER]} "},
        {"X-API-Key": KEYS[Role.VIEWER]},
        {"Authorization": "Basic dXNlcjpwYXNz", "X-API-Key": KEYS[Role.VIEWER]},
    ],
)
def test_a_key_may_be_sent_in_two_ways(guarded: Client, headers: dict[str, str]) -> None:
    assert guarded.get("/system/state", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "value", ["Basic dXNlcjpwYXNz", "Bearer", "Bearer sw_", "Bearer sw__", "Bearer sw_a_", "Bearer \xff", "sw_a_b", "Bearer a b"]
)
def test_nothing_else_is_a_key(guarded: Client, value: str) -> None:
    problem(guarded.get("/system/state", headers={"Authorization": value.encode("latin-1")}), 401)


def test_a_wrong_key_is_logged_without_it(guarded: Client, caplog: pytest.LogCaptureFixture) -> None:
    problem(guarded.get("/", headers=bearer("sw_0000000000_thisisnokey")), 401, "unknown", "revoked")
    assert "127.0.0.1 sent a key that is unknown" in caplog.text
    assert "thisisnokey" not in caplog.text


def test_health_tells_strangers_its_status_only(guarded: Client) -> None:
    assert guarded.get("/health").json() == {"status": "ok"}
    assert guarded.get("/health", headers=bearer(KEYS[Role.VIEWER])).json() == {"status": "ok", "troubles": []}


# --------------------------------------------------------------------------------------------------------- where none is needed


def test_on_loopback_it_just_works_and_who_sends_a_key_is_held_to_it(serve: Serve) -> None:
    with serve(api_keys=SETTINGS["api_keys"]) as (api, _):
        assert api.get("/audit").status_code == 200
        assert api.get("/health").json()["troubles"] == []
        problem(api.get("/audit", headers=bearer(KEYS[Role.OPERATOR])), 403, "admin", "operator")
        assert api.get("/audit", headers=bearer(KEYS[Role.ADMIN])).status_code == 200
        problem(api.get("/", headers=bearer("sw_mistyped_key")), 401)


def test_insecure_means_that_everybody_may_do_everything(serve: Serve) -> None:
    with serve(host="0.0.0.0", insecure=True) as (api, _):
        assert api.get("/keys", headers={"Host": "stepwell.example.com"}).status_code == 200
        api.register(job(task("a")))
        records = api.get("/audit?who=insecure").json()["records"]
        assert [record["action"] for record in records] == ["register"]


# ------------------------------------------------------------------------------------------------------------ pages and proxies


def test_with_keys_any_name_is_answered_to_but_not_any_page(guarded: Client) -> None:
    key = bearer(KEYS[Role.ADMIN])
    assert guarded.get("/", headers=key | {"Host": "stepwell.example.com"}).status_code == 200
    assert guarded.get("/", headers=key | {"Host": "stepwell.example.com", "Origin": "https://stepwell.example.com"}).status_code == 200
    problem(guarded.post("/jobs/hello/execute", headers=key | {"Origin": "https://example.com"}), 403, "web page")


# -------------------------------------------------------------------------------------------------------------- without any key


@pytest.mark.parametrize("settings", [{"require_keys": True}, {"host": "0.0.0.0"}, {"host": "::"}])
def test_a_server_that_needs_keys_and_has_none_does_not_start(serve: Serve, tmp_path: Path, settings: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="stepwell keys add --role admin"), serve(**settings):
        pass
    with serve() as (api, _):  # and leaves the store to others
        key = api.post("/keys", {"name": "first", "role": "admin"}).json()
    with serve(**settings) as (api, _):
        assert api.get("/keys", headers=bearer(key["key"])).status_code == 200
        api.url = api.url.replace("127.0.0.1", "localhost")
        assert requests.delete(f"{api.url}/keys/{key['id']}", headers=bearer(key["key"]), timeout=30).status_code == 200
    with pytest.raises(SettingsError), serve(**settings):
        pass


def test_the_file_of_keys(serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "keys"
    file.write_text(f"# mine\n\nviewer:{KEYS[Role.VIEWER]}\r\n  admin:with:colons-0123456789  \n")
    file.chmod(0o644)
    with serve(host="0.0.0.0", api_keys_file=file) as (api, _):
        assert api.get("/", headers=bearer(KEYS[Role.VIEWER])).status_code == 200
        assert api.get("/audit", headers=bearer("with:colons-0123456789")).status_code == 200
    assert "others on this machine can read" in caplog.text
    caplog.clear()
    file.chmod(0o600)
    with serve(host="0.0.0.0", api_keys_file=file):
        pass
    assert "can read" not in caplog.text
    for text in ("root:0123456789abcdef", "viewer:short", "viewer:has spaces in it here"):
        file.write_text(f"viewer:{KEYS[Role.VIEWER]}\n{text}\n")
        with pytest.raises(SettingsError, match="keys:2 is no key") as caught, serve(api_keys_file=file):
            pass
        assert text not in str(caught.value)
    with pytest.raises(SettingsError, match="cannot be read"), serve(api_keys_file=tmp_path / "missing"):
        pass


def test_whose_key_it_was_does_not_outlive_the_request() -> None:
    """One thread serves one client after the other."""
    app: Flask = create_app(Settings(store="memory:", **SETTINGS))
    server = app.extensions["stepwell"]
    server.start()
    client = app.test_client()
    for key in (KEYS[Role.ADMIN], KEYS[Role.OPERATOR]):
        assert client.post("/jobs/hello/execute", headers=bearer(key)).status_code == 202
    server.service.executions.start("hello", b"{}")
    found = client.get("/audit?limit=3", headers=bearer(KEYS[Role.ADMIN])).get_json()
    server.stop()
    assert [record["who"] for record in found["records"]] == ["server", "settings-2", "settings-3"]
