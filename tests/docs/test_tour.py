"""The sessions that pages show are real: whoever follows them sees what they show. So are the examples in Python."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.docs.console import Command, File, Session, alike, masked, steps
from tests.docs.pages import DOCS, GUIDE, SESSIONS
from workflows.cli import main
from workflows.testing import server

TOUR = DOCS / "tour.md"


@pytest.mark.parametrize("page", SESSIONS, ids=lambda page: page.stem)
def test_the_session_of_a_page_goes_as_it_says(page: Path, tmp_path: Path) -> None:
    session = Session(tmp_path)
    try:
        for step in steps(page.read_text(encoding="utf-8")):
            if isinstance(step, File):
                session.write(step)
            else:
                printed = session.run(step.text)
                assert alike(step.text, step.prints, printed), f"$ {step.text}\n" + "\n".join(printed)
    finally:
        session.close()


def test_the_tour_has_all_that_it_is_to_show() -> None:
    commands = [step.text for step in steps(TOUR.read_text(encoding="utf-8")) if isinstance(step, Command)]
    shown = [command.split()[1] for command in commands if command.startswith("stepwell")]
    order = ["init", "lint", "serve", "run", "executions", "show", "logs", "definitions", "redrive"]
    assert list(dict.fromkeys(shown)) == order


def test_the_guides_example_of_the_client(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [example] = re.findall(r"```python\n(from workflows.client import .*?)```", GUIDE, re.DOTALL)
    (tmp_path / "definitions").mkdir()
    with server(tmp_path, definitions="definitions") as client:
        assert "http://127.0.0.1:8080" in example
        exec(compile(example.replace("http://127.0.0.1:8080", client.url), "guide.md", "exec"), {})
    said = capsys.readouterr().out
    assert said.startswith("['greeting'] {'id': 'greeting'")
    assert re.search(r"^say          COMPLETED", said, re.MULTILINE)
    assert "{'say': {'name': 'Eve'}}" in said
    assert "'ExecutionSucceeded'] []" in said
    assert re.search(r"^409 .* has ended already", said, re.MULTILINE)
    assert said.endswith("\n0\n")


def test_the_guides_example_of_a_test(tmp_path: Path) -> None:
    [example] = re.findall(r"```python\n(from workflows.testing import .*?)```", GUIDE, re.DOTALL)
    assert CliRunner().invoke(main, ["init", str(tmp_path / "shop")]).exit_code == 0
    assert "path/of/the/project" in example
    exec(compile(example.replace("path/of/the/project", str(tmp_path / "shop")), "cli.md", "exec"), {})


def test_what_is_compared_and_what_is_not() -> None:
    assert masked("x", ["a  2026-11-21 04:00:00  0.41s", "", "exec-0-1-52f25e15"]) == ["a TIME SECONDS", "ID"]
    assert masked("x", ["say  RUNNING"]) == ["say RUNNING"]
    assert masked("x --watch", ["QUEUED", "say          RUNNING", "say  COMPLETED"]) == ["say COMPLETED"]
    assert alike("x", ("a", "…", "d 0.41s"), ["a", "b", "c", "d 0.02s"])
    assert not alike("x", ("a", "…", "d"), ["a", "b", "c"])
    page = "`a.py`:\n\n```python\nx = 1\n```\n\n```console\n$ one \\\n    two\nsaid\n\n$ three\n```\n```json\n{}\n```\n"
    assert list(steps(page)) == [File("a.py", "x = 1\n"), Command("one     two", ("said", "")), Command("three", ())]
