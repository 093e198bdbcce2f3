"""What is a cron expression, and what is said of what is none."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from workflows.schedules.cron import BadCron, read
from workflows.schedules.zones import moments

UTC = ZoneInfo("UTC")


def first(text: str, count: int = 3, after: str = "2026-01-01T00:00:00+00:00") -> list[str]:
    found = islice(moments(read(text), UTC, datetime.fromisoformat(after).timestamp()), count)
    return [f"{datetime.fromtimestamp(moment, UTC):%a %Y-%m-%d %H:%M:%S}" for moment in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*/20 * * * *", ["Thu 2026-01-01 00:20:00", "Thu 2026-01-01 00:40:00", "Thu 2026-01-01 01:00:00"]),
        ("*/25 * * * * *", ["Thu 2026-01-01 00:00:25", "Thu 2026-01-01 00:00:50", "Thu 2026-01-01 00:01:00"]),
        ("5-7/2 0 0 * * *", ["Thu 2026-01-01 00:00:05", "Thu 2026-01-01 00:00:07", "Fri 2026-01-02 00:00:05"]),
        ("50/5 0 0 * * *", ["Thu 2026-01-01 00:00:50", "Thu 2026-01-01 00:00:55", "Fri 2026-01-02 00:00:50"]),
        ("@hourly", ["Thu 2026-01-01 01:00:00", "Thu 2026-01-01 02:00:00", "Thu 2026-01-01 03:00:00"]),
        ("@Weekly", ["Sun 2026-01-04 00:00:00", "Sun 2026-01-11 00:00:00", "Sun 2026-01-18 00:00:00"]),
        ("0 0 * * 0", ["Sun 2026-01-04 00:00:00", "Sun 2026-01-11 00:00:00", "Sun 2026-01-18 00:00:00"]),
        ("0 0 * * 7", ["Sun 2026-01-04 00:00:00", "Sun 2026-01-11 00:00:00", "Sun 2026-01-18 00:00:00"]),
        ("0 9 * * FRI#2", ["Fri 2026-01-09 09:00:00", "Fri 2026-02-13 09:00:00", "Fri 2026-03-13 09:00:00"]),
        ("0 9 * * friL", ["Fri 2026-01-30 09:00:00", "Fri 2026-02-27 09:00:00", "Fri 2026-03-27 09:00:00"]),
        ("0 9 L * ?", ["Sat 2026-01-31 09:00:00", "Sat 2026-02-28 09:00:00", "Tue 2026-03-31 09:00:00"]),
        ("0 9 LW * *", ["Fri 2026-01-30 09:00:00", "Fri 2026-02-27 09:00:00", "Tue 2026-03-31 09:00:00"]),
        ("0 0 13 * FRI", ["Fri 2026-01-02 00:00:00", "Fri 2026-01-09 00:00:00", "Tue 2026-01-13 00:00:00"]),
        ("0 0 */2 * MON", ["Mon 2026-01-05 00:00:00", "Mon 2026-01-19 00:00:00", "Mon 2026-02-09 00:00:00"]),
        ("0 0 1-31/2 * MON", ["Sat 2026-01-03 00:00:00", "Mon 2026-01-05 00:00:00", "Wed 2026-01-07 00:00:00"]),
        ("0 0 29 2 *", ["Tue 2028-02-29 00:00:00", "Sun 2032-02-29 00:00:00", "Fri 2036-02-29 00:00:00"]),
        ("0 12 ? JAN-MAR MON", ["Mon 2026-01-05 12:00:00", "Mon 2026-01-12 12:00:00", "Mon 2026-01-19 12:00:00"]),
    ],
)
def test_when_it_is_due(text: str, expected: list[str]) -> None:
    assert first(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("* * * *", "has 4"),
        ("* * * * * * *", "has 7"),
        ("", "has 0"),
        ("@reboot", "'@reboot' is not one of @yearly"),
        ("61 * * * *", "'61' is not a minutes field: that holds 0-59"),
        ("* 24 * * *", "'24' is not a hours field"),
        ("* * 32 * *", "'32' is not a day of month field"),
        ("* * * 13 *", "'13' is not a month field: that holds 1-12 or JAN-DEC"),
        ("* * * * 8", "'8' is not a day of week field"),
        ("* * * * FRI#6", "'FRI#6' is not a day of week field"),
        ("*/0 * * * *", "'*/0' is not a minutes field"),
        ("60 * * * * *", "'60' is not a seconds field"),
        ("*/0 * * * * *", "'*/0' is not a seconds field"),
        ("9-3 * * * * *", "'9-3' is not a seconds field"),
        ("a * * * * *", "'a' is not a seconds field"),
        ("? * * * *", "'?' is not a minutes field"),
        ("0 0 30 2 *", "30 February never comes"),
        ("0 0 31 jun *", "31 June never comes"),
        ("0 0 0 31 4,6,SEP *", "day 31 never comes in April or June or September"),
        ("0 0 30,31 2 *", "day 30,31 never comes in February"),
        ("0 0 31 13 *", "'13' is not a month field"),
        ("0 0 32 2 *", "'32' is not a day of month field"),
        ("0 0 * 2 MON#5,8L", "not a day of week field"),
    ],
)
def test_what_is_none(text: str, said: str) -> None:
    with pytest.raises(BadCron) as raised:
        read(text)
    assert said in str(raised.value)


def test_one_that_no_day_ever_fits() -> None:
    with pytest.raises(BadCron, match="31 never comes in February or April or June"):
        read("0 0 31 2,4,6 *")
