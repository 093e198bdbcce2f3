"""The keys of a store that no server has open: how the first one gets in. A server that runs is asked over HTTP instead.

Owns the opening and closing of the store around one change or look. Every change is in the audit log, as done by "offline" and the name of
the user of this machine.
"""

from __future__ import annotations

import getpass
import time
from collections.abc import Iterator
from contextlib import contextmanager

from storage.uri import resolve
from workflows.errors import Conflict, NotFound
from workflows.runtime import keys
from workflows.runtime.audit import Act, Origin
from workflows.runtime.keys import ApiKey, NewKey
from workflows.runtime.ledger import Ledger, Pending
from workflows.runtime.offline import change
from workflows.service.keys import checked


def add_key(store: str, name: str, role: str) -> NewKey:
    """Make a key in the store of that URI, which is created if there is none. The answer is the only place where all of it ever stands.
    Raises Invalid, Conflict for a store in memory, storage.StoreLocked while a server has the store open, StoreError."""
    wanted = checked(name, role)
    id, secret = keys.draw()

    def write(pending: Pending, _read: keys.Read, now: float) -> NewKey:
        return keys.add(pending, id, secret, name, wanted, now)

    with _opened(store) as ledger:
        return change(ledger, write, _origin(), Act("add key", id, {"name": name, "role": role}), time.time())


def revoke_key(store: str, id: str) -> None:
    """Raises NotFound, and as `add_key` does."""

    def write(pending: Pending, read: keys.Read, now: float) -> bool:
        return keys.revoke(pending, read, id, now)

    with _opened(store) as ledger:
        try:
            change(ledger, write, _origin(), Act("revoke key", id), time.time())
        except LookupError:
            raise NotFound(f"no key has the id {id!r}") from None


def list_keys(store: str) -> list[ApiKey]:
    """All there have been, the oldest first. Raises as `add_key` does."""
    with _opened(store) as ledger, ledger.snapshot() as snapshot:
        return keys.every(snapshot)


@contextmanager
def _opened(uri: str) -> Iterator[Ledger]:
    if uri.lower().startswith("memory:"):
        raise Conflict("a store in memory is gone when its server ends, and its keys with it: name them with STEPWELL_API_KEYS")
    store = resolve(uri)
    store.open()
    try:
        yield Ledger(store)
    finally:
        store.close()


def _origin() -> Origin:
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a process whose user has no name
        user = ""
    return Origin("offline", user)
