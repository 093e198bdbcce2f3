"""`stepwell export`: of files and of jobs; what is printed, written and told. What it makes of a job runs as the job does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from definitions import DIRECTORY
from tests.cli.servers import ended
from tests.cli.terminal import stepwell
from workflows.client import Client

HELLO = DIRECTORY / "hello.json"

CROSSING = {
    "id": "crossing",
    "tasks": [
        {"id": id, "functionName": "echo", "dependsOn": after} for id, after in {"a": [], "b": [], "c": ["a", "b"], "d": ["b"]}.items()
    ],
}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_of_a_file() -> None:
    drawn = stepwell("export", str(HELLO), "--format", "mermaid")
    assert (drawn.exit_code, drawn.stderr) == (0, "")
    assert drawn.stdout.startswith("%% hello, revision 1\nflowchart TD\n")
    assert stepwell("export", "-", "--format", "mermaid", stdin=HELLO.read_text()).stdout == drawn.stdout
    assert stepwell("export", str(HELLO), "--format", "dot", "-o", "hello.dot").stdout == ""
    assert Path("hello.dot").read_text().startswith('digraph "hello, revision 1" {\n')
    answer = json.loads(stepwell("export", str(HELLO), "--format", "mermaid", "--json").stdout)
    assert answer == {"format": "mermaid", "text": drawn.stdout, "notes": []}


def test_a_job_of_the_server_at_a_revision(shared: str) -> None:
    client = Client(shared)
    for function in ("echo", "fail"):
        client.register({"id": "twice", "labels": {"a": "b"}, "tasks": [{"id": "x", "functionName": function}]})
    assert "calls fail" in stepwell("export", "twice", "--format", "mermaid", server=shared).stdout
    old = stepwell("export", "twice", "--revision", "1", "--format", "mermaid", server=shared).stdout
    assert old.startswith("%% twice, revision 1\n")
    assert "calls echo" in old
    whole = json.loads(stepwell("export", "twice", "--format", "asl", server=shared).stdout)
    assert (whole["id"], whole["labels"], whole["definition"]["StartAt"]) == ("twice", {"a": "b"}, "Begin")
    bare = stepwell("export", "twice", "--format", "asl", "--bare", server=shared)
    assert json.loads(bare.stdout) == whole["definition"]
    assert bare.stderr == "twice: labels is not carried over: it is no part of the states language\n"
    missing = stepwell("export", "nowhere", "--format", "dot", server=shared)
    assert (missing.exit_code, "no job definition has the id 'nowhere'" in missing.stderr) == (2, True)


MACHINE: dict[str, Any] = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": 1.50, "End": True}}}


@pytest.mark.parametrize("document", [{"id": "m", **MACHINE, "priority": 3}, {"id": "m", "definition": MACHINE, "priority": 3}])
def test_a_state_machine_is_its_own_document(document: dict[str, Any]) -> None:
    text = json.dumps(document).replace("1.5", "1.50")
    result = stepwell("export", "-", "--format", "asl", stdin=text)
    assert (json.loads(result.stdout), result.stderr) == (document, "")
    assert '"Result": 1.50,' in result.stdout
    bare = stepwell("export", "-", "--format", "asl", "--bare", stdin=text)
    assert (json.loads(bare.stdout), bare.stderr) == (MACHINE, "-: priority is not carried over: it is no part of the states language\n")


def test_a_bare_machine_tells_of_secrets_and_of_a_description_that_it_does_not_have() -> None:
    parameters = {"key": {"$secret": "API_KEY"}}
    tasks = {"id": "t", "description": "kept", "tasks": [{"id": "a", "functionName": "echo", "parameters": parameters}]}
    result = stepwell("export", "-", "--format", "asl", "--bare", stdin=json.dumps(tasks))
    assert json.loads(result.stdout)["Comment"] == "kept"
    assert result.stderr == "-: /States/a/Parameters/key names a secret: other servers leave the reference as it is\n"
    assert stepwell("export", "-", "--format", "asl", stdin=json.dumps(tasks)).stderr == ""
    machine = {"id": "m", "description": "lost", "definition": MACHINE}
    told = stepwell("export", "-", "--format", "asl", "--bare", stdin=json.dumps(machine)).stderr
    assert told == "-: description is not carried over: it is no part of the states language\n"


def test_what_cannot_be_said_is_refused_line_by_line() -> None:
    result = stepwell("export", "-", "--format", "asl", stdin=json.dumps(CROSSING))
    assert (result.exit_code, result.stdout) == (1, "")
    [line] = result.stderr.splitlines()
    assert line.startswith("stepwell: 'c' waits for 'a' and 'b', but 'd' only for 'b': ")
    told = stepwell("export", "-", "--format", "asl", "--json", stdin=json.dumps(CROSSING))
    answer = json.loads(told.stdout)
    assert (told.exit_code, answer["text"]) == (1, None)
    assert f"stepwell: {answer['notes'][0]['text']}" == line
    assert stepwell("export", "-", "--format", "mermaid", stdin=json.dumps(CROSSING)).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "given", "said"),
    [
        (("nowhere.json", "--format", "dot"), "", "cannot read nowhere.json: No such file"),
        (("-", "--format", "dot"), "{", "the definition is not JSON"),
        (("-", "--format", "dot"), '{"id": "x", "tasks": []}', "-:1:22: error: /tasks: a job has from 1 to 10000 tasks"),
        (("-", "--format", "dot", "--revision", "2"), "{}", "--revision goes with a job"),
        (("-", "--format", "dot", "--bare"), "{}", "--bare goes with --format asl"),
        (("-", "--format", "svg"), "{}", "'svg'"),
        (("-",), "{}", "--format"),
        ((str(HELLO), "--format", "dot", "-o", "nowhere/x"), "", "cannot write nowhere/x: No such file"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], given: str, said: str) -> None:
    result = stepwell("export", *arguments, stdin=given)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


JOBS: list[dict[str, Any]] = [
    json.loads(HELLO.read_text()),
    {
        "id": "two-ways",
        "tasks": [
            {"id": "begin", "functionName": "echo", "dependsOn": []},
            {"id": "le'ft", "functionName": "fail", "dependsOn": ["begin"], "maxRetry": 1, "parameters": {"times": 1}},
            {"id": "right", "functionName": "echo", "dependsOn": ["begin"], "when": {"Variable": "$.input.none", "IsPresent": True}},
            {"id": "further", "functionName": "echo", "dependsOn": ["le'ft"], "parameters": {"after.$": "$.results['le\\'ft']"}},
            {"id": "end", "functionName": "echo", "dependsOn": ["further", "right"], "triggerRule": "noneFailed"},
            {"id": "other", "functionName": "echo", "dependsOn": []},
        ],
    },
    {
        "id": "falls",
        "tasks": [
            {"id": "fall", "functionName": "fail", "parameters": {"error": "Broken"}},
            {"id": "anyway", "functionName": "echo", "triggerRule": "always"},
        ],
    },
]


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job["id"])
def test_what_it_makes_of_a_job_comes_to_the_same_on_a_server(shared: str, job: dict[str, Any]) -> None:
    client = Client(shared)
    job = {**job, "id": f"job-{job['id']}"}
    client.register(job)
    result = stepwell("export", job["id"], "--format", "asl", server=shared)
    machine = json.loads(result.stdout) | {"id": f"machine-{job['id']}"}
    assert client.register(machine)["warnings"] == []
    states = [ended(client, client.execute(one["id"], {"name": "Ada"})) for one in (job, machine)]
    was, now = (
        {"status": state["status"], "output": state.get("output"), "error": (state.get("error") or {}).get("type")} for state in states
    )
    assert now == was
    assert was["status"] == ("FAILED" if "falls" in job["id"] else "COMPLETED")
