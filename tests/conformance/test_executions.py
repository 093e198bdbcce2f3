"""Executions recorded on the real service: status, output, error, cause and every event with its details and ids, exactly.

The cases are read from STEPWELL_CONFORMANCE or from ../shared/conformance beside the repository; others wrote them, so they are not in it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.runs import answer, differences
from workflows.numbers import loads

CASES = Path(os.environ.get("STEPWELL_CONFORMANCE") or Path(__file__).parents[3] / "shared" / "conformance") / "execution"


def cases() -> list[Path]:
    return sorted(CASES.glob("*.json"))


def out_of_scope(case: Any) -> str | None:
    """Why a case cannot pass yet, or None."""
    found: list[str] = []
    _look(case["definition"], found)
    return found[0] if found else None


def _look(node: Any, found: list[str]) -> None:
    if isinstance(node, dict):
        if node.get("QueryLanguage") == "JSONata":
            found.append("JSONata")
        if node.get("Mode") == "DISTRIBUTED":
            found.append("distributed Map")
        resource = node.get("Resource", "")
        if isinstance(resource, str) and resource.startswith("arn:") and ":lambda:" not in resource:
            found.append(f"another service: {resource}")
        for value in node.values():
            _look(value, found)
    elif isinstance(node, list):
        for value in node:
            _look(value, found)


def test_the_cases_are_there() -> None:
    if not CASES.is_dir():
        pytest.skip(f"the recorded cases are not at {CASES}")
    assert cases()


@pytest.mark.parametrize("path", cases(), ids=lambda path: path.stem)
def test_recorded_execution(path: Path, record_property: Any) -> None:
    case = loads(path.read_text(encoding="utf-8"))
    reason = out_of_scope(case)
    if reason:
        pytest.skip(f"out of scope: {reason}")
    for run in case["runs"]:
        wrong = differences(run["expected"], answer(case["definition"], run["input"]))
        assert not wrong, "\n".join(wrong)
