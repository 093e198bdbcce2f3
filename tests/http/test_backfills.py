"""Backfills on a real server: a preview that changes nothing, each missing occurrence once, a few at a time, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.http.client import Client, eventually, job, loaded, pages, problem, task
from tests.http.conftest import Serve
from workflows.api.schemas.audit import AuditSchema
from workflows.api.schemas.backfills import BackfillPreviewSchema, BackfillSchema, BackfillsSchema
from workflows.api.schemas.schedules import OccurrencesSchema

WINDOW = {"from": "2025-03-29T00:00:00", "to": "2025-03-31T02:30:00"}
"""Three nights in Berlin, in one of which the clock skips 02:30."""


def nightly(api: Client, **more: Any) -> str:
    schedule = {"cron": "30 2 * * *", "timezone": "Europe/Berlin", "active": False, **more}
    return api.register(job(task("a"), schedules=[schedule]))


def ended(api: Client, id: str, backfill: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found = loaded(api.get(f"/schedules/{id}/backfills/{backfill}"), BackfillSchema())
        return found if found["status"] != "running" else None

    return eventually(look, "the end of the backfill")


def started(api: Client, id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(f"/executions?job={id}&limit=200").json()["executions"]
    return found


def test_a_preview_tells_what_would_start_and_changes_nothing(api: Client) -> None:
    id = nightly(api, blackout={"weekdays": ["MON"]})
    found = loaded(api.post(f"/schedules/{id}/backfill", {**WINDOW, "preview": True}), BackfillPreviewSchema())
    assert (found["occurrences"], found["missing"], found["found"], found["excluded"]) == (2, 2, 0, 1)
    assert [(one["local"], one["note"]) for one in found["shown"]] == [
        ("2025-03-29T02:30:00", None),
        ("2025-03-30T03:00:00", "the clock skips the time that is meant: it runs at 03:00:00 instead"),
    ]
    assert found["last"] == found["shown"][-1]["moment"]
    assert datetime.fromtimestamp(found["first"], UTC).isoformat() == "2025-03-28T23:00:00+00:00"
    assert loaded(api.get(f"/schedules/{id}/backfills"), BackfillsSchema())["backfills"] == []
    assert started(api, id) == []


def test_what_is_missing_is_started_once_although_the_schedule_is_off(api: Client) -> None:
    id = nightly(api)
    made = loaded(api.post(f"/schedules/{id}/backfill", WINDOW), BackfillSchema(), 202)
    assert (made["schedule"], made["concurrency"], made["total"]) == (id, 1, 3)
    done = ended(api, id, made["id"])
    assert (done["status"], done["started"], done["found"], done["left"], done["running"], done["failed"]) == ("completed", 3, 0, 0, 0, 0)
    assert done["ended"] >= made["created"]
    executions = started(api, id)
    assert [one["id"] for one in executions] == [f"{id}.20250331T003000Z", f"{id}.20250330T010000Z", f"{id}.20250329T013000Z"]
    assert {one["labels"]["stepwell.backfill"] for one in executions} == {made["id"]}
    ends = [one["endTime"] for one in executions]
    assert all(end <= begin["submitTime"] for end, begin in zip(ends[1:], executions, strict=False)), "one at a time"
    again = loaded(api.post(f"/schedules/{id}/backfill", {**WINDOW, "to": "2025-04-01T12:00:00+02:00"}), BackfillSchema(), 202)
    done = ended(api, id, again["id"])
    assert (done["started"], done["found"]) == (1, 3)
    records = [one for page in pages(api, f"/schedules/{id}/occurrences", OccurrencesSchema(), limit=2) for one in page]
    assert [(one["became"], one["reason"]) for one in records] == [("backfilled", again["id"]), *[("backfilled", made["id"])] * 3]
    listed = loaded(api.get(f"/schedules/{id}/backfills"), BackfillsSchema())["backfills"]
    assert [one["id"] for one in listed] == [again["id"], made["id"]]
    acts = loaded(api.get("/audit?limit=200"), AuditSchema())["items"]
    [act] = [one for one in acts if one["action"] == "backfill schedule" and one["details"]["backfill"] == made["id"]]
    assert act["details"] == {"backfill": made["id"], **WINDOW, "concurrency": 1, "missing": 3}
    problem(api.post(f"/schedules/{id}/backfills/{made['id']}/cancel"), 409, "has ended")


def test_days_of_calendars_are_left_out_as_they_were_when_it_began(api: Client) -> None:
    calendar = job(task("a"))["id"]
    assert api.put(f"/calendars/{calendar}", {"dates": [{"from": "2025-03-29", "name": "Moving day"}]}).ok
    blocked = {"blackout": {"calendars": [calendar], "weekdays": ["SUN"]}}
    id = api.register(job(task("a", "sleep", parameters={"seconds": 600}), schedules=[{"cron": "0 12 * * *", "active": False, **blocked}]))
    body = {**WINDOW, "to": "2025-04-02T12:00:00"}
    found = loaded(api.post(f"/schedules/{id}/backfill", {**body, "preview": True}), BackfillPreviewSchema())
    assert (found["missing"], found["excluded"]) == (3, 2)
    made = loaded(api.post(f"/schedules/{id}/backfill", body), BackfillSchema(), 202)
    eventually(lambda: True if started(api, id) else None, "an execution")
    assert api.put(f"/calendars/{calendar}", {"dates": [{"from": "2025-03-01", "to": "2025-04-30"}]}).ok

    def through() -> dict[str, Any] | None:
        for one in started(api, id):
            api.post(f"/jobs/{one['id']}/cancel")
        now = loaded(api.get(f"/schedules/{id}/backfills/{made['id']}"), BackfillSchema())
        return now if now["status"] != "running" else None

    done = eventually(through, "the end of the backfill")
    assert (done["status"], done["total"], done["started"], done["left"], done["failed"]) == ("completed", 3, 3, 0, 3)
    assert [one["id"][-17:-8] for one in started(api, id)] == [".20250402", ".20250401", ".20250331"]


def test_it_goes_on_after_a_restart_and_can_be_cancelled(serve: Serve) -> None:
    slow = job(task("a", "sleep", parameters={"seconds": 600}), schedules=[{"intervalSeconds": 60, "active": False}])
    body = {"from": "2025-01-01T00:00:00Z", "to": "2025-01-01T00:59:00Z", "concurrency": 2}
    with serve() as (api, _):
        id = api.register(slow)
        made = loaded(api.post(f"/schedules/{id}/backfill", body), BackfillSchema(), 202)
        eventually(lambda: True if len(started(api, id)) == 2 else None, "two executions")
        problem(api.post(f"/schedules/{id}/backfill", body), 409, made["id"], "has not ended")
    with serve() as (api, _):
        first = started(api, id)[-1]
        api.post(f"/jobs/{first['id']}/cancel")
        eventually(lambda: True if len(started(api, id)) == 3 else None, "a third execution")
        path = f"/schedules/{id}/backfills/{made['id']}"
        for _ in range(2):
            stopped = loaded(api.post(f"{path}/cancel"), BackfillSchema())
            assert stopped["status"] == "cancelled"
        api.post(f"/jobs/{started(api, id)[0]['id']}/cancel")
        again = loaded(api.post(f"/schedules/{id}/backfill", {**body, "to": body["from"]}), BackfillSchema(), 202)
        assert ended(api, id, again["id"])["found"] == 1
        found = loaded(api.get(path), BackfillSchema())
        assert (found["total"], found["started"], found["left"], found["failed"]) == (60, 3, 57, 1)
        assert len(started(api, id)) == 3
        assert api.delete(f"/schedules/{id}").status_code == 200
        problem(api.get(path), 404, id)


def test_what_is_refused(api: Client) -> None:
    id = nightly(api, cron="* * * * * *")
    path = f"/schedules/{id}/backfill"
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    for body, said in (
        ({**WINDOW, "to": later}, {"/to": "must not lie in the future"}),
        ({"from": WINDOW["to"], "to": WINDOW["from"]}, {"/to": "must not be before from"}),
        ({"from": "1969-12-31T00:00:00", "to": "yesterday"}, {"/from": "1970", "/to": "must be a date and time"}),
        ({"from": "0001-01-01T00:00:00", "to": "9999-12-31T23:59:59-12:00"}, {"/from": "must", "/to": "must"}),
        ({**WINDOW, "concurrency": 101, "input": {}}, {"/concurrency": "1 to 100", "/input": "unknown key"}),
        ({"preview": True}, {"/from": "missing", "/to": "missing"}),
        ({**WINDOW, "preview": True}, {"/to": "more than 10,000 occurrences are missing"}),
    ):
        found = {one["pointer"]: one["message"] for one in problem(api.post(path, body), 422)["problems"]}
        assert found.keys() == said.keys()
        assert all(words in found[pointer] for pointer, words in said.items()), found
    problem(api.post("/schedules/nobody/backfill", WINDOW), 404, "nobody")
    problem(api.get(f"/schedules/{id}/backfills/backfill-0"), 404, "backfill-0")
    problem(api.post(f"/schedules/{id}/backfills/nonsense/cancel"), 404, "nonsense")
    assert started(api, id) == []
