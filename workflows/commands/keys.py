"""`keys`: who may come in. Asks the server; with --store the store itself, while no server has it open: how the first key gets in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from workflows.commands.common import EXIT_CODES, FAILED, UNREACHABLE, USAGE, Command, client_of, fail, json_option, server_option
from workflows.commands.output import as_json as print_json
from workflows.commands.output import note, table
from workflows.commands.times import local

if TYPE_CHECKING:
    from workflows.runtime.keys import ApiKey

ROLES = ("viewer", "operator", "admin")


def store_option(command: Command) -> Command:
    """Gives the command `store`: a URI, or None for the server."""
    text = "Open this store instead of asking a server; no server may have it open."
    return click.option("--store", metavar="URI", help=text)(command)


@click.group()
def keys() -> None:
    """Make, list and revoke API keys.

    Clients send theirs as STEPWELL_API_KEY. The first one is made in the store, before the server starts; it is never shown again.

    \b
    stepwell keys add --role admin --store data/Data.fs me
    STEPWELL_API_KEY=sw_... stepwell keys add --role operator "build server"
    \b
    Exit codes: 0 done, 1 refused as things stand, 2 wrong usage, 4 no server or store reached.
    """


@keys.command(epilog=EXIT_CODES)
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), required=True, help="To look, also to operate executions, or everything.")
@store_option
@server_option
@json_option
def add(name: str, role: str, store: str | None, server: str | None, as_json: bool) -> None:
    """Make a key, and print it this once.

    \b
    stepwell keys add --role viewer dashboard
    stepwell keys add --role admin --store data/Data.fs me
    """
    if store is None:
        with client_of(server) as client:
            made = client.add_key(name, role)
    else:
        with _stored():
            from workflows.offline import add_key

            new = add_key(store, name, role)
            made = {"id": new.key.id, "name": new.key.name, "role": new.key.role.label, "key": new.secret}
    if as_json:
        click.echo(json.dumps(made, ensure_ascii=False))
        return
    note(f"key {made['id']} for {made['name']}, {made['role']}; it is not shown again:")
    click.echo(made["key"])


@keys.command("list", epilog=EXIT_CODES)
@store_option
@server_option
@json_option
def list_(store: str | None, server: str | None, as_json: bool) -> None:
    """List the keys, without their secrets.

    \b
    stepwell keys list
    """
    if store is None:
        with client_of(server) as client:
            found = client.api_keys()
    else:
        with _stored():
            from workflows.offline import list_keys

            found = [_as_answered(key) for key in list_keys(store)]
    if as_json:
        print_json({"keys": found})
    elif found:
        table(("id", "name", "role", "made", "last used", "from", "revoked"), map(_row, found))
    else:
        note("there are none")


@keys.command(epilog=EXIT_CODES)
@click.argument("key_id", metavar="ID")
@store_option
@server_option
@json_option
def revoke(key_id: str, store: str | None, server: str | None, as_json: bool) -> None:
    """Revoke a key, for good. From then on nobody comes in with it.

    \b
    stepwell keys revoke 9f86d08188
    """
    if store is None:
        with client_of(server) as client:
            client.revoke_key(key_id)
    else:
        with _stored():
            from workflows.offline import revoke_key

            revoke_key(store, key_id)
    click.echo(json.dumps({"id": key_id}) if as_json else f"Key {key_id!r} is revoked")


@contextmanager
def _stored() -> Iterator[None]:
    """What goes wrong with a store within ends the command."""
    from storage.protocol import StoreError, StoreLocked
    from workflows.errors import Conflict, Invalid, NotFound

    try:
        yield
    except StoreLocked as error:
        fail(f"{error}\na server that has it open is asked without --store", UNREACHABLE)
    except StoreError as error:
        fail(error, UNREACHABLE)
    except Conflict as error:
        fail(error, FAILED)
    except Invalid as error:
        fail("\n".join(problem.message for problem in error.problems), USAGE)
    except NotFound as error:
        fail(error, USAGE)


def _as_answered(key: ApiKey) -> dict[str, Any]:
    """In the form of a server's answer."""
    return {
        "id": key.id,
        "name": key.name,
        "role": key.role.label,
        "createTime": _written(key.created),
        "lastUseTime": _written(key.used),
        "lastUseAddress": key.address or None,
        "revokeTime": _written(key.revoked),
    }


def _written(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _row(key: dict[str, Any]) -> Iterator[str]:
    yield from (key["id"], key["name"], key["role"], local(key["createTime"]), local(key["lastUseTime"]))
    yield from (key["lastUseAddress"] or "", local(key["revokeTime"]))
