"""`definitions` against a real server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.servers import JOBS
from tests.cli.terminal import stepwell
from workflows.client import Client


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def document(name: str, function: str = "echo") -> str:
    return json.dumps({"id": name, "name": "A job", "tasks": [{"id": "a", "functionName": function}]})


def test_list(shared: str) -> None:
    result = stepwell("definitions", "list", server=shared)
    assert result.exit_code == 0
    head, *rows = result.stdout.splitlines()
    assert head.split() == ["id", "revision", "kind", "registered", "name"]
    assert [row.split()[0] for row in rows] == sorted(row.split()[0] for row in rows)
    assert any(row.startswith("order-saga") and "state machine" in row for row in rows)
    found = json.loads(stepwell("definitions", "list", "--json", server=shared).stdout)["definitions"]
    assert {job["id"] for job in JOBS} <= {one["id"] for one in found}


def test_push_show_revisions_and_delete(shared: str) -> None:
    Path("one.json").write_text(document("pushed"))
    assert stepwell("definitions", "push", "one.json", server=shared).stdout.endswith("registered successfully, revision 1\n")
    assert stepwell("definitions", "push", "one.json", server=shared).stdout.endswith("unchanged, revision 1\n")
    Path("one.json").write_text(document("pushed", "fail"))
    assert json.loads(stepwell("definitions", "push", "one.json", "--json", server=shared).stdout)["revision"] == 2

    shown = stepwell("definitions", "show", "pushed", "--revision", "1", server=shared).stdout
    assert json.loads(shown) == json.loads(document("pushed"))
    whole = json.loads(stepwell("definitions", "show", "pushed", "--json", server=shared).stdout)
    assert (whole["revision"], whole["document"]) == (2, json.loads(document("pushed", "fail")))

    lines = stepwell("definitions", "revisions", "pushed", server=shared).stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["revision", "2", "1"]
    listed = json.loads(stepwell("definitions", "revisions", "pushed", "--json", server=shared).stdout)["revisions"]
    assert [one["revision"] for one in listed] == [2, 1]

    kept = stepwell("definitions", "delete", "pushed", server=shared, stdin="n\n")
    assert kept.exit_code == 2
    assert "Delete the definition 'pushed'? [y/N]" in kept.stderr
    assert stepwell("definitions", "delete", "pushed", "--revision", "1", "--yes", server=shared).exit_code == 0
    refused = stepwell("definitions", "delete", "pushed", "--revision", "2", "--yes", server=shared)
    assert refused.exit_code == 1
    gone = stepwell("definitions", "delete", "pushed", "--json", server=shared, stdin="y\n")
    assert json.loads(gone.stdout)["id"] == "pushed"
    for command in (("show",), ("revisions",), ("delete", "--yes")):
        result = stepwell("definitions", *command, "pushed", server=shared)
        assert result.exit_code == 2
        assert "no job definition has the id 'pushed'" in result.stderr


def test_a_file_that_is_refused_stops_none_of_the_others(shared: str) -> None:
    Path("bad.json").write_text(document("bad-one", "ehco"))
    Path("odd.json").write_text(
        '{"id": "odd", "StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}, "B": {"Type": "Pass", "End": true}}}'
    )
    result = stepwell("definitions", "push", "bad.json", "odd.json", server=shared)
    assert result.exit_code == 2
    refusal, summary, advice, warning = result.stderr.splitlines()
    assert refusal.startswith("bad.json:1:")
    assert "did you mean 'echo'?" in refusal
    assert summary == "stepwell: bad.json: refused for 1 problem"
    assert "if the function is new, restart it" in advice
    assert stepwell("definitions", "push", "bad.json", "bad.json", server=shared).stderr.count("restart it") == 1
    assert warning.startswith("odd.json:1:")
    assert "registered successfully" in result.stdout
    first, second = stepwell("definitions", "push", "bad.json", "odd.json", "--json", server=shared).stdout.splitlines()
    assert json.loads(first)["problems"][0]["suggestion"] == "echo"
    assert json.loads(second)["revision"] == 1
    assert stepwell("definitions", "push", "missing.json", server=shared).exit_code == 2


def test_a_definition_that_is_needed_stays(shared: str) -> None:
    client = Client(shared)
    client.register({"id": "needed", "tasks": [{"id": "wait", "functionName": "sleep", "parameters": {"seconds": 60}}]})
    execution_id = client.execute("needed")
    result = stepwell("definitions", "delete", "needed", "--yes", server=shared)
    assert result.exit_code == 1
    assert execution_id in result.stderr
    client.cancel(execution_id)
