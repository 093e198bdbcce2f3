"""`cancel`: ending an execution."""

from __future__ import annotations

import json

import click

from workflows.commands.common import EXIT_CODES, client_of, json_option, server_option


@click.command(epilog=EXIT_CODES)
@click.argument("execution_id")
@server_option
@json_option
def cancel(execution_id: str, server: str | None, as_json: bool) -> None:
    """Cancel an execution. Refused (exit code 1) if it has ended otherwise.

    \b
    stepwell cancel exec-0-12-5d0c4e11
    """
    with client_of(server) as client:
        answer = client.cancel(execution_id)
        click.echo(json.dumps(answer) if as_json else answer["message"])
