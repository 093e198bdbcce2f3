"""Who is next in line, held to a naive model: everybody who waits is looked at, each time, with the priority that waiting has made."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from workflows.runtime.lines import AGEING_S, Limits, Lines, rank

DEFINITIONS = st.sampled_from("abcd")
LANES = st.frozensets(st.sampled_from(["one", "two", "three"]), max_size=2)
ALL = frozenset({"all"})
PRIORITIES = st.integers(-3, 3) | st.sampled_from([-1_000, 1_000])


@dataclass
class Waiting:
    definition: str
    priority: int
    submitted: float
    lanes: frozenset[str]

    def aged(self, now: float) -> float:
        return self.priority + (now - self.submitted) / AGEING_S


class Model(RuleBasedStateMachine):
    """Definitions whose name is in `shut` may have no more active runs."""

    def __init__(self) -> None:
        super().__init__()
        self.shut: set[str] = set()
        self.lines = Lines(lambda limits: limits.definition not in self.shut)
        self.waiting: dict[int, Waiting] = {}
        self.numbers = 0
        self.now = 0.0

    @rule(definition=DEFINITIONS, priority=PRIORITIES, later=st.sampled_from([0.0, 0.0, 15.0, 60.0, 90_000.0]), lanes=LANES)
    def joins(self, definition: str, priority: int, later: float, lanes: frozenset[str]) -> None:
        self.now += later
        self.numbers += 1
        self.waiting[self.numbers] = Waiting(definition, priority, self.now, lanes)
        self.lines.join(self.numbers, Limits(definition), rank(priority, self.now), lanes)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), lanes=LANES)
    def has_something_else_ready(self, data: st.DataObject, lanes: frozenset[str]) -> None:
        number = data.draw(st.sampled_from(sorted(self.waiting)))
        one = self.waiting[number]
        one.lanes = lanes
        self.lines.join(number, Limits(one.definition), rank(one.priority, one.submitted), lanes)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), priority=PRIORITIES)
    def gets_another_priority(self, data: st.DataObject, priority: int) -> None:
        number = data.draw(st.sampled_from(sorted(self.waiting)))
        self.waiting[number].priority = priority
        self.lines.move(number, rank(priority, self.waiting[number].submitted))

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def leaves(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.waiting)))
        limits = self.lines.leave(number)
        assert limits == Limits(self.waiting.pop(number).definition)
        assert self.lines.leave(number) is None

    @rule(definition=DEFINITIONS)
    def has_all_the_runs_it_may(self, definition: str) -> None:
        self.shut.add(definition)

    @rule(definition=DEFINITIONS)
    def may_begin_again(self, definition: str) -> None:
        self.shut.discard(definition)
        self.lines.offer(definition)

    @rule(lane=st.sampled_from(["one", "two", "three", "four"]), leaves=st.booleans())
    def next_one(self, lane: str, leaves: bool) -> None:
        able = [number for number, one in self.waiting.items() if one.definition not in self.shut and lane in one.lanes]
        best = max(able, key=lambda number: (self.waiting[number].aged(self.now), -number), default=None)
        assert self.lines.next(lane) == best
        if best is not None and leaves:
            assert self.lines.leave(best) == Limits(self.waiting.pop(best).definition)

    @invariant()
    def all_who_wait_are_there(self) -> None:
        assert len(self.lines) == len(self.waiting)
        assert all(number in self.lines for number in self.waiting)
        assert all(self.lines.lanes(number) == one.lanes for number, one in self.waiting.items())


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def test_nobody_starves() -> None:
    """The lowest priority, against one of the highest that comes every second: it waits for as long as 2,000 steps take, and no longer."""
    lines = Lines(lambda limits: True)
    lines.join(1, Limits("low"), rank(-1_000, 0.0), ALL)
    for second in range(int(2_000 * AGEING_S) + 2):
        lines.join(second + 2, Limits("high"), rank(1_000, float(second)), ALL)
        found = lines.next("all")
        if found == 1:
            break
        assert found == second + 2
        lines.leave(found)
    assert second == 2_000 * AGEING_S


def test_a_thousand_definitions_that_may_not_begin_are_looked_at_once() -> None:
    asked: list[str] = []

    def may_begin(limits: Limits) -> bool:
        asked.append(limits.definition)
        return limits.definition == "free"

    lines = Lines(may_begin)
    for number in range(100_000):
        lines.join(number, Limits(f"shut{number % 1_000}"), float(number), ALL)
    for number in range(100_000, 101_000):
        lines.join(number, Limits("free"), float(number), ALL)
    for number in range(100_000, 101_000):
        assert lines.next("all") == number
        lines.leave(number)
    assert len(asked) == 2_000


def test_what_no_longer_counts_is_not_kept() -> None:
    lines = Lines(lambda limits: limits.definition == "b")
    for number in range(50):
        lines.join(number, Limits("a"), float(number), ALL)
    for turn in range(10_000):
        lines.move(turn % 50, float(-turn))
    for number in range(50):
        lines.leave(number)
    for number in range(10_000):
        lines.join(number, Limits("a"), 0.0, ALL)
        lines.leave(number)
    assert (lines._lines, lines._sizes, lines._of, lines._offered) == ({}, {}, {}, {"all": {}})
    assert len(lines._heads["all"]) <= 64
