"""`init`: a small project to begin with."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from workflows.commands.common import USAGE, fail, json_option
from workflows.commands.output import as_json as print_json
from workflows.commands.project import FILES, RUN

SHOWN = 10
"""Files that are named where a directory is not empty."""


@click.command()
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@json_option
def init(directory: Path, as_json: bool) -> None:
    """Make a small project in DIR.

    It has a job, its functions, a test, settings and a README. DIR is made, or must be empty.

    \b
    stepwell init shop
    \b
    Exit codes: 0 made, 2 there is something already.
    """
    _refuse_what_is_there(directory)
    try:
        for name, text in FILES.items():
            file = directory / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    except OSError as error:
        fail(f"cannot write {error.filename}: {error.strerror}", USAGE)
    commands = [f"cd {shlex.quote(str(directory))}", "stepwell serve", RUN]
    if as_json:
        print_json({"directory": str(directory), "files": list(FILES), "next": commands})
        return
    for name in FILES:
        click.echo(f"made {directory / name}")
    click.echo(f"\nGo on with:\n\n  {commands[0]}\n  {commands[1]}\n\nand in another terminal:\n\n  {commands[2]}\n")


def _refuse_what_is_there(directory: Path) -> None:
    if directory.exists() and not directory.is_dir():
        fail(f"{directory} is a file: name a directory that is new or empty", USAGE)
    there = sorted(path.name for path in directory.iterdir()) if directory.exists() else []
    if there:
        more = f" and {len(there) - SHOWN} more" if len(there) > SHOWN else ""
        fail(f"{directory} is not empty: it has {', '.join(there[:SHOWN])}{more}. Name a directory that is new or empty", USAGE)
