"""The executions of occurrences: what they are called, how one is started, and which are there already.

An execution is named after the schedule and the moment, so it is the same one whoever starts it, whenever, in any server. Decides nothing:
the scheduler and backfills say what is to be started, and write down what became of it.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Generator, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from workflows.core.dataflow import dumps
from workflows.core.expressions import ExpressionFailure, Scope, evaluate
from workflows.errors import Busy, Conflict, Invalid, NotFound, Unavailable
from workflows.model import ENDED, Definition, Header
from workflows.runtime.audit import Act
from workflows.runtime.catalogue import Catalogue
from workflows.runtime.execution import header_of
from workflows.runtime.inbox import Request
from workflows.runtime.ledger import Ledger, Snapshot
from workflows.runtime.names import Accepted, find_number
from workflows.runtime.requests import Start
from workflows.schedules.schedule import Schedule

SCHEDULE, SCHEDULED_TIME = "stepwell.schedule", "stepwell.scheduledTime"
"""Labels of executions that a schedule has started."""

Work = Generator[Request, Any, None]
"""A schedule's part of a look: yields requests, and is sent what each is answered."""


class Check(Protocol):
    def __call__(self, definition: Definition, text: str) -> None:
        """Raises Invalid where the definition does not take the input."""


class Late(Exception):
    """Nothing more can be done now; what is left is for a later look."""


def execution_id(schedule: str, moment: int) -> str:
    """Of the execution of this occurrence, in any server and for ever."""
    name = schedule if len(schedule) <= 100 else f"{schedule[:90]}-{hashlib.blake2b(schedule.encode(), digest_size=4).hexdigest()}"
    return f"{name}.{datetime.fromtimestamp(moment, UTC):%Y%m%dT%H%M%SZ}"


def scheduled_time(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}"


class Firings:
    def __init__(self, ledger: Ledger, catalogue: Catalogue, check: Check) -> None:
        self._ledger = ledger
        self._catalogue = catalogue
        self._check = check

    def begin(
        self, job: str, schedule: Schedule, moment: int, labels: Mapping[str, str] | None = None
    ) -> Generator[Request, Any, int | str]:
        """Start the execution of this occurrence, and give its number, or say why it could not be. Raises Late."""
        try:
            accepted: Accepted = yield self._start(job, schedule, moment, labels or {})
        except (Busy, Unavailable) as error:
            raise Late(str(error)) from error
        except (Invalid, NotFound, Conflict, ExpressionFailure) as error:
            return f"it could not be started: {error}"
        return accepted.number

    def _start(self, job: str, schedule: Schedule, moment: int, labels: Mapping[str, str]) -> Start:
        name, latest = execution_id(schedule.id, moment), self._catalogue.latest(job)
        if latest is None:
            raise NotFound(f"no job definition has the id {job!r}")
        definition, given = self._catalogue.get(job, latest), {"scheduledTime": scheduled_time(moment), "schedule": schedule.id}
        text = dumps(given)
        if schedule.input is not None:
            text = dumps(evaluate(schedule.input, Scope(given, random=random.Random(name).random)))  # noqa: S311  # no secret: the same again after a crash
        self._check(definition, text)
        return Start(
            definition,
            text,
            id=name,
            digest="schedule",
            labels={SCHEDULE: schedule.id, SCHEDULED_TIME: given["scheduledTime"], **labels},
        )

    def there(self, snapshot: Snapshot, schedule: str, moments: Iterable[int]) -> dict[int, tuple[int, Header]]:
        """Number and header of the executions of these occurrences that are there, by moment, whoever has started them."""
        found: dict[int, tuple[int, Header]] = {}
        for moment in moments:
            number = find_number(snapshot.scan, execution_id(schedule, moment))
            header = None if number is None else header_of(number, snapshot.read)
            if number is not None and header is not None:
                found[moment] = number, header
        return found

    def begun(self, snapshot: Snapshot, job: str, schedule: str, moments: Iterable[int]) -> dict[int, int]:
        """The numbers of those among them that the schedule has started for this job: before a crash, then."""
        there = self.there(snapshot, schedule, moments).items()
        return {moment: number for moment, (number, one) in there if one.definition == job and one.labels.get(SCHEDULE) == schedule}

    def runs(self, number: int) -> bool:
        """Whether the execution has not ended; 0 is none."""
        if not number:
            return False
        with self._ledger.snapshot() as snapshot:
            header = header_of(number, snapshot.read)
        return header is not None and header.status not in ENDED


def no_audit(_: Any) -> Act | None:
    """The bookkeeping of occurrences is no change that anybody made."""
    return None
