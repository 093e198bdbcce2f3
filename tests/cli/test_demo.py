"""The demo as a process, and that it fails when a number is wrong."""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.servers import Process
from workflows.client import CannotReach
from workflows.demo import Demo, ServerProcess, Wrong


def test_the_demo_tells_its_story_and_exits_0(start: Callable[..., Process], tmp_path: Path) -> None:
    command = (sys.executable, "-P", "-m", "workflows.demo")
    process = start(make=lambda directory: Process(*command, cwd=directory, env={"TMPDIR": str(directory)}))
    assert process.exit(300) == 0, process.said
    assert "finished steps run again: 0" in process.lines
    assert any(line.startswith("interrupted attempts re-issued: ") for line in process.lines)
    assert (tmp_path / "sbom" / "sbom.json").is_file()
    assert (tmp_path / "sbom" / "sbom.md").is_file()
    assert list(tmp_path.glob("stepwell-demo-*")) == []


# --------------------------------------------------------------------------------------------------- made-up runs, restarted at 100 s


def ended(name: str, second: int) -> dict[str, Any]:
    return {"id": name, "status": "COMPLETED", "endTime": f"1970-01-01T00:01:{second - 60}.000Z"}


STATE = {"id": "exec-1", "status": "COMPLETED", "error": None, "tasks": [ended("a", 90), ended("b", 115)]}
BEGINS: list[tuple[str, float, int]] = [("a", 80, 1), ("b", 95, 1), ("b", 105, 1)]


def check(directory: Path, state: dict[str, Any], begins: list[tuple[str, float, int]]) -> tuple[int, int]:
    lines = [{"event": "begin", "time": at, "execution": "exec-1", "task": name, "attempt": attempt} for name, at, attempt in begins]
    (directory / "calls.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    demo = Demo(directory)
    demo._restarted_at = 100.0
    return demo._check(state)


def test_a_good_run_is_counted(tmp_path: Path) -> None:
    assert check(tmp_path, STATE, BEGINS) == (0, 1)
    assert check(tmp_path, STATE, [("a", 80, 1), ("b", 105, 1)]) == (0, 0)


@pytest.mark.parametrize(
    ("begins", "text"),
    [
        ([*BEGINS, ("a", 106, 1)], "finished steps run again: 1"),
        ([("a", 80, 1)], "never ran.*'b'"),
        ([("a", 80, 1), ("b", 95, 1), ("b", 105, 2)], "under way at the kill.*issued again: \\[\\]"),
        ([*BEGINS, ("b", 106, 1)], "issued again"),
        ([("a", 80, 1), ("a", 81, 1), ("b", 105, 1)], "issued again"),
    ],
)
def test_a_wrong_number_is_an_error(tmp_path: Path, begins: list[tuple[str, float, int]], text: str) -> None:
    with pytest.raises(Wrong, match=text):
        check(tmp_path, STATE, begins)


def test_an_execution_that_failed_is_an_error(tmp_path: Path) -> None:
    failed = copy.deepcopy(STATE) | {"status": "FAILED"}
    with pytest.raises(Wrong, match="is FAILED"):
        check(tmp_path, failed, BEGINS)


def test_a_server_that_does_not_start_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "Data.fs").write_bytes(b"no store" * 1000)
    with pytest.raises(Wrong, match=r"(?s)did not start:.*is not a ZODB file"):
        ServerProcess(tmp_path)


def test_what_the_server_cannot_do_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(_: Demo) -> None:
        raise CannotReach("nobody there")

    monkeypatch.setattr(Demo, "_story", unreachable)
    with pytest.raises(Wrong, match="nobody there"):
        Demo(tmp_path).run()
