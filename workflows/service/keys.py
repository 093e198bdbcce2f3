"""Who may come in: keys made, listed and revoked, and the actor behind the key that a client sends.

Keys in the store are looked up there at each request, so that a revoked one is refused at once, whoever revoked it. Those of the settings
are few, and are hashed when the server starts. Must not know how a key is sent.
"""

from __future__ import annotations

import hmac
import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from workflows.errors import Busy, Invalid, NotFound, Problem, Unavailable
from workflows.roles import NAME_CHARACTERS, Role
from workflows.runtime import keys
from workflows.runtime.audit import Act
from workflows.runtime.engine import Engine
from workflows.runtime.keys import ApiKey, NewKey
from workflows.runtime.ledger import Ledger, Pending
from workflows.runtime.requests import Write
from workflows.service.asking import ask

log = logging.getLogger(__name__)

USE_S = 60.0
"""The last use of a key is written at most this often."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks, and what they may. `id` and `name` are for the audit log."""

    id: str
    name: str
    role: Role


class Keys:
    """`clock`: seconds since the epoch."""

    def __init__(self, ledger: Ledger, engine: Engine, clock: Callable[[], float] = time.time) -> None:
        self._ledger = ledger
        self._engine = engine
        self._clock = clock
        self._configured: tuple[tuple[str, Actor], ...] = ()
        self._noted: dict[str, float] = {}
        self._noting = threading.Lock()

    def configure(self, pairs: Iterable[tuple[Role, str]]) -> None:
        """Take the keys of the settings. They are told apart by their places among them."""
        self._configured = tuple(
            (keys.digest(key), Actor(f"settings-{number}", f"key {number} of the settings", role))
            for number, (role, key) in enumerate(pairs, 1)
        )

    def any(self) -> bool:
        """Whether there is a key that opens anything."""
        return bool(self._configured) or any(key.revoked is None for key in self.list())

    def actor(self, token: str, address: str = "") -> Actor | None:
        """Who sends this key; None for one that is unknown or revoked. Notes its use, from that address, without waiting for the store."""
        sent, found = keys.digest(token), None
        for digest, actor in self._configured:
            if hmac.compare_digest(digest, sent):
                found = actor
        if found is not None:
            return found
        with self._ledger.snapshot() as snapshot:
            key = keys.find(snapshot.read, token)
        if key is None:
            return None
        self._note(key, address)
        return Actor(key.id, key.name, key.role)

    def add(self, name: str, role: str) -> NewKey:
        """Make a key. The answer is the only place where all of it ever stands. Raises Invalid."""
        wanted = checked(name, role)
        id, secret = keys.draw()

        def write(pending: Pending, _read: keys.Read, now: float) -> NewKey:
            return keys.add(pending, id, secret, name, wanted, now)

        made: NewKey = ask(self._engine, Write(write, lambda _: Act("add key", id, {"name": name, "role": role})))
        return made

    def list(self) -> list[ApiKey]:
        """All there have been, the oldest first. Those of the settings are not among them."""
        with self._ledger.snapshot() as snapshot:
            return keys.every(snapshot)

    def revoke(self, id: str) -> None:
        """From the answer on, nobody comes in with it. One that is revoked already is left so. Raises NotFound."""

        def write(pending: Pending, read: keys.Read, now: float) -> bool:
            return keys.revoke(pending, read, id, now)

        try:
            ask(self._engine, Write(write, lambda changed: Act("revoke key", id) if changed else None))
        except LookupError:
            raise NotFound(f"no key has the id {id!r}") from None

    def _note(self, key: ApiKey, address: str) -> None:
        now = self._clock()
        with self._noting:
            last = self._noted.get(key.id, key.used)
            if last is not None and 0 <= now - last < USE_S:
                return
            self._noted[key.id] = now

        def write(pending: Pending, read: keys.Read, at: float) -> None:
            keys.note_use(pending, read, key.id, address, at)

        try:
            self._engine.inbox.ask(Write(write, _no_change))
        except (Busy, Unavailable) as error:  # no reason to turn anybody away
            log.debug("the use of the key %s is not noted: %s", key.id, error)


def checked(name: str, role: str) -> Role:
    """Raises Invalid."""
    problems = []
    if not 1 <= len(name) <= NAME_CHARACTERS or not name.isprintable() or name != name.strip():
        problems.append(Problem("/name", f"a key has a name of 1 to {NAME_CHARACTERS} characters, without line breaks or outer spaces"))
    try:
        found = Role.named(role)
    except ValueError as error:
        problems.append(Problem("/role", str(error)))
    if problems:
        raise Invalid(problems)
    return found


def _no_change(_: Any) -> None:
    """Coming in is no change: nothing for the audit log."""
