"""`doctor`: whether a server could start here and would do well, and what to do where not."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NoReturn

import click

from workflows.commands.common import FAILED, json_option
from workflows.commands.options import configuration, settings_options
from workflows.commands.output import as_json as print_json
from workflows.commands.output import coloured
from workflows.setting import SettingsError

if TYPE_CHECKING:
    from workflows.commands.checks import Check


@click.command()
@settings_options()
@json_option
def doctor(as_json: bool, **flags: Any) -> NoReturn:
    """Check this machine and the settings.

    One line for each thing, and what to do where something is wrong. Nothing is changed. Takes the options of `serve`.

    \b
    stepwell doctor
    stepwell doctor --store /var/lib/stepwell/Data.fs --json
    \b
    Exit codes: 0 a server can start (there may be warnings), 1 something is wrong, 2 wrong usage.
    """
    found = _checks(flags)
    if as_json:
        print_json({"checks": [asdict(check) for check in found]})
    else:
        for check in found:
            advice = f"; {check.advice}" if check.advice else ""
            click.echo(f"{coloured(check.status, f'{check.status:<4}')}  {check.name:<13}  {check.detail}{advice}")
    sys.exit(FAILED if any(check.status == "fail" for check in found) else 0)


def _checks(flags: dict[str, Any]) -> list[Check]:
    from workflows.commands.checks import CHECKS, Check, python

    found = list(python())
    try:
        configured = configuration(flags)
    except SettingsError as error:
        advice = "mend this first: nothing else is looked at"
        return [*found, *(Check("settings", "fail", problem, advice) for problem in error.problems)]
    where = f"; {configured.file} is read" if configured.file else ""
    changed = [given.setting.name for given in configured.given if given.origin != "default"]
    found.append(Check("settings", "ok", f"{', '.join(changed) or 'none'} differ from the defaults{where}"))
    return [*found, *(one for check in CHECKS for one in check(configured.settings))]
