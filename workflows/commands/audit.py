"""`audit`: who did what."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

import click

from workflows.commands.common import EXIT_CODES, client_of, json_option, server_option
from workflows.commands.output import as_json as print_json
from workflows.commands.output import excerpt, note, table
from workflows.commands.times import instant, local

if TYPE_CHECKING:
    from workflows.client import Json


@click.command(epilog=EXIT_CODES)
@click.option("--since", type=instant, metavar="TIME", help="Done then or later: 2h, 3d, 2026-11-21, or a whole time.")
@click.option("--until", type=instant, metavar="TIME", help="Done before.")
@click.option("--who", metavar="KEY", help="Done with the key of this id or name.")
@click.option("--limit", type=click.IntRange(1), default=50, metavar="N", help="So many at most.  [default: 50]")
@click.option("--all", "everything", is_flag=True, help="As many as there are.")
@server_option
@json_option
def audit(
    since: datetime | None, until: datetime | None, who: str | None, limit: int, everything: bool, server: str | None, as_json: bool
) -> None:
    """List who changed what, when and from where, the newest first.

    \b
    stepwell audit --since 1d --who "build server"
    """
    with client_of(server) as client:
        records = client.audit(since, until, who, page=min(200, limit))
        found = list(records if everything else islice(records, limit))
    if as_json:
        print_json({"records": found})
    elif found:
        table(("time", "who", "from", "action", "target", "details"), map(_row, found))
    else:
        note("there are none")


def _row(one: Json) -> Iterator[str]:
    yield local(one["time"])
    yield f"{one['name']} ({one['who']})" if one["name"] else one["who"] or ""
    yield from (one["address"] or "", one["action"], one["target"] or "")
    yield excerpt(", ".join(f"{name}={value}" for name, value in one["details"].items()))
