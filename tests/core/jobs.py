"""Task lists and DAGs in short, for tests."""

from __future__ import annotations

from typing import Any

from tests.core.world import World
from workflows.core.dag import Dag
from workflows.expressions import Path
from workflows.model import Rule, Task, TaskList, TaskSpec

SPEC = TaskSpec("f")


def task(name: str, *after: str, rule: Rule = Rule.ALL_SUCCESSFUL, **options: Any) -> Task:
    return Task(name, name, options.pop("spec", SPEC), depends_on=after, rule=rule, **options)


def dag(*tasks: Task, **options: Any) -> Dag:
    downstream: dict[str, tuple[str, ...]] = {}
    for one in tasks:
        for name in one.depends_on:
            downstream[name] = (*downstream.get(name, ()), one.id)
    return Dag(TaskList("job", 1, name="Job", tasks={one.id: one for one in tasks}, downstream=downstream, **options))


def begun(*tasks: Task, data: Any = None, **options: Any) -> World:
    world = World(dag(*tasks, **options))
    world.start(data)
    world.check()
    return world


def path(text: str) -> Path:
    """A definite path of member names and indexes between dots: "$.input.0"."""
    root, *steps = text.split(".")
    return Path(text, root, True, tuple(int(step) if step.isdigit() else step for step in steps))
