"""What the shell is told when it asks for ids of jobs, executions and schedules, or names of calendars: those that the server knows. It is
asked for a moment only, and nothing is said where there is none: whoever presses the tab key is in the middle of a line."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from itertools import islice
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from workflows.client import Client

ANSWER_S = 1.0
LISTED = 200


def jobs(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids of definitions."""
    return _asked(ctx, incomplete, lambda client: ((one["id"], one["name"]) for one in client.definitions()))


def jobs_and_files(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids of definitions; where none begins so, files."""
    from click.shell_completion import CompletionItem

    return jobs(ctx, parameter, incomplete) or [CompletionItem(incomplete, type="file")]


def calendars(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of calendars."""
    return _asked(ctx, incomplete, lambda client: ((one["name"], f"{one['ranges']} ranges of days") for one in client.calendars()))


def executions(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids of the newest executions."""
    return _asked(
        ctx, incomplete, lambda client: ((one["id"], f"{one['definitionId']} {one['status']}") for one in client.executions(page=LISTED))
    )


def schedules(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids of schedules."""
    return _asked(ctx, incomplete, lambda client: ((one["id"], one["job"]) for one in client.schedules(page=LISTED)))


def _asked(ctx: click.Context, incomplete: str, ids: Callable[[Client], Iterable[tuple[str, str]]]) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    from workflows.client import DEFAULT_URL, CannotReach, Client, ClientError

    url = ctx.params.get("server") or os.environ.get("STEPWELL_URL") or DEFAULT_URL
    client = Client(url, patience=0, answer_s=ANSWER_S)
    try:
        found = list(islice(ids(client), LISTED))
    except (CannotReach, ClientError):
        return []
    finally:
        client.close()
    return [CompletionItem(id, help=about) for id, about in found if id.startswith(incomplete)]
