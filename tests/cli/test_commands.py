"""The commands that need no server, and what holds for all of them: help with an example, quick starts, completion."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from definitions import DIRECTORY
from tests.cli.servers import ROOT, STEPWELL, Process, environment, url_of
from tests.cli.terminal import on_terminal, stepwell
from workflows.cli import main
from workflows.client import Client, ClientError
from workflows.commands import SECTIONS
from workflows.testing import DidNotStart, run, server

COMMANDS = [name for section in SECTIONS.values() for name in section]

CONTEXT = click.Context(main)
GROUPS = {name: found for name in COMMANDS if isinstance(found := main.get_command(CONTEXT, name), click.Group)}
WITHIN = [f"{name} {within}" for name, group in GROUPS.items() for within in group.commands]
"""Commands of groups, such as "definitions list"."""

Start = Callable[..., Process]


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("STEPWELL_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def outside(*command: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, env=environment(**variables), capture_output=True, text=True, timeout=300)


# ------------------------------------------------------------------------------------------------------------------ all of them


@pytest.mark.parametrize("command", [*COMMANDS, *WITHIN])
def test_every_command_has_help_with_an_example(command: str) -> None:
    result = stepwell(*command.split(), "--help")
    assert result.exit_code == 0
    assert f"stepwell {command} " in result.stdout.partition("Usage:")[2].partition("\n")[2] or f"stepwell {command}\n" in result.stdout
    assert "Exit codes:" in result.stdout


def test_help_lists_them_all_in_whole_sentences() -> None:
    lines = stepwell("--help").stdout.splitlines()
    for command in COMMANDS:
        [line] = [line for line in lines if line.startswith(f"  {command} ")]
        assert line.endswith(".")
        assert not line.endswith("...")


def test_a_command_that_is_none_is_told_the_nearest() -> None:
    result = stepwell("lnit")
    assert result.exit_code == 2
    assert "there is no command 'lnit'; did you mean 'lint'?" in result.stderr
    assert "there is no command 'xyzzy'\n" in stepwell("xyzzy").stderr


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; from workflows.cli import main; main(['--help'], standalone_mode=False); "
        "print([name for name in ('flask', 'ZODB', 'gunicorn', 'marshmallow', 'requests', 'rich', 'environs') if name in sys.modules])"
    )
    done = outside(sys.executable, "-P", "-c", script, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("command", ["config", "doctor"])
def test_colours_and_boxes_are_for_terminals_only(command: str, tmp_path: Path) -> None:
    arguments = (*STEPWELL, command, "--port", "0", "--no-insecure")
    assert "\x1b[" not in outside(*arguments, cwd=tmp_path).stdout
    code, shown = on_terminal(*arguments[len(STEPWELL) :], cwd=tmp_path)
    assert code == 0
    assert "\x1b[" in shown
    assert all(len(line) < 400 for line in shown.splitlines())


# -------------------------------------------------------------------------------------------------------------------- lint


GOOD = '{"id": "good", "tasks": [{"id": "a", "functionName": "echo"}]}'
BAD = '{"id": "bad",\n "tasks": [{"id": "a", "functionName": "ehco",\n   "maxRetry": 101}]}'
ODD = '{"id": "odd", "StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}, "B": {"Type": "Pass", "End": true}}}'


def test_lint_prints_every_problem_with_its_place() -> None:
    Path("bad.json").write_text(BAD)
    result = stepwell("lint", "bad.json")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "bad.json:3:16: error: /tasks/0/maxRetry: this must be from 0 to 100, not 101",
        "bad.json:2:40: error: /tasks/0/functionName: there is no function \"ehco\"; did you mean 'echo'?",
        "1 file: 2 errors, 0 warnings",
    ]
    assert "were looked for in task_functions.examples (there is no stepwell.toml here)" in result.stderr
    Path("stepwell.toml").write_text("functions = []\ndefinitions = '.'\n")
    assert "were looked for in nowhere else (stepwell.toml was read)" in stepwell("lint", "bad.json").stderr


def test_a_refusal_by_the_server_is_printed_in_the_same_lines(shared: str) -> None:
    Path("bad.json").write_text(BAD)
    linted, refused = stepwell("lint", "bad.json"), stepwell("run", "bad.json", "--server", shared)
    assert refused.exit_code == 2
    *findings, counted, advice = refused.stderr.splitlines()
    assert findings == linted.stdout.splitlines()[:-1]
    assert counted == "stepwell: refused for 2 problems"
    assert advice == "stepwell: the server reads its functions when it starts: if the function is new, restart it"
    with pytest.raises(ClientError) as caught:
        Client(shared).register(Path("bad.json"))
    assert json.loads(stepwell("lint", "bad.json", "--json").stdout)["files"][0]["problems"] == list(caught.value.findings)


def test_lint_of_what_is_no_json() -> None:
    result = stepwell("lint", "-", stdin='{"id": "x",\n "tasks": [,]}')
    assert result.exit_code == 1
    assert result.stdout.startswith("<stdin>:2:12: error: /: the definition is not JSON: Expecting value at line 2, column 12\n")
    assert stepwell("lint", "-", stdin=b"\xff").exit_code == 1
    assert stepwell("lint", "-", stdin="").stdout.startswith("<stdin>: error: /: the definition is empty")


def test_lint_of_a_directory_and_warnings() -> None:
    Path("definitions").mkdir()
    Path("definitions/good.json").write_text(GOOD)
    Path("definitions/odd.json").write_text(ODD)
    Path("definitions/notes.txt").write_text("no definition")
    result = stepwell("lint", "definitions")
    assert result.exit_code == 0
    warning, summary = result.stdout.splitlines()
    assert warning.startswith("definitions/odd.json:1:")
    assert warning.endswith('warning: /States/B: State "B" is not reachable')
    assert summary == "2 files: 0 errors, 1 warning"
    assert stepwell("lint", "definitions", "--strict").exit_code == 1
    report = json.loads(stepwell("lint", "definitions", "--json").stdout)
    assert (report["errors"], report["warnings"], [len(file["problems"]) for file in report["files"]]) == (0, 1, [0, 1])


def test_lint_tells_of_two_files_with_one_id() -> None:
    Path("one.json").write_text(GOOD)
    Path("two.json").write_text(GOOD)
    result = stepwell("lint", "one.json", "two.json")
    assert "two.json: warning: /id: the id 'good' is that of one.json, too" in result.stdout
    assert result.exit_code == 0


def test_lint_knows_ones_own_functions() -> None:
    Path("mine").mkdir()
    Path("mine/shop.py").write_text(
        "from task_functions import task_function\nprint('hello')\n@task_function\ndef test_lint_sells(data):\n    return 1\n"
    )
    Path("mine/broken.py").write_text("import nothing_of_that_name\n")
    Path("job.json").write_text(GOOD.replace("echo", "test_lint_sells"))
    assert stepwell("lint", "job.json").exit_code == 1
    done = outside(*STEPWELL, "lint", "job.json", "--json", "--functions", "mine", cwd=Path.cwd())
    assert done.returncode == 0
    assert json.loads(done.stdout)["errors"] == 0  # nothing that a file prints is in the way
    assert "broken.py:1: ModuleNotFoundError" in done.stderr
    Path("stepwell.toml").write_text('functions = ["mine"]\n')
    assert outside(*STEPWELL, "lint", "job.json", cwd=Path.cwd()).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Missing argument 'FILE...'"),
        (("missing.json",), "cannot read missing.json: No such file or directory"),
        (("empty",), "the directory empty has no *.json"),
        (("job.json", "--config", "missing.toml"), "there is no file missing.toml"),
    ],
)
def test_wrong_usage_of_lint(arguments: tuple[str, ...], said: str) -> None:
    Path("empty").mkdir()
    Path("job.json").write_text(GOOD)
    result = stepwell("lint", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr


def test_the_shipped_definitions_are_without_findings() -> None:
    result = stepwell("lint", "--strict", str(DIRECTORY))
    assert result.exit_code == 0, result.output


# ------------------------------------------------------------------------------------------------------------------ schema


def test_schema_is_one_and_lists_the_functions() -> None:
    schema = json.loads(stepwell("schema").stdout)
    Draft202012Validator.check_schema(schema)
    assert {"echo", "fail", "sleep"} <= set(schema["$defs"]["functionName"]["anyOf"][0]["enum"])
    assert Draft202012Validator(schema).is_valid(json.loads(GOOD))
    assert not Draft202012Validator(schema).is_valid(json.loads(BAD))


# ------------------------------------------------------------------------------------------------------------------ doctor


def examined(*arguments: str) -> tuple[int, dict[str, dict[str, Any]]]:
    result = stepwell("doctor", "--json", "--port", "0", *arguments)
    worst: dict[str, dict[str, Any]] = {}
    for check in json.loads(result.stdout)["checks"]:
        if worst.get(check["name"], {"status": "ok"})["status"] == "ok":
            worst[check["name"]] = check
    return result.exit_code, worst


def test_doctor_finds_nothing_wrong_with_a_new_project() -> None:
    assert stepwell("init", ".").exit_code == 0
    done = outside(*STEPWELL, "doctor", "--port", "0", cwd=Path.cwd())
    assert done.returncode == 0, done.stdout
    lines = [line.split()[:2] for line in done.stdout.splitlines()]
    assert [name for _, name in lines] == [
        *("python", "settings", "store", "space", "filesystem", "lock", "functions", "definitions", "address", "keys", "clock", "files")
    ]
    assert "fail" not in [status for status, _ in lines]
    assert not Path("data").exists()


def test_doctor_changes_nothing_and_tells_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("functions").mkdir()
    Path("functions/broken.py").write_text("1 +\n")
    Path("definitions").mkdir()
    Path("definitions/bad.json").write_text(BAD)
    code, found = examined("--functions", "functions", "--definitions", "definitions", "--secrets", "nowhere", "--store", "definitions")
    assert code == 1
    assert {name for name, check in found.items() if check["status"] == "fail"} == {"functions", "definitions", "secrets", "store"}
    assert all(check["advice"] for check in found.values() if check["status"] != "ok")
    assert "broken.py:1: SyntaxError" in found["functions"]["detail"]
    assert (found["definitions"]["detail"], found["definitions"]["advice"]) == (
        "2 errors in definitions/bad.json",
        "run `stepwell lint definitions`",
    )
    monkeypatch.setenv("STEPWELL_PROT", "1")
    code, found = examined("--threads", "0")
    assert code == 1
    assert found["settings"]["status"] == "fail"
    assert "store" not in found


def test_doctor_counts_no_functions_that_are_not_there() -> None:
    checks = json.loads(stepwell("doctor", "--json", "--port", "0", "--functions", "nodir").stdout)["checks"]
    assert [(one["status"], "nodir" in one["detail"]) for one in checks if one["name"] == "functions"] == [("fail", True)]


def test_doctor_on_stores(tmp_path: Path) -> None:
    file = tmp_path / "g.fs"
    file.write_text("this is a graph")
    code, found = examined("--store", str(file))
    assert (code, found["store"]["status"]) == (1, "fail")
    assert "this is not a ZODB file" in found["store"]["detail"]
    file.write_bytes(b"")
    assert examined("--store", str(file))[1]["store"]["status"] == "ok"
    assert examined("--store", "memory:")[1]["store"]["status"] == "warn"
    assert "unknown scheme" in examined("--store", "oracle://x")[1]["store"]["detail"]
    assert examined("--store", "/dev/shm/nobody/Data.fs")[1]["filesystem"]["status"] == "warn"
    assert examined("--store", "data/Data.fs")[1]["filesystem"]["status"] in ("ok", "warn")


def test_doctor_sees_who_has_the_store_and_who_the_port(start: Start, tmp_path: Path) -> None:
    process = start()
    url = url_of(process)
    port = url.rpartition(":")[2]
    store = str(tmp_path / "Data.fs")
    code, found = examined("--store", store)
    assert code == 1
    assert found["lock"]["status"] == "fail"
    assert f"process {process.popen.pid} (" in found["lock"]["detail"]
    code, found = examined("--store", store, "--port", port)
    assert (code, found["lock"]["status"], found["address"]["status"]) == (0, "ok", "ok")
    assert "of this version answers" in found["address"]["detail"]
    process.kill()
    assert examined("--store", store)[1]["lock"]["status"] == "ok"
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.close()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        code, found = examined("--port", str(listener.getsockname()[1]))
    assert found["address"]["status"] == "fail"
    assert "Address already in use" in found["address"]["detail"]


def test_doctor_on_keys_clock_and_private_files(tmp_path: Path) -> None:
    assert examined("--host", "0.0.0.0", "--insecure")[1]["keys"]["status"] == "warn"
    secrets = tmp_path / "secrets"
    secrets.mkdir(mode=0o755)
    secrets.chmod(0o755)
    assert examined("--secrets", str(secrets))[1]["secrets"]["advice"] == f"chmod o-rwx {secrets}"
    secrets.chmod(0o700)
    assert examined("--secrets", str(secrets))[1]["secrets"]["status"] == "ok"
    file = tmp_path / "Data.fs"
    file.write_bytes(b"")
    ahead = time.time() + 7200
    os.utime(file, (ahead, ahead))
    assert examined("--store", str(file))[1]["clock"]["status"] == "fail"


def test_doctor_on_file_descriptors(tmp_path: Path) -> None:
    done = outside("bash", "-c", f"ulimit -n 300; exec {' '.join(STEPWELL)} doctor --port 0 --json", cwd=tmp_path)
    [check] = [check for check in json.loads(done.stdout)["checks"] if check["name"] == "files"]
    assert (check["status"], check["advice"][:9]) == ("warn", "ulimit -n")


# -------------------------------------------------------------------------------------------------------------------- init


def test_init_makes_a_project_whose_tests_pass(tmp_path: Path) -> None:
    result = stepwell("init", "my shop")
    assert result.exit_code == 0
    project = tmp_path / "my shop"
    assert "cd 'my shop'" in result.stdout
    assert result.stdout.index("cd ") < result.stdout.index("stepwell serve") < result.stdout.index("stepwell run order")
    assert outside(*STEPWELL, "lint", "--strict", "definitions", cwd=project).returncode == 0
    done = outside(sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=project)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_the_commands_that_init_names_do_what_its_readme_says(start: Start, tmp_path: Path) -> None:
    project = tmp_path / "shop"
    commands = json.loads(stepwell("init", str(project), "--json").stdout)["next"]
    assert commands[1] == "stepwell serve"
    process = start(make=lambda _: Process(*STEPWELL, "serve", "--port", "0", cwd=project))
    url = url_of(process)
    shell = commands[2].replace("stepwell", " ".join(STEPWELL), 1)
    assert shell.split(" run ")[1] in (project / "README.md").read_text()
    done = outside("bash", "-c", shell, cwd=project, STEPWELL_URL=url)
    assert done.returncode == 0, done.stdout
    assert "attempt 2" in done.stdout
    lines = [line for line in (project / "README.md").read_text().splitlines() if line.startswith("stepwell run")]
    done = outside("bash", "-c", lines[1].replace("stepwell", " ".join(STEPWELL), 1), cwd=project, STEPWELL_URL=url)
    assert done.returncode == 1
    assert "CardDeclined: 81 is more than the limit, 50" in done.stdout
    assert (project / "data" / "Data.fs").is_file()


def test_init_refuses_what_is_not_empty(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "also").mkdir()
    for directory, said in ((".", ". is not empty: it has also, mine.txt. Name a directory"), ("mine.txt", "mine.txt is a file")):
        result = stepwell("init", directory)
        assert result.exit_code == 2
        assert said in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["also", "mine.txt"]
    assert stepwell("init", "also").exit_code == 0


def test_a_server_for_tests_takes_settings_and_says_why_it_did_not_start(tmp_path: Path) -> None:
    (tmp_path / "definitions").mkdir()
    with server(tmp_path, definitions="definitions", functions=["task_functions.examples"], insecure=False, task_workers=3) as client:
        client.register(json.loads(GOOD))
        assert run(client, "good", {"a": 1})["output"] == {"a": {"a": 1}}
        lanes = {lane["name"]: lane["workers"] for lane in client.system_state()["pool"]["classes"]}
        assert lanes["shared"] == 3 * 16
    with pytest.raises(DidNotStart, match="--threads is 1"), server(tmp_path, threads=1):
        pass


# -------------------------------------------------------------------------------------------------------------- completion


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_each_shell(shell: str) -> None:
    result = stepwell("completion", shell)
    assert result.exit_code == 0
    assert "_STEPWELL_COMPLETE" in result.stdout
    assert stepwell("completion", "tcsh").exit_code == 2


def test_bash_completes_commands_and_options(tmp_path: Path) -> None:
    command = tmp_path / "stepwell"
    command.write_text(f'#!/bin/sh\nexec {" ".join(STEPWELL)} "$@"\n')
    command.chmod(0o755)
    (tmp_path / "script").write_text(stepwell("completion", "bash").stdout)

    def completed(*words: str) -> set[str]:
        line = f"COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; _stepwell_completion stepwell; echo ${{COMPREPLY[@]}}"
        path = f"{tmp_path}:{os.environ['PATH']}"
        done = outside("bash", "-c", f"source {tmp_path}/script; {line}", cwd=tmp_path, PATH=path)
        return set(done.stdout.split())

    assert completed("stepwell", "s") == {"serve", "schema", "schedules", "show", "state", "system"}
    assert "--max-jobs" in completed("stepwell", "serve", "--m")
    assert completed("stepwell", "completion", "f") == {"fish"}
    assert completed("stepwell", "definitions", "re") == {"revisions"}


def test_ids_are_completed_by_asking_the_server(shared: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflows.commands.complete.ANSWER_S", 60.0)

    def completed(words: str, incomplete: str, server: str = shared) -> list[str]:
        variables = {"_STEPWELL_COMPLETE": "bash_complete", "COMP_CWORD": str(len(words.split()) + 1)}
        line = f"stepwell {words} {incomplete}"
        result = CliRunner().invoke(main, [], prog_name="stepwell", env={**variables, "COMP_WORDS": line, "STEPWELL_URL": server})
        assert not result.stderr
        return result.stdout.split()

    client = Client(shared)
    execution_id = client.execute("good")
    assert completed("run", "goo") == ["plain,good"]
    assert completed("run", "./jobs/o") == ["file,./jobs/o"]
    assert completed("executions --job", "ba") == ["plain,bad"]
    assert completed("definitions show", "slo") == ["plain,slow"]
    for command in ("show", "state", "logs", "cancel", "redrive exec-0-1-00000000", "priority"):
        assert completed(command, execution_id[:-2]) == [f"plain,{execution_id}"]
    client.add_schedule("good", {"id": "completed-one", "at": "2999-01-01T00:00:00"})
    for command in ("show", "off", "next", "backfill", "cancel-backfill"):
        assert completed(f"schedules {command}", "completed-") == ["plain,completed-one"]
    assert completed("show --server http://127.0.0.1:1", "exec") == []
    assert completed("show", "exec", server="http://127.0.0.1:1") == []
