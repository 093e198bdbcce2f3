"""`executions`: which there are."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from workflows.commands.common import EXIT_CODES, USAGE, client_of, fail, json_option, server_option
from workflows.commands.filters import filter_options, wanted
from workflows.commands.output import as_json as print_json
from workflows.commands.output import drawn, excerpt, note, status_of, table
from workflows.commands.times import local, took

if TYPE_CHECKING:
    from workflows.client import Client, Filter, Json

COLUMNS = ("id", "job", "status", "submitted", "took", "error")

REFRESH_S = 1.0

MOST = 200
"""Entries of a page, at most."""


@click.command(epilog=EXIT_CODES)
@filter_options
@click.option("--limit", type=click.IntRange(1), default=20, metavar="N", help="So many at most.  [default: 20]")
@click.option("--all", "everything", is_flag=True, help="As many as there are.")
@click.option("--watch", is_flag=True, help="Show them anew each second, until Ctrl-C; on a terminal only.")
@server_option
@json_option
def executions(limit: int, everything: bool, watch: bool, server: str | None, as_json: bool, **options: Any) -> None:
    """List executions, the newest first.

    All that is asked for must hold. Times are local.

    \b
    stepwell executions --status FAILED --since 2h
    stepwell executions --job order --label team:shop --all --json
    """
    meant = wanted(options)
    if watch and (as_json or not sys.stdout.isatty()):
        fail("--watch needs a terminal; without it they are listed once", USAGE)
    with client_of(server) as client:
        if watch:
            _watch(client, meant, limit)
            return
        found, more = _found(client, meant, None if everything else limit)
        if as_json:
            print_json({"executions": found})
        elif found:
            table(COLUMNS, map(_row, found))
        else:
            note("there are none")
        if more:
            note(f"and more: --limit {limit * 2}, or --all")


def _found(client: Client, meant: Filter, limit: int | None) -> tuple[list[Json], bool]:
    """As many, and whether there are more."""
    if limit is None:
        return list(client.executions(meant)), False
    found = list(islice(client.executions(meant, page=min(MOST, limit + 1)), limit + 1))
    return found[:limit], len(found) > limit


def _watch(client: Client, meant: Filter, limit: int) -> None:
    from rich.live import Live

    try:
        with Live(auto_refresh=False) as live:
            while True:
                live.update(drawn(COLUMNS, map(_row, _found(client, meant, limit)[0])), refresh=True)
                time.sleep(REFRESH_S)
    except KeyboardInterrupt:
        sys.exit(130)


def _row(one: Mapping[str, Any]) -> Iterator[str]:
    from workflows.client import describe_error

    yield from (one["id"], one["definitionId"], status_of(one), local(one["submitTime"]))
    yield took(one["startTime"], one["endTime"])
    yield excerpt(describe_error(one["error"]) or "")
