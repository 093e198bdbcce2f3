"""Whether a task of a DAG starts, said as a choice rule over what the tasks before it left behind.

A task that succeeded has left a result at `$.results`, one that failed and was caught its error at `$.failed`, one that was skipped
neither. How each task can end is worked out first, so that only what can be otherwise is asked: most tasks need no rule at all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from workflows.exporters.shape import in_order
from workflows.model import Rule, Task

RESULTS, FAILED, OUTPUT = "results", "failed", "output"

WELL, BADLY, SKIPPED = "well", "badly", "skipped"

Condition = bool | dict[str, Any]
"""True and False: always and never."""

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def place(register: str, name: str) -> str:
    """The path of a member, whatever it is called."""
    if _PLAIN.fullmatch(name):
        return f"$.{register}.{name}"
    quoted = name.replace("\\", "\\\\").replace("'", "\\'")
    return f"$.{register}['{quoted}']"


def careful(tasks: Iterable[Task]) -> bool:
    """Whether the failure of a task may be the reason that another one starts, so that it must not end everything."""
    return any(task.rule is not Rule.ALL_SUCCESSFUL for task in tasks)


class Conditions:
    """Of one job. `endings`: how a task can end as its trigger rules see it, by id."""

    def __init__(self, tasks: Mapping[str, Task]) -> None:
        self._tasks = tasks
        self.careful = careful(tasks.values())
        self.endings: dict[str, frozenset[str]] = {}
        self._starts: dict[str, Condition] = {}
        for task in in_order(tasks):
            starts = self._rule(task)
            if starts is not False and task.when is not None:
                starts = both((starts, json.loads(task.when.text)))
            self._starts[task.id] = starts
            self.endings[task.id] = self._endings(task, starts)

    def of(self, task: Task) -> Condition:
        return self._starts[task.id]

    def catches(self, task: Task) -> bool:
        return self.careful or task.continue_on_failure

    def _endings(self, task: Task, starts: Condition) -> frozenset[str]:
        found = set()
        if starts is not False:
            found.add(WELL)
            if self.careful and not task.continue_on_failure:
                found.add(BADLY)
        if starts is not True:
            found.add(SKIPPED)
        return frozenset(found)

    def _rule(self, task: Task) -> Condition:
        before = [self._tasks[name] for name in task.depends_on]
        match task.rule:
            case Rule.ALL_SUCCESSFUL:
                return both(self._well(one) for one in before)
            case Rule.ALL_FAILED:
                return both(self._badly(one) for one in before)
            case Rule.NONE_FAILED:
                return both(other(self._badly(one)) for one in before)
            case Rule.NONE_SKIPPED:
                return both(other(self._skipped(one)) for one in before)
            case Rule.ONE_SUCCESSFUL if before:
                return either(self._well(one) for one in before)
            case Rule.ONE_FAILED if before:
                return either(self._badly(one) for one in before)
            case _:
                return True

    def _well(self, task: Task) -> Condition:
        endings = self.endings[task.id]
        if endings == {WELL} or WELL not in endings:
            return WELL in endings
        left = [_present(RESULTS, task)]
        return either([*left, _present(FAILED, task)] if task.continue_on_failure else left)

    def _badly(self, task: Task) -> Condition:
        return BADLY in self.endings[task.id] and _present(FAILED, task)

    def _skipped(self, task: Task) -> Condition:
        endings = self.endings[task.id]
        if endings == {SKIPPED} or SKIPPED not in endings:
            return SKIPPED in endings
        return both(other(_present(register, task)) for register in ((RESULTS, FAILED) if self.catches(task) else (RESULTS,)))


def _present(register: str, task: Task) -> Condition:
    return {"Variable": place(register, task.id), "IsPresent": True}


def both(conditions: Iterable[Condition]) -> Condition:
    """All of them, in this order: none is asked after one that does not hold."""
    return _joined("And", conditions, neutral=True)


def either(conditions: Iterable[Condition]) -> Condition:
    return _joined("Or", conditions, neutral=False)


def other(condition: Condition) -> Condition:
    if isinstance(condition, bool):
        return not condition
    if condition.keys() == {"Variable", "IsPresent"}:
        return {**condition, "IsPresent": not condition["IsPresent"]}
    return {"Not": condition}


def _joined(word: str, conditions: Iterable[Condition], *, neutral: bool) -> Condition:
    left = []
    for condition in conditions:
        if isinstance(condition, bool):
            if condition is not neutral:
                return condition
        else:
            left.append(condition)
    return {word: left} if len(left) > 1 else left[0] if left else neutral
