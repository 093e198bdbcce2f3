"""The tour is a real session: whoever follows it sees what it shows."""

from __future__ import annotations

from pathlib import Path

from tests.docs.console import Command, File, Session, masked, steps

TOUR = Path(__file__).parents[2] / "docs" / "tour.md"


def test_the_tour_goes_as_it_says(tmp_path: Path) -> None:
    page = list(steps(TOUR.read_text(encoding="utf-8")))
    assert sum(isinstance(step, File) for step in page) >= 2
    session = Session(tmp_path)
    try:
        for step in page:
            if isinstance(step, File):
                session.write(step)
            else:
                printed = session.run(step.text)
                assert masked(step.text, printed) == masked(step.text, step.prints), f"$ {step.text}\n" + "\n".join(printed)
    finally:
        session.close()


def test_the_tour_has_all_that_it_is_to_show() -> None:
    commands = [step.text for step in steps(TOUR.read_text(encoding="utf-8")) if isinstance(step, Command)]
    shown = [command.split()[1] for command in commands if command.startswith("stepwell")]
    order = ["init", "lint", "serve", "run", "executions", "show", "logs", "definitions", "redrive"]
    assert list(dict.fromkeys(shown)) == order


def test_what_is_compared_and_what_is_not() -> None:
    assert masked("x", ["a  2026-11-21 04:00:00  0.41s", "", "exec-0-1-52f25e15"]) == ["a TIME SECONDS", "ID"]
    assert masked("x", ["say  RUNNING"]) == ["say RUNNING"]
    assert masked("x --watch", ["QUEUED", "say          RUNNING", "say  COMPLETED"]) == ["say COMPLETED"]
    page = "`a.py`:\n\n```python\nx = 1\n```\n\n```console\n$ one \\\n    two\nsaid\n\n$ three\n```\n```json\n{}\n```\n"
    assert list(steps(page)) == [File("a.py", "x = 1\n"), Command("one     two", ("said", "")), Command("three", ())]
