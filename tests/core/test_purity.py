"""The core reads no clock, draws no chance and does no I/O: neither when it runs nor in what it imports."""

from __future__ import annotations

import ast
import os
import random
import time
import uuid
from pathlib import Path
from typing import Any, NoReturn

import pytest

import workflows
from tests.core.test_attacks import TASK, one, states
from tests.core.toy import toy
from tests.core.world import World
from workflows.core.machine import step
from workflows.events import Event, Failed, Started, Succeeded, Taken
from workflows.model import ROOT
from workflows.model import Error as TaskError

HOME = Path(workflows.__file__).parent
FORBIDDEN = {
    "time",
    "random",
    "secrets",
    "uuid",
    "os",
    "io",
    "pathlib",
    "socket",
    "threading",
    "queue",
    "asyncio",
    "subprocess",
    "requests",
    "flask",
    "ZODB",
    "transaction",
    "storage",
    "task_functions",
    "workflows.runtime",
    "workflows.api",
    "workflows.language",
    "workflows.service",
}
LAYER_0 = tuple(HOME / f"{name}.py" for name in ("model", "transitions", "errors", "expressions", "numbers", "hooks"))


def imported(module: Path) -> set[str]:
    """Every module that this one imports, with its parents: "a.b" and "a"."""
    found = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            found |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {".".join(name.split(".")[:length]) for name in found for length in range(1, len(name.split(".")) + 1)}


@pytest.mark.parametrize("module", [*sorted((HOME / "core").glob("*.py")), *LAYER_0], ids=lambda module: module.name)
def test_the_core_imports_nothing_that_can_act(module: Path) -> None:
    assert not imported(module) & FORBIDDEN


@pytest.mark.parametrize("module", LAYER_0, ids=lambda module: module.name)
def test_layer_0_imports_nothing_of_ours_but_itself(module: Path) -> None:
    ours = ("workflows.errors", "workflows.expressions", "workflows.model", "workflows.schedules", "workflows.hooks", "workflows.alerts")
    assert all(name.startswith(ours) for name in imported(module) if name.startswith("workflows."))


def test_a_step_run_twice_without_clock_or_chance_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise AssertionError("the core asked the outside world")

    for name in ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "sleep"):
        monkeypatch.setattr(time, name, refuse)
    for name in ("random", "uniform", "randint", "choice", "getrandbits", "randbytes"):
        monkeypatch.setattr(random, name, refuse)
    for name in ("uuid1", "uuid4"):
        monkeypatch.setattr(uuid, name, refuse)
    monkeypatch.setattr(os, "urandom", refuse)

    world = World(
        toy(
            states(
                A={"Type": "Task", "Retry": [{"Jitter": True}], "TimeoutSeconds": 5, "HeartbeatSeconds": 2, "Next": "P"},
                P={"Type": "Parallel", "Branches": [one(TASK), one({"Type": "Wait", "Seconds": 1})]},
            ),
            timeout=60,
        )
    )

    def twice(event: Event) -> None:
        assert step(world.dialect, world, event) == step(world.dialect, world, event)
        world.feed(event)

    twice(Started(1.0, 7, "x-1", "toy", 1, "{}"))
    twice(Taken(2.0, 8, ROOT, world.visit(), "w"))
    twice(Failed(3.0, 9, ROOT, world.visit(), TaskError("Boom")))
    world.fire()
    twice(Taken(20.0, 10, ROOT, world.visit(), "w"))
    twice(Succeeded(21.0, 11, ROOT, world.visit(), "1"))
    assert len(world.frames) == 3
