"""Definitions: registering and deleting them, and what is registered."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from storage.protocol import CorruptRecord, Key
from task_functions.permissions import caution
from task_functions.registry import Registry
from workflows.errors import Conflict, Invalid, NotJson, Problem, StepwellError
from workflows.language import canonical, read_definition
from workflows.language.json_schema import json_schema
from workflows.language.text import check, loads
from workflows.model import Definition
from workflows.runtime import hooks
from workflows.runtime.alerts import listen
from workflows.runtime.audit import Act
from workflows.runtime.catalogue import Catalogue, Registration
from workflows.runtime.engine import Engine
from workflows.runtime.execution import header_of
from workflows.runtime.ledger import Ledger, Snapshot
from workflows.runtime.removal import NAMED, Remove, needed_definition, no_definition, no_revision, revisions_of, under_way
from workflows.runtime.requests import Write
from workflows.runtime.schedules import Made, replace_all
from workflows.runtime.secrets import Vault
from workflows.service.asking import ask
from workflows.service.calendars import check_calendars
from workflows.service.paging import Page, cursor, place_of
from workflows.states import StateMachine

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Described:
    """A revision of a definition. `hears`: whether it hears alerts. `created`: when it was registered. `document`: as it was sent; None in
    lists."""

    id: str
    revision: int
    name: str
    description: str
    labels: Mapping[str, str]
    dialect: Literal["taskList", "stateMachine"]
    hears: bool
    created: float
    document: str | None = None


@dataclass(frozen=True, slots=True)
class Revision:
    """One of a definition's revisions. `created`: when it was registered."""

    revision: int
    created: float


class Definitions:
    """`registry` knows the functions that a definition may name, `vault` the secrets. `changed` is called when schedules may have."""

    def __init__(
        self,
        ledger: Ledger,
        catalogue: Catalogue,
        engine: Engine,
        registry: Registry,
        vault: Vault,
        changed: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._ledger = ledger
        self._catalogue = catalogue
        self._engine = engine
        self._registry = registry
        self._vault = vault
        self._changed = changed
        self._clock = clock

    def register(self, raw: bytes, source: str | None = None, *, only_new: bool = False) -> Registration:
        """Add a definition, or the next revision of one. `source`: the file it came from; a file that is as it was at its own last load
        changes nothing, so that what was edited since then by request stays. `only_new`: there is to be no other of its id. Raises NotJson,
        Invalid with every problem, and Conflict for another where none is to be."""
        definition = self._read(raw)
        text = check(raw)
        document = loads(text)
        form, made = canonical(document), made_of(definition, document)

        def write(pending: Any, read: Any, now: float) -> Registration:
            before = read("document", ("definition", definition.id)) if only_new else None
            done = self._catalogue.register(pending, read, definition.id, text, form, now, source)
            if done.created and before is not None and not before.get("deleted"):
                raise Conflict(f"there is a job definition with the id {definition.id!r} already, and it is another")
            if done.created:
                check_calendars(read, {f"/schedules/{n}": one.schedule for n, one in enumerate(made)}, text)
                replace_all(pending, read, definition.id, made, now)
                listen(pending, read, definition.id, definition.on_alert)
                hooks.replace_all(pending, read, definition.id, definition.hooks)
            return done

        def tell(done: Registration) -> Act | None:
            return Act("register", done.id, {"revision": done.revision}) if done.created else None

        answer: Registration = ask(self._engine, Write(write, tell, lambda: self._settled(definition.id)))
        return replace(answer, warnings=definition.warnings)

    def problems(self, raw: bytes) -> tuple[Problem, ...]:
        """Why it would be refused as a definition; nothing where it would not. Raises NotJson."""
        try:
            self._read(raw)
        except Invalid as error:
            return error.problems
        return ()

    def _read(self, raw: bytes) -> Definition:
        registry = self._registry
        return read_definition(
            raw,
            functions=registry.has,
            function_names=registry.names(),
            inline=registry.runs_inline,
            cautions=caution,
            secrets=self._vault.has,
            now=self._clock(),
        )

    def _settled(self, definition_id: str) -> None:
        self._catalogue.forget(definition_id)
        self._changed()

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of definitions, with the functions that are registered now."""
        return json_schema(self._registry.names())

    def load_file(self, path: Path) -> Registration:
        """Register a definition file. Raises as `register` does, and NotJson for a file that cannot be read."""
        try:
            return self.register(path.read_bytes(), source=path.name)
        except OSError as error:
            raise NotJson(f"cannot read {path}: {error.strerror}") from error

    def page(self, limit: int = 50, after: str | None = None) -> Page[Described]:
        """The newest revision of each definition, by id; `after` is a cursor. One that this program cannot read is left out. Raises Invalid
        for a cursor that is not of this list."""
        place = place_of(after, "definitions", str)
        with self._ledger.snapshot() as snapshot:
            ids = [str(key[0]) for key in snapshot.scan("definitions", None if place is None else (place,), limit + 1)]
            keys = [key for name in ids[:limit] for key in islice(revisions_of(snapshot, name, (name,)), 1)]
        items = tuple(one for key in keys if (one := self._readable(key)) is not None)
        return Page(items, cursor("definitions", ids[limit - 1] if len(ids) > limit else None))

    def get(self, definition_id: str, revision: int | None = None) -> Described:
        """A revision with its document; the newest unless another is asked for. Raises NotFound."""
        with self._ledger.snapshot() as snapshot:
            self._there(snapshot, definition_id)
            after = (definition_id,) if revision is None else (definition_id, -revision)
            key = next(revisions_of(snapshot, definition_id, after), None)
            if key is None or revision not in (None, -int(key[1])):
                raise no_revision(definition_id, revision or 0)
            document = snapshot.read("definition", (definition_id, -int(key[1])))["text"]
        try:
            return replace(self._described(key), document=document)
        except LookupError:  # deleted a moment ago
            raise no_revision(definition_id, -int(key[1])) from None
        except (Invalid, NotJson) as error:
            raise CorruptRecord(f"revision {-int(key[1])} of the job definition {definition_id} cannot be read: {error}") from error

    def revisions(self, definition_id: str, limit: int = 50, after: str | None = None) -> Page[Revision]:
        """Those of a definition, newest first; `after` is a cursor. Raises NotFound, and Invalid for a cursor that is not of this list."""
        asked = ("revisions", definition_id)
        place = place_of(after, asked, int)
        with self._ledger.snapshot() as snapshot:
            self._there(snapshot, definition_id)
            begin: Key = (definition_id,) if place is None else (definition_id, -place, math.inf)
            keys = list(islice(revisions_of(snapshot, definition_id, begin), limit + 1))
        items = tuple(Revision(-int(key[1]), float(key[2])) for key in keys[:limit])
        return Page(items, cursor(asked, items[-1].revision if len(keys) > limit else None))

    def delete(self, definition_id: str) -> None:
        """Delete a definition with all its revisions; those that kept executions ran on are seen through these only from then on.
        Registered again, its numbering goes on. Raises NotFound, and Conflict while an execution of it has not ended."""
        with self._ledger.snapshot() as snapshot:
            self._there(snapshot, definition_id)
            newest = snapshot.scan("created", None, 1)
            numbers = list(under_way(snapshot, definition_id))
            if numbers:
                names = [header.id for number in numbers[:NAMED] if (header := header_of(number, snapshot.read)) is not None]
                raise needed_definition(definition_id, len(numbers), names)
        ask(self._engine, self._removal(definition_id, None, -int(newest[0][0]) if newest else 0))

    def delete_revision(self, definition_id: str, revision: int) -> None:
        """Delete a revision that is not the newest. Raises NotFound, and Conflict while an execution is kept that ran on it."""
        ask(self._engine, self._removal(definition_id, revision, 0))

    def _removal(self, definition_id: str, revision: int | None, seen: int) -> Remove:
        return Remove(definition_id, revision, seen, lambda: self._catalogue.drop(definition_id))

    def _there(self, snapshot: Snapshot, definition_id: str) -> None:
        data = snapshot.read("document", ("definition", definition_id))
        if data is None or data.get("deleted"):
            raise no_definition(definition_id)

    def _readable(self, key: Key) -> Described | None:
        try:
            return self._described(key)
        except (LookupError, StepwellError, CorruptRecord) as error:
            log.warning("revision %d of the job definition %s is left out: %s", -int(key[1]), key[0], error)
            return None

    def _described(self, key: Key) -> Described:
        """What a revision's entry (id, minus the revision, when it was registered) leads to. Raises what the catalogue raises."""
        name, revision, created = str(key[0]), -int(key[1]), float(key[2])
        found = self._catalogue.get(name, revision)
        dialect: Literal["taskList", "stateMachine"] = "stateMachine" if isinstance(found, StateMachine) else "taskList"
        return Described(name, revision, found.name, found.description, found.labels, dialect, found.on_alert is not None, created)


def made_of(definition: Definition, document: Any) -> list[Made]:
    """The schedules that the definition, written as this JSON value, comes with."""
    return [Made(one, canonical(spec)) for one, spec in zip(definition.schedules, document.get("schedules", ()), strict=True)]
