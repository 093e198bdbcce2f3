"""Functions of the example state machines: an order that is undone when something fails, and a large file summed up in batches.

Made-up work with real rules: each function depends on its data alone, so a second run after a crash gives the same and does no harm.
"""

from __future__ import annotations

import csv
import os
import tempfile
from itertools import islice
from pathlib import Path
from typing import Any

from task_functions.call_log import logged
from task_functions.context import Context
from task_functions.registry import task_function

DIRECTORY_VARIABLE = "STEPWELL_EXAMPLES_DIRECTORY"
"""Where the example's file is written; a directory of the system's for temporary files without it."""

ROWS_LIMIT = 1_000_000

Json = dict[str, Any]

# -------------------------------------------------------------------------------------------------------------- orders


class OutOfStock(Exception):
    """There is not enough of an article."""


class CardDeclined(Exception):
    """The bank says no."""


class CarrierDown(Exception):
    """Nobody comes for the parcel today. Perhaps later."""


_STOCK = {"book": 10, "lamp": 3, "piano": 0}
_PRICES = {"book": 20, "lamp": 45, "piano": 9_000}


@task_function("orderReserve")
@logged
def reserve(data: Json, ctx: Context) -> Json:
    """`{"articles": {name: number}}`: puts them aside. Raises OutOfStock."""
    for name, number in data["articles"].items():
        if number > _STOCK.get(name, 0):
            raise OutOfStock(f"{number} of {name!r}, there are {_STOCK.get(name, 0)}")
    return {"reservation": f"r-{ctx.execution_id}", "price": sum(_PRICES[name] * number for name, number in data["articles"].items())}


@task_function("orderCharge")
@logged
def charge(data: Json, ctx: Context) -> Json:
    """`{"price": n, "limit": n}`: takes the money, once however often it is asked (by the idempotency key). Raises CardDeclined."""
    if data["price"] > data["limit"]:
        raise CardDeclined(f"{data['price']} is beyond {data['limit']}")
    return {"payment": f"p-{ctx.idempotency_key}", "paid": data["price"]}


@task_function("orderShip")
@logged
def ship(data: Json, ctx: Context) -> Json:
    """`{"carrier": "up" | "slow" | "down"}`: a slow one comes at the second call. Raises CarrierDown."""
    if data["carrier"] == "down" or (data["carrier"] == "slow" and ctx.attempt == 1):
        raise CarrierDown("no lorry")
    return {"parcel": f"s-{ctx.execution_id}"}


@task_function("orderUndo")
@logged
def undo(data: Json, _ctx: Context) -> Json:
    """`{"what": text, "of": anything}`: takes a step back. Never fails."""
    return {"undone": data["what"], "of": data["of"]}


# ---------------------------------------------------------------------------------------------------------------- rows


@task_function("rowsWrite")
@logged
def write_rows(data: Json, _ctx: Context) -> Json:
    """`{"rows": n, "batch": m}`: writes a CSV file of n rows, always the same, and says where its batches of m begin and end."""
    rows, batch = int(data["rows"]), int(data["batch"])
    if not (0 < rows <= ROWS_LIMIT and batch > 0):
        raise ValueError(f"rows must be 1 to {ROWS_LIMIT:,} and batch at least 1")
    return {"file": str(_file(rows)), "batches": [{"from": start, "to": min(start + batch, rows)} for start in range(0, rows, batch)]}


@task_function("rowsSum")
@logged
def sum_rows(data: Json, _ctx: Context) -> Json:
    """`{"rows": n, "from": i, "to": j}`: rows and money of those rows, by country."""
    with _file(int(data["rows"])).open(newline="", encoding="utf-8") as lines:
        found = list(islice(csv.DictReader(lines), data["from"], data["to"]))
    totals: dict[str, int] = {}
    for row in found:
        totals[row["country"]] = totals.get(row["country"], 0) + int(row["cents"])
    return {"rows": len(found), "cents": totals}


@task_function("rowsJoin")
@logged
def join_rows(data: Json, _ctx: Context) -> Json:
    """`{"parts": [what rowsSum gave…]}`: all of them together."""
    totals: dict[str, int] = {}
    for part in data["parts"]:
        for country, cents in part["cents"].items():
            totals[country] = totals.get(country, 0) + cents
    return {"rows": sum(part["rows"] for part in data["parts"]), "cents": dict(sorted(totals.items()))}


def _file(rows: int) -> Path:
    """The file of so many rows, written if it is not there: whole or not at all, whoever else writes it too."""
    directory = Path(os.environ.get(DIRECTORY_VARIABLE) or Path(tempfile.gettempdir()) / "stepwell-examples")
    path = directory / f"payments-{rows}.csv"
    if not path.exists():
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=directory, newline="", encoding="utf-8", delete=False) as out:
            writer = csv.writer(out)
            writer.writerow(("id", "country", "cents"))
            writer.writerows((n, ("DE", "FR", "IT", "PT")[n % 4], n * 37 % 1_000) for n in range(rows))
        Path(out.name).replace(path)
    return path
