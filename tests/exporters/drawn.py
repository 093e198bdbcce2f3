"""Jobs drawn at random, as documents, for tests of exports; and running them and the machines made of them with the same functions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from tests.core.machines import compiled
from tests.core.world import World
from workflows.core.dag import Dag
from workflows.core.waits import Work
from workflows.exporters import asl
from workflows.language.tasklists import read
from workflows.model import ENDED, Rule, TaskList
from workflows.numbers import loads

IDS = st.one_of(st.sampled_from("abcdefgh"), st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=100))
"""Any text may name a task."""

PRESENT = {"Variable": "$.input.yes", "IsPresent": True}
ABSENT = {"Variable": "$.input.no", "IsPresent": True}


@st.composite
def dags(draw: st.DrawFn, *, rules: bool = True, most: int = 7) -> dict[str, Any]:
    """Any DAG at all."""
    ids = draw(st.lists(IDS, min_size=1, max_size=most, unique=True))
    tasks = []
    for number, id in enumerate(ids):
        before = draw(st.lists(st.sampled_from(ids[:number]), unique=True, max_size=3)) if number else []
        tasks.append(_task(draw, id, number, before, rules))
    return _job(draw, tasks)


@st.composite
def nested(draw: st.DrawFn, *, rules: bool = True, most: int = 8) -> dict[str, Any]:
    """A DAG made of tasks one after the other and side by side, such as a machine can say."""
    ids = draw(st.lists(IDS, min_size=1, max_size=most, unique=True))
    before: dict[str, list[str]] = {id: [] for id in ids}

    def build(names: list[str], after: list[str]) -> list[str]:
        """Gives the ends."""
        if len(names) == 1:
            before[names[0]] = after
            return names
        cut = draw(st.integers(1, len(names) - 1))
        if draw(st.booleans()):
            return build(names[cut:], build(names[:cut], after))
        return build(names[:cut], after) + build(names[cut:], after)

    build(ids, [])
    return _job(draw, [_task(draw, id, number, before[id], rules) for number, id in enumerate(ids)])


def _task(draw: st.DrawFn, id: str, number: int, before: list[str], rules: bool) -> dict[str, Any]:
    task: dict[str, Any] = {"id": id, "functionName": f"f{number}", "dependsOn": before}
    if rules and before:
        task["triggerRule"] = draw(st.sampled_from([Rule.ALL_SUCCESSFUL] * 8 + list(Rule))).value
    if draw(st.integers(0, 4)) == 0:
        task["when"] = draw(st.sampled_from([PRESENT, ABSENT]))
    if draw(st.integers(0, 5)) == 0:
        task["continueOnFailure"] = True
    if draw(st.integers(0, 5)) == 0:
        task |= {"maxRetry": draw(st.integers(1, 2)), "retryOn": draw(st.sampled_from([["States.ALL"], ["Boom"], ["E1", "E2"]]))}
    if draw(st.booleans()):
        task["parameters"] = {"is": number, "of.$": "$.input.yes"}
    return task


def _job(draw: st.DrawFn, tasks: list[dict[str, Any]]) -> dict[str, Any]:
    job: dict[str, Any] = {"id": "job", "tasks": tasks}
    if draw(st.integers(0, 3)) == 0:
        job["output"] = {"all": "done", "given.$": "$.input"}
    return job


# ------------------------------------------------------------------------------------------------------------------- running


class Played:
    """One run. `failing`: functions whose attempts fail, with an error type for each. `calls`: what was called, with what."""

    def __init__(self, world: World, data: Any, failing: frozenset[str]) -> None:
        self.world, self.failing = world, failing
        self.calls: dict[str, Any] = {}
        self.failed: list[str] = []
        world.start(data)
        while world.status() not in ENDED:
            self._act()
        world.check()

    def _act(self) -> None:
        world = self.world
        if waits := world.waits():
            path, wait = next(iter(waits.items()))
            if wait.kind is Work.CONTINUE:
                world.go_on(path)
            else:
                self._attempt(path)
        else:
            timers = world.timers()
            world.fire(min(timers, key=lambda path: timers[path]))

    def _attempt(self, path: str) -> None:
        world = self.world
        frame = world.at(path)
        function = world.dialect.resolve(frame).function
        data = loads(world.text(frame.input if frame.input is not None else world.head().input))
        self.calls[function] = data
        if function in self.failing:
            self.failed.append(f"E{function[1:]}")
            world.fail(path, self.failed[-1])
        else:
            world.succeed(path, {"function": function, "given": data})


def job_of(document: Mapping[str, Any]) -> TaskList:
    return read(json.loads(json.dumps(document)), functions=None)


def both(document: Mapping[str, Any], data: Any = None, failing: frozenset[str] = frozenset()) -> tuple[Played, Played]:
    """The job and the machine made of it, run. Raises CannotExport."""
    job = job_of(document)
    made, _ = asl.machine(job)
    given = {"yes": 1} if data is None else data
    return Played(World(Dag(job)), given, failing), Played(World(compiled(json.loads(json.dumps(made)))), given, failing)
