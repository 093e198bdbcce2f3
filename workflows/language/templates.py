"""The templates and conditions of task lists: the expressions of the states language, over the data that a job has.

A job's data are `{"input": ..., "results": {taskId: ...}}` and the context object. It has no variables, and no JSONata for now. Whether a
path leads to a task that exists is for the reader of the whole job to say (`checks.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from workflows.errors import Problem
from workflows.expressions import CONTEXT, DATA, Rule, Template
from workflows.language.expressions import parse_rule, parse_template, paths_of
from workflows.language.secrets import check_references
from workflows.model import child_path

_JSONATA = re.compile(r"\s*\{%.*%\}\s*", re.DOTALL)
_NOT_YET = "JSONata ({% ... %}) is not supported yet"


def read_template(value: Any, pointer: str, problems: list[Problem]) -> Template:
    """The template that `value` is, which stands at `pointer`; what is wrong is added to `problems`."""
    found = list(_jsonata(value, pointer))
    parsed = parse_template(value, pointer, problems)
    known = {problem.pointer for problem in found}
    problems[:] = [problem for problem in problems if problem.pointer not in known] + found
    problems += check_references(parsed, pointer)
    problems += _variables(parsed, pointer)
    return parsed


def read_condition(value: Any, pointer: str, problems: list[Problem]) -> Rule | None:
    """The choice rule that `value` is, which stands at `pointer`; what is wrong is added to `problems`."""
    if isinstance(value, str) and _JSONATA.fullmatch(value):
        problems.append(Problem(pointer, _NOT_YET))
        return None
    rule = parse_rule(value, pointer, problems, top=False)
    problems += _variables(rule, pointer)
    return rule


def _jsonata(value: Any, pointer: str) -> Iterator[Problem]:
    if isinstance(value, str) and _JSONATA.fullmatch(value):
        yield Problem(pointer, _NOT_YET)
    elif isinstance(value, (dict, list)):
        for key, member in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _jsonata(member, child_path(pointer, str(key)))


def _variables(parsed: Template | Rule | None, pointer: str) -> Iterator[Problem]:
    for place, path in paths_of(parsed, pointer):
        if path.root not in (DATA, CONTEXT):
            yield Problem(place, f"a job has no variables such as ${path.root}; its data are $.input and $.results")
