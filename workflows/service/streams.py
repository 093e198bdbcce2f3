"""Streams of live events: what a client is sent from the moment it asks until it goes, is too slow, or the server stops.

Owns where a stream begins, how it catches up from the stored feed, and when it has nothing to say. What is new comes from the fan-out.
Whoever reads too slowly loses nothing: its mailbox is given up, and it catches up from the feed, which has the latest state of each
execution and no more. Pieces are made when they are asked for, so a client that does not read holds a thread and one piece.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace

from storage.protocol import CorruptRecord
from workflows.errors import StepwellError, Unavailable
from workflows.model import Status
from workflows.runtime.catalogue import Catalogue
from workflows.runtime.changes import ALL_KINDS
from workflows.runtime.execution import Execution
from workflows.runtime.fanout import Fanout, Mailbox, Noted, Wanted, commit_in, event_id, message, messages, noted
from workflows.runtime.feed_log import TooOld, missed
from workflows.runtime.ledger import Ledger, Snapshot
from workflows.runtime.removal import under_way
from workflows.runtime.state import ExecutionState, describe
from workflows.runtime.summary import summary
from workflows.service.asking import locate
from workflows.service.seats import Seats

log = logging.getLogger(__name__)

HEARTBEAT_S = 15.0
"""The longest silence."""

LOOK_S = 2.0
"""How often a silent stream looks whether its client is still there."""

REPLAYED = 1_000
"""Active executions that a replay shows at most, the newest."""

HELLO = b"retry: 1000\n\n"
"""Tells a browser how soon to come back (milliseconds) when the stream breaks off."""

RESET = message(b'{"reason":"what happened since is no longer known; look at what you show and go on from here"}', event="reset")

Form = Callable[[ExecutionState], bytes]
"""An execution, without payloads, as one line of JSON: the form of one face."""


@dataclass(frozen=True, slots=True)
class Watch:
    """`job`: id of a definition; `execution`: of an execution; `kinds`: of changes. `since`: the id of the last event that was received, of
    whatever form; None: from now on. `replay`: begin with how things stand, unless it goes on from somewhere; `recent`: with so many of the
    newest executions, ended ones too. `short`: the form is given what tasks came to, as far as that is short."""

    job: str | None = None
    execution: str | None = None
    kinds: int = ALL_KINDS
    since: str | None = None
    replay: bool = False
    recent: int = 0
    short: bool = False


class Streams:
    """`seats`: for those who watch, the same as for those who wait for an end."""

    def __init__(self, ledger: Ledger, catalogue: Catalogue, fanout: Fanout, seats: Seats) -> None:
        self._ledger = ledger
        self._catalogue = catalogue
        self._fanout = fanout
        self._seats = seats
        self._renders: dict[tuple[Form, bool], Callable[[Snapshot, int], bytes | None]] = {}

    def open(self, watch: Watch, form: Form, gone: Callable[[], bool] = lambda: False) -> Stream:
        """`gone`: whether the client is known to have left, or is no longer to be served; asked every LOOK_S. Raises NotFound for an
        unknown execution, Unavailable when too many watch already or the server is stopping. It is to be closed."""
        if self._fanout.closed:
            raise Unavailable("the server is stopping; try again in a moment")
        number = None
        if watch.execution is not None:
            with self._ledger.snapshot() as snapshot:
                number, _ = locate(snapshot, watch.execution)
        wanted = Wanted(watch.job, number, watch.kinds)
        return Stream(self._ledger, self._fanout, watch, wanted, self._render(form, watch.short), gone, self._seats.seat())

    def _render(self, form: Form, short: bool) -> Callable[[Snapshot, int], bytes | None]:
        """The same for the same form, so that those who want it share what is made."""

        def render(snapshot: Snapshot, number: int) -> bytes | None:
            try:
                state = self._state(snapshot, number, short)
            except (CorruptRecord, LookupError, StepwellError) as error:
                log.warning("execution number %d is not sent to those who watch: %s", number, error)
                return None
            return None if state is None else form(state)

        return self._renders.setdefault((form, short), render)

    def _state(self, snapshot: Snapshot, number: int, short: bool) -> ExecutionState | None:
        execution = Execution.load(number, snapshot.read)
        if execution is None or execution.header is None:
            return None
        header = execution.header
        state = describe(execution, self._catalogue.get(header.definition, header.revision), payloads=False, short=short)
        return replace(state, error=summary(number, header, state.labels, snapshot.read).error)


class Stream:
    """Its pieces, for one client. `seat` is held until `close`, which may come at any time and more than once."""

    def __init__(
        self,
        ledger: Ledger,
        fanout: Fanout,
        watch: Watch,
        wanted: Wanted,
        render: Callable[[Snapshot, int], bytes | None],
        gone: Callable[[], bool],
        seat: AbstractContextManager[None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger = ledger
        self._fanout = fanout
        self._watch = watch
        self._wanted = wanted
        self._render = render
        self._gone = gone
        self._clock = clock
        self._place = ExitStack()
        self._place.enter_context(seat)
        self._pieces = self._all()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._pieces)

    def close(self) -> None:
        self._pieces.close()
        self._place.close()

    # --------------------------------------------------------------------------------------------------------------- pieces

    def _all(self) -> Generator[bytes, None, None]:
        """From the beginning to the end; whoever was too slow begins again where it is."""
        yield HELLO
        known = self._watch.since is not None
        position = commit_in(self._watch.since or "")
        while not (self._fanout.closed or self._gone()):
            box = self._fanout.join(self._wanted, self._render)
            try:
                with self._ledger.snapshot() as snapshot:
                    newest = snapshot.number()
                    yield from self._caught_up(snapshot, position) if known else self._replayed(snapshot)
                yield _mark(newest)
                known = True
                position = yield from self._live(box, newest)
            finally:
                self._fanout.leave(box)

    def _caught_up(self, snapshot: Snapshot, position: int | None) -> Iterator[bytes]:
        """The latest state of all that has changed since then."""
        latest: dict[int, Noted] = {}
        try:
            for news in missed(snapshot, -1 if position is None else position):
                for change in news.changes:
                    if self._wanted.passes(change):
                        noted(latest, news.number, change)
        except TooOld:
            yield RESET
            yield from self._replayed(snapshot)
            return
        for one in latest.values():
            for _, piece in messages(snapshot, (one,), self._render, {}):
                yield piece

    def _replayed(self, snapshot: Snapshot) -> Iterator[bytes]:
        """How things stand, if that is wanted: without ids, because only the whole of it is a place to go on from."""
        if not (self._watch.replay or self._watch.recent):
            return
        for number in self._standing(snapshot):
            data = self._render(snapshot, number)
            if data is not None:
                yield message(data)

    def _standing(self, snapshot: Snapshot) -> list[int]:
        if self._watch.recent:
            index = "created" if self._wanted.job is None else f"definition/{self._wanted.job}"
            return sorted(-int(key[0]) for key in snapshot.scan(index, None, self._watch.recent))
        if self._wanted.execution is not None:
            return [self._wanted.execution]
        if self._wanted.job is not None:
            return sorted(under_way(snapshot, self._wanted.job))[-REPLAYED:]
        active = [snapshot.scan(f"status/{status}", None, REPLAYED) for status in (Status.RUNNING, Status.QUEUED)]
        return sorted(-int(key[0]) for keys in active for key in keys)[-REPLAYED:]

    def _live(self, box: Mailbox, position: int) -> Generator[bytes, None, int]:
        """What is put into the mailbox, and a sign of life where there is nothing. Ends when no more comes or nobody is there, with the
        commit up to which everything was sent."""
        spoken = looked = self._clock()
        while not (box.lost or box.closed):
            upto = box.upto  # all of it has been taken, if nothing is there
            portion = box.take(LOOK_S)
            if portion is None or self._clock() - looked >= LOOK_S:
                looked = self._clock()
                if self._gone():
                    break
            piece = b""
            if portion is not None:
                piece = b"".join(sent for commit, sent in portion.messages if commit > position)
                position = max(position, portion.upto)
            else:
                position = max(position, upto)
                if self._clock() - spoken >= HEARTBEAT_S:
                    piece = b": nothing new\n" + _mark(position)
            if piece:
                yield piece
                spoken = self._clock()
        return position


def _mark(commit: int) -> bytes:
    """Where to go on, without an event."""
    return f"id: {event_id(commit)}\n\n".encode()
