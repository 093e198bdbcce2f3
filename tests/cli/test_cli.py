"""The command line against a real server: what it prints and what its exit code says."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.servers import JOBS, ROOT, START_S, STEPWELL, Process, environment, until, url_of
from tests.cli.terminal import stepwell
from workflows.client import Change, Client

NOBODY = "http://127.0.0.1:1"


# -------------------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize("command", [("show", "nope"), ("schedules", "show", "nope"), ("run", "nope"), ("logs", "nope")])
def test_an_error_is_json_where_that_was_asked_for(shared: str, command: tuple[str, ...]) -> None:
    result = stepwell(*command, "--json", server=shared)
    error = json.loads(result.stdout)["error"]
    assert (result.exit_code, error["status"], error["problems"]) == (2, 404, [])
    assert error["detail"] in result.stderr
    assert stepwell(*command, server=shared).stdout == ""
    gone = json.loads(stepwell(*command, "--json", server=NOBODY).stdout)["error"]
    assert (gone["status"], NOBODY in gone["detail"]) == (None, True)


def test_problems_are_json_too(shared: str) -> None:
    result = stepwell("run", "good", "--input", "[1]", "--json", server=shared)
    assert result.exit_code == 2
    [found] = json.loads(result.stdout)["error"]["problems"]
    assert found["message"] in result.stderr


# ----------------------------------------------------------------------------------------------------------------------- run


def test_run_prints_the_executions_id(shared: str) -> None:
    result = stepwell("run", "good", "--input", '{"a": 1}', server=shared)
    assert result.exit_code == 0
    assert Client(shared).state(result.stdout.strip())["input"] == {"a": 1}
    assert json.loads(stepwell("run", "good", "--json", server=shared).stdout).keys() == {"executionID"}


def test_watch_prints_each_step_as_it_happens_and_the_end(shared: str) -> None:
    result = stepwell("run", "good", "--watch", server=shared)
    assert result.exit_code == 0
    started, *_, step, end = result.stdout.splitlines()
    assert started.startswith("exec-")
    assert step.split()[:2] == ["say", "COMPLETED"]
    assert end.split()[0] == "COMPLETED"
    assert end.endswith("s")


def test_a_failed_execution_is_exit_code_1(shared: str) -> None:
    result = stepwell("run", "bad", "--watch", server=shared)
    assert result.exit_code == 1
    assert "Broken: it broke" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("FAILED")


def test_a_retry_shows_its_attempt(shared: str) -> None:
    stumble = {"id": "stumble", "functionName": "fail", "parameters": {"times": 1}, "maxRetry": 1, "retryDelay": {"initialSeconds": 4}}
    Client(shared).register({"id": "stumbles", "tasks": [stumble]})
    result = stepwell("run", "stumbles", "--watch", server=shared)
    assert result.exit_code == 0
    assert "stumble      RETRYING" in result.stdout
    assert "attempt 2" in result.stdout


def test_a_state_machine_is_watched_state_by_state(shared: str) -> None:
    result = stepwell("run", "retry-catch-showcase", "--watch", server=shared)
    assert result.exit_code == 0, result.output
    assert "RETRYING" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("COMPLETED")


def test_a_cancelled_execution_is_exit_code_3(shared: str) -> None:
    client = Client(shared)
    execution_id = client.execute("slow", {"seconds": 60})
    timer = threading.Timer(0.3, client.cancel, [execution_id])
    timer.start()
    result = stepwell("state", execution_id, "--watch", server=shared)
    assert result.exit_code == 3
    assert result.stdout.splitlines()[-1].startswith("CANCELLED")


def test_no_server_is_exit_code_4(shared: str) -> None:
    one = ("exec-0-1-00000000",)
    each = [(name, *one) for name in ("state", "show", "logs", "cancel", "pause", "resume", "redrive")]
    within = [("definitions", *words) for words in (("list",), ("show", "x"), ("revisions", "x"), ("delete", "x", "--yes"))]
    keys = [("keys", *words) for words in (("list",), ("add", "x", "--role", "viewer"), ("revoke", "x"))]
    for command in (*each, *within, *keys, ("run", "good"), ("priority", *one, "1"), ("executions",), ("audit",), ("system",)):
        result = stepwell(*command, "--server", NOBODY, server=shared)
        assert result.exit_code == 4, result.output
        assert result.stderr == f"stepwell: cannot reach {NOBODY}: connection refused\n"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("run",), "Missing argument 'JOB'"),
        (("run", "good", "--inptu", "{}"), "No such option"),
        (("run", "nobody"), "no job definition has the id 'nobody'"),
        (("run", "good", "--input", "{"), ""),
        (("run", "good", "--input", "[]"), "the input of a task list is a JSON object"),
        (("run", "good", "--input", "@missing.json"), "there is no file missing.json"),
        (("run", "missing.json"), "there is no file missing.json"),
        (("state", "exec-0-999-00000000"), "no execution has the id"),
    ],
)
def test_wrong_usage_is_exit_code_2(shared: str, arguments: tuple[str, ...], text: str) -> None:
    result = stepwell(*arguments, server=shared)
    assert result.exit_code == 2
    assert text in result.stderr
    assert result.stderr.strip()
    assert "Traceback" not in result.output


def test_a_job_in_a_file_is_registered_first(shared: str, tmp_path: Path) -> None:
    path, payload = tmp_path / "mine.json", tmp_path / "input.json"
    path.write_text(json.dumps({**JOBS[0], "id": "mine"}))
    payload.write_text('{"from": "a file"}')
    result = stepwell("run", str(path), "--input", f"@{payload}", server=shared)
    assert Client(shared).state(result.stdout.strip())["input"] == {"from": "a file"}
    result = stepwell("run", str(path), "--input", "@-", server=shared, stdin='{"from": "a pipe"}')
    assert Client(shared).state(result.stdout.strip())["input"] == {"from": "a pipe"}


def test_every_problem_of_a_file_is_printed(shared: str, tmp_path: Path) -> None:
    path = tmp_path / "typo.json"
    path.write_text('{"id": "typo", "tasks": [{"id": "a", "name": "A", "functionName": "ehco", "maxRetry": -1}]}')
    result = stepwell("run", str(path), server=shared)
    assert result.exit_code == 2
    assert "/tasks/0/functionName" in result.stderr
    assert "did you mean 'echo'?" in result.stderr
    assert "/tasks/0/maxRetry" in result.stderr


def test_an_execution_of_ones_own_id_labels_priority_and_revision(shared: str) -> None:
    options = ("--id", "mine-1", "--label", "team:a:b", "--label", "x:", "--priority", "-5", "--revision", "1")
    for _ in range(2):
        result = stepwell("run", "good", *options, server=shared)
        assert (result.exit_code, result.stdout) == (0, "mine-1\n")
    assert result.stderr == "it had been started before\n"
    state = Client(shared).state("mine-1")
    assert (state["labels"], state["priority"], state["revision"]) == ({"team": "a:b", "x": ""}, -5, 1)
    conflict = stepwell("run", "good", "--id", "mine-1", "--input", '{"another": 1}', server=shared)
    assert (conflict.exit_code, "mine-1" in conflict.stderr) == (1, True)


def test_the_same_idempotency_key_starts_one_execution(shared: str) -> None:
    said = {stepwell("run", "good", "--idempotency-key", "once", server=shared).stdout for _ in range(2)}
    assert len(said) == 1
    assert stepwell("run", "good", "--idempotency-key", "twice", server=shared).stdout not in said


def test_waiting_for_the_end(shared: str) -> None:
    result = stepwell("run", "bad", "--wait", "30", server=shared)
    assert result.exit_code == 1
    assert result.stdout.splitlines()[0].startswith("exec-")
    assert result.stdout.splitlines()[-1].startswith("FAILED")
    result = stepwell("run", "good", "--wait", "30", "--json", server=shared)
    assert (result.exit_code, json.loads(result.stdout)["status"]) == (0, "COMPLETED")
    result = stepwell("run", "slow", "--input", '{"seconds": 60}', "--wait", "0.1", server=shared)
    assert result.exit_code == 5
    execution_id = result.stdout.strip()
    assert result.stderr == f"it has not ended yet; to watch it: stepwell state {execution_id} --watch\n"
    again = stepwell("run", "slow", "--id", execution_id, "--input", '{"seconds": 60}', "--wait", "0.1", "--json", server=shared)
    assert (again.exit_code, json.loads(again.stdout)) == (5, {"executionID": execution_id, "ended": False})
    Client(shared).cancel(execution_id)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--wait", "61"), "is not in the range"),
        (("--wait", "1", "--watch"), "--watch waits for the end already"),
        (("--label", "team"), "write it as KEY:VALUE"),
        (("--id", "no spaces"), "?executionId"),
        (("--priority", "1001"), "?priority"),
        (("--revision", "99"), "revision"),
    ],
)
def test_wrong_options_of_run(shared: str, options: tuple[str, ...], said: str) -> None:
    result = stepwell("run", "good", *options, server=shared)
    assert result.exit_code == 2
    assert said in result.stderr


# -------------------------------------------------------------------------------------------------------------- other commands


def test_state_cancel_and_system(shared: str) -> None:
    client = Client(shared)
    execution_id = client.execute("slow", {"seconds": 60})
    until(lambda: client.state(execution_id)["status"] == "RUNNING")
    assert "wait         RUNNING" in stepwell("state", execution_id, server=shared).stdout
    assert json.loads(stepwell("state", execution_id, "--json", server=shared).stdout)["id"] == execution_id
    assert "1 active" in stepwell("system", server=shared).stdout
    assert json.loads(stepwell("system", "--json", server=shared).stdout)["health"]["status"] == "ok"
    assert stepwell("cancel", execution_id, server=shared).exit_code == 0
    assert json.loads(stepwell("cancel", execution_id, "--json", server=shared).stdout)["status"] == "CANCELLED"
    done = client.execute("good")
    until(lambda: client.state(done)["endTime"])
    refused = stepwell("cancel", done, server=shared)
    assert (refused.exit_code, "has ended already" in refused.stderr) == (1, True)


def test_a_watch_outlives_the_server(start: Callable[..., Process]) -> None:
    first = start()
    url = url_of(first)
    Client(url).register(JOBS[2])
    watch = start(
        make=lambda directory: Process(
            *STEPWELL, "run", "slow", "--input", '{"seconds": 4}', "--watch", cwd=directory, env={"STEPWELL_URL": url}
        )
    )
    watch.says("wait         RUNNING")
    first.kill()
    start("--port", url.rpartition(":")[2])
    assert watch.exit() == 0, watch.said
    assert watch.lines[-1].startswith("COMPLETED")


def test_watching_as_json_is_one_object_a_line(shared: str) -> None:
    result = stepwell("run", "bad", "--watch", "--json", server=shared)
    first, *changes = [json.loads(line) for line in result.stdout.splitlines()]
    assert first.keys() == {"executionID"}
    end = changes[-1]
    assert (end["task"], end["status"], end["error"]) == (None, "FAILED", "Broken: it broke")


def test_an_interrupted_watch_says_how_to_go_on(shared: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> Iterator[Any]:
        yield Change("say", "RUNNING")
        raise KeyboardInterrupt

    monkeypatch.setattr(Client, "watch", interrupted)
    result = stepwell("run", "good", "--watch", server=shared)
    assert result.exit_code == 130
    assert "stepwell state exec-" in result.stderr


def test_client_commands_start_no_server() -> None:
    script = (
        "import sys; from workflows.cli import main; from workflows.client import Client; "
        "print([name for name in ('flask', 'ZODB', 'gunicorn', 'marshmallow') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", script], env=environment(), cwd=ROOT, capture_output=True, text=True, check=True, timeout=START_S
    )
    assert done.stdout == "[]\n"
    done = subprocess.run(
        [*STEPWELL, "--version"], env=environment(), cwd=ROOT, capture_output=True, text=True, check=True, timeout=START_S
    )
    assert "stepwell, version" in done.stdout


def test_a_watch_gives_up_on_a_server_that_stays_away(start: Callable[..., Process]) -> None:
    server = start()
    url = url_of(server)
    Client(url).register(JOBS[2])
    watch = start(
        make=lambda directory: Process(
            *STEPWELL, "run", "slow", "--input", '{"seconds": 600}', "--watch", cwd=directory, env={"STEPWELL_URL": url}
        )
    )
    watch.says("wait         RUNNING")
    server.kill()
    assert watch.exit() == 4, watch.said
    assert "cannot reach" in watch.lines[-1]
