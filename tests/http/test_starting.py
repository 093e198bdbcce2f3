"""POST /jobs/{id}/execute with all that may be said with it, and PUT /jobs/{executionId}/priority: real servers, many clients at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.http.client import JSON, Client, eventually, job, loaded, problem, task
from tests.http.conftest import Serve
from workflows.api.schemas.executions import ExecutionStateSchema, PrioritySchema, StartedSchema
from workflows.model import Status

LONG = task("a", "sleep", parameters={"seconds": 600})


def started(answer: requests.Response, replayed: bool = False) -> str:
    assert answer.headers["Idempotency-Replayed"] == str(replayed).lower()
    execution_id = str(loaded(answer, StartedSchema(), 202)["execution_id"])
    assert answer.headers["Location"] == f"/jobs/{execution_id}/state"
    return execution_id


def keyed(api: Client, name: str, body: Any, key: str, path: str = "") -> requests.Response:
    return api.post(f"/jobs/{name}/execute{path}", body, headers={**JSON, "Idempotency-Key": key})


# ----------------------------------------------------------------------------------------------------------------- chosen ids


def test_an_execution_has_the_id_that_was_chosen_everywhere(api: Client) -> None:
    name = api.register(job(LONG))
    chosen = f"{name}.order-17"
    assert started(api.post(f"/jobs/{name}/execute?executionId={chosen}", {"n": 1})) == chosen
    assert api.reaches(chosen, lambda state: state["status"] is Status.RUNNING)["id"] == chosen
    assert chosen in [one["id"] for one in api.get("/system/state").json()["activeJobs"]]
    assert api.post(f"/jobs/{chosen}/cancel").status_code == 200
    assert api.state(chosen)["status"] is Status.CANCELLED
    problem(api.get(f"/jobs/{chosen}x/state"), 404, f"{chosen}x")


def test_the_same_start_is_the_same_execution_and_another_a_conflict(api: Client) -> None:
    name, other = api.register(job(task("a"))), api.register(job(task("a")))
    chosen = f"{name}-once"
    path = f"execute?executionId={chosen}"
    started(api.post(f"/jobs/{name}/{path}", '{"a": 1, "b": [2]}'))
    started(api.post(f"/jobs/{name}/{path}", '{ "b":[2],"a":1}'), replayed=True)
    api.ended(chosen)
    started(api.post(f"/jobs/{name}/{path}", '{"a": 1, "b": [2]}'), replayed=True)
    problem(api.post(f"/jobs/{name}/{path}", '{"a": 1.0, "b": [2]}'), 409, chosen, "another input")
    problem(api.post(f"/jobs/{other}/{path}", '{"a": 1, "b": [2]}'), 409, chosen, repr(name))
    problem(api.post(f"/jobs/{name}/{path}&revision=1", '{"a": 1, "b": [2]}'), 409, chosen)


def test_ids_that_the_server_gives_out_can_be_repeated_and_not_chosen(api: Client) -> None:
    name, other = api.register(job(task("a"))), api.register(job(task("a")))
    execution_id = api.execute(name, {"n": 1})
    path = f"execute?executionId={execution_id}"
    assert started(api.post(f"/jobs/{name}/{path}", '{"n":1}'), replayed=True) == execution_id
    assert started(api.post(f"/jobs/{name}/{path}&revision=1", '{"n":1}'), replayed=True) == execution_id
    problem(api.post(f"/jobs/{name}/{path}", {"n": 2}), 409, execution_id)
    problem(api.post(f"/jobs/{other}/{path}", {"n": 1}), 409, execution_id)
    problem(api.post(f"/jobs/{name}/{path}&revision=2", {"n": 1}), 409, execution_id)
    free = "exec-0-999999-0123abcd"
    assert (
        problem(api.post(f"/jobs/{name}/execute?executionId={free}", {}), 422, "given out by the server", free)["problems"][0]["pointer"]
        == "?executionId"
    )


@pytest.mark.parametrize("chosen", ["", ".", "..", "a/b", "a b", "ä", "x" * 129, "%0a"])
def test_an_id_that_cannot_be(api: Client, chosen: str) -> None:
    name = api.register(job(task("a")))
    assert problem(api.post(f"/jobs/{name}/execute?executionId={chosen}", {}), 422)["problems"][0]["pointer"] == "?executionId"


# ---------------------------------------------------------------------------------------------------------- idempotency keys


def test_a_key_makes_one_execution(api: Client) -> None:
    name, other = api.register(job(task("a"))), api.register(job(task("a")))
    first = started(keyed(api, name, {"n": 1}, "k-1"))
    assert started(keyed(api, name, '{"n":1}', "k-1"), replayed=True) == first
    assert started(keyed(api, name, {"n": 1}, "k-2")) != first
    assert started(keyed(api, other, {"n": 1}, "k-1")) != first, "keys are the definition's"
    found = problem(keyed(api, name, {"n": 2}, "k-1"), 422, first, "another input")
    assert found["problems"][0]["pointer"] == "Idempotency-Key:"
    assert found["detail"].startswith("Idempotency-Key: with")
    problem(keyed(api, name, {"n": 1}, "k-1", "?executionId=another"), 422, first, "another execution id")


@pytest.mark.parametrize("key", ["a\tb", "x" * 256, "\u00e9", ""])
def test_a_key_that_cannot_be(api: Client, key: str) -> None:
    name = api.register(job(task("a")))
    assert problem(keyed(api, name, {}, key), 422)["problems"][0]["pointer"] == "Idempotency-Key:"


def test_a_refused_start_does_not_take_the_key(api: Client) -> None:
    name = api.register(job(task("a"), inputSchema={"required": ["n"]}))
    problem(keyed(api, name, {}, "once"), 422, "missing")
    started(keyed(api, name, {"n": 1}, "once"))
    api.register({"id": name, "tasks": [task("a")], "inputSchema": {"required": ["m"]}})
    started(keyed(api, name, {"n": 1}, "once"), replayed=True)
    problem(keyed(api, name, {"n": 1}, "twice"), 422, "missing")


def at_once(count: int, do: Callable[[int], requests.Response]) -> list[requests.Response]:
    """All of them let loose at the same moment."""
    gate = threading.Barrier(count)

    def one(number: int) -> requests.Response:
        gate.wait(60)
        return do(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_racing_requests_make_one_execution(gunicorn: Client) -> None:
    name = gunicorn.register(job(task("a")))
    for turn in range(5):
        answers = at_once(12, lambda _, turn=turn: keyed(gunicorn, name, {"n": turn}, f"race-{turn}"))  # type: ignore[misc]
        assert {answer.status_code for answer in answers} == {202}
        assert len({answer.json()["executionID"] for answer in answers}) == 1
        assert sorted(answer.headers["Idempotency-Replayed"] for answer in answers) == ["false"] + ["true"] * 11
        answers = at_once(12, lambda n, turn=turn: gunicorn.post(f"/jobs/{name}/execute?executionId={name}-{turn}", {"n": n % 2}))  # type: ignore[misc]
        assert sorted(answer.status_code for answer in answers) == [202] * 6 + [409] * 6
        assert [answer.headers.get("Idempotency-Replayed") for answer in answers].count("false") == 1


# -------------------------------------------------------------------------------------------------- labels, revisions, inputs


def test_labels_are_its_own_and_the_definitions(api: Client) -> None:
    name = api.register(job(task("a"), labels={"team": "shop", "env": "test"}))
    execution_id = started(api.post(f"/jobs/{name}/execute?label=env:live&label=url:http://x:80&label=empty:", {}))
    assert api.state(execution_id)["labels"] == {"team": "shop", "env": "live", "url": "http://x:80", "empty": ""}
    for asked, found in (("env:live", True), ("env:test", False), ("team:shop", True)):
        listed = api.get(f"/executions?job={name}&label={asked}").json()["executions"]
        assert [(one["id"], one["labels"]["env"]) for one in listed] == [(execution_id, "live")] * found
    many = "&".join(f"label=k{n}:v" for n in range(33))
    for wrong in (many, f"label={'x' * 64}:v", f"label=k:{'x' * 256}", "label=k", "label=:v", "label=a:1&label=a:2"):
        assert problem(api.post(f"/jobs/{name}/execute?{wrong}", {}), 422)["problems"][0]["pointer"] == "?label"
    started(api.post(f"/jobs/{name}/execute?label={'x' * 63}:{'ü' * 255}", {}))


def test_an_older_revision(api: Client) -> None:
    name = api.register(job(task("a", parameters={"is": "old"})))
    api.register({"id": name, "tasks": [task("a", parameters={"is": "new"})]})
    states = [api.ended(started(api.post(f"/jobs/{name}/execute{path}", {}))) for path in ("", "?revision=1", "?revision=2")]
    assert [(state["revision"], state["output"]["a"]["is"]) for state in states] == [(2, "new"), (1, "old"), (2, "new")]
    problem(api.post(f"/jobs/{name}/execute?revision=3", {}), 404, "no revision 3; the newest is 2")
    for wrong in ("0", "-1", "one", ""):
        assert problem(api.post(f"/jobs/{name}/execute?revision={wrong}", {}), 422)["problems"][0]["pointer"] == "?revision"


def test_an_input_is_checked_by_the_schema_of_the_revision(api: Client) -> None:
    schema = {"properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
    name = api.register(job(task("a"), inputSchema=schema))
    found = problem(api.post(f"/jobs/{name}/execute", '{"m": 1, "n": "x"}'), 422)["problems"]
    assert {(one["pointer"], one["message"]) for one in found} == {("/n", 'this must be a whole number, not "x"'), ("/m", "unknown key")}
    problem(api.post(f"/jobs/{name}/execute"), 422, "missing")
    problem(api.post(f"/jobs/{name}/execute", '{"n": 1, "x": "' + "y" * 1_100_000 + '"}'), 422, "1,048,576 bytes")
    completed = api.execute(name, {"n": 1})
    assert api.ended(completed)["status"] is Status.COMPLETED
    failed = api.run(job(task("a", "fail"), inputSchema=schema), {"n": 1})["id"]
    found = problem(api.post(f"/jobs/{failed}/redrive", {"input": {"n": "x"}}), 422)["problems"]
    assert [one["pointer"] for one in found] == ["/input/n"]
    api.register({"id": name, "tasks": [task("a")]})
    assert api.ended(api.execute(name, {}))["revision"] == 2
    problem(api.post(f"/jobs/{name}/execute?revision=1", {}), 422, "missing")
    problem(api.post("/job-definitions", job(task("a"), inputSchema={"type": "txt"})), 422, "must be one of")


def test_a_machine_whose_input_is_checked(api: Client) -> None:
    machine = {"id": job()["id"], "inputSchema": {"type": "array"}, "StartAt": "A", "States": {"A": {"Type": "Succeed"}}}
    assert api.run(machine, "[1]")["output"] == [1]
    problem(api.post(f"/jobs/{machine['id']}/execute", "{}"), 422, "this must be a list, not an object")


# ---------------------------------------------------------------------------------------------------------------- priorities


def test_higher_goes_first_and_a_priority_can_be_changed_while_queued(serve: Serve) -> None:
    with serve(max_jobs=1) as (api, _):
        name = api.register(job(task("a", "sleep", parameters={"seconds.$": "$.input.seconds"}), priority=2))
        running = api.execute(name, {"seconds": 600})
        api.reaches(running, lambda state: state["status"] is Status.RUNNING)
        paths = ("", "?priority=5", "?priority=-1000", "?priority=1000")
        usual, high, low, highest = (started(api.post(f"/jobs/{name}/execute{path}", {"seconds": 0.01})) for path in paths)
        assert [api.state(one)["priority"] for one in (usual, high, low, highest)] == [2, 5, -1_000, 1_000]
        answer = api.put(f"/jobs/{low}/priority", {"priority": 4})
        assert loaded(answer, PrioritySchema()) == {"id": low, "priority": 4}
        assert api.state(low)["priority"] == 4
        assert [one["priority"] for one in api.get(f"/executions?job={name}").json()["executions"]] == [1_000, 4, 5, 2, 2]
        problem(api.put(f"/jobs/{running}/priority", {"priority": 4}), 409, running, "RUNNING")
        api.post(f"/jobs/{running}/cancel")
        ends = [api.ended(one)["started"] for one in (highest, high, low, usual)]
        assert ends == sorted(ends)
        problem(api.put(f"/jobs/{usual}/priority", {"priority": 4}), 409, "COMPLETED")


def test_a_priority_that_cannot_be(api: Client) -> None:
    name = api.register(job(task("a")))
    for wrong in ("1001", "-1001", "1.0", "high", ""):
        assert problem(api.post(f"/jobs/{name}/execute?priority={wrong}", {}), 422)["problems"][0]["pointer"] == "?priority"
    execution_id = api.execute(name)
    for body, pointer in (
        ({"priority": 1_001}, "/priority"),
        ({"priority": "1"}, "/priority"),
        ({}, "/priority"),
        ({"prio": 1, "priority": 1}, "/prio"),
        ([], ""),
    ):
        assert problem(api.put(f"/jobs/{execution_id}/priority", body), 422)["problems"][0]["pointer"] == pointer
    problem(api.put("/jobs/nobody/priority", {"priority": 1}), 404, "nobody")
    problem(api.post("/job-definitions", job(task("a"), priority=1_001)), 422, "from -1000 to 1000")


# ------------------------------------------------------------------------------------------------------------------- waiting


def test_waiting_for_the_end(api: Client) -> None:
    name = api.register(job(task("a")))
    answer = api.post(f"/jobs/{name}/execute?wait=30", {"n": 1})
    state = loaded(answer, ExecutionStateSchema(), 200)
    assert (state["status"], state["output"]) == (Status.COMPLETED, {"a": {"n": 1}})
    assert answer.headers["Location"] == f"/jobs/{state['id']}/state"
    assert answer.text == api.get(answer.headers["Location"]).text
    machine = {"id": job()["id"], "StartAt": "A", "States": {"A": {"Type": "Pass", "Result": [1], "End": True}}}
    api.register(machine)
    assert loaded(api.post(f"/jobs/{machine['id']}/execute?wait=30", {}), ExecutionStateSchema())["output"] == [1], "over in one commit"
    failing = api.register(job(task("a", "fail")))
    assert loaded(api.post(f"/jobs/{failing}/execute?wait=30", {}), ExecutionStateSchema())["status"] is Status.FAILED


def test_waiting_in_vain_and_for_one_that_was_started_before(api: Client) -> None:
    name = api.register(job(LONG))
    begun = time.monotonic()
    execution_id = started(api.post(f"/jobs/{name}/execute?wait=0.2&executionId={name}-w", {}))
    assert time.monotonic() - begun >= 0.2
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(api.post, f"/jobs/{name}/execute?wait=60&executionId={name}-w", {})
        api.post(f"/jobs/{execution_id}/cancel")
        answer = waiting.result(60)
    assert loaded(answer, ExecutionStateSchema())["status"] is Status.CANCELLED
    assert answer.headers["Idempotency-Replayed"] == "true"


def test_a_wait_that_cannot_be(api: Client) -> None:
    name = api.register(job(task("a")))
    for wrong in ("0", "-1", "60.001", "nan", "inf", "1e1", "soon", ""):
        assert problem(api.post(f"/jobs/{name}/execute?wait={wrong}", {}), 422)["problems"][0]["pointer"] == "?wait"


def test_those_who_wait_leave_room_and_who_finds_none_has_started_nothing(serve: Serve) -> None:
    with serve(threads=4) as (api, app), ThreadPoolExecutor(3) as pool:
        name = api.register(job(LONG))
        waiting = [pool.submit(api.post, f"/jobs/{name}/execute?wait=60&executionId=w{n}", {}) for n in range(2)]
        for n in range(2):
            eventually(lambda n=n: api.get(f"/jobs/w{n}/state").status_code == 200 or None)  # type: ignore[misc]
        refused = api.post(f"/jobs/{name}/execute?wait=60&executionId=w2", {})
        problem(refused, 503, "2 requests wait")
        assert int(refused.headers["Retry-After"]) >= 1
        problem(api.get("/jobs/w2/state"), 404)
        started(api.post(f"/jobs/{name}/execute?executionId=w2", {}))
        app.extensions["stepwell"].stop(0.0)
        assert [one.result(50).status_code for one in waiting] == [202, 202], "a server that stops lets them go at once"


def test_many_who_wait_are_all_told(gunicorn: Client) -> None:
    name = gunicorn.register(job(task("a", "sleep", parameters={"seconds": 0.05})))
    answers = at_once(10, lambda n: gunicorn.post(f"/jobs/{name}/execute?wait=30", {"n": n}))
    assert [loaded(answer, ExecutionStateSchema())["input"]["n"] for answer in answers] == list(range(10))
