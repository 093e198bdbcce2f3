"""A secret on a real server: the function has it, and nothing else does: no state, no history, no log, no byte of the store."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from task_functions import REGISTRY, Context, task_function
from tests.http.client import Client, job, task
from tests.http.conftest import Serve

VALUE = 'pa55-w0rd/of "mine"'
REFERENCE = {"$secret": "PASSWORD"}


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """What the functions of these tests were given."""
    monkeypatch.setenv("STEPWELL_SECRET_PASSWORD", VALUE)
    given: list[Any] = []

    @task_function("quiet")
    def quiet(data: Any) -> str:
        given.append(data)
        return "done"

    @task_function("chatty")
    def chatty(data: Any, ctx: Context) -> None:
        given.append(data)
        ctx.logger.warning("logging in with %s", data["password"])
        logging.getLogger("a.library").warning("%r", data)
        try:
            raise KeyError(data["password"])
        except KeyError as error:
            raise RuntimeError(f"login failed with {data!r}") from error

    yield given
    REGISTRY.restore({name: function for name, function in REGISTRY.snapshot().items() if name not in ("quiet", "chatty")})


def everything(api: Client, execution_id: str) -> str:
    pages = [api.get(path).text for path in (f"/jobs/{execution_id}/state", f"/jobs/{execution_id}/history", "/executions", "/audit")]
    return "\n".join(pages)


def leaks(*texts: str) -> list[str]:
    forms = (VALUE, VALUE.replace('"', '\\"'), "pa55-w0rd")
    return [form for text in texts for form in forms if form in text]


def test_the_function_has_it_and_nothing_else(serve: Serve, received: list[Any], tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with serve() as (api, _):
        good = api.run(job(task("a", "quiet", parameters={"user": "ada", "deep": [{"password": REFERENCE}]})))
        bad = api.run(job(task("a", "chatty", maxRetry=1, retryDelay={"initialSeconds": 0.01}, parameters={"password": REFERENCE})))
        assert (good["status"], good["output"]) == ("COMPLETED", {"a": "done"})
        assert received[0] == {"user": "ada", "deep": [{"password": VALUE}]}
        assert received[1:] == [{"password": VALUE}] * 2
        error = bad["tasks"][0]["error"]
        assert (error["type"], error["message"]) == ("RuntimeError", "login failed with {'password': '***'}")
        assert "KeyError: '***'" in error["traceback"]
        shown = everything(api, good["id"]) + everything(api, bad["id"])
        assert "$secret" in shown
        assert leaks(shown, caplog.text) == []
        assert "logging in with ***" in caplog.text
    raw = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert leaks(raw.decode("latin-1")) == []


def test_a_state_machine_has_its_secrets_too(serve: Serve, received: list[Any], tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def state(name: str, resource: str, parameters: Any, **more: Any) -> dict[str, Any]:
        return {name: {"Type": "Task", "Resource": resource, "Parameters": parameters, "ResultPath": "$.done", **more}}

    machine = {
        "id": "locked",
        "StartAt": "Plain",
        "States": {
            **state("Plain", "quiet", {"password": REFERENCE, "n.$": "$.n"}, Next="Invoke"),
            **state("Invoke", "arn:aws:states:::lambda:invoke", {"FunctionName": "quiet", "Payload": [REFERENCE]}, Next="Fails"),
            **state("Fails", "chatty", {"password": REFERENCE}, End=True),
        },
    }
    with serve() as (api, _):
        api.register(machine)
        ended = api.ended(api.execute("locked", {"n": 1}))
        assert received == [{"password": VALUE, "n": 1}, [VALUE], {"password": VALUE}]
        assert ended["status"] == "FAILED"
        assert "login failed with" in ended["error"]["message"]
        assert leaks(everything(api, ended["id"]), caplog.text) == []
    raw = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert leaks(raw.decode("latin-1")) == []


def test_data_that_looks_like_a_reference_gets_nothing_out(serve: Serve, received: list[Any]) -> None:
    with serve() as (api, _):
        whole = api.register(job(task("a", "quiet")))
        api.ended(api.execute(whole, {"give me": REFERENCE}))
        picked = api.register(job(task("a", "quiet", parameters={"given.$": "$.input", "mine": REFERENCE})))
        api.ended(api.execute(picked, REFERENCE))
        result = api.register(
            job(task("a", "echo", parameters={"x.$": "$.input.x"}), task("b", "quiet", parameters={"got.$": "$.results.a"}))
        )
        api.ended(api.execute(result, {"x": REFERENCE}))
    assert received == [{"give me": REFERENCE}, {"given": REFERENCE, "mine": VALUE}, {"got": {"x": REFERENCE}}]


def test_a_missing_secret_fails_the_attempt_by_name_and_may_be_there_at_the_next(
    serve: Serve, received: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "secrets"
    directory.mkdir()
    definition = job(
        task("a", "quiet", maxRetry=50, retryDelay={"type": "constant", "initialSeconds": 0.02}, parameters={"$secret": "LATER"})
    )
    with serve(secrets=directory) as (api, _):
        answer = api.post("/job-definitions", definition)
        assert [one["pointer"] for one in answer.json()["warnings"]] == ["/tasks/0/parameters"]
        execution_id = api.execute(definition["id"])
        failed = api.reaches(execution_id, lambda state: state["tasks"][0]["error"] is not None)
        assert failed["tasks"][0]["error"]["type"] == "SecretNotFound"
        assert "LATER" in failed["tasks"][0]["error"]["message"]
        (directory / "new").write_text("now it is there\n")
        (directory / "new").rename(directory / "LATER")
        assert api.ended(execution_id)["status"] == "COMPLETED"
        assert received == ["now it is there"]
        assert api.post("/job-definitions", definition).json()["warnings"] == []
        refused = job(task("a", "quiet", maxRetry=3, doNotRetryOn=["SecretNotFound"], parameters={"$secret": "NEVER"}))
        state = api.run(refused)
        assert (state["status"], state["tasks"][0]["attempts"], state["error"]["type"]) == ("FAILED", 1, "SecretNotFound")
