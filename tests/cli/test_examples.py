"""The shipped state machines on a real server: what they come to, and that `kill -9` in the middle changes nothing about it.

What really ran is read from the call log, which the functions write themselves.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.servers import Process, ended, serve, until, url_of
from workflows.client import Client
from workflows.core.machine import INTERRUPTIONS

Start = Callable[..., Process]
Json = dict[str, Any]

FULL = ["Reserve stock", "Charge card", "Ship"]
UNDO = ["Refund card", "Release stock"]

TRIES = 10
"""To kill a server in the middle of what does not take long."""


class House:
    """A server and what its functions leave behind."""

    def __init__(self, directory: Path, begin: Callable[..., Process]) -> None:
        self.directory, self._begin = directory, begin
        self._calls = directory / "calls.jsonl"
        self.start()

    def start(self) -> None:
        self.process = self._begin(STEPWELL_CALL_LOG=str(self._calls), STEPWELL_EXAMPLES_DIRECTORY=str(self.directory / "examples"))
        self.client = Client(url_of(self.process))

    def kill_when(self, holds: Callable[[], bool]) -> None:
        """SIGKILL to the whole group as soon as this is so; start it again."""
        until(holds, what="the moment to kill")
        self.process.kill()
        self.start()

    def killed(
        self, name: str, given: Json, holds: Callable[[list[Json]], bool], caught: Callable[[list[Json]], bool]
    ) -> tuple[str, list[Json]]:
        """An execution during which the server was killed, as soon as its calls were so, and what it had called by then. Where the kill was
        too late, as the calls tell, another execution gets its turn: the machine may be slow."""
        for _ in range(TRIES):
            execution = self.client.execute(name, given)
            until(lambda execution=execution: holds(self.calls(execution)), what="the moment to kill")  # type: ignore[misc]  # the default binds it
            self.process.kill()
            before = self.calls(execution)
            self.start()
            if caught(before):
                return execution, before
            ended(self.client, execution)
        raise AssertionError(f"the kill came too late {TRIES} times")

    def calls(self, execution: str = "") -> list[Json]:
        text = self._calls.read_text() if self._calls.exists() else ""
        rows: list[Json] = [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
        return [row for row in rows if execution in ("", row["execution"])]

    def begun(self, execution: str = "") -> list[str]:
        return [row["task"] for row in self.calls(execution) if row["event"] == "begin"]

    def run(self, name: str, given: Json) -> Json:
        return ended(self.client, self.client.execute(name, given))


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    directory = tmp_path_factory.mktemp("examples")
    made = House(directory, lambda **variables: serve(directory, **variables))
    yield made
    made.process.kill()


@pytest.fixture
def fresh(start: Start, tmp_path: Path) -> House:
    """One that may be killed."""
    return House(tmp_path, start)


def statuses(state: Json) -> list[tuple[str, str]]:
    return [(task["id"], task["status"]) for task in state["tasks"]][1:]


# ---------------------------------------------------------------------------------------------------------------------- saga


def test_an_order_goes_through(house: House) -> None:
    state = house.run("order-saga", {"order": {"id": "B-7", "items": [{"quantity": 3, "cents": 120}, {"quantity": 1, "cents": 99}]}})
    assert state["status"] == "COMPLETED"
    assert statuses(state) == [(name, "COMPLETED") for name in (*FULL, "Tell what was done")]
    receipts = state["output"].pop("receipts")
    assert state["output"] == {"order": "B-7", "status": "shipped", "cents": 459}
    assert [receipt[0] for receipt in receipts] == ["R", "P", "S"]
    assert house.begun(state["id"]) == FULL


@pytest.mark.parametrize(
    ("step", "error", "undone"),
    [("reserve", "OutOfStock", []), ("charge", "CardDeclined", ["release"]), ("ship", "CannotShip", ["refund", "release"])],
)
def test_what_was_done_is_undone_last_thing_first(house: House, step: str, error: str, undone: list[str]) -> None:
    state = house.run("order-saga", {"fail": [step]})
    assert (state["status"], state["output"]["status"], state["output"]["because"]) == ("COMPLETED", "undone", error)
    assert list(state["output"]["undone"]) == undone
    done = FULL[: ["reserve", "charge", "ship"].index(step) + 1]
    assert house.begun(state["id"]) == [*done, *UNDO[2 - len(undone) :]]
    assert dict(statuses(state))[done[-1]] == "FAILED"


def test_undoing_is_tried_again_and_if_all_is_in_vain_somebody_is_called(house: House) -> None:
    state = house.run("order-saga", {"fail": ["charge", "release-once"]})
    assert (state["status"], state["output"]["status"]) == ("COMPLETED", "undone")
    assert Counter(house.begun(state["id"]))["Release stock"] == 2
    state = house.run("order-saga", {"fail": ["ship", "refund"]})
    assert (state["status"], state["error"]["type"], state["error"]["task"]) == ("FAILED", "NotUndone", "Call for help")
    assert state["error"]["message"].startswith("order A-1 is neither shipped nor undone: ")
    assert Counter(house.begun(state["id"])) == {**dict.fromkeys(FULL, 1), "Refund card": 3}


def test_an_order_that_makes_no_sense_is_refused(house: House) -> None:
    state = house.run("order-saga", {"order": {"id": "empty", "items": []}})
    assert (state["status"], state["error"]["type"], state["error"]["task"]) == ("FAILED", "InvalidOrder", "Refuse")
    assert "at least one item" in json.loads(state["error"]["message"])["errorMessage"]


@pytest.mark.parametrize("at", ["Charge card", "Refund card"])
def test_a_saga_that_is_killed_goes_on_where_it_stood(fresh: House, at: str) -> None:
    execution, _ = fresh.killed(
        *("order-saga", {"fail": ["ship"], "seconds": 0.3}),
        holds=lambda calls: at in [call["task"] for call in calls],
        caught=lambda calls: (calls[-1]["task"], calls[-1]["event"]) == (at, "begin"),  # it came while that ran
    )
    state = ended(fresh.client, execution)
    assert (state["status"], list(state["output"]["undone"])) == ("COMPLETED", ["refund", "release"])
    begins = [call for call in fresh.calls(execution) if call["event"] == "begin"]
    assert Counter(call["task"] for call in begins) == {**dict.fromkeys([*FULL, *UNDO], 1), at: 2}
    again = [(call["attempt"], call["key"]) for call in begins if call["task"] == at]
    assert again[0] == again[1], "the same attempt, with the same key"


def test_a_charge_that_dies_again_and_again_is_given_up_and_refunded(fresh: House) -> None:
    execution = fresh.client.execute("order-saga", {"seconds": 4})
    for times in range(1, INTERRUPTIONS + 1):
        fresh.kill_when(lambda times=times: charges(fresh.calls()) == times)  # type: ignore[misc]  # the default binds it
    state = ended(fresh.client, execution)
    assert (state["status"], state["output"]["because"]) == ("COMPLETED", "Interrupted")
    assert list(state["output"]["undone"]) == ["refund", "release"], "nobody knows whether the card was charged"
    assert Counter(fresh.begun()) == {"Reserve stock": 1, "Charge card": INTERRUPTIONS, "Refund card": 1, "Release stock": 1}


def charges(calls: list[Json]) -> int:
    return sum((call["task"], call["event"]) == ("Charge card", "begin") for call in calls)


# --------------------------------------------------------------------------------------------------------------------- fan-out


def recounted(path: Path) -> Json:
    """Of the file on disk, in a straightforward way."""
    regions: Counter[str] = Counter()
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        regions[row["region"]] += int(row["cents"])
    return {"rows": len(rows), "cents": regions.total(), "regions": dict(regions)}


def check_fan_out(house: House, state: Json, batches: int) -> None:
    assert state["status"] == "COMPLETED", state["error"]
    summary = Path(state["output"].pop("summary"))
    assert json.loads(summary.read_text()) == state["output"]
    assert state["output"] == {"file": summary.name.removesuffix(".summary.json"), "batches": batches} | recounted(
        summary.with_name(state["output"]["file"])
    )
    assert not list(summary.parent.glob(".*")), "no temporary file is left"


def test_ten_thousand_rows_are_added_up_in_a_hundred_batches(house: House) -> None:
    state = house.run("csv-fan-out", {})
    check_fan_out(house, state, 100)
    assert state["output"]["rows"] == 10_000
    calls = house.calls(state["id"])
    assert Counter(house.begun(state["id"])) == {"Write the file": 1, "Add up a batch": 100, "Join and check": 1}
    running = most = 0
    for call in calls:
        running += 1 if call["event"] == "begin" else -1
        most = max(most, running)
    assert 1 < most <= 8
    again = house.run("csv-fan-out", {})
    assert again["output"].pop("summary")
    assert again["output"] == state["output"], "the same file, the same sums"


def test_the_last_batch_may_be_smaller(house: House) -> None:
    check_fan_out(house, house.run("csv-fan-out", {"rows": 101, "batch": 50}), 3)


def test_too_many_batches_are_refused(house: House) -> None:
    state = house.run("csv-fan-out", {"rows": 100_000, "batch": 1})
    assert (state["status"], state["error"]["type"], state["error"]["task"]) == ("FAILED", "ValueError", "Write the file")


def test_a_fan_out_that_is_killed_adds_up_no_finished_batch_again(fresh: House) -> None:
    execution, before = fresh.killed(
        *("csv-fan-out", {}),
        holds=lambda calls: sum(call["task"] == "Add up a batch" for call in calls) >= 30,
        caught=lambda calls: begun(calls)["Join and check"] == 0,  # there was something left to do
    )
    state = ended(fresh.client, execution)
    check_fan_out(fresh, state, 100)
    begins = [call for call in fresh.calls(execution) if call["event"] == "begin"]
    assert len(begins) > begun(before).total()
    assert Counter(call["attempt"] for call in begins) == {1: len(begins)}
    keys = Counter(call["key"] for call in begins)
    assert len(keys) == 102
    twice = [key for key, times in keys.items() if times > 1]
    assert len(twice) <= 8, "only what was under way was issued again"
    assert max(keys.values()) <= 2


def begun(calls: list[Json]) -> Counter[str]:
    return Counter(call["task"] for call in calls if call["event"] == "begin")


# -------------------------------------------------------------------------------------------------------------------- showcase


def check_showcase(state: Json, errors: bytes = b'["Throttled","ConnectionError"]') -> None:
    assert state["status"] == "COMPLETED", state["error"]
    text, digest = state["output"].pop("text"), state["output"].pop("digest")
    assert state["output"] == {"verdict": "too slow", "attempts": 3, "mended": "Broken"}
    assert text == f"{state['id']}: too slow after 3 attempts"
    assert digest == hashlib.sha256(errors).hexdigest()
    assert statuses(state) == [
        *(("Flaky", "COMPLETED"), ("Slow", "FAILED"), ("Two things at once", "COMPLETED")),
        *(("How did it go?", "COMPLETED"), ("Report", "COMPLETED")),
    ]


def test_what_fails_on_purpose_comes_to_a_good_end(house: House) -> None:
    check_showcase(house.run("retry-catch-showcase", {}))


@pytest.mark.parametrize(
    ("errors", "attempts", "error", "task"),
    [
        (["BadRequest"], 1, "Refused", "Refuse"),
        (["Other", "Another"], 2, "Another", "Give up"),
        (["ConnectionError", "States.Runtime"], 2, "States.Runtime", "Flaky"),
    ],
)
def test_what_is_not_retried_for_ever_fails(house: House, errors: list[str], attempts: int, error: str, task: str) -> None:
    state = house.run("retry-catch-showcase", {"errors": errors})
    assert (state["status"], state["error"]["type"], state["error"]["task"]) == ("FAILED", error, task)
    assert house.begun(state["id"]) == ["Flaky"] * attempts


@pytest.mark.parametrize(("errors", "verdict"), [([], "at once"), (["Other"], "at last")])
def test_the_choice_tells_how_it_went(house: House, errors: list[str], verdict: str) -> None:
    """With time for those who have much to do: what takes none is not to be too slow."""
    shipped = house.client.definition("retry-catch-showcase")["document"]
    shipped["definition"]["States"]["Slow"]["TimeoutSeconds"] = 60
    house.client.register({**shipped, "id": "unhurried"})
    state = house.run("unhurried", {"errors": errors, "slow": 0})
    assert state["output"]["verdict"] == verdict
    assert dict(statuses(state))["Slow"] == "COMPLETED"


def test_a_retry_waits_out_a_kill(fresh: House) -> None:
    execution = fresh.client.execute("retry-catch-showcase", {"errors": ["ConnectionError", "ConnectionError"]})

    def retrying() -> bool:
        """After the second failure, which is two seconds and no shorter."""
        [*_, last] = fresh.client.state(execution)["tasks"]
        return (last["status"], last["attempts"]) == ("RETRYING", 2)

    fresh.kill_when(retrying)
    check_showcase(ended(fresh.client, execution), b'["ConnectionError","ConnectionError"]')
    assert Counter(call["attempt"] for call in fresh.calls() if call["event"] == "begin") == {1: 1, 2: 1, 3: 1}
