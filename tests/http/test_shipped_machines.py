"""The shipped state machines, run as they are on a server."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

import task_functions.examples  # noqa: F401  (registers what the definitions name)
from definitions import DIRECTORY
from task_functions.machines import DIRECTORY_VARIABLE
from tests.http.client import Client, Loaded
from workflows.model import Status


def run(api: Client, name: str, data: Any) -> Loaded:
    definition = json.loads((DIRECTORY / f"{name}.json").read_text(encoding="utf-8"))
    return api.run(definition | {"id": f"{name}-tested"}, data)


def statuses(state: Loaded) -> dict[str, str]:
    return {one["id"]: one["status"] for one in state["tasks"]}


def order(**fields: Any) -> dict[str, Any]:
    return {"articles": {"book": 2, "lamp": 1}, "limit": 100, "carrier": "up", **fields}


@pytest.fixture(autouse=True)
def _registered_once(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same definition again is the same revision, which is answered with 200 and not 201."""
    monkeypatch.setattr(api, "register", lambda definition: api.post("/job-definitions", definition).json()["id"])


@pytest.mark.parametrize("carrier", ["up", "slow"])
def test_an_order_that_goes_well(api: Client, carrier: str) -> None:
    state = run(api, "order-saga", order(carrier=carrier))
    assert state["status"] == Status.COMPLETED
    assert state["output"]["paid"] == 85
    assert list(statuses(state)) == ["Reserve", "Charge", "Ship", "Done"]
    assert state["tasks"][2]["attempts"] == (1 if carrier == "up" else 2)


@pytest.mark.parametrize(
    ("fields", "error", "steps"),
    [
        ({"articles": {"piano": 1}}, "OutOfStock", {"Reserve": "FAILED", "Refused": "FAILED"}),
        ({"limit": 10}, "CardDeclined", {"Reserve": "COMPLETED", "Charge": "FAILED", "Release": "COMPLETED", "Refused": "FAILED"}),
        (
            {"carrier": "down"},
            "CarrierDown",
            {
                "Reserve": "COMPLETED",
                "Charge": "COMPLETED",
                "Ship": "FAILED",
                "Refund": "COMPLETED",
                "Release": "COMPLETED",
                "Refused": "FAILED",
            },
        ),
    ],
)
def test_an_order_that_is_taken_back(api: Client, fields: dict[str, Any], error: str, steps: dict[str, str]) -> None:
    state = run(api, "order-saga", order(**fields))
    assert (state["status"], state["error"]["type"]) == (Status.FAILED, error)
    assert state["error"]["message"] == f"the order was refused: {error}"
    assert statuses(state) == steps


def test_ten_thousand_rows_in_batches(api: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DIRECTORY_VARIABLE, str(tmp_path))
    state = run(api, "fan-out", {"rows": 10_000, "batch": 500})
    assert state["status"] == Status.COMPLETED, state["error"]
    totals: dict[str, int] = {}
    with (tmp_path / "payments-10000.csv").open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            totals[row["country"]] = totals.get(row["country"], 0) + int(row["cents"])
    assert state["output"] == {"rows": 10_000, "cents": totals}


def test_rows_that_cannot_be(api: Client) -> None:
    assert run(api, "fan-out", {"rows": 0, "batch": 500})["error"]["type"] == "ValueError"


def test_failures_foreseen(api: Client) -> None:
    state = run(api, "retry-catch", {})
    assert state["output"] == {"first": "Hiccup", "then": "NoSuchThing", "last": "Enough: one branch ends them all"}
    assert statuses(state) == {"Flaky": "COMPLETED", "Doomed": "FAILED", "Together": "FAILED", "Report": "COMPLETED"}
