"""The client asks a real server everything that there is to ask: each endpoint of the REST face, through a method of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from werkzeug.routing import Map, Rule

from tests.cli.servers import JOBS, ended, until
from workflows.api.rest import KINDS
from workflows.client import Client, ClientError, Filter

RULES = Map([Rule(endpoint.rule, endpoint=endpoint.name, methods=[endpoint.method]) for kind in KINDS for endpoint in kind.endpoints])
ENDPOINTS = {endpoint.name for kind in KINDS for endpoint in kind.endpoints}


CHANGE_NOTHING = {"preview_schedule"}
"""Endpoints that are no GET and yet only look."""

CHANGES = {endpoint.name for kind in KINDS for endpoint in kind.endpoints if endpoint.method != "GET"} - CHANGE_NOTHING


class Reached:
    """The endpoints that requests are sent to, whoever sends them, and the X-Request-ID of each answer."""

    def __init__(self) -> None:
        self.answers: dict[str, set[str]] = {}

    def note(self, name: str, answer: requests.Response) -> None:
        self.answers.setdefault(name, set()).add(answer.headers["X-Request-ID"])


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> Reached:
    found = Reached()
    send: Callable[..., requests.Response] = requests.Session.request
    known = RULES.bind("127.0.0.1")

    def noting(session: requests.Session, method: str, url: str, **more: Any) -> requests.Response:
        answer = send(session, method, url, **more)
        found.note(known.match(urlsplit(url).path, method)[0], answer)
        return answer

    monkeypatch.setattr(requests.Session, "request", noting)
    return found


def test_every_endpoint_has_its_method_and_every_change_is_in_the_audit_log(shared: str, reached: Reached) -> None:
    client = Client(shared)
    definitions(client)
    executions(client)
    control(client)
    bulk(client)
    schedules(client)
    alerts(client)
    calendars(client)
    hooks(client)
    access(client)
    assert client.health()["status"] == "ok"
    assert "stepwell_degraded 0.0\n" in client.metrics()
    assert client.system_state()["version"] == client.index()["version"]
    assert client.openapi()["openapi"] == "3.1.0"
    live(client)
    assert set(reached.answers) == ENDPOINTS
    told = {record["requestId"] for record in client.audit()}
    assert {name for name in ENDPOINTS if reached.answers[name] & told} == CHANGES
    client.close()


def live(client: Client) -> None:
    stream = client.stream(job="good", types="end,execution")
    begun = next(stream)
    assert (begun.name, begun.data) == ("", "")
    execution_id = client.start("good", wait=30).id
    assert json.loads(next(event for event in stream if event.name == "message").data)["id"] == execution_id
    stream.close()
    again = client.stream(job="good", types="end", last_event_id=begun.id)
    assert json.loads(next(event for event in again if event.name == "message").data)["status"] == "COMPLETED"
    again.close()


def definitions(client: Client) -> None:
    name = "life.of-a_definition"
    document = {"id": name, "tasks": [{"id": "a", "functionName": "echo"}]}
    assert client.register(document)["revision"] == 1
    assert client.register({**document, "name": "Another"})["revision"] == 2
    assert name in [one["id"] for one in client.definitions()]
    assert [one["revision"] for one in client.revisions(name)] == [2, 1]
    assert client.definition(name)["revision"] == 2
    assert client.definition(name, 1)["document"] == document
    client.delete_revision(name, 1)
    client.delete_definition(name)
    with pytest.raises(ClientError, match="no job definition has the id") as raised:
        client.definition(name)
    assert raised.value.status == 404
    assert "echo" in client.schema()["$defs"]["functionName"]["anyOf"][0]["enum"]


def schedules(client: Client) -> None:
    made = client.add_schedule("good", {"id": "life-yearly", "cron": "@yearly"})
    assert (made["id"], made["job"], made["active"]) == ("life-yearly", "good", True)
    assert [one["id"] for one in client.schedules("good")] == ["life-yearly"]
    assert client.toggle_schedule("life-yearly", False)["active"] is False
    client.change_schedule("life-yearly", {"cron": "*/30 * * * *", "active": False})
    assert client.schedule("life-yearly")["job"] == "good"
    assert len(client.coming("life-yearly", 3)) == 3
    assert list(client.occurrences("life-yearly")) == []
    assert len(client.preview_schedule({"cron": "@hourly"}, 4)) == 4
    backfill(client, "life-yearly")
    client.delete_schedule("life-yearly")
    with pytest.raises(ClientError, match="life-yearly"):
        client.schedule("life-yearly")


def backfill(client: Client, schedule: str) -> None:
    window = ("2025-01-01T00:00:00", "2025-01-01T01:00:00")
    assert client.preview_backfill(schedule, *window)["missing"] == 3
    begun = client.start_backfill(schedule, *window, concurrency=3)
    until(lambda: client.backfill(schedule, begun["id"])["status"] == "completed", what="the end of the backfill")
    assert [one["started"] for one in client.backfills(schedule)] == [3]
    with pytest.raises(ClientError, match="has ended"):
        client.cancel_backfill(schedule, begun["id"])
    client.add_schedule("slow", {"id": "life-slow", "cron": "@hourly", "active": False, "input": {"seconds": 60}})
    assert client.cancel_backfill("life-slow", client.start_backfill("life-slow", *window)["id"])["status"] == "cancelled"
    client.delete_schedule("life-slow")


def alerts(client: Client) -> None:
    client.register({"id": "life-hear", "onAlert": {}, "tasks": [{"id": "a", "functionName": "echo"}]})
    for raised in (client.test_alert(), client.test_alert("life-hear")):
        assert raised["executions"] == [{"job": "life-hear", "executionId": f"alert.{raised['id']}.life-hear", "reason": None}]
    assert next(client.alerts("test", page=1))["id"] == raised["id"]
    assert list(client.alerts("late")) == []
    client.register({"id": "life-hear", "tasks": [{"id": "a", "functionName": "echo"}]})
    assert client.test_alert()["executions"] == []


def calendars(client: Client) -> None:
    days = [{"from": "2026-12-24", "to": "2026-12-26", "name": "Christmas"}, {"from": "2027-01-01"}]
    made = client.set_calendar("life-days", {"dates": days})
    assert made["dates"] == [days[0], {"from": "2027-01-01", "to": "2027-01-01", "name": None}]
    assert "life-days" in [one["name"] for one in client.calendars()]
    assert client.calendar("life-days") == made
    assert client.delete_calendar("life-days")["name"] == "life-days"
    with pytest.raises(ClientError, match="no calendar has the name"):
        client.calendar("life-days")


def hooks(client: Client) -> None:
    hook = {"name": "life-hook", "secret": {"$secret": "LIFE"}}
    client.register({"id": "life-hooked", "tasks": [{"id": "a", "functionName": "echo"}], "hooks": [hook]})
    assert {"name": "life-hook", "job": "life-hooked", "signature": "standard"} in list(client.hooks())
    first = client.send_hook("life-hook", {"n": 1}, "whsec_bGlmZQ==", "msg_1")
    assert first == {"executionID": "hook.life-hook.msg_1", "repeated": False}
    assert client.send_hook("life-hook", '{"n": 1}', "whsec_bGlmZQ==", "msg_1")["repeated"] is True
    assert client.send_hook("life-hook", {}, "whsec_bGlmZQ==")["executionID"].startswith("hook.life-hook.msg_")
    with pytest.raises(ClientError, match="sign it by Standard Webhooks") as raised:
        client.send_hook("life-hook", {}, "whsec_b3RoZXI=")
    assert raised.value.status == 401


def executions(client: Client) -> None:
    started = client.start("good", '{"n": 1.00}', execution_id="life-1", labels={"team": "a:b"}, revision=1, priority=3, wait=30)
    assert started.state is not None
    assert (started.id, started.repeated, started.state["output"]) == ("life-1", False, {"say": {"n": 1.0}})
    again = client.start("good", '{"n": 1.00}', execution_id="life-1", labels={"team": "a:b"}, revision=1, priority=3)
    assert (again.id, again.repeated) == ("life-1", True)
    first, second = (client.start("good", idempotency_key="life") for _ in range(2))
    assert (first.id, first.repeated, second.repeated) == (second.id, False, True)
    assert client.execute("good") != client.execute("good")
    with pytest.raises(ClientError, match="life-1"):
        client.start("good", {"n": 2}, execution_id="life-1")
    hour = timedelta(hours=1)
    wanted = Filter("good", "COMPLETED", datetime.now(UTC) - hour, datetime.now(UTC) + hour, {"team": "a:b"}, "1.00", paused=False)
    assert [one["id"] for one in client.executions(wanted)] == ["life-1"]
    assert len(list(client.executions(page=1))) == len(list(client.executions()))
    events = [event["type"] for event in client.history("life-1")]
    assert events[0] == "ExecutionStarted"
    assert events[::-1] == [event["type"] for event in client.history("life-1", reverse=True)]
    assert list(client.logs("life-1", task="say", attempt=1)) == []


def control(client: Client) -> None:
    client.register({"id": "one-by-one", "maxActiveRuns": 1, "tasks": JOBS[2]["tasks"]})
    running, queued = client.execute("one-by-one", {"seconds": 60}), client.execute("one-by-one", {"seconds": 60})
    until(lambda: client.state(running)["status"] == "RUNNING")
    assert client.set_priority(queued, -7) == {"id": queued, "priority": -7}
    assert client.pause(queued)["status"] == client.resume(queued)["status"] == "QUEUED"
    assert client.cancel(running)["status"] == "CANCELLED"
    assert client.cancel(running)["status"] == "CANCELLED"
    until(lambda: client.state(queued)["status"] == "RUNNING")
    client.cancel(queued)
    client.redrive(queued, revision=1, payload='{"seconds": 0.0}')
    assert ended(client, queued)["status"] == "COMPLETED"
    with pytest.raises(ClientError) as raised:
        client.redrive(queued)
    assert raised.value.status == 409


def bulk(client: Client) -> None:
    client.register({"id": "in-bulk", "labels": {"life": "bulk"}, "tasks": JOBS[2]["tasks"]})
    ids = [client.execute("in-bulk", {"seconds": 60}) for _ in range(3)]
    wanted = Filter(labels={"life": "bulk"})
    assert client.bulk("pause", wanted, preview=True) == {"matched": 3, "executions": ids[::-1], "left": 0, "done": 0, "refused": []}
    assert client.bulk("pause", wanted)["done"] == 3
    assert client.bulk("resume", Filter(job="in-bulk", paused=True))["done"] == 3
    assert client.bulk("cancel", wanted)["done"] == 3
    assert client.bulk("redrive", Filter(job="in-bulk", status="CANCELLED"))["done"] == 3
    assert client.bulk("cancel", wanted)["done"] == 3


def access(client: Client) -> None:
    made = client.add_key("build server", "viewer")
    viewer = Client(client.url, api_key=made["key"])
    assert viewer.health()["status"] == "ok"
    with pytest.raises(ClientError, match="this needs the role admin") as raised:
        list(viewer.audit())
    assert raised.value.status == 403
    client.revoke_key(made["id"])
    assert [one["revokeTime"] is not None for one in client.api_keys() if one["id"] == made["id"]] == [True]
    with pytest.raises(ClientError) as raised:
        viewer.index()
    assert raised.value.status == 401
    records = client.audit(since=datetime.now(UTC) - timedelta(hours=1), who="loopback", page=2)
    assert [next(records)["action"], next(records)["action"], next(records)["target"] is not None] == ["revoke key", "add key", True]
    viewer.close()
