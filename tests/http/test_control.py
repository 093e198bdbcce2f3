"""Pause, resume and redrive over HTTP, one by one and in bulk."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from tests.http.client import Client, Loaded, job, loaded, problem, task
from tests.http.conftest import Serve
from workflows.api.schemas.control import BulkSchema, ControlledSchema
from workflows.api.schemas.system import SystemStateSchema
from workflows.model import Status

FAILING = "\n".join(
    [
        "from pathlib import Path",
        "from task_functions import task_function",
        "",
        "class Shut(Exception):",
        "    pass",
        "",
        "@task_function('gated')",
        "def gated(data, ctx):",
        "    '''Fails until there is a file of that name; writes down each call.'''",
        "    with Path(data['log']).open('a') as log:",
        "        print(ctx.task_id, ctx.attempt, file=log)",
        "    if not Path(data['gate']).exists():",
        "        raise Shut(ctx.task_id)",
        "    return ctx.task_id",
    ]
)


@pytest.fixture
def gated(tmp_path: Path, serve: Serve) -> Any:
    """Settings of a server whose function `gated` fails until `tmp_path / "gate"` exists."""
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "gated.py").write_text(FAILING)
    return serve(functions=("task_functions.examples", str(tmp_path / "functions")))


def parameters(tmp_path: Path) -> dict[str, str]:
    return {"log": str(tmp_path / "calls"), "gate": str(tmp_path / "gate")}


def done(api: Client, execution_id: str, action: str, body: Any = None, status: int = 200) -> Loaded:
    return loaded(api.post(f"/jobs/{execution_id}/{action}", body), ControlledSchema(), status)


def sleeping(api: Client) -> str:
    """An execution whose first task runs and will not end by itself."""
    return begun(api, task("a", "sleep", parameters={"seconds": 600}))


def begun(api: Client, first: Loaded) -> str:
    """An execution of two tasks, the first of which runs."""
    execution_id = api.execute(api.register(job(first, task("b"))))
    api.reaches(execution_id, lambda state: state["tasks"][0]["status"] == "RUNNING")
    return execution_id


def bulk(api: Client, action: str, wanted: dict[str, Any], **more: Any) -> Loaded:
    return loaded(api.post(f"/executions/{action}", {"filter": wanted, **more}), BulkSchema())


def statuses(state: Loaded) -> dict[str, str]:
    return {one["id"]: one["status"] for one in state["tasks"]}


# ----------------------------------------------------------------------------------------------------------- pause, resume


def test_a_paused_job_goes_on_when_it_is_resumed(api: Client, held: threading.Event) -> None:
    execution_id = begun(api, task("a", "held"))
    answer = done(api, execution_id, "pause")
    assert answer == {"message": f"Execution {execution_id!r} is paused", "id": execution_id, "status": Status.RUNNING}
    assert done(api, execution_id, "pause") == answer
    held.set()
    state = api.reaches(execution_id, lambda state: state["tasks"][0]["status"] == "COMPLETED")
    assert (state["paused"], statuses(state)["b"]) == (True, "PENDING")
    active = loaded(api.get("/system/state"), SystemStateSchema())["active"]
    assert [one["paused"] for one in active if one["id"] == execution_id] == [True]
    assert done(api, execution_id, "resume")["message"] == f"Execution {execution_id!r} goes on"
    state = api.ended(execution_id)
    assert (state["status"], state["paused"]) == (Status.COMPLETED, False)


def test_a_paused_job_is_cancelled(api: Client) -> None:
    execution_id = sleeping(api)
    done(api, execution_id, "pause")
    assert done(api, execution_id, "cancel")["status"] == Status.CANCELLED
    assert api.state(execution_id)["paused"] is False


@pytest.mark.parametrize("action", ["pause", "resume"])
def test_what_has_ended_is_neither_paused_nor_resumed(api: Client, action: str) -> None:
    execution_id = api.run(job(task("a")))["id"]
    problem(api.post(f"/jobs/{execution_id}/{action}"), 409, execution_id, "COMPLETED")


@pytest.mark.parametrize("action", ["pause", "resume", "redrive"])
def test_an_execution_that_is_not_there(api: Client, action: str) -> None:
    problem(api.post(f"/jobs/exec-0-999999-00000000/{action}"), 404, "no execution")


# ----------------------------------------------------------------------------------------------------------------- redrive


def test_a_failed_job_goes_on_where_it_failed(gated: Any, tmp_path: Path) -> None:
    with gated as (api, _):
        tasks = (task("a"), task("b", "gated", parameters=parameters(tmp_path)), task("c"))
        state = api.run(job(*tasks))
        assert statuses(state) == {"a": "COMPLETED", "b": "FAILED", "c": "SKIPPED"}
        (tmp_path / "gate").touch()
        answer = done(api, state["id"], "redrive", status=202)
        assert answer == {"message": f"Execution {state['id']!r} is redriven", "id": state["id"], "status": Status.QUEUED}
        state = api.ended(state["id"])
        assert (state["status"], state["redrives"], state["error"]) == (Status.COMPLETED, 1, None)
        assert [one["attempts"] for one in state["tasks"]] == [1, 2, 1]
        a, b, _ = (one["started"] for one in state["tasks"])
        assert a < state["started"] <= b, "times are those since the redrive, except of what was finished before"
        assert (tmp_path / "calls").read_text() == "b 1\nb 2\n"
        problem(api.post(f"/jobs/{state['id']}/redrive"), 409, "is COMPLETED", "only one that failed or was cancelled")


def test_a_state_machine_goes_on_in_the_branches_that_failed(gated: Any, tmp_path: Path) -> None:
    def branch(name: str, resource: str) -> dict[str, Any]:
        return {"StartAt": name, "States": {name: {"Type": "Task", "Resource": resource, "Parameters": parameters(tmp_path), "End": True}}}

    both = {"Type": "Parallel", "Branches": [branch("Good", "echo"), branch("Bad", "gated")], "End": True}
    with gated as (api, _):
        definition = {"id": "both", "StartAt": "Both", "States": {"Both": both}}
        state = api.run(definition)
        assert state["status"] is Status.FAILED
        (tmp_path / "gate").touch()
        done(api, state["id"], "redrive", status=202)
        state = api.ended(state["id"])
        assert (state["status"], state["output"]) == (Status.COMPLETED, [parameters(tmp_path), "Bad"])
        assert (tmp_path / "calls").read_text() == "Bad 1\nBad 2\n"
        events = api.get(f"/jobs/{state['id']}/history").json()["events"]
        assert [one["type"] for one in events].count("TaskStateEntered") == 2
        assert [one["executionRedrivenEventDetails"] for one in events if one["type"] == "ExecutionRedriven"] == [{"redriveCount": 1}]


def test_by_a_mended_revision_and_with_a_mended_input(api: Client) -> None:
    """A template looked for what the input does not have; then the input, too, is given anew, to the last digit."""
    broken = job(task("a"), task("b", parameters={"n.$": "$.input.m"}))
    state = api.run(broken, {"n": 1})
    assert state["error"]["type"] == "States.ParameterPathFailure"
    api.register({**broken, "tasks": [task("a"), task("b", parameters={"n.$": "$.input.n"})]})
    answer = api.post(f"/jobs/{state['id']}/redrive", '{"revision": 2, "input": {"n": 1.00}}')
    assert answer.status_code == 202, answer.text
    ended = api.ended(state["id"])
    assert (ended["status"], ended["revision"], ended["output"]) == (Status.COMPLETED, 2, {"b": {"n": 1}})
    assert '"input":{"n": 1.00}' in api.get(f"/jobs/{state['id']}/state").text


def test_a_revision_that_does_not_fit_is_refused_with_the_differences(api: Client) -> None:
    first = job(task("a"), task("b"), task("c", "fail"))
    state = api.run(first)
    api.register({**first, "tasks": [task("b"), task("c")]})
    found = problem(api.post(f"/jobs/{state['id']}/redrive", {"revision": 2}), 409, "cannot go on by revision 2")
    assert [one["message"] for one in found["problems"]] == [
        "the task 'a' is finished, and is missing in revision 2",
        "the task 'b' is finished, and in revision 2 depends on [], not on ['a']",
    ]
    assert api.state(state["id"])["redrives"] == 0


@pytest.mark.parametrize(
    ("body", "pointer", "word"),
    [
        ({"revision": 9}, "/revision", "no revision 9"),
        ({"revision": 9, "input": {}}, "/revision", "no revision 9"),
        ({"revision": 0}, "/revision", "from 1"),
        ({"revision": "1"}, "/revision", "whole number"),
        ({"input": [1]}, "/input", "JSON object"),
        ({"inptu": {}}, "/inptu", "unknown"),
        ([], "", "object"),
    ],
)
def test_bodies_that_are_refused(api: Client, body: Any, pointer: str, word: str) -> None:
    execution_id = api.run(job(task("a", "fail")))["id"]
    found = problem(api.post(f"/jobs/{execution_id}/redrive", body), 422, word)
    assert [one["pointer"] for one in found["problems"]] == [pointer]


def test_a_cancelled_job_is_redriven(api: Client) -> None:
    execution_id = sleeping(api)
    api.post(f"/jobs/{execution_id}/cancel")
    done(api, execution_id, "redrive", {}, 202)
    api.reaches(execution_id, lambda state: state["tasks"][0]["status"] == "RUNNING")
    problem(api.post(f"/jobs/{execution_id}/redrive"), 409, "is RUNNING")
    api.post(f"/jobs/{execution_id}/cancel")


# -------------------------------------------------------------------------------------------------------------------- bulk


def test_a_preview_changes_nothing(api: Client) -> None:
    failing = job(task("a", "fail"))
    name = api.register(failing)
    ids = [api.ended(api.execute(name))["id"] for _ in range(3)]
    answer = bulk(api, "redrive", {"job": name, "status": "FAILED"}, preview=True)
    assert answer == {"matched": 3, "executions": ids[::-1], "left": 0, "done": 0, "refused": []}
    assert [api.state(one)["redrives"] for one in ids] == [0, 0, 0]


def test_all_that_failed_are_redriven_and_the_others_left(gated: Any, tmp_path: Path) -> None:
    with gated as (api, _):
        name = api.register(job(task("a", "gated", parameters=parameters(tmp_path)), labels={"team": "shop"}))
        failed = [api.ended(api.execute(name))["id"] for _ in range(3)]
        (tmp_path / "gate").touch()
        good = api.ended(api.execute(name))["id"]
        answer = bulk(api, "redrive", {"labels": {"team": "shop"}})
        assert answer == {"matched": 3, "left": 1, "done": 3, "executions": failed[::-1], "refused": []}
        assert api.state(good)["redrives"] == 0
        assert [api.ended(one)["status"] for one in failed] == [Status.COMPLETED] * 3


def test_all_of_a_job_are_paused_resumed_and_cancelled(api: Client) -> None:
    name = api.register(job(task("a", "sleep", parameters={"seconds": 600})))
    ids = [api.execute(name) for _ in range(2)]
    assert bulk(api, "pause", {"job": name})["done"] == 2
    assert [api.state(one)["paused"] for one in ids] == [True, True]
    assert bulk(api, "resume", {"job": name, "paused": True})["done"] == 2
    assert [api.state(one)["paused"] for one in ids] == [False, False]
    assert bulk(api, "cancel", {"job": name})["done"] == 2
    for action in ("cancel", "pause", "resume"):
        assert bulk(api, action, {"job": name}) == {"matched": 0, "left": 2, "done": 0, "executions": [], "refused": []}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/filter"),
        ({"filter": None}, "/filter"),
        ({"filter": {"jbo": "x"}}, "/filter/jbo"),
        ({"filter": {"status": "BROKEN"}}, "/filter/status"),
        ({"filter": {"since": "yesterday"}}, "/filter/since"),
        ({"filter": {"labels": {"a": 1}}}, "/filter/labels/a"),
        ({"filter": {}, "preview": "yes"}, "/preview"),
        ({"filter": {}, "previw": True}, "/previw"),
    ],
)
def test_filters_that_are_refused(api: Client, body: Any, pointer: str) -> None:
    found = problem(api.post("/executions/cancel", body), 422)
    assert pointer in [one["pointer"] for one in found["problems"]]


def test_a_body_is_needed(api: Client) -> None:
    problem(api.post("/executions/cancel"), 400)
