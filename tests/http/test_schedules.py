"""Schedules on a real server: they run by themselves, are made, changed, switched, foretold and deleted, and outlive a restart."""

from __future__ import annotations

from typing import Any

from tests.http.client import Client, eventually, job, loaded, pages, problem, task
from tests.http.conftest import Serve
from workflows.api.schemas.audit import AuditSchema
from workflows.api.schemas.schedules import ComingSchema, DeletedScheduleSchema, OccurrencesSchema, ScheduleSchema, SchedulesSchema

EVERY_SECOND = "* * * * * *"


def occurrences(api: Client, id: str) -> list[Any]:
    return [one for page in pages(api, f"/schedules/{id}/occurrences", OccurrencesSchema(), limit=200) for one in page]


def test_every_second_it_runs_until_it_is_switched_off_which_outlives_a_restart(serve: Serve) -> None:
    definition = job(task("a"), schedules=[{"cron": EVERY_SECOND, "input": {"at.$": "$.scheduledTime"}}])
    with serve() as (api, _):
        id = api.register(definition)
        eventually(lambda: True if len(occurrences(api, id)) >= 3 else None, "three occurrences")
        off = loaded(api.post(f"/schedules/{id}/toggle", {"active": False}), ScheduleSchema())
        assert (off["active"], off["due"]) == (False, None)
        found = occurrences(api, id)
        assert {one["became"] for one in found} <= {"started", "caughtUp"}
        moments = [one["moment"] for one in found]
        assert moments == sorted(set(moments), reverse=True)
        state = [api.ended(one["execution"]) for one in found][-1]
        assert state["status"].value == "COMPLETED"
        assert state["labels"]["stepwell.schedule"] == id
        count = api.get(f"/executions?job={id}&limit=200").json()["executions"]
    with serve() as (api, _):
        api.register({**definition, "name": "another revision"})
        shown = loaded(api.get(f"/schedules/{id}"), ScheduleSchema())
        assert (shown["active"], shown["execution"]) == (False, found[0]["execution"])
        assert api.get(f"/executions?job={id}&limit=200").json()["executions"] == count
        assert loaded(api.post(f"/schedules/{id}/toggle", {"active": True}), ScheduleSchema())["active"]
        eventually(lambda: True if len(occurrences(api, id)) > len(found) else None, "another occurrence")


def test_one_that_is_made_apart_from_its_definition(api: Client) -> None:
    name = api.register(job(task("a")))
    spec = {"job": name, "id": f"{name}-apart", "at": "2999-01-01T00:00:00", "timezone": "Asia/Tokyo"}
    made = loaded(api.post("/schedules", spec), ScheduleSchema(), 201)
    assert (made["job"], made["source"], made["active"]) == (name, "api", True)
    assert made["schedule"] == {key: value for key, value in spec.items() if key != "job"}
    problem(api.post("/schedules", spec), 409, "already")
    problem(api.post("/schedules", {**spec, "job": "nobody", "id": "x"}), 404, "nobody")
    problem(api.post("/schedules", {**spec, "cron": "x", "job": 5}), 422, "`job`", "one of cron, intervalSeconds, at")
    api.register({**job(task("a")), "id": name, "name": "again"})
    path = f"/schedules/{made['id']}"
    assert loaded(api.get(path), ScheduleSchema()) == made
    changed = loaded(api.put(path, {"intervalSeconds": 86_400, "overlap": "skip"}), ScheduleSchema())
    assert changed["schedule"] == {"intervalSeconds": 86_400, "overlap": "skip"}
    problem(api.put(path, {"id": "other", "intervalSeconds": 5}), 422, "the id of a schedule stays")
    problem(api.put("/schedules/nobody", {"intervalSeconds": 5}), 404, "nobody")
    listed = pages(api, "/schedules", SchedulesSchema(), limit=1, job=name)
    assert [[one["id"] for one in page] for page in listed] == [[made["id"]]]
    loaded(api.delete(path), DeletedScheduleSchema())
    problem(api.get(path), 404, made["id"])
    problem(api.delete(path), 404)
    assert loaded(api.get("/audit?limit=20"), AuditSchema())["items"][0]["action"] == "delete schedule"


def test_what_comes_next_is_told_with_what_is_odd_about_it(api: Client) -> None:
    begin = {"timezone": "Europe/Berlin", "startDateTime": "2050-03-26T00:00:00"}
    definition = job(task("a"), schedules=[{"cron": "30 2 * * *", **begin, "blackout": {"weekdays": ["SAT"]}}])
    id = api.register(definition)
    found = loaded(api.get(f"/schedules/{id}/next?count=3"), ComingSchema())["occurrences"]
    assert [(one["local"], one["runs"]) for one in found] == [
        ("2050-03-26T02:30:00", False),
        ("2050-03-27T03:00:00", True),
        ("2050-03-28T02:30:00", True),
    ]
    assert "it is a SAT" in found[0]["note"]
    assert "the clock skips the time" in found[1]["note"]
    assert not found[2]["note"]
    problem(api.get(f"/schedules/{id}/next?count=101"), 422, "100")


def test_what_would_come_is_told_of_a_schedule_that_is_not_there(api: Client) -> None:
    begin = {"timezone": "Europe/Berlin", "startDateTime": "2050-03-26T00:00:00"}
    found = loaded(api.post("/schedule-preview?count=2", {"cron": "0 30 2 * * *", **begin}), ComingSchema())["occurrences"]
    assert [(one["local"], one["note"]) for one in found] == [
        ("2050-03-26T02:30:00", None),
        ("2050-03-27T03:00:00", "the clock skips the time that is meant: it runs at 03:00:00 instead"),
    ]
    named = {"job": "nobody", "id": "preview", "at": "2999-01-01T00:00:00", "jitterSeconds": 60}
    [one] = loaded(api.post("/schedule-preview", named), ComingSchema())["occurrences"]
    assert one["moment"] < one["start"] < one["moment"] + 60
    problem(api.post("/schedule-preview", {"cron": "61 * * * *"}), 422, "minutes")
    problem(api.post("/schedule-preview", []), 422, "object")
    problem(api.post("/schedule-preview", {"cron": "@daily", "blackout": {"calendars": ["nobodys"]}}), 422, "no calendar 'nobodys'")


def test_schedules_of_a_definition_go_with_it_and_clash_with_those_of_others(api: Client) -> None:
    first = job(task("a"), schedules=[{"id": "clash", "at": "2999-01-01T00:00:00"}])
    api.register(first)
    problem(api.post("/job-definitions", job(task("a"), schedules=[{"id": "clash", "cron": "@daily"}])), 422, "clash", first["id"])
    assert api.delete(f"/job-definitions/{first['id']}").status_code == 200
    problem(api.get("/schedules/clash"), 404)


def test_one_that_could_never_start_its_job_is_refused_and_one_that_is_never_due_is_warned_of(api: Client) -> None:
    name = api.register({**job(task("a")), "inputSchema": {"type": "object", "required": ["n"]}})
    spec = {"job": name, "id": f"{name}-odd", "at": "2999-01-01"}
    problem(api.post("/schedules", {**spec, "input": {"n.$": "$.nope"}}), 422, "$.nope", "/input/n.$")
    problem(api.post("/schedules", {**spec, "input": [1]}), 422, "JSON object")
    problem(api.post("/schedules", {**spec, "input": {}}), 422, "/input/n", "this key is missing")
    made = loaded(api.post("/schedules", spec), ScheduleSchema(), 201)
    assert [(one["pointer"], one["severity"]) for one in made["warnings"]] == [("", "warning")]
    path = f"/schedules/{made['id']}"
    assert loaded(api.get(path), ScheduleSchema())["warnings"] == []
    changed = loaded(api.put(path, {"at": "2020-01-01", "input": {"n": 1}}), ScheduleSchema())
    assert [(one["pointer"], one["line"]) for one in changed["warnings"]] == [("/at", 1)]
    problem(api.put(path, {"at": "2999-01-01", "input": {}}), 422, "/input/n")
    answer = api.post("/job-definitions", {**job(task("a")), "schedules": [{"at": "2020-01-01"}]})
    assert [one["pointer"] for one in answer.json()["warnings"]] == ["/schedules/0/at"]


def test_switched_off_in_a_long_catch_up_it_starts_one_more_at_most(api: Client) -> None:
    long = {"cron": EVERY_SECOND, "startDateTime": "2020-01-01", "catchUp": "all", "catchUpWindowSeconds": 31_622_400}
    definition = job(task("a"), maxActiveRuns=1, schedules=[long])
    answer = api.post("/job-definitions", definition)
    assert "more than 10,000 runs" in answer.json()["warnings"][0]["message"]
    id = definition["id"]

    def counted() -> int:
        return int(api.get(f"/dag/{id}").json()["Counted"])

    eventually(lambda: True if counted() > 20 else None, "some that are caught up")
    loaded(api.post(f"/schedules/{id}/toggle", {"active": False}), ScheduleSchema())
    before = counted()
    other = api.register(job(task("a"), schedules=[{"cron": EVERY_SECOND}]))
    eventually(lambda: True if occurrences(api, other) else None, "the look behind that one")
    assert counted() <= before + 1
    assert all(one["became"] == "caughtUp" for one in occurrences(api, id))
    api.post(f"/schedules/{other}/toggle", {"active": False})
    api.post(f"/executions/cancel?job={id}")
