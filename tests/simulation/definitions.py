"""What simulated worlds run: DAGs, lists and toy machines drawn at random, and the outcomes of their attempts, keyed so that order cannot matter."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from hashlib import blake2b
from typing import Any

from tests.core.toy import State, Toy, ToyDefinition
from workflows.core.dataflow import dumps
from workflows.core.draft import View
from workflows.core.machine import Dialect
from workflows.model import Definition, Delay, Error, Frame, Ref, Retrier, Rule, Task, TaskList, TaskSpec
from workflows.runtime.catalogue import dialect_for
from workflows.runtime.executor import Done, Erred, Outcome, Run

UNREGISTERED = "missing"
"""A function that some servers of a world do not have."""


def random_dag(rnd: random.Random, name: str) -> TaskList:
    """Two to six tasks, in any order that is no cycle. `labels["pure"]`: its result depends on nothing but the outcomes."""
    chain = rnd.random() < 0.3
    pure = rnd.random() < 0.4
    tasks: dict[str, Task] = {}
    for index in range(rnd.randint(1, 6)):
        earlier = list(tasks)
        upstream = tuple(earlier[-1:]) if chain else tuple(sorted(rnd.sample(earlier, rnd.randint(0, min(3, len(earlier))))))
        task = f"t{index}"
        tasks[task] = Task(
            id=task,
            name=task,
            spec=_spec(rnd, pure),
            depends_on=upstream,
            rule=rnd.choice(list(Rule)) if upstream and not chain else Rule.ALL_SUCCESSFUL,
            continue_on_failure=rnd.random() < 0.2,
        )
    downstream = {of: tuple(task.id for task in tasks.values() if of in task.depends_on) for of in tasks}
    return TaskList(
        id=name,
        revision=1,
        labels={"pure": "yes"} if pure else {},
        timeout=rnd.choice([40.0, 400.0]) if not pure and rnd.random() < 0.3 else None,
        max_concurrency=rnd.choice([None, None, 1, 2]),
        max_active_runs=rnd.choice([None, None, 1, 2]),
        tasks=tasks,
        downstream={of: names for of, names in downstream.items() if names},
    )


def _spec(rnd: random.Random, pure: bool) -> TaskSpec:
    retriers: tuple[Retrier, ...] = ()
    if rnd.random() < 0.6:
        retriers = (Retrier(rnd.randint(1, 3), Delay(rnd.choice([0.0, 1.0, 7.0]), rnd.choice([1.0, 2.0]), jitter=rnd.random() < 0.3)),)
    if rnd.random() < 0.2:
        retriers = (Retrier(1, Delay(2.0), ("Boom",)), *retriers)
    spec = TaskSpec(UNREGISTERED if rnd.random() < 0.05 else "work", retriers)
    if pure:
        return spec
    return replace(
        spec,
        timeout=rnd.choice([None, None, 5.0]),
        heartbeat=rnd.choice([None, None, 3.0]),
        fail_on_interrupt=rnd.random() < 0.15,
    )


class _Machine(Toy):
    def upstream(self, view: View, frame: Frame) -> Mapping[str, Ref]:
        return {}


def make_dialect(definition: Definition) -> Dialect:
    return _Machine(definition) if isinstance(definition, ToyDefinition) else dialect_for(definition)


def random_machine(rnd: random.Random, name: str) -> ToyDefinition:
    """A toy machine of a few states. `labels["pure"]` as above: no time-outs, and nothing that depends on which branch fails first."""
    pure = rnd.random() < 0.4
    return ToyDefinition(
        id=name,
        revision=1,
        labels={"pure": "yes"} if pure else {},
        timeout=rnd.choice([30.0, 300.0]) if not pure and rnd.random() < 0.3 else None,
        max_concurrency=rnd.choice([None, None, 1, 2]),
        machine=_machine(rnd, pure, 2),
    )


def _machine(rnd: random.Random, pure: bool, depth: int) -> State:
    """A chain of states, some with a loop or a catcher; branches are machines again."""
    names = [f"s{depth}{index}" for index in range(rnd.randint(1, 3))]
    states: dict[str, Any] = {}
    for name, following in zip(names, [*names[1:], None], strict=True):
        kind = rnd.choice(["Task", "Task", "Task", "Wait", "Pass", "Loop", *(["Parallel", "Map"] if depth else [])])
        states |= _state(rnd, pure, depth, name, kind, {} if following is None else {"Next": following})
    states["caught"] = {"Type": "Pass", "Result": {"caught": True}}
    return {"StartAt": names[0], "States": states}


def _state(rnd: random.Random, pure: bool, depth: int, name: str, kind: str, onward: dict[str, Any]) -> dict[str, Any]:
    catch = {"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "caught"}]} if rnd.random() < 0.3 else {}
    retry = {"Retry": [{"MaxAttempts": rnd.randint(1, 2), "IntervalSeconds": rnd.choice([0.0, 2.0])}]} if rnd.random() < 0.4 else {}
    match kind:
        case "Task":
            limits = {} if pure else {"TimeoutSeconds": rnd.choice([None, 4.0]), "HeartbeatSeconds": rnd.choice([None, 3.0])}
            refuse = {"OnInterrupt": "fail"} if not pure and rnd.random() < 0.15 else {}
            return {name: {"Type": "Task", "Function": "work", **limits, **refuse, **catch, **retry, **onward}}
        case "Wait":
            return {name: {"Type": "Wait", "Seconds": rnd.choice([0.0, 1.0, 9.0]), **onward}}
        case "Loop":  # often longer than a step takes in
            turns, out = rnd.choice([3, 30]), f"{name}out"
            return {
                name: {"Type": "Pass", "Result": {"n": 0}, "Next": f"{name}add"},
                f"{name}add": {"Type": "Pass", "Add": ["n", 1], "Next": f"{name}test"},
                f"{name}test": {"Type": "Choice", "Choices": [{"equals": ["n", turns], "Next": out}], "Default": f"{name}add"},
                out: {"Type": "Pass", **onward},
            }
        case "Parallel":
            branches = [_machine(rnd, pure, depth - 1) for _ in range(rnd.randint(0, 3))]
            return {name: {"Type": "Parallel", "Branches": branches, **({} if pure else catch), **retry, **onward}}
        case "Map":
            items = [{"item": index} for index in range(rnd.randint(0, 4))]
            each, limit = _machine(rnd, pure, depth - 1), rnd.choice([None, 1, 2])
            return {name: {"Type": "Map", "Items": items, "MaxConcurrency": limit, "Each": each, **({} if pure else catch), **retry, **onward}}
    return {name: {"Type": "Pass", **onward}}


def outcome_of(seed: int, run: Run) -> Outcome:
    """How the attempt ends in this world, whenever it does and however often it was interrupted."""
    key = f"{seed}:{run.job_id}:{run.task_id}:{run.attempt}:{run.input}"
    draw = int.from_bytes(blake2b(key.encode(), digest_size=4).digest(), "big")
    if draw % 10 < 3:
        return Erred(Error("Boom" if draw % 2 else "Other", f"attempt {run.attempt}"))
    padding = "x" * (3_000 if draw % 11 == 0 else draw % 40)
    return Done(dumps({"task": run.task_id, "padding": padding}))


def stored(definitions: Mapping[str, Definition]) -> dict[tuple[str, tuple[Any, ...]], Any]:
    """The records of a catalogue that has these definitions."""
    records: dict[tuple[str, tuple[Any, ...]], Any] = {}
    for name, definition in definitions.items():
        records["definition", (name, definition.revision)] = {"text": name, "created": 0.0}
        records["document", ("definition", name)] = {"revision": definition.revision, "digest": ""}
    return records
