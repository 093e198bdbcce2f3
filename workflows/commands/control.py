"""`cancel`, `pause`, `resume`, `redrive` and `priority`: stopping executions and letting them go on, by id or all that a filter means."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from workflows.commands.common import (
    EXIT_CODES,
    FAILED,
    USAGE,
    Command,
    client_of,
    confirmed,
    fail,
    id_argument,
    json_option,
    payload,
    refused,
    server_option,
)
from workflows.commands.complete import executions
from workflows.commands.filters import filter_options, given, wanted
from workflows.commands.output import as_json as print_json
from workflows.commands.run import watched

if TYPE_CHECKING:
    from collections.abc import Callable

    from workflows.client import Client, Json
    from workflows.client.control import Action

NAMED = 10
"""Ids that are shown of those that a filter means, and of those that were refused."""


def _many(command: Command) -> Command:
    """The arguments and options of a change of one or many."""
    for option in reversed(
        (
            click.argument("ids", metavar="[ID]...", nargs=-1, shell_complete=executions),
            filter_options,
            click.option("--all", "everything", is_flag=True, help="All there are."),
            click.option("--preview", is_flag=True, help="Only tell which the filter means, and change nothing."),
            click.option("--yes", is_flag=True, help="Do not ask first."),
            server_option,
            json_option,
        )
    ):
        command = option(command)
    return command


@click.command(epilog=EXIT_CODES)
@_many
def cancel(ids: tuple[str, ...], server: str | None, **options: Any) -> None:
    """Cancel executions: named ones, or all that a filter means.

    Each that cannot be cancelled is told of (exit code 1), and stops none of the others. A filter shows what it means and asks first.

    \b
    stepwell cancel exec-0-12-5d0c4e11
    stepwell cancel --job nightly --status QUEUED --preview
    """
    with client_of(server) as client:
        sys.exit(_change(client, "cancel", ids, options, client.cancel))


@click.command(epilog=EXIT_CODES)
@_many
def pause(ids: tuple[str, ...], server: str | None, **options: Any) -> None:
    """Pause executions: what runs finishes, nothing starts.

    Named ones, or all that a filter means; that shows what it means and asks first.

    \b
    stepwell pause exec-0-12-5d0c4e11
    stepwell pause --job nightly --status RUNNING --yes
    """
    with client_of(server) as client:
        sys.exit(_change(client, "pause", ids, options, client.pause))


@click.command(epilog=EXIT_CODES)
@_many
def resume(ids: tuple[str, ...], server: str | None, **options: Any) -> None:
    """Let paused executions go on.

    Named ones, or all that a filter means; that shows what it means and asks first.

    \b
    stepwell resume exec-0-12-5d0c4e11
    stepwell resume --paused --yes
    """
    with client_of(server) as client:
        sys.exit(_change(client, "resume", ids, options, client.resume))


@click.command(epilog=EXIT_CODES)
@_many
@click.option("--revision", type=click.IntRange(1), metavar="N", help="Go on by this revision of the definition.")
@click.option("--input", "given_input", metavar="JSON|@FILE", help="Go on with this input.")
@click.option("--watch", is_flag=True, help="Print what happens until it ends; the exit code is the outcome.")
def redrive(ids: tuple[str, ...], revision: int | None, given_input: str | None, watch: bool, server: str | None, **options: Any) -> None:
    """Let executions that failed or were cancelled go on.

    From where they stood, under their own ids: what has completed keeps its result. Named ones, or all that a filter means; that shows what
    it means and asks first.

    \b
    stepwell redrive exec-0-12-5d0c4e11 --revision 2 --watch
    stepwell redrive --job order --status FAILED --since 2h
    """
    if (revision or given_input or watch) and not ids:
        fail("--revision, --input and --watch are for executions that are named", USAGE)
    if watch and len(ids) > 1:
        fail("--watch is for one execution", USAGE)
    text = None if given_input is None else payload(given_input)
    with client_of(server) as client:
        code = _change(client, "redrive", ids, options, lambda execution_id: client.redrive(execution_id, revision, text))
        sys.exit(watched(client, ids[0], options["as_json"]) if watch and not code else code)


@click.command(epilog=EXIT_CODES, context_settings={"ignore_unknown_options": True})
@id_argument
@click.argument("priority", metavar="N", type=int)
@server_option
@json_option
def priority(execution_id: str, priority: int, server: str | None, as_json: bool) -> None:
    """Give a queued execution another priority: higher goes first.

    From -1000 to 1000, 0 being usual. Refused (exit code 1) if it has begun.

    \b
    stepwell priority exec-0-12-5d0c4e11 10
    """
    with client_of(server) as client:
        answer = client.set_priority(execution_id, priority)
        click.echo(json.dumps(answer) if as_json else f"Execution {answer['id']!r} has the priority {answer['priority']}")


def _change(client: Client, action: Action, ids: tuple[str, ...], options: dict[str, Any], one: Callable[[str], Json]) -> int:
    """Do it to each of `ids`, or to all that the options mean; the exit code."""
    filtered = given(options) or options["everything"]
    if bool(ids) == filtered:
        fail(
            f"name executions, or say which with a filter such as --job hello; --all means all there are. `stepwell {action} --help`", USAGE
        )
    if ids and options["preview"]:
        fail("--preview is for a filter", USAGE)
    return _each(ids, one, options["as_json"]) if ids else _bulk(client, action, options)


def _each(ids: tuple[str, ...], one: Callable[[str], Json], as_json: bool) -> int:
    from workflows.client import ClientError

    codes = [0]
    for execution_id in ids:
        try:
            answer = one(execution_id)
        except ClientError as error:
            codes.append(refused(error, about=execution_id if len(ids) > 1 else ""))
            if as_json:
                click.echo(json.dumps({"id": execution_id, "refused": str(error)}, ensure_ascii=False))
        else:
            click.echo(json.dumps(answer, ensure_ascii=False) if as_json else answer["message"])
    return max(codes)


def _bulk(client: Client, action: Action, options: dict[str, Any]) -> int:
    meant, as_json = wanted(options), options["as_json"]
    if options["preview"] or not options["yes"]:
        seen = client.bulk(action, meant, preview=True)
        if options["preview"] and as_json:
            print_json(seen)
        else:
            _preview(action, seen, to_stderr=as_json)
        if options["preview"] or not seen["matched"]:
            return 0
        confirmed(f"{action.capitalize()} {_counted(seen['matched'])}?")
    done = client.bulk(action, meant)
    if as_json:
        print_json(done)
    else:
        click.echo(f"{action}: {done['done']} done, {len(done['refused'])} refused")
        _rest(action, done)
        for one in done["refused"][:NAMED]:
            click.echo(f"{one['id']}: {one['reason']}", err=True)
        if len(done["refused"]) > NAMED:
            click.echo(f"and {len(done['refused']) - NAMED} more", err=True)
    return FAILED if done["refused"] else 0


def _preview(action: Action, seen: Json, to_stderr: bool) -> None:
    click.echo(_counted(seen["matched"]), err=to_stderr)
    for execution_id in seen["executions"][:NAMED]:
        click.echo(f"  {execution_id}", err=to_stderr)
    if seen["matched"] > NAMED:
        click.echo(f"  and {seen['matched'] - NAMED} more", err=to_stderr)
    _rest(action, seen, to_stderr)


def _rest(action: Action, told: Json, to_stderr: bool = False) -> None:
    if told["left"]:
        click.echo(f"({_counted(told['left'])} more: nothing to {action})", err=to_stderr)


def _counted(number: int) -> str:
    return f"{number} execution{'' if number == 1 else 's'}"
