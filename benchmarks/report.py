"""Collects the measures of all rounds and shows them: one table for people, one JSON document for programs.

Owns the form of both. Each durable figure is shown with the disk's own rate at that moment: without it, two runs cannot be compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.figures import Spread, readable, spread


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of one round. `raw`: 4 KiB append+fdatasync per second seen right beside it, for what waits for the disk.
    `target`: what it should stay below."""

    name: str
    value: float
    unit: str
    raw: float | None = None
    target: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One figure over all rounds."""

    name: str
    unit: str
    value: Spread
    raw: Spread | None
    target: float | None = None


@dataclass(frozen=True, slots=True)
class Ratio:
    """How one row compares with another of the same run."""

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class Reported:
    """A figure somebody else's system made elsewhere, for orientation: not measured in this run."""

    system: str
    name: str
    value: str


@dataclass(slots=True)
class Collection:
    """The measures of all rounds, in the order in which they were first seen."""

    measures: dict[str, list[Measure]] = field(default_factory=dict)

    def add(self, measure: Measure) -> None:
        self.measures.setdefault(measure.name, []).append(measure)

    def rows(self) -> list[Row]:
        return [_row(name, found) for name, found in self.measures.items()]

    def ratio(self, name: str, over: str) -> float | None:
        """Median of `name` over median of `over`; None if one of them was not measured."""
        if name not in self.measures or over not in self.measures:
            return None
        below = spread([measure.value for measure in self.measures[over]]).median
        return spread([measure.value for measure in self.measures[name]]).median / below if below else None


def _row(name: str, found: Sequence[Measure]) -> Row:
    raw = [measure.raw for measure in found if measure.raw is not None]
    return Row(name, found[0].unit, spread([measure.value for measure in found]), spread(raw) if raw else None, found[0].target)


def table(heads: Sequence[str], lines: Iterable[Sequence[str]], left: int = 1) -> str:
    """Columns as wide as they must be, the first `left` of them flush left, the others flush right."""
    lines = [tuple(line) for line in lines]
    widths = [max(len(line[column]) for line in [tuple(heads), *lines]) for column in range(len(heads))]

    def row(cells: Sequence[str]) -> str:
        parts = [cell.ljust(width) if n < left else cell.rjust(width) for n, (cell, width) in enumerate(zip(cells, widths, strict=True))]
        return "  ".join(parts).rstrip()

    return "\n".join([row(heads), row(["-" * width for width in widths]), *map(row, lines)])


def text(facts: Mapping[str, str], rows: Iterable[Row], ratios: Iterable[Ratio], reported: Iterable[Reported]) -> str:
    """The whole report, ready to be printed."""
    parts, rows = ["\n".join(f"{name}: {value}" for name, value in facts.items())], list(rows)
    heads = ("measured here", "median", "min .. max", "unit", "disk syncs/s", "min .. max")
    parts.append(table(heads, map(_cells, rows)))
    aims = [(row.name, readable(row.value.median), readable(row.target), row.unit) for row in rows if row.target is not None]
    if aims:
        parts.append(table(("targets", "median", "at most", "unit"), aims))
    listed = [(ratio.name, readable(ratio.value)) for ratio in ratios]
    if listed:
        parts.append(table(("ratios of medians, this run", "times"), listed))
    told = [(one.system, one.name, one.value) for one in reported]
    if told:
        parts.append(table(("reported, NOT measured in this run", "figure", "value"), told, left=3))
    return "\n\n".join(parts) + "\n"


def document(facts: Mapping[str, str], rows: Iterable[Row], ratios: Iterable[Ratio], reported: Iterable[Reported]) -> dict[str, Any]:
    """The same as plain JSON data."""
    return {
        "facts": dict(facts),
        "measured": [_row_data(row) for row in rows],
        "ratios": {ratio.name: ratio.value for ratio in ratios},
        "reported": [{"system": one.system, "name": one.name, "value": one.value} for one in reported],
    }


def _cells(row: Row) -> tuple[str, ...]:
    disk = (readable(row.raw.median), _range(row.raw)) if row.raw else ("", "")
    return (row.name, readable(row.value.median), _range(row.value), row.unit, *disk)


def _row_data(row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "unit": row.unit,
        **_spread_data(row.value),
        "disk": _spread_data(row.raw) if row.raw else None,
        "target": row.target,
    }


def _range(value: Spread) -> str:
    return f"{readable(value.low)} .. {readable(value.high)}"


def _spread_data(value: Spread) -> dict[str, Any]:
    return {"median": value.median, "min": value.low, "max": value.high, "rounds": list(value.values)}
