"""`stepwell serve` and `gunicorn wsgi:app` as processes: how they start, what they refuse, and how they end."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from tests.cli.servers import STEPWELL, Process, ended, slow, url_of
from workflows.client import CannotReach, Client

Start = Callable[..., Process]


# --------------------------------------------------------------------------------------------------------------------- start


def test_it_says_where_it_listens_and_what_it_has_loaded(start: Start) -> None:
    process = start()
    url = url_of(process)
    assert Client(url).health()["status"] == "ok"
    assert not url.endswith(":0")
    assert f"process {process.popen.pid})" in process.says("Stepwell listens at"), "the one to stop: a worker is replaced"
    functions = "alert.email, alert.slack, alert.webhook, command, echo, fail, http, http.get, http.post, sleep"
    assert f"functions: {functions} from task_functions.builtin" in process.said
    assert "definitions: hello, revision 1" in process.said
    assert len(process.lines) < 12, process.said


def test_bad_files_are_told_with_their_place_and_do_no_harm(start: Start, tmp_path: Path) -> None:
    functions, definitions = tmp_path / "functions", tmp_path / "definitions"
    functions.mkdir()
    definitions.mkdir()
    (functions / "broken.py").write_text("import nothing_of_that_name\n")
    (functions / "mine.py").write_text("from task_functions import task_function\n@task_function('mine')\ndef mine(data):\n    return 1\n")
    task = '{"id": "a", "name": "A", "functionName": "mine", "maxRetry": 0}'
    for name in ("one", "twin"):
        (definitions / f"{name}.json").write_text(f'{{"id": "one", "name": "{name}", "tasks": [{task}]}}')
    (definitions / "no.json").write_text("{")
    (definitions / "a-typo.json").write_text('{"id": "typo", "tasks": [{"id": "a", "name": "A", "functionName": "mime", "maxRetry": 0}]}')
    process = start("--functions", str(functions), "--definitions", str(definitions))
    url = url_of(process)
    assert f"{functions}/broken.py:1: ModuleNotFoundError" in process.said
    assert "functions: mine from" in process.said
    assert "typo.json:1:67: /tasks/0/functionName" in process.said
    assert "did you mean 'mine'" in process.said
    assert "twin.json: the id 'one' is that of" in process.said
    health = Client(url).health()
    assert (health["status"], len(health["troubles"])) == ("degraded", 4)
    broken, typo, no_json, twin = health["troubles"]
    assert broken.startswith(f"functions were not loaded at start-up: {functions}/broken.py:1: ModuleNotFoundError")
    assert typo.startswith(f"a definition was refused at start-up: {definitions}/a-typo.json:1:67: /tasks/0/functionName")
    assert no_json.startswith(f"a definition was refused at start-up: {definitions}/no.json: ")
    assert twin.startswith(f"definitions of one id: {definitions}/twin.json: the id 'one' is that of {definitions}/one.json, too")


@pytest.mark.parametrize("place", ["secrets", "definitions", "functions"])
def test_a_place_that_is_named_and_not_there_is_refused(start: Start, tmp_path: Path, place: str) -> None:
    why = "nowhere is neither a directory nor a module" if place == "functions" else "there is no such directory"
    named = "['nowhere']" if place == "functions" else "'nowhere'"
    process = start(f"--{place}", "nowhere")
    assert process.exit() == 2
    assert process.lines == [f"stepwell: --{place} is {named}: {why}"]
    (tmp_path / "stepwell.toml").write_text(f"{place} = {named}\n")
    process = start()
    assert process.exit() == 2
    assert process.lines == [f"stepwell: stepwell.toml:1: {place} is {named}: {why}"]


def test_a_module_of_the_current_directory_is_there(start: Start, tmp_path: Path) -> None:
    (tmp_path / "ours.py").write_text("from task_functions import task_function\n@task_function\ndef mine(data):\n    return 1\n")
    process = start("--functions", "ours")
    url_of(process)
    assert "functions: mine from ours" in process.said


def test_the_shipped_jobs_keep_their_functions_beside_ones_own(start: Start, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("from task_functions import task_function\n@task_function\ndef mine(data):\n    return 1\n")
    process = start("--functions", str(tmp_path))
    url_of(process)
    assert "functions: mine from" in process.said
    assert "definitions: sbom, revision 1" in process.said
    assert "ERROR" not in process.said


def shared(client: Client) -> int:
    """Attempts at once in shared workers."""
    return next(int(one["workers"]) for one in client.system_state()["pool"]["classes"] if one["name"] == "shared")


def test_flags_win_over_variables(start: Start, tmp_path: Path) -> None:
    other = tmp_path / "other"
    process = start("--max-jobs", "3", "--task-workers", "2", STEPWELL_PORT="1", STEPWELL_STORE=str(other), STEPWELL_TASK_WORKERS="9")
    assert shared(Client(url_of(process))) == 2 * 16
    assert not other.exists()


def test_an_address_that_others_reach_is_refused(start: Start) -> None:
    process = start("--host", "0.0.0.0")
    assert process.exit() == 4
    assert "refusing to listen on 0.0.0.0" in process.said
    assert "stepwell keys add --role admin" in process.said
    assert len(process.lines) == 1


def test_with_insecure_it_is_not(start: Start) -> None:
    process = start("--host", "0.0.0.0", "--insecure")
    port = url_of(process).rpartition(":")[2]
    assert requests.get(f"http://127.0.0.1:{port}/health", headers={"Host": "example.com"}, timeout=30).status_code == 200


def test_a_wrong_setting_is_named(start: Start) -> None:
    process = start("--task-workers", "-1", STEPWELL_THREADS="many", STEPWELL_PROT="80")
    assert process.exit() == 2
    assert process.lines == [
        "stepwell: STEPWELL_PROT is no setting; did you mean STEPWELL_PORT?",
        "stepwell: STEPWELL_THREADS is 'many': it must be a whole number between 4 and 1,000",
        "stepwell: --task-workers is -1: it must be between 0 and 1,000",
    ]


def test_the_file_of_the_current_directory_is_read(start: Start, tmp_path: Path) -> None:
    (tmp_path / "stepwell.toml").write_text("task_workers = 3\n")
    assert shared(Client(url_of(start()))) == 3 * 16


def test_a_port_in_use_is_told_at_once(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        process = start("--port", str(other.getsockname()[1]))
        assert process.exit() == 1
    assert "Address already in use; is another server running?" in process.said
    assert len(process.lines) == 1


@pytest.mark.parametrize(("host", "why"), [("192.0.2.1", "Cannot assign requested address"), ("nosuch.invalid", "")])
def test_an_address_of_somebody_else_is_told(start: Start, host: str, why: str) -> None:
    process = start("--host", host, "--insecure")
    assert process.exit() == 1
    assert process.said.startswith(f"stepwell: cannot listen on {host}:0: {why}")
    assert "while attempting" not in process.said
    assert len(process.lines) == 1


def test_a_second_server_on_a_store_is_refused(start: Start) -> None:
    first = start()
    url_of(first)
    second = start()
    assert second.exit() == 4
    assert f"is in use by another server (process {first.popen.pid}): stop that one" in second.said
    assert "Traceback" not in second.said
    assert len([line for line in second.lines if "INFO" not in line]) == 1, second.said


@pytest.mark.parametrize("uri", ["oracle://x", "file:///tmp/x?durabilty=strict"])
def test_a_store_that_cannot_be_is_told(start: Start, uri: str) -> None:
    process = start("--store", uri)
    assert process.exit() == 4
    assert f"stepwell: store '{uri}'" in process.said
    assert "Traceback" not in process.said


def test_a_damaged_store_is_told(start: Start, tmp_path: Path) -> None:
    (tmp_path / "Data.fs").write_bytes(b"this is no ZODB file" * 100)
    process = start()
    assert process.exit() == 4
    assert process.lines[-1].startswith(f"stepwell: {tmp_path}/Data.fs is not a ZODB file")
    assert "Traceback" not in process.said


# --------------------------------------------------------------------------------------------------------- the current directory


def test_nothing_in_the_current_directory_takes_the_place_of_ours(start: Start, tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    for name in ("app", "wsgi", "storage", "definitions", "task_functions", "gunicorn.conf", "flask", "orjson"):
        (here / f"{name}.py").write_text("raise SystemExit('the file of the current directory was imported')\n")
    (here / "workflows").mkdir()
    (here / "workflows" / "__init__.py").write_text("raise SystemExit('the package of the current directory was imported')\n")
    (here / "shop.py").write_text("from task_functions import task_function\n@task_function\ndef sell(data):\n    return 'sold'\n")
    process = start("--functions", "shop", "--definitions", str(tmp_path / "here"), cwd=here)
    url_of(process)
    assert "functions: sell from shop" in process.said


@pytest.mark.parametrize("value", ["4", "many"])
def test_there_is_one_worker_whatever_web_concurrency_says(start: Start, value: str) -> None:
    process = start(WEB_CONCURRENCY=value, GUNICORN_CMD_ARGS="--workers 3")
    url_of(process)
    process.signal(signal.SIGTTIN)
    process.says("one worker, not 2")
    assert len(process.children()) == 1
    assert process.popen.poll() is None


# ----------------------------------------------------------------------------------------------------------------------- end


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_running_attempt_gets_its_grace(start: Start, number: int) -> None:
    process = start()
    client, execution_id = slow(url_of(process), 4.0)
    os.killpg(process.popen.pid, number)
    assert process.exit() == 0, process.said
    assert "stopped; what was done is committed" in process.said
    state = ended(Client(url_of(start())), execution_id)
    assert state["status"] == "COMPLETED"
    assert state["tasks"][0]["attempts"] == 1
    assert client.url


def test_what_outlives_the_grace_is_run_again_and_that_is_no_interruption(start: Start) -> None:
    process = start(STEPWELL_GRACE_S="0.3")
    _, execution_id = slow(url_of(process), 4.0)
    process.signal(signal.SIGTERM)
    assert process.exit() == 0, process.said
    client = Client(url_of(start()))
    state = ended(client, execution_id)
    assert state["status"] == "COMPLETED"
    assert state["tasks"][0]["attempts"] == 1
    assert "TaskInterrupted" in [event["type"] for event in client.history(execution_id)], "it was not waited for"
    assert client.system_state()["pool"]["interruptedAttempts"] == 0


def test_while_it_stops_it_answers_questions_and_takes_no_work(start: Start) -> None:
    process = start()
    url = url_of(process)
    client, execution_id = slow(url, 4.0)
    process.signal(signal.SIGTERM)
    process.says("stopping: running attempts get 10 seconds")
    assert client.state(execution_id)["status"] == "RUNNING"  # on the connection that was open
    assert process.exit() == 0


def test_a_killed_server_goes_on_where_it_stood(start: Start) -> None:
    process = start()
    _, execution_id = slow(url_of(process), 4.0)
    process.kill()
    second = start()
    client = Client(url_of(second))
    assert ended(client, execution_id)["status"] == "COMPLETED"
    assert client.system_state()["pool"]["interruptedAttempts"] == 1
    assert "stepwell_attempts_recovered_total 1.0\n" in client.metrics()
    assert "unfinished executions recovered: 1" in second.said


def test_a_worker_without_its_master_makes_room(start: Start) -> None:
    process = start()
    client, _ = slow(url_of(process), 60)
    process.signal(signal.SIGKILL)
    process.popen.wait(60)
    assert Client(url_of(start())).health()["status"] == "ok"
    client.close()  # open until here, as a browser's connection may be
    assert "the master process is gone" in process.said


def test_a_killed_worker_is_replaced(start: Start) -> None:
    process = start()
    client, execution_id = slow(url_of(process), 4.0)
    [worker] = process.children()
    os.kill(worker, signal.SIGKILL)
    assert ended(client, execution_id)["status"] == "COMPLETED"
    assert process.children() != [worker]


def test_when_the_engine_dies_the_whole_server_does(start: Start, tmp_path: Path) -> None:
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "die.py").write_text(
        "import os\nfrom task_functions import task_function\n@task_function(executor='inline')\ndef die(data):\n    os._exit(3)\n"
    )
    process = start("--functions", str(tmp_path / "functions"))
    client = Client(url_of(process))
    client.register({"id": "deadly", "tasks": [{"id": "die", "name": "Die", "functionName": "die", "maxRetry": 0}]})
    with suppress(CannotReach):  # it may die before it answers
        client.execute("deadly")
    assert process.exit() == 3
    assert "exited with code 3" in process.said


def test_under_nohup_a_closed_terminal_changes_nothing(start: Start, tmp_path: Path) -> None:
    command = ("nohup", *STEPWELL, "serve", "--port", "0", "--store", str(tmp_path / "Data.fs"))
    process = start(make=lambda directory: Process(*command, cwd=directory))
    client, execution_id = slow(url_of(process), 4.0)
    os.killpg(process.popen.pid, signal.SIGHUP)
    assert ended(client, execution_id)["status"] == "COMPLETED"
    assert "stopping" not in process.said
