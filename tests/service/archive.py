"""A store full of executions, written as the engine writes them but without one, and a store that counts what is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from storage.memory import MemoryStore
from storage.protocol import Batch, Key, Store, View
from tests.core.jobs import dag, task
from workflows.core.draft import Step
from workflows.model import At, Definition, Entry, Frame, Header
from workflows.runtime.catalogue import Catalogue
from workflows.runtime.execution import Execution
from workflows.runtime.ledger import Ledger, Pending
from workflows.runtime.setback import SetBack


class CountingView:
    """A View that counts records read and index entries read."""

    def __init__(self, view: View, reads: dict[str, int]) -> None:
        self._view = view
        self._reads = reads

    def get(self, kind: str, key: Key) -> bytes | None:
        self._reads["records"] += 1
        return self._view.get(kind, key)

    def keys(self, kind: str, after: Key | None = None, limit: int = 100) -> list[Key]:
        found = self._view.keys(kind, after, limit)
        self._reads["entries"] += len(found)
        return found

    def scan(self, index: str, after: Key | None = None, limit: int = 100) -> list[Key]:
        found = self._view.scan(index, after, limit)
        self._reads["entries"] += len(found)
        return found

    def count(self, index: str) -> int:
        return self._view.count(index)

    def number(self) -> int:
        return self._view.number()


class CountingStore:
    """A Store over another; `reads` says what was read since it was last cleared."""

    def __init__(self, inner: Store) -> None:
        self._inner = inner
        self.clear()

    def clear(self) -> None:
        self.reads = {"records": 0, "entries": 0}

    def open(self) -> None:
        self._inner.open()

    def close(self) -> None:
        self._inner.close()

    def commit(self, batch: Batch) -> None:
        self._inner.commit(batch)

    def size(self) -> int:
        return self._inner.size()

    @contextmanager
    def view(self, partition: int) -> Iterator[View]:
        with self._inner.view(partition) as view:
            yield CountingView(view, self.reads)


class Archive:
    """`labels` by definition: those that its revisions have."""

    def __init__(self, store: Store | None = None, labels: Mapping[str, Mapping[str, str]] | None = None) -> None:
        self._labels = labels or {}
        self.store = CountingStore(store or MemoryStore())
        self.store.open()
        self.ledger = Ledger(self.store)
        self.catalogue = Catalogue(self.ledger, self._compile)
        self.headers: dict[int, Header] = {}
        self._clock = SetBack(self.ledger.read)

    def _compile(self, text: str, revision: int) -> Definition:
        return dag(task("a"), labels=self._labels.get(text, {})).definition

    def register(self, name: str) -> int:
        pending = Pending()
        done = self.catalogue.register(pending, self.ledger.read, name, name, f"{name} {len(self.headers)}", 1.0)
        self.ledger.commit(pending)
        self.catalogue.forget(name)
        return done.revision

    def add(self, *headers: Header, frames: int = 0, history: Iterable[Entry] = (), payloads: Mapping[int, str] | None = None) -> list[int]:
        """Write executions with the next numbers, in one commit."""
        pending = Pending()
        numbers = []
        for header in headers:
            number = len(self.headers) + 1
            last = self.headers.get(number - 1)
            self._clock.note(pending, header.created, lambda last=last: last and last.created)  # type: ignore[misc]  # the default binds it
            self._write(pending, Execution(number, self.ledger.read), header, frames, tuple(history), payloads or {})
            self.headers[number] = header
            numbers.append(number)
        self.ledger.commit(pending)
        return numbers

    def change(self, number: int, header: Header) -> None:
        """What has become of an execution."""
        self._step(number, header, ())
        self.headers[number] = header

    def tell(self, number: int, history: Iterable[Entry]) -> None:
        """What happened in an execution."""
        self._step(number, self.headers[number], tuple(history))

    def _step(self, number: int, header: Header, history: tuple[Entry, ...]) -> None:
        pending = Pending()
        execution = Execution.load(number, self.ledger.read)
        assert execution is not None
        execution.apply(Step(header, {}, history, {}))
        execution.write(pending)
        self.ledger.commit(pending)

    def remove(self, kind: str, key: Key) -> None:
        """Damage."""
        pending = Pending()
        pending.records[kind, key] = None
        self.ledger.commit(pending)

    def _write(
        self,
        pending: Pending,
        execution: Execution,
        header: Header,
        frames: int,
        history: tuple[Entry, ...],
        payloads: Mapping[int, str],
    ) -> None:
        made: dict[str, Frame | None] = {"": Frame("", At.OPEN)}
        made.update({f"/{n}": Frame(f"/{n}", At.READY, state=f"{n}", input="x" * 500) for n in range(frames)})
        execution.apply(Step(header, made, history, payloads))
        execution.write(pending)


def header(number: int = 1, definition: str = "job", **more: Any) -> Header:
    created = more.pop("created", float(number))
    return Header(
        **{
            "id": f"exec-0-{number}-00000000",
            "definition": definition,
            "revision": 1,
            "input": "{}",
            "created": created,
            "at": created,
            **more,
        }
    )
