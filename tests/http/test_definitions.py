"""/job-definitions: registering, looking, deleting."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.http.client import Client, job, loaded, pages, problem, task
from tests.http.conftest import Serve
from workflows.api.schemas.definitions import (
    DefinitionSchema,
    DefinitionsSchema,
    DeletedRevisionSchema,
    DeletedSchema,
    RegisteredSchema,
    RevisionsSchema,
)
from workflows.api.schemas.executions import StartedSchema
from workflows.api.schemas.listing import ExecutionsSchema


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


# ----------------------------------------------------------------------------------------------------------------- looking


def test_a_definition_is_shown_as_it_was_sent(api: Client) -> None:
    text = '{"id": "shown", "name": "Shown",  "description": "for people", "labels": {"team": "tea"}, "tasks": [{"id":"a", '
    text += '"functionName":"echo", "parameters": {"big": 123456789012345678901234567890, "one": 1.00}}]}'
    api.post("/job-definitions", text)
    answer = api.get("/job-definitions/shown")
    found = loaded(answer, DefinitionSchema())
    assert [found[key] for key in ("id", "revision", "name", "description")] == ["shown", 1, "Shown", "for people"]
    assert (found["labels"], found["dialect"], found["hears"]) == ({"team": "tea"}, "taskList", False)
    assert text in answer.text
    assert set(answer.json()) == {"id", "revision", "name", "description", "labels", "dialect", "hearsAlerts", "createTime", "document"}


def test_revisions_are_listed_newest_first_and_each_is_shown(api: Client) -> None:
    first = job(task("a"))
    name = api.register(first)
    for n in range(2, 6):
        api.register(first | {"description": f"the {n}th"})
    found = pages(api, f"/job-definitions/{name}/revisions", RevisionsSchema(), limit=2)
    assert [[one["revision"] for one in page] for page in found] == [[5, 4], [3, 2], [1]]
    assert loaded(api.get(f"/job-definitions/{name}"), DefinitionSchema())["revision"] == 5
    old = loaded(api.get(f"/job-definitions/{name}/revisions/3"), DefinitionSchema())
    assert (old["revision"], old["description"], old["created"]) == (3, "the 3th", found[1][0]["created"])
    assert old["document"] == first | {"description": "the 3th"}


def test_definitions_are_listed_by_id_in_pages(api: Client) -> None:
    api.register({"id": "zz-machine", "StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
    api.register(job(task("a"), name="Listed") | {"id": "zz-list"})
    whole = [one for page in pages(api, "/job-definitions", DefinitionsSchema()) for one in page]
    assert [one["id"] for one in whole] == sorted(one["id"] for one in whole)
    assert [(one["id"], one["dialect"], one["name"]) for one in whole if one["id"].startswith("zz-")] == [
        ("zz-list", "taskList", "Listed"),
        ("zz-machine", "stateMachine", "zz-machine"),
    ]
    assert [one for page in pages(api, "/job-definitions", DefinitionsSchema(), limit=3) for one in page] == whole
    answer = api.get("/job-definitions", params={"limit": 1}).json()
    assert set(answer) == {"definitions", "next"}
    assert set(answer["definitions"][0]) == {"id", "revision", "name", "description", "labels", "dialect", "hearsAlerts", "updateTime"}
    problem(api.get("/executions", params={"cursor": answer["next"]}), 422, "another question")


def test_a_definition_that_is_not_there(api: Client) -> None:
    name = api.register(job(task("a")))
    for path in ("nobodys", "nobodys/revisions", "nobodys/revisions/1", f"{name}/revisions/2", f"{name}/revisions/0"):
        problem(api.get(f"/job-definitions/{path}"), 404)
    for path in ("nobodys", "nobodys/revisions/1", f"{name}/revisions/2"):
        problem(api.delete(f"/job-definitions/{path}"), 404)
    problem(api.get(f"/job-definitions/{name}/revisions/first"), 404)


# ---------------------------------------------------------------------------------------------------------------- deleting


def test_a_definition_is_deleted_and_its_executions_stay(api: Client) -> None:
    definition = job(task("a"), labels={"team": "gone"})
    execution_id = api.run(definition)["id"]
    name = definition["id"]
    before = api.state(execution_id)
    assert loaded(api.delete(f"/job-definitions/{name}"), DeletedSchema()) == {"message": f"Job definition '{name}' deleted", "id": name}
    for path in (name, f"{name}/revisions", f"{name}/revisions/1"):
        problem(api.get(f"/job-definitions/{path}"), 404, name)
    problem(api.post(f"/jobs/{name}/execute"), 404, name)
    problem(api.delete(f"/job-definitions/{name}"), 404, name)
    assert name not in [one["id"] for page in pages(api, "/job-definitions", DefinitionsSchema()) for one in page]
    assert api.state(execution_id) == before
    assert api.get(f"/jobs/{execution_id}/history").status_code == 200
    assert [one["labels"] for one in loaded(api.get("/executions", params={"job": name}), ExecutionsSchema())["items"]] == [
        {"team": "gone"}
    ]
    assert loaded(api.post("/job-definitions", definition), RegisteredSchema(), 201)["revision"] == 2
    assert [one["revision"] for page in pages(api, f"/job-definitions/{name}/revisions", RevisionsSchema()) for one in page] == [2]
    assert api.ended(api.execute(name))["revision"] == 2


def test_a_definition_stays_while_an_execution_of_it_has_not_ended(api: Client) -> None:
    name = api.register(job(task("a", "sleep", parameters={"seconds": 600})))
    ids = [api.execute(name) for _ in range(4)]
    told = problem(api.delete(f"/job-definitions/{name}"), 409, "4 executions need", *ids[:0:-1])
    assert ids[0] not in told["detail"]
    for one in ids:
        api.post(f"/jobs/{one}/cancel")
    assert api.delete(f"/job-definitions/{name}").status_code == 200


def test_a_revision_stays_while_an_execution_is_kept_that_ran_on_it(api: Client) -> None:
    definition = job(task("a"))
    execution_id = api.run(definition)["id"]
    for n in range(2):
        api.register(definition | {"description": f"{n}"})
    name = definition["id"]
    problem(api.delete(f"/job-definitions/{name}/revisions/1"), 409, "1 execution needs revision 1", execution_id)
    problem(api.delete(f"/job-definitions/{name}/revisions/3"), 409, "newest")
    done = loaded(api.delete(f"/job-definitions/{name}/revisions/2"), DeletedRevisionSchema())
    assert done == {"message": f"Revision 2 of job definition '{name}' deleted", "id": name, "revision": 2}
    problem(api.get(f"/job-definitions/{name}/revisions/2"), 404)
    assert [one["revision"] for page in pages(api, f"/job-definitions/{name}/revisions", RevisionsSchema()) for one in page] == [3, 1]


def test_a_file_whose_definition_was_deleted_stays_out_until_it_changes(serve: Serve, tmp_path: Path) -> None:
    directory = tmp_path / "definitions"
    directory.mkdir()
    file = directory / "filed.json"
    file.write_text(json.dumps({"id": "filed", "tasks": [task("a")]}))
    with serve(definitions=directory) as (api, _):
        assert loaded(api.get("/job-definitions/filed"), DefinitionSchema())["revision"] == 1
        assert api.delete("/job-definitions/filed").status_code == 200
    with serve(definitions=directory) as (api, _):
        problem(api.get("/job-definitions/filed"), 404)
    file.write_text(json.dumps({"id": "filed", "tasks": [task("b")]}))
    with serve(definitions=directory) as (api, _):
        assert loaded(api.get("/job-definitions/filed"), DefinitionSchema())["revision"] == 2


def test_executions_and_a_deletion_that_race_leave_nothing_without_its_definition(api: Client) -> None:
    """Whichever comes first: a start is refused or runs to its end, and a deletion that is accepted takes nothing from what runs."""
    definition = job(task("a"))
    name = api.register(definition)
    at_once = threading.Barrier(5)

    def start() -> str | None:
        at_once.wait(30)
        answer = api.post(f"/jobs/{name}/execute")
        return None if answer.status_code == 404 else str(loaded(answer, StartedSchema(), 202)["execution_id"])

    def delete() -> int:
        at_once.wait(30)
        return api.delete(f"/job-definitions/{name}").status_code

    with ThreadPoolExecutor(5) as pool:
        for n in range(20):
            starting, deleting = [pool.submit(start) for _ in range(4)], pool.submit(delete)
            started = [one for one in (each.result() for each in starting) if one is not None]
            assert [api.ended(one)["status"].value for one in started] == ["COMPLETED"] * len(started)
            assert deleting.result() == 200 or (deleting.result() == 409 and started)
            assert api.get(f"/job-definitions/{name}").status_code == (404 if deleting.result() == 200 else 200)
            api.register(definition | {"description": f"{n}"})


def test_the_schema_for_editors_lists_the_functions_and_fits_what_is_taken(api: Client) -> None:
    answer = api.get("/schema")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    schema = answer.json()
    Draft202012Validator.check_schema(schema)
    assert {"echo", "fail", "sleep"} <= set(schema["$defs"]["functionName"]["anyOf"][0]["enum"])
    assert Draft202012Validator(schema).is_valid(job(task("a")))
    assert not Draft202012Validator(schema).is_valid(job(task("a", maxRetry=-1)))
