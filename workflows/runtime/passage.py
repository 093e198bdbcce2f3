"""What a state machine's history tells of its top-level states: when they were entered and left, and how that went.

The frame of a state machine stands at one state and forgets the last one, so this is read from the history, whole: its cost is that of the
history, which nobody pays for but who looks at the state of that one execution.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from workflows.model import Error, Ref
from workflows.runtime.task_state import TaskState
from workflows.states import StateMachine, Task

_BEGUN = ("TaskStarted", "LambdaFunctionStarted")
_WENT_WRONG = ("Failed", "TimedOut")


def seen(machine: StateMachine, rows: Iterable[list[Any]], text: Callable[[Ref], str]) -> dict[str, TaskState]:
    """By name, in the order of their first entry. One entered again is as of its last entry; one whose failure was caught shows FAILED.

    `rows`: [id, previous, type, at, details] from the first on.
    """
    found: dict[str, TaskState] = {}
    owner: dict[int, str] = {}  # entries that follow a top-level state's entry within it
    kinds: dict[int, str] = {}
    for number, previous, kind, at, details in rows:
        kinds[number] = kind
        name = details.get("name") if kind.endswith(("StateEntered", "StateExited")) else owner.get(previous)
        if name is None or name not in machine.states:
            continue
        owner[number] = name
        if kind.endswith("StateEntered"):
            found[name] = TaskState(name, name, function_of(machine, name), "RUNNING", started=at)
        elif kind.endswith("StateExited"):
            status = "FAILED" if kinds[previous].endswith(_WENT_WRONG) else "COMPLETED"
            found[name] = replace(found[name], status=status, ended=at, result=text(details["output"]))
        elif kind in _BEGUN:
            found[name] = replace(found[name], attempts=found[name].attempts + 1, error=None)
        elif kind.endswith(_WENT_WRONG) and details.get("error"):
            found[name] = replace(found[name], error=Error(details["error"], details.get("cause", ""), task=name))
    return found


def function_of(machine: StateMachine, name: str) -> str:
    """The function that a state calls, as far as the definition tells; "" of one that calls none."""
    state = machine.states[name]
    return state.resource.name or state.resource.arn if isinstance(state, Task) else ""
