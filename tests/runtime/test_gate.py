"""The gate: who is let in, in which order, and within which limits."""

from __future__ import annotations

from collections import Counter

import pytest

from workflows.runtime.gate import ANY, Gate, _Ready
from workflows.runtime.lines import Limits

FREE = Limits("job")


class Frames:
    """What the gate asks about: READY frames by execution, active runs by definition."""

    def __init__(self) -> None:
        self.ready: dict[int, list[str]] = {}
        self.active: dict[str, int] = {}
        self.counted: list[str] = []

    def count(self, definition: str) -> int:
        self.counted.append(definition)
        return self.active.get(definition, 0)

    def gate(self, max_jobs: int) -> Gate:
        return Gate(max_jobs, lambda number: self.ready.get(number, []), self.count)


def queue(gate: Gate, frames: Frames, number: int, *paths: str, limits: Limits = FREE, rank: float = 0.0) -> None:
    frames.ready[number] = list(paths or ("/a",))
    gate.enqueue(number, limits, rank)


def take(gate: Gate, pick: tuple[int, str], limits: Limits = FREE, first: bool = False) -> None:
    if first:
        gate.begun(pick[0], limits.definition)
    gate.update(pick[0], limits, (), (pick[1],), 1)


def drain(gate: Gate, limits: Limits = FREE) -> list[tuple[int, str]]:
    picks = []
    while (pick := gate.pick()) is not None:
        picks.append(pick)
        take(gate, pick, limits)
    return picks


def test_executions_are_let_in_oldest_first_up_to_max_jobs() -> None:
    frames = Frames()
    gate = frames.gate(2)
    for number in (3, 1, 2):
        queue(gate, frames, number)
    assert drain(gate) == [(1, "/a"), (2, "/a")]
    assert gate.admitted == 2
    gate.update(1, FREE, (), (), -1)  # nothing of it is ready or running: its slot is free
    assert drain(gate) == [(3, "/a")]


def test_the_oldest_goes_first_whatever_its_definition() -> None:
    frames = Frames()
    gate = frames.gate(10)
    for number in range(6, 0, -1):
        queue(gate, frames, number, limits=Limits("even" if number % 2 else "odd"))
    assert [number for number, _ in drain(gate)] == [1, 2, 3, 4, 5, 6]


def test_attempts_are_handed_out_in_turn() -> None:
    frames = Frames()
    gate = frames.gate(10)
    queue(gate, frames, 1, "/a", "/b", "/c")
    queue(gate, frames, 2, "/a", "/b")
    assert drain(gate) == [(1, "/a"), (2, "/a"), (1, "/b"), (2, "/b"), (1, "/c")]


def test_an_execution_that_comes_back_gets_one_turn_in_the_round() -> None:
    """However often it had nothing ready in between (with one worker the ring was never tidied, and grew)."""
    frames = Frames()
    gate = frames.gate(10)
    queue(gate, frames, 1, "/0")
    queue(gate, frames, 2, *(f"/{n}" for n in range(40)))
    order = []
    for n in range(20):
        pick = gate.pick()
        assert pick is not None
        order.append(pick[0])
        take(gate, pick)
        gate.update(pick[0], FREE, (f"/{n + 1}",) if pick[0] == 1 else (), (), -1)
    assert order == [1, 2] * 10
    assert len(gate._rings[ANY]) <= 2


def test_a_place_on_the_ring_does_not_outlive_the_slot() -> None:
    frames = Frames()
    gate = frames.gate(1)
    queue(gate, frames, 1)
    take(gate, (1, "/a")) if gate.pick() else None
    gate.update(1, FREE, (), (), -1)
    queue(gate, frames, 2)
    assert drain(gate) == [(2, "/a")]
    gate.update(1, FREE, ("/b",), (), 0)  # back, and there is no slot
    assert gate.pick() is None
    assert gate.admitted == 1


def test_max_concurrency_is_of_each_execution() -> None:
    frames = Frames()
    gate = frames.gate(10)
    limits = Limits("job", concurrency=2)
    queue(gate, frames, 1, "/a", "/b", "/c", limits=limits)
    queue(gate, frames, 2, "/a", limits=limits)
    assert drain(gate, limits) == [(1, "/a"), (2, "/a"), (1, "/b")]
    gate.update(1, limits, (), (), -1)
    assert drain(gate, limits) == [(1, "/c")]


def test_max_active_runs_hold_back_the_next_of_that_definition_only() -> None:
    frames = Frames()
    gate = frames.gate(10)
    one = Limits("one", active_runs=1)
    queue(gate, frames, 1, limits=one)
    queue(gate, frames, 2, limits=one)
    queue(gate, frames, 3)
    picks = []
    while (pick := gate.pick()) is not None:
        picks.append(pick[0])
        take(gate, pick, one if pick[0] < 3 else FREE, first=True)
    assert picks == [1, 3]
    assert frames.counted == ["one"]


def test_counts_are_right_after_begin_cancel_and_end_in_one_round() -> None:
    frames = Frames()
    frames.active["one"] = 1
    gate = frames.gate(10)
    two = Limits("one", active_runs=2)
    for number in (5, 6, 7):
        queue(gate, frames, number, limits=two)
    assert gate.pick() == (5, "/a")
    gate.begun(5, "one")
    gate.update(5, two, (), ("/a",), 1)
    assert gate.pick() is None
    gate.ended(5, "one", had_begun=True)
    assert gate.pick() == (6, "/a")
    gate.ended(6, "one", had_begun=False)  # cancelled between its admission and its first attempt
    assert gate.pick() == (7, "/a")
    gate.begun(7, "one")
    gate.update(7, two, (), ("/a",), 1)
    gate.ended(4, "one", had_begun=True)
    queue(gate, frames, 8, limits=two)
    assert gate.pick() == (8, "/a")
    assert frames.counted == ["one"]


def test_cancelled_in_line_is_passed_over() -> None:
    frames = Frames()
    gate = frames.gate(1)
    queue(gate, frames, 1)
    queue(gate, frames, 2)
    gate.ended(1, "job", had_begun=False)
    assert drain(gate) == [(2, "/a")]


def test_those_that_only_waited_come_back_ahead_of_new_ones() -> None:
    frames = Frames()
    gate = frames.gate(1)
    queue(gate, frames, 1)
    assert drain(gate) == [(1, "/a")]
    queue(gate, frames, 2)
    gate.update(1, FREE, (), (), -1)  # between two attempts
    assert drain(gate) == [(2, "/a")]
    queue(gate, frames, 3)
    gate.update(1, FREE, ("/a",), (), 0)
    assert gate.pick() is None
    gate.update(2, FREE, (), (), -1)
    assert drain(gate) == [(1, "/a")]


def test_one_that_began_while_in_line_is_let_in_once() -> None:
    """A branch of it came to a wait: it runs, and its ready attempts are offered as those of one that has begun."""
    frames = Frames()
    gate = frames.gate(1)
    queue(gate, frames, 1)
    gate.begun(1, "job")
    queue(gate, frames, 0)
    assert drain(gate) == [(1, "/a")]
    gate.update(1, FREE, (), (), -1)
    assert drain(gate) == [(0, "/a")]


def test_in_line_and_nothing_ready_any_more_takes_no_slot() -> None:
    frames = Frames()
    gate = frames.gate(1)
    queue(gate, frames, 1)
    frames.ready[1] = []
    queue(gate, frames, 2)
    assert drain(gate) == [(2, "/a")]


def test_ten_thousand_in_line() -> None:
    """Letting the next one in does not walk the line."""
    frames = Frames()
    gate = frames.gate(1)
    for number in range(10_000):
        queue(gate, frames, number, limits=Limits(f"job{number % 7}"))
    may_begin, asked = gate._new._may_begin, Counter[str]()

    def counting(limits: Limits) -> bool:
        asked[limits.definition] += 1
        return may_begin(limits)

    gate._new._may_begin = counting
    for number in range(10_000):
        assert gate.pick() == (number, "/a")
        take(gate, (number, "/a"))
        gate.update(number, FREE, (), (), -1)
    assert asked.total() <= 20_000, "a line is looked at when its turn comes"
    assert gate.pick() is None
    assert not gate._standing
    assert len(gate._new) == 0


# --------------------------------------------------------------------------------------------------------------- lanes


def lanes(frames: Frames, max_jobs: int) -> Gate:
    """A path is for the lane that it begins with: /a1 for a."""
    return Gate(max_jobs, lambda number: frames.ready.get(number, []), frames.count, lambda _number, path: path[1])


def test_a_lane_offers_its_own_in_turn_and_nothing_else() -> None:
    frames = Frames()
    gate = lanes(frames, 10)
    queue(gate, frames, 1, "/a1", "/b1", "/a2")
    queue(gate, frames, 2, "/b2")
    picks = []
    for lane in ("b", "a", "b", "a", "b", "a"):
        pick = gate.pick(lane)
        picks.append(pick)
        if pick is not None:
            take(gate, pick)
    assert picks == [(1, "/b1"), (1, "/a1"), (2, "/b2"), (1, "/a2"), None, None]


def test_only_what_can_use_a_lane_is_let_in_for_it() -> None:
    frames = Frames()
    gate = lanes(frames, 2)
    for number in (1, 2, 3):
        queue(gate, frames, number, "/a")
    queue(gate, frames, 4, "/b")
    assert gate.pick("b") == (4, "/b")
    assert gate.admitted == 1


def test_one_that_cannot_go_on_gives_its_slot_to_one_that_can_and_gets_it_back_first() -> None:
    frames = Frames()
    gate = lanes(frames, 1)
    queue(gate, frames, 1, "/b")
    take(gate, gate.pick("b") or (0, ""))
    gate.update(1, FREE, ("/a",), (), -1)  # its next attempt is for a lane that is full
    queue(gate, frames, 2, "/b")
    queue(gate, frames, 3, "/a")
    assert gate.wants("a")
    assert gate.pick("b") == (2, "/b")
    take(gate, (2, "/b"))
    assert gate.admitted == 1
    assert gate.pick("a") is None, "there is no slot now"
    gate.update(2, FREE, (), (), -1)
    assert gate.pick("a") == (1, "/a"), "ahead of the third, which has not begun"


def test_what_runs_keeps_its_slot() -> None:
    frames = Frames()
    gate = lanes(frames, 1)
    queue(gate, frames, 1, "/a", "/b")
    take(gate, gate.pick("a") or (0, ""))
    queue(gate, frames, 2, "/c")
    assert gate.pick("c") is None
    assert gate.admitted == 1


def test_what_is_ready_elsewhere_while_in_line_is_found_there() -> None:
    frames = Frames()
    gate = lanes(frames, 1)
    queue(gate, frames, 1, "/a")
    queue(gate, frames, 1, "/a", "/b")  # more of it became ready
    assert gate.pick("b") == (1, "/b")
    take(gate, (1, "/b"))
    assert gate.pick("a") == (1, "/a")
    take(gate, (1, "/a"))
    gate.update(1, FREE, (), (), -2)
    assert gate.pick("a") is gate.pick("b") is None
    assert not gate.wants("a")
    assert gate.admitted == 0


def test_ten_thousand_that_wait_for_one_lane_cost_another_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    first, looks = _Ready.first, Counter[str]()

    def counting(ready: _Ready, lane: str) -> str | None:
        looks[lane] += 1
        return first(ready, lane)

    monkeypatch.setattr(_Ready, "first", counting)
    frames = Frames()
    gate = lanes(frames, 20_000)
    for number in range(10_000):
        gate.update(number, FREE, ("/a",), (), 0)
    gate.update(10_000, FREE, (), (), 1)
    for _ in range(2_000):
        gate.update(10_000, FREE, ("/b",), (), -1)
        assert gate.pick("b") == (10_000, "/b")
        take(gate, (10_000, "/b"))
    assert looks["a"] == 0
    assert looks["b"] <= 4 * 2_000
