"""Jobs as those see them who know no revisions: a definition as it is now, with its schedules and how its runs went.

For the faces of systems whose jobs are that. Counts are kept, and cost the same however many executions there are.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from storage.protocol import CorruptRecord, Key
from workflows.errors import StepwellError
from workflows.language import compile_schedule
from workflows.model import Definition
from workflows.runtime.catalogue import Catalogue
from workflows.runtime.firings import SCHEDULED_TIME
from workflows.runtime.ledger import Ledger, Snapshot
from workflows.runtime.removal import no_definition, revisions_of
from workflows.runtime.state import ExecutionState
from workflows.runtime.summary import Summary
from workflows.runtime.tallies import Tally, tally
from workflows.service.paging import Page, cursor, place_of
from workflows.service.schedules import Schedules, Shown

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """`document`: the newest revision as it was sent, `updated` when. `schedules`: by id."""

    definition: Definition
    document: str
    updated: float
    schedules: tuple[Shown, ...]

    @property
    def span(self) -> tuple[float | None, float | None]:
        """From when until when its first schedule is due; None: without a limit."""
        if not self.schedules:
            return None, None
        plan = compile_schedule(self.schedules[0].schedule, self.schedules[0].id).plan
        return plan.start, plan.end

    @property
    def active(self) -> bool:
        """Whether it has schedules and all are switched on."""
        return bool(self.schedules) and all(one.active for one in self.schedules)


class Jobs:
    def __init__(self, ledger: Ledger, catalogue: Catalogue, schedules: Schedules) -> None:
        self._ledger = ledger
        self._catalogue = catalogue
        self._schedules = schedules

    def names(self) -> tuple[str, ...]:
        """Ids of all jobs, in the order in which they were first registered, as far as their revisions are kept."""
        with self._ledger.snapshot() as snapshot:
            names = [str(key[0]) for key in snapshot.walk("definitions")]
            return tuple(sorted(names, key=lambda name: (_registered(snapshot, name), name)))

    def get(self, id: str) -> Job:
        """Raises NotFound."""
        with self._ledger.snapshot() as snapshot:
            data = snapshot.read("document", ("definition", id))
            key = next(revisions_of(snapshot, id, (id,)), None)
            if data is None or data.get("deleted") or key is None:
                raise no_definition(id)
            return self._job(snapshot, key)

    def page(self, limit: int = 50, after: str | None = None) -> Page[Job]:
        """By id; `after` is a cursor. One that this program cannot read is left out. Raises Invalid for a cursor that is not of this
        list."""
        place = place_of(after, "jobs", str)
        found = []
        with self._ledger.snapshot() as snapshot:
            ids = [str(key[0]) for key in snapshot.scan("definitions", None if place is None else (place,), limit + 1)]
            for id in ids[:limit]:
                for key in islice(revisions_of(snapshot, id, (id,)), 1):
                    try:
                        found.append(self._job(snapshot, key))
                    except (LookupError, StepwellError, CorruptRecord) as error:
                        log.warning("the job definition %s is left out: %s", id, error)
        return Page(tuple(found), cursor("jobs", ids[limit - 1] if len(ids) > limit else None))

    def tally(self, id: str) -> Tally:
        """Of the job's executions, those that ran before it was deleted and registered again too."""
        with self._ledger.snapshot() as snapshot:
            return tally(snapshot, id)

    def _job(self, snapshot: Snapshot, key: Key) -> Job:
        """Of the entry of its newest revision: (id, minus the revision, when it was registered)."""
        id, revision = str(key[0]), -int(key[1])
        document = snapshot.read("definition", (id, revision))["text"]
        return Job(self._catalogue.get(id, revision), document, float(key[2]), self._schedules.of_job(id))


def due_at(state: ExecutionState | Summary) -> float:
    """When the execution was due by its schedule; of one that no schedule started, when it was accepted."""
    labels: Mapping[str, str] = state.labels
    try:
        due = datetime.fromisoformat(labels[SCHEDULED_TIME]).timestamp()
        datetime.fromtimestamp(due, UTC)  # an offset may lead out of the calendar
        return due
    except (KeyError, ValueError, OverflowError):  # anybody may write labels
        return state.submitted


def _registered(snapshot: Snapshot, id: str) -> float:
    """When the oldest revision that is kept was registered, which is the first one unless that was deleted."""
    first = snapshot.scan("revisions", (id, -1), 1)
    if first and first[0][0] == id:
        return float(first[0][2])
    return min((float(key[2]) for key in revisions_of(snapshot, id, (id,))), default=0.0)
