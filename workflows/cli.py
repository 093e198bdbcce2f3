"""The `stepwell` command. Translates flags to settings and requests, answers to lines and exit codes; decides nothing.

Each command imports what it needs when it runs: a client command starts neither Flask nor ZODB.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from workflows.setting import Kind, Setting, SettingsError
from workflows.settings import TABLE

if TYPE_CHECKING:
    from workflows.client import Client

Command = TypeVar("Command", bound=Callable[..., Any])

COMPLETED, FAILED, USAGE, CANCELLED, UNREACHABLE = 0, 1, 2, 3, 4
OUTCOMES = {"COMPLETED": COMPLETED, "FAILED": FAILED, "CANCELLED": CANCELLED}

EXIT_CODES = "Exit codes: 0 completed, 1 failed, 2 wrong usage, 3 cancelled, 4 no server reached."


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="stepwell", prog_name="stepwell")
def main() -> None:
    """Run workflows that survive a crash: start a server, run jobs on it, watch them.

    \b
    stepwell serve                                        start a server on http://127.0.0.1:8080
    stepwell run hello --input '{"name": "you"}' --watch  run a job on it
    """


# ---------------------------------------------------------------------------------------------------------------------- server


def _flags(command: Command) -> Command:
    """One option for each setting that may be a flag."""
    for one in reversed(TABLE.values()):
        if one.flag:
            command = _flag(one)(command)
    return command


def _flag(one: Setting) -> Callable[[Command], Command]:
    plain = one.about.replace("`", "")
    if one.kind is Kind.SWITCH:
        return click.option(f"{one.flag}/--no-{one.flag[2:]}" if one.flag else "", one.name, default=None, help=plain)
    more = "; may be given again" if one.kind is Kind.LIST else ""
    shown = (one.shown_default or one.shown(one.default)).replace("`", "")
    return click.option(
        str(one.flag),
        one.name,
        type={Kind.WHOLE: click.INT, Kind.REAL: click.FLOAT}.get(one.kind, click.STRING),
        multiple=one.kind is Kind.LIST,
        metavar="|".join(one.limits.choices) or one.metavar or "N",
        help=f"{plain}  [{one.described + '; ' if one.limits.high else ''}default: {shown}{more}]",
    )


@main.command()
@click.option("--config", metavar="FILE", help="A TOML file of settings.  [default: stepwell.toml, if it is there]")
@_flags
def serve(config: str | None, **flags: Any) -> NoReturn:
    """Start a server. It runs until Ctrl-C or SIGTERM, gives running attempts a grace period, and goes on where it stood next time.

    Each option can be set as a variable, too, STEPWELL_PORT for --port, and as port in stepwell.toml. An option wins over its variable, and
    that over the file.

    \b
    stepwell serve --port 9000 --store /var/lib/stepwell/Data.fs --functions ./functions
    \b
    Exit codes: 0 stopped as asked, 1 the address is taken, 2 wrong usage, 3 the server died, 4 the store cannot be opened.
    """
    from workflows.configuration import read

    try:
        settings = read({name: value for name, value in flags.items() if value not in (None, ())}, config).settings
    except SettingsError as error:
        _fail(error, USAGE)

    from workflows.serve import CannotListen
    from workflows.serve import serve as serve_until_stopped

    try:
        serve_until_stopped(settings)
    except CannotListen as error:
        _fail(error, FAILED)


# ---------------------------------------------------------------------------------------------------------------------- client

_server = click.option(
    "--server", metavar="URL", envvar="STEPWELL_URL", help="The server.  [default: $STEPWELL_URL or http://127.0.0.1:8080]"
)
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@main.command(epilog=EXIT_CODES)
@click.argument("job")
@click.option("--input", "payload", metavar="JSON|@FILE", default="{}", help="The input, or @ and the file that holds it.  [default: {}]")
@click.option("--watch", is_flag=True, help="Print what happens until it ends. Without it: print the execution's id and leave.")
@_server
@_as_json
def run(job: str, payload: str, watch: bool, server: str | None, as_json: bool) -> NoReturn:
    """Execute JOB: the id of a definition, or the path of a .json file, which is registered first.

    \b
    stepwell run hello --input '{"name": "you"}' --watch
    stepwell run ./nightly.json --input @big.json
    """
    with _client(server) as client:
        body = _payload(payload)
        if job.endswith(".json"):
            registered = client.register(_existing(job))
            for warning in registered["warnings"]:
                click.echo(f"warning: {warning['pointer']}: {warning['message']}", err=True)
            job = registered["id"]
        execution_id = client.execute(job, body)
        if not watch:
            click.echo(json.dumps({"executionID": execution_id}) if as_json else execution_id)
            sys.exit(COMPLETED)
        sys.exit(_watch(client, execution_id, as_json))


@main.command(epilog=EXIT_CODES)
@click.argument("execution_id")
@click.option("--watch", is_flag=True, help="Print what happens until it ends.")
@_server
@_as_json
def state(execution_id: str, watch: bool, server: str | None, as_json: bool) -> None:
    """Print how an execution stands. The exit code is 0 whatever that is; with --watch it is the outcome.

    \b
    stepwell state exec-0-12-5d0c4e11 --watch
    """
    with _client(server) as client:
        if watch:
            sys.exit(_watch(client, execution_id, as_json))
        answer = client.state(execution_id)
        if as_json:
            click.echo(json.dumps(answer, indent=2))
            return
        from workflows.client import changes

        for change in changes({"status": None, "tasks": []}, answer):
            click.echo(str(change))


@main.command(epilog=EXIT_CODES)
@click.argument("execution_id")
@_server
@_as_json
def cancel(execution_id: str, server: str | None, as_json: bool) -> None:
    """Cancel an execution. Refused (exit code 1) if it has ended otherwise.

    \b
    stepwell cancel exec-0-12-5d0c4e11
    """
    with _client(server) as client:
        answer = client.cancel(execution_id)
        click.echo(json.dumps(answer) if as_json else answer["message"])


@main.command(epilog=EXIT_CODES)
@_server
@_as_json
def system(server: str | None, as_json: bool) -> None:
    """Print what the server is doing, and what an operator should know.

    \b
    stepwell system --server http://127.0.0.1:9000
    """
    with _client(server) as client:
        answer = client.system_state() | {"health": client.health()}
        if as_json:
            click.echo(json.dumps(answer, indent=2))
            return
        counts = [f"{answer[f'{name}Count']} {name}" for name in ("active", "queued")]
        counts += [
            f"{answer[f'{name}Jobs']} {text}"
            for name, text in (("executed", "completed"), ("failed", "failed"), ("cancelled", "cancelled"))
        ]
        click.echo(f"Stepwell {answer['version']} at {client.url}: {', '.join(counts)}")
        for trouble in answer["health"]["troubles"]:
            click.echo(f"trouble: {trouble}")


# ---------------------------------------------------------------------------------------------------------------------- common


@contextmanager
def _client(server: str | None) -> Iterator[Client]:
    """A client whose errors end the command: one line each, and the exit code that says which kind."""
    from workflows.client import DEFAULT_URL, CannotReach, Client, ClientError

    client = Client(server or DEFAULT_URL)
    try:
        yield client
    except CannotReach as error:
        _fail(error, UNREACHABLE)
    except ClientError as error:
        if error.problems:
            click.echo(f"stepwell: {error.detail or error.title}", err=True)
            for pointer, message in error.problems:
                click.echo(f"  {pointer or '/'}: {message}", err=True)
            sys.exit(USAGE)
        _fail(error, FAILED if error.status == 409 else UNREACHABLE if error.status >= 500 else USAGE)
    finally:
        client.close()


def _fail(error: object, code: int) -> NoReturn:
    for line in str(error).splitlines():
        click.echo(f"stepwell: {line}", err=True)
    sys.exit(code)


def _payload(text: str) -> bytes:
    if not text.startswith("@"):
        return text.encode()
    return sys.stdin.buffer.read() if text == "@-" else _existing(text[1:]).read_bytes()


def _existing(name: str) -> Path:
    path = Path(name)
    if not path.is_file():
        _fail(f"there is no file {name}", USAGE)
    return path


def _watch(client: Client, execution_id: str, as_json: bool) -> int:
    """Print the changes until the end; the exit code."""
    click.echo(json.dumps({"executionID": execution_id}) if as_json else execution_id)
    status = ""
    try:
        for change in client.watch(execution_id):
            status = change.status
            if as_json:
                click.echo(json.dumps(asdict(change)))
            else:
                click.echo(str(change))
            sys.stdout.flush()
    except KeyboardInterrupt:
        click.echo(f"\nstill running; to go on watching: stepwell state {execution_id} --watch", err=True)
        sys.exit(130)
    return OUTCOMES[status]


if __name__ == "__main__":
    main(prog_name="stepwell")
