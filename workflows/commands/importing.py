"""`import`: definitions out of what other schedulers read."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from workflows.commands.common import FAILED, USAGE, fail, json_option
from workflows.commands.output import as_json as print_json

if TYPE_CHECKING:
    from workflows.importers.found import Imported

STDIN = "-"


@click.command("import")
@click.argument("kind", metavar="crontab|goflow|airflow", type=click.Choice(["crontab", "goflow", "airflow"]))
@click.argument("file", metavar="FILE")
@click.option("--out", metavar="DIR", type=click.Path(file_okay=False, path_type=Path), help="Write each definition to DIR/ID.json.")
@click.option("--users", is_flag=True, help="The lines of the crontab name a user, as those of /etc/crontab do.")
@json_option
def import_(kind: str, file: str, out: Path | None, users: bool, as_json: bool) -> NoReturn:
    """Make definitions of a crontab, a goflow DAG or an Airflow DAG.

    FILE is read, never run; - is standard input. The definitions are printed, or written with --out, which overwrites nothing. What cannot
    be taken over is told line by line on standard error. Commands need a server that allows them (--allow-commands).

    \b
    stepwell import crontab /var/spool/cron/crontabs/me --out definitions
    stepwell import airflow dags/nightly.py > nightly.json
    \b
    Exit codes: 0 done, 1 nothing was found, a job could not be made or a file is there already, 2 the file cannot be read.
    """
    result = _read(kind, _text(file), users)
    refused = _refused(result)
    written = _write(result, out) if out is not None else []
    for note in result.notes:
        click.echo(f"{file}: {note}", err=True)
    if as_json:
        notes = [{"line": note.line, "message": note.text} for note in result.notes]
        print_json({"definitions": result.definitions, "notes": notes, "files": written})
    elif out is not None:
        for name in written:
            click.echo(name)
    elif result.definitions:
        click.echo(json.dumps(result.definitions[0] if len(result.definitions) == 1 else result.definitions, indent=2))
    sys.exit(0 if result.definitions and not refused else FAILED)


def _text(file: str) -> str:
    try:
        return sys.stdin.read() if file == STDIN else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"cannot read {file}: {getattr(error, 'strerror', None) or error}", USAGE)


def _read(kind: str, text: str, users: bool) -> Imported:
    from workflows.importers import airflow, crontab, goflow
    from workflows.importers.found import CannotImport

    try:
        if kind == "crontab":
            return crontab.read(text, users=users)
        return goflow.read(text) if kind == "goflow" else airflow.read(text)
    except CannotImport as error:
        fail(error, USAGE)


def _refused(result: Imported) -> bool:
    """Leave out what a server would refuse, such as a time that never comes, and say so. Whether there was any."""
    from workflows.errors import Invalid
    from workflows.language import read_definition

    made = result.definitions
    for definition in made:
        try:
            read_definition(json.dumps(definition), functions=None)
        except Invalid as invalid:
            result.leave_out(definition["id"], "; ".join(f"{one.pointer}: {one.message}" for one in invalid.problems))
    result.notes.sort(key=lambda note: note.line)
    return len(result.definitions) < len(made)


def _write(result: Imported, out: Path) -> list[str]:
    paths = [out / f"{definition['id']}.json" for definition in result.definitions]
    there = [str(path) for path in paths if path.exists()]
    if there:
        fail(f"nothing was written: {', '.join(there)} would be overwritten", FAILED)
    out.mkdir(parents=True, exist_ok=True)
    for path, definition in zip(paths, result.definitions, strict=True):
        path.write_text(json.dumps(definition, indent=2) + "\n", encoding="utf-8")
    return [str(path) for path in paths]
