"""A secret on a real server: the function has it, and nothing else does: no state, no history, no log, no byte of the store."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.http.client import Client, job, task
from tests.http.conftest import Serve

VALUE = 'pa55-w0rd/of "mine"'
REFERENCE = {"$secret": "PASSWORD"}
FUNCTIONS = (str(Path(__file__).parent / "functions"),)

Received = Callable[[], list[Any]]
"""What the functions of these tests have been given, in order."""


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Received:
    file = tmp_path_factory.mktemp("received") / "data"
    file.touch()
    monkeypatch.setenv("RECEIVED", str(file))
    monkeypatch.setenv("STEPWELL_SECRET_PASSWORD", VALUE)
    return lambda: [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def everything(api: Client, execution_id: str) -> str:
    paths = (*(f"/jobs/{execution_id}/{what}" for what in ("state", "history", "logs")), "/executions", "/audit", "/job-definitions")
    return "\n".join(api.get(path).text for path in paths)


def leaks(text: str) -> list[str]:
    return [form for form in (VALUE, VALUE.replace('"', '\\"'), "pa55-w0rd") if form in text]


def stored(directory: Path) -> str:
    return b"".join(path.read_bytes() for path in directory.rglob("*") if path.is_file()).decode("latin-1")


@pytest.mark.parametrize("executor", ["shared", "isolated", "inline"])
def test_the_function_has_it_and_nothing_else(
    serve: Serve, received: Received, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], executor: str
) -> None:
    suffix = "-inline" if executor == "inline" else ""
    with serve(functions=FUNCTIONS) as (api, _):
        parameters = {"user": "ada", "deep": [{"password": REFERENCE}]}
        good = api.run(job(task("a", f"quiet{suffix}", executor=executor, parameters=parameters)))
        again = {"maxRetry": 1, "retryDelay": {"initialSeconds": 0.01}}
        bad = api.run(job(task("a", f"chatty{suffix}", executor=executor, parameters={"password": REFERENCE}, **again)))
        assert (good["status"], good["output"]) == ("COMPLETED", {"a": "done"})
        assert received() == [{"user": "ada", "deep": [{"password": VALUE}]}, {"password": VALUE}, {"password": VALUE}]
        error = bad["tasks"][0]["error"]
        assert (error["type"], error["message"]) == ("RuntimeError", "login failed with {'password': '***'}")
        assert "KeyError: '***'" in error["traceback"]
        shown = everything(api, good["id"]) + everything(api, bad["id"])
        assert "$secret" in shown
        assert "printed: ***" in shown
        assert "logging in with ***" in shown
    assert leaks(shown + caplog.text + "".join(capfd.readouterr())) == []
    assert leaks(stored(tmp_path)) == []


@pytest.mark.parametrize("code", [0, 3])
def test_what_a_command_says_is_in_the_log_without_its_secret(serve: Serve, received: Received, tmp_path: Path, code: int) -> None:
    script = f'echo "out $TOKEN"; echo "err $TOKEN" >&2; exit {code}'
    parameters = {"argv": ["sh", "-c", script], "env": {"TOKEN": REFERENCE}}
    with serve(allow_commands=True) as (api, _):
        ended = api.run(job(task("a", "command", parameters=parameters)))
        assert ended["status"] == ("FAILED" if code else "COMPLETED")
        [log] = api.get(f"/jobs/{ended['id']}/logs").json()["logs"]
        assert sorted(log["text"].splitlines()[:2]) == ["err ***", "out ***"]
        said = ended["tasks"][0]["error"]["message"] if code else ended["output"]["a"]["stdout"] + ended["output"]["a"]["stderr"]
        assert said == ("sh ended with exit code 3: err ***" if code else "out ***\nerr ***\n")
        assert leaks(everything(api, ended["id"])) == []
    assert leaks(stored(tmp_path)) == []


def test_a_state_machine_has_its_secrets_too(serve: Serve, received: Received, tmp_path: Path) -> None:
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
    with serve(functions=FUNCTIONS) as (api, _):
        api.register(machine)
        ended = api.ended(api.execute("locked", {"n": 1}))
        assert received() == [{"password": VALUE, "n": 1}, [VALUE], {"password": VALUE}]
        assert ended["status"] == "FAILED"
        assert "login failed with" in ended["error"]["message"]
        assert leaks(everything(api, ended["id"])) == []
    assert leaks(stored(tmp_path)) == []


def test_data_that_looks_like_a_reference_gets_nothing_out(serve: Serve, received: Received) -> None:
    with serve(functions=FUNCTIONS) as (api, _):
        whole = api.register(job(task("a", "quiet")))
        api.ended(api.execute(whole, {"give me": REFERENCE}))
        picked = api.register(job(task("a", "quiet", parameters={"given.$": "$.input", "mine": REFERENCE})))
        api.ended(api.execute(picked, REFERENCE))
        first = task("a", "echo", parameters={"x.$": "$.input.x"})
        result = api.register(job(first, task("b", "quiet", parameters={"got.$": "$.results.a"})))
        api.ended(api.execute(result, {"x": REFERENCE}))
    assert received() == [{"give me": REFERENCE}, {"given": REFERENCE, "mine": VALUE}, {"got": {"x": REFERENCE}}]


def test_a_missing_secret_fails_the_attempt_by_name_and_may_be_there_at_the_next(serve: Serve, received: Received, tmp_path: Path) -> None:
    directory = tmp_path / "secrets"
    directory.mkdir()
    again = {"maxRetry": 100, "retryDelay": {"type": "constant", "initialSeconds": 0.5}}
    definition = job(task("a", "quiet", parameters={"$secret": "LATER"}) | again)
    with serve(secrets=directory, functions=FUNCTIONS) as (api, _):
        answer = api.post("/job-definitions", definition)
        assert [one["pointer"] for one in answer.json()["warnings"]] == ["/tasks/0/parameters"]
        execution_id = api.execute(definition["id"])
        failed = api.reaches(execution_id, lambda state: state["tasks"][0]["error"] is not None)
        assert failed["tasks"][0]["error"]["type"] == "SecretNotFound"
        assert "LATER" in failed["tasks"][0]["error"]["message"]
        (directory / "new").write_text("now it is there\n")
        (directory / "new").rename(directory / "LATER")
        assert api.ended(execution_id)["status"] == "COMPLETED"
        assert received() == ["now it is there"]
        assert api.post("/job-definitions", definition).json()["warnings"] == []
        state = api.run(job(task("a", "quiet", parameters={"$secret": "NEVER"}) | again | {"doNotRetryOn": ["SecretNotFound"]}))
        assert (state["status"], state["tasks"][0]["attempts"], state["error"]["type"]) == ("FAILED", 1, "SecretNotFound")


@pytest.mark.parametrize("executor", ["shared", "isolated"])
def test_the_keys_of_the_settings_are_not_handed_to_functions(serve: Serve, monkeypatch: pytest.MonkeyPatch, executor: str) -> None:
    monkeypatch.setenv("STEPWELL_API_KEYS", "admin:0123456789abcdef")
    monkeypatch.setenv("STEPWELL_SECRET_ONE", "1")
    expected: dict[str, list[str]] = {"STEPWELL_API": [], "STEPWELL_SECRET": ["STEPWELL_SECRET_ONE"]}
    with serve(functions=FUNCTIONS) as (api, _):
        for prefix, names in expected.items():
            done = api.run(job(task("a", "variables", executor=executor, parameters={"prefix": prefix})))
            assert done["output"] == {"a": names}
