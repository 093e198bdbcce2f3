"""AWS Lambda handlers found by file name, at the time of use."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from task_functions.handlers import HandlerNotFound, Handlers
from task_functions.registry import REGISTRY, Function, load

Put = Callable[[str, str], Path]


@pytest.fixture
def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Put:
    """Write a file into a directory that was loaded while it was empty, and is the only one in which handlers are looked for."""
    monkeypatch.setattr(REGISTRY, "handlers", Handlers(REGISTRY.handlers._read))
    assert load(str(tmp_path)).errors == ()

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def found(name: str) -> Function:
    function = REGISTRY.get(name)
    assert function is not None
    return function


def call(name: str, event: Any = None) -> Any:
    return found(name).invoke(event, None)


def test_a_handler_put_there_later_is_found_when_it_is_used(put: Put) -> None:
    assert REGISTRY.get("late-handler") is None
    put("late-handler.py", "def handler(event, context):\n    return {'got': event}\n")
    assert call("late-handler", 3) == {"got": 3}
    assert found("late-handler").handler
    assert found("late-handler").wants_context
    assert REGISTRY.has("late-handler")


def test_a_changed_file_is_read_again_and_an_unchanged_one_is_not(put: Put) -> None:
    file = put("counted.py", "calls = []\ndef handler(event, context):\n    calls.append(event)\n    return len(calls)\n")
    assert [call("counted"), call("counted")] == [1, 2]
    file.write_text(file.read_text().replace("return len(calls)", "return -len(calls)"))
    assert call("counted") == -1


def test_a_registered_function_comes_before_a_file(put: Put, tmp_path: Path) -> None:
    put("twice.py", "from task_functions import task_function\n@task_function('twice')\ndef f(data):\n    return 'registered'\n")
    load(str(tmp_path))
    assert call("twice") == "registered"


def test_variables_are_there_during_the_import_and_the_call_only(put: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPWELL_TEST_KEPT", "before")
    put("table.env.json", '{"STEPWELL_TEST_TABLE": "orders", "STEPWELL_TEST_KEPT": "within"}')
    text = "import os\nAT_IMPORT = os.environ['STEPWELL_TEST_TABLE']\ndef handler(event, context):\n"
    put("table.py", text + "    return [AT_IMPORT, os.environ['STEPWELL_TEST_TABLE'], os.environ['STEPWELL_TEST_KEPT']]\n")
    assert load(str(tmp_path)).errors == (), "a file with variables is not read at start-up, when it has none"
    assert call("table") == ["orders", "orders", "within"]
    assert "STEPWELL_TEST_TABLE" not in os.environ
    assert os.environ["STEPWELL_TEST_KEPT"] == "before"


@pytest.mark.parametrize("variables", ["{", "[]", '{"A": 1}'])
def test_variables_that_cannot_be_read_fail_the_call(put: Put, variables: str) -> None:
    put("odd.py", "def handler(event, context): ...\n")
    put("odd.env.json", variables)
    with pytest.raises(HandlerNotFound, match=r"odd\.env\.json"):
        call("odd")


@pytest.mark.parametrize("text", ["", "handler = 3\n"])
def test_a_file_without_a_handler_fails_the_call(put: Put, text: str) -> None:
    put("none.py", text)
    with pytest.raises(HandlerNotFound, match=r"none\.py has no function handler"):
        call("none")


def test_a_file_that_raises_fails_the_call(put: Put) -> None:
    put("bad.py", "1 / 0\n")
    with pytest.raises(ZeroDivisionError):
        call("bad")


@pytest.mark.parametrize("name", ["../secret", "a/b", "a.b", "", "x" * 200])
def test_no_name_leads_out_of_the_directory(put: Put, tmp_path: Path, name: str) -> None:
    (tmp_path.parent / "secret.py").write_text("def handler(event, context): ...\n")
    assert REGISTRY.get(name) is None
