"""A few recorded executions through the whole server: the store, the engine and the reader of histories between the core and the answer."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from app import create_app
from tests.conformance.runs import differences, recording
from tests.http.client import eventually
from workflows.model import ENDED
from workflows.numbers import loads
from workflows.settings import Settings

CASES = Path(os.environ.get("STEPWELL_CONFORMANCE") or Path(__file__).parents[3] / "shared" / "conformance") / "execution"
NAMES = (
    "array_array_contains",
    "assign_reference_variables_reference_assign_BASE_REFERENCE_IN_ITERATOR_OUTER_SCOPE",
    "base_query_context_object_values",
    "base_scenarios_map_state_catch",
    "base_scenarios_map_state_retry_legacy",
    "wait_base_wait_seconds_path_1",
)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Any:
    server = create_app(Settings(store=str(tmp_path_factory.mktemp("store") / "Data.fs"), grace_s=0.5)).extensions["stepwell"]
    server.start()
    yield server.service
    server.stop()


@pytest.mark.skipif(not CASES.is_dir(), reason=f"the recorded cases are not at {CASES}")
@pytest.mark.parametrize("name", NAMES)
def test_through_the_server(service: Any, name: str) -> None:
    case = loads((CASES / f"{name}.json").read_text(encoding="utf-8"))
    service.definitions.register(json.dumps({"id": name[-50:], "definition": case["definition"]}).encode())
    for run in case["runs"][:2]:
        execution = service.executions.start(name[-50:], json.dumps(run["input"]).encode()).id
        state = eventually(partial(_ended, service, execution))
        wrong = differences(run["expected"], recording(state.status, service.executions.history(execution)))
        assert not wrong, "\n".join(wrong)


def _ended(service: Any, execution: str) -> Any:
    state = service.executions.state(execution)
    return state if state.status in ENDED else None
