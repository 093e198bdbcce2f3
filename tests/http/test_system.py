"""GET /system/state, /health and /: how the server as a whole looks."""

from __future__ import annotations

import pytest
import requests

from storage.protocol import Batch
from task_functions import REGISTRY, task_function
from tests.http.client import Client, Loaded, eventually, job, loaded, problem, task
from tests.http.conftest import Serve
from workflows.api.schemas.system import HealthSchema, IndexSchema, SystemStateSchema
from workflows.model import Status


def test_a_new_server_has_empty_lists_and_no_nulls(serve: Serve) -> None:
    with serve() as (api, _):
        answer = api.get("/system/state")
        state = loaded(answer, SystemStateSchema())
        assert (state["active"], state["queued"]) == ([], [])
        assert state["counts"] == {status.value: 0 for status in Status}
        classes = {one["name"]: one for one in state["pool"]["classes"]}
        assert list(classes) == ["inline", "delivering", "shared", "isolated"]
        assert state["pool"]["workers"] == sum(one["workers"] for one in classes.values()) > 16
        assert classes["inline"] == {"name": "inline", "workers": 16, "processes": 0, "running": 0}
        assert state["uptime"] >= 0
        assert "null" not in answer.text
        assert set(answer.json()) == {
            *("activeJobs", "queuedJobs", "queuedCount", "executedJobs", "failedJobs", "cancelledJobs", "activeCount"),
            *("pool", "uptimeSeconds", "version"),
        }


def test_what_runs_what_waits_and_what_has_been(serve: Serve) -> None:
    """With room for one execution, the second waits until the first is cancelled."""
    with serve(max_jobs=1) as (api, _):
        api.run(job(task("a")))
        api.run(job(task("a", "fail")))
        endless = api.register(job(task("a", "sleep", parameters={"seconds": 600}), task("b")))
        first, second, third = (api.execute(endless) for _ in range(3))
        api.reaches(first, lambda state: state["status"] is Status.RUNNING)
        assert loaded(api.get("/system/state"), SystemStateSchema())["queued"] == [second, third], "the oldest first"
        api.post(f"/jobs/{third}/cancel")
        answer = api.get("/system/state")
        state = loaded(answer, SystemStateSchema())
        active = answer.json()["activeJobs"]
        assert [set(one) for one in active] == [{"id", "definitionId", "status", "paused", "startTime", "tasks"}]
        assert (active[0]["id"], active[0]["definitionId"], active[0]["status"]) == (first, endless, "RUNNING")
        assert active[0]["tasks"] == [
            {"id": "a", "name": "Task a", "status": "RUNNING"},
            {"id": "b", "name": "Task b", "status": "PENDING"},
        ]
        assert state["queued"] == [second]
        assert state["counts"] == {"QUEUED": 1, "RUNNING": 1, "COMPLETED": 1, "FAILED": 1, "CANCELLED": 1}
        assert (state["pool"]["running"], state["pool"]["admitted"]) == (1, 1)
        waiting = api.state(second)
        assert (waiting["status"], waiting["started"], waiting["tasks"][0]["status"]) == (Status.QUEUED, None, "PENDING")
        api.post(f"/jobs/{first}/cancel")
        api.reaches(second, lambda state: state["status"] is Status.RUNNING)
        api.post(f"/jobs/{second}/cancel")
        assert loaded(api.get("/system/state"), SystemStateSchema())["counts"]["CANCELLED"] == 3


def test_a_queued_execution_is_cancelled_without_having_run(serve: Serve) -> None:
    with serve(max_jobs=1) as (api, _):
        endless = api.register(job(task("a", "sleep", parameters={"seconds": 600})))
        first, second = api.execute(endless), api.execute(endless)
        assert api.post(f"/jobs/{second}/cancel").status_code == 200
        state = api.state(second)
        assert (state["status"], state["started"], state["tasks"][0]["attempts"]) == (Status.CANCELLED, None, 0)
        api.post(f"/jobs/{first}/cancel")


def test_all_is_well(api: Client) -> None:
    assert loaded(api.get("/health"), HealthSchema()) == {"status": "ok", "troubles": []}


def test_a_function_that_is_gone_holds_its_task_and_degrades_the_server(serve: Serve) -> None:
    with serve() as (api, _):
        task_function("fleeting")(lambda data: data)
        name = api.register(job(task("a"), task("b", "fleeting")))
        REGISTRY.restore({known: function for known, function in REGISTRY.snapshot().items() if known != "fleeting"})
        execution_id = api.execute(name)

        def troubled() -> Loaded | None:
            health = loaded(api.get("/health"), HealthSchema())
            return health if health["status"] == "degraded" else None

        assert "'fleeting'" in eventually(troubled)["troubles"][0]
        api.reaches(execution_id, lambda state: [one["status"] for one in state["tasks"]] == ["COMPLETED", "PENDING"])
        assert api.post(f"/jobs/{execution_id}/cancel").status_code == 200
        assert loaded(api.get("/health"), HealthSchema()) == {"status": "ok", "troubles": []}


def test_an_execution_that_cannot_be_read_does_not_hide_the_others(serve: Serve) -> None:
    with serve(max_jobs=1) as (api, app):
        endless = api.register(job(task("a", "sleep", parameters={"seconds": 600})))
        running, damaged, queued = (api.execute(endless) for _ in range(3))
        api.reaches(running, lambda state: state["status"] is Status.RUNNING)
        number = int(damaged.split("-")[2])
        store = app.extensions["stepwell"]._store
        with store.view(0) as view:
            batch = Batch(0, view.number() + 1, {("execution", (number,)): b"\x01bad!rubbish"})
        app.extensions["stepwell"]._engine._ledger._number = None
        store.commit(batch)
        state = loaded(api.get("/system/state"), SystemStateSchema())
        assert ([one["id"] for one in state["active"]], state["queued"]) == ([running], [queued])
        assert state["counts"]["QUEUED"] == 2
        problem(api.get(f"/jobs/{damaged}/state"), 500, "damaged")


def test_a_stopping_server_takes_nothing_and_says_so(serve: Serve) -> None:
    with serve() as (api, app):
        app.extensions["stepwell"]._engine.inbox.close()
        for answer in (api.get("/health"), api.post("/jobs/hello/execute", {}), api.post("/job-definitions", job(task("a")))):
            problem(answer, 503, "stopping")
            assert int(answer.headers["Retry-After"]) > 0
        assert api.get("/system/state").status_code == 200


def test_what_was_accepted_is_there_after_a_restart(serve: Serve) -> None:
    with serve() as (api, _):
        name = api.register(job(task("a")))
        execution_id = api.run(job(task("a")), '{"kept": 1.00}')["id"]
        before = api.get(f"/jobs/{execution_id}/state").text
    with serve() as (api, _):
        assert api.get(f"/jobs/{execution_id}/state").text == before
        assert api.ended(api.execute(name))["status"] == Status.COMPLETED


def test_the_index_lists_every_endpoint_with_an_example(api: Client) -> None:
    index = loaded(api.get("/"), IndexSchema())
    assert index["name"] == "stepwell"
    assert {(one["method"], one["path"]) for one in index["endpoints"]} >= {
        ("GET", "/"),
        ("GET", "/openapi.json"),
        ("POST", "/job-definitions"),
        ("GET", "/schema"),
        ("POST", "/jobs/{definitionId}/execute"),
        ("GET", "/jobs/{executionId}/state"),
        ("POST", "/jobs/{executionId}/cancel"),
        ("PUT", "/jobs/{executionId}/priority"),
        ("GET", "/keys"),
        ("POST", "/keys"),
        ("DELETE", "/keys/{keyId}"),
        ("GET", "/audit"),
        ("POST", "/jobs/{executionId}/redrive"),
        ("POST", "/executions/redrive"),
        ("GET", "/stream"),
        ("GET", "/system/state"),
        ("GET", "/health"),
        ("GET", "/metrics"),
    }
    assert all(one["example"].startswith("curl ") and api.url in one["example"] for one in index["endpoints"])


def test_the_examples_of_the_index_work(serve: Serve) -> None:
    """On a server where nobody has tried them before."""
    with serve() as (api, _):
        examples(api)


def examples(api: Client) -> None:
    for one in loaded(api.get("/"), IndexSchema())["endpoints"]:
        url, *body = one["example"].removeprefix("curl ").split(" -H 'Content-Type: application/json' -d ")
        url = url.removeprefix(f"-X {one['method']} ")
        if "_ID" in url or "_NAME" in url:
            continue
        data = body[0].strip("'") if body else None
        with requests.request(
            one["method"], url, data=data, headers={"Content-Type": "application/json"}, timeout=30, stream=True
        ) as answer:
            assert answer.ok, one


@pytest.mark.parametrize("path", ["/", "/health", "/system/state", "/metrics", "/stream"])
def test_head_is_get_without_a_body(api: Client, path: str) -> None:
    answer = requests.head(api.url + path, timeout=30)
    assert (answer.status_code, answer.text) == (200, "")


def test_a_crowd_of_clients_loses_nothing(api: Client) -> None:
    """50 executions started from 16 threads: each has an id of its own, its own input, and ends."""
    from concurrent.futures import ThreadPoolExecutor

    name = api.register(job(task("a")))
    before = loaded(api.get("/system/state"), SystemStateSchema())["counts"]["COMPLETED"]
    with ThreadPoolExecutor(16) as pool:
        ids = list(pool.map(lambda n: api.execute(name, {"n": n}), range(50)))
        assert len(set(ids)) == 50
        assert [api.state(one)["input"] for one in ids] == [{"n": n} for n in range(50)]
        assert [one["output"] for one in pool.map(api.ended, ids)] == [{"a": {"n": n}} for n in range(50)]

    def counted() -> bool | None:
        return loaded(api.get("/system/state"), SystemStateSchema())["counts"]["COMPLETED"] - before >= 50 or None

    assert eventually(counted)
