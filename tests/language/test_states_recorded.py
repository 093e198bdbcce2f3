"""What the real service answered to definitions, from the recorded cases: its refusals word for word, and what it took compiles.

The cases are not part of this repository. They are looked for in STEPWELL_CONFORMANCE, else in ../shared/conformance.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from workflows.errors import Invalid, Problem
from workflows.language.states import read
from workflows.states import StateMachine

FOLDER = Path(os.environ.get("STEPWELL_CONFORMANCE") or Path(__file__).parents[3] / "shared" / "conformance")
WRAPPED = re.compile(r"Invalid State Machine Definition: '(?P<code>[A-Z_]+): (?P<message>.*) at (?P<location>/\S*)'$")
LATER = re.compile(r'^the resource ".*" is not supported yet$|^DISTRIBUTED is not supported yet$|\(distributed Map\) is not supported yet$')
"""What a definition may say and the real service takes, but we do not yet."""

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no recorded cases: {FOLDER} is no folder; set STEPWELL_CONFORMANCE")


def cases(kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted((FOLDER / kind).glob("*.json")):
        yield path.stem, json.loads(path.read_text(encoding="utf-8"))


def outcome(definition: Any) -> StateMachine | tuple[Problem, ...]:
    try:
        return read(definition, functions=None, id="recorded")
    except Invalid as error:
        return error.problems


def in_jsonata(value: Any) -> bool:
    return '"JSONata"' in json.dumps(value)


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for member in value.values() if isinstance(value, dict) else value:
            yield from texts(member)


def refusals() -> Iterator[Any]:
    """Name, definition, and the (code, message, location) that the service gave."""
    for name, case in cases("api"):
        definition: Any = None
        for step in case["steps"]:
            given = step.get("params", {}).get("definition")
            definition = given["json_text_of"] if isinstance(given, dict) and "json_text_of" in given else definition
            expected = step.get("expected")
            listed = expected.get("diagnostics", ()) if isinstance(expected, dict) else ()
            found: set[tuple[str, str, str]] = {(one["code"], one["message"], one["location"]) for one in listed}
            found |= {(match["code"], match["message"], match["location"]) for text in texts(expected) if (match := WRAPPED.search(text))}
            if definition is not None and found:
                yield pytest.param(definition, found, id=name)


def taken() -> Iterator[Any]:
    for name, case in cases("execution"):
        if not in_jsonata(case["definition"]):
            yield pytest.param(case["definition"], id=name)


@pytest.mark.parametrize(("definition", "expected"), list(refusals()))
def test_refusals_word_for_word(definition: Any, expected: set[tuple[str, str, str]]) -> None:
    problems = outcome(definition)
    assert isinstance(problems, tuple)
    found = {(problem.code, problem.message, problem.pointer or "/") for problem in problems if "not supported yet" not in problem.message}
    assert found == expected


@pytest.mark.parametrize("definition", list(taken()))
def test_what_was_executed_compiles(definition: Any) -> None:
    found = outcome(definition)
    if isinstance(found, StateMachine):
        assert found.warnings == ()
        return
    assert [str(problem) for problem in found if not LATER.search(problem.message)] == []
    pytest.skip(f"a later stage: {found[0]}")


def test_what_was_validated_as_sound_is_not_found_wrong() -> None:
    for name, case in cases("api"):
        for step in case["steps"]:
            given = step.get("params", {}).get("definition")
            expected = step.get("expected")
            if not isinstance(given, dict) or not isinstance(expected, dict) or expected.get("result") != "OK":
                continue
            found = outcome(given["json_text_of"])
            assert isinstance(found, StateMachine) or all("not supported yet" in problem.message for problem in found), name
