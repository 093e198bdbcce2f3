"""`config`: the settings, and where each came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from workflows.commands.common import json_option
from workflows.commands.options import configured, settings_options
from workflows.commands.output import as_json as print_json
from workflows.commands.output import table

if TYPE_CHECKING:
    from workflows.configuration import Given


@click.command()
@settings_options()
@json_option
def config(as_json: bool, **flags: Any) -> None:
    """Print each setting, and where it came from.

    Its value (of a secret only whether there is one), the flag, variable or line of a file that says so, and what it means. Takes the
    options of `serve`, and checks them as it does.

    \b
    stepwell config --port 9000
    STEPWELL_MAX_JOBS=50 stepwell config --json
    \b
    Exit codes: 0 all is well, 2 a setting is wrong.
    """
    found = configured(flags)
    if as_json:
        print_json({"file": str(found.file) if found.file else None, "settings": [_data(given) for given in found.given]})
        return
    rows = [(one.setting.name, one.setting.shown(one.value), one.origin, one.setting.about.replace("`", "")) for one in found.given]
    table(("setting", "value", "from", "what it is"), rows)


def _data(given: Given) -> dict[str, Any]:
    one = given.setting
    return {
        "name": one.name,
        "value": one.plain(given.value),
        "from": given.origin,
        "default": one.plain(one.default),
        "flag": one.flag,
        "variable": one.variable,
        "allowed": one.allowed,
        "secret": one.secret,
        "description": one.about,
    }
