"""How answers look: tables, statuses, findings. Colours and boxes only on a terminal, plain aligned text everywhere else."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

COLOURS = {
    **dict.fromkeys(("COMPLETED", "ok"), "green"),
    **dict.fromkeys(("FAILED", "fail", "error"), "red"),
    **dict.fromkeys(("CANCELLED", "SKIPPED", "RETRYING", "warn", "warning"), "yellow"),
    **dict.fromkeys(("RUNNING",), "cyan"),
}
"""Of words that say how something stands."""


def as_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def coloured(word: str, text: str | None = None) -> str:
    """`text`, or the word itself, in the word's colour. click leaves the colour out where there is no terminal."""
    return click.style(word if text is None else text, fg=COLOURS.get(word))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """On a terminal as wide as that is, with words that are statuses in colour; elsewhere a line for each row, whole."""
    texts = [["" if cell is None else str(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _rich_table(columns, texts)
        return
    widths = [max(len(row[index]) for row in [list(columns), *texts]) for index in range(len(columns))]
    for row in [list(columns), *texts]:
        click.echo("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


def _rich_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(cell, style=COLOURS.get(cell, "")) for cell in row))
    Console().print(drawn)


def finding(one: Mapping[str, Any], file: str = "") -> str:
    """One line for one finding about a document, wherever it was found: `order.json:3:15: error: /tasks/0/maxRetry: this must be ...`."""
    place = ":".join(str(part) for part in (file, one.get("line"), one.get("column")) if part)
    severity = one.get("severity", "error")
    near = f"; did you mean {one['suggestion']!r}?" if one.get("suggestion") else ""
    return f"{f'{place}: ' if place else ''}{coloured(severity)}: {one['pointer'] or '/'}: {one['message']}{near}"
