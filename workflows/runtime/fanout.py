"""Sends what commits change to all who watch: one reader after the commit, one rendering for all.

The engine's thread only notes which executions changed (`published`). A thread of its own, once somebody watches, takes what has come
together, at most every WINDOW_S: of each execution the latest state, as of one snapshot and in the order of the commits, rendered once for
all who want it. Whoever watches gets a reference to the same bytes in a mailbox; one that is not emptied is given up, and its owner catches
up from the stored feed. So nothing here grows with the patience of a client. What is sent with commit n is all that is to be seen of it and
of those before it: n is where to go on.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from storage.protocol import StoreError
from workflows.runtime.changes import ALL_KINDS, Change
from workflows.runtime.feed import Feed
from workflows.runtime.feed_log import News
from workflows.runtime.ledger import Ledger, Snapshot

log = logging.getLogger(__name__)

WINDOW_S = 0.1
"""An execution is sent at most once in it."""

BUFFER_BYTES = 1 << 20
"""What may wait in a mailbox; nearly all of it is shared with others."""

NOTED = 50_000
"""Executions that may have changed since the last time; beyond that everybody catches up from the stored feed."""

RETRY_S = 1.0
"""After the store could not be read."""

Render = Callable[[Snapshot, int], bytes | None]
"""An execution as of a snapshot, in the form that somebody wants; None: it cannot be shown. Equal functions give equal bytes."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which changes: all that is given must hold. `execution`: its number."""

    job: str | None = None
    execution: int | None = None
    kinds: int = ALL_KINDS

    def passes(self, noted: Noted | Change) -> bool:
        return (
            bool(noted.kinds & self.kinds)
            and (self.execution is None or noted.number == self.execution)
            and (self.job is None or noted.job == self.job)
        )


class Noted(NamedTuple):
    """All that happened to an execution in a while; `last`: the latest commit that changed it."""

    number: int
    job: str
    kinds: int
    last: int


def noted(known: dict[int, Noted], commit: int, change: Change) -> None:
    """Add a change to what is known, which stays in the order of the latest commits."""
    before = known.pop(change.number, None)
    kinds = change.kinds if before is None else change.kinds | before.kinds
    known[change.number] = Noted(change.number, change.job, kinds, commit)


class Portion(NamedTuple):
    """All there is to be seen up to commit `upto`: of each execution its latest commit and what is sent of it."""

    upto: int
    messages: tuple[tuple[int, bytes], ...]


class Mailbox:
    """What waits for one client. The fan-out puts, the client takes. `lost`: nothing more comes, and not all that was to be seen did.
    `upto`: the commit up to which everything has been put."""

    def __init__(self, wanted: Wanted, render: Render) -> None:
        self.wanted = wanted
        self.render = render
        self.lost = False
        self.closed = False
        self.upto = 0
        self._queue: queue.SimpleQueue[Portion | None] = queue.SimpleQueue()
        self._put = self._taken = 0  # bytes so far, each written by one side alone

    def put(self, portion: Portion) -> None:
        if portion.messages:
            self._put += sum(len(message) for _, message in portion.messages)
            if self._put - self._taken > BUFFER_BYTES:
                self.lose()
                return
            self._queue.put(portion)
        self.upto = portion.upto

    def lose(self) -> None:
        self.lost = True
        self._queue.put(None)

    def close(self) -> None:
        self.closed = True
        self._queue.put(None)

    def take(self, timeout: float) -> Portion | None:
        """The next portion; None: none came within `timeout` seconds, or none will come."""
        if self.lost or self.closed:
            return None
        try:
            portion = self._queue.get(timeout=timeout)
        except queue.Empty:
            return None
        if portion is not None:
            self._taken += sum(len(message) for _, message in portion.messages)
        return portion


class Fanout:
    """`clock`: seconds that only grow. Its thread, if it is to have one, begins with the first who joins and ends with `close`."""

    def __init__(self, ledger: Ledger, feed: Feed, clock: Callable[[], float] = time.monotonic, *, threaded: bool = True) -> None:
        self._ledger = ledger
        self._clock = clock
        self._threaded = threaded
        self._told = threading.Condition()
        self._boxes: dict[Mailbox, None] = {}
        self._noted: dict[int, Noted] = {}
        self._published = 0
        self._next = 0.0
        self._closed = False
        self._thread: threading.Thread | None = None
        feed.listen(self.published, self.close)

    # ------------------------------------------------------------------------------------------------------------- any thread

    @property
    def closed(self) -> bool:
        return self._closed

    @property
    def watchers(self) -> int:
        return len(self._boxes)

    def join(self, wanted: Wanted, render: Render) -> Mailbox:
        """From now on what is wanted is put into the mailbox. Look into the store after that: nothing is missed in between."""
        box = Mailbox(wanted, render)
        with self._told:
            self._boxes[box] = None
            if self._closed:
                box.close()
            elif self._threaded and self._thread is None:
                self._thread = threading.Thread(target=self._loop, name="fanout", daemon=True)
                self._thread.start()
        return box

    def leave(self, box: Mailbox) -> None:
        with self._told:
            self._boxes.pop(box, None)

    def published(self, news: News) -> None:
        """What the engine's thread calls after each commit."""
        with self._told:
            self._published = news.number
            if self._boxes:
                for change in news.changes:
                    noted(self._noted, news.number, change)
                if len(self._noted) > NOTED:
                    self._give_up()
            self._told.notify_all()

    def close(self) -> None:
        """Everybody is let go, whoever joins later at once. Waits until nothing is read any more."""
        with self._told:
            self._closed = True
            for box in self._boxes:
                box.close()
            self._told.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _give_up(self) -> None:
        self._noted.clear()
        for box in self._boxes:
            box.lose()
        self._boxes.clear()

    # ------------------------------------------------------------------------------------------------------------- its thread

    def _loop(self) -> None:
        while not self._closed:
            with self._told:
                delay = self.delay()
                if delay is None or delay > 0:
                    self._told.wait(delay)
                    continue
            try:
                self.flush()
            except StoreError as error:
                log.error("live events have to wait: %s", error)
                self._next = self._clock() + RETRY_S
            except Exception:
                log.exception("a defect: those who watch live events are sent to the stored feed")
                with self._told:
                    self._give_up()

    def delay(self) -> float | None:
        """Seconds until there is something to send; None: nothing is there."""
        return max(0.0, self._next - self._clock()) if self._noted else None

    def flush(self) -> None:
        """Send the latest state of all that changed. Raises storage.StoreError, and nothing is sent then."""
        if not self._wanted():
            return
        self._next = self._clock() + WINDOW_S
        with self._ledger.snapshot() as snapshot:
            upto = snapshot.number()
            with self._told:  # it shows what is committed, which may have to be published yet
                if not self._told.wait_for(lambda: self._published >= upto or self._closed, RETRY_S) or self._closed:
                    return
                ready = [one for one in self._noted.values() if one.last <= upto]
                boxes = list(self._boxes)
            self._send(snapshot, upto, ready, boxes)
        with self._told:
            self._done(ready)

    def _wanted(self) -> bool:
        """Forget what nobody wants: it takes nobody's time, and who wants something else need not wait for it. Whether anything is left."""
        with self._told:
            ready, wants = list(self._noted.values()), {box.wanted for box in self._boxes}
        unwanted = [one for one in ready if not any(each.passes(one) for each in wants)]
        with self._told:
            self._done(unwanted)
            if not self._noted:
                for box in self._boxes:
                    box.upto = self._published
            return bool(self._noted)

    def _done(self, ready: Iterable[Noted]) -> None:
        for one in ready:
            if self._noted.get(one.number) == one:
                del self._noted[one.number]

    def _send(self, snapshot: Snapshot, upto: int, ready: list[Noted], boxes: Iterable[Mailbox]) -> None:
        groups: dict[tuple[Wanted, Render], list[Mailbox]] = {}
        for box in boxes:
            groups.setdefault((box.wanted, box.render), []).append(box)
        rendered: dict[tuple[int, Render], bytes | None] = {}
        for (wanted, render), members in groups.items():
            portion = Portion(upto, tuple(messages(snapshot, filter(wanted.passes, ready), render, rendered)))
            for box in members:
                box.put(portion)
                if box.lost:
                    self.leave(box)


def messages(
    snapshot: Snapshot, ready: Iterable[Noted], render: Render, rendered: dict[tuple[int, Render], bytes | None]
) -> Iterator[tuple[int, bytes]]:
    """Each execution's latest commit and state, as a message. `rendered`: what is known already."""
    for one in ready:
        key = (one.number, render)
        if key not in rendered:
            rendered[key] = render(snapshot, one.number)
        data = rendered[key]
        if data is not None:
            yield one.last, message(data, event_id(one.last))


def event_id(commit: int, partition: int = 0) -> str:
    """Where to go on: for each partition the commit up to which everything was sent."""
    return f"{partition}:{commit}"


def message(data: bytes, id: str = "", event: str = "message") -> bytes:
    """One event as it is on the wire; `data` is one line."""
    named = f"id: {id}\n" if id else ""
    return f"event: {event}\n{named}data: ".encode() + data + b"\n\n"


def commit_in(last_event_id: str, partition: int = 0) -> int | None:
    """The commit that an id names, or None for what is no id of ours."""
    numbers: Mapping[str, str] = dict(part.partition(":")[::2] for part in last_event_id.split(","))
    text = numbers.get(str(partition), "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else None
