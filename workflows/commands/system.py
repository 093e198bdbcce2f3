"""`system`: what the server is doing."""

from __future__ import annotations

import click

from workflows.commands.common import EXIT_CODES, client_of, json_option, server_option
from workflows.commands.output import as_json as print_json
from workflows.commands.output import coloured

COUNTS = (("executedJobs", "completed"), ("failedJobs", "failed"), ("cancelledJobs", "cancelled"))


@click.command(epilog=EXIT_CODES)
@server_option
@json_option
def system(server: str | None, as_json: bool) -> None:
    """Print what the server is doing.

    Its version, its counts, and what an operator should know.

    \b
    stepwell system --server http://127.0.0.1:9000
    """
    with client_of(server) as client:
        answer = client.system_state() | {"health": client.health()}
        if as_json:
            print_json(answer)
            return
        counts = [f"{answer[f'{name}Count']} {name}" for name in ("active", "queued")]
        counts += [f"{answer[key]} {text}" for key, text in COUNTS]
        click.echo(f"Stepwell {answer['version']} at {client.url}: {', '.join(counts)}")
        for trouble in answer["health"]["troubles"]:
            click.echo(f"{coloured('fail', 'trouble')}: {trouble}")
