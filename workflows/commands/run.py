"""`run` and `state`: starting an execution and watching one."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, NoReturn

import click

from workflows.commands.common import (
    CANCELLED,
    COMPLETED,
    EXIT_CODES,
    FAILED,
    client_of,
    ending,
    existing,
    json_option,
    payload,
    server_option,
)
from workflows.commands.output import as_json as print_json
from workflows.commands.output import coloured, finding

if TYPE_CHECKING:
    from workflows.client import Change, Client

OUTCOMES = {"COMPLETED": COMPLETED, "FAILED": FAILED, "CANCELLED": CANCELLED}


@click.command(epilog=EXIT_CODES)
@click.argument("job")
@click.option("--input", "given", metavar="JSON|@FILE", default="{}", help="The input, or @ and the file that holds it.  [default: {}]")
@click.option("--watch", is_flag=True, help="Print what happens until it ends. Without it: print the execution's id and leave.")
@server_option
@json_option
def run(job: str, given: str, watch: bool, server: str | None, as_json: bool) -> NoReturn:
    """Execute a job.

    JOB is the id of a definition, or the path of a .json file, which is registered first.

    \b
    stepwell run hello --input '{"name": "you"}' --watch
    stepwell run ./nightly.json --input @big.json
    """
    with client_of(server) as client:
        body = payload(given)
        if job.endswith(".json"):
            with ending(job):
                registered = client.register(existing(job))
            for warning in registered["warnings"]:
                click.echo(finding({"severity": "warning", **warning}, job), err=True)
            job = registered["id"]
        execution_id = client.execute(job, body)
        if not watch:
            click.echo(json.dumps({"executionID": execution_id}) if as_json else execution_id)
            sys.exit(COMPLETED)
        sys.exit(watched(client, execution_id, as_json))


@click.command(epilog=EXIT_CODES)
@click.argument("execution_id")
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
        from workflows.client import changes

        for change in changes({"status": None, "tasks": []}, answer):
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
