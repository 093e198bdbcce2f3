"""`schedules`: when jobs run by themselves. Backfills, which are commands of the same group, have a file of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from workflows.commands.backfills import COMMANDS
from workflows.commands.common import (
    EXIT_CODES,
    USAGE,
    Command,
    client_of,
    confirmed,
    ending,
    existing,
    fail,
    json_option,
    payload,
    schedule_argument,
    server_option,
)
from workflows.commands.complete import jobs
from workflows.commands.complete import schedules as ids
from workflows.commands.output import as_json as print_json
from workflows.commands.output import note, table
from workflows.commands.times import local

if TYPE_CHECKING:
    from workflows.client import Json

OVERLAPS = ("allow", "skip", "queueOne", "queueAll", "cancelPrevious")
CATCH_UPS = ("none", "last", "all")
FLAGS = {"cron": "--cron", "at": "--at", "timezone": "--timezone", "id": "--id", "overlap": "--overlap", "catchUp": "--catch-up"}
TRIGGERS = ("cron", "intervalSeconds", "at")

COLUMNS = ("id", "job", "switch", "when", "next", "last execution")


def _trigger_options(command: Command) -> Command:
    """When it is due."""
    for option in reversed(
        (
            click.option("--cron", metavar="FIELDS", help="Five fields, six with seconds first, or @hourly and the like."),
            click.option("--every", metavar="DURATION", help="Each 90s, 1h30m, 2d."),
            click.option("--at", metavar="TIME", help="Once: 2026-12-24T18:00:00."),
            click.option("--timezone", metavar="ZONE", help="Of cron, dates and times: Europe/Berlin.  [default: UTC]"),
        )
    ):
        command = option(command)
    return command


def _schedule_options(command: Command) -> Command:
    """All that `_written` takes."""
    for option in reversed(
        (
            _trigger_options,
            click.option("--overlap", type=click.Choice(OVERLAPS), help="What becomes of an occurrence while the one before runs."),
            click.option("--catch-up", type=click.Choice(CATCH_UPS), help="Which that were missed are made up for."),
            click.option("--input", "given_input", metavar="JSON|@FILE", help="A template of the input, or @ and the file that holds it."),
            click.option("--file", metavar="FILE", help="A schedule as in a definition; the other options change what it says."),
        )
    ):
        command = option(command)
    return command


@click.group()
def schedules() -> None:
    """List, make, change, switch and backfill schedules.

    \b
    stepwell schedules add report --id nightly --cron "30 2 * * *" --timezone Europe/Berlin
    stepwell schedules next nightly
    stepwell schedules backfill nightly --from 2026-11-01 --to 2026-11-08
    \b
    Exit codes: 0 done, 1 refused as things stand, 2 wrong usage, 4 no server reached.
    """


for _command in COMMANDS:
    schedules.add_command(_command)


@schedules.command("list", epilog=EXIT_CODES)
@click.option("--job", metavar="ID", shell_complete=jobs, help="Those of this definition.")
@server_option
@json_option
def list_(job: str | None, server: str | None, as_json: bool) -> None:
    """List the schedules, by id. Times are local.

    \b
    stepwell schedules list --job report
    """
    with client_of(server) as client:
        found = list(client.schedules(job))
    if as_json:
        print_json({"schedules": found})
    elif found:
        table(COLUMNS, map(_row, found))
    else:
        note("there are none")


@schedules.command(epilog=EXIT_CODES)
@schedule_argument
@server_option
@json_option
def show(schedule_id: str, server: str | None, as_json: bool) -> None:
    """Print a schedule.

    As a file that can be edited and given to `change --file`; with --json also its switch and what is next around it.

    \b
    stepwell schedules show nightly > nightly.json
    """
    with client_of(server) as client:
        found = client.schedule(schedule_id)
    if not as_json:
        _tell(found)
    print_json(found if as_json else found["schedule"])


@schedules.command(epilog=EXIT_CODES)
@click.argument("job", metavar="JOB", shell_complete=jobs)
@click.option("--id", "schedule_id", metavar="ID", help="Names the schedule.  [default: the job's id]")
@_schedule_options
@server_option
@json_option
def add(job: str, schedule_id: str | None, server: str | None, as_json: bool, **options: Any) -> None:
    """Make a schedule for a job, apart from its definition.

    \b
    stepwell schedules add report --id nightly --cron "30 2 * * *" --timezone Europe/Berlin --overlap skip
    stepwell schedules add report --every 90s --input '{"since.$": "$.scheduledTime"}'
    """
    written = {**_written({}, options), **({} if schedule_id is None else {"id": schedule_id})}
    written.pop("job", None)
    with client_of(server) as client, ending(options["file"] or ""), _by_flag(options):
        _told(client.add_schedule(job, written), as_json)


@schedules.command(epilog=EXIT_CODES)
@schedule_argument
@_schedule_options
@server_option
@json_option
def change(schedule_id: str, server: str | None, as_json: bool, **options: Any) -> None:
    """Change a schedule.

    What is given takes the place of what it says; with --file, that of all it says. Its switch stays.

    \b
    stepwell schedules change nightly --cron "0 3 * * *"
    stepwell schedules change nightly --file nightly.json
    """
    with client_of(server) as client, ending(options["file"] or ""), _by_flag(options):
        before = client.schedule(schedule_id)["schedule"]
        written = _written(before, options)
        if written == before and not options["file"]:
            fail("say what is to change: `stepwell schedules change --help`", USAGE)
        _told(client.change_schedule(schedule_id, written), as_json)


@schedules.command(epilog=EXIT_CODES)
@schedule_argument
@server_option
@json_option
def on(schedule_id: str, server: str | None, as_json: bool) -> None:
    """Switch a schedule on. What came while it was off is not made up for.

    \b
    stepwell schedules on nightly
    """
    with client_of(server) as client:
        _told(client.toggle_schedule(schedule_id, True), as_json)


@schedules.command(epilog=EXIT_CODES)
@schedule_argument
@server_option
@json_option
def off(schedule_id: str, server: str | None, as_json: bool) -> None:
    """Switch a schedule off. That stays until it is switched on.

    \b
    stepwell schedules off nightly
    """
    with client_of(server) as client:
        _told(client.toggle_schedule(schedule_id, False), as_json)


@schedules.command(epilog=EXIT_CODES)
@schedule_argument
@click.option("--yes", is_flag=True, help="Do not ask first.")
@server_option
@json_option
def delete(schedule_id: str, yes: bool, server: str | None, as_json: bool) -> None:
    """Delete a schedule, with what is known of its occurrences. Its executions stay.

    \b
    stepwell schedules delete nightly
    """
    with client_of(server) as client:
        client.schedule(schedule_id)  # so that nobody is asked about what is not there
        confirmed(f"Delete the schedule {schedule_id!r}?", yes)
        answer = client.delete_schedule(schedule_id)
        click.echo(json.dumps(answer) if as_json else answer["message"])


@schedules.command("next", epilog=EXIT_CODES)
@click.argument("schedule_id", metavar="[ID]", required=False, shell_complete=ids)
@_trigger_options
@click.option("--count", type=click.IntRange(1, 100), default=10, metavar="N", help="So many.  [default: 10]")
@server_option
@json_option
def next_(schedule_id: str | None, count: int, server: str | None, as_json: bool, **options: Any) -> None:
    """Tell when a schedule is due next, or would be.

    With a note where the clock skips or repeats that time, and where a blackout keeps it from running.

    \b
    stepwell schedules next nightly --count 3
    stepwell schedules next --cron "0 30 2 * * *" --timezone Europe/Berlin
    """
    written = _written({}, options)
    if bool(schedule_id) == bool(written):
        fail("name a schedule, or say when one would be due: --cron, --every, --at", USAGE)
    with client_of(server) as client, _by_flag(options):
        found = client.coming(schedule_id, count) if schedule_id else client.preview_schedule(written, count)
    if as_json:
        print_json({"occurrences": found})
    elif found:
        table(("moment", "local time", "note"), map(_coming, found))
    else:
        note("never")


@schedules.command(epilog=EXIT_CODES)
@schedule_argument
@click.option("--limit", type=click.IntRange(1), default=20, metavar="N", help="So many at most.  [default: 20]")
@server_option
@json_option
def occurrences(schedule_id: str, limit: int, server: str | None, as_json: bool) -> None:
    """List what became of occurrences, the newest first. Times are local.

    \b
    stepwell schedules occurrences nightly
    """
    with client_of(server) as client:
        found = list(islice(client.occurrences(schedule_id, min(200, limit)), limit))
    if as_json:
        print_json({"occurrences": found})
    elif found:
        table(("scheduled", "status", "execution", "reason"), map(_occurrence, found))
    else:
        note("there are none")


def _written(before: Mapping[str, Any], options: Mapping[str, Any]) -> Json:
    """What the options make of a schedule."""
    if options.get("file"):
        before = _json(existing(options["file"]).read_text(encoding="utf-8"), options["file"])
        if not isinstance(before, dict):
            fail(f"{options['file']}: a schedule must be an object", USAGE)
    every = options["every"]
    given = {"cron": options["cron"] if every is None else f"@every {every}", "at": options["at"]}
    if sum(options[name] is not None for name in ("cron", "every", "at")) > 1:
        fail("a schedule has one of --cron, --every and --at", USAGE)
    given |= {"timezone": options["timezone"], "overlap": options.get("overlap"), "catchUp": options.get("catch_up")}
    if options.get("given_input") is not None:
        given["input"] = _json(payload(options["given_input"]).decode(), "--input")
    given = {name: value for name, value in given.items() if value is not None}
    kept = {name: value for name, value in before.items() if name not in TRIGGERS or given.keys().isdisjoint(TRIGGERS)}
    return {**kept, **given}


@contextmanager
def _by_flag(options: Mapping[str, Any]) -> Iterator[None]:
    """What is wrong with a schedule is told of the options that made it, or of its place in the file: nobody has seen the text that was
    sent, so its lines mean nothing."""
    from workflows.client import ClientError

    try:
        yield
    except ClientError as error:
        every = {} if options["every"] is None else {"/cron": "--every"}
        flags = {} if options.get("file") else {f"/{name}": flag for name, flag in FLAGS.items()} | every
        found = [{**one, "pointer": flags.get(one["pointer"], one["pointer"]), "line": None, "column": None} for one in error.findings]
        told = [{name: value for name, value in one.items() if value is not None} for one in found]
        raise ClientError(error.status, error.title, error.detail, told) from None


def _json(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        fail(f"{place} is not JSON: {error}", USAGE)


def _told(found: Json, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    for problem in found["warnings"]:
        note(f"warning: {problem['pointer'] or '/'}: {problem['message']}")
    _tell(found, err=False)


def _tell(found: Json, err: bool = True) -> None:
    next_time = f"next {local(found['nextTime'])}" if found["nextTime"] else "not due again"
    click.echo(f"Schedule {found['id']!r} of {found['job']!r} is {f'on, {next_time}' if found['active'] else 'off'}", err=err)


def _row(one: Json) -> tuple[str, ...]:
    switch, spec = "on" if one["active"] else "off", one["schedule"]
    when = str(spec.get("cron") or spec.get("at") or f"every {spec.get('intervalSeconds')}s")
    zone = "" if one["schedule"].get("timezone") in (None, "UTC") else f" {spec['timezone']}"
    return one["id"], one["job"], switch, f"{when}{zone}", local(one["nextTime"]), one["lastExecutionId"] or ""


def _coming(one: Json) -> tuple[str, ...]:
    note = (one["note"] or "") if one["runs"] else f"does not run: {one['note']}"
    return one["scheduledTime"][:19] + "Z", one["localTime"].replace("T", " "), note


def _occurrence(one: Json) -> tuple[str, ...]:
    until = f" to {local(one['lastScheduledTime'])} ({one['count']} times)" if one["lastScheduledTime"] else ""
    return f"{local(one['scheduledTime'])}{until}", one["status"], one["executionId"] or "", one["reason"] or ""
