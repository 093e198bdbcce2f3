"""POST /job-definitions."""

from __future__ import annotations

import json

import pytest

from tests.http.client import Client, job, loaded, problem, task
from workflows.api.schemas.definitions import RegisteredSchema


def test_a_definition_is_registered(api: Client) -> None:
    definition = job(task("a"))
    done = loaded(api.post("/job-definitions", definition), RegisteredSchema(), 201)
    name = definition["id"]
    assert done == {"message": f"Job definition '{name}' registered successfully", "id": name, "revision": 1, "warnings": []}


def test_the_same_document_is_the_same_revision_however_it_is_written(api: Client) -> None:
    definition = job(task("a"))
    api.register(definition)
    again = json.dumps(dict(reversed(definition.items())), indent=3)
    done = loaded(api.post("/job-definitions", again), RegisteredSchema(), 201)
    assert done["revision"] == 1
    assert done["message"] == f"Job definition '{definition['id']}' unchanged"


def test_another_document_is_the_next_revision(api: Client) -> None:
    definition = job(task("a"))
    api.register(definition)
    done = loaded(api.post("/job-definitions", definition | {"description": "now with words"}), RegisteredSchema(), 201)
    assert done["revision"] == 2
    done = loaded(api.post("/job-definitions", definition), RegisteredSchema(), 201)
    assert done["revision"] == 3


def test_an_execution_keeps_the_revision_it_was_started_with(api: Client) -> None:
    definition = job(task("before"))
    first = api.execute(api.register(definition))
    api.register(definition | {"tasks": [task("after")]})
    assert [one["id"] for one in api.ended(first)["tasks"]] == ["before"]
    second = api.ended(api.execute(definition["id"]))
    assert (second["revision"], [one["id"] for one in second["tasks"]]) == (2, ["after"])


def test_every_problem_is_listed_at_once(api: Client) -> None:
    wrong = job(task("a", "ecko"), task("a", maxRetry=-1), {"functionName": "echo"}, color="red")
    found = problem(api.post("/job-definitions", wrong), 422)
    assert {one["pointer"] for one in found["problems"]} == {
        *("/tasks/0/functionName", "/tasks/1/id", "/tasks/1/maxRetry", "/tasks/2/id", "/color"),
    }
    assert [one["suggestion"] for one in found["problems"] if one["pointer"] == "/tasks/0/functionName"] == ["echo"]
    assert "5 problems" in found["detail"]
    assert found["instance"] == "/job-definitions"


def test_a_suggestion_is_left_out_where_there_is_none(api: Client) -> None:
    found = problem(api.post("/job-definitions", job()), 422)
    assert [set(one) for one in found["problems"]] == [{"pointer", "message", "severity", "line", "column"}]
    assert found["detail"] == f"/tasks: {found['problems'][0]['message']}"


def test_a_refused_definition_leaves_nothing_behind(api: Client) -> None:
    wrong = job(task("a", "nothing-of-the-kind"))
    problem(api.post("/job-definitions", wrong), 422)
    problem(api.post(f"/jobs/{wrong['id']}/execute"), 404)


@pytest.mark.parametrize("document", ["[]", "1", '"text"', "null", "true"])
def test_what_is_no_object_is_no_definition(api: Client, document: str) -> None:
    problem(api.post("/job-definitions", document), 422, "object")


def test_a_key_given_twice_is_a_problem(api: Client) -> None:
    text = json.dumps(job(task("a")))[:-1] + ', "name": "one", "name": "two"}'
    assert [one["pointer"] for one in problem(api.post("/job-definitions", text), 422)["problems"]] == ["/name"]


def test_an_empty_body_is_not_json(api: Client) -> None:
    problem(api.post("/job-definitions"), 400, "empty")
    problem(api.post("/job-definitions", " \n"), 400, "empty")


def test_the_names_of_go_job_orchestrator_are_understood(api: Client) -> None:
    assert api.run(job(task("a", "echoFunction")), {"a": 1})["status"] == "COMPLETED"


def test_thousands_of_problems_are_all_listed(api: Client) -> None:
    assert len(problem(api.post("/job-definitions", job(*[{}] * 2_000)), 422)["problems"]) == 4_000


def test_a_wide_job(api: Client) -> None:
    state = api.run(job(*[task(f"t{n}", dependsOn=[]) for n in range(500)]))
    assert state["status"] == "COMPLETED"
    assert [one["id"] for one in state["tasks"]] == [f"t{n}" for n in range(500)]


def test_a_warning_is_told_and_refuses_nothing(api: Client) -> None:
    states = {"A": {"Type": "Pass", "End": True}, "Lost": {"Type": "Task", "Resource": "ecko", "End": True}}
    machine = {"id": "machine-with-warnings", "StartAt": "A", "States": states}
    done = loaded(api.post("/job-definitions", json.dumps(machine, indent=1)), RegisteredSchema(), 201)
    assert done["revision"] == 1
    found = {warning["pointer"]: warning for warning in done["warnings"]}
    assert set(found) == {"/States/Lost", "/States/Lost/Resource"}
    assert found["/States/Lost/Resource"]["suggestion"] == "echo"
    assert (found["/States/Lost/Resource"]["line"], found["/States/Lost/Resource"]["column"]) == (11, 16)
    assert {warning["severity"] for warning in found.values()} == {"warning"}
