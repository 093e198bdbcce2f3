"""Calendars on a real server: schedules that name one go by its days as they are, and it stays as long as one does."""

from __future__ import annotations

from typing import Any

import pytest

from tests.http.client import Client, eventually, job, loaded, pages, problem, task
from tests.http.conftest import Serve
from workflows.api.schemas.audit import AuditSchema
from workflows.api.schemas.calendars import CalendarSchema, CalendarsSchema, DeletedCalendarSchema
from workflows.api.schemas.schedules import ComingSchema, OccurrencesSchema, ScheduleSchema

EVERY = {"from": "1970-01-01", "to": "9999-12-31", "name": "Time itself"}


def put(api: Client, name: str, *dates: dict[str, str]) -> Any:
    return loaded(api.put(f"/calendars/{name}", {"dates": list(dates)}), CalendarSchema())


def planned(name: str, **more: Any) -> dict[str, Any]:
    return {"cron": "0 12 * * *", "startDateTime": "2050-12-24T00:00:00", "blackout": {"calendars": [name]}, **more}


def coming(api: Client, id: str, count: int = 4) -> list[tuple[str, bool, str | None]]:
    found = loaded(api.get(f"/schedules/{id}/next?count={count}"), ComingSchema())["occurrences"]
    return [(one["local"][:10], one["runs"], one["note"]) for one in found]


def test_a_calendar_is_set_shown_listed_and_deleted(api: Client) -> None:
    made = put(api, "set-1", {"from": "2050-12-25", "to": "2050-12-26", "name": "Christmas"}, {"from": "2051-01-01"})
    assert [(str(day["first"]), str(day["last"]), day["name"]) for day in made["days"]] == [
        ("2050-12-25", "2050-12-26", "Christmas"),
        ("2051-01-01", "2051-01-01", None),
    ]
    assert (made["name"], made["uses"]) == ("set-1", 0)
    assert loaded(api.get("/calendars/set-1"), CalendarSchema()) == made
    assert put(api, "set-1", {"from": "2050-12-25", "to": "2050-12-26", "name": "Christmas"}, {"from": "2051-01-01"}) == made
    put(api, "set-2")
    listed = [one for page in pages(api, "/calendars", CalendarsSchema(), limit=1) for one in page if one["name"].startswith("set-")]
    assert [(one["name"], one["ranges"], one["uses"]) for one in listed] == [("set-1", 2, 0), ("set-2", 0, 0)]
    assert loaded(api.delete("/calendars/set-1"), DeletedCalendarSchema())["name"] == "set-1"
    problem(api.get("/calendars/set-1"), 404, "set-1")
    problem(api.delete("/calendars/set-1"), 404, "set-1")
    assert api.delete("/calendars/set-2").status_code == 200
    done = [(one["action"], one["target"]) for one in loaded(api.get("/audit?limit=4"), AuditSchema())["items"]]
    assert done == [("delete calendar", "set-2"), ("delete calendar", "set-1"), ("set calendar", "set-2"), ("set calendar", "set-1")]


@pytest.mark.parametrize(
    ("body", "place", "message"),
    [
        ({}, "/dates", "this key is missing"),
        ({"dates": {}}, "/dates", "must be a list"),
        ({"dates": [{"from": "Christmas"}]}, "/dates/0/from", "this must be a date"),
        ({"dates": [{"to": "2026-12-24"}]}, "/dates/0/from", "this key is missing"),
        ({"dates": [{"from": "2026-12-24", "to": "2026-12-23"}]}, "/dates/0/to", "this must not be before from"),
        ({"dates": [], "weekdays": []}, "/weekdays", "unknown key"),
        ({"dates": [{"from": "2026-12-24"}] * 1_001}, "/dates", "at most 1,000"),
    ],
)
def test_what_is_no_calendar(api: Client, body: Any, place: str, message: str) -> None:
    found = problem(api.put("/calendars/wrong", body), 422, message)
    assert [one["pointer"] for one in found["problems"]] == [place]
    problem(api.get("/calendars/wrong"), 404)


@pytest.mark.parametrize("name", ["a b", "ä", ".a", "x" * 129])
def test_names_can_stand_in_an_address(api: Client, name: str) -> None:
    problem(api.put(f"/calendars/{name}", {"dates": []}), 422, "a calendar's name is")


def test_a_schedule_goes_by_its_calendars_as_they_are(api: Client) -> None:
    put(api, "as-is", {"from": "2050-12-25", "to": "2050-12-26", "name": "Christmas"})
    put(api, "as-is-too", {"from": "2050-12-27"})
    id = api.register(job(task("a"), schedules=[planned("as-is")]))
    reason = "it is Christmas (2050-12-25 to 2050-12-26, calendar as-is)"
    assert coming(api, id) == [
        ("2050-12-24", True, None),
        ("2050-12-25", False, reason),
        ("2050-12-26", False, reason),
        ("2050-12-27", True, None),
    ]
    put(api, "as-is", {"from": "2050-12-24"})
    assert [runs for _, runs, _ in coming(api, id)] == [False, True, True, True]
    changed = planned("as-is", blackout={"calendars": ["as-is-too", "as-is"], "dates": [{"from": "2050-12-25"}]})
    assert api.put(f"/schedules/{id}", changed).status_code == 200
    assert [runs for _, runs, _ in coming(api, id)] == [False, False, True, False]


def test_a_calendar_that_is_not_there_is_refused_with_the_nearest(api: Client) -> None:
    put(api, "holidays-nearby")
    wrong = planned("holiday-nearby")
    definition = job(task("a"), schedules=[{"cron": "@daily"}, {**wrong, "id": f"x-{job()['id']}"}])
    found = problem(api.post("/job-definitions", definition), 422, "there is no calendar 'holiday-nearby'", "holidays-nearby")
    [one] = found["problems"]
    assert (one["pointer"], one["line"]) == ("/schedules/1/blackout/calendars/0", 1)
    problem(api.get(f"/job-definitions/{definition['id']}"), 404)
    id = api.register(job(task("a")))
    for answer in (
        api.post("/schedules", {"job": id, "id": f"{id}-s", **wrong}),
        api.put(f"/schedules/{_scheduled(api, id)}", wrong),
    ):
        found = problem(answer, 422, "there is no calendar 'holiday-nearby'", "holidays-nearby")
        assert found["problems"][0]["pointer"] == "/blackout/calendars/0"
    put(api, "holiday-nearby")
    assert api.post("/job-definitions", definition).status_code == 201


def _scheduled(api: Client, job: str) -> str:
    return str(loaded(api.post("/schedules", {"job": job, "cron": "@yearly"}), ScheduleSchema(), 201)["id"])


def test_one_that_schedules_name_stays(api: Client) -> None:
    put(api, "kept", {"from": "2050-12-25"})

    def uses() -> int:
        return int(loaded(api.get("/calendars/kept"), CalendarSchema())["uses"])

    first = job(task("a"), schedules=[planned("kept"), planned("kept", id=f"more-{job()['id']}")])
    id = api.register(first)
    other = api.register(job(task("a")))
    own = f"{other}-own"
    assert api.post("/schedules", {"job": other, **planned("kept", id=own)}).status_code == 201
    assert uses() == 3
    problem(api.delete("/calendars/kept"), 409, "3 schedules name the calendar 'kept'", id, own)
    api.register({**first, "name": "Another", "schedules": first["schedules"][:1]})
    assert uses() == 2
    api.register({**first, "schedules": [{"cron": "@daily"}]})
    assert uses() == 1
    problem(api.delete("/calendars/kept"), 409, "1 schedule names the calendar 'kept'", own)
    assert api.put(f"/schedules/{own}", planned("kept", blackout={"calendars": ["kept", "kept"]})).status_code == 200
    assert uses() == 1
    assert api.delete(f"/job-definitions/{other}").status_code == 200
    assert uses() == 0
    assert api.delete("/calendars/kept").status_code == 200


def test_what_falls_on_its_days_is_skipped_until_it_is_changed_which_outlives_a_restart(serve: Serve) -> None:
    with serve() as (api, _):
        put(api, "never", EVERY)
        id = api.register(job(task("a"), schedules=[{"cron": "* * * * * *", "blackout": {"calendars": ["never"]}}]))

        def occurrences(api: Client, status: str) -> list[Any]:
            found = [one for page in pages(api, f"/schedules/{id}/occurrences", OccurrencesSchema(), limit=200) for one in page]
            return [one for one in found if one["became"] == status]

        [first, *_] = eventually(lambda: occurrences(api, "skipped") or None, "an occurrence that is skipped")
        assert first["reason"] == "it is Time itself (1970-01-01 to 9999-12-31, calendar never)"
        assert occurrences(api, "started") == []
    with serve() as (api, _):
        before = len(occurrences(api, "skipped"))
        eventually(lambda: len(occurrences(api, "skipped")) > before or None, "another one")
        put(api, "never")
        eventually(lambda: occurrences(api, "started") or None, "an occurrence that runs")
        api.post(f"/schedules/{id}/toggle", {"active": False})
