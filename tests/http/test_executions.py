"""POST /jobs/{id}/execute, GET /jobs/{executionId}/state, POST /jobs/{executionId}/cancel: what happens to a job, as seen from outside."""

from __future__ import annotations

import pytest

from tests.http.client import Client, Loaded, job, loaded, problem, task
from workflows.api.schemas.control import ControlledSchema
from workflows.api.schemas.executions import ExecutionStateSchema, StartedSchema
from workflows.model import Status

SOON = {"type": "constant", "initialSeconds": 0.01}


def tasks_of(state: Loaded) -> dict[str, Loaded]:
    return {one["id"]: one for one in state["tasks"]}


def statuses(state: Loaded) -> dict[str, str]:
    return {one["id"]: one["status"] for one in state["tasks"]}


def test_the_answer_names_the_execution_and_where_to_look(api: Client) -> None:
    name = api.register(job(task("a")))
    answer = api.post(f"/jobs/{name}/execute", {"n": 1})
    execution_id = loaded(answer, StartedSchema(), 202)["execution_id"]
    assert set(answer.json()) == {"executionID"}
    assert answer.headers["Location"] == f"/jobs/{execution_id}/state"
    assert loaded(api.get(answer.headers["Location"]), ExecutionStateSchema())["id"] == execution_id


def test_a_completed_job(api: Client) -> None:
    definition = job(task("a"), task("b", parameters={"n.$": "$.input.n", "then.$": "$.results.a"}))
    state = api.run(definition, {"n": 7})
    assert (state["status"], state["definition"], state["revision"]) == (Status.COMPLETED, definition["id"], 1)
    assert state["input"] == {"n": 7}
    assert state["output"] == {"b": {"n": 7, "then": {"n": 7}}}
    assert state["error"] is None
    assert state["submitted"] <= state["started"] <= state["ended"]
    for one, name in zip(state["tasks"], "ab", strict=True):
        assert (one["id"], one["name"], one["function"], one["status"], one["attempts"]) == (name, f"Task {name}", "echo", "COMPLETED", 1)
        assert state["started"] <= one["started"] <= one["ended"] <= state["ended"]
        assert (one["error"], one["reason"]) == (None, None)


def test_the_fields_on_the_wire(api: Client) -> None:
    execution_id = api.run(job(task("a")))["id"]
    state = api.get(f"/jobs/{execution_id}/state").json()
    assert list(state)[:5] == ["id", "definitionId", "status", "paused", "startTime"]
    assert set(state) == {
        *("id", "definitionId", "status", "paused", "redriveCount", "startTime", "tasks"),
        *("revision", "priority", "labels", "submitTime", "endTime", "input", "output", "error"),
    }
    assert set(state["tasks"][0]) == {
        *("id", "name", "status"),
        *("functionName", "startTime", "endTime", "attempts", "result", "error", "reason"),
    }
    assert state["startTime"].endswith("Z")
    assert len(state["startTime"]) == len("2026-11-21T03:00:00.123Z")


@pytest.mark.parametrize("body", [None, "", " ", "{}", " {} "])
def test_no_input_is_the_empty_object(api: Client, body: str | None) -> None:
    state = api.run(job(task("a")), body)
    assert (state["input"], state["output"]) == ({}, {"a": {}})


def test_a_retried_task(api: Client) -> None:
    stumble = task("a", "fail", maxRetry=2, retryDelay=SOON, parameters={"error": "Hiccup", "times": 1})
    state = api.run(job(stumble))
    one = state["tasks"][0]
    assert (state["status"], one["status"], one["attempts"], one["error"]) == (Status.COMPLETED, "COMPLETED", 2, None)


def test_a_failed_job_says_why_and_what_became_of_the_rest(api: Client) -> None:
    doomed = task("b", "fail", maxRetry=1, retryDelay=SOON, parameters={"error": "Sorry", "message": "not today"})
    state = api.run(job(task("a"), doomed, task("c"), task("d")))
    assert state["status"] == Status.FAILED
    assert state["output"] is None
    assert statuses(state) == {"a": "COMPLETED", "b": "FAILED", "c": "SKIPPED", "d": "SKIPPED"}
    error = state["error"]
    assert (error["type"], error["message"], error["task"]) == ("Sorry", "not today", "b")
    assert "Sorry: not today" in error["traceback"]
    found = tasks_of(state)
    assert found["b"]["error"] == error
    assert (found["b"]["attempts"], found["b"]["reason"]) == (2, None)
    assert found["c"]["reason"] == "trigger rule allSuccessful: upstream task 'b' failed"
    assert found["d"]["reason"] == "trigger rule allSuccessful: upstream task 'c' was skipped"
    assert (found["c"]["attempts"], found["c"]["started"], found["c"]["result"]) == (0, None, None)


def test_a_path_that_finds_nothing_fails_the_task_without_a_traceback(api: Client) -> None:
    state = api.run(job(task("a", parameters={"x.$": "$.input.nothing"})))
    assert state["error"]["type"] == "States.ParameterPathFailure"
    assert (state["error"]["traceback"], state["error"]["task"]) == (None, "a")


def test_rules_and_failures_that_are_gone_past(api: Client) -> None:
    state = api.run(
        job(
            task("root", "fail", dependsOn=[]),
            task("rescue", dependsOn=["root"], triggerRule="oneFailed"),
            task("usual", dependsOn=["root"]),
            task("shrug", "fail", dependsOn=[], continueOnFailure=True),
            task("after", dependsOn=["shrug"]),
        )
    )
    assert statuses(state) == {"root": "FAILED", "rescue": "COMPLETED", "usual": "SKIPPED", "shrug": "FAILED", "after": "COMPLETED"}
    assert state["error"]["task"] == "root"


def test_a_graph(api: Client) -> None:
    definition = job(output={"sum.$": "$.results"}) | {
        "tasks": {name: {"functionName": "echo", "parameters": {"of": name}} for name in "abcd"},
        "graph": {"b": ["a"], "c": ["a"], "d": ["b", "c"]},
    }
    state = api.run(definition)
    assert state["output"] == {"sum": {name: {"of": name} for name in "abcd"}}


def test_a_task_that_takes_too_long(api: Client) -> None:
    state = api.run(job(task("a", "sleep", parameters={"seconds": 60}, timeoutSeconds=0.05)))
    assert (state["status"], state["error"]["type"]) == (Status.FAILED, "States.Timeout")


def test_a_job_that_takes_too_long(api: Client) -> None:
    state = api.run(job(task("a", "sleep", parameters={"seconds": 60}), task("b"), timeoutSeconds=0.05))
    assert (state["status"], state["error"]["type"], state["error"]["task"]) == (Status.FAILED, "States.Timeout", None)
    assert statuses(state) == {"a": "CANCELLED", "b": "CANCELLED"}


def running(api: Client) -> str:
    """An execution whose first task runs and will not end by itself."""
    execution_id = api.execute(api.register(job(task("a", "sleep", parameters={"seconds": 600}), task("b"))))
    api.reaches(execution_id, lambda state: state["tasks"][0]["status"] == "RUNNING")
    return execution_id


def test_a_running_job_shows_what_is_not_there_yet_as_null(api: Client) -> None:
    execution_id = running(api)
    state = api.state(execution_id)
    assert (state["status"], state["ended"], state["output"], state["error"]) == (Status.RUNNING, None, None, None)
    assert statuses(state) == {"a": "RUNNING", "b": "PENDING"}
    assert (state["tasks"][0]["attempts"], state["tasks"][1]["attempts"]) == (1, 0)
    api.post(f"/jobs/{execution_id}/cancel")


def test_a_running_job_is_cancelled(api: Client) -> None:
    execution_id = running(api)
    done = loaded(api.post(f"/jobs/{execution_id}/cancel"), ControlledSchema())
    assert (done["id"], done["status"]) == (execution_id, Status.CANCELLED)
    state = api.state(execution_id)
    assert state["status"] == Status.CANCELLED
    assert state["ended"] is not None
    assert statuses(state) == {"a": "CANCELLED", "b": "CANCELLED"}
    assert tasks_of(state)["b"]["reason"] == "the execution ended CANCELLED before the task could start"


def test_cancelling_twice_is_fine(api: Client) -> None:
    execution_id = running(api)
    first, second = (loaded(api.post(f"/jobs/{execution_id}/cancel"), ControlledSchema()) for _ in range(2))
    assert first == second


def test_what_has_ended_is_not_cancelled(api: Client) -> None:
    execution_id = api.run(job(task("a")))["id"]
    problem(api.post(f"/jobs/{execution_id}/cancel"), 409, execution_id, "COMPLETED")
    assert api.state(execution_id)["status"] == Status.COMPLETED


@pytest.mark.parametrize("name", ["nobody", "exec-0-999999-00000000", "exec-0-x-1", "exec-0-1", "%C3%A9%20%22", "exec-0-%D9%A1-00000000"])
def test_an_execution_that_is_not_there(api: Client, name: str) -> None:
    problem(api.get(f"/jobs/{name}/state"), 404, "no execution")
    problem(api.post(f"/jobs/{name}/cancel"), 404, "no execution")


def test_a_number_alone_does_not_find_an_execution(api: Client) -> None:
    execution_id = api.execute(api.register(job(task("a"))))
    guessed = execution_id[:-8] + "00000000"
    problem(api.get(f"/jobs/{guessed}/state"), 404, guessed)


def test_ids_are_percent_decoded(api: Client) -> None:
    execution_id = api.execute(api.register(job(task("a"))))
    coded = "".join(f"%{ord(character):02X}" for character in execution_id)
    assert loaded(api.get(f"/jobs/{coded}/state"), ExecutionStateSchema())["id"] == execution_id
    problem(api.get("/jobs/na%C3%AFve/state"), 404, "naïve")


@pytest.mark.parametrize("name", ["nothing", "%2e%2e", "a%20b", "%F0%9F%99%82", "%ff", "a%00b"])
def test_a_definition_that_is_not_there(api: Client, name: str) -> None:
    problem(api.post(f"/jobs/{name}/execute", {}), 404, "no job definition")


@pytest.mark.parametrize("body", ["[]", "1", '"text"', "null", "true", " [1]"])
def test_the_input_is_an_object(api: Client, body: str) -> None:
    found = problem(api.post("/jobs/hello/execute", body), 422, "object")
    assert [one["pointer"] for one in found["problems"]] == [""]
