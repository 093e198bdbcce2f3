"""Hooks: which there are, and requests from outside that start their jobs, each event once.

A request is believed by its signature alone. The execution's id is made of the hook and the event, so that an event that is sent again, at
the same time or years later, finds what it has started; what it says then is not looked at.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from workflows.errors import NotFound, Unavailable, Unsigned
from workflows.hooks import TOLERANCE_S, Hook, Standard, Unproven, event_of, execution_id, key_of, wanted
from workflows.language.text import check
from workflows.model import Definition
from workflows.runtime import hooks
from workflows.runtime.catalogue import Catalogue
from workflows.runtime.engine import Engine
from workflows.runtime.execution import header_of
from workflows.runtime.ledger import Ledger
from workflows.runtime.names import Accepted, find_number
from workflows.runtime.requests import Start
from workflows.runtime.secrets import SecretNotFound, Vault
from workflows.service.asking import ORIGIN, acting, ask
from workflows.service.inputs import Inputs
from workflows.service.paging import Page, cursor, place_of
from workflows.service.starting import VALUE_CHARACTERS, Begun

log = logging.getLogger(__name__)

HOOK, EVENT = "stepwell.hook", "stepwell.hookId"
"""Labels of executions that a hook has started."""


TOLD_S = 60.0
"""So long nothing more is said of the same trouble."""

LINE_CHARACTERS = 500
"""Of what is said of one."""


@dataclass(frozen=True, slots=True)
class Shown:
    """`signature`: how requests are signed."""

    name: str
    job: str
    signature: str


class Seldom:
    """Warns of troubles that anybody can make as often as they like, so that nobody fills the log: of each kind at most once in TOLD_S,
    with how many more there were. Those in between are of level debug. Any thread may tell. `clock`: seconds, may be set."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._told: dict[object, tuple[float, int]] = {}  # by kind: when, and how many since

    def tell(self, kind: object, text: str) -> None:
        with self._lock:
            now = self._clock()
            at, more = self._told.get(kind, (-math.inf, 0))
            quiet = 0 <= now - at < TOLD_S
            self._told[kind] = (at, more + 1) if quiet else (now, 0)
        since = f" ({more:,} more like it since the last line)" if more and not quiet else ""
        log.log(logging.DEBUG if quiet else logging.WARNING, "%s%s", text[:LINE_CHARACTERS], since)


class Hooks:
    """`vault` has the secrets that requests are signed with; they are read anew for each."""

    def __init__(
        self, ledger: Ledger, catalogue: Catalogue, engine: Engine, inputs: Inputs, vault: Vault, clock: Callable[[], float] = time.time
    ) -> None:
        self._ledger = ledger
        self._catalogue = catalogue
        self._engine = engine
        self._inputs = inputs
        self._vault = vault
        self._clock = clock
        self._seldom = Seldom(clock)

    def page(self, limit: int = 50, after: str | None = None) -> Page[Shown]:
        """By name; `after` is a cursor. Raises Invalid for a cursor that is not of this list."""
        place = place_of(after, "hooks", str)
        with self._ledger.snapshot() as snapshot:
            names = [str(key[0]) for key in snapshot.scan(hooks.INDEX, None if place is None else (place,), limit + 1)]
            read = snapshot.read
            found = [Shown(name, str(hooks.job_of(read, name)), hooks.signature_of(read, name)) for name in names[:limit]]
        return Page(tuple(found), cursor("hooks", names[limit - 1] if len(names) > limit else None))

    def receive(self, name: str, headers: Mapping[str, str], raw: bytes) -> Begun:
        """Start the hook's job, or find what the same event has started before. `headers`: by name in small letters; `raw`: the body as it
        came. Raises NotFound, Unsigned, NotJson, Invalid, Conflict, Busy, Unavailable."""
        definition, hook = self._hook(name)
        event = self._event(hook, headers, raw)
        text, id = check(raw), execution_id(name, event)
        if self._is_begun(id, name):
            return Begun(id, repeated=True)
        given = hooks.input_of(hook, id, event, headers, text)
        self._inputs.check(definition, given)
        labels = {HOOK: name, EVENT: event[:VALUE_CHARACTERS]}
        with acting(replace(ORIGIN.get(), who="hook", name=name)):
            accepted: Accepted = ask(self._engine, Start(definition, given, id=id, digest="hook", labels=labels))
        return Begun(id, accepted.repeated)

    def _hook(self, name: str) -> tuple[Definition, Hook]:
        job = hooks.job_of(self._ledger.read, name)
        latest = None if job is None else self._catalogue.latest(job)
        try:
            definition = None if job is None or latest is None else self._catalogue.get(job, latest)
        except LookupError:  # deleted a moment ago
            definition = None
        hook = None if definition is None else next((one for one in definition.hooks if one.name == name), None)
        if definition is None or hook is None:
            raise NotFound(f"no hook has the name {name!r}")
        return definition, hook

    def _event(self, hook: Hook, headers: Mapping[str, str], raw: bytes) -> str:
        keys = [key for secret in hook.secrets if (key := self._key(hook, secret)) is not None]
        if not keys:
            raise Unavailable(f"what requests to the hook {hook.name!r} are signed with is not there now; the server's log says why")
        try:
            return event_of(hook.scheme, keys, headers, raw, self._clock())
        except Unproven as error:
            self._seldom.tell(hook.name, f"{ORIGIN.get().address} sent something to the hook {hook.name!r} that is not taken: {error}")
            raise Unsigned(_refusal(hook), wanted(hook.scheme)) from None

    def _key(self, hook: Hook, secret: str) -> bytes | None:
        try:
            return key_of(hook.scheme, self._vault.get(secret))
        except (SecretNotFound, ValueError) as error:
            self._seldom.tell((hook.name, secret), f"the secret {secret} of the hook {hook.name!r} cannot be used: {error}")
            return None

    def _is_begun(self, id: str, name: str) -> bool:
        """Also by another job, which had the hook then."""
        with self._ledger.snapshot() as snapshot:
            number = find_number(snapshot.scan, id)
            header = None if number is None else header_of(number, snapshot.read)
        return header is not None and header.digest == "hook" and header.labels.get(HOOK) == name


def _refusal(hook: Hook) -> str:
    """The same whatever is wrong, so that nobody can feel their way."""
    scheme, told = hook.scheme, "The server's log says what is wrong"
    if isinstance(scheme, Standard):
        names = ", ".join(wanted(scheme)[:-1])
        text = f"sign it by Standard Webhooks with the hook's secret, with the headers {names} (within {TOLERANCE_S} seconds of now) and"
        return f"{text} {wanted(scheme)[-1]}. {told}"
    form = f"{scheme.prefix}{'{'}the HMAC-SHA256 of the body, in {scheme.encoding}{'}'}"
    return f"sign it with the hook's secret, with the header {scheme.header}: {form}. {told}"
