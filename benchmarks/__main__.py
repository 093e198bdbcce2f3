"""`python -m benchmarks`: run them, print the table. `python -m benchmarks profile`: where the engine's time goes."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

import click

from benchmarks import report, suite, wrk
from benchmarks.machine import facts
from benchmarks.profiling import profile as profile_engine
from benchmarks.seeds import SEEDS

NAMES = [benchmark.name for benchmark in suite.BENCHMARKS]


@click.group(invoke_without_command=True)
@click.option("--quick", is_flag=True, help="Shorter rounds: to see that all works, not to quote.")
@click.option("--only", multiple=True, type=click.Choice(NAMES), help="Only this benchmark; may be given several times.")
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(3), help="How often each benchmark is made.")
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write the report there as JSON, too.")
@click.option(
    "--directory",
    default="data",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="On the disk to be measured. What is made there is removed.",
)
@click.option("--list", "listing", is_flag=True, help="Say what each benchmark is, and end.")
@click.pass_context
def main(
    context: click.Context, quick: bool, only: tuple[str, ...], rounds: int, file: Path | None, directory: Path, listing: bool
) -> None:
    """Measure Stepwell beside its floors: each benchmark in turn, several rounds, medians and ranges."""
    if context.invoked_subcommand:
        return
    if listing:
        click.echo(report.table(("benchmark", "what it measures"), [(one.name, one.description) for one in suite.BENCHMARKS], left=2))
        return
    chosen = [benchmark for benchmark in suite.BENCHMARKS if not only or benchmark.name in only]
    if any(benchmark.drives for benchmark in chosen) and shutil.which("wrk") is None:
        raise click.ClickException(wrk.HOW_TO_GET_IT)
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="benchmarks-", dir=directory) as place:
        known = facts(Path(place)) | {"rounds": f"{rounds}{' (quick: do not quote)' if quick else ''}"}
        collection = suite.run(
            chosen, suite.QUICK if quick else suite.Scale(), rounds, Path(place), lambda line: click.echo(line, err=True)
        )
    parts = (known, collection.rows(), suite.ratios(collection), SEEDS)
    click.echo(report.text(*parts))
    if file is not None:
        file.write_text(json.dumps(report.document(*parts), indent=2) + "\n")


@main.command()
@click.option("--executions", default=2_000, show_default=True, type=click.IntRange(1))
@click.option("--store", help="Where the profiled engine keeps its state: a fresh strict file if not given.")
@click.option("--top", default=25, show_default=True, type=click.IntRange(1), help="How many functions to list.")
def profile(executions: int, store: str | None, top: int) -> None:
    """Where the engine's thread spends its time on executions of three tasks."""
    click.echo(profile_engine(executions, store, top))


if __name__ == "__main__":
    sys.exit(main())
