"""Cron expressions against the brute-force reference, wherever clocks change in twenty zones in ten years, and elsewhere."""

from __future__ import annotations

import random
from bisect import bisect_left
from datetime import UTC, datetime
from functools import cache
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

import pytest

from tests.schedules.reference import due, sample
from workflows.schedules.cron import read
from workflows.schedules.zones import moments

ZONES = (
    *("Europe/Berlin", "Europe/London", "Europe/Dublin", "Europe/Chisinau", "Europe/Istanbul", "Africa/Casablanca", "Africa/Cairo"),
    *("Asia/Tehran", "Asia/Gaza", "Asia/Amman", "Asia/Beirut", "Asia/Pyongyang", "Australia/Lord_Howe", "Australia/Adelaide"),
    *("Pacific/Apia", "Pacific/Chatham", "America/New_York", "America/Havana", "America/Sao_Paulo", "America/St_Johns"),
)
BEGIN, END = int(datetime(2011, 6, 1, tzinfo=UTC).timestamp()), int(datetime(2021, 6, 1, tzinfo=UTC).timestamp())
"""Ten years in which Samoa loses a day, Brazil and Iran still change their clocks, and North Korea moves by half an hour."""

DAY = 86_400


@cache
def changes(name: str) -> tuple[int, ...]:
    """When the zone's offset changes, to the second."""
    zone, found = ZoneInfo(name), []
    for low in range(BEGIN, END, DAY):
        if _offset(low, zone) != _offset(low + DAY, zone):
            high = low + DAY
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if _offset(middle, zone) == _offset(low, zone) else (low, middle)
            found.append(high)
    return tuple(found)


def _offset(moment: int, zone: ZoneInfo) -> float:
    offset = datetime.fromtimestamp(moment, zone).utcoffset()
    assert offset is not None
    return offset.total_seconds()


def check(text_seed: str, zone: ZoneInfo, start: int, days: int, change: int = 0) -> None:
    rng = random.Random(text_seed)
    each = sample(rng)
    cron = read(each.text)
    assert cron.fixed is each.fixed
    end = start + days * DAY
    everything = due(each, zone, start, end)
    begins = [start, start + rng.randrange(days * DAY)]  # from before the change, and from anywhere, as after a restart
    begins += [begun for begun in (change - 1, change, change + 1, change + rng.randrange(-90, 90)) if change]
    for n, begun in enumerate(begins):
        first = bisect_left(everything, begun)
        expected = everything[first : first + 20 if n else None]  # once is enough to see all of it
        found = [moment for moment in islice(moments(cron, zone, begun - 1), len(expected) + 1) if moment <= end]
        assert found[: len(expected)] == expected, f"{each.text!r} in {zone.key} from {begun} ({text_seed})"
        assert n or found == expected, f"{each.text!r} in {zone.key} has more ({text_seed})"


@pytest.mark.parametrize("name", ZONES)
def test_two_days_either_side_of_every_change(name: str) -> None:
    zone = ZoneInfo(name)
    assert changes(name), f"{name} never changes its clocks: choose another"
    for change in changes(name):
        for n in range(3):
            check(f"{name}:{change}:{n}", zone, (change - 2 * DAY) // 60 * 60, 4, change)


@pytest.mark.parametrize("name", ZONES)
def test_any_other_time(name: str) -> None:
    zone, rng = ZoneInfo(name), random.Random(f"windows:{name}")
    for n in range(10):
        check(f"{name}:window:{n}", zone, rng.randrange(BEGIN, END) // 60 * 60, 3)


@pytest.mark.parametrize(
    ("text", "day", "expected"),
    [
        ("30 2 * * *", "2026-03-29", ["03:00:00+02:00"]),
        ("30 2 * * *", "2026-10-25", ["02:30:00+02:00"]),
        ("15 30 2 * * *", "2026-03-29", ["03:00:15+02:00"]),
        ("15 30 2 * * *", "2026-10-25", ["02:30:15+02:00"]),
        ("*/30 2 * * *", "2026-03-29", []),
        ("*/30 2 * * *", "2026-10-25", ["02:00:00+02:00", "02:30:00+02:00", "02:00:00+01:00", "02:30:00+01:00"]),
        ("0,30 2 * * *", "2026-03-29", ["03:00:00+02:00"]),
        ("0 3 * * *", "2026-03-29", ["03:00:00+02:00"]),
    ],
)
def test_the_nights_in_berlin(text: str, day: str, expected: list[str]) -> None:
    zone = ZoneInfo("Europe/Berlin")
    start = datetime.fromisoformat(day).replace(tzinfo=zone).timestamp()
    found = takewhile(lambda moment: moment < start + 20 * 3600, moments(read(text), zone, start))
    assert [datetime.fromtimestamp(moment, zone).isoformat()[11:] for moment in found] == expected


def test_asked_in_the_minute_after_a_skipped_time_the_seconds_to_come_are_told() -> None:
    zone, cron = ZoneInfo("Europe/Berlin"), read("5,15 30 2 * * *")
    change = datetime.fromisoformat("2026-03-29T03:00:00").replace(tzinfo=zone).timestamp()
    assert [next(moments(cron, zone, change + second)) - change for second in (-1, 0, 5, 14)] == [5, 5, 15, 15]
