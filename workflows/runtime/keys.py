"""API keys as they are stored: who may come in, under what role; made, found, revoked.

A key is `sw_ID_SECRET`. Only the SHA-256 of its secret is kept: the secret is 256 random bits, so there is nothing to guess, and a slow
hash, which is for passwords that people think up, would only make each request slow. What is written here is written inside a batch, by
the engine's thread or by who has the store to themselves.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from storage.protocol import Key
from workflows.roles import Role
from workflows.runtime.ledger import Pending, Snapshot

PREFIX = "sw"
SECRET_BYTES = 32
ID_BYTES = 5
"""Ids are no secrets; they only must not meet."""

INDEX = "keys"

Read = Callable[[str, Key], Any]


@dataclass(frozen=True, slots=True)
class ApiKey:
    """Times are seconds since the epoch; None: never. `used` is exact to a minute, `address` where that came from."""

    id: str
    name: str
    role: Role
    created: float
    revoked: float | None = None
    used: float | None = None
    address: str = ""


@dataclass(frozen=True, slots=True)
class NewKey:
    """`secret` is the whole key, as clients send it. It is nowhere else, and cannot be shown again."""

    key: ApiKey
    secret: str


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def draw() -> tuple[str, str]:
    """A new id and secret."""
    return secrets.token_hex(ID_BYTES), secrets.token_urlsafe(SECRET_BYTES)


def add(pending: Pending, id: str, secret: str, name: str, role: Role, now: float) -> NewKey:
    pending.put("document", ("key", id), {"name": name, "role": role.label, "created": now, "digest": digest(secret)})
    pending.index(INDEX, (id,), True)
    return NewKey(ApiKey(id, name, role, now), f"{PREFIX}_{id}_{secret}")


def revoke(pending: Pending, read: Read, id: str, now: float) -> bool:
    """Whether that changed anything: no, if it was revoked already. What could be compared with a secret is removed. Raises LookupError."""
    data = read("document", ("key", id))
    if data is None:
        raise LookupError(id)
    if "revoked" in data:
        return False
    pending.put("document", ("key", id), {name: value for name, value in data.items() if name != "digest"} | {"revoked": now})
    return True


def note_use(pending: Pending, read: Read, id: str, address: str, now: float) -> None:
    """In a record of its own, so that it cannot undo what is done to the key meanwhile."""
    if read("document", ("key", id)) is not None:
        pending.put("document", ("key-use", id), {"at": now, "address": address})


def load(read: Read, id: str) -> ApiKey | None:
    data = read("document", ("key", id))
    if data is None:
        return None
    use = read("document", ("key-use", id)) or {}
    return ApiKey(id, data["name"], Role.named(data["role"]), data["created"], data.get("revoked"), use.get("at"), use.get("address", ""))


def every(snapshot: Snapshot) -> list[ApiKey]:
    """All there have been, the oldest first."""
    found = [load(snapshot.read, str(entry[0])) for entry in snapshot.walk(INDEX)]
    return sorted((key for key in found if key is not None), key=lambda key: (key.created, key.id))


def find(read: Read, token: str) -> ApiKey | None:
    """The key a client sent, unless it is unknown, wrong or revoked."""
    prefix, _, rest = token.partition("_")
    id, _, secret = rest.partition("_")
    data = read("document", ("key", id)) if prefix == PREFIX and secret else None
    expected = data.get("digest") if data is not None else None
    if expected is None or not hmac.compare_digest(expected, digest(secret)):
        return None
    return load(read, id)
