"""How durations are spread: a histogram of plain numbers, and the bounds that there are. No locks, no library, no clock."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import NamedTuple

COMMIT_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
REQUEST_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)
ATTEMPT_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1_800.0, 3_600.0)
QUEUE_S = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1_800.0, 3_600.0, 21_600.0, 86_400.0)
"""Upper bounds of buckets, in seconds."""


class Buckets(NamedTuple):
    """How many values are at most each bound, the last of which is infinite; and the sum of all."""

    upto: tuple[tuple[float, int], ...]
    total: float


class Spread:
    """Counts values by bucket. One thread adds at a time; whoever reads may see a value in one of the two figures only."""

    __slots__ = ("_bounds", "_counts", "_total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._total = 0.0

    def add(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._total += value

    def seen(self) -> Buckets:
        return Buckets(tuple(zip((*self._bounds, float("inf")), accumulate(self._counts.copy()), strict=True)), self._total)
