"""Definitions and their revisions."""

from __future__ import annotations

import pytest

from storage.memory import MemoryStore
from tests.core.jobs import dag, task
from workflows.model import Definition
from workflows.runtime.catalogue import Catalogue, Registration, dialect_for
from workflows.runtime.ledger import Ledger, Pending


class Shelf:
    def __init__(self) -> None:
        store = MemoryStore()
        store.open()
        self.ledger = Ledger(store)
        self.compiled: list[tuple[str, int]] = []
        self.catalogue = Catalogue(self.ledger, self.compile)

    def compile(self, text: str, revision: int) -> Definition:
        self.compiled.append((text, revision))
        return dag(task(text)).definition

    def register(self, text: str, source: str | None = None, name: str = "job", canonical: str | None = None) -> Registration:
        pending = Pending()
        done = self.catalogue.register(pending, self.ledger.read, name, text, canonical or text, 5.0, source)
        if pending:
            self.ledger.commit(pending)
        return done


def test_a_new_document_is_the_next_revision() -> None:
    shelf = Shelf()
    assert shelf.catalogue.latest("job") is None
    assert [shelf.register(text) for text in "abc"] == [Registration("job", n, True) for n in (1, 2, 3)]
    assert shelf.catalogue.latest("job") == 3
    assert shelf.ledger.read("definition", ("job", 2)) == {"text": "b", "created": 5.0}


def test_the_same_canonical_document_is_the_same_revision() -> None:
    shelf = Shelf()
    shelf.register("{ }", canonical="{}")
    assert shelf.register("{}", canonical="{}") == Registration("job", 1, False)
    assert shelf.ledger.read("definition", ("job", 1))["text"] == "{ }"


def test_only_the_newest_revision_counts_as_the_same() -> None:
    shelf = Shelf()
    for text in "aba":
        shelf.register(text)
    assert shelf.catalogue.latest("job") == 3


def test_a_file_that_is_as_it_was_does_not_undo_what_was_edited_since() -> None:
    shelf = Shelf()
    shelf.register("a", source="job.json")
    shelf.register("b")
    assert shelf.register("a", source="job.json") == Registration("job", 2, False)
    assert shelf.register("c", source="job.json") == Registration("job", 3, True)
    assert shelf.register("c", source="job.json") == Registration("job", 3, False)


def test_one_batch_sees_what_it_has_written() -> None:
    shelf = Shelf()
    pending = Pending()

    def read(kind: str, key: tuple[int | float | str, ...]) -> object:
        from storage.records import decode

        raw = pending.records.get((kind, key))
        return None if raw is None else decode(raw)

    first = shelf.catalogue.register(pending, read, "job", "a", "a", 1.0)
    second = shelf.catalogue.register(pending, read, "job", "a", "a", 1.0)
    assert (first.created, second.created, second.revision) == (True, False, 1)


def test_a_revision_is_compiled_once_and_stays_what_it_was() -> None:
    shelf = Shelf()
    shelf.register("a")
    shelf.register("b")
    first = shelf.catalogue.dialect("job", 1)
    assert shelf.catalogue.dialect("job", 1) is first
    assert list(shelf.catalogue.get("job", 2).tasks) == ["b"]  # type: ignore[attr-defined]
    assert shelf.compiled == [("a", 1), ("b", 2)]


def test_only_so_many_stay_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflows.runtime.catalogue.COMPILED", 2)
    shelf = Shelf()
    for text in "abc":
        shelf.register(text)
    for revision in (1, 2, 3, 3, 2, 1):
        assert shelf.catalogue.get("job", revision).id == "job"
    assert shelf.compiled == [("a", 1), ("b", 2), ("c", 3), ("a", 1)]


def test_all_are_the_newest_by_id() -> None:
    shelf = Shelf()
    for name, text in (("b", "x"), ("a", "y"), ("b", "z")):
        shelf.register(text, name=name)
    assert [list(found.tasks) for found in shelf.catalogue.all()] == [["y"], ["z"]]  # type: ignore[attr-defined]


def test_what_is_not_there_is_a_lookup_error() -> None:
    with pytest.raises(LookupError, match="no revision 4"):
        Shelf().catalogue.dialect("job", 4)


def test_a_definition_of_no_known_kind_has_no_dialect() -> None:
    with pytest.raises(TypeError, match="no dialect"):
        dialect_for(Definition("job", 1))
