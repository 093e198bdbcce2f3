"""Has those told who hear an alert: each by an execution of its own, which has its retries, history and redrive like any other.

The id of such an execution is made of the event's and the job's. First it is started, then the alert is marked as told: who is killed
between finds it started. Any thread may tell; two who tell the same come to the same.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, Protocol

from workflows.core.dataflow import dumps
from workflows.errors import Busy, NotFound, StepwellError, Unavailable
from workflows.model import Definition
from workflows.runtime.alerts import Raised, load, told
from workflows.runtime.asking import Ask
from workflows.runtime.audit import Origin
from workflows.runtime.catalogue import Catalogue
from workflows.runtime.firings import no_audit
from workflows.runtime.inbox import Request
from workflows.runtime.ledger import Ledger
from workflows.runtime.requests import Start, Write

log = logging.getLogger(__name__)

AT_ONCE = 200
"""Requests to the engine at once."""

ALERT = "stepwell.alert"
"""Label of executions that tell of an alert: the event's id."""


class Check(Protocol):
    def __call__(self, definition: Definition, text: str) -> None:
        """Raises Invalid where the definition does not take the input."""


class Teller:
    def __init__(self, ledger: Ledger, catalogue: Catalogue, check: Check, ask: Ask) -> None:
        self._ledger = ledger
        self._catalogue = catalogue
        self._check = check
        self._ask = ask

    def tell(self, sequences: Iterable[int]) -> bool:
        """Tell of these alerts, and say whether all have been told as far as is possible. Raises storage.StoreError."""
        with self._ledger.snapshot() as snapshot:
            alerts = [one for sequence in sequences if (one := load(snapshot.read, sequence)) is not None and not one.told]
        heard = {
            (one.sequence, telling.job): self._start(one, telling.job, telling.execution) for one in alerts for telling in one.tellings
        }
        asked = {place: start for place, start in heard.items() if isinstance(start, Start)}
        answers = heard | dict(zip(asked, self._all(list(asked.values())), strict=True))
        done = [write for one in alerts if (write := self._done(one, answers)) is not None]
        marked = self._all(list(done))
        return len(done) == len(alerts) and not any(isinstance(answer, BaseException) for answer in marked)

    def _all(self, requests: list[Request]) -> list[Any]:
        """The engine's inbox is for others as well."""
        return [answer for n in range(0, len(requests), AT_ONCE) for answer in self._ask(requests[n : n + AT_ONCE])]

    def _start(self, alert: Raised, job: str, execution: str) -> Start | StepwellError:
        try:
            latest = self._catalogue.latest(job)
            if latest is None:
                raise NotFound(f"no job definition has the id {job!r}")
            definition, text = self._catalogue.get(job, latest), dumps(alert.event)
            self._check(definition, text)
        except LookupError as error:
            return NotFound(str(error))
        except StepwellError as error:
            return error
        start = Start(definition, text, id=execution, digest="alert", labels={ALERT: alert.id})
        start.origin = Origin("alert", alert.id)
        return start

    def _done(self, alert: Raised, answers: dict[tuple[int, str], Any]) -> Write | None:
        """What marks it as told; None: it is to be told again later."""
        reasons: dict[str, str] = {}
        for telling in alert.tellings:
            answer = answers[alert.sequence, telling.job]
            if isinstance(answer, Busy | Unavailable):
                return None
            if isinstance(answer, BaseException):
                reasons[telling.job] = str(answer)
                log.error("the job %r cannot be told of the alert %s: %s", telling.job, alert.id, answer)
        return Write(lambda pending, read, _: told(pending, read, alert.sequence, reasons), no_audit)
