"""`cancel`, `pause`, `resume`, `redrive` and `priority` against a real server: by id, by filter, asked first, refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.servers import ended, until
from tests.cli.terminal import on_terminal, stepwell
from workflows.client import Client
from workflows.commands.control import _bulk

NOBODY = "http://127.0.0.1:1"
UNKNOWN = "exec-0-999-00000000"


def slow(client: Client) -> str:
    execution_id = client.execute("slow", {"seconds": 60})
    until(lambda: client.state(execution_id)["tasks"][0]["status"] == "RUNNING")
    return execution_id


def job(client: Client, name: str, error: str = "Broken") -> str:
    """A definition of a test's own, which fails unless its task is `echo`."""
    parameters = {"error": error, "message": "it broke"}
    client.register({"id": name, "tasks": [{"id": "fall", "functionName": "fail", "parameters": parameters}]})
    return name


def mended(client: Client, name: str) -> None:
    client.register({"id": name, "tasks": [{"id": "fall", "functionName": "echo"}]})


def test_pause_and_resume(shared: str) -> None:
    client = Client(shared)
    execution_id = slow(client)
    assert stepwell("pause", execution_id, server=shared).stdout == f"Execution {execution_id!r} is paused\n"
    assert client.state(execution_id)["paused"]
    assert json.loads(stepwell("resume", execution_id, "--json", server=shared).stdout)["status"] == "RUNNING"
    assert not client.state(execution_id)["paused"]
    client.cancel(execution_id)


def test_each_that_cannot_is_told_of_and_stops_none_of_the_others(shared: str) -> None:
    client = Client(shared)
    done, running = client.execute("good"), slow(client)
    ended(client, done)
    result = stepwell("cancel", done, running, server=shared)
    assert result.exit_code == 1
    assert f"stepwell: {done}: the execution {done} has ended already" in result.stderr
    assert result.stdout == f"Execution {running!r} is cancelled\n"
    result = stepwell("cancel", done, UNKNOWN, running, "--json", server=shared)
    assert result.exit_code == 2
    assert [set(json.loads(line)) for line in result.stdout.splitlines()] == [
        *({"id", "refused"}, {"id", "refused"}, {"id", "message", "status"}),
    ]


def test_a_redrive_by_a_better_revision_to_the_end(shared: str) -> None:
    client = Client(shared)
    execution_id = client.execute(job(client, "mend-me"))
    ended(client, execution_id)
    assert stepwell("redrive", execution_id, "--revision", "9", server=shared).exit_code in (1, 2)
    mended(client, "mend-me")
    result = stepwell("redrive", execution_id, "--revision", "2", "--input", '{"n": 1}', "--watch", server=shared)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[0] == f"Execution {execution_id!r} is redriven"
    assert result.stdout.splitlines()[-1].startswith("COMPLETED")
    assert client.state(execution_id)["output"] == {"fall": {"n": 1}}
    result = stepwell("redrive", execution_id, server=shared)
    assert result.exit_code == 1
    assert "COMPLETED" in result.stderr


def test_a_revision_that_does_not_fit_is_told_with_its_differences(shared: str) -> None:
    client = Client(shared)
    tasks = [{"id": "say", "functionName": "echo"}, {"id": "fall", "functionName": "fail"}]
    client.register({"id": "misfit", "tasks": tasks})
    execution_id = client.execute("misfit")
    ended(client, execution_id)
    client.register({"id": "misfit", "tasks": tasks[1:]})
    result = stepwell("redrive", execution_id, "--revision", "2", server=shared)
    assert result.exit_code == 1
    assert "say" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("stepwell: ")


def test_priority(shared: str) -> None:
    client = Client(shared)
    client.register({"id": "in-line", "maxActiveRuns": 1, "tasks": [{"id": "w", "functionName": "sleep", "parameters": {"seconds": 60}}]})
    first, second = client.execute("in-line"), client.execute("in-line")
    until(lambda: client.state(first)["status"] == "RUNNING")
    assert stepwell("priority", second, "-5", server=shared).stdout == f"Execution {second!r} has the priority -5\n"
    assert json.loads(stepwell("priority", second, "7", "--json", server=shared).stdout) == {"id": second, "priority": 7}
    assert "priority   7" in stepwell("show", second, server=shared).stdout
    assert stepwell("priority", first, "7", server=shared).exit_code == 1
    assert stepwell("priority", second, "many", server=shared).exit_code == 2
    stepwell("cancel", "--job", "in-line", "--yes", server=shared)


def test_a_filter_is_previewed_asked_about_and_done(shared: str) -> None:
    client = Client(shared)
    name = job(client, "many")
    ids = [client.execute(name) for _ in range(12)]
    for execution_id in ids:
        ended(client, execution_id)
    result = stepwell("redrive", "--job", name, "--status", "FAILED", "--since", "1h", "--preview", server=shared)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == ["12 executions", *(f"  {one}" for one in ids[:1:-1]), "  and 2 more"]
    seen = json.loads(stepwell("redrive", "--job", name, "--preview", "--json", server=shared).stdout)
    assert (seen["matched"], seen["done"], seen["executions"]) == (12, 0, ids[::-1])

    for answer, said in (("n\n", "stepwell: nothing was changed\n"), ("", "say --yes where nobody can answer\n")):
        result = stepwell("redrive", "--job", name, server=shared, stdin=answer)
        assert result.exit_code == 2
        assert "Redrive 12 executions? [y/N]" in result.stderr
        assert result.stderr.endswith(said)
    assert client.state(ids[0])["redriveCount"] == 0

    result = stepwell("redrive", "--job", name, server=shared, stdin="y\n")
    assert result.exit_code == 0, result.output
    assert result.stdout.endswith("redrive: 12 done, 0 refused\n")
    until(lambda: all(client.state(one)["redriveCount"] == 1 and client.state(one)["endTime"] for one in ids))

    result = stepwell("cancel", "--job", name, server=shared)
    assert (result.exit_code, result.stdout) == (0, "0 executions\n(12 executions more: nothing to cancel)\n")
    result = stepwell("cancel", "--job", name, "--yes", server=shared)
    assert (result.exit_code, result.stdout, result.stderr) == (
        0,
        "cancel: 0 done, 0 refused\n(12 executions more: nothing to cancel)\n",
        "",
    )
    assert json.loads(stepwell("cancel", "--job", name, "--yes", "--json", server=shared).stdout)["left"] == 12


def test_of_many_refusals_the_first_are_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    refused = [{"id": f"exec-{number}", "reason": "too many requests are waiting"} for number in range(780)]
    client = Client(NOBODY)
    monkeypatch.setattr(client, "bulk", lambda *_: {"matched": 2_000, "executions": [], "left": 0, "done": 1_220, "refused": refused})
    options = {"yes": True, "preview": False, "as_json": False, **dict.fromkeys(("job", "status", "since", "until", "text", "paused"))}
    assert _bulk(client, "cancel", {**options, "labels": ()}) == 1
    told = capsys.readouterr()
    assert told.out == "cancel: 1220 done, 780 refused\n"
    assert told.err.splitlines() == [*(f"exec-{number}: too many requests are waiting" for number in range(10)), "and 770 more"]


def test_a_filter_that_means_nothing(shared: str) -> None:
    result = stepwell("pause", "--label", "nobody:has", server=shared)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "0 executions\n", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("cancel",), "name executions, or say which with a filter"),
        (("cancel", UNKNOWN, "--job", "good"), "name executions, or say which with a filter"),
        (("pause", UNKNOWN, "--preview"), "--preview is for a filter"),
        (("redrive", "--job", "good", "--revision", "2"), "are for executions that are named"),
        (("redrive", UNKNOWN, UNKNOWN, "--watch"), "--watch is for one execution"),
        (("resume", UNKNOWN), "no execution has the id"),
        (("redrive", UNKNOWN, "--input", "{"), "not JSON"),
        (("priority", UNKNOWN), "Missing argument 'N'"),
    ],
)
def test_wrong_usage(shared: str, arguments: tuple[str, ...], said: str) -> None:
    result = stepwell(*arguments, server=shared)
    assert result.exit_code == 2
    assert said in result.stderr


def test_on_a_terminal_somebody_answers(shared: str, tmp_path: Path) -> None:
    client = Client(shared)
    client.register({"id": "asked", "tasks": [{"id": "wait", "functionName": "sleep", "parameters": {"seconds": 60}}]})
    execution_id = client.execute("asked")
    code, shown = on_terminal("cancel", "--job", "asked", cwd=tmp_path, typed=b"y\n", STEPWELL_URL=shared)
    assert code == 0, shown
    assert "Cancel 1 execution? [y/N]" in shown
    assert client.state(execution_id)["status"] == "CANCELLED"
