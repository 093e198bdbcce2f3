"""What the settings permit reaches the functions of a real server, and whoever registers a job hears what cannot work there."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from app import create_app
from task_functions.permissions import ALLOW, COMMANDS, PRIVATE
from tests.http.client import eventually
from workflows.errors import Invalid, Problem
from workflows.runtime.state import ExecutionState
from workflows.server import Server
from workflows.service import Service
from workflows.setting import SettingsError
from workflows.settings import Settings

SHOUT = {"id": "shout", "functionName": "command", "parameters": {"argv": ["echo", "hello"]}}
LIST = {"id": "list", "tasks": [{"id": "a", "functionName": "echo"}, SHOUT]}
KEYED = {
    "id": "keyed",
    "tasks": {"a": {"functionName": "echo"}, "b/c": {"functionName": "commandFunction", "parameters": {"argv": ["true"]}}},
}
MACHINE = {
    "id": "machine",
    "StartAt": "Shout",
    "States": {"Shout": {"Type": "Task", "Resource": "command", "Parameters": {"argv": ["echo"]}, "End": True}},
}


@contextmanager
def serving(directory: Path, **settings: Any) -> Iterator[Service]:
    made = Settings(store="memory:", definitions=directory, grace_s=0.5, **settings)
    server: Server = create_app(made).extensions["stepwell"]
    server.start()
    try:
        yield server.service
    finally:
        server.stop()


def run(service: Service, document: Any) -> ExecutionState:
    service.definitions.register(json.dumps(document).encode())
    execution = service.executions.start(document["id"], b"").id

    def ended() -> ExecutionState | None:
        state = service.executions.state(execution)
        return None if state.ended is None else state

    return eventually(ended, "its end")


def warnings(service: Service, document: Any) -> tuple[Problem, ...]:
    return service.definitions.register(json.dumps(document, indent=1).encode()).warnings


@pytest.mark.parametrize(
    ("document", "pointer"),
    [(LIST, "/tasks/1/functionName"), (KEYED, "/tasks/b~1c/functionName"), (MACHINE, "/States/Shout/Resource")],
    ids=["list", "map", "machine"],
)
def test_while_commands_are_off_a_job_with_one_is_taken_with_a_warning_and_fails(tmp_path: Path, document: Any, pointer: str) -> None:
    with serving(tmp_path) as service:
        (warning,) = warnings(service, document)
        assert (warning.pointer, warning.severity) == (pointer, "warning")
        assert "allow_commands (STEPWELL_ALLOW_COMMANDS=true)" in warning.message
        lines = json.dumps(document, indent=1).splitlines()
        assert "command" in lines[(warning.line or 0) - 1][(warning.column or 0) - 1 :]
        error = run(service, document).error
        assert error is not None
        assert error.type == "CommandsNotAllowed"
        assert "STEPWELL_ALLOW_COMMANDS=true" in error.message


def test_a_refused_job_has_its_warnings_behind_its_problems(tmp_path: Path) -> None:
    with serving(tmp_path) as service, pytest.raises(Invalid) as caught:
        service.definitions.register(json.dumps({"id": "x", "tasks": [SHOUT | {"maxRetry": -1}]}).encode())
    assert [problem.severity for problem in caught.value.problems] == ["error", "warning"]


def test_the_settings_are_told_to_functions_while_the_server_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(COMMANDS, "before")
    monkeypatch.delenv(ALLOW, raising=False)
    with serving(tmp_path, allow_commands=True, http_allow=("a.example", "10.0.0.0/8"), http_private=True) as service:
        assert (os.environ[COMMANDS], os.environ[ALLOW], os.environ[PRIVATE]) == ("true", "a.example,10.0.0.0/8", "true")
        assert not warnings(service, LIST)
        state = run(service, LIST)
        assert json.loads(state.output or "")["shout"]["stdout"] == "hello\n"
    assert os.environ[COMMANDS] == "before"
    assert ALLOW not in os.environ


def test_a_host_that_is_none_is_refused_with_the_settings() -> None:
    with pytest.raises(SettingsError, match=r"http_allow: 'https://a\.example' is no host: write api\.example\.com"):
        Settings(http_allow=("https://a.example",))
