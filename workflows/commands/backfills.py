"""`schedules backfill` and its neighbours: starting the occurrences of a schedule that are missing."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, NoReturn

import click

from workflows.commands.common import CANCELLED, EXIT_CODES, FAILED, client_of, confirmed, json_option, schedule_argument, server_option
from workflows.commands.output import as_json as print_json
from workflows.commands.output import note, table
from workflows.commands.times import local, moment

if TYPE_CHECKING:
    from workflows.client import Client, Json

POLL_S = 0.5

COLUMNS = ("id", "status", "from", "to", "occurrences", "started", "found", "skipped", "left", "failed")


@click.command(epilog=EXIT_CODES)
@schedule_argument
@click.option(
    "--from", "first", required=True, type=moment, metavar="TIME", help="From when on: 2026-11-01, a whole time, or 3d for so long ago."
)
@click.option("--to", "last", required=True, type=moment, metavar="TIME", help="Until when, that moment too; a day alone is its midnight.")
@click.option("--concurrency", type=click.IntRange(1, 100), default=1, metavar="N", help="So many may run at once.  [default: 1]")
@click.option("--preview", is_flag=True, help="Only tell what would start, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask first.")
@click.option("--no-wait", is_flag=True, help="Do not wait for the end.")
@server_option
@json_option
def backfill(
    schedule_id: str,
    first: str,
    last: str,
    concurrency: int,
    preview: bool,
    yes: bool,
    no_wait: bool,
    server: str | None,
    as_json: bool,
) -> NoReturn:
    """Start the occurrences of a schedule that are missing.

    Those that have no execution, from one moment to another, both included; times without an offset are in the schedule's time zone. Shows
    what is missing and asks first, then tells how far it has come until all has ended.

    \b
    stepwell schedules backfill nightly --from 2026-11-01 --to 2026-11-08 --concurrency 4
    stepwell schedules backfill nightly --from 3d --to 0s --preview
    """
    with client_of(server) as client:
        seen = client.preview_backfill(schedule_id, first, last)
        if preview and as_json:
            print_json(seen)
        elif preview or not yes or not seen["missing"]:
            _preview(seen, err=as_json)
        if preview or (not seen["missing"] and not as_json):
            sys.exit(0)
        confirmed(f"Start {_counted(seen['missing'])}?", yes or not seen["missing"])
        begun = client.start_backfill(schedule_id, first, last, concurrency)
        if not no_wait:
            begun = _followed(client, begun, quiet=as_json)
        if as_json:
            print_json(begun)
        else:
            click.echo(begun["id"] if no_wait else f"{begun['id']} is {begun['status']}")
        sys.exit(CANCELLED if begun["status"] == "cancelled" else FAILED if begun["failed"] or begun["skipped"] else 0)


@click.command(epilog=EXIT_CODES)
@schedule_argument
@server_option
@json_option
def backfills(schedule_id: str, server: str | None, as_json: bool) -> None:
    """List the backfills of a schedule, the newest first. Times are local.

    \b
    stepwell schedules backfills nightly
    """
    with client_of(server) as client:
        found = client.backfills(schedule_id)
    if as_json:
        print_json({"backfills": found})
    elif found:
        rows = [(one["id"], one["status"], local(one["from"]), local(one["to"]), *(one[name] for name in COLUMNS[4:])) for one in found]
        table(COLUMNS, rows)
    else:
        note("there are none")


@click.command("cancel-backfill", epilog=EXIT_CODES)
@schedule_argument
@click.argument("backfill_id", metavar="BACKFILL")
@server_option
@json_option
def cancel_backfill(schedule_id: str, backfill_id: str, server: str | None, as_json: bool) -> None:
    """Let a backfill start no more. What it has started goes on.

    \b
    stepwell schedules cancel-backfill nightly backfill-1
    """
    with client_of(server) as client:
        found = client.cancel_backfill(schedule_id, backfill_id)
    if as_json:
        print_json(found)
    else:
        click.echo(f"{found['id']} is cancelled; {found['left']} of {found['occurrences']} were not started")


COMMANDS = (backfill, backfills, cancel_backfill)


def _followed(client: Client, one: Json, quiet: bool) -> Json:
    """Tell how far it has come until it has ended, and how it stands then."""
    told = ""
    try:
        while True:
            line = f"{one['occurrences'] - one['left']} of {one['occurrences']}: {one['started']} started, {one['found']} found, "
            line += f"{one['skipped']} skipped, {one['running']} running, {one['failed']} failed"
            if line != told and not quiet:
                click.echo(line)
                sys.stdout.flush()
            if one["status"] != "running":
                return one
            told = line
            time.sleep(POLL_S)
            one = client.backfill(one["scheduleId"], one["id"])
    except KeyboardInterrupt:
        click.echo(f"\nit goes on; to stop it: stepwell schedules cancel-backfill {one['scheduleId']} {one['id']}", err=True)
        sys.exit(130)


def _preview(seen: Json, err: bool) -> None:
    excluded = f", {seen['excluded']} left out for a blackout" if seen["excluded"] else ""
    click.echo(f"{_counted(seen['missing'])} missing of {seen['occurrences']}{excluded}", err=err)
    for one in seen["first"]:
        click.echo(f"  {one['scheduledTime'][:19]}Z  {one['localTime'].replace('T', ' ')}  {one['note'] or ''}".rstrip(), err=err)
    more = seen["missing"] - len(seen["first"])
    if more:
        click.echo(f"  and {more} more, the last at {seen['lastTime'][:19]}Z", err=err)


def _counted(count: int) -> str:
    return f"{count} occurrence{'' if count == 1 else 's'}"
