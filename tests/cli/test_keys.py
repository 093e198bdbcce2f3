"""`keys` and `audit`: from a store without a server to a server that wants keys."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.cli.servers import JOBS, Process, serve, url_of
from tests.cli.terminal import stepwell
from workflows.client import Client

KEY = re.compile(r"sw_[0-9a-f]{10}_[\w-]{43}\n")


class Walled(NamedTuple):
    """A server that wants keys. `admin`: one that was made before it started."""

    url: str
    admin: str
    store: str


@pytest.fixture(scope="module")
def walled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walled]:
    directory = tmp_path_factory.mktemp("walled")
    store = str(directory / "Data.fs")
    made = stepwell("keys", "add", "first of all", "--role", "admin", "--store", store)
    assert made.exit_code == 0, made.output
    assert KEY.fullmatch(made.stdout)
    assert "for first of all, admin; it is not shown again" in made.stderr
    process: Process = serve(directory, "--require-keys")
    try:
        yield Walled(url_of(process), made.stdout.strip(), store)
    finally:
        process.kill()


def test_the_key_is_sent_and_needed(walled: Walled) -> None:
    result = stepwell("executions", server=walled.url)
    assert result.exit_code == 2
    assert "this server wants a key" in result.stderr
    assert "send the key that the variable STEPWELL_API_KEY holds" in result.stderr
    assert stepwell("executions", server=walled.url, STEPWELL_API_KEY=walled.admin).exit_code == 0
    wrong = stepwell("executions", server=walled.url, STEPWELL_API_KEY="sw_wrong")
    assert (wrong.exit_code, "is unknown, or has been revoked" in wrong.stderr) == (2, True)


def test_a_keys_life(walled: Walled) -> None:
    admin = {"server": walled.url, "STEPWELL_API_KEY": walled.admin}
    made = json.loads(stepwell("keys", "add", "board", "--role", "viewer", "--json", **admin).stdout)
    assert made.keys() == {"id", "name", "role", "key"}
    assert stepwell("definitions", "list", server=walled.url, STEPWELL_API_KEY=made["key"]).exit_code == 0
    Path(walled.store).with_name("job.json").write_text(json.dumps(JOBS[0]))
    for command in (("keys", "list"), ("audit",), ("run", "hello"), ("definitions", "push", str(Path(walled.store).with_name("job.json")))):
        result = stepwell(*command, server=walled.url, STEPWELL_API_KEY=made["key"])
        assert result.exit_code == 2, command
        assert "this needs the role" in result.stderr
    listed = stepwell("keys", "list", **admin)
    assert listed.stdout.split()[:4] == ["id", "name", "role", "made"]
    assert any(line.startswith(made["id"]) and "viewer" in line for line in listed.stdout.splitlines())
    assert made["key"] not in listed.output
    revoked = stepwell("keys", "revoke", made["id"], **admin)
    assert revoked.stdout == f"Key {made['id']!r} is revoked\n"
    assert stepwell("definitions", "list", server=walled.url, STEPWELL_API_KEY=made["key"]).exit_code == 2
    found = json.loads(stepwell("keys", "list", "--json", **admin).stdout)["keys"]
    assert {one["name"]: one["revokeTime"] is None for one in found} == {"first of all": True, "board": False}
    unknown = stepwell("keys", "revoke", "nobody", **admin)
    assert (unknown.exit_code, "no key has the id 'nobody'" in unknown.stderr) == (2, True)


def test_the_audit_log_is_listed(walled: Walled) -> None:
    variables = {"server": walled.url, "STEPWELL_API_KEY": walled.admin}
    execution_id = stepwell("run", "hello", **variables).stdout.strip()
    result = stepwell("audit", "--since", "1h", "--who", "first of all", **variables)
    assert result.exit_code == 0
    head, newest, *_ = result.stdout.splitlines()
    assert head.split() == ["time", "who", "from", "action", "target", "details"]
    assert "first of all (" in newest
    assert "execute" in newest
    assert execution_id in newest
    assert "127.0.0.1" in newest
    records = json.loads(stepwell("audit", "--all", "--json", **variables).stdout)["records"]
    assert [one["sequence"] for one in records] == list(range(len(records), 0, -1))
    assert (records[-1]["who"], records[-1]["action"]) == ("offline", "add key")
    assert len(json.loads(stepwell("audit", "--limit", "1", "--json", **variables).stdout)["records"]) == 1
    assert stepwell("audit", "--until", "1w", **variables).output == "there are none\n"


def test_a_store_that_a_server_has_open_is_left_alone(walled: Walled) -> None:
    for command in (("add", "x", "--role", "viewer"), ("list",), ("revoke", "x")):
        result = stepwell("keys", *command, "--store", walled.store)
        assert result.exit_code == 4
        assert "a server that has it open is asked without --store" in result.stderr


def test_keys_of_a_store_without_a_server(tmp_path: Path) -> None:
    store = ("--store", str(tmp_path / "data" / "Data.fs"))
    assert stepwell("keys", "list", *store).output == "there are none\n"
    made = json.loads(stepwell("keys", "add", "me", "--role", "operator", "--json", *store).stdout)
    assert KEY.fullmatch(made["key"] + "\n")
    assert "operator" in stepwell("keys", "list", *store).stdout
    assert json.loads(stepwell("keys", "revoke", made["id"], "--json", *store).stdout) == {"id": made["id"]}
    [found] = json.loads(stepwell("keys", "list", "--json", *store).stdout)["keys"]
    assert found.keys() == {"id", "name", "role", "createTime", "lastUseTime", "lastUseAddress", "revokeTime"}
    assert found["revokeTime"].endswith("Z")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("add", "me"), 2, "Missing option '--role'"),
        (("add", "me", "--role", "king"), 2, "'king' is not one of"),
        (("add", "\n", "--role", "admin", "--store", "Data.fs"), 2, "a key has a name of 1 to 100 characters"),
        (("revoke", "nobody", "--store", "Data.fs"), 2, "no key has the id 'nobody'"),
        (("add", "me", "--role", "admin", "--store", "memory:"), 1, "a store in memory is gone"),
        (("list", "--store", "oracle://x"), 4, "oracle"),
        (("list", "--server", "http://127.0.0.1:1"), 4, "cannot reach"),
    ],
)
def test_what_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: int, said: str) -> None:
    monkeypatch.chdir(tmp_path)
    result = stepwell("keys", *arguments)
    assert (result.exit_code, said in result.stderr) == (code, True), result.output


def test_forms_of_both_ways_are_the_same(walled: Walled, tmp_path: Path) -> None:
    stepwell("keys", "add", "me", "--role", "admin", "--store", str(tmp_path / "Data.fs"))
    [stored] = json.loads(stepwell("keys", "list", "--json", "--store", str(tmp_path / "Data.fs")).stdout)["keys"]
    asked = Client(walled.url, api_key=walled.admin).api_keys()[0]
    assert stored.keys() == asked.keys()
    assert len(stored["createTime"]) == len(asked["createTime"])
