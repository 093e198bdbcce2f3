"""What is decided about occurrences that have come."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.schedules.plan import Every, Occurrence, Plan
from workflows.schedules.policy import Act, Cause, Decision, decide
from workflows.schedules.schedule import CatchUp, Overlap, Schedule

NOW = 100_000.0


def schedule(**more: Any) -> Schedule:
    return Schedule("s", Plan(Every(60)), **more)


def decided(one: Schedule, *ages: int, running: bool = False, queued: int = 0) -> list[tuple[int, str, str]]:
    """Age, act and reason, by occurrences that came so many seconds ago, the oldest first."""
    due = [Occurrence(int(NOW) - age) for age in ages]
    found = decide(one, due, NOW, running=running, queued=range(queued))
    return [(int(NOW) - each.moment, each.act.value, each.reason) for each in found]


def test_what_is_on_time_starts() -> None:
    assert decided(schedule(), 1) == [(1, "start", "")]
    assert decided(schedule(), 60) == [(60, "start", "")]
    assert decided(schedule(), 90, 30) == [(90, "skip", "it was missed by 90 seconds; catchUp is none"), (30, "start", "")]


def test_jitter_is_no_lateness() -> None:
    assert decided(schedule(jitter=100.0), 150) == [(150, "start", "")]


@pytest.mark.parametrize(
    ("catch_up", "expected"),
    [
        (CatchUp.NONE, ["skip", "skip", "skip", "start"]),
        (CatchUp.LAST, ["skip", "skip", "catchUp", "start"]),
        (CatchUp.ALL, ["skip", "catchUp", "catchUp", "start"]),
    ],
)
def test_catching_up(catch_up: CatchUp, expected: list[str]) -> None:
    found = decided(schedule(catch_up=catch_up, catch_up_window=3_600.0), 7_200, 3_600, 600, 10)
    assert [act for _, act, _ in found] == expected


def test_why_something_is_not_made_up_for() -> None:
    found = decided(schedule(catch_up=CatchUp.LAST, catch_up_window=3_600.0), 400_000, 7_300, 3_600, 600)
    assert [reason for _, _, reason in found] == [
        "it was missed by 5 days; catchUpWindowSeconds is 3600",
        "it was missed by 2 hours; catchUpWindowSeconds is 3600",
        "it was missed by 60 minutes; catchUp makes up for the last one only",
        "",
    ]


@pytest.mark.parametrize(
    ("overlap", "running", "queued", "expected"),
    [
        (Overlap.ALLOW, True, 0, ["start", "start", "start"]),
        (Overlap.SKIP, False, 0, ["start", "skip", "skip"]),
        (Overlap.SKIP, True, 0, ["skip", "skip", "skip"]),
        (Overlap.QUEUE_ONE, False, 0, ["start", "queue", "skip"]),
        (Overlap.QUEUE_ONE, True, 0, ["queue", "skip", "skip"]),
        (Overlap.QUEUE_ONE, True, 1, ["skip", "skip", "skip"]),
        (Overlap.QUEUE_ALL, False, 0, ["start", "queue", "queue"]),
        (Overlap.QUEUE_ALL, False, 1, ["queue", "queue", "queue"]),
        (Overlap.CANCEL_PREVIOUS, False, 0, ["start", "cancelAndStart", "cancelAndStart"]),
        (Overlap.CANCEL_PREVIOUS, True, 0, ["cancelAndStart", "cancelAndStart", "cancelAndStart"]),
    ],
)
def test_overlapping(overlap: Overlap, running: bool, queued: int, expected: list[str]) -> None:
    assert [act for _, act, _ in decided(schedule(overlap=overlap), 30, 20, 10, running=running, queued=queued)] == expected


def test_what_a_blackout_excludes_is_skipped_whatever_else_holds() -> None:
    due = [Occurrence(int(NOW) - 5, "it is a SUN")]
    assert decide(schedule(overlap=Overlap.CANCEL_PREVIOUS), due, NOW, running=True, queued=()) == [
        Decision(int(NOW) - 5, Act.SKIP, "it is a SUN", Cause.BLACKOUT)
    ]


@given(
    st.lists(st.integers(0, 200_000), unique=True, max_size=30),
    st.sampled_from(Overlap),
    st.sampled_from(CatchUp),
    st.booleans(),
    st.integers(0, 3),
    st.floats(1, 200_000),
)
def test_every_occurrence_is_decided_once(
    ages: list[int], overlap: Overlap, catch_up: CatchUp, running: bool, queued: int, window: float
) -> None:
    one = schedule(overlap=overlap, catch_up=catch_up, catch_up_window=window)
    due = [Occurrence(int(NOW) - age, "excluded" if age % 7 == 0 else None) for age in sorted(ages, reverse=True)]
    found = decide(one, due, NOW, running=running, queued=range(queued))
    assert [each.moment for each in found] == [each.moment for each in due]
    assert all(each.reason for each in found if each.act in (Act.SKIP, Act.QUEUE, Act.CANCEL_AND_START))
    begun = [each for each in found if each.act in (Act.START, Act.CATCH_UP)]
    if overlap is not Overlap.ALLOW:
        assert len(begun) <= (0 if running or queued else 1)
    if overlap is Overlap.QUEUE_ONE:
        assert sum(each.act is Act.QUEUE for each in found) <= max(0, 1 - queued)
    if catch_up is CatchUp.NONE:
        assert all(NOW - each.moment <= 60 for each in found if each.act is not Act.SKIP)
