"""`logs`: what the attempts of an execution printed and logged."""

from __future__ import annotations

import difflib
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from workflows.commands.common import EXIT_CODES, USAGE, client_of, fail, id_argument, json_option, server_option
from workflows.commands.output import note
from workflows.commands.times import local

if TYPE_CHECKING:
    from workflows.client import Client, Json

POLL_S = 0.5


@click.command(epilog=EXIT_CODES)
@id_argument
@click.option("--task", metavar="TASK", help="Only of this task, or state.")
@click.option("--attempt", type=click.IntRange(1), metavar="N", help="Only of attempts with this number.")
@click.option("--follow", is_flag=True, help="Go on until the execution has ended.")
@server_option
@json_option
def logs(execution_id: str, task: str | None, attempt: int | None, follow: bool, server: str | None, as_json: bool) -> None:
    """Print what the attempts of an execution printed and logged.

    It is stored when an attempt ends; of each, the last 64 kB. With --json one object on each line.

    \b
    stepwell logs exec-0-12-5d0c4e11 --task charge
    stepwell logs exec-0-12-5d0c4e11 --follow
    """
    printed = False
    try:
        with client_of(server) as client:
            for one in _entries(client, execution_id, task, attempt, follow):
                click.echo(json.dumps(one, ensure_ascii=False) if as_json else _shown(one))
                sys.stdout.flush()
                printed = True
            if not printed and task is not None:
                _known(client, execution_id, task)
    except KeyboardInterrupt:
        sys.exit(130)
    if not printed and not as_json:
        note("nothing was printed or logged")


def _known(client: Client, execution_id: str, task: str) -> None:
    """End the command where the job has no such task."""
    from workflows.client import ClientError

    state = client.state(execution_id)
    names = {one["id"] for one in state["tasks"]}
    if task in names:
        return
    try:
        names |= set(_states(client.definition(state["definitionId"], state["revision"])["document"]))
    except ClientError as error:
        if error.status == 404:  # deleted, so nobody knows
            return
        raise
    if task not in names:
        near = difflib.get_close_matches(task, names, 1)
        fail(f"the execution {execution_id} has no task {task!r}" + (f"; did you mean {near[0]!r}?" if near else ""), USAGE)


def _states(document: Any) -> Iterator[str]:
    """The names of all states in a state machine, at whatever depth."""
    if isinstance(document, dict):
        if isinstance(document.get("States"), dict):
            yield from document["States"]
        for value in document.values():
            yield from _states(value)
    elif isinstance(document, list):
        for value in document:
            yield from _states(value)


def _entries(client: Client, execution_id: str, task: str | None, attempt: int | None, follow: bool) -> Iterator[Json]:
    """Each entry once, as soon as it is there: those that come later may belong before others, because attempts end in any order."""
    from workflows.client import ENDED

    seen: Counter[str] = Counter()
    while True:
        ended = not follow or client.state(execution_id)["status"] in ENDED
        found: Counter[str] = Counter()
        for one in client.logs(execution_id, task, attempt):
            text = json.dumps(one)
            found[text] += 1
            if found[text] > seen[text]:
                yield one
        if ended:
            return
        seen = found
        time.sleep(POLL_S)


def _shown(one: Json) -> str:
    cut = ", only the end of it" if one["truncated"] else ""
    heading = click.style(f"{one['taskId']}, attempt {one['attempt']}, {local(one['time'])}{cut}", bold=True)
    return "\n".join((heading, *(f"  {line}" for line in one["text"].splitlines())))
