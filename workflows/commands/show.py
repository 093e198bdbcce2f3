"""`show`: one execution, as people look at it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from workflows.commands.common import EXIT_CODES, client_of, id_argument, json_option, server_option
from workflows.commands.output import as_json as print_json
from workflows.commands.output import coloured, excerpt, status_of, table
from workflows.commands.run import watched
from workflows.commands.times import clock, local, took

if TYPE_CHECKING:
    from workflows.client import Json

BAR = 24
"""Characters of a timeline, which is as long as the execution."""

EVENT_CHARACTERS = 120


@click.command(epilog=EXIT_CODES)
@id_argument
@click.option("--history", is_flag=True, help="Also list what happened, event by event.")
@click.option("--watch", is_flag=True, help="Wait for the end first, printing what happens; the exit code is the outcome.")
@server_option
@json_option
def show(execution_id: str, history: bool, watch: bool, server: str | None, as_json: bool) -> None:
    """Show an execution: how it stands, and its tasks.

    On a terminal with the time that each task took, as a bar. Times are local.

    \b
    stepwell show exec-0-12-5d0c4e11
    stepwell show exec-0-12-5d0c4e11 --history
    """
    with client_of(server) as client:
        code = watched(client, execution_id, as_json) if watch else 0
        state = client.state(execution_id)
        events = list(client.history(execution_id)) if history else []
    if as_json:
        whole = {**state, "history": events} if history else state
        click.echo(json.dumps(whole, ensure_ascii=False)) if watch else print_json(whole)
    else:
        if watch:
            click.echo()
        _print(state)
        if history:
            click.echo()
            table(("event", "time", "type", "what"), map(_event, events))
    sys.exit(code)


def _print(state: Json) -> None:
    click.echo(f"{state['id']}  {coloured(state['status'], status_of(state))}")
    for name, text in _header(state):
        click.echo(f"{name:<10} {text}")
    if not state["tasks"]:
        return
    click.echo()
    columns, rows = ["task", "status", "attempts", "took", "result or error"], [list(_task(task)) for task in state["tasks"]]
    if sys.stdout.isatty() and state["startTime"]:
        columns.insert(4, "timeline")
        for row, bar in zip(rows, bars(state), strict=True):
            row.insert(4, bar)
    table(columns, rows)


def _header(state: Json) -> Iterator[tuple[str, str]]:
    from workflows.client import describe_error

    yield "job", f"{state['definitionId']}, revision {state['revision']}"
    yield "submitted", local(state["submitTime"])
    if state["startTime"]:
        yield "took", took(state["startTime"], state["endTime"]) + ("" if state["endTime"] else " so far")
    if state["priority"]:
        yield "priority", str(state["priority"])
    if state["labels"]:
        yield "labels", ", ".join(f"{name}:{value}" for name, value in state["labels"].items())
    if state["redriveCount"]:
        yield "redriven", "once" if state["redriveCount"] == 1 else f"{state['redriveCount']} times"
    yield "input", _json(state["input"])
    if state["status"] == "COMPLETED":
        yield "output", _json(state["output"])
    if state["error"]:
        yield "error", excerpt(describe_error(state["error"]) or "", 300)


def _task(task: Json) -> Iterator[str]:
    from workflows.client import describe_error

    yield from (task["id"], task["status"], str(task["attempts"] or ""), took(task["startTime"], task["endTime"]))
    told = describe_error(task["error"]) if task["error"] else task["reason"]
    yield excerpt(told) if told else "" if task["result"] is None else _json(task["result"])


def bars(state: Json) -> Iterator[str]:
    """When each task ran, within the time of its execution; what took no time to speak of is as long as one character."""
    from workflows.client import moment

    times = [(moment(task["startTime"]), moment(task["endTime"])) for task in state["tasks"]]
    known = [at for pair in times for at in pair if at is not None] + [moment(state["startTime"]) or 0.0]
    first, last = min(known), max(*known, moment(state["endTime"]) or 0.0)
    scale = BAR / max(last - first, 0.001)
    for start, end in times:
        if start is None:
            yield "·" * BAR
            continue
        left = min(BAR - 1, int((start - first) * scale))
        right = max(left + 1, min(BAR, round(((last if end is None else end) - first) * scale)))
        yield "·" * left + "━" * (right - left) + "·" * (BAR - right)


def _event(event: Mapping[str, Any]) -> tuple[str, str, str, str]:
    details: Json = next((value for name, value in event.items() if name.endswith("EventDetails")), {})
    told = {name: value for name, value in details.items() if not name.endswith("Details")}
    what = "  ".join(f"{name}={value}" for name, value in told.items())
    return str(event["id"]), clock(event["timestamp"]), event["type"], excerpt(what, EVENT_CHARACTERS)


def _json(value: Any) -> str:
    return excerpt(json.dumps(value, ensure_ascii=False))
