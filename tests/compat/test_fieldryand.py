"""What clients of goflow (fieldryand's), version 2 and the events of version 3, say to a server and read of it, on a real one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.compat.forms import NEVER, json_of, members, moment, next_of
from tests.http.client import JSON, PATIENCE_S, Client, eventually, job, problem, task
from tests.http.conftest import Serve
from tests.http.events import Reader
from workflows.api.schemas.goflow import STATES

NAMES = {"notstarted", "running", "upforretry", "skipped", "failed", "successful"}
EXECUTION = ("id", "job", "submitted", "modifiedTimestamp", "state", "tasks")
EVENT = ("id", "job", "startTs", "modifiedTs", "state", "tasks")
EVERY_SECOND = {"cron": "* * * * * *", "active": False}


def execution(value: Any) -> dict[str, Any]:
    """One, which must be exactly as version 2 has it."""
    members(value, *EXECUTION)
    assert moment(value["submitted"]) <= moment(value["modifiedTimestamp"])
    assert value["state"] in NAMES
    for one in value["tasks"]:
        members(one, "name", "state")
        assert one["state"] in NAMES
    return dict(value)


def listed(api: Client, **asked: str) -> list[dict[str, Any]]:
    body = json_of(api.get("/api/executions", params=asked))
    return [execution(one) for one in members(body, "executions")["executions"]]


def submitted(api: Client, name: str, body: Any = None) -> str:
    answer = json_of(api.post(f"/api/jobs/{name}/submit", body, {} if body is None else JSON))
    assert (answer["job"], answer["success"]) == (name, True)
    moment(members(answer, "job", "success", "submitted", "id")["submitted"])
    return str(answer["id"])


def ended(api: Client, id: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found = execution(json_of(api.get(f"/api/executions/{id}")))
        return found if found["state"] in ("successful", "failed") else None

    return eventually(look, "its end", 2 * PATIENCE_S)


def until_failed(reader: Reader, id: str) -> bool | None:
    return any(one["id"] == id and one["state"] == "failed" for one in reader.values) or None


def states(found: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["state"] for one in found["tasks"]}


# ---------------------------------------------------------------------------------------------------------------------- jobs


def test_health_needs_no_key(api: Client, serve: Serve) -> None:
    assert json_of(api.get("/api/health")) == {"health": "OK"}
    with serve(require_keys=True, api_keys=("viewer:0123456789abcdef",)) as (guarded, _):
        assert json_of(guarded.get("/api/health")) == {"health": "OK"}
        assert guarded.get("/api/jobs").status_code == 401


def test_jobs_are_in_the_order_of_their_first_registration(api: Client) -> None:
    made = [{**job(task("a")), "id": f"{name}-in-order"} for name in ("zebra", "mouse", "ant")]
    for one in (*made, made[0] | {"name": "again"}, made[0]):
        api.register(one)
    api.register(made[1] | {"name": "again"})
    assert api.delete("/job-definitions/mouse-in-order/revisions/1").status_code == 200
    found = members(json_of(api.get("/api/jobs")), "jobs")["jobs"]
    assert {"hello", "order-saga", "example-custom-operator"} <= set(found)
    assert [name for name in found if name.endswith("-in-order")] == ["zebra-in-order", "ant-in-order", "mouse-in-order"]
    api.delete("/job-definitions/ant-in-order")
    assert "ant-in-order" not in json_of(api.get("/api/jobs"))["jobs"]


def test_a_job(api: Client) -> None:
    schedules = [{"id": "here-1", "cron": "*/5 * * * *"}, {"id": "here-2", "intervalSeconds": 90, "active": False}]
    tasks = (task("a", dependsOn=[]), task("b", dependsOn=["a"]), task("c", dependsOn=["a"]), task("d", dependsOn=["b", "c"]))
    name = api.register(job(*tasks, schedules=schedules))
    assert json_of(api.get(f"/api/jobs/{name}")) == {
        "job": name,
        "tasks": ["a", "b", "c", "d"],
        "dag": {"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []},
        "schedule": "*/5 * * * *, @every 90s",
        "active": False,
    }
    plain = api.register(job(task("first"), task("second")))
    assert json_of(api.get(f"/api/jobs/{plain}")) == {
        "job": plain,
        "tasks": ["first", "second"],
        "dag": {"first": ["second"], "second": []},
        "schedule": "",
        "active": False,
    }


def test_a_state_machine_is_a_job_whose_tasks_are_its_states(api: Client) -> None:
    choice = {"Type": "Choice", "Choices": [{"Variable": "$.n", "IsPresent": True, "Next": "Work"}], "Default": "Done"}
    work = {"Type": "Task", "Resource": "echo", "Next": "Done", "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Sorry"}]}
    states = {"Look": choice, "Work": work, "Done": {"Type": "Succeed"}, "Sorry": {"Type": "Fail"}}
    name = api.register({"id": job()["id"], "StartAt": "Look", "States": states})
    found = json_of(api.get(f"/api/jobs/{name}"))
    assert found["tasks"] == ["Look", "Work", "Done", "Sorry"]
    assert found["dag"] == {"Look": ["Work", "Done"], "Work": ["Done", "Sorry"], "Done": [], "Sorry": []}
    done = ended(api, submitted(api, name, {"n": 1}))
    assert {one["name"]: one["state"] for one in done["tasks"]} == {"Look": "successful", "Work": "successful", "Done": "successful"}
    assert [[one["name"] for one in row["tasks"]] for row in listed(api, jobname=name)] == [["Done"]]


def test_an_unknown_job_has_the_same_members_and_nothing_in_them(api: Client) -> None:
    empty = {"job": "", "tasks": [], "dag": {}, "schedule": "", "active": False}
    assert json_of(api.get("/api/jobs/nobody"), 404) == empty
    refused = {"job": "nobody", "success": False}
    assert json_of(api.post("/api/jobs/nobody/submit", headers={}), 404) == refused | {"submitted": "", "id": ""}
    assert json_of(api.post("/api/jobs/nobody/toggle", headers={}), 404) == refused | {"active": False}
    problem(api.get("/api/executions/nobody"), 404, "nobody")


# ---------------------------------------------------------------------------------------------------------------- executions


def test_a_submit_without_body_and_type_starts_an_execution(api: Client) -> None:
    name = api.register(job(task("a"), task("b")))
    status, text = api.raw(
        f"POST /api/jobs/{name}/submit HTTP/1.1\r\nHost: localhost:{api.port}\r\nUser-Agent: Go\r\nContent-Length: 0\r\n\r\n"
    )
    assert status == 200, text
    id = submitted(api, name)
    done = ended(api, id)
    assert (done["id"], done["job"], done["state"], states(done)) == (id, name, "successful", {"a": "successful", "b": "successful"})
    assert len(listed(api, jobname=name)) == 2


def test_the_body_of_a_submit_is_the_input(api: Client) -> None:
    name = api.register(job(task("a")))
    id = submitted(api, name, {"n": 1})
    ended(api, id)
    assert api.state(id)["input"] == {"n": 1}
    problem(api.post(f"/api/jobs/{name}/submit", [1]), 422, "object")
    problem(api.post(f"/api/jobs/{name}/submit", "{"), 400)
    problem(api.post(f"/api/jobs/{name}/submit", "n=1", {"Content-Type": "application/x-www-form-urlencoded"}), 415, "JSON")


@pytest.mark.parametrize("origin", ["https://example.com", "null", "http://localhost.example.com"])
@pytest.mark.parametrize("action", ["submit", "toggle"])
def test_no_page_of_another_site_starts_or_switches_anything(api: Client, origin: str, action: str) -> None:
    """A form without fields is a request without a body, which no browser asks about first; but it says where it comes from."""
    name = api.register(job(task("a"), schedules=[EVERY_SECOND]))
    for kind in ({}, {"Content-Type": "application/x-www-form-urlencoded"}, {"Content-Type": "text/plain"}):
        problem(api.post(f"/api/jobs/{name}/{action}", headers={"Origin": origin, **kind}), 403, "web pages")
    problem(api.post(f"/api/jobs/{name}/{action}", headers={"Host": "example.com"}), 403, "localhost")
    assert listed(api, jobname=name) == []
    assert not json_of(api.get(f"/api/jobs/{name}"))["active"]


def test_states(api: Client) -> None:
    """Of executions and tasks, each as it has its name there."""
    slow = task("wait", "sleep", parameters={"seconds": 600})
    one_at_once = api.register(job(slow, maxActiveRuns=1))
    running, queued = submitted(api, one_at_once), submitted(api, one_at_once)
    api.reaches(running, lambda state: state["tasks"][0]["status"] == "RUNNING")
    assert [(one["id"], one["state"], states(one)) for one in listed(api, jobname=one_at_once)] == [
        (queued, "notstarted", {"wait": "notstarted"}),
        (running, "running", {"wait": "running"}),
    ]
    again = api.register(job(task("a", "fail", maxRetry=1, retryDelay={"type": "constant", "initialSeconds": 600}), task("b")))
    retried = submitted(api, again)
    api.reaches(retried, lambda state: state["tasks"][0]["status"] == "RETRYING")
    assert states(listed(api, jobname=again)[0]) == {"a": "upforretry", "b": "notstarted"}
    bad = api.register(job(task("a", "fail"), task("b", dependsOn=["a"]), task("c", dependsOn=["b"], triggerRule="allDone")))
    failed = ended(api, submitted(api, bad))
    assert (failed["state"], states(failed)) == ("failed", {"a": "failed", "b": "skipped", "c": "successful"})
    for id in (queued, running, retried):
        api.post(f"/jobs/{id}/cancel")
        assert ended(api, id)["state"] == "failed"
    assert set(STATES.values()) == NAMES


def test_filters_and_their_pages(api: Client) -> None:
    name, other = (api.register(job(task("a", function))) for function in ("fail", "echo"))
    slow = api.register(job(task("a", "sleep", parameters={"seconds": 600})))
    failed = [submitted(api, name) for _ in range(3)]
    done = [submitted(api, other) for _ in range(2)]
    for id in (*failed, *done):
        ended(api, id)
    cancelled = submitted(api, slow)
    api.post(f"/jobs/{cancelled}/cancel")
    assert [one["id"] for one in listed(api, jobname=name, state="failed")] == failed[::-1]
    assert listed(api, jobname=name, state="successful") == listed(api, jobname="nobody") == []
    assert [one["id"] for one in listed(api, jobname=other, state="")] == done[::-1]
    assert [one["id"] for one in listed(api, jobname="", state="failed")][:4] == [cancelled, *failed[::-1]]
    assert listed(api, state="skipped") == listed(api, state="upforretry") == [], "no execution is"
    problem(api.get("/api/executions?state=FAILED"), 422, "notstarted, running, upforretry, skipped, failed, successful")
    path: str | None = f"/api/executions?jobname={name}&state=failed&limit=2"
    pages = []
    while path is not None:
        answer = api.get(path)
        pages.append([one["id"] for one in json_of(answer)["executions"]])
        path = next_of(answer)
    assert pages == [failed[:0:-1], failed[:1]]
    problem(api.get("/api/executions?cursor=x"), 422, "cursor")


def test_jobruns(api: Client) -> None:
    name = api.register(job(task("a"), task("b", "fail")))
    first, second = (ended(api, submitted(api, name)) for _ in range(2))
    expected = [
        {"job": name, "submitted": one["submitted"], "state": {"job": "failed", "tasks": {"state": {"a": "successful", "b": "failed"}}}}
        for one in (second, first)
    ]
    answer = json_of(api.get("/api/jobruns", params={"jobname": name, "state": "failed"}))
    assert answer == {"jobruns": expected}
    page = api.get("/api/jobruns", params={"jobname": name, "limit": 1})
    onward = next_of(page)
    assert onward is not None
    assert [json_of(page), json_of(api.get(onward))] == [{"jobruns": [one]} for one in expected]


def test_pages_of_executions_with_many_tasks_are_short(api: Client) -> None:
    name = api.register(job(task("a", "fail"), *(task(f"{n}".rjust(120, "t")) for n in range(2_000))))
    ids = [submitted(api, name) for _ in range(5)]
    for id in ids:
        ended(api, id)
    for path, members_of in (("/api/executions", "executions"), ("/api/jobruns", "jobruns"), (f"/dag/{name}/metrics", None)):
        answers = [api.get(f"{path}?jobname={name}" if members_of else path)]
        while (onward := next_of(answers[-1])) is not None:
            answers.append(api.get(onward))
        pages = [json_of(answer) if members_of is None else json_of(answer)[members_of] for answer in answers]
        assert [len(page) for page in pages] == [3, 2], path
        assert all(len(answer.content) <= 1024 * 1024 for answer in answers)
        if members_of == "executions":
            assert [one["id"] for page in pages for one in page] == ids[::-1]
            assert {len(one["tasks"]) for page in pages for one in page} == {2_001}


def test_none_is_lost_when_many_submit_at_once(api: Client) -> None:
    name = api.register(job(task("a")))
    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(lambda _: submitted(api, name), range(120)))
    assert len(ids) == 120
    assert {one["id"] for one in listed(api, jobname=name)} == ids


# ------------------------------------------------------------------------------------------------------------------ schedules


def test_a_toggle_switches_all_schedules_and_stays(serve: Serve) -> None:
    def toggle(api: Client, name: str) -> bool:
        found = json_of(api.post(f"/api/jobs/{name}/toggle", headers={}))
        assert members(found, "job", "success", "active") == {"job": name, "success": True, "active": found["active"]}
        assert json_of(api.get(f"/api/jobs/{name}"))["active"] is found["active"]
        return bool(found["active"])

    with serve() as (api, _):
        name = api.register(job(task("a"), schedules=[{"cron": "@yearly"}, {"cron": "@yearly", "active": False}]))
        assert [toggle(api, name) for _ in range(3)] == [True, False, True]
        assert [one["active"] for one in api.get(f"/schedules?job={name}").json()["schedules"]] == [True, True]
        actions = [one["action"] for one in api.get("/audit?limit=3").json()["records"]]
        assert actions == ["switch schedules on", "switch schedules off", "switch schedules on"]
        problem(api.post("/api/jobs/hello/toggle", headers={}), 409, "no schedule")
    with serve() as (api, _):
        assert json_of(api.get(f"/api/jobs/{name}"))["active"] is True


def test_a_job_runs_every_second_once_it_is_switched_on(serve: Serve) -> None:
    with serve() as (api, _):
        api.post("/api/jobs/example-custom-operator/toggle", headers={})
        found = eventually(lambda: listed(api, jobname="example-custom-operator")[1:] or None, "two runs")
        assert all(one["tasks"][0]["name"] == "positive-addition" for one in found)


# --------------------------------------------------------------------------------------------------------------------- events


def test_the_stream_of_version_2(api: Client) -> None:
    name, other = (api.register(job(task("a"), task("b"))) for _ in range(2))
    before = submitted(api, name)
    last = ended(api, before)
    with Reader(api.url, jobname=name) as reader, Reader(api.url, jobname="") as everything:
        assert reader.values == [last], "it begins with what there is"
        submitted(api, other)
        id = submitted(api, name)
        found = eventually(lambda: [one for one in reader.values if one["id"] == id and one["state"] == "successful"] or None, "its end")
        assert found == [ended(api, id)]
        assert {one["job"] for one in map(execution, reader.values)} == {name}
        eventually(lambda: {name, other} <= {execution(one)["job"] for one in everything.values} or None, "those of all jobs")
    with Reader(api.url, execution=id, replay="true") as ours:
        [sent] = eventually(lambda: ours.values or None, "the execution")
    assert sent["job"] == sent["definitionId"] == name
    assert {key: sent[key] for key in EXECUTION if key != "tasks"} == {
        key: value for key, value in ended(api, id).items() if key != "tasks"
    }
    assert [one["state"] for one in sent["tasks"]] == ["successful", "successful"]
    problem(api.get("/stream?job=a&jobname=a"), 422, "job")


def test_the_events_of_version_3(api: Client) -> None:
    long = "x" * 3_000
    tasks = (
        task("text", parameters="said"),
        task("whole", parameters={"n": 1.5}),
        task("long", parameters=long),
        task("not", "fail", parameters={"message": "no tea"}),
        task("never"),
    )
    name = api.register(job(*tasks))
    id = submitted(api, name)
    ended(api, id)
    with Reader(api.url, path=f"/events/{name}") as reader:
        [found] = eventually(lambda: reader.values or None, "what there is")
        position = reader.position
    members(found, *EVENT)
    assert (found["id"], found["job"], found["state"]) == (id, name, "failed")
    assert moment(found["startTs"]) <= moment(found["modifiedTs"])
    rows = [members(one, "name", "state", "startTs", "result", "error", "operator") for one in found["tasks"]]
    assert [(one["name"], one["state"], one["operator"]) for one in rows] == [
        ("text", "successful", "echo"),
        ("whole", "successful", "echo"),
        ("long", "successful", "echo"),
        ("not", "failed", "fail"),
        ("never", "skipped", "echo"),
    ]
    assert [one["result"] for one in rows[:2]] == ["said", '{"n":1.5}']
    assert "GET /jobs/" in rows[2]["result"]
    assert [one["error"] for one in rows] == ["", "", "", "TaskFailed: no tea", ""]
    assert all(moment(one["startTs"]) > found["startTs"][:10] for one in rows[:4])
    assert rows[4]["startTs"] == NEVER
    with Reader(api.url, path="/events") as everything, Reader(api.url, last=position, path=f"/events/{name}") as resumed:
        again = submitted(api, name)
        eventually(lambda: until_failed(everything, again), "its end")
        eventually(lambda: until_failed(resumed, again), "its end")
        assert {row["id"] for row in resumed.values} == {again}, "what was seen is not sent again"


def test_complex_analytics_ends_as_it_does_there(serve: Serve) -> None:
    with serve() as (api, _):
        done = ended(api, submitted(api, "example-complex-analytics"))
    assert done["state"] == "failed"
    assert states(done) == {
        "sleep-one": "successful",
        "add-one-one": "successful",
        "sleep-two": "successful",
        "add-two-four": "successful",
        "add-three-four": "successful",
        "whoops-with-constant-delay": "failed",
        "whoops-with-exponential-backoff": "failed",
        "totally-skippable": "skipped",
        "clean-up": "successful",
    }
