"""The functions of the shipped state machines by themselves: what they refuse, and that they give the same when they run again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from task_functions import example_csv, example_retries, example_saga
from tests.functions.fakes import FakeContext

ORDER = {"id": "A", "items": [{"quantity": 2, "cents": 50}]}


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(example_csv.DIRECTORY_VARIABLE, str(tmp_path / "made" / "here"))
    return tmp_path / "made" / "here"


def whole(rows: int = 25, batch: int = 10) -> dict[str, Any]:
    """What is given to the join after everything before it has run."""
    made = example_csv.generate({"rows": rows, "batch": batch}, FakeContext())
    parts = [example_csv.add_up({"file": made["file"], "batch": part}, FakeContext()) for part in made["batches"]]
    return {"file": made["file"], "rows": made["rows"], "cents": made["cents"], "parts": parts}


# ------------------------------------------------------------------------------------------------------------------------- CSV


def test_the_file_is_the_same_every_time(directory: Path) -> None:
    first = example_csv.generate({"rows": 25, "batch": 10}, FakeContext())
    text = (directory / first["file"]).read_bytes()
    (directory / first["file"]).write_text("left by somebody")
    assert example_csv.generate({"rows": 25, "batch": 10}, FakeContext()) == first
    assert (directory / first["file"]).read_bytes() == text
    assert first["batches"] == [{"first": 1, "last": 10}, {"first": 11, "last": 20}, {"first": 21, "last": 25}]
    assert len(text.splitlines()) == 26


def test_the_order_of_the_parts_does_not_matter(directory: Path) -> None:
    data = whole()
    joined = example_csv.join(data, FakeContext())
    assert example_csv.join(data | {"parts": data["parts"][::-1]}, FakeContext()) == joined
    assert (joined["rows"], joined["batches"], Path(joined["summary"]).parent) == (25, 3, directory)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data["parts"].pop(), "20 rows were added up, 25 were written"),
        (lambda data: data["parts"].pop(0), "begins with row 11; row 1 was to come next"),
        (lambda data: data["parts"].append(data["parts"][0]), "begins with row 1; row 11 was to come next"),
        (lambda data: data.update(cents=1), "1 were written"),
        (lambda data: data["parts"][0].update(regions={}), "the regions do not add up"),
    ],
)
@pytest.mark.usefixtures("directory")
def test_what_does_not_add_up_is_noticed(change: Any, message: str) -> None:
    data = whole()
    change(data)
    with pytest.raises(example_csv.TotalsDiffer, match=message):
        example_csv.join(data, FakeContext())


def test_a_file_that_is_too_short_is_noticed(directory: Path) -> None:
    made = example_csv.generate({"rows": 25, "batch": 10}, FakeContext())
    path = directory / made["file"]
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:5]))
    with pytest.raises(ValueError, match="only 4 of the rows 1 to 10"):
        example_csv.add_up({"file": made["file"], "batch": {"first": 1, "last": 10}}, FakeContext())


@pytest.mark.usefixtures("directory")
@pytest.mark.parametrize("name", ["../etc/passwd.csv", "/etc/passwd", ".hidden.csv", "a.csv\n", ""])
def test_only_files_of_the_directory_are_read(name: str) -> None:
    with pytest.raises(ValueError, match="is the name of a CSV file"):
        example_csv.add_up({"file": name, "batch": {"first": 1, "last": 1}}, FakeContext())


@pytest.mark.parametrize(("rows", "batch"), [(0, 1), (1, 0), (True, 1), (1, None), (2_000_000, 100_000), (1_001, 1)])
def test_sizes_are_checked(rows: Any, batch: Any) -> None:
    with pytest.raises(ValueError, match='"rows" is a number'):
        example_csv.generate({"rows": rows, "batch": batch}, FakeContext())


# ------------------------------------------------------------------------------------------------------------------------ saga


def test_an_attempt_that_is_issued_again_gets_the_same_receipt() -> None:
    data = {"order": ORDER}
    first = example_saga.reserve(data, FakeContext(idempotency_key="one"))
    assert example_saga.reserve(data, FakeContext(idempotency_key="one")) == first
    assert example_saga.reserve(data, FakeContext(idempotency_key="two"))["reservation"] != first["reservation"]
    assert (first["pieces"], first["cents"]) == (2, 100)


def test_a_step_fails_as_it_is_told() -> None:
    with pytest.raises(example_saga.UndoFailed, match="release was told to fail for order A"):
        example_saga.release({"order": ORDER, "fail": ["release"]}, FakeContext(attempt=7))
    with pytest.raises(example_saga.UndoFailed):
        example_saga.refund({"order": ORDER, "fail": ["refund-once"]}, FakeContext())
    assert example_saga.refund({"order": ORDER, "fail": ["refund-once"]}, FakeContext(attempt=2))["order"] == "A"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "expected"),
        ({"order": {"id": 1, "items": [1]}}, "expected"),
        ({"order": {"id": "A", "items": []}}, "at least one item"),
        ({"order": {"id": "A", "items": [{"quantity": True, "cents": 1}]}}, "an item has"),
        ({"order": {"id": "A", "items": [{"quantity": 1}]}}, "an item has"),
        ({"order": ORDER, "fail": "ship"}, "a list of steps"),
        ({"order": ORDER, "seconds": 61}, "a number from 0 to 60"),
        ({"order": ORDER, "seconds": True}, "a number from 0 to 60"),
    ],
)
def test_orders_are_checked(data: Any, message: str) -> None:
    with pytest.raises(example_saga.InvalidOrder, match=message):
        example_saga.reserve(data, FakeContext())


# -------------------------------------------------------------------------------------------------------------------- showcase


def test_each_attempt_has_its_error() -> None:
    with pytest.raises(Exception, match="attempt 2 fails") as caught:
        example_retries.flaky({"errors": ["One", "Two"]}, FakeContext(attempt=2))
    assert type(caught.value).__name__ == "Two"
    assert example_retries.flaky({"errors": ["One", "Two"]}, FakeContext(attempt=3)) == {"attempts": 3}
    with pytest.raises(ValueError, match="each a text"):
        example_retries.flaky({"errors": [1]}, FakeContext())
