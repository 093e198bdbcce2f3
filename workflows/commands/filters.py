"""The options that say which executions are meant, for lists and for changes of many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from workflows.commands.common import Command
from workflows.commands.complete import jobs
from workflows.commands.times import instant

if TYPE_CHECKING:
    from workflows.client import Filter

STATUSES = ("QUEUED", "RUNNING", "COMPLETED", "FAILED", "CANCELLED")

OPTIONS = ("job", "status", "since", "until", "labels", "text", "paused")


def label(value: str) -> tuple[str, str]:
    """The type of an option that is KEY:VALUE."""
    key, colon, text = value.partition(":")
    if not key or not colon:
        raise click.BadParameter(f"{value!r} is no label; write it as KEY:VALUE")
    return key, text


def filter_options(command: Command) -> Command:
    """Gives the command OPTIONS; `wanted` takes them as they come."""
    for option in reversed(
        (
            click.option("--job", metavar="ID", shell_complete=jobs, help="Executions of this definition."),
            click.option("--status", type=click.Choice(STATUSES, case_sensitive=False), help="With this status."),
            click.option("--since", type=instant, metavar="TIME", help="Submitted then or later: 2h, 3d, 2026-11-21, or a whole time."),
            click.option("--until", type=instant, metavar="TIME", help="Submitted before."),
            click.option("--label", "labels", type=label, multiple=True, metavar="KEY:VALUE", help="With this label; may be given again."),
            click.option("--text", metavar="TEXT", help="With this text in input, output or error."),
            click.option("--paused/--not-paused", default=None, help="Paused, or not."),
        )
    ):
        command = option(command)
    return command


def given(options: Mapping[str, Any]) -> bool:
    """Whether there is any of OPTIONS."""
    return any(options[name] not in (None, ()) for name in OPTIONS)


def wanted(options: Mapping[str, Any]) -> Filter:
    from workflows.client import Filter

    return Filter(**{**{name: options[name] for name in OPTIONS}, "labels": dict(options["labels"])})
