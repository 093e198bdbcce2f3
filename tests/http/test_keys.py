"""A key's life: made, shown once, used, seen to be used, revoked; and what of it is on the disk."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import requests

from storage.protocol import StoreLocked
from tests.http.client import Client, Loaded, eventually, job, loaded, problem, task
from tests.http.conftest import Serve
from workflows.api.schemas.audit import AuditSchema
from workflows.api.schemas.keys import KeysSchema, NewKeySchema
from workflows.errors import Conflict, Invalid, NotFound
from workflows.offline import add_key, list_keys, revoke_key
from workflows.roles import Role


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def made(api: Client, name: str = "mine", role: str = "viewer") -> Loaded:
    return loaded(api.post("/keys", {"name": name, "role": role}), NewKeySchema(), 201)


def listed(api: Client, **more: Any) -> list[Loaded]:
    return list(loaded(api.get("/keys", **more), KeysSchema())["keys"])


def revoke(api: Client, id: str, **more: Any) -> requests.Response:
    return requests.delete(f"{api.url}/keys/{id}", timeout=30, **more)


def test_a_key_is_shown_once_and_only_its_hash_is_stored(serve: Serve, tmp_path: Path) -> None:
    with serve() as (api, _):
        key = made(api)
        prefix, id, secret = key["secret"].split("_", 2)
        assert (prefix, id) == ("sw", key["key"]["id"])
        assert len(secret) >= 43
        assert key["secret"] not in api.get("/keys").text
        assert key["secret"] not in api.get("/audit").text
    raw = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert secret.encode() not in raw
    assert hashlib.sha256(secret.encode()).hexdigest().encode() in raw


def test_a_revoked_key_is_refused_at_once_and_stays_in_the_list(api: Client) -> None:
    key = made(api, "short-lived", "operator")
    id, headers = key["key"]["id"], bearer(key["secret"])
    assert api.get("/", headers=headers).status_code == 200
    for _ in range(2):
        assert revoke(api, id).status_code == 200
        problem(api.get("/", headers=headers), 401)
    [found] = [one for one in listed(api) if one["id"] == id]
    assert (found["name"], found["role"], found["revoked"] is not None) == ("short-lived", Role.OPERATOR, True)
    problem(revoke(api, "nobody"), 404, "nobody")


def test_keys_differ_and_each_has_its_own_role(api: Client) -> None:
    keys = [made(api, role.label, role.label) for role in Role]
    assert len({key["secret"] for key in keys}) == len({key["key"]["id"] for key in keys}) == 3
    assert [api.get("/audit", headers=bearer(key["secret"])).status_code for key in keys] == [403, 403, 200]
    first, last = keys[0]["secret"], keys[2]["secret"]
    for forged in (f"sw_{keys[2]['key']['id']}_{first.split('_', 2)[2]}", last[:-1], f"{last}x", last.upper(), last.replace("sw_", "sv_")):
        problem(api.get("/audit", headers=bearer(forged)), 401)


def test_its_last_use_is_shown(serve: Serve) -> None:
    with serve() as (api, _):
        key = made(api)

        def seen() -> Loaded | None:
            [found] = listed(api)
            return found if found["used"] is not None else None

        assert listed(api)[0]["used"] is None
        api.get("/", headers=bearer(key["secret"]))
        found = eventually(seen, "its use in the list")
        assert (found["used"] >= found["created"], found["address"]) == (True, "127.0.0.1")
        assert [one["action"] for one in records(api)] == ["add key"], "coming in is no change"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"name": "x", "role": "root"}, ["role"]),
        ({"name": "x"}, ["role"]),
        ({"role": "viewer"}, ["name"]),
        ({"name": " x", "role": "viewer"}, ["outer spaces"]),
        ({"name": "x\ny", "role": "viewer"}, ["line breaks"]),
        ({"name": "x" * 101, "role": "viewer"}, ["100 characters"]),
        ({"name": "x", "role": "viewer", "rights": 1}, []),
    ],
)
def test_a_key_that_cannot_be(api: Client, body: dict[str, Any], words: list[str]) -> None:
    assert problem(api.post("/keys", body), 422)["problems"]
    problem(api.post("/keys", body), 422, *(word for word in words if " " in word))


# ------------------------------------------------------------------------------------------------------------------- the audit log


def records(api: Client, query: str = "", **more: Any) -> list[Loaded]:
    """Without what the definition files came to."""
    page = loaded(api.get(f"/audit?limit=200{query}", **more), AuditSchema())
    return [one for one in page["items"] if one["who"] != "startup"]


def test_the_audit_log_says_who_did_what_and_from_where(serve: Serve) -> None:
    with serve() as (api, _):
        key = made(api, "Ada", "admin")
        headers = bearer(key["secret"]) | {"Content-Type": "application/json", "X-Request-ID": "request-7"}
        definition = job(task("a", "sleep", parameters={"seconds": 600}))
        assert api.post("/job-definitions", definition, headers=headers).status_code == 201
        assert api.post("/job-definitions", definition, headers=headers).status_code == 201, "the same again is no change"
        started = api.post(f"/jobs/{definition['id']}/execute", {"password": "sesame"}, headers=headers).json()["executionID"]
        assert api.post(f"/jobs/{started}/cancel").status_code == 200
        assert api.post(f"/jobs/{started}/cancel").status_code == 200
        revoke(api, key["key"]["id"])
        found = [(one["who"], one["action"], one["target"], one["details"]) for one in records(api)]
        id = key["key"]["id"]
        assert found == [
            ("loopback", "revoke key", id, {}),
            ("loopback", "cancel", started, {}),
            (id, "execute", started, {"definition": definition["id"], "revision": 1}),
            (id, "register", definition["id"], {"revision": 1}),
            ("loopback", "add key", id, {"name": "Ada", "role": "admin"}),
        ]
        [execute] = [one for one in records(api, "&who=Ada") if one["action"] == "execute"]
        assert (execute["name"], execute["address"], execute["request"]) == ("Ada", "127.0.0.1", "request-7")
        assert "sesame" not in api.get("/audit").text


def test_what_is_done_in_bulk_and_deletions_are_told_of_one_by_one(serve: Serve) -> None:
    with serve() as (api, _):
        name = api.register(job(task("a", "sleep", parameters={"seconds": 600}), labels={"team": "tea"}))
        started = [api.execute(name) for _ in range(3)]
        asked = {"filter": {"job": name, "labels": {"team": "tea"}}}
        for preview in (True, False):
            assert api.post("/executions/cancel", asked | {"preview": preview}).json()["matched"] == 3
        assert requests.delete(f"{api.url}/job-definitions/{name}", timeout=30).ok
        found = [one for one in records(api) if one["action"] in ("cancel", "delete")]
        assert (found[0]["action"], found[0]["target"]) == ("delete", name)
        assert {one["target"] for one in found[1:]} == set(started)
        assert all(one["details"] == asked for one in found[1:])


def test_definition_files_are_registered_by_startup(serve: Serve) -> None:
    with serve() as (api, _):
        actions = {(one["action"], one["who"]) for one in loaded(api.get("/audit"), AuditSchema())["items"]}
        count = len(loaded(api.get("/audit"), AuditSchema())["items"])
    assert actions == {("register", "startup")}
    with serve() as (api, _):
        assert len(loaded(api.get("/audit"), AuditSchema())["items"]) == count, "unchanged files are no change"


def test_pages_of_the_audit_log(serve: Serve) -> None:
    with serve() as (api, _):
        for n in range(5):
            made(api, f"key-{n}")
        found: list[Loaded] = []
        query = "?limit=2&who=loopback"
        while True:
            page = loaded(api.get(f"/audit{query}"), AuditSchema())
            found += page["items"]
            if page["next"] is None:
                break
            query = f"?limit=2&who=loopback&cursor={page['next']}"
        assert [one["details"]["name"] for one in found] == [f"key-{n}" for n in (4, 3, 2, 1, 0)]
        moment = found[2]["at"]
        assert len(records(api, f"&since={iso(moment)}")) + len(records(api, f"&until={iso(moment)}")) == 5
        problem(api.get("/audit?cursor=nonsense"), 422, "cursor")
        problem(api.get("/audit?since=yesterday"), 422, "moment")


def iso(moment: float) -> str:
    from workflows.core.dataflow import rfc3339

    return rfc3339(moment)


# ------------------------------------------------------------------------------------------------------------ without a server


def test_the_first_key_is_made_while_no_server_runs(serve: Serve, tmp_path: Path) -> None:
    store = str(tmp_path / "Data.fs")
    key = add_key(store, "first", "admin")
    second = add_key(store, "second", "viewer")
    revoke_key(store, second.key.id)
    revoke_key(store, second.key.id)
    assert [(one.name, one.role, one.revoked is None) for one in list_keys(store)] == [
        ("first", Role.ADMIN, True),
        ("second", Role.VIEWER, False),
    ]
    with serve(host="0.0.0.0") as (api, _):
        headers = bearer(key.secret)
        assert api.get("/audit", headers=headers).status_code == 200
        problem(api.get("/", headers=bearer(second.secret)), 401)
        found = [(one["who"], one["action"], one["target"]) for one in records(api, headers=headers)]
        assert found == [
            ("offline", "revoke key", second.key.id),
            ("offline", "add key", second.key.id),
            ("offline", "add key", key.key.id),
        ]
        with pytest.raises(StoreLocked):
            add_key(store, "third", "viewer")


def test_what_cannot_be_done_without_a_server(tmp_path: Path) -> None:
    store = str(tmp_path / "Data.fs")
    with pytest.raises(Invalid, match="there is no role 'root'"):
        add_key(store, "x", "root")
    with pytest.raises(NotFound):
        revoke_key(store, "nobody")
    with pytest.raises(Conflict, match="in memory"):
        add_key("memory:", "x", "admin")
