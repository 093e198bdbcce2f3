"""`lint`: what a server would say of definitions, without a server."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from workflows.commands.common import FAILED, USAGE, fail, json_option
from workflows.commands.functions import load_functions
from workflows.commands.options import configured, settings_options
from workflows.commands.output import as_json as print_json
from workflows.commands.output import finding, note

if TYPE_CHECKING:
    from task_functions.registry import Registry
    from workflows.configuration import Configuration

STDIN = "-"


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@settings_options("functions", "definitions")
@click.option("--strict", is_flag=True, help="Fail for warnings, too.")
@json_option
def lint(files: tuple[str, ...], strict: bool, as_json: bool, **flags: Any) -> NoReturn:
    """Check definitions without a server.

    Each FILE, all *.json of a directory, or standard input (-). Prints everything that is wrong: file, line and column, JSON Pointer, what
    was found, what is expected, the nearest valid name. A server with the same functions says the same when the file is posted.

    \b
    stepwell lint definitions --functions functions
    stepwell lint --strict - < order.json
    \b
    Exit codes: 0 nothing is wrong, 1 something is, 2 wrong usage.
    """
    sources = list(_sources(files))
    configuration = configured(flags)
    registry, errors = load_functions(configuration.settings)
    for error in errors:
        click.echo(f"stepwell: functions: {error}", err=True)
    report = Report(registry)
    for name, raw in sources:
        report.add(name, raw)
    if as_json:
        print_json({"files": report.files, "errors": report.count("error"), "warnings": report.count("warning")})
    else:
        report.print()
    if any(problem["message"].startswith("there is no function") for file in report.files for problem in file["problems"]):
        note(_looked_for(configuration))
    sys.exit(FAILED if report.count("error") or (strict and report.count("warning")) else 0)


def _looked_for(configuration: Configuration) -> str:
    file = f"{configuration.file} was read" if configuration.file else "there is no stepwell.toml here"
    sources = ", ".join(configuration.settings.sources) or "nowhere else"
    return f"functions are the built-in ones, and were looked for in {sources} ({file})"


@dataclass
class Report:
    """`files`: of each its name and its `problems`, in the form of a 422."""

    registry: Registry
    files: list[dict[str, Any]] = field(default_factory=list)
    _ids: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, raw: bytes) -> None:
        from workflows.language.lint import as_data, lint

        linted = lint(raw, self.registry.has, self.registry.names(), time.time())
        problems = [as_data(problem) for problem in linted.findings]
        if linted.id is not None and (first := self._ids.setdefault(linted.id, name)) != name:
            problems.append({"pointer": "/id", "message": f"the id {linted.id!r} is that of {first}, too", "severity": "warning"})
        self.files.append({"file": name, "problems": problems})

    def count(self, severity: str) -> int:
        return sum(problem["severity"] == severity for file in self.files for problem in file["problems"])

    def print(self) -> None:
        for file in self.files:
            for problem in file["problems"]:
                click.echo(finding(problem, file["file"]))
        counts = [
            f"{number} {word}{'' if number == 1 else 's'}"
            for number, word in ((len(self.files), "file"), (self.count("error"), "error"), (self.count("warning"), "warning"))
        ]
        click.echo(f"{counts[0]}: {counts[1]}, {counts[2]}")


def _sources(names: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    """Ends the command where there is no such file."""
    for name in names:
        path = Path(name)
        if name == STDIN:
            yield "<stdin>", sys.stdin.buffer.read()
        elif path.is_dir():
            found = sorted(path.glob("*.json"))
            if not found:
                fail(f"the directory {name} has no *.json", USAGE)
            yield from ((str(file), _read(file)) for file in found)
        else:
            yield name, _read(path)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        fail(f"cannot read {path}: {error.strerror}", USAGE)
