"""The functions of the example `csv-fan-out`: make a CSV file, add up a part of it, join the parts and check them.

The file and the summary are in the directory that STEPWELL_EXAMPLES_DIRECTORY names, `examples-data` unless it is set. Both are put in
place whole, and each row follows from its number alone: every function may run again at any time, and beside itself, and gives the same.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from task_functions.call_log import logged
from task_functions.context import Context
from task_functions.registry import task_function
from task_functions.sbom_report import write

DIRECTORY_VARIABLE = "STEPWELL_EXAMPLES_DIRECTORY"

ROWS_LIMIT = 1_000_000
BATCHES_LIMIT = 1_000
"""Their list is one payload, which has a limit of its own (256 KiB)."""

COLUMNS = ("row", "region", "product", "quantity", "cents")

_REGIONS = ("north", "east", "south", "west")
_PRODUCTS = ("tea", "coffee", "cocoa", "sugar", "salt", "rice", "flour")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.csv")

Json = dict[str, Any]


class TotalsDiffer(Exception):
    """The parts do not add up to the whole."""


@task_function("csvGenerate")
@logged
def generate(data: Any, _ctx: Context) -> Json:
    """`{"rows": n, "batch": n}`: write that many rows. `{"file", "rows", "cents", "batches": [{"first", "last"}, ...]}`, rows from 1."""
    rows, batch = data.get("rows"), data.get("batch")
    if not (type(rows) is int and type(batch) is int and 1 <= rows <= ROWS_LIMIT and batch >= 1 and rows <= batch * BATCHES_LIMIT):
        raise ValueError(
            f'"rows" is a number up to {ROWS_LIMIT}, and "batch" one that makes at most {BATCHES_LIMIT} batches, not {rows!r} and {batch!r}'
        )
    name, cents = f"sales-{rows}.csv", 0
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for number in range(1, rows + 1):
        row = row_of(number)
        cents += row[-1]
        writer.writerow(row)
    directory = _directory()
    directory.mkdir(parents=True, exist_ok=True)
    write(directory / name, text.getvalue())
    batches = [{"first": first, "last": min(first + batch - 1, rows)} for first in range(1, rows + 1, batch)]
    return {"file": name, "rows": rows, "cents": cents, "batches": batches}


def row_of(number: int) -> tuple[int, str, str, int, int]:
    """Looks like chance, and is the same every time."""
    mixed = number * 2_654_435_761 % 2**32 >> 8
    quantity = 1 + mixed % 9
    return number, _REGIONS[mixed % 4], _PRODUCTS[mixed % 7], quantity, quantity * (50 + mixed % 950)


@task_function("csvSum")
@logged
def add_up(data: Any, ctx: Context) -> Json:
    """`{"file", "batch": {"first", "last"}}`: `{"first", "rows", "cents", "regions": {region: cents}}` of these rows."""
    first, last = data["batch"]["first"], data["batch"]["last"]
    rows, regions = 0, Counter[str]()
    for row in _rows(data["file"], first, last):
        rows += 1
        regions[row["region"]] += int(row["cents"])
    if rows != last - first + 1:
        raise ValueError(f"{data['file']} has only {rows} of the rows {first} to {last}")
    ctx.logger.info("rows %d to %d", first, last)
    return {"first": first, "rows": rows, "cents": regions.total(), "regions": dict(sorted(regions.items()))}


def _rows(name: str, first: int, last: int) -> Iterator[dict[str, str]]:
    if not _NAME.fullmatch(name):
        raise ValueError(f'"file" is the name of a CSV file in {DIRECTORY_VARIABLE}, not {name!r:.200}')
    with (_directory() / name).open(encoding="utf-8", newline="") as stream:
        yield from islice(csv.DictReader(stream), first - 1, last)


@task_function("csvJoin")
@logged
def join(data: Any, _ctx: Context) -> Json:
    """`{"file", "rows", "cents", "parts"}`: check that the parts are all of it, and write `FILE.summary.json` beside the file."""
    parts = sorted(data["parts"], key=lambda part: int(part["first"]))
    expected = 1
    for part in parts:
        if part["first"] != expected:
            raise TotalsDiffer(f"a part begins with row {part['first']}; row {expected} was to come next")
        expected += part["rows"]
    regions = Counter[str]()
    for part in parts:
        regions.update(part["regions"])
    summary: Json = {
        "file": data["file"],
        "rows": sum(part["rows"] for part in parts),
        "cents": sum(part["cents"] for part in parts),
        "batches": len(parts),
        "regions": dict(sorted(regions.items())),
    }
    _check(summary, data)
    path = _directory() / f"{data['file']}.summary.json"
    write(path, json.dumps(summary, indent=2) + "\n")
    return summary | {"summary": str(path)}


def _check(summary: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    for key in ("rows", "cents"):
        if summary[key] != data[key]:
            raise TotalsDiffer(f"{summary[key]} {key} were added up, {data[key]} were written")
    if sum(summary["regions"].values()) != summary["cents"]:
        raise TotalsDiffer("the regions do not add up to the whole")


def _directory() -> Path:
    return Path(os.environ.get(DIRECTORY_VARIABLE) or "examples-data").absolute()
