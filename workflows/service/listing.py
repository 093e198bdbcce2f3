"""Looking through executions: which there are, and what happened in one. Everything in pages whose cost is that of the page."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from storage.protocol import CorruptRecord, Key
from workflows.errors import StepwellError
from workflows.runtime.catalogue import Catalogue
from workflows.runtime.entries import Entries
from workflows.runtime.execution import Execution
from workflows.runtime.history import event
from workflows.runtime.ledger import Ledger, Snapshot
from workflows.runtime.state import ExecutionState, describe
from workflows.runtime.summary import Summary, summary
from workflows.service.asking import locate
from workflows.service.filters import Filter, labels_of, matching
from workflows.service.paging import PAGE_BYTES, Page, cursor, place_of

log = logging.getLogger(__name__)

PAGE_CHARACTERS = 8 * 1024 * 1024
"""Of payloads and texts in one page, which ends after what exceeds it."""

LOGS_EXAMINED = 1_000
"""Attempts whose texts one page reads at most, where a task or attempt is asked for."""

TASK_BYTES = 40
"""What a task takes up in a row beside its id: punctuation, names of members, its status."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AttemptLog:
    """What one attempt printed and logged. `at`: when that was stored. `truncated`: it is the end of more."""

    task: str
    attempt: int
    at: float
    text: str
    truncated: bool


class Listing:
    """Answers from snapshots; never waits for the engine."""

    def __init__(self, ledger: Ledger, catalogue: Catalogue) -> None:
        self._ledger = ledger
        self._catalogue = catalogue

    def executions(self, wanted: Filter, limit: int = 50, after: str | None = None, errors: bool = True) -> Page[Summary]:
        """Those that the filter lets pass, newest first; `after` is a cursor. The work of a page is bounded: where labels or a text are
        asked for it may be short or empty and have a next one all the same. What is submitted meanwhile does not move the pages that
        follow. Without `errors` nothing beyond the headers is read. Raises Invalid for a cursor that is not of this filter."""
        asked = ("executions", *wanted.asked())
        place = place_of(after, asked, int)
        with self._ledger.snapshot() as snapshot:
            page = matching(snapshot, self._catalogue, wanted, place, limit)
            heads = ((match.number, match.header if errors else replace(match.header, error=None)) for match in page.found)
            found = (summary(number, head, labels_of(head, self._catalogue), snapshot.read) for number, head in heads)
            return Page(tuple(found), cursor(asked, page.next))

    def states(self, wanted: Filter, limit: int = 50, after: str | None = None) -> Page[ExecutionState]:
        """As `executions`, each with its tasks and without payloads; of a state machine, the state it stands at. One that cannot be read is
        left out. A page of executions with many tasks is short, since there may be thousands in each."""
        asked = ("executions", *wanted.asked())
        place = place_of(after, asked, int)
        with self._ledger.snapshot() as snapshot:
            page = matching(snapshot, self._catalogue, wanted, place, limit)
            found = (self._state(snapshot, match.number) for match in page.found)
            items: list[ExecutionState] = []
            carried = 0
            for state in (state for state in found if state is not None):
                carried += sum(len(task.id) + TASK_BYTES for task in state.tasks)
                if items and carried > PAGE_BYTES:
                    return Page(tuple(items), cursor(asked, items[-1].number))
                items.append(state)
            return Page(tuple(items), cursor(asked, page.next))

    def _state(self, snapshot: Snapshot, number: int) -> ExecutionState | None:
        try:
            execution = Execution.load(number, snapshot.read)
            if execution is None or execution.header is None:
                return None
            return describe(execution, self._catalogue.get(execution.header.definition, execution.header.revision), payloads=False)
        except (CorruptRecord, LookupError, StepwellError) as error:
            log.warning("execution number %d is left out: %s", number, error)
            return None

    def history(self, execution_id: str, limit: int = 50, after: str | None = None, reverse: bool = False) -> Page[dict[str, Any]]:
        """Its events in the form of GetExecutionHistory, oldest first, or newest first with `reverse`; `after` is a cursor. Raises
        NotFound, and Invalid for a cursor that is not of this list."""
        asked = ("history", execution_id, reverse)
        place = place_of(after, asked, int)
        with self._ledger.snapshot() as snapshot:
            number, _ = locate(snapshot, execution_id)
            texts = Execution(number, snapshot.read)
            entries = Entries(number, snapshot.read)
            found = entries.before(place) if reverse else entries.after(place or 0)
            events = (event(entry, texts) for entry in found)
            return _page(events, limit, asked, lambda made: int(made["id"]), _weight)

    def logs(
        self, execution_id: str, limit: int = 50, after: str | None = None, task: str | None = None, attempt: int | None = None
    ) -> Page[AttemptLog]:
        """What its attempts printed, in the order in which they were issued; of this task and this attempt of it where they are given.
        `after` is a cursor. A page may be short or empty and have a next one. Raises NotFound, and Invalid for a cursor that is not of this
        list."""
        asked = ("logs", execution_id, task, attempt)
        place = place_of(after, asked, int)
        with self._ledger.snapshot() as snapshot:
            number, _ = locate(snapshot, execution_id)
            items: list[AttemptLog] = []
            last, carried = 0, 0
            for examined, visit in enumerate(_visits(snapshot, number, place or 0)):
                if last and (len(items) == limit or carried > PAGE_CHARACTERS or examined == LOGS_EXAMINED):
                    return Page(tuple(items), cursor(asked, last))
                last = visit
                data = snapshot.read("log", (number, visit))
                if task in (None, data["task"]) and attempt in (None, data["attempt"]):
                    items.append(AttemptLog(data["task"], data["attempt"], data["at"], data["text"], data["truncated"]))
                    carried += len(data["text"])
            return Page(tuple(items), None)


def _visits(snapshot: Snapshot, number: int, after: int) -> Iterator[int]:
    """The execution's attempts of which there is a log, after one of them."""
    key: Key = (number, after)
    while keys := snapshot.scan("logs", key, 100):
        for key in keys:
            if key[0] != number:
                return
            yield int(key[1])


def _page(found: Iterable[T], limit: int, asked: object, place: Callable[[T], int], weight: Callable[[T], int]) -> Page[T]:
    """As many as a page takes, and the cursor to go on with if there are more."""
    items: list[T] = []
    carried = 0
    for item in found:
        if items and (len(items) == limit or carried > PAGE_CHARACTERS):
            return Page(tuple(items), cursor(asked, place(items[-1])))
        items.append(item)
        carried += weight(item)
    return Page(tuple(items), None)


def _weight(made: Mapping[str, Any]) -> int:
    """About how many characters of payload an event carries."""
    return sum(len(value) for details in made.values() if isinstance(details, dict) for value in details.values() if isinstance(value, str))
