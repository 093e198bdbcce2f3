"""`definitions`: what the server may execute; listing, showing, deleting, sending."""

from __future__ import annotations

import json
import sys

import click

from workflows.commands.common import EXIT_CODES, client_of, confirmed, existing, json_option, refused, server_option
from workflows.commands.complete import jobs
from workflows.commands.output import as_json as print_json
from workflows.commands.output import finding, note, table
from workflows.commands.times import local

job_argument = click.argument("job", metavar="ID", shell_complete=jobs)

KINDS = {"taskList": "task list", "stateMachine": "state machine"}


@click.group()
def definitions() -> None:
    """List, show, push and delete job definitions.

    \b
    stepwell definitions list
    stepwell definitions push definitions/order.json
    \b
    Exit codes: 0 done, 1 refused as things stand, 2 wrong usage, 4 no server reached.
    """


@definitions.command("list", epilog=EXIT_CODES)
@server_option
@json_option
def list_(server: str | None, as_json: bool) -> None:
    """List the definitions, by id.

    \b
    stepwell definitions list --json
    """
    with client_of(server) as client:
        found = list(client.definitions())
    if as_json:
        print_json({"definitions": found})
    elif found:
        rows = [(one["id"], str(one["revision"]), KINDS[one["dialect"]], local(one["updateTime"]), one["name"]) for one in found]
        table(("id", "revision", "kind", "registered", "name"), rows)
    else:
        note("there are none")


@definitions.command(epilog=EXIT_CODES)
@job_argument
@click.option("--revision", type=click.IntRange(1), metavar="N", help="This revision.  [default: the newest]")
@server_option
@json_option
def show(job: str, revision: int | None, server: str | None, as_json: bool) -> None:
    """Print a definition's document.

    As a file that can be edited and pushed; with --json also its revision, times and labels around it.

    \b
    stepwell definitions show order --revision 1 > order.json
    """
    with client_of(server) as client:
        found = client.definition(job, revision)
    print_json(found if as_json else found["document"])


@definitions.command(epilog=EXIT_CODES)
@job_argument
@server_option
@json_option
def revisions(job: str, server: str | None, as_json: bool) -> None:
    """List the revisions of a definition, the newest first.

    \b
    stepwell definitions revisions order
    """
    with client_of(server) as client:
        found = list(client.revisions(job))
    if as_json:
        print_json({"revisions": found})
    else:
        table(("revision", "registered"), [(str(one["revision"]), local(one["createTime"])) for one in found])


@definitions.command(epilog=EXIT_CODES)
@job_argument
@click.option("--revision", type=click.IntRange(1), metavar="N", help="Only this revision.")
@click.option("--yes", is_flag=True, help="Do not ask first.")
@server_option
@json_option
def delete(job: str, revision: int | None, yes: bool, server: str | None, as_json: bool) -> None:
    """Delete a definition, or one of its revisions.

    Refused (exit code 1) while an execution needs it. Those that have ended are kept.

    \b
    stepwell definitions delete order --revision 1
    """
    with client_of(server) as client:
        client.definition(job, revision)  # so that nobody is asked about what is not there
        confirmed(f"Delete {'' if revision is None else f'revision {revision} of '}the definition {job!r}?", yes)
        answer = client.delete_definition(job) if revision is None else client.delete_revision(job, revision)
        click.echo(json.dumps(answer) if as_json else answer["message"])


@definitions.command(epilog=EXIT_CODES)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path())
@server_option
@json_option
def push(files: tuple[str, ...], server: str | None, as_json: bool) -> None:
    """Register definitions from files.

    One that differs from the newest revision becomes the next one. What is wrong with a file is told as `stepwell lint` tells it, and stops
    none of the others. With --json one object on each line.

    \b
    stepwell definitions push definitions/*.json
    """
    from workflows.client import ClientError

    codes = [0]
    with client_of(server) as client:
        for file in files:
            try:
                answer = client.register(existing(file))
            except ClientError as error:
                codes.append(refused(error, file, about=file))
                if as_json:
                    click.echo(json.dumps({"file": file, "problems": list(error.findings)}, ensure_ascii=False))
                continue
            for warning in answer["warnings"]:
                click.echo(finding({"severity": "warning", **warning}, file), err=True)
            click.echo(
                json.dumps({"file": file, **answer}, ensure_ascii=False)
                if as_json
                else f"{answer['message']}, revision {answer['revision']}"
            )
    sys.exit(max(codes))
