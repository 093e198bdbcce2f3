"""`executions`, `show` and `logs` against a real server."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.cli.servers import JOBS, START_S, STEPWELL, Process, ended, environment, serve, until, url_of
from tests.cli.terminal import on_terminal, stepwell
from workflows.client import Client
from workflows.commands.filters import STATUSES
from workflows.commands.show import BAR, bars
from workflows.model import Status

FUNCTIONS = """\
import sys
import time
from task_functions import task_function

@task_function
def talk(data, ctx):
    print("hello from", ctx.task_id)
    print("and this", file=sys.stderr)
    if ctx.attempt < data["attempts"]:
        raise ConnectionError("not yet")
    return {"said": True}

@task_function
def linger(data):
    print("lingering")
    time.sleep(data["seconds"])
"""

TALK: dict[str, Any] = {
    "id": "talk",
    "labels": {"team": "shop"},
    "tasks": [
        {"id": "first", "functionName": "talk", "parameters": {"attempts": 2}, "maxRetry": 1, "retryDelay": {"initialSeconds": 0.01}},
        {"id": "second", "functionName": "talk", "parameters": {"attempts": 1}},
        {"id": "third", "functionName": "linger", "parameters": {"seconds.$": "$.input.seconds"}},
    ],
}


class House(NamedTuple):
    """A server, and two executions on it."""

    url: str
    client: Client
    good: str
    bad: str


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    directory = tmp_path_factory.mktemp("house")
    (directory / "functions").mkdir()
    (directory / "functions" / "talk.py").write_text(FUNCTIONS)
    process: Process = serve(directory, "--functions", str(directory / "functions"), STEPWELL_GRACE_S="0.2")
    try:
        client = Client(url_of(process))
        for job in (*JOBS, TALK):
            client.register(job)
        good, bad = client.execute("talk", {"seconds": 0}), client.execute("bad")
        ended(client, good)
        ended(client, bad)
        yield House(client.url, client, good, bad)
    finally:
        process.kill()


# --------------------------------------------------------------------------------------------------------------- executions


def test_the_statuses_are_those_of_the_model() -> None:
    assert set(STATUSES) == {str(status) for status in Status}


def test_executions_are_listed_newest_first(house: House) -> None:
    result = stepwell("executions", "--all", server=house.url)
    assert result.exit_code == 0
    assert "\x1b[" not in result.stdout
    head, *rows = result.stdout.splitlines()
    assert head.split() == ["id", "job", "status", "submitted", "took", "error"]
    ids = [row.split()[0] for row in rows]
    assert ids.index(house.bad) < ids.index(house.good)
    [bad] = [row for row in rows if house.bad in row]
    assert "FAILED" in bad
    assert bad.endswith("Broken: it broke")


@pytest.mark.parametrize(
    ("options", "good", "bad"),
    [
        (("--job", "talk"), True, False),
        (("--status", "failed"), False, True),
        (("--label", "team:shop"), True, False),
        (("--text", "IT BROKE"), False, True),
        (("--since", "1h", "--until", "2999-01-01"), True, True),
        (("--until", "1d"), False, False),
        (("--not-paused",), True, True),
        (("--paused",), False, False),
    ],
)
def test_filters_hold(house: House, options: tuple[str, ...], good: bool, bad: bool) -> None:
    found = json.loads(stepwell("executions", *options, "--all", "--json", server=house.url).stdout)["executions"]
    ids = {one["id"] for one in found}
    assert (house.good in ids, house.bad in ids) == (good, bad)


def test_a_list_says_that_there_are_more_and_that_there_are_none(house: House) -> None:
    result = stepwell("executions", "--limit", "1", server=house.url)
    assert len(result.stdout.splitlines()) == 2
    assert result.stderr == "and more: --limit 2, or --all\n"
    assert stepwell("executions", "--until", "1w", server=house.url).output == "there are none\n"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--since", "yesterday"), "'yesterday' is no time; write 2h or 3d"),
        (("--since", "999999w"), "is no time"),
        (("--status", "DONE"), "'DONE' is not one of"),
        (("--label", "team"), "'team' is no label; write it as KEY:VALUE"),
        (("--since", "1h", "--until", "2h"), "this must be later than since"),
        (("--watch",), "--watch needs a terminal"),
    ],
)
def test_wrong_filters(house: House, options: tuple[str, ...], said: str) -> None:
    result = stepwell("executions", *options, server=house.url)
    assert result.exit_code == 2
    assert said in result.stderr


def test_on_a_terminal_a_list_has_colours_and_goes_on(house: House, tmp_path: Path) -> None:
    code, shown = on_terminal("executions", cwd=tmp_path, STEPWELL_URL=house.url)
    assert code == 0
    assert "\x1b[31mFAILED" in shown
    code, shown = on_terminal(
        "executions", "--watch", cwd=tmp_path, enough=lambda so_far: so_far.count(b"FAILED") > 1, STEPWELL_URL=house.url
    )
    assert code == 130


def test_a_paused_execution_is_marked(house: House) -> None:
    execution_id = house.client.execute("slow", {"seconds": 60})
    until(lambda: house.client.state(execution_id)["status"] == "RUNNING")
    house.client.pause(execution_id)
    result = stepwell("executions", "--paused", server=house.url)
    assert "RUNNING (paused)" in result.stdout
    assert "RUNNING (paused)" in stepwell("show", execution_id, server=house.url).stdout
    house.client.cancel(execution_id)


# ---------------------------------------------------------------------------------------------------------------------- show


def test_show_tells_what_there_is_to_tell(house: House) -> None:
    result = stepwell("show", house.good, server=house.url)
    assert result.exit_code == 0
    head, *rest = result.stdout.splitlines()
    assert head == f"{house.good}  COMPLETED"
    lines = {line.split()[0]: line for line in rest if line}
    assert lines["job"] == "job        talk, revision 1"
    assert lines["labels"] == "labels     team:shop"
    assert lines["input"] == 'input      {"seconds": 0}'
    assert lines["output"] == 'output     {"third": null}'
    assert lines["first"].split()[:3] == ["first", "COMPLETED", "2"]
    assert lines["first"].endswith('{"said": true}')
    assert "error" not in lines
    bad = stepwell("show", house.bad, server=house.url).stdout
    assert "error      Broken: it broke" in bad
    assert "\x1b[" not in bad


def test_show_has_the_history(house: House) -> None:
    text = stepwell("show", house.bad, "--history", server=house.url).stdout
    assert "ExecutionStarted" in text
    assert "error=Broken cause=it broke" in text
    shown = json.loads(stepwell("show", house.bad, "--history", "--json", server=house.url).stdout)
    assert [event["type"] for event in shown["history"]][-1] == "ExecutionFailed"
    assert "history" not in json.loads(stepwell("show", house.bad, "--json", server=house.url).stdout)


def test_show_waits_for_the_end_if_asked(house: House) -> None:
    result = stepwell("show", house.bad, "--watch", server=house.url)
    assert result.exit_code == 1
    assert result.stdout.index("fall         FAILED") < result.stdout.index("job        bad")


def test_watching_as_json_is_one_object_a_line(house: House) -> None:
    lines = [json.loads(line) for line in stepwell("show", house.bad, "--watch", "--json", server=house.url).stdout.splitlines()]
    assert [lines[0].keys(), lines[-1]["status"], lines[-1]["id"]] == [{"executionID"}, "FAILED", house.bad]


@pytest.mark.parametrize("command", ["executions", "show", "logs", "definitions"])
def test_a_pipe_gets_no_colours(house: House, command: str) -> None:
    words = {"executions": (), "definitions": ("list",)}.get(command, (house.good,))
    done = subprocess.run(
        [*STEPWELL, command, *words], env=environment(STEPWELL_URL=house.url), capture_output=True, check=True, timeout=START_S
    )
    assert len(done.stdout.splitlines()) > 1
    assert b"\x1b" not in done.stdout


def test_on_a_terminal_show_draws_when_each_task_ran(house: House, tmp_path: Path) -> None:
    code, shown = on_terminal("show", house.good, cwd=tmp_path, STEPWELL_URL=house.url)
    assert code == 0
    assert "timeline" in shown
    assert "\x1b[32mCOMPLETED" in shown
    assert shown.count("━") >= 3


def test_a_timeline() -> None:
    def at(seconds: float) -> str:
        return f"2026-11-21T03:00:{seconds:06.3f}Z"

    tasks = [(at(0), at(3)), (at(3), at(3)), (at(3), at(12)), (None, None), (at(11.999), None)]
    state = {"startTime": at(0), "endTime": at(12), "tasks": [{"startTime": start, "endTime": end} for start, end in tasks]}
    drawn = list(bars(state))
    assert {len(bar) for bar in drawn} == {BAR}
    assert [(bar.find("━"), bar.count("━")) for bar in drawn] == [(0, 6), (6, 1), (6, 18), (-1, 0), (23, 1)]


def test_nobody_is_shown(house: House) -> None:
    for command in ("show", "logs"):
        result = stepwell(command, "exec-0-999-00000000", server=house.url)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "no execution has the id 'exec-0-999-00000000'" in result.stderr


# ---------------------------------------------------------------------------------------------------------------------- logs


def test_logs_of_each_attempt(house: House) -> None:
    text = stepwell("logs", house.good, server=house.url).stdout
    headings = [line.rpartition(",")[0] for line in text.splitlines() if not line.startswith(" ")]
    assert headings == ["first, attempt 1", "first, attempt 2", "second, attempt 1", "third, attempt 1"]
    assert text.splitlines()[1:3] == ["  hello from first", "  and this"]
    found = [json.loads(line) for line in stepwell("logs", house.good, "--json", server=house.url).stdout.splitlines()]
    assert found[0].keys() == {"taskId", "attempt", "time", "text", "truncated"}
    assert found[-1]["text"] == "lingering\n"


def test_logs_of_one_attempt(house: House) -> None:
    text = stepwell("logs", house.good, "--task", "first", "--attempt", "2", server=house.url).stdout
    assert text.count("hello from first") == 1
    unknown = stepwell("logs", house.good, "--task", "frist", server=house.url)
    assert (unknown.exit_code, unknown.stderr) == (2, f"stepwell: the execution {house.good} has no task 'frist'; did you mean 'first'?\n")
    none = stepwell("logs", house.good, "--task", "first", "--attempt", "9", server=house.url)
    assert (none.exit_code, none.output) == (0, "nothing was printed or logged\n")


def test_logs_of_a_state_within_others(house: House) -> None:
    inner = {"StartAt": "Deep", "States": {"Deep": {"Type": "Pass", "End": True}}}
    outer = {"Map": {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": inner, "End": True}}
    execution_id = house.client.execute(house.client.register({"id": "deep", "StartAt": "Map", "States": outer})["id"], {"items": [1]})
    until(lambda: house.client.state(execution_id)["endTime"])
    assert stepwell("logs", execution_id, "--task", "Deep", server=house.url).output == "nothing was printed or logged\n"
    assert "did you mean 'Deep'?" in stepwell("logs", execution_id, "--task", "Deepp", server=house.url).stderr


def test_logs_are_followed_to_the_end(house: House) -> None:
    execution_id = house.client.execute("talk", {"seconds": 4})
    until(lambda: house.client.state(execution_id)["tasks"][2]["status"] == "RUNNING")
    result = stepwell("logs", execution_id, "--follow", server=house.url)
    assert result.exit_code == 0
    assert result.stdout.count("hello from") == 3
    assert result.stdout.splitlines()[-1] == "  lingering"
