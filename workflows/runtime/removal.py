"""Deleting definitions and revisions, on the engine's thread, so that no execution begins in between on what is being deleted.

A definition goes while none of its executions is under way. What is left of it is a mark, from which its numbering goes on should it be
registered again, and the revisions that kept executions ran on: they are listed no more and nothing new runs on them, but the state and the
history of those executions are read with them, and they may be redriven. Whoever asks has looked through all executions in a snapshot;
here only those are looked at that were started since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from storage.protocol import Key
from storage.records import decode
from workflows.errors import Conflict, NotFound
from workflows.model import ENDED, Definition, Status
from workflows.runtime import hooks
from workflows.runtime.alerts import listen
from workflows.runtime.audit import Act
from workflows.runtime.execution import Execution
from workflows.runtime.inbox import Request
from workflows.runtime.ledger import Ledger, Pending, Snapshot
from workflows.runtime.schedules import remove_all

NAMED = 3
"""Executions that a refusal names."""

UNDER_WAY = (Status.RUNNING, Status.QUEUED)

Touched = Iterable[Execution]
"""The executions that the present batch has changed."""


@dataclass(slots=True)
class Remove(Request):
    """Delete a definition, or one `revision` of it. `seen`: the newest execution that was looked at. `after` is called when that is
    settled, before the answer. Raises NotFound, and Conflict while it is needed."""

    definition: str
    revision: int | None
    seen: int
    after: Callable[[], None]

    def act(self, _answer: object) -> Act | None:
        return Act("delete", self.definition, {} if self.revision is None else {"revision": self.revision})

    def answer(self, answer: object) -> None:
        self.after()
        Request.answer(self, answer)


def no_definition(definition_id: str) -> NotFound:
    return NotFound(f"no job definition has the id {definition_id!r}", "definitions", definition_id)


def no_revision(definition_id: str, revision: int) -> NotFound:
    return NotFound(f"the job definition {definition_id!r} has no revision {revision}")


def needed(what: str, count: int, names: Iterable[str], instead: str) -> Conflict:
    """The refusal, which names a few of those that stand against it."""
    told = ", ".join(names)
    return Conflict(
        f"{count:,} {'execution needs' if count == 1 else 'executions need'} {what}: {told}{', …' if count > NAMED else ''}. {instead}"
    )


def needed_definition(definition_id: str, count: int, names: Iterable[str]) -> Conflict:
    return needed(
        f"the job definition {definition_id!r} and {'has' if count == 1 else 'have'} not ended", count, names, "Cancel or await them"
    )


def under_way(snapshot: Snapshot, definition_id: str) -> Iterator[int]:
    """Numbers of the definition's executions that have not ended."""
    for status in UNDER_WAY:
        narrow, wide = sorted((f"status/{status}", f"definition/{definition_id}"), key=snapshot.count)
        yield from (-int(key[0]) for key in snapshot.walk(narrow) if snapshot.has(wide, key))


class Removals:
    """`latest` gives a definition's newest revision as committed, or None."""

    def __init__(self, ledger: Ledger, latest: Callable[[str], int | None]) -> None:
        self._ledger = ledger
        self._latest = latest

    def check(self, pending: Pending, definition: Definition) -> None:
        """Raises NotFound if the revision has been deleted since whoever wants to execute it read it."""
        sealed = pending.records.get(("document", ("definition", definition.id)))
        data = None if sealed is None else decode(sealed)
        latest = self._latest(definition.id) if data is None else None if data.get("deleted") else int(data["revision"])
        if latest is None:
            raise no_definition(definition.id)
        if latest != definition.revision and self._listed(pending, definition.id, definition.revision) is None:
            raise no_revision(definition.id, definition.revision)

    def remove(self, pending: Pending, touched: Touched, request: Remove) -> None:
        """Add to `pending` what deletes it."""
        name = request.definition
        sealed = pending.records.get(("document", ("definition", name)))
        data = self._ledger.read("document", ("definition", name)) if sealed is None else decode(sealed)
        if data is None or data.get("deleted"):
            raise no_definition(name)
        of_it = [execution for execution in touched if execution.header is not None and execution.header.definition == name]
        if request.revision is None:
            self._remove_all(pending, name, int(data["revision"]), of_it, request.seen)
        else:
            self._remove_one(pending, name, request.revision, int(data["revision"]), of_it)

    def _remove_all(self, pending: Pending, name: str, latest: int, of_it: list[Execution], seen: int) -> None:
        with self._ledger.snapshot() as snapshot:
            begun = self._begun_since(snapshot, name, of_it, seen)
            if begun:
                raise needed_definition(name, len(begun), self._names(begun, of_it))
            for key in self._revisions(pending, snapshot, name):
                if not _used(snapshot, name, -int(key[1]), of_it):
                    pending.records["definition", (name, -int(key[1]))] = None
                pending.index("revisions", key, False)
        pending.index("definitions", (name,), False)
        pending.put("document", ("definition", name), {"revision": latest, "digest": "", "deleted": True})
        remove_all(pending, lambda kind, key: self._now(pending, kind, key), name)
        listen(pending, lambda kind, key: self._now(pending, kind, key), name, None)
        hooks.remove_all(pending, lambda kind, key: self._now(pending, kind, key), name)

    def _now(self, pending: Pending, kind: str, key: Key) -> Any:
        """A record's data as the batch leaves it, or None."""
        if (kind, key) not in pending.records:
            return self._ledger.read(kind, key)
        sealed = pending.records[kind, key]
        return None if sealed is None else decode(sealed)

    def _remove_one(self, pending: Pending, name: str, revision: int, latest: int, of_it: list[Execution]) -> None:
        key = self._listed(pending, name, revision)
        if key is None:
            raise no_revision(name, revision)
        if revision == latest:
            raise Conflict(f"revision {revision} is the newest of the job definition {name!r}. Register another, or delete the definition")
        with self._ledger.snapshot() as snapshot:
            if _used(snapshot, name, revision, of_it):
                index = f"revision/{name}/{revision}"
                ran = [-int(entry[0]) for entry in snapshot.scan(index, None, NAMED)] or [one.number for one in _on(revision, of_it)]
                count = snapshot.count(index) or len(ran)
                raise needed(f"revision {revision} of {name!r}", count, self._names(ran, of_it), "It stays as long as they are kept")
        pending.records["definition", (name, revision)] = None
        pending.index("revisions", key, False)

    def _begun_since(self, snapshot: Snapshot, name: str, of_it: list[Execution], seen: int) -> list[int]:
        """Executions of the definition that were started after `seen` and have not ended, newest first."""
        now = {one.number: one.header.status not in ENDED for one in of_it if one.header is not None}
        begun = sorted((number for number, runs in now.items() if runs and number > seen), reverse=True)
        for key in snapshot.walk(f"definition/{name}"):
            number = -int(key[0])
            if number <= seen:
                break
            if number not in now and any(snapshot.has(f"status/{status}", key) for status in UNDER_WAY):
                begun.append(number)
        return begun

    def _names(self, numbers: list[int], of_it: list[Execution]) -> list[str]:
        known = {one.number: one.header.id for one in of_it if one.header is not None}
        found = [known.get(number) or self._ledger.read("execution", (number,))["header"]["id"] for number in numbers[:NAMED]]
        return [str(name) for name in found]

    def _listed(self, pending: Pending, name: str, revision: int) -> Key | None:
        """The revision's entry in the index of those that are there."""
        with self._ledger.snapshot() as snapshot:
            return next((key for key in self._revisions(pending, snapshot, name, -revision) if key[1] == -revision), None)

    def _revisions(self, pending: Pending, snapshot: Snapshot, name: str, first: int | None = None) -> Iterator[Key]:
        """Entries (name, minus the revision, when it was registered) as the batch leaves them; those it has added come first."""
        changed = {key: there for key, there in pending.indexes.get("revisions", {}).items() if key[0] == name}
        yield from [key for key, there in changed.items() if there]
        after: Key = (name,) if first is None else (name, first)
        for key in revisions_of(snapshot, name, after):
            if key not in changed:
                yield key


def revisions_of(snapshot: Snapshot, name: str, after: Key) -> Iterator[Key]:
    """Entries (name, minus the revision, when it was registered) after that key, so the newest first."""
    while keys := snapshot.scan("revisions", after, 100):
        for key in keys:
            if key[0] != name:
                return
            yield key
        after = keys[-1]


def _used(snapshot: Snapshot, name: str, revision: int, of_it: list[Execution]) -> bool:
    return bool(_on(revision, of_it)) or snapshot.count(f"revision/{name}/{revision}") > 0


def _on(revision: int, of_it: list[Execution]) -> list[Execution]:
    return [one for one in of_it if one.header is not None and one.header.revision == revision]
