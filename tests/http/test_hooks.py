"""Hooks on a real server: signed requests start jobs, each event once, and whoever cannot sign starts nothing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from standardwebhooks.webhooks import Webhook

from tests.http.client import Client, Loaded, job, loaded, pages, problem, task
from tests.http.conftest import Serve
from tests.http.test_access import KEYS, SETTINGS, bearer
from workflows.api.schemas.audit import AuditSchema
from workflows.api.schemas.hooks import HooksSchema, ReceivedSchema
from workflows.roles import Role
from workflows.service.hooks import Seldom

SECRET, OTHER = ("whsec_" + base64.b64encode(text).decode() for text in (b"the secret of the hook", b"another secret"))
GITHUB = "It's a Secret to Everybody"
JSON = {"Content-Type": "application/json"}
REFERENCE = {"$secret": "HOOK"}

NUMBERED = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPWELL_SECRET_HOOK", SECRET)
    monkeypatch.setenv("STEPWELL_SECRET_OTHER", OTHER)
    monkeypatch.setenv("STEPWELL_SECRET_GITHUB", GITHUB)


def hooked(api: Client, *, secret: Any = None, **more: Any) -> str:
    """The name of the hook of a new job, which is the job's as well."""
    definition = job(task("a", parameters={"given.$": "$.input"}))
    parts = {key: more.pop(key) for key in ("inputSchema", "labels") if key in more}
    hook = {"name": definition["id"], "secret": secret or REFERENCE, **more}
    return api.register({**definition, **parts, "hooks": [hook]})


def signed(id: str, body: bytes, *secrets: str, at: float | None = None) -> dict[str, str]:
    """The headers of a request signed by Standard Webhooks, by its own library."""
    now = int(time.time() if at is None else at)
    parts = [base64.b64decode(secret.removeprefix("whsec_")) for secret in secrets or (SECRET,)]
    content = f"{id}.{now}.".encode() + body
    values = [base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode() for key in parts]
    headers = {"webhook-id": id, "webhook-timestamp": str(now), "webhook-signature": " ".join(f"v1,{value}" for value in values)}
    if at is None and not secrets:
        Webhook(SECRET).verify(body, headers, json_parse=False)
    return JSON | headers


def send(api: Client, name: str, id: str, body: Any = None, *secrets: str, **more: Any) -> requests.Response:
    raw = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
    return api.post(f"/hooks/{name}", raw, signed(id, raw, *secrets, **more))


def received(answer: requests.Response) -> tuple[str, bool]:
    found = loaded(answer, ReceivedSchema(), 202)
    return found["id"], found["repeated"]


def started(api: Client, name: str) -> list[Loaded]:
    return list(api.get(f"/executions?job={name}").json()["executions"])


# ---------------------------------------------------------------------------------------------------------------- one event


def test_a_signed_event_starts_the_job_and_is_its_input(api: Client) -> None:
    name = hooked(api, labels={"team": "shop"})
    id, repeated = received(send(api, name, "msg_1", b'{"n": 1.00}'))
    assert (id, repeated) == (f"hook.{name}.msg_1", False)
    assert api.ended(id)["status"].value == "COMPLETED"
    assert '"input":{"n": 1.00}' in api.get(f"/jobs/{id}/state").text, "the text is as it was sent"
    [one] = started(api, name)
    assert one["labels"] == {"team": "shop", "stepwell.hook": name, "stepwell.hookId": "msg_1"}
    record = loaded(api.get("/audit?limit=1"), AuditSchema())["items"][0]
    assert (record["who"], record["name"], record["action"], record["target"]) == ("hook", name, "execute", id)
    assert record["address"] == "127.0.0.1"
    assert record["request"]


def test_an_event_that_is_sent_again_finds_what_it_started(api: Client) -> None:
    name = hooked(api, inputSchema=NUMBERED)
    first = received(send(api, name, "msg_1", {"n": 1}))
    assert received(send(api, name, "msg_1", {"n": 1})) == (first[0], True)
    assert received(send(api, name, "msg_1", {"n": 2})) == (first[0], True)
    assert received(send(api, name, "msg_1", {"no": "n"})) == (first[0], True), "what it says then is not looked at"
    again = {**job(task("b")), "id": name, "hooks": [{"name": name, "secret": REFERENCE}]}
    api.register(again)
    assert received(send(api, name, "msg_1")) == (first[0], True), "nor by which revision"
    assert received(send(api, name, "msg_2")) == (f"hook.{name}.msg_2", False)
    assert len(started(api, name)) == 2


def test_a_hook_that_has_moved_to_another_job_knows_its_events(api: Client) -> None:
    name = hooked(api)
    first = received(send(api, name, "msg_1"))
    api.ended(first[0])
    api.register({**job(task("a")), "id": name})
    other = job(task("a"))
    api.register({**other, "hooks": [{"name": name, "secret": REFERENCE}]})
    assert received(send(api, name, "msg_1")) == (first[0], True)
    assert received(send(api, name, "msg_2")) == (f"hook.{name}.msg_2", False)
    assert started(api, other["id"])[0]["id"] == f"hook.{name}.msg_2"


def test_what_is_no_id_of_an_execution_becomes_one(api: Client) -> None:
    name = hooked(api)
    odd = ("msg/1", "msg 1", "m" * 200, "msg/1")
    found = [received(send(api, name, id)) for id in odd]
    assert [repeated for _, repeated in found] == [False, False, False, True]
    assert len({id for id, _ in found}) == 3
    assert api.ended(found[0][0])["labels"]["stepwell.hookId"] == "msg/1"


def test_two_equal_events_at_once_start_one_execution(api: Client) -> None:
    name = hooked(api)
    rounds, each = 8, 4
    answers: list[list[tuple[str, bool]]] = [[] for _ in range(rounds)]
    barrier = threading.Barrier(each)

    def sender(number: int) -> None:
        for round, found in enumerate(answers):
            raw = json.dumps({"from": number}).encode()
            headers = signed(f"msg_{round}", raw)
            barrier.wait(30)
            found.append(received(api.post(f"/hooks/{name}", raw, headers)))

    threads = [threading.Thread(target=sender, args=(number,)) for number in range(each)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for round, found in enumerate(answers):
        assert sorted(found) == [(f"hook.{name}.msg_{round}", False)] + [(f"hook.{name}.msg_{round}", True)] * (each - 1)
    assert len(started(api, name)) == rounds


def test_an_id_that_somebody_else_has_taken_is_a_conflict(api: Client) -> None:
    name = hooked(api)
    assert api.post(f"/jobs/{name}/execute?executionId=hook.{name}.msg_1", {}).status_code == 202
    problem(send(api, name, "msg_1"), 409, f"hook.{name}.msg_1")


# --------------------------------------------------------------------------------------------------------------- signatures


def test_who_cannot_sign_starts_nothing_and_learns_nothing(api: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "workflows.service.hooks")
    name, body = hooked(api), b'{"n": 1}'
    good = signed("msg_1", body)
    wrong = [
        JSON,
        {**good, "webhook-id": "msg_2"},
        {**good, "webhook-timestamp": str(int(good["webhook-timestamp"]) - 1)},
        {**good, "webhook-signature": "v1,AAAA"},
        {name: value for name, value in good.items() if name != "webhook-signature"},
        signed("msg_1", b'{"n": 2}'),
        signed("msg_1", body, OTHER),
        signed("msg_1", body, at=time.time() - 400),
        signed("msg_1", body, at=time.time() + 400),
        JSON | bearer(SECRET),
    ]
    answers = [api.post(f"/hooks/{name}", body, headers) for headers in wrong]
    details = {
        problem(answer, 401, "Standard Webhooks", "webhook-id", "webhook-timestamp", "webhook-signature")["detail"] for answer in answers
    }
    assert len(details) == 1, "whatever is wrong, the answer is the same"
    for answer in answers:
        assert answer.json()["type"] == "urn:stepwell:problem:unsigned"
        assert answer.headers["WWW-Authenticate"] == 'Signature realm="stepwell", headers="webhook-id webhook-timestamp webhook-signature"'
    assert started(api, name) == []
    assert "differs from the server's clock by" in caplog.text
    assert "fits none of the hook's secrets" in caplog.text
    assert "without webhook-signature" in caplog.text
    assert SECRET not in caplog.text
    assert [one.levelname for one in caplog.records if repr(name) in one.getMessage()] == ["WARNING"] + ["DEBUG"] * (len(wrong) - 1)
    assert received(api.post(f"/hooks/{name}", body, good)) == (f"hook.{name}.msg_1", False)


def test_what_strangers_send_is_said_once_a_minute_for_each_hook_and_shortly(caplog: pytest.LogCaptureFixture) -> None:
    moment = [1_000.0]
    seldom = Seldom(lambda: moment[0])
    for _ in range(1_235):
        seldom.tell("push", "no signature")
    seldom.tell("shop", "x" * 100_000)
    assert caplog.messages == ["no signature", "x" * 500]
    moment[0] += 60
    for _ in range(2):
        seldom.tell("push", "a wrong one")
        seldom.tell("shop", "none")
    assert caplog.messages[2:] == ["a wrong one (1,234 more like it since the last line)", "none"]
    moment[0] -= 1_000
    seldom.tell("push", "the clock was set back")
    assert caplog.messages[-1] == "the clock was set back (1 more like it since the last line)"


def test_a_secret_is_changed_without_losing_an_event(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    name = hooked(api, secret=[REFERENCE, {"$secret": "OTHER"}])
    for id, secrets in (("old", [SECRET]), ("new", [OTHER]), ("both", [OTHER, SECRET])):
        assert received(send(api, name, id, None, *secrets))[1] is False
    monkeypatch.delenv("STEPWELL_SECRET_HOOK")
    assert received(send(api, name, "gone", None, OTHER))[1] is False
    problem(send(api, name, "gone", None, SECRET), 401)


@pytest.mark.parametrize("value", [None, "", "whsec_", "no base64!"])
def test_a_secret_that_is_not_there_lets_nobody_in(
    api: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, value: str | None
) -> None:
    if value is None:
        monkeypatch.delenv("STEPWELL_SECRET_HOOK")
    else:
        monkeypatch.setenv("STEPWELL_SECRET_HOOK", value)
    name = hooked(api)
    raw, now = b"{}", int(time.time())
    empty = base64.b64encode(hmac.new(b"", f"msg_1.{now}.".encode() + raw, hashlib.sha256).digest()).decode()
    forged = JSON | {"webhook-id": "msg_1", "webhook-timestamp": str(now), "webhook-signature": f"v1,{empty}"}
    for headers in (JSON, forged, signed("msg_1", raw, OTHER)):
        problem(api.post(f"/hooks/{name}", raw, headers), 503, name, "log")
    assert caplog.text.count("the secret HOOK of the hook") == 1
    monkeypatch.setenv("STEPWELL_SECRET_HOOK", SECRET)
    assert received(send(api, name, "msg_1"))[1] is False


def test_as_github_signs(api: Client) -> None:
    template = {"event.$": "$.headers['x-github-event']", "commit.$": "$.body.after", "id.$": "$.id", "all.$": "$.headers"}
    name = hooked(api, secret={"$secret": "GITHUB"}, signature="github", input=template)
    body = b'{"after": "6dcb09b5"}'
    mac = hmac.new(GITHUB.encode(), body, hashlib.sha256).hexdigest()
    headers = JSON | {"X-Hub-Signature-256": f"sha256={mac}", "X-GitHub-Delivery": "72d3162e-cc78", "X-GitHub-Event": "push"}
    id, _ = received(api.post(f"/hooks/{name}", body, headers | {"Cookie": "session=1", "Authorization": "Basic eDp5"}))
    given = api.ended(id)["input"]
    assert (id, given["event"], given["commit"], given["id"]) == (f"hook.{name}.72d3162e-cc78", "push", "6dcb09b5", "72d3162e-cc78")
    assert {"cookie", "authorization", "x-hub-signature-256"}.isdisjoint(given["all"])
    assert given["all"]["content-type"] == "application/json"
    for changed in ({"X-Hub-Signature-256": mac}, {"X-Hub-Signature-256": f"sha256={mac[:-1]}0"}, {"X-Hub-Signature-256": ""}):
        refused = api.post(f"/hooks/{name}", body, headers | changed)
        problem(refused, 401, "X-Hub-Signature-256: sha256={the HMAC-SHA256 of the body, in hex}")
        assert refused.headers["WWW-Authenticate"] == 'Signature realm="stepwell", headers="X-Hub-Signature-256"'


def test_a_signature_of_another_form(api: Client) -> None:
    name = hooked(api, signature={"header": "X-Shop-Hmac", "encoding": "base64"})
    body = b'["any", "JSON"]'
    mac = base64.b64encode(hmac.new(SECRET.encode(), body, hashlib.sha256).digest()).decode()
    problem(api.post(f"/hooks/{name}", body, JSON | {"X-Shop-Hmac": mac}), 422, "the input of a task list is a JSON object")
    body = b'{"order": 7}'
    mac = base64.b64encode(hmac.new(SECRET.encode(), body, hashlib.sha256).digest()).decode()
    first = received(api.post(f"/hooks/{name}", body, JSON | {"X-Shop-Hmac": mac}))
    assert first[1] is False
    assert received(api.post(f"/hooks/{name}", body, JSON | {"X-Shop-Hmac": mac})) == (first[0], True), "equal bodies are one event"


# --------------------------------------------------------------------------------------------------------- what is not taken


def test_what_is_no_event(api: Client) -> None:
    name = hooked(api, inputSchema=NUMBERED)
    problem(send(api, "nobody", "msg_1"), 404, "nobody")
    problem(send(api, name, "msg_1", b"{not json"), 400)
    problem(send(api, name, "msg_1", b""), 400)
    problem(send(api, name, "msg_1", {"n": "one"}), 422, "whole number")
    raw = b"payload=%7B%7D"
    form = signed("msg_1", raw) | {"Content-Type": "application/x-www-form-urlencoded"}
    problem(api.post(f"/hooks/{name}", raw, form), 415, "application/json")
    problem(api.post(f"/hooks/{name}?wait=1", b"{}", signed("msg_1", b"{}")), 422, "wait")
    assert started(api, name) == []
    assert received(send(api, name, "msg_1", {"n": 1}))[1] is False


def test_an_input_that_cannot_be_made_is_told(api: Client) -> None:
    name = hooked(api, input={"n.$": "$.body.n"})
    problem(send(api, name, "msg_1", {"m": 1}), 422, "the hook's input cannot be made of this", "$.body.n")
    id, repeated = received(send(api, name, "msg_1", {"n": 1}))
    assert (api.ended(id)["input"], repeated) == ({"n": 1}, False)


def test_bodies_are_bounded(serve: Serve) -> None:
    with serve(max_body_bytes=1_024) as (api, _):
        name = hooked(api)
        problem(send(api, name, "msg_1", {"long": "x" * 1_024}), 413, "1,024 bytes")
        assert received(send(api, name, "msg_1", {"long": "x" * 1_000}))[1] is False


# -------------------------------------------------------------------------------------------------------- keys, pages, hosts


def test_it_needs_no_key_and_looks_at_none(serve: Serve) -> None:
    with serve(**SETTINGS) as (api, _):
        definition = {**job(task("a")), "hooks": [{"name": "push", "secret": REFERENCE}]}
        admin = bearer(KEYS[Role.ADMIN])
        assert api.post("/job-definitions", definition, JSON | admin).status_code == 201
        for n, more in enumerate(
            ({}, bearer("nonsense"), bearer(KEYS[Role.VIEWER]), {"X-API-Key": "x"}, {"Origin": "https://example.com"})
        ):
            raw = b"{}"
            assert received(api.post("/hooks/push", raw, signed(f"msg_{n}", raw) | more)) == (f"hook.push.msg_{n}", False)
        problem(api.post("/hooks/push", b"{}", JSON | admin), 401, "sign it")
        problem(api.get("/hooks"), 401)
        assert api.get("/hooks", headers=bearer(KEYS[Role.VIEWER])).json()["hooks"][0]["name"] == "push"
        records = api.get("/audit?limit=5", headers=admin).json()["records"]
        assert {(one["who"], one["name"], one["address"]) for one in records} == {("hook", "push", "127.0.0.1")}


def test_on_loopback_the_host_is_looked_at(api: Client) -> None:
    name, raw = hooked(api), b"{}"
    problem(api.post(f"/hooks/{name}", raw, signed("msg_1", raw) | {"Host": "evil.example.com"}), 403, "evil.example.com")
    assert received(api.post(f"/hooks/{name}", raw, signed("msg_1", raw) | {"Origin": "https://example.com"}))[1] is False


# ------------------------------------------------------------------------------------------------------------ which there are


def names(api: Client) -> list[str]:
    return [one["name"] for page in pages(api, "/hooks", HooksSchema(), limit=2) for one in page]


@pytest.fixture
def alone(serve: Serve) -> Iterator[Client]:
    with serve() as (api, _):
        yield api


def test_hooks_come_and_go_with_their_definitions(alone: Client) -> None:
    def register(id: str, *hooks: str, signature: Any = "github") -> requests.Response:
        made = [{"name": name, "secret": {"$secret": "GITHUB"}, "signature": signature} for name in hooks]
        return alone.post("/job-definitions", {"id": id, "tasks": [task("a")], **({"hooks": made} if made else {})})

    assert register("one", "b", "a", "c").status_code == 201
    assert names(alone) == ["a", "b", "c"]
    clash = problem(register("two", "d", "b"), 422, "the job 'one' has a hook of the name 'b' already")
    assert clash["problems"][0]["pointer"] == "/hooks/1/name"
    assert names(alone) == ["a", "b", "c"], "what is refused leaves nothing"
    assert register("one", "a").status_code == 201
    assert register("two", "d", "b", signature={"header": "X-S"}).status_code == 201
    listed = [one for page in pages(alone, "/hooks", HooksSchema(), limit=10) for one in page]
    assert [(one["name"], one["job"], one["signature"]) for one in listed] == [
        ("a", "one", "github"),
        ("b", "two", "header"),
        ("d", "two", "header"),
    ]
    assert "GITHUB" not in alone.get("/hooks").text
    problem(send(alone, "c", "msg_1"), 404, "'c'")
    assert alone.delete("/job-definitions/two").status_code == 200
    assert names(alone) == ["a"]
    assert register("one").status_code == 201
    assert names(alone) == []
    problem(send(alone, "a", "msg_1"), 404, "'a'")
    assert register("two", "a").status_code == 201
    assert names(alone) == ["a"]
    problem(alone.get("/hooks?cursor=nonsense"), 422, "this is no cursor")


def test_hooks_outlive_a_restart_and_their_events_too(serve: Serve, tmp_path: Path) -> None:
    with serve() as (api, _):
        name = hooked(api)
        first = received(send(api, name, "msg_1"))
    with serve() as (api, _):
        assert received(send(api, name, "msg_1")) == (first[0], True)
        assert received(send(api, name, "msg_2"))[1] is False
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert SECRET.encode() not in stored
