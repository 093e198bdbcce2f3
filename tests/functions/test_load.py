"""Loading users' files: good ones are registered, bad ones reported, and neither gets in the other's way."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from task_functions import REGISTRY, LoadError, load

pytestmark = pytest.mark.usefixtures("registry")

GOOD = """
    from dataclasses import dataclass
    from task_functions import task_function

    @dataclass
    class Item:
        price: "int"

    @task_function
    def good(data, ctx=None):
        return Item(data).price
"""

Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def act(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
        return path

    return act


def test_one_bad_file_does_not_stop_the_others(write: Write, tmp_path: Path) -> None:
    write("b_good.py", GOOD)
    raising = write("a_raises.py", "from task_functions import task_function\n@task_function\ndef half(data): ...\n\n1 / 0\n")
    syntax = write("c_syntax.py", "x = 1\ndef broken(:\n")
    leaving = write("d_exit.py", "import sys\nsys.exit('no licence')\n")
    write("_private.py", "raise AssertionError('must not be loaded')")
    write("notes.txt", "not Python")
    path_before, modules_before = list(sys.path), set(sys.modules)

    loaded = load(str(tmp_path))

    assert loaded.names == ("good",)
    assert REGISTRY.names() == ["good"], "a file that fails half-way registers nothing"
    assert [(error.file, error.line) for error in loaded.errors] == [(str(raising), 5), (str(syntax), 2), (str(leaving), 2)]
    assert [error.message.partition(":")[0] for error in loaded.errors] == ["ZeroDivisionError", "SyntaxError", "SystemExit"]
    assert str(loaded.errors[0]) == f"{raising}:5: ZeroDivisionError: division by zero"
    assert isinstance(loaded.errors[0].__cause__, ZeroDivisionError)
    assert str(pickle.loads(pickle.dumps(loaded.errors[0]))) == str(loaded.errors[0])
    assert sys.path == path_before
    made = {name for name in set(sys.modules) - modules_before if name.startswith("stepwell_functions_")}
    assert {name.rpartition("_")[2] for name in made} == {"good"}
    good = REGISTRY.get("good")
    assert good is not None
    assert good.invoke(3, None) == 3
    del sys.modules[good.origin.rpartition(":")[0]]


def test_loading_again_takes_up_changes(write: Write, tmp_path: Path) -> None:
    file = write("one.py", GOOD)
    assert load(str(tmp_path)).names == ("good",)
    first = REGISTRY.get("good")
    file.write_text(file.read_text().replace(".price", ".price + 1_000_000"))
    assert load(str(tmp_path)).names == ("good",)
    second = REGISTRY.get("good")
    assert first is not None
    assert second is not None
    assert second.invoke(1, None) == 1_000_001
    module = sys.modules[second.origin.rpartition(":")[0]]

    file.write_text(file.read_text() + "\nraise RuntimeError\n")
    assert len(load(str(tmp_path)).errors) == 1
    assert REGISTRY.get("good") is second, "what worked before stays"
    assert sys.modules[module.__name__] is module
    del sys.modules[module.__name__]


def test_a_name_taken_by_another_file(write: Write, tmp_path: Path) -> None:
    first, second = write("one.py", GOOD), write("two.py", GOOD)
    loaded = load(str(tmp_path))
    assert loaded.names == ("good",)
    assert len(loaded.errors) == 1
    assert loaded.errors[0].file == str(second)
    assert "DuplicateFunction" in str(loaded.errors[0])
    assert f"{first}:9" in str(loaded.errors[0])
    assert f"{second}:9" in str(loaded.errors[0])


def test_the_same_stem_in_two_directories(write: Write, tmp_path: Path) -> None:
    write("a/tasks.py", GOOD)
    write("b/tasks.py", GOOD.replace("good", "better"))
    assert load(str(tmp_path / "a")).names == ("good",)
    assert load(str(tmp_path / "b")).names == ("better",)
    assert REGISTRY.names() == ["better", "good"]


def test_an_empty_directory(tmp_path: Path) -> None:
    loaded = load(str(tmp_path))
    assert loaded.names == ()
    assert loaded.errors == ()


def test_a_module(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write("my_tasks_for_load.py", GOOD)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert load("my_tasks_for_load").names == ("good",)
    assert load("my_tasks_for_load").names == ("good",), "also where it had been imported before"
    good = REGISTRY.get("good")
    assert good is not None
    assert good.origin == "my_tasks_for_load:9"


def test_a_module_that_raises(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("my_bad_tasks.py", "\nimport json\njson.loads('{')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    (error,) = load("my_bad_tasks").errors
    assert isinstance(error, LoadError)
    assert (error.source, error.file, error.line) == ("my_bad_tasks", str(path), 3)
    assert "JSONDecodeError" in error.message


def test_nothing_of_that_name(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    (error,) = load(missing).errors
    assert str(error) == f"{missing}: there is no such directory, and this is not the name of a module"
    (error,) = load("no_such_module_anywhere").errors
    assert str(error).endswith("this is neither a directory nor a module: No module named 'no_such_module_anywhere'")


def test_somebody_at_the_terminal_can_stop_it(write: Write, tmp_path: Path) -> None:
    write("slow.py", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load(str(tmp_path))
