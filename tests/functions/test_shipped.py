"""The shipped task lists, run as they are; the bill of materials on the Python that runs these tests, against a recount of our own, and
goflow's examples with a clock that nobody waits for.

The state machines are run by a real server, in tests/cli/test_examples.py.
"""

from __future__ import annotations

import hashlib
import json
import os
import sysconfig
from collections import Counter
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

import task_functions.examples  # noqa: F401  (registers what the definitions name)
from definitions import DIRECTORY
from task_functions import REGISTRY, builtin, example_goflow
from task_functions.installation import STDLIB, normalised
from tests.core.world import World
from tests.functions.fakes import FakeContext
from tests.functions.worlds import load_definition, run
from workflows.core.dag import Dag
from workflows.language import read_definition
from workflows.model import ROOT, Status, TaskList, child_path

SHARDS = 12

GOFLOW = ("example-complex-analytics", "example-custom-operator")


@pytest.fixture(scope="module")
def bill(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The job run once: its output, the results of its tasks, the lines of its call log."""
    directory = tmp_path_factory.mktemp("bill")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STEPWELL_SBOM_DIRECTORY", str(directory / "out" / "deep"))
        patch.setenv("STEPWELL_CALL_LOG", str(directory / "calls.jsonl"))
        output, results = run(load_definition("sbom"), {})
    calls = [json.loads(line) for line in (directory / "calls.jsonl").read_text().splitlines()]
    return {"output": output, "results": results, "calls": calls, "directory": directory / "out" / "deep"}


@pytest.mark.parametrize("name", ["hello", "sbom"])
def test_definitions_are_sound(name: str) -> None:
    definition = load_definition(name)
    ids = [task["id"] for task in definition["tasks"]]
    assert definition["id"] == name
    assert len(set(ids)) == len(ids)
    for task in definition["tasks"]:
        assert REGISTRY.get(task["functionName"]) is not None
        assert set(task.get("dependsOn", ())) <= set(ids)
        assert task["maxRetry"] >= 0


def test_every_definition_is_one_that_a_test_runs() -> None:
    by_a_server = {"order-saga", "csv-fan-out", "retry-catch-showcase"}
    assert {path.stem for path in DIRECTORY.glob("*.json")} == {"hello", "sbom", *GOFLOW} | by_a_server


def test_hello() -> None:
    output, results = run(load_definition("hello"), {"name": "you"})
    assert output == {"said": {"greeting": "Goodbye", "to": {"name": "you"}, "after": "Hiccup"}}
    assert list(results) == ["greet", "stumble", "part"]


def test_the_sums_are_those_of_a_straightforward_recount(bill: dict[str, Any]) -> None:
    files, size, names = _recount()
    summary = bill["output"]["summary"]
    there = summary["files"] - summary["unreadable"]
    assert (summary["distributions"], there, summary["bytes"]) == (len(names) + 1, files, size)
    assert summary["matching"] + summary["differing"] + summary["unrecorded"] + summary["unreadable"] == summary["files"]
    assert summary["matching"] > 0
    versions = bill["results"]["list"]["versions"]
    assert {name: version for name, version in versions.items() if name != STDLIB} == names


def _recount() -> tuple[int, int, dict[str, str]]:
    """Number and bytes of all files that are there, and the version of every distribution. Knows nothing of the code under test."""
    paths: list[Path] = []
    names: dict[str, str] = {}
    for found in metadata.distributions():
        name = normalised(found.metadata["Name"])
        if name not in names:
            names[name] = found.version
            paths += [Path(str(found.locate_file(path))) for path in set(found.files or ()) if path.suffix != ".pyc"]
    for root, _, files in os.walk(sysconfig.get_path("stdlib")):
        if not {"site-packages", "dist-packages", "__pycache__"} & set(Path(root).parts[len(Path(sysconfig.get_path("stdlib")).parts) :]):
            paths += [Path(root, file) for file in files if not file.endswith((".pyc", ".pyo"))]
    there = [path for path in paths if path.is_file()]
    return len(there), sum(path.stat().st_size for path in there), names


def test_every_file_is_in_exactly_one_shard(bill: dict[str, Any]) -> None:
    shards = [bill["results"][f"hash-{number:02}"] for number in range(SHARDS)]
    hashed: Counter[str] = Counter()
    for shard in shards:
        hashed.update({name: total["files"] for name, total in shard["distributions"].items()})
    assert hashed == {row["name"]: row["files"] for row in bill["results"]["list"]["distributions"] if row["files"]}
    sizes = [sum(total["files"] for total in shard["distributions"].values()) for shard in shards]
    assert max(sizes) < 1.5 * min(sizes), "the parts are about even"
    assert all(len(json.dumps(result)) < 100_000 for result in bill["results"].values()), "results stay small"


def test_the_report_is_written(bill: dict[str, Any]) -> None:
    output = bill["output"]
    assert sorted(os.listdir(bill["directory"])) == ["sbom.json", "sbom.md"], "no temporary file is left"
    text = Path(output["json"]).read_bytes()
    assert hashlib.sha256(text).hexdigest() == output["sha256"]
    document = json.loads(text)
    assert document["totals"]["files"] == output["summary"]["files"]
    rows = {row["name"]: row for row in document["distributions"]}
    assert rows["pytest"]["version"] == metadata.version("pytest")
    assert rows["pytest"]["licence"] == "MIT"
    assert "pluggy" in document["requires"]["pytest"]["installed"]
    assert rows[STDLIB]["files"] == rows[STDLIB]["unrecorded"] > 1000
    markdown = Path(output["markdown"]).read_text(encoding="utf-8")
    assert f"{output['summary']['files']:,} files" in markdown
    assert f"| pytest | {metadata.version('pytest')} | MIT |" in markdown


def test_the_call_log_has_every_task_once(bill: dict[str, Any]) -> None:
    ids = [task["id"] for task in load_definition("sbom")["tasks"]]
    for event in ("begin", "end"):
        assert sorted(call["task"] for call in bill["calls"] if call["event"] == event) == sorted(ids)


def test_the_report_again_is_the_same_to_the_byte(bill: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPWELL_SBOM_DIRECTORY", str(tmp_path))
    (tmp_path / "sbom.json").write_text("left by an earlier run")
    definition = load_definition("sbom")
    output, _ = run(definition, {})
    assert output["sha256"] == bill["output"]["sha256"]
    assert (tmp_path / "sbom.md").read_bytes() == (bill["directory"] / "sbom.md").read_bytes()


# ---------------------------------------------------------------------------------------------------------------- goflow's examples


def played(name: str, monkeypatch: pytest.MonkeyPatch) -> tuple[World, dict[str, tuple[str, int]]]:
    """The job from its start to its end, its functions called as they are, on a clock of its own. How each task ended, and after how many
    attempts."""
    definition = read_definition(json.dumps(load_definition(name)), functions=REGISTRY.has)
    assert isinstance(definition, TaskList)
    world = World(Dag(definition))
    monkeypatch.setattr(builtin, "monotonic", lambda: world.now)
    monkeypatch.setattr(builtin, "pause", lambda seconds: setattr(world, "now", world.now + seconds))
    world.start({})
    while world.status() not in (Status.COMPLETED, Status.FAILED):
        for path in world.waits():
            function = REGISTRY.get(definition.tasks[path.removeprefix("/")].spec.function)
            assert function is not None
            try:
                world.succeed(path, function.invoke(json.loads(world.text(world.at(path).input)), FakeContext()))
            except Exception as error:
                world.fail(path, type(error).__name__, str(error))
        if timers := world.timers():
            world.fire(min(timers, key=lambda path: timers[path]))
    frames = {task: world.at(child_path(ROOT, task)) for task in definition.tasks}
    return world, {task: (frame.status.value, frame.attempt) for task, frame in frames.items()}


def test_complex_analytics(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries in vain, skips, cleans up, and has failed all the same."""
    world, tasks = played("example-complex-analytics", monkeypatch)
    assert tasks == {
        "sleep-one": ("SUCCEEDED", 1),
        "add-one-one": ("SUCCEEDED", 1),
        "sleep-two": ("SUCCEEDED", 1),
        "add-two-four": ("SUCCEEDED", 1),
        "add-three-four": ("SUCCEEDED", 1),
        "whoops-with-constant-delay": ("FAILED", 6),
        "whoops-with-exponential-backoff": ("FAILED", 2),
        "totally-skippable": ("SKIPPED", 0),
        "clean-up": ("SUCCEEDED", 1),
    }
    assert world.status() is Status.FAILED
    assert [json.loads(world.text(world.at(f"/add-{of}").output)) for of in ("one-one", "two-four", "three-four")] == [
        {"sum": 2},
        {"sum": 6},
        {"sum": 7},
    ]


@pytest.mark.parametrize(
    ("drawn", "status", "ended"), [(0, "COMPLETED", "SUCCEEDED"), (2, "COMPLETED", "SUCCEEDED"), (3, "FAILED", "FAILED")]
)
def test_custom_operator(monkeypatch: pytest.MonkeyPatch, drawn: int, status: str, ended: str) -> None:
    monkeypatch.setattr("random.randrange", {4: drawn}.get)
    world, tasks = played("example-custom-operator", monkeypatch)
    assert (world.status(), tasks) == (status, {"positive-addition": ("SUCCEEDED", 1), "random-failure": (ended, 1)})


@pytest.mark.parametrize("name", GOFLOW)
def test_goflows_schedules_are_there_and_off(name: str) -> None:
    [schedule] = read_definition(json.dumps(load_definition(name)), functions=REGISTRY.has).schedules
    assert not schedule.active


@pytest.mark.parametrize(
    ("data", "words"), [({"a": 1, "b": -1}, "1 and -1"), ({"a": 1}, '"b"'), ({"a": True, "b": 1}, '"a"'), (None, '"a"')]
)
def test_what_cannot_be_added(data: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        example_goflow.add(data, FakeContext())


def test_what_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="from 1, not 0"):
        example_goflow.random_failure({"of": 0}, FakeContext())
