"""The call log: what ran, told by what ran."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from task_functions import Context
from task_functions.call_log import VARIABLE, logged
from task_functions.registry import describe
from tests.functions.fakes import FakeContext


@logged
def half(data: Any, ctx: Context) -> Any:
    """Half of it."""
    return data / 2


def test_off_by_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    assert half(4, FakeContext()) == 2
    assert list(tmp_path.iterdir()) == []


def test_beginnings_and_ends(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    monkeypatch.setenv(VARIABLE, str(path))
    before = time.time()
    assert half(4, FakeContext(task_id="one", attempt=2)) == 2
    with pytest.raises(TypeError):
        half("four", FakeContext(task_id="two"))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    times = [line.pop("time") for line in lines]
    assert [(line["event"], line["task"], line["attempt"]) for line in lines] == [
        ("begin", "one", 2),
        ("end", "one", 2),
        ("begin", "two", 1),
        ("end", "two", 1),
    ]
    assert {(line["execution"], line["key"], line["pid"]) for line in lines} == {("exec-1", "exec-1/task/1", os.getpid())}
    assert times == sorted(times)
    assert before <= times[0] <= times[-1] <= time.time()


def test_a_logged_function_keeps_its_face() -> None:
    function = describe("half", half)
    assert function.wants_context
    assert (half.__name__, half.__doc__) == ("half", "Half of it.")
