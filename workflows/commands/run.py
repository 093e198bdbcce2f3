"""`run` and `state`: starting an execution and watching one."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NoReturn

import click

from workflows.commands.common import (
    CANCELLED,
    COMPLETED,
    EXIT_CODES,
    FAILED,
    UNDER_WAY,
    USAGE,
    client_of,
    ending,
    existing,
    fail,
    id_argument,
    json_option,
    payload,
    server_option,
)
from workflows.commands.complete import jobs_and_files
from workflows.commands.filters import label
from workflows.commands.output import as_json as print_json
from workflows.commands.output import coloured, finding, note

if TYPE_CHECKING:
    from workflows.client import Change, Client, Json, Started

OUTCOMES = {"COMPLETED": COMPLETED, "FAILED": FAILED, "CANCELLED": CANCELLED}


@click.command(epilog=f"{EXIT_CODES[:-1]}, {UNDER_WAY} not ended after --wait.")
@click.argument("job", shell_complete=jobs_and_files)
@click.option("--input", "given", metavar="JSON|@FILE", default="{}", help="The input, or @ and the file that holds it.  [default: {}]")
@click.option("--watch", is_flag=True, help="Print what happens until it ends. Without it: print the execution's id and leave.")
@click.option("--wait", type=click.FloatRange(0, 60, min_open=True), metavar="SECONDS", help="Wait so long for the end, and print that.")
@click.option("--id", "execution_id", metavar="ID", help="The id to be the execution's; sent again, it starts nothing new.")
@click.option("--idempotency-key", metavar="KEY", help="Sent again with the same key, it starts nothing new.")
@click.option("--revision", type=click.IntRange(1), metavar="N", help="Of the definition.  [default: the newest]")
@click.option("--priority", type=int, metavar="N", help="Higher goes first.  [default: the definition's, or 0]")
@click.option("--label", "labels", type=label, multiple=True, metavar="KEY:VALUE", help="A label of its own; may be given again.")
@server_option
@json_option
def run(job: str, given: str, watch: bool, server: str | None, as_json: bool, **options: Any) -> NoReturn:
    """Execute a job.

    JOB is the id of a definition, or the path of a .json file, which is registered first.

    \b
    stepwell run hello --input '{"name": "you"}' --watch
    stepwell run ./nightly.json --input @big.json --label team:shop --priority 5
    """
    if watch and options["wait"]:
        fail("--watch waits for the end already; leave out --wait", USAGE)
    with client_of(server) as client:
        body = payload(given)
        if job.endswith(".json"):
            job = _registered(client, job)
        started = client.start(job, body, **{**options, "labels": dict(options["labels"])})
        if watch:
            sys.exit(watched(client, started.id, as_json))
        sys.exit(_told(started, options["wait"] is not None, as_json))


def _registered(client: Client, file: str) -> str:
    with ending(file):
        answer = client.register(existing(file))
    for warning in answer["warnings"]:
        click.echo(finding({"severity": "warning", **warning}, file), err=True)
    return str(answer["id"])


def _told(started: Started, waited: bool, as_json: bool) -> int:
    """Print what there is to say of a start; the exit code."""
    if started.state is None:
        told = {"executionID": started.id, **({"ended": False} if waited else {})}
        click.echo(json.dumps(told) if as_json else started.id)
        if started.repeated:
            note("it had been started before")
        if waited:
            note(f"it has not ended yet; to watch it: stepwell state {started.id} --watch")
        return UNDER_WAY if waited else COMPLETED
    if as_json:
        print_json(started.state)
    else:
        click.echo(started.id)
        _print_changes(started.state)
    return OUTCOMES[started.state["status"]]


@click.command(epilog=EXIT_CODES)
@id_argument
@click.option("--watch", is_flag=True, help="Print what happens until it ends.")
@server_option
@json_option
def state(execution_id: str, watch: bool, server: str | None, as_json: bool) -> None:
    """Print how an execution stands.

    The exit code is 0 whatever that is; with --watch it is the outcome.

    \b
    stepwell state exec-0-12-5d0c4e11 --watch
    """
    with client_of(server) as client:
        if watch:
            sys.exit(watched(client, execution_id, as_json))
        answer = client.state(execution_id)
        if as_json:
            print_json(answer)
            return
        _print_changes(answer)


def _print_changes(state: Json) -> None:
    """All that there is to say of it so far."""
    from workflows.client import changes

    for change in changes({"status": None, "tasks": []}, state):
        click.echo(_line(change))


def watched(client: Client, execution_id: str, as_json: bool) -> int:
    """Print the changes until the end; the exit code."""
    click.echo(json.dumps({"executionID": execution_id}) if as_json else execution_id)
    status = ""
    try:
        for change in client.watch(execution_id):
            status = change.status
            click.echo(json.dumps(asdict(change)) if as_json else _line(change))
            sys.stdout.flush()
    except KeyboardInterrupt:
        click.echo(f"\nstill running; to go on watching: stepwell state {execution_id} --watch", err=True)
        sys.exit(130)
    return OUTCOMES[status]


def _line(change: Change) -> str:
    return str(change).replace(change.status, coloured(change.status), 1)
