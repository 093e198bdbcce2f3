"""One execution in the engine's memory: what steps read, what they changed since the last commit, and the records that come of it.

Belongs to the engine's thread. Mutable on purpose: steps are pure and are applied here at once, so that later events of the batch see them;
if the commit fails the object is thrown away and read again. Knows records and index names; knows no store, gate or executor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import orjson

from storage.protocol import CorruptRecord, Key, UnencodableRecord
from storage.records import encode
from workflows.core.draft import Step
from workflows.core.waits import due
from workflows.model import ENDED, ROOT, Frame, Header, parent_path
from workflows.runtime.changes import Change, change_of
from workflows.runtime.ledger import Pending
from workflows.runtime.names import names_of
from workflows.runtime.payloads import Payloads
from workflows.runtime.records import (
    CHUNK_BYTES,
    CHUNK_ENTRIES,
    PAGE_BYTES,
    entry_row,
    frame_data,
    frame_from,
    header_data,
    header_from,
)
from workflows.runtime.tallies import ended

Read = Callable[[str, Key], Any]
"""Reads a record's data (kind, key), or None; from a snapshot or the store."""


class Execution:
    """A `core.draft.View` that takes in steps and gives out records. `number` is its place in the partition. `kept`: where payloads are
    looked for before they are read; None: a memory of its own."""

    def __init__(self, number: int, read: Read, kept: Payloads | None = None) -> None:
        self.number = number
        self.header: Header | None = None
        self.frames: dict[str, Frame] = {}
        self._read = read
        self._kept = Payloads() if kept is None else kept
        self._children: dict[str, dict[str, None]] = {}
        self._payloads: dict[int, str] = {}
        self._pages: dict[int, dict[str, None]] = {0: {}}
        self._page_of: dict[str, int] = {}
        self._rows: dict[str, bytes] = {}
        self._tail: list[list[Any]] = []
        self._chunks = 0
        self._first = _array([])
        self._clean()
        self.stored: Header | None = None

    @classmethod
    def load(cls, number: int, read: Read, kept: Payloads | None = None) -> Execution | None:
        """The execution as last committed, or None. Raises storage.CorruptRecord."""
        data = read("execution", (number,))
        if data is None:
            return None
        self = cls(number, read, kept)
        try:
            self._load(data)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise CorruptRecord(f"a part of execution {number} is missing, or is not what it should be: {error!r}") from error
        return self

    def _load(self, data: dict[str, Any]) -> None:
        self.header = self.stored = header_from(data["header"])
        self._chunks = data["chunks"]
        self._tail = data["history"]
        self._take_page(0, data["frames"])
        self._first = orjson.Fragment(orjson.dumps(data["frames"]))
        for page in data["pages"]:
            self._take_page(page, self._read("page", (self.number, page))["frames"])

    # -------------------------------------------------------------------------------------------------------------- view

    @property
    def paused(self) -> bool:
        return self.header is not None and self.header.paused

    def frame(self, path: str) -> Frame | None:
        return self.frames.get(path)

    def children(self, path: str) -> Iterable[str]:
        return self._children.get(path, ())

    def payload(self, number: int) -> str:
        if number in self._payloads:
            return self._payloads[number]
        return self._kept.text((self.number, number), lambda: payload_of(self.number, number, self._read))

    def text(self, ref: str | int) -> str:
        return ref if isinstance(ref, str) else self.payload(ref)

    def rows(self) -> Iterator[list[Any]]:
        """Its history as stored, oldest first: [id, previous, type, at, details]. Raises what reading raises."""
        return history(self.number, self._read)

    # ------------------------------------------------------------------------------------------------------------- apply

    def apply(self, step: Step) -> None:
        """Take in what a step has changed."""
        self.header = step.header
        self._tail.extend(entry_row(entry) for entry in step.history)
        self._payloads.update(step.payloads)
        for path, frame in step.frames.items():
            self._before.setdefault(path, self.frames.get(path))
            if frame is None:
                self._forget(path)
            else:
                self._take(path, frame)

    def _take(self, path: str, frame: Frame) -> None:
        page = self._page_of.get(path)
        if page is None:
            page = self._page_of[path] = next(reversed(self._pages))
            self._pages[page][path] = None
            if path != ROOT:
                self._children.setdefault(parent_path(path), {})[path] = None
        self.frames[path] = frame
        self._rows.pop(path, None)
        self._dirty.add(page)

    def _forget(self, path: str) -> None:
        if path not in self.frames:
            return
        del self.frames[path]
        self._rows.pop(path, None)
        self._children.pop(path, None)
        self._children.get(parent_path(path), {}).pop(path, None)
        page = self._page_of.pop(path)
        del self._pages[page][path]
        self._dirty.add(page)

    def _take_page(self, page: int, rows: list[dict[str, Any]]) -> None:
        self._pages[page] = {}
        for row in rows:
            self._take(row["path"], frame_from(row))
        self._dirty.clear()

    # ----------------------------------------------------------------------------------------------------------- records

    def _clean(self) -> None:
        self._dirty: set[int] = set()
        self._before: dict[str, Frame | None] = {}

    def write(self, pending: Pending) -> None:
        """Add the records and index entries that have changed since the last commit. Raises storage.UnencodableRecord, and then has
        added nothing."""
        header = self.header
        assert header is not None, "only executions that were started are written"
        records: dict[tuple[str, Key], bytes | None] = {}
        frames = self._write_pages(records)
        history = self._write_history(records)
        for payload, text in self._payloads.items():
            records["payload", (self.number, payload)] = encode({"text": text})
        body = {
            "header": header_data(header),
            "frames": frames,
            "pages": [page for page in self._pages if page],
            "history": history,
            "chunks": self._chunks,
        }
        records["execution", (self.number,)] = encode(body)
        pending.records.update(records)
        self._write_indexes(header, pending)

    def change(self) -> Change | None:
        """What people can see of what has changed since the last commit."""
        assert self.header is not None, "only executions that were started change"
        return change_of(self.number, self.stored, self.header, self._before, self.frames)

    def committed(self) -> None:
        """What `write` gave out is in the store."""
        self.stored = self.header
        if self.header is not None and self.header.status not in ENDED:  # else nobody here looks into them again
            self._kept.keep({(self.number, payload): text for payload, text in self._payloads.items()})
        self._payloads.clear()
        self._clean()

    def _write_pages(self, records: dict[tuple[str, Key], bytes | None]) -> orjson.Fragment:
        for page in sorted(self._dirty):
            paths = self._pages[page]
            rows = [self._row(path) for path in paths]
            if sum(map(len, rows)) > PAGE_BYTES:
                self._split(page, rows, records)
            elif page and not paths:
                del self._pages[page]
                records["page", (self.number, page)] = None
            elif page:
                records["page", (self.number, page)] = encode({"frames": _array(rows)})
            if page == 0:
                self._first = _array([self._row(path) for path in self._pages[0]])
        return self._first

    def _row(self, path: str) -> bytes:
        """The frame as it is written: encoded again only when it has changed, however often its page is."""
        row = self._rows.get(path)
        if row is None:
            row = self._rows[path] = _dumps(frame_data(self.frames[path]))
        return row

    def _split(self, page: int, rows: list[bytes], records: dict[tuple[str, Key], bytes | None]) -> None:
        """Spread the page's frames over it and new pages, each at most PAGE_BYTES long unless one frame alone is longer. The first page is
        written at every commit and keeps the root alone, which every end of a child changes."""
        items = list(zip(self._pages[page], rows, strict=True))
        root = [item for item in items if item[0] == ROOT]
        parts = [*([root] if root else []), *_parts([item for item in items if item[0] != ROOT])]
        for part in parts:
            target = page if part is parts[0] else max(self._pages) + 1
            self._pages[target] = dict.fromkeys(path for path, _ in part)
            self._page_of.update(dict.fromkeys(self._pages[target], target))
            if target:
                records["page", (self.number, target)] = encode({"frames": _array([row for _, row in part])})

    def _write_history(self, records: dict[tuple[str, Key], bytes | None]) -> orjson.Fragment:
        while len(self._tail) >= CHUNK_ENTRIES:
            self._write_chunk(records, self._tail[:CHUNK_ENTRIES])
        tail = _dumps(self._tail)
        if len(tail) > CHUNK_BYTES:
            self._write_chunk(records, self._tail)
            tail = b"[]"
        return orjson.Fragment(tail)

    def _write_chunk(self, records: dict[tuple[str, Key], bytes | None], rows: list[list[Any]]) -> None:
        records["history", (self.number, self._chunks)] = encode({"entries": rows})
        self._chunks += 1
        self._tail = self._tail[len(rows) :]

    def _write_indexes(self, header: Header, pending: Pending) -> None:
        number, known = self.number, self.stored
        if known is None:
            pending.index("created", (-number,), True)
            pending.index(f"definition/{header.definition}", (-number,), True)
            for index, name in names_of(header).items():
                pending.index(index, (*name, number), True)
        if known is None or known.revision != header.revision:  # so that it is known without a search whether a revision is needed
            if known is not None:
                pending.index(f"revision/{known.definition}/{known.revision}", (-number,), False)
            pending.index(f"revision/{header.definition}/{header.revision}", (-number,), True)
        if known is None or known.status != header.status:
            if known is not None:
                pending.index(f"status/{known.status}", (-number,), False)
                ended(pending, known, -1)
            pending.index(f"status/{header.status}", (-number,), True)
            ended(pending, header, 1)
        was_busy, busy = known is not None and known.work > 0, header.work > 0
        if was_busy != busy:
            pending.index("busy", (number,), busy)
        self._write_dues(header, pending)

    def _write_dues(self, header: Header, pending: Pending) -> None:
        paused = self.stored is not None and self.stored.paused
        for path in self._before if header.paused is paused else {**self._before, **self.frames}:
            frame = self.frames.get(path)
            before, visit = _moment(self._before.get(path, frame), paused)
            after, now = _moment(frame, header.paused)
            if before != after and before is not None:
                pending.index("due", (before, self.number, path), False)
            if (before, visit) != (after, now) and after is not None:  # a new wait until the same moment: the timers have used up the entry
                pending.index("due", (after, self.number, path), True)


def header_of(number: int, read: Read) -> Header | None:
    """The header alone, or None: of the frames no more is read than stands in the same record. Raises storage.CorruptRecord."""
    data = read("execution", (number,))
    try:
        return None if data is None else header_from(data["header"])
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise CorruptRecord(f"the header of execution {number} is not what it should be: {error!r}") from error


def payload_of(number: int, payload: int, read: Read) -> str:
    """JSON text of a payload that has a record of its own. Raises storage.CorruptRecord."""
    data = read("payload", (number, payload))
    if data is None:
        raise CorruptRecord(f"payload {payload} of execution {number} is missing")
    text: str = data["text"]
    return text


def history(number: int, read: Read) -> Iterator[list[Any]]:
    """All rows of an execution's history, oldest first: [id, previous, type, at, details]."""
    data = read("execution", (number,))
    for chunk in range(data["chunks"]):
        yield from read("history", (number, chunk))["entries"]
    yield from data["history"]


def _moment(frame: Frame | None, paused: bool) -> tuple[float | None, int]:
    """When the frame's timer fires, and in which wait."""
    return due(frame, paused), 0 if frame is None else frame.visit


def _dumps(data: Any) -> bytes:
    try:
        return orjson.dumps(data)
    except orjson.JSONEncodeError as error:
        raise UnencodableRecord(f"cannot store this: {error}") from error


def _array(rows: list[bytes]) -> orjson.Fragment:
    return orjson.Fragment(b"[" + b",".join(rows) + b"]")


def _parts(items: list[tuple[str, bytes]]) -> Iterator[list[tuple[str, bytes]]]:
    part: list[tuple[str, bytes]] = []
    size = 0
    for item in items:
        if part and size + len(item[1]) > PAGE_BYTES:
            yield part
            part, size = [], 0
        part.append(item)
        size += len(item[1])
    yield part
