"""How answers look: tables, statuses, findings. Colours and boxes only on a terminal, plain aligned text everywhere else."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.table import Table

PAUSED = " (paused)"
"""Behind a status."""

COLOURS = {
    **dict.fromkeys(("COMPLETED", "ok"), "green"),
    **dict.fromkeys(("FAILED", "fail", "error"), "red"),
    **dict.fromkeys(("CANCELLED", "SKIPPED", "RETRYING", "warn", "warning", "QUEUED"), "yellow"),
    **dict.fromkeys(("RUNNING",), "cyan"),
}
"""Of words that say how something stands."""


def as_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def coloured(word: str, text: str | None = None) -> str:
    """`text`, or the word itself, in the word's colour. click leaves the colour out where there is no terminal."""
    return click.style(word if text is None else text, fg=_colour(word))


def _colour(word: str) -> str | None:
    return COLOURS.get(word.removesuffix(PAUSED))


def status_of(execution: Mapping[str, Any]) -> str:
    """An execution's status, with a mark if it is paused."""
    return f"{execution['status']}{PAUSED if execution['paused'] else ''}"


def excerpt(text: str, characters: int = 100) -> str:
    """The beginning of a text, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= characters else f"{line[: characters - 1]}…"


def note(text: str) -> None:
    """Something for people that is no part of the answer."""
    click.echo(text, err=True)


def table(columns: Sequence[str], rows: Iterable[Iterable[object]]) -> None:
    """On a terminal as wide as that is, with words that are statuses in colour; elsewhere a line for each row, whole."""
    texts = [["" if cell is None else str(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        from rich.console import Console

        Console().print(drawn(columns, texts))
        return
    widths = [max(len(row[index]) for row in [list(columns), *texts]) for index in range(len(columns))]
    for row in [list(columns), *texts]:
        click.echo("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


def drawn(columns: Sequence[str], rows: Iterable[Iterable[str]]) -> Table:
    """A table for a terminal."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    made = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*(Text(cell, style=_colour(cell) or "") for cell in row))
    return made


def finding(one: Mapping[str, Any], file: str = "") -> str:
    """One line for one finding about a document, wherever it was found: `order.json:3:15: error: /tasks/0/maxRetry: this must be ...`."""
    place = ":".join(str(part) for part in (file, one.get("line"), one.get("column")) if part)
    severity = one.get("severity", "error")
    near = f"; did you mean {one['suggestion']!r}?" if one.get("suggestion") else ""
    return f"{f'{place}: ' if place else ''}{coloured(severity)}: {one['pointer'] or '/'}: {one['message']}{near}"
