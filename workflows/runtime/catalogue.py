"""The definitions: their revisions, the newest one by id, compiled when first asked for and shared by all threads.

A definition's text is stored as it was sent. A document that is the same canonical JSON as the newest revision is that revision. Writing is
done by the engine's thread, inside its batch; reading by any. How a document is read is a function given by the wiring: this file knows no
language.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from storage.protocol import Key
from workflows.core.asl import Asl
from workflows.core.dag import Dag
from workflows.core.dialect import Dialect
from workflows.errors import Problem
from workflows.model import Definition, TaskList
from workflows.runtime.ledger import Ledger, Pending
from workflows.states import StateMachine

COMPILED = 1_000
"""Revisions kept compiled; any other is compiled again when it is asked for."""

Read = Callable[[str, Key], Any]
"""A record's data by kind and key, or None."""

Compile = Callable[[str, int], Definition]
"""A stored definition's text and revision → the definition. It was checked when it was registered."""


@dataclass(frozen=True, slots=True)
class Registration:
    """What a document came to: the revision that holds it, and whether that is new. `deleted`: it is not there, because it was deleted
    since its file was last loaded. `warnings`: what looks wrong but was no reason to refuse it."""

    id: str
    revision: int
    created: bool
    deleted: bool = False
    warnings: tuple[Problem, ...] = ()


def dialect_for(definition: Definition) -> Dialect:
    """The dialect that runs a definition. One line per dialect."""
    if isinstance(definition, TaskList):
        return Dag(definition)
    if isinstance(definition, StateMachine):
        return Asl(definition)
    raise TypeError(f"no dialect runs a {type(definition).__name__}")


class Catalogue:
    """`ledger` is partition 0's: definitions live there."""

    def __init__(self, ledger: Ledger, compile_text: Compile, make_dialect: Callable[[Any], Dialect] = dialect_for) -> None:
        self._ledger = ledger
        self._compile = compile_text
        self._make = make_dialect
        self._dialects: dict[tuple[str, int], Dialect] = {}
        self._latest: dict[str, int] = {}
        self._changes = 0
        self._deletions = 0
        self._lock = threading.Lock()

    def latest(self, definition_id: str) -> int | None:
        """The newest revision's number, or None. Remembered, since every execute asks for it, until `forget`."""
        revision = self._latest.get(definition_id)
        if revision is None:
            before = self._changes
            data = self._ledger.read("document", ("definition", definition_id))
            if data is None or data.get("deleted"):
                return None
            revision = int(data["revision"])
            with self._lock:
                if self._changes == before:  # else this may be what was there before the change
                    self._latest[definition_id] = revision
        return revision

    def forget(self, definition_id: str) -> None:
        """The definition has changed, and that is committed."""
        with self._lock:
            self._changes += 1
            self._latest.pop(definition_id, None)

    def drop(self, definition_id: str) -> None:
        """The definition or a revision of it has been deleted, and that is committed."""
        self.forget(definition_id)
        with self._lock:
            self._deletions += 1
            for key in [key for key in self._dialects if key[0] == definition_id]:
                del self._dialects[key]

    def get(self, definition_id: str, revision: int) -> Definition:
        return self.dialect(definition_id, revision).definition

    def dialect(self, definition_id: str, revision: int) -> Dialect:
        """Raises LookupError for an unknown revision, and what compiling raises for one that this program cannot read."""
        key = (definition_id, revision)
        found = self._dialects.get(key)
        if found is None:
            before = self._deletions
            data = self._ledger.read("definition", key)
            if data is None:
                raise LookupError(f"no revision {revision} of the definition {definition_id!r}")
            found = self._make(self._compile(data["text"], revision))
            with self._lock:
                if self._deletions == before:  # else it may be gone by now
                    found = self._dialects.setdefault(key, found)
                while len(self._dialects) > COMPILED:
                    del self._dialects[next(iter(self._dialects))]
        return found

    def all(self) -> Iterator[Definition]:
        """The newest revision of each definition, by id. One that this program cannot read is left out."""
        with self._ledger.snapshot() as snapshot:
            ids = [str(key[0]) for key in snapshot.walk("definitions")]
        for definition_id in ids:
            revision = self.latest(definition_id)
            if revision is not None:
                yield self.get(definition_id, revision)

    def register(
        self, pending: Pending, read: Read, definition_id: str, text: str, canonical: str, at: float, source: str | None = None
    ) -> Registration:
        """Add a document as the next revision, unless it is the newest already, or `source` held the same at its own last load. `read`
        sees what this batch has written."""
        digest = hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()
        latest = read("document", ("definition", definition_id))
        if source is not None and latest is not None:
            held = read("document", ("source", source))
            if held is not None and held["digest"] == digest:
                return Registration(definition_id, latest["revision"], created=False, deleted=latest.get("deleted", False))
        if source is not None:
            pending.put("document", ("source", source), {"digest": digest})
        if latest is not None and latest["digest"] == digest:
            return Registration(definition_id, latest["revision"], created=False)
        revision = 1 if latest is None else latest["revision"] + 1
        pending.put("definition", (definition_id, revision), {"text": text, "created": at})
        pending.put("document", ("definition", definition_id), {"revision": revision, "digest": digest})
        pending.index("definitions", (definition_id,), True)
        pending.index("revisions", (definition_id, -revision, at), True)
        return Registration(definition_id, revision, created=True)
