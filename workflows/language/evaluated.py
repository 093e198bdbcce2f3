"""Readers for the fields that are evaluated at run time: paths, payload templates, choice rules. Each notes the variables it reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from workflows.errors import Problem
from workflows.expressions import Expression, Path, ReferencePath, Rule, Template
from workflows.language import expressions
from workflows.language.fields import is_object
from workflows.language.findings import Findings
from workflows.language.shapes import shown
from workflows.language.variables import check_names, note_reads

_Parsed = TypeVar("_Parsed")


def path(value: Any, pointer: str, findings: Findings) -> Path | None:
    parsed = _parsed(expressions.parse_path, value, pointer, findings)
    note_reads(parsed, pointer, findings)
    return parsed


def path_or_intrinsic(value: Any, pointer: str, findings: Findings) -> Expression | None:
    parsed = _parsed(expressions.parse_expression, value, pointer, findings)
    note_reads(parsed, pointer, findings)
    return parsed


def reference_path(value: Any, pointer: str, findings: Findings) -> ReferencePath | None:
    return _parsed(expressions.parse_reference_path, value, pointer, findings)


def template(value: Any, pointer: str, findings: Findings) -> Template:
    problems: list[Problem] = []
    parsed = expressions.parse_template(value, pointer, problems)
    _refuse(problems, findings)
    note_reads(parsed, pointer, findings)
    return parsed


def assign(value: Any, pointer: str, findings: Findings) -> Template:
    """A template whose keys name variables."""
    if not is_object(value, pointer, findings):
        return None
    check_names(value, pointer, findings)
    return template(value, pointer, findings)


def rule(value: dict[str, Any], pointer: str, findings: Findings) -> Rule | None:
    """One of the Choices, with its Next, Assign and Comment, which are not looked at."""
    problems: list[Problem] = []
    parsed = expressions.parse_rule(value, pointer, problems, top=True)
    _refuse(problems, findings)
    note_reads(parsed, pointer, findings)
    return parsed


def _parsed(parse: Callable[[str], _Parsed], value: Any, pointer: str, findings: Findings) -> _Parsed | None:
    if not isinstance(value, str):
        findings.refuse(pointer, f"this must be a path, as text, not {shown(value)}")
        return None
    try:
        return parse(value)
    except expressions.PathError as error:
        findings.refuse(pointer, str(error), error.suggestion)
        return None


def _refuse(problems: list[Problem], findings: Findings) -> None:
    for problem in problems:
        findings.refuse(problem.pointer, problem.message, problem.suggestion)
