"""`export`: definitions as drawings, and as documents of the states language."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from workflows.commands.common import FAILED, USAGE, client_of, fail, json_option, server_option
from workflows.commands.complete import jobs
from workflows.commands.output import as_json as print_json
from workflows.commands.output import finding

if TYPE_CHECKING:
    from workflows.exporters.told import Note
    from workflows.model import Definition

STDIN = "-"
FORMATS = ("mermaid", "dot", "asl")


@click.command()
@click.argument("source", metavar="FILE|JOB", shell_complete=jobs)
@click.option("--format", "form", required=True, metavar="mermaid|dot|asl", type=click.Choice(FORMATS), help="What to make of it.")
@click.option("--revision", type=click.IntRange(1), metavar="N", help="This revision of the job.  [default: the newest]")
@click.option("--bare", is_flag=True, help="Of asl: the state machine alone, as other servers take it.")
@click.option("--out", "-o", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")
@server_option
@json_option
def export(source: str, form: str, revision: int | None, bare: bool, out: Path | None, server: str | None, as_json: bool) -> NoReturn:
    """Draw a definition, or write it in the states language.

    Of a FILE with a definition (- is standard input), or of a JOB that the server has. mermaid and dot are drawings, for Markdown and for
    Graphviz. asl makes a state machine of a task list or DAG, in Amazon States Language. What cannot be carried over is told line by line
    on standard error; a DAG that no state machine can be made of is refused.

    \b
    stepwell export definitions/order.json --format mermaid
    stepwell export order --revision 2 --format dot | dot -Tsvg > order.svg
    stepwell export nightly --format asl --bare -o nightly.asl.json
    \b
    Exit codes: 0 done, 1 it cannot be said in this form, 2 wrong usage, 4 no server reached.
    """
    from workflows.exporters.told import CannotExport

    if bare and form != "asl":
        fail("--bare goes with --format asl", USAGE)
    document, definition = _from_file(source, revision) if _is_file(source) else _from_server(source, revision, server)
    try:
        text, notes = _written(form, bare, document, definition)
    except CannotExport as error:
        if as_json:
            print_json({"format": form, "text": None, "notes": list(map(asdict, error.notes))})
        fail(error, FAILED)
    for note in notes:
        click.echo(f"{source}: {note}", err=True)
    if out is not None:
        _write(out, text)
    if as_json:
        print_json({"format": form, "text": text, "notes": list(map(asdict, notes))})
    elif out is None:
        click.echo(text, nl=False)
    sys.exit(0)


def _is_file(source: str) -> bool:
    """A job's id has no slash, and few end like a file's name; such a file has to be there."""
    return source == STDIN or "/" in source or source.endswith(".json") or Path(source).is_file()


def _from_file(source: str, revision: int | None) -> tuple[dict[str, Any], Definition]:
    if revision is not None:
        fail("--revision goes with a job that the server has, not with a file", USAGE)
    try:
        return _read(sys.stdin.buffer.read() if source == STDIN else Path(source).read_bytes(), source, 1)
    except OSError as error:
        fail(f"cannot read {source}: {error.strerror}", USAGE)


def _from_server(job: str, revision: int | None, server: str | None) -> tuple[dict[str, Any], Definition]:
    with client_of(server) as client:
        found = client.definition(job, revision)
    return _read(json.dumps(found["document"]).encode(), job, found["revision"])


def _read(raw: bytes, source: str, revision: int) -> tuple[dict[str, Any], Definition]:
    """Ends the command with its problems if it is no definition."""
    from workflows.errors import Invalid, NotJson
    from workflows.language import read_definition
    from workflows.language.lint import as_data
    from workflows.numbers import loads

    try:
        definition = read_definition(raw, functions=None, revision=revision)
        return loads(raw.decode()), definition
    except NotJson as error:
        fail(f"{source}: {error}", USAGE)
    except Invalid as error:
        for problem in error.problems:
            click.echo(finding(as_data(problem), source), err=True)
        sys.exit(USAGE)


def _written(form: str, bare: bool, document: dict[str, Any], definition: Definition) -> tuple[str, list[Note]]:
    """Raises CannotExport."""
    if form == "asl":
        from workflows.numbers import pretty

        made, notes = _states(bare, document, definition)
        return pretty(made), notes
    from workflows.exporters import dot, drawing, mermaid

    return (dot if form == "dot" else mermaid).write(drawing.draw(definition)), []


def _states(bare: bool, document: dict[str, Any], definition: Definition) -> tuple[Mapping[str, Any], list[Note]]:
    """A state machine is its own document. What Stepwell knows of a definition and the language does not stands around the machine."""
    from workflows.exporters import asl
    from workflows.exporters.told import Note
    from workflows.language.secrets import stray
    from workflows.language.states import ENVELOPE_KEYS
    from workflows.model import TaskList

    around = {key: value for key, value in document.items() if key in ENVELOPE_KEYS}
    notes: list[Note] = []
    if isinstance(definition, TaskList):
        machine, notes = asl.machine(definition)
    else:
        machine = document.get("definition") or {key: value for key, value in document.items() if key not in ENVELOPE_KEYS}
    if bare:
        lost = [key for key in around if key != "id" and not (key == "description" and "Comment" in machine)]
        told = [f"{key} is not carried over: it is no part of the states language" for key in lost]
        told += [f"{one.pointer} names a secret: other servers leave the reference as it is" for one in stray(machine, ())]
        return machine, [*notes, *(Note("", text) for text in told)]
    return ({**around, "definition": machine} if isinstance(definition, TaskList) else document), notes


def _write(out: Path, text: str) -> None:
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        fail(f"cannot write {out}: {error.strerror}", USAGE)
