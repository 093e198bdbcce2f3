"""State machines drawn at random, for simulated worlds: as the toy machines, but real."""

from __future__ import annotations

import random
from itertools import count
from typing import Any

from workflows.language import states
from workflows.model import Definition

State = dict[str, Any]


def random_states(rnd: random.Random, name: str) -> Definition:
    """A chain of states with loops, catchers and scopes; names are numbered, as they are unique in a machine."""
    inner = _scope(rnd, 2, count(1))
    first = {"Type": "Pass", "Assign": {"items": list(range(rnd.randint(0, 4)))}, "Next": inner["StartAt"]}
    document: State = {"StartAt": "First", "States": {"First": first, **inner["States"]}}
    if rnd.random() < 0.3:
        document["TimeoutSeconds"] = rnd.choice([30, 300])
    limits = {"maxConcurrency": rnd.choice([1, 2])} if rnd.random() < 0.5 else {}
    return states.read({"id": name, "definition": document, **limits}, functions=None)


def _scope(rnd: random.Random, depth: int, numbers: count[int]) -> State:
    found: dict[str, State] = {}
    target: str | None = None
    for _ in range(rnd.randint(1, 3)):
        kind = rnd.choice(["Task", "Task", "Task", "Wait", "Loop", *(["Parallel", "Map"] if depth else [])])
        onward = {"End": True} if target is None else {"Next": target}
        catch = {} if target is None or rnd.random() < 0.6 else {"Catch": [{"ErrorEquals": ["States.ALL"], "Next": target}]}
        target = f"{kind}{next(numbers)}"
        if kind == "Loop":
            found |= _loop(rnd, target, onward)
        else:
            found[target] = _state(rnd, kind, depth, numbers, onward, catch)
    return {"StartAt": target, "States": found}


def _state(rnd: random.Random, kind: str, depth: int, numbers: count[int], onward: State, catch: State) -> State:
    retry = {"Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": rnd.randint(1, 2)}]}
    handlers: State = catch | (retry if rnd.random() < 0.4 else {})
    match kind:
        case "Task":
            limits = rnd.choice([{}, {}, {"TimeoutSeconds": 4}, {"TimeoutSeconds": 9, "HeartbeatSeconds": 3}])
            result: State = {"ResultPath": None} if rnd.random() < 0.5 else {}
            return {"Type": "Task", "Resource": "work", **limits, **result, **handlers, **onward}
        case "Parallel":
            branches = [_scope(rnd, depth - 1, numbers) for _ in range(rnd.randint(1, 3))]
            return {"Type": "Parallel", "Branches": branches, **handlers, **onward}
        case "Map":
            fields: State = {"MaxConcurrency": rnd.randint(0, 2), "ItemsPath": "$items", **rnd.choice([{}, {"ToleratedFailureCount": 1}])}
            return {"Type": "Map", "ItemProcessor": _scope(rnd, depth - 1, numbers), **fields, **handlers, **onward}
    return {"Type": "Wait", "Seconds": rnd.choice([0, 1, 9]), **onward}


def _loop(rnd: random.Random, name: str, onward: State) -> dict[str, State]:
    """Often longer than a step takes in."""
    variable, turns, again, out = f"n{name}", rnd.choice([3, 30]), f"{name}again", f"{name}out"
    rule = {"Variable": f"${variable}", "NumericLessThan": turns, "Next": again}
    return {
        name: {"Type": "Pass", "Assign": {variable: 0}, "Next": again},
        again: {"Type": "Pass", "Assign": {f"{variable}.$": f"States.MathAdd(${variable}, 1)"}, "Next": f"{name}test"},
        f"{name}test": {"Type": "Choice", "Choices": [rule], "Default": out},
        out: {"Type": "Pass", **onward},
    }
