"""The stored feed: what each of the latest commits changed that people can see, so that whoever was cut off goes on where it was.

A ring of records. The one of commit n is in place n modulo the ring's size and holds n itself, and is written by that commit. So the log
costs a commit one small record, which after the first lap only replaces another: no tree is touched, and nothing is ever deleted. What was
there is known without a search: a place that holds another number says that commit n changed nothing to be seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from workflows.runtime.changes import Change, change_from, row_of
from workflows.runtime.execution import Execution
from workflows.runtime.ledger import Ledger, Pending, Snapshot

KEPT = 10_000
"""Commits, unless a setting says otherwise."""

_ABOUT = ("feed",)
"""Key of the document that says how many places there are, and which commit was the first to use them."""


class TooOld(Exception):
    """What happened since then is no longer known, or that commit never was."""


class News(NamedTuple):
    """What a commit changed that people can see. `number` is the commit's; 0 where there is none."""

    number: int = 0
    changes: tuple[Change, ...] = ()


NONE = News()


class FeedLog:
    """Belongs to the engine's thread. `size`: of how many commits the changes are kept."""

    def __init__(self, ledger: Ledger, size: int = KEPT) -> None:
        self._ledger = ledger
        self._size = size
        self._prepared = False

    def forget(self) -> None:
        """After a failed commit."""
        self._prepared = False

    def write(self, pending: Pending, touched: Iterable[Execution]) -> News:
        """Add to `pending` what it changes, if anything, and say so. Raises storage.StoreUnavailable."""
        if not pending:
            return NONE
        number = self._ledger.next()
        changes = tuple(change for execution in touched if (change := execution.change()) is not None)
        if not self._prepared:
            self._prepare(pending, number)
        if changes:
            pending.put("feed", (number % self._size,), {"number": number, "changes": [row_of(change) for change in changes]})
        return News(number, changes)

    def _prepare(self, pending: Pending, number: int) -> None:
        """With another size than before the places mean something else: what they hold is forgotten."""
        about = self._ledger.read("document", _ABOUT)
        if about is None or about["size"] != self._size:
            pending.put("document", _ABOUT, {"size": self._size, "since": number})
            for place in range(self._size, about["size"] if about else 0):
                pending.records["feed", (place,)] = None
        self._prepared = True


def missed(snapshot: Snapshot, after: int) -> Iterator[News]:
    """What the commits since `after` changed, oldest first, up to the snapshot's own. Raises TooOld before the first."""
    newest = snapshot.number()
    about = snapshot.read("document", _ABOUT)
    oldest = newest + 1 if about is None else max(about["since"], newest - about["size"] + 1)
    if not oldest - 1 <= after <= newest:
        raise TooOld(f"the log begins with commit {oldest} and ends with {newest}; {after} is not among them")
    for number in range(after + 1, newest + 1):
        data = snapshot.read("feed", (number % about["size"],))
        if data is not None and data["number"] == number:
            yield News(number, tuple(change_from(row) for row in data["changes"]))
