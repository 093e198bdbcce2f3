"""Triggers, bounds, blackouts, and what is remarked about odd nights."""

from __future__ import annotations

from datetime import date, datetime
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.schedules.cron import read
from workflows.schedules.plan import UTC, Blackout, Days, Every, Occurrence, Once, Plan, Trigger, every, jitter, occurrences, remark, within

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str, zone: ZoneInfo = UTC) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp())


def moments(plan: Plan, after: float, count: int = 3) -> list[int]:
    return [each.moment for each in islice(occurrences(plan, after), count)]


def test_an_interval_counts_from_its_anchor() -> None:
    plan = Plan(Every(90, anchor=1000))
    assert moments(plan, 0) == [1000, 1090, 1180]
    assert moments(plan, 1000) == [1090, 1180, 1270]
    assert moments(plan, 1089.5) == [1090, 1180, 1270]


@given(st.integers(1, 10_000), st.integers(0, 10_000), st.floats(0, 100_000))
def test_an_interval_never_misses_nor_repeats(seconds: int, anchor: int, after: float) -> None:
    found = moments(Plan(Every(seconds, anchor)), after, 5)
    assert found[0] > after
    assert found[0] == anchor or found[0] - seconds <= after
    assert all((moment - anchor) % seconds == 0 for moment in found)
    assert [b - a for a, b in pairwise(found)] == [seconds] * 4


def test_a_single_moment() -> None:
    assert moments(Plan(Once(500)), 499.9) == [500]
    assert moments(Plan(Once(500)), 500) == []


@pytest.mark.parametrize("trigger", [read("@hourly"), read("30 2 29 2 *"), Every(90, at("9999-12-31")), Once(at("9999-12-31"))])
@pytest.mark.parametrize("zone", [ZoneInfo("Pacific/Kiritimati"), ZoneInfo("America/New_York")])
def test_nothing_is_due_where_the_calendar_ends(trigger: Trigger, zone: ZoneInfo) -> None:
    assert moments(Plan(trigger, zone, start=at("9999-12-31")), 0) == []
    assert moments(Plan(trigger, zone), at("9999-12-31")) == []


def test_the_first_moment_is_that_of_1970() -> None:
    assert moments(Plan(read("@hourly"), start=at("0001-01-01")), at("0001-01-01"), 2) == [0, 3_600]
    assert moments(Plan(Every(90, at("0001-01-01"))), at("0001-01-01"), 1)[0] in range(90)


def test_both_bounds_belong_to_it() -> None:
    plan = Plan(Every(10), start=100, end=130)
    assert moments(plan, 0, 9) == [100, 110, 120, 130]
    assert moments(plan, 105, 9) == [110, 120, 130]
    assert moments(plan, 130, 9) == []


def test_a_blackout_is_by_the_calendar_of_the_zone() -> None:
    holidays = Blackout(frozenset({5, 6}), (Days(date(2026, 12, 24), date(2026, 12, 25), "Christmas"),))
    plan = Plan(read("30 0 * * *"), BERLIN, blackout=holidays)
    found = list(islice(occurrences(plan, at("2026-12-23T12:00", BERLIN)), 6))
    assert [each.excluded for each in found] == [
        "it is Christmas (2026-12-24 to 2026-12-25)",
        "it is Christmas (2026-12-24 to 2026-12-25)",
        "it is a SAT",
        "it is a SUN",
        None,
        None,
    ]
    assert found[4] == Occurrence(at("2026-12-28T00:30", BERLIN))


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("1h30m", 5_400), ("2d", 172_800), (" 5M ", 300), ("366d", 31_622_400)])
def test_durations(text: str, seconds: int) -> None:
    assert every(text) == seconds


@pytest.mark.parametrize("text", ["", "0s", "90", "1.5h", "-5s", "367d", "s", "5m1h"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        every(text)


def test_jitter_is_the_same_whenever_it_is_asked_and_spread() -> None:
    found = [jitter("nightly", moment, 60) for moment in range(1000)]
    assert found == [jitter("nightly", moment, 60) for moment in range(1000)]
    assert 0 <= min(found) < 1
    assert 59 < max(found) < 60
    assert jitter("nightly", 5, 60) != jitter("weekly", 5, 60)


@pytest.mark.parametrize(
    ("text", "moment", "said"),
    [
        ("30 2 * * *", "2026-03-29T03:00:00", "the clock skips the time that is meant: it runs at 03:00:00 instead"),
        ("0 3 * * *", "2026-03-29T03:00:00", None),
        ("30 2 * * *", "2026-10-25T02:30:00", "02:30:00 comes twice that day: it runs the first time"),
        ("*/30 * * * *", "2026-10-25T02:30:00", "02:30:00 comes twice that day: this is the first time"),
        ("30 2 * * *", "2026-10-26T02:30:00", None),
    ],
)
def test_remarks(text: str, moment: str, said: str | None) -> None:
    assert remark(Plan(read(text), BERLIN), at(moment, BERLIN)) == said


def test_the_second_time_is_remarked_of_an_interval_too() -> None:
    first = at("2026-10-25T02:30:00", BERLIN)
    assert remark(Plan(read("*/30 * * * *"), BERLIN), first + 3600) == "02:30:00 comes twice that day: this is the second time"
    assert remark(Plan(Every(60), BERLIN), first) == "02:30:00 comes twice that day: this is the first time"
    assert remark(Plan(Every(60), BERLIN), first - 3600) is None
    assert remark(Plan(Every(60), UTC), first) is None


@pytest.mark.parametrize(
    ("text", "first", "last", "expected"),
    [
        ("0 * * * *", "2026-06-01T03:00:00+02:00", "2026-06-01T05:00:00+02:00", ["03:00+02", "04:00+02", "05:00+02"]),
        ("0 * * * *", "2026-06-01T03:00:00.001+02:00", "2026-06-01T04:59:59.999+02:00", ["04:00+02"]),
        ("0 * * * *", "2026-06-01T03:00:00+02:00", "2026-06-01T03:00:00+02:00", ["03:00+02"]),
        ("0 * * * *", "2026-06-01T03:00:01+02:00", "2026-06-01T03:59:59+02:00", []),
        ("0 * * * *", "2026-06-01T04:00:00+02:00", "2026-06-01T03:00:00+02:00", []),
        ("30 2 * * *", "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00", ["03:00+02"]),
        ("30 2 * * *", "2026-03-29T03:00:00+02:00", "2026-03-29T03:00:00+02:00", ["03:00+02"]),
        ("*/30 2 * * *", "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00", []),
        ("30 2 * * *", "2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00", ["02:30+02"]),
        ("30 2 * * *", "2026-10-25T02:30:00+01:00", "2026-10-25T23:00:00+01:00", []),
        ("0/30 * * * *", "2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00", ["02:30+02", "02:00+01", "02:30+01"]),
        ("*/30 * * * *", "2026-10-25T02:30:00+01:00", "2026-10-25T03:00:00+01:00", ["02:30+01", "03:00+01"]),
    ],
)
def test_a_window_has_both_its_ends(text: str, first: str, last: str, expected: list[str]) -> None:
    begin, end = (datetime.fromisoformat(moment).timestamp() for moment in (first, last))
    found = [datetime.fromtimestamp(each.moment, BERLIN) for each in within(Plan(read(text), BERLIN), begin, end)]
    assert [f"{moment:%H:%M}{str(moment)[-6:-3]}" for moment in found] == expected


def test_a_window_tells_what_a_blackout_excludes_and_keeps_to_the_bounds_of_the_plan() -> None:
    plan = Plan(Every(10), start=100, end=130, blackout=Blackout(frozenset({3})))  # the first of January 1970
    assert [(each.moment, each.excluded) for each in within(plan, 0, 999)] == [(moment, "it is a THU") for moment in (100, 110, 120, 130)]
    assert [each.moment for each in within(plan, 110, 120)] == [110, 120]
    assert list(within(Plan(Once(500)), 501, 600)) == []
    assert list(within(Plan(Once(500)), 500, 500)) == [Occurrence(500)]
