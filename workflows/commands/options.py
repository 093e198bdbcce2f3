"""The settings as options: one for each that may be a flag, made from the table, for every command that needs settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from workflows.commands.common import USAGE, Command, fail
from workflows.setting import Kind, Setting, SettingsError
from workflows.settings import TABLE

if TYPE_CHECKING:
    from workflows.configuration import Configuration
    from workflows.settings import Settings


def settings_options(*names: str) -> Callable[[Command], Command]:
    """Gives the command `config` and the settings of these names, or all; `configured` and `configuration` take them as they come."""

    def add(command: Command) -> Command:
        for one in reversed(TABLE.values()):
            if one.flag and (not names or one.name in names):
                command = _option(one, one.flag)(command)
        return click.option("--config", metavar="FILE", help="A TOML file of settings.  [default: stepwell.toml, if it is there]")(command)

    return add


def configuration(flags: Mapping[str, Any]) -> Configuration:
    """What the flags, variables and file come to. Raises SettingsError."""
    from workflows.configuration import read

    given = {name: value for name, value in flags.items() if name != "config" and value not in (None, ())}
    return read(given, flags["config"])


def configured(flags: Mapping[str, Any]) -> Configuration:
    """The same; ends the command where they cannot be."""
    try:
        return configuration(flags)
    except SettingsError as error:
        fail(error, USAGE)


def startable(flags: Mapping[str, Any]) -> Settings:
    """Those that a server can start with; ends the command where none can."""
    from workflows.configuration import ready

    try:
        return ready(configured(flags))
    except SettingsError as error:
        fail(error, USAGE)


def _option(one: Setting, flag: str) -> Callable[[Command], Command]:
    about = one.about.replace("`", "")
    if one.kind is Kind.SWITCH:
        return click.option(f"{flag}/--no-{flag[2:]}", one.name, default=None, help=about)
    default = (one.shown_default or one.shown(one.default)).replace("`", "")
    allowed = f"{one.allowed}; " if one.limits.high is not None else ""
    again = "; may be given again" if one.kind is Kind.LIST else ""
    return click.option(
        flag,
        one.name,
        type={Kind.WHOLE: click.INT, Kind.REAL: click.FLOAT}.get(one.kind, click.STRING),
        multiple=one.kind is Kind.LIST,
        metavar="|".join(one.limits.choices) or one.metavar or "N",
        help=f"{about}  [{allowed}default: {default}{again}]",
    )
