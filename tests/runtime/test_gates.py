"""The two gates: who goes through which, and what both count."""

from __future__ import annotations

from tests.runtime.test_gate import FREE, Frames, take
from workflows.runtime.gates import ALERTING, Gates
from workflows.runtime.lines import Limits

HEARS = Limits("hears", hears=True)


def house(max_jobs: int) -> tuple[Gates, Frames]:
    frames = Frames()
    return Gates(max_jobs, lambda number: frames.ready.get(number, []), frames.count), frames


def queue(gates: Gates, frames: Frames, number: int, limits: Limits, rank: float = 0.0) -> None:
    frames.ready[number] = ["/a"]
    gates.enqueue(number, limits, rank)


def drain(gates: Gates, limits: dict[int, Limits]) -> list[int]:
    found = []
    while (pick := gates.pick()) is not None:
        found.append(pick[0])
        gates.begun(pick[0], limits[pick[0]].definition)
        gates.update(pick[0], limits[pick[0]], (), (pick[1],), 1)
    return found


def test_each_has_places_of_its_own() -> None:
    gates, frames = house(2)
    limits = dict.fromkeys(range(1, 5), FREE) | dict.fromkeys(range(10, 12 + ALERTING), HEARS)
    for number, one in limits.items():
        queue(gates, frames, number, one)
    begun = drain(gates, limits)
    assert begun == [10, 1, 11, 2, *range(12, 10 + ALERTING)]
    assert (gates.admitted, gates.alerts.admitted) == (2, ALERTING)
    assert gates.wants("")
    gates.update(1, FREE, (), (), -1)
    assert drain(gates, limits) == [3], "a place of others is nobody's who hears alerts"
    gates.update(10, HEARS, (), (), -1)
    assert drain(gates, limits) == [10 + ALERTING]


def test_an_alert_with_many_attempts_does_not_keep_everybody_else_waiting() -> None:
    gates, frames = house(1)
    queue(gates, frames, 1, FREE)
    queue(gates, frames, 2, HEARS)
    frames.ready[2] = [f"/{n}" for n in range(100)]
    assert drain(gates, {1: FREE, 2: HEARS})[:3] == [2, 1, 2]


def test_nobody_is_let_in_before_all_are_known_and_all_can_be_forgotten() -> None:
    gates, frames = house(1)
    gates.know_all(False)
    queue(gates, frames, 1, FREE)
    queue(gates, frames, 2, HEARS)
    assert gates.pick() is None
    gates.know_all(True)
    assert drain(gates, {1: FREE, 2: HEARS}) == [2, 1]
    gates.clear()
    assert (gates.admitted, gates.pick(), gates.wants("")) == (0, None, False)


def test_active_runs_are_those_of_all_revisions() -> None:
    """A job that hears alerts by its newest revision only."""
    gates, frames = house(5)
    before, after = Limits("job", active_runs=1), Limits("job", active_runs=1, hears=True)
    queue(gates, frames, 1, before)
    assert drain(gates, {1: before}) == [1]
    frames.active["job"] = 1
    queue(gates, frames, 2, after)
    assert gates.pick() is None
    gates.ended(1, "job", had_begun=True)
    assert drain(gates, {2: after}) == [2]


def test_active_runs_are_those_too_that_were_let_in_and_have_not_begun() -> None:
    """Two are let in at once, and there is room to hand one of them out."""
    gates, frames = house(5)
    before, after = Limits("job", active_runs=1), Limits("job", active_runs=1, hears=True)
    other = Limits("other")
    queue(gates, frames, 1, other, 1.0)
    queue(gates, frames, 2, before, 2.0)
    assert gates.pick() == (1, "/a")
    take(gates.others, (1, "/a"), other, first=True)
    assert gates.admitted == 2
    queue(gates, frames, 3, after)
    assert drain(gates, {2: before, 3: after}) == [2], "what was let in first goes first, and alone"
    gates.ended(2, "job", had_begun=True)
    assert drain(gates, {3: after}) == [3]


def test_who_is_let_in_and_never_begins_frees_the_place_for_another_revision() -> None:
    gates, frames = house(5)
    before, after = Limits("job", active_runs=1), Limits("job", active_runs=1, hears=True)
    queue(gates, frames, 1, before)
    assert gates.pick() == (1, "/a")
    queue(gates, frames, 2, after)
    assert gates.alerts.pick() is None
    gates.ended(1, "job", had_begun=False)
    assert drain(gates, {2: after}) == [2]


def test_who_waits_can_be_moved() -> None:
    gates, frames = house(1)
    for number, limits in ((1, FREE), (2, FREE), (3, HEARS), (4, HEARS)):
        queue(gates, frames, number, limits, float(number))
    gates.move(2, 0.0)
    gates.move(4, 0.0)
    assert gates.pick() == (4, "/a")
    take(gates.alerts, (4, "/a"), HEARS, first=True)
    take(gates.alerts, (3, "/a"), HEARS, first=True)
    assert gates.pick() == (2, "/a")
