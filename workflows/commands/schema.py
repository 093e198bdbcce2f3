"""`schema`: the JSON Schema of definitions, for editors."""

from __future__ import annotations

from typing import Any

import click

from workflows.commands.functions import load_functions
from workflows.commands.options import configured, settings_options
from workflows.commands.output import as_json


@click.command()
@settings_options("functions", "definitions")
def schema(**flags: Any) -> None:
    """Print the JSON Schema of definitions.

    For editors, which complete and check by it (draft 2020-12). It lists the registered functions. A server gives its own at GET /schema.

    \b
    stepwell schema --functions functions > job.schema.json
    \b
    Exit codes: 0 printed, 2 wrong usage.
    """
    from workflows.language.json_schema import json_schema

    registry, errors = load_functions(configured(flags).settings)
    for error in errors:
        click.echo(f"stepwell: functions: {error}", err=True)
    as_json(json_schema(registry.names()))
