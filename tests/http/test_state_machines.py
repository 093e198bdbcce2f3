"""State machines from outside: registered, executed, watched and cancelled like any other job."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask

from tests.http.client import Client, Loaded, problem
from tests.http.conftest import Serve
from workflows.model import Status

_numbers = iter(range(1, 1_000))


def machine(start: str, **states: Any) -> dict[str, Any]:
    return {"id": f"machine-{next(_numbers)}", "StartAt": start, "States": states}


def shown(state: Loaded) -> list[tuple[str, str]]:
    return [(one["id"], one["status"]) for one in state["tasks"]]


PIPELINE = {
    "Ask": {"Type": "Task", "Resource": "echo", "ResultPath": "$.said", "Next": "Rest"},
    "Rest": {"Type": "Wait", "Seconds": 0, "Next": "Check"},
    "Check": {"Type": "Choice", "Choices": [{"Variable": "$.said.n", "NumericGreaterThan": 1, "Next": "Done"}], "Default": "Never"},
    "Never": {"Type": "Fail", "Error": "Never"},
    "Done": {"Type": "Succeed", "OutputPath": "$.said"},
}


def test_a_machine_runs_and_shows_its_states_as_tasks(api: Client) -> None:
    state = api.run(machine("Ask", **PIPELINE), {"n": 7})
    assert (state["status"], state["output"]) == (Status.COMPLETED, {"n": 7})
    assert shown(state) == [("Ask", "COMPLETED"), ("Rest", "COMPLETED"), ("Check", "COMPLETED"), ("Done", "COMPLETED")]
    ask = state["tasks"][0]
    assert (ask["function"], ask["attempts"], ask["result"], ask["error"]) == ("echo", 1, {"n": 7, "said": {"n": 7}}, None)
    assert state["submitted"] == state["started"] <= ask["started"] <= ask["ended"] <= state["ended"]


@pytest.mark.parametrize("data", [[1, 2], "text", 1.5, None, True])
def test_any_json_is_an_input(api: Client, data: Any) -> None:
    definition = machine("Only", Only={"Type": "Pass", "End": True})
    execution = api.execute(api.register(definition), json.dumps(data))
    state = api.reaches(execution, lambda state: state["status"] == Status.COMPLETED)
    assert (state["input"], state["output"]) == (data, data)


def test_an_input_is_not_longer_than_a_payload_may_be(api: Client) -> None:
    name = api.register(machine("Only", Only={"Type": "Pass", "End": True}))
    assert api.post(f"/jobs/{name}/execute", f'"{"x" * 262_142}"').status_code == 202
    problem(api.post(f"/jobs/{name}/execute", f'"{"x" * 262_143}"'), 422, "262,144 bytes")


def test_a_failure_says_which_state_failed_and_why(api: Client) -> None:
    states = {"Try": {"Type": "Task", "Resource": "fail", "Next": "Not"}, "Not": {"Type": "Succeed"}}
    state = api.run(machine("Try", **states), {})
    assert state["status"] == Status.FAILED
    assert state["error"]["task"] == "Try"
    assert shown(state) == [("Try", "FAILED")]
    assert state["tasks"][0]["attempts"] == 1


def test_a_state_that_fails_at_once_tells_when_it_began(api: Client) -> None:
    for state in ({"Type": "Fail"}, {"Type": "Pass", "InputPath": "$.nothing", "End": True}):
        (only,) = api.run(machine("Only", Only=state), {})["tasks"]
        assert only["status"] == "FAILED"
        assert only["started"] <= only["ended"]


def test_a_caught_failure_shows_on_the_state_it_happened_in(api: Client) -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Mend"}]
    states = {"Try": {"Type": "Task", "Resource": "fail", "Catch": catch, "End": True}, "Mend": {"Type": "Pass", "End": True}}
    state = api.run(machine("Try", **states), {})
    assert state["status"] == Status.COMPLETED
    assert shown(state) == [("Try", "FAILED"), ("Mend", "COMPLETED")]
    assert state["tasks"][0]["error"]["type"] == state["output"]["error"]["Error"]


def test_a_waiting_machine_is_running_and_can_be_cancelled(api: Client) -> None:
    name = api.register(machine("Rest", Rest={"Type": "Wait", "Seconds": 3600, "End": True}))
    execution = api.execute(name)
    state = api.state(execution)
    assert (state["status"], shown(state)) == (Status.RUNNING, [("Rest", "RUNNING")])
    assert execution in [one["id"] for one in api.get("/system/state").json()["activeJobs"]]
    assert api.post(f"/jobs/{execution}/cancel").status_code == 200
    assert shown(api.state(execution)) == [("Rest", "CANCELLED")]


def test_its_history_is_the_services(serve: Serve) -> None:
    with serve() as (client, app):
        execution = client.run(machine("Ask", **PIPELINE), {"n": 7})["id"]
        events = _service(app).executions.history(execution)
    assert [event["type"] for event in events][:5] == [
        *("ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSucceeded"),
    ]
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    assert events[1]["previousEventId"] == 0
    assert events[2]["taskScheduledEventDetails"] == {
        "resourceType": "function",
        "resource": "echo",
        "region": "us-east-1",
        "parameters": '{"n": 7}',
    }
    assert events[-1]["executionSucceededEventDetails"] == {"output": '{"n":7}', "outputDetails": {"truncated": False}}


def _service(app: Flask) -> Any:
    return app.extensions["stepwell"].service
