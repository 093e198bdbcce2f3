"""What the commands share: exit codes, the options that many have, the client whose errors end a command, and reading what is given."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from workflows.commands.complete import executions, schedules

if TYPE_CHECKING:
    from workflows.client import Client, ClientError

COMPLETED, FAILED, USAGE, CANCELLED, UNREACHABLE, UNDER_WAY = 0, 1, 2, 3, 4, 5

EXIT_CODES = "Exit codes: 0 completed, 1 failed, 2 wrong usage, 3 cancelled, 4 no server reached."

_KEYLESS = (
    "these commands send the key that the variable STEPWELL_API_KEY holds; the first is made where the store is, while no server has it "
    "open: stepwell keys add NAME --role admin --store URI"
)

Command = TypeVar("Command", bound=Callable[..., Any])


def server_option(command: Command) -> Command:
    """Gives the command `server`: a URL, or None for the default."""
    text = "The server.  [default: $STEPWELL_URL or http://127.0.0.1:8080]"
    return click.option("--server", metavar="URL", envvar="STEPWELL_URL", help=text)(command)


def id_argument(command: Command) -> Command:
    """Gives the command `execution_id`."""
    return click.argument("execution_id", metavar="ID", shell_complete=executions)(command)


def schedule_argument(command: Command) -> Command:
    """Gives the command `schedule_id`."""
    return click.argument("schedule_id", metavar="ID", shell_complete=schedules)(command)


def json_option(command: Command) -> Command:
    """Gives the command `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def fail(error: object, code: int) -> NoReturn:
    """End with a line for each thing that is wrong."""
    for line in str(error).splitlines():
        click.echo(f"stepwell: {line}", err=True)
    sys.exit(code)


def confirmed(question: str, yes: bool = False) -> None:
    """Ask, unless `yes`; without a yes the command ends."""
    try:
        if yes or click.confirm(question, err=True):
            return
    except click.Abort:
        fail("nothing was changed; say --yes where nobody can answer", USAGE)
    fail("nothing was changed", USAGE)


@contextmanager
def client_of(server: str | None) -> Iterator[Client]:
    """A client whose errors end the command, as `ending` says."""
    from workflows.client import DEFAULT_URL, Client

    client = Client(server or DEFAULT_URL)
    try:
        with ending():
            yield client
    finally:
        client.close()


@contextmanager
def ending(file: str = "") -> Iterator[None]:
    """A client's errors within end the command, with the exit code that says which kind; under --json they are JSON, too. `file`: where
    what is sent was read from."""
    from workflows.client import CannotReach, ClientError

    try:
        yield
    except CannotReach as error:
        _as_json(None, str(error))
        fail(error, UNREACHABLE)
    except ClientError as error:
        _as_json(error.status, error.detail or error.title, error.findings)
        sys.exit(refused(error, file))


def _as_json(status: int | None, detail: str, problems: Sequence[Any] = ()) -> None:
    """On standard output, where the command was asked for JSON; what people read is on the other."""
    context = click.get_current_context(silent=True)
    if context is not None and context.params.get("as_json"):
        click.echo(json.dumps({"error": {"status": status, "detail": detail, "problems": list(problems)}}, ensure_ascii=False))


def refused(error: ClientError, file: str = "", about: str = "") -> int:
    """Print why the server refused; the exit code that says so. `about`: what it was about, where there are several."""
    from workflows.commands.output import finding

    code = FAILED if error.status == 409 else UNREACHABLE if error.status >= 500 else USAGE
    prefix = f"stepwell: {about}: " if about else "stepwell: "
    for one in error.findings:
        click.echo(finding(one, file), err=True)
    if error.findings and error.status != 409:
        click.echo(f"{prefix}refused for {len(error.findings)} problem{'s' if len(error.findings) > 1 else ''}", err=True)
    else:
        for line in (error.detail or error.title).splitlines():
            click.echo(f"{prefix}{line}", err=True)
    if any(str(one["message"]).startswith("there is no function") for one in error.findings):
        _advise("the server reads its functions when it starts: if the function is new, restart it")
    if error.status == 401:
        _advise(_KEYLESS)
    return code


def _advise(text: str) -> None:
    """Once in a command, whatever it is about."""
    context = click.get_current_context(silent=True)
    if context is None or text not in context.meta:
        click.echo(f"stepwell: {text}", err=True)
        if context is not None:
            context.meta[text] = True


def payload(text: str) -> bytes:
    """What `--input` says: the text itself, or what is in the file behind `@`; of `@-`, standard input."""
    if not text.startswith("@"):
        return text.encode()
    return sys.stdin.buffer.read() if text == "@-" else existing(text[1:]).read_bytes()


def existing(name: str) -> Path:
    path = Path(name)
    if not path.is_file():
        fail(f"there is no file {name}", USAGE)
    return path
