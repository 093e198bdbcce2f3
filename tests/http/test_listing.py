"""GET /executions, GET /jobs/{executionId}/history and /logs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.http.client import Client, Loaded, job, loaded, pages, problem, task
from tests.http.conftest import Serve
from workflows.api.schemas.executions import StartedSchema
from workflows.api.schemas.listing import ExecutionsSchema, HistorySchema, LogsSchema


def listed(api: Client, **asked: Any) -> list[str]:
    return [one["id"] for page in pages(api, "/executions", ExecutionsSchema(), **asked) for one in page]


# ----------------------------------------------------------------------------------------------------------- executions


def test_executions_are_listed_newest_first_in_pages(api: Client) -> None:
    name = api.register(job(task("a")))
    ids = [api.execute(name, {"n": n}) for n in range(5)]
    found = pages(api, "/executions", ExecutionsSchema(), job=name, limit=2)
    assert [[one["id"] for one in page] for page in found] == [ids[:2:-1], ids[2:0:-1], ids[:1]]
    api.ended(ids[0])
    assert ids[0] in listed(api)


def test_an_execution_in_the_list_is_as_its_state_says(api: Client) -> None:
    name = api.register(job(task("a", "fail", parameters={"error": "Oops", "message": "no luck"}), labels={"team": "tea"}))
    state = api.ended(api.execute(name))
    answer = api.get("/executions", params={"job": name})
    (found,) = loaded(answer, ExecutionsSchema())["items"]
    assert {key: found[key] for key in ("id", "definition", "revision", "status", "submitted", "started", "ended")} == {
        key: state[key] for key in ("id", "definition", "revision", "status", "submitted", "started", "ended")
    }
    assert found["labels"] == {"team": "tea"}
    assert found["error"] == {**state["error"], "traceback": None}
    assert (found["error"]["type"], found["paused"]) == ("Oops", False)
    assert set(answer.json()) == {"executions", "next"}


def test_what_is_asked_for_together_must_hold_together(api: Client) -> None:
    name = api.register(job(task("a", "fail", parameters={"error": "Oops"}), labels={"team": "listing", "tier": "1"}))
    other = api.register(job(task("a"), labels={"team": "listing"}))
    first = api.ended(api.execute(name, {"word": "Zürich"}))
    second = api.ended(api.execute(name, {"word": "Basel"}))
    third = api.ended(api.execute(other, {"word": "Zürich"}))
    ids = [one["id"] for one in (first, second, third)]
    assert listed(api, label="team:listing") == ids[::-1]
    assert listed(api, label=["team:listing", "tier:1"]) == ids[1::-1]
    assert listed(api, label="team:listing", status="COMPLETED") == [ids[2]]
    assert listed(api, label="team:listing", text="zürich") == [ids[2], ids[0]]
    assert listed(api, job=name, text="OOPS") == ids[1::-1]
    between = {"since": "2000-01-01T00:00:00Z", "until": api.get(f"/jobs/{ids[1]}/state").json()["submitTime"]}
    assert listed(api, job=name, **between) == [ids[0]]
    assert listed(api, job=name, since="2100-01-01T00:00:00Z") == []
    assert listed(api, job="nobody's") == []


@pytest.mark.parametrize(
    ("asked", "place"),
    [
        ("status=GONE", "?status"),
        ("limit=201", "?limit"),
        ("since=2026-11-22T00:00:00Z&until=2026-11-21T00:00:00Z", "?until"),
        (f"text={'x' * 201}", "?text"),
        ("text=", "?text"),
        ("cursor=rubbish", "?cursor"),
        ("state=FAILED", "?state"),
    ],
)
def test_a_list_that_cannot_be_made_is_refused(api: Client, asked: str, place: str) -> None:
    assert [one["pointer"] for one in problem(api.get(f"/executions?{asked}"), 422)["problems"]] == [place]


def test_a_cursor_belongs_to_what_was_asked(api: Client) -> None:
    name = api.register(job(task("a")))
    for _ in range(2):
        api.execute(name)
    cursor = loaded(api.get("/executions", params={"job": name, "limit": 1}), ExecutionsSchema())["next"]
    assert api.get("/executions", params={"job": name, "limit": 200, "cursor": cursor}).status_code == 200
    problem(api.get("/executions", params={"cursor": cursor}), 422, "another question")


# -------------------------------------------------------------------------------------------------------------- history


def history(api: Client, execution_id: str, **asked: Any) -> list[Loaded]:
    return [event for page in pages(api, f"/jobs/{execution_id}/history", HistorySchema(), **asked) for event in page]


def test_a_history_is_read_from_either_end(api: Client) -> None:
    execution_id = api.run(job(*[task(f"t{n}", dependsOn=[]) for n in range(40)]), {"a": 1})["id"]
    whole = history(api, execution_id)
    assert [event["id"] for event in whole] == list(range(1, len(whole) + 1))
    assert len(whole) > 128, "more than two chunks"
    assert history(api, execution_id, limit=7) == whole
    assert history(api, execution_id, limit=7, reverse="true") == whole[::-1]


def test_an_event_has_the_names_of_get_execution_history_and_the_times_of_rest(api: Client) -> None:
    machine = {"id": "history-of-a-machine", "StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}
    state = api.run(machine, '{"n": 1.00}')
    events = api.get(f"/jobs/{state['id']}/history").json()["events"]
    assert [event["type"] for event in events] == ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"]
    assert events[0]["timestamp"] == api.get(f"/jobs/{state['id']}/state").json()["submitTime"]
    assert events[1]["stateEnteredEventDetails"] == {"name": "A", "input": '{"n": 1.00}', "inputDetails": {"truncated": False}}
    assert events[1]["previousEventId"] == 0


def test_a_history_that_is_not_there(api: Client) -> None:
    problem(api.get("/jobs/exec-0-1-00000000/history"), 404, "exec-0-1-00000000")
    name = api.register(job(task("a")))
    first, second = api.execute(name), api.execute(name)
    cursor = loaded(api.get(f"/jobs/{first}/history", params={"limit": 1}), HistorySchema())["next"]
    problem(api.get(f"/jobs/{second}/history", params={"cursor": cursor}), 422, "another question")
    problem(api.get(f"/jobs/{first}/history", params={"cursor": cursor, "reverse": "true"}), 422, "another question")


# ----------------------------------------------------------------------------------------------------------------- logs

TALKER = """
import sys
from task_functions import task_function

@task_function("talker{executor}", executor="{executor}")
def talk(data, ctx):
    print(ctx.task_id, "attempt", ctx.attempt, data.get("word", ""))
    ctx.logger.warning("a warning")
    if ctx.attempt < data.get("until", 1):
        raise RuntimeError("again")

@task_function("mute{executor}", executor="{executor}")
def mute(data):
    return 1
"""


@pytest.mark.parametrize("executor", ["inline", "shared", "isolated"])
def test_what_attempts_print_is_listed_by_task_and_attempt(serve: Serve, tmp_path: Path, executor: str) -> None:
    functions = tmp_path / "functions"
    functions.mkdir()
    (functions / "talking.py").write_text(TALKER.format(executor=executor))
    again = {"type": "constant", "initialSeconds": 0.01}
    with serve(functions=(str(functions),), task_workers=1, isolated_workers=1) as (api, _):
        first = task("first", f"talker{executor}", maxRetry=2, retryDelay=again, parameters={"until": 3, "word": "grün"})
        state = api.run(job(first, task("quiet", f"mute{executor}"), task("last", f"talker{executor}")))
        assert state["status"].value == "COMPLETED", state
        path = f"/jobs/{state['id']}/logs"
        found = pages(api, path, LogsSchema(), limit=3)
        assert [[(one["task"], one["attempt"]) for one in page] for page in found] == [
            [("first", 1), ("first", 2), ("first", 3)],
            [("last", 1)],
        ]
        assert found[0][1]["text"].startswith("first attempt 2 grün\n")
        assert "a warning" in found[0][1]["text"]
        assert not found[0][1]["truncated"]
        assert state["submitted"] <= found[0][0]["at"] <= found[1][0]["at"] <= state["ended"]
        assert [one["attempt"] for page in pages(api, path, LogsSchema(), task="first", limit=1) for one in page] == [1, 2, 3]
        assert [one["task"] for page in pages(api, path, LogsSchema(), attempt=1) for one in page] == ["first", "last"]
        assert [one["attempt"] for page in pages(api, path, LogsSchema(), task="first", attempt=2) for one in page] == [2]
        assert pages(api, path, LogsSchema(), task="quiet") == [[]]
        raw = api.get(path, params={"limit": 1}).json()
        assert set(raw) == {"logs", "next"}
        assert set(raw["logs"][0]) == {"taskId", "attempt", "time", "text", "truncated"}
        problem(api.get(path, params={"task": "last", "cursor": raw["next"]}), 422, "another question")


@pytest.mark.parametrize(
    ("asked", "place"), [("attempt=0", "?attempt"), ("attempt=one", "?attempt"), ("task=", "?task"), ("taskId=a", "?taskId")]
)
def test_logs_that_cannot_be_listed(api: Client, asked: str, place: str) -> None:
    execution_id = api.execute(api.register(job(task("a"))))
    assert [one["pointer"] for one in problem(api.get(f"/jobs/{execution_id}/logs?{asked}"), 422)["problems"]] == [place]
    problem(api.get("/jobs/exec-0-1-00000000/logs"), 404)


def test_an_executions_own_labels_go_before_its_definitions_and_are_found(api: Client) -> None:
    name = api.register(job(task("a"), labels={"team": "own-labels", "tier": "1"}, priority=3))
    plain = api.execute(name)
    own = loaded(api.post(f"/jobs/{name}/execute?label=tier:2&label=customer:ada&priority=7"), StartedSchema(), 202)["execution_id"]
    found = {one["id"]: one for page in pages(api, "/executions", ExecutionsSchema(), job=name) for one in page}
    assert found[own]["labels"] == {"team": "own-labels", "tier": "2", "customer": "ada"}
    assert (found[own]["priority"], found[plain]["priority"]) == (7, 3)
    assert listed(api, label="team:own-labels") == [own, plain]
    assert listed(api, label=["team:own-labels", "tier:1"]) == [plain]
    assert listed(api, label=["tier:2", "customer:ada"], job=name) == [own]


def test_what_happened_in_an_execution_is_found_by_the_id_that_was_chosen_for_it(api: Client) -> None:
    name = api.register(job(task("a")))
    assert api.post(f"/jobs/{name}/execute?executionId=chosen-17").status_code == 202
    api.ended("chosen-17")
    assert history(api, "chosen-17")[-1]["type"] == "ExecutionSucceeded"
    assert api.get("/jobs/chosen-17/logs").status_code == 200
    assert listed(api, job=name) == ["chosen-17"]
