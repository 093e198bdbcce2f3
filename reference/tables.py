"""Tables in Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

MOST = 2**31 - 1
"""From here on a limit is only that of the number's kind."""


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|').replace(chr(10), ' ') for cell in line)} |" for line in lines)


def code(value: Any) -> str:
    """A JSON value as people write it: 1, not 1.0."""
    short = int(value) if isinstance(value, float) and value.is_integer() else value
    return f"`{json.dumps(short, ensure_ascii=False)}`"


def spelt(names: Iterable[str]) -> str:
    """Names as code, with commas."""
    return ", ".join(f"`{name}`" for name in names)


def ranged(low: float | None, high: float | None, above: bool = False) -> str:
    """The words for a range of numbers, or ""."""
    if low is None and high is None:
        return ""
    first = "" if low is None else f"above {number(low)}" if above else f"from {number(low)}"
    most = "" if high is None or high >= MOST else f"to {number(high)}"
    return f"{first}{', ' if first and most and above else ' ' if first and most else ''}{most}"


def number(value: float) -> str:
    return f"{value:,.15g}"
