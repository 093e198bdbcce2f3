"""How many executions of a definition have ended, and how: counts by definition and final status, kept in the commit that says so.

Owns these counts and their names. They have no entries: an index instead would cost several times as much. Whether they are whole is seen
by the count of all that is in them, which is how many executions have ended. In a store that a version without them wrote it is not, and
then all is counted once, as of one snapshot and a piece in each turn. What is found to be missing is added in one commit, to whatever has
been counted since that snapshot.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass

from workflows.model import ENDED, Header, Status
from workflows.runtime.ledger import Ledger, Pending, Snapshot

ALL = "ended"
"""The count of all executions that are in the others."""

SAMPLE = 200
"""Executions of a definition, the newest, that are counted one by one as long as the counts are not whole."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How executions ended, and how many run; `counted` is all of them, those that are queued too."""

    completed: int
    failed: int
    cancelled: int
    active: int
    counted: int


def count_of(status: Status, definition: str) -> str:
    """Name of the count of the definition's executions that ended so."""
    return f"{ALL}/{status}/{definition}"


def ended(pending: Pending, header: Header, more: int) -> None:
    """Count an execution as it stands, or with -1 no longer; one that has not ended is in no count."""
    if header.status in ENDED:
        pending.add(count_of(header.status, header.definition), more)
        pending.add(ALL, more)


def whole(snapshot: Snapshot) -> bool:
    """Whether all that have ended are counted."""
    return snapshot.count(ALL) == _ended(snapshot)


def tally(snapshot: Snapshot, definition: str) -> Tally:
    """Of all the definition's executions, at the price of a few counts; as long as these are not whole, of the newest SAMPLE."""
    ends = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)
    if whole(snapshot):
        counted = snapshot.count(f"definition/{definition}")
        completed, failed, cancelled = (snapshot.count(count_of(status, definition)) for status in ends)
    else:
        keys = snapshot.scan(f"definition/{definition}", None, SAMPLE)
        counted = len(keys)
        completed, failed, cancelled = (sum(snapshot.has(f"status/{status}", key) for key in keys) for status in ends)
        active = sum(snapshot.has(f"status/{Status.RUNNING}", key) for key in keys)
        return Tally(completed, failed, cancelled, active, counted)
    return Tally(completed, failed, cancelled, _running(snapshot, definition, counted - completed - failed - cancelled), counted)


def _running(snapshot: Snapshot, definition: str, left: int) -> int:
    """Of the `left` ones of a definition that have not ended, those that are not queued: at the price of all that run or of all that are
    queued, whichever are fewer."""
    running, queued = (f"status/{status}" for status in (Status.RUNNING, Status.QUEUED))
    if not left:
        return 0
    fewer = min(running, queued, key=snapshot.count)
    found = sum(snapshot.has(f"definition/{definition}", key) for key in snapshot.walk(fewer))
    return found if fewer == running else left - found


class Tallies:
    """Makes the counts whole. Belongs to the engine's thread; `behind`: there may be something to do."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._walk: Generator[dict[str, int] | None] | None = None
        self.behind = True

    def again(self) -> None:
        """After a failed commit, which may have been the one that makes them whole."""
        if self._walk is not None:
            self._walk.close()
        self._walk, self.behind = None, True

    def page(self, pending: Pending, limit: int) -> None:
        """Look at about `limit` executions more; after the last, add to the batch what was missing."""
        if not self.behind:
            return
        if self._walk is None:
            self._walk = self._walked(limit)
        missing = next(self._walk)
        if missing is not None:
            for name, more in missing.items():
                pending.add(name, more)
            self._walk, self.behind = None, False

    def _walked(self, limit: int) -> Generator[dict[str, int] | None]:
        """None after each piece, and at the end what each count was short of in the snapshot in which all this was read."""
        missing: dict[str, int] = {}
        with self._ledger.snapshot() as snapshot:
            for name in () if whole(snapshot) else _definitions(snapshot):
                found: Counter[Status] = Counter()
                for place, key in enumerate(snapshot.walk(f"definition/{name}", limit), 1):
                    found.update(status for status in ENDED if snapshot.has(f"status/{status}", key))
                    if place % limit == 0:
                        yield None
                short = {count_of(status, name): found[status] - snapshot.count(count_of(status, name)) for status in ENDED}
                missing |= {count: more for count, more in short.items() if more}
                yield None
            more = _ended(snapshot) - snapshot.count(ALL)
        yield missing | ({ALL: more} if more else {})


def _ended(snapshot: Snapshot) -> int:
    return sum(snapshot.count(f"status/{status}") for status in ENDED)


def _definitions(snapshot: Snapshot) -> Iterator[str]:
    """All that ever were; of a deleted one a mark is left."""
    name = ""
    while keys := [key for key in snapshot.keys("document", ("definition", name)) if key[0] == "definition"]:
        yield from (str(key[1]) for key in keys)
        name = str(keys[-1][1])
