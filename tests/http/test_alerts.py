"""Alerts on a real server: a failure starts the jobs that hear it, tests reach whom they are meant for, and all of it is listed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.http.client import Client, eventually, job, loaded, pages, problem, task
from tests.http.conftest import Serve
from workflows.api.schemas.alerts import AlertSchema, AlertsSchema
from workflows.api.schemas.audit import AuditSchema

MACHINE = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}


def alerts(api: Client, **asked: Any) -> list[Any]:
    return [one for page in pages(api, "/alerts", AlertsSchema(), **asked) for one in page]


def of(api: Client, name: str) -> Any:
    """The alert about a job, once all have been told."""
    return eventually(lambda: next((one for one in alerts(api) if one["job"] == name and one["told"]), None), "the alert")


def test_a_failure_starts_the_jobs_of_either_dialect_that_hear_it(api: Client) -> None:
    faulty = api.register(job(task("a", "fail", parameters={"error": "Boom", "message": "no"})))
    wanted = {"kinds": ["failed"], "jobs": [faulty]}
    hear = [
        api.register(job(task("tell"), onAlert=wanted)),
        api.register({"id": "hearing-machine", "onAlert": wanted, "definition": MACHINE}),
    ]
    api.register(job(task("tell"), onAlert={"kinds": ["late"], "jobs": [faulty]}))
    execution = api.execute(faulty)
    alert = of(api, faulty)
    assert (alert["id"], alert["kind"]) == (f"failed.{execution}.0", "failed")
    told = [(one["job"], one["execution"], one["reason"]) for one in alert["tellings"]]
    assert told == [(name, f"alert.{alert['id']}.{name}", None) for name in sorted(hear)]
    for _, name, _ in told:
        state = api.ended(name)
        assert (state["status"].value, state["input"]) == ("COMPLETED", alert["event"])
        assert state["labels"]["stepwell.alert"] == alert["id"]
    assert alert["event"]["data"]["error"] == {"type": "Boom", "message": "no", "task": "a"}
    assert alert["event"]["data"]["execution"] == execution


def test_a_run_that_waits_too_long_is_missed_and_one_that_takes_too_long_late(serve: Serve) -> None:
    with serve(max_jobs=1) as (api, _):
        expected: dict[str, Any] = {"at": datetime.now(UTC).isoformat(), "startDateTime": "2020-01-01T00:00:00", "catchUp": "all"}
        expected |= {"expectStartWithinSeconds": 0.1, "expectEndWithinSeconds": 0.2}
        blocked = api.execute(api.register(job(task("a", "sleep", parameters={"seconds": 60}))))
        api.reaches(blocked, lambda state: state["status"].value == "RUNNING")
        name = api.register(job(task("a"), schedules=[expected]))
        found = eventually(lambda: known if len(known := [one for one in alerts(api) if one["job"] == name]) == 2 else None, "both")
        assert [one["kind"] for one in found] == ["late", "missed"]
        assert {one["event"]["subject"] for one in found} == {name}


def test_a_test_reaches_all_who_listen_or_one(serve: Serve) -> None:
    with serve(alert_queue_depth=1_000) as (api, _):
        assert loaded(api.post("/alerts/test"), AlertSchema())["tellings"] == []
        first, second = (api.register(job(task("tell"), onAlert=wanted)) for wanted in ({}, {"kinds": ["late"], "jobs": ["x"]}))
        deaf = api.register(job(task("a")))
        whole = loaded(api.post("/alerts/test", {}), AlertSchema())
        assert ([one["job"] for one in whole["tellings"]], whole["told"]) == (sorted([first, second]), True)
        one = loaded(api.post("/alerts/test", {"job": second}), AlertSchema())
        assert [telling["job"] for telling in one["tellings"]] == [second]
        state = api.ended(one["tellings"][0]["execution"])
        assert state["input"]["type"] == "stepwell.alert.test"
        assert one["id"] != whole["id"]
        problem(api.post("/alerts/test", {"job": deaf}), 409, deaf, "onAlert")
        problem(api.post("/alerts/test", {"job": "nobody"}), 404, "nobody")
        problem(api.post("/alerts/test", {"jobs": "nobody"}), 422, "unknown key", "job")
        [record] = loaded(api.get("/audit?limit=1"), AuditSchema())["items"]
        assert (record["who"], record["action"]) == ("alert", "execute")
    with serve() as (api, _):
        listed = alerts(api, limit=1)
        assert [alert["id"] for alert in listed][:2] == [one["id"], whole["id"]]
        assert alerts(api, limit=2) == listed
        api.register({**job(task("tell")), "id": first})
        assert api.delete(f"/job-definitions/{second}").ok
        assert loaded(api.post("/alerts/test"), AlertSchema())["tellings"] == []


def test_a_test_that_others_have_driven_out_of_the_log_is_answered_all_the_same(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflows.runtime.alerts.KEPT", 0)
    with serve() as (api, _):
        hear = api.register(job(task("tell"), onAlert={}))
        told = loaded(api.post("/alerts/test"), AlertSchema())
        assert alerts(api) == []
        assert ([one["job"] for one in told["tellings"]], told["told"]) == ([hear], True)
        assert api.ended(told["tellings"][0]["execution"])["input"] == told["event"]


def test_what_cannot_take_the_event_is_told_with_its_reason(api: Client) -> None:
    faulty = api.register(job(task("a", "fail")))
    schema = {"type": "object", "required": ["orderId"]}
    hear = api.register(job(task("tell"), onAlert={"jobs": [faulty]}, inputSchema=schema))
    api.execute(faulty)
    [telling] = of(api, faulty)["tellings"]
    assert telling["job"] == hear
    assert "orderId" in telling["reason"]
    problem(api.get(f"/jobs/{telling['execution']}/state"), 404)


def test_they_are_listed_by_kind_and_in_pages(serve: Serve) -> None:
    with serve() as (api, _):
        tests = [loaded(api.post("/alerts/test"), AlertSchema())["id"] for _ in range(5)]
        faulty = api.register(job(task("a", "fail")))
        api.execute(faulty)
        of(api, faulty)
        assert [one["id"] for one in alerts(api, kind="test", limit=2)] == tests[::-1]
        assert [one["job"] for one in alerts(api, kind="failed")] == [faulty]
        assert alerts(api, kind="queueDepth") == []
        problem(api.get("/alerts?kind=tests"), 422, "one of", "test")
        cursor = loaded(api.get("/alerts?limit=1"), AlertsSchema())["next"]
        problem(api.get(f"/alerts?kind=test&cursor={cursor}"), 422, "another question")


@pytest.mark.parametrize(
    ("wanted", "pointer", "words"),
    [
        ([], "/onAlert", "object"),
        ({"kind": "failed"}, "/onAlert/kind", "kinds"),
        ({"kinds": ["fail"]}, "/onAlert/kinds/0", "failed"),
        ({"kinds": ["test"]}, "/onAlert/kinds/0", "one of failed, missed, late, queueDepth"),
        ({"jobs": "nightly"}, "/onAlert/jobs", "list"),
    ],
)
def test_what_is_wrong_with_on_alert_is_told_with_its_place(api: Client, wanted: Any, pointer: str, words: str) -> None:
    for definition in (job(task("a"), onAlert=wanted), {"id": "machine", "onAlert": wanted, "definition": MACHINE}):
        found = problem(api.post("/job-definitions", definition), 422, words)
        assert pointer in json.dumps(found)
