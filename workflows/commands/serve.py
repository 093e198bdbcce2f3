"""`serve`: a server in the foreground."""

from __future__ import annotations

from typing import Any, NoReturn

import click

from workflows.commands.common import FAILED, fail
from workflows.commands.options import settings_options, startable


@click.command()
@settings_options()
def serve(**flags: Any) -> NoReturn:
    """Start a server. It runs until Ctrl-C or SIGTERM, gives running attempts a grace period, and goes on where it stood next time.

    Each option can be set as a variable, too, STEPWELL_PORT for --port, and as port in stepwell.toml. An option wins over its variable, and
    that over the file.

    \b
    stepwell serve --port 9000 --store /var/lib/stepwell/Data.fs --functions ./functions
    \b
    Exit codes: 0 stopped as asked, 1 the address is taken, 2 wrong usage, 3 the server died, 4 it cannot start: the store cannot be opened,
    keys are needed and there are none, or a file of keys cannot be read.
    """
    settings = startable(flags)

    from workflows.serve import CannotListen
    from workflows.serve import serve as serve_until_stopped

    try:
        serve_until_stopped(settings)
    except CannotListen as error:
        fail(error, FAILED)
