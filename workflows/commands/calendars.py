"""`calendars`: days on which schedules do not run; listing, showing, setting, deleting."""

from __future__ import annotations

import json

import click

from workflows.commands.common import EXIT_CODES, client_of, confirmed, ending, existing, json_option, server_option
from workflows.commands.complete import calendars as known
from workflows.commands.output import as_json as print_json
from workflows.commands.output import note, table
from workflows.commands.times import local

calendar_argument = click.argument("name", shell_complete=known)


@click.group()
def calendars() -> None:
    """List, show, set and delete calendars.

    A schedule whose blackout names one does not run on its days.

    \b
    stepwell calendars set holidays-de holidays-de.json
    stepwell calendars list
    \b
    Exit codes: 0 done, 1 refused as things stand, 2 wrong usage, 4 no server reached.
    """


@calendars.command("list", epilog=EXIT_CODES)
@server_option
@json_option
def list_(server: str | None, as_json: bool) -> None:
    """List the calendars, by name.

    \b
    stepwell calendars list --json
    """
    with client_of(server) as client:
        found = list(client.calendars())
    if as_json:
        print_json({"calendars": found})
    elif found:
        table(
            ("name", "ranges", "schedules", "set"),
            [(one["name"], one["ranges"], one["schedules"], local(one["updateTime"])) for one in found],
        )
    else:
        note("there are none")


@calendars.command(epilog=EXIT_CODES)
@calendar_argument
@server_option
@json_option
def show(name: str, server: str | None, as_json: bool) -> None:
    """Print a calendar.

    As a file that can be edited and set; with --json also its name, when it was set and how many schedules name it.

    \b
    stepwell calendars show holidays-de > holidays-de.json
    """
    with client_of(server) as client:
        found = client.calendar(name)
    dates = [{key: value for key, value in one.items() if value is not None} for one in found["dates"]]
    print_json(found if as_json else {"dates": dates})


@calendars.command("set", epilog=EXIT_CODES)
@calendar_argument
@click.argument("file", metavar="FILE", type=click.Path())
@server_option
@json_option
def set_(name: str, file: str, server: str | None, as_json: bool) -> None:
    """Make a calendar, or give it other days.

    FILE is JSON: {"dates": [{"from": "2026-12-24", "to": "2026-12-26", "name": "Christmas"}]}, in which `to` and `name` may be left out.

    \b
    stepwell calendars set holidays-de holidays-de.json
    """
    text = existing(file).read_bytes()
    with client_of(server) as client, ending(file):
        answer = client.set_calendar(name, text)
        count = len(answer["dates"])
        click.echo(
            json.dumps(answer, ensure_ascii=False)
            if as_json
            else f"Calendar {name!r} has {count} {'range' if count == 1 else 'ranges'} of days"
        )


@calendars.command(epilog=EXIT_CODES)
@calendar_argument
@click.option("--yes", is_flag=True, help="Do not ask first.")
@server_option
@json_option
def delete(name: str, yes: bool, server: str | None, as_json: bool) -> None:
    """Delete a calendar.

    Refused (exit code 1) while a schedule names it.

    \b
    stepwell calendars delete holidays-de --yes
    """
    with client_of(server) as client:
        client.calendar(name)  # so that nobody is asked about what is not there
        confirmed(f"Delete the calendar {name!r}?", yes)
        answer = client.delete_calendar(name)
        click.echo(json.dumps(answer) if as_json else answer["message"])
