"""The attempts in flight: handed to an executor, not yet reported on. The engine's thread submits and cancels, any thread may count.

An attempt stays here until the commit that takes in its report, so that a failed commit finds it where it was. One that was stopped is
remembered until its executor is done with it: what it had printed may still come.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from storage.protocol import CorruptRecord, StoreError
from workflows.core.dialect import Dialect
from workflows.model import RUNTIME, Error
from workflows.runtime.counters import INTERRUPTED, Counters, outcome_of
from workflows.runtime.dispatch import Functions, build_run
from workflows.runtime.execution import Execution
from workflows.runtime.executor import Erred, Executor, Identity, Lost, Report
from workflows.runtime.stepper import Round

log = logging.getLogger(__name__)

_NOWHERE: tuple[None, float] = (None, 0.0)


class Flight:
    """`report` is where executors report to; `more` hears that one has more room; `counters` count the attempts."""

    def __init__(
        self, executors: Iterable[Executor], functions: Functions, report: Report, more: Callable[[], None], counters: Counters
    ) -> None:
        self._executors = {executor.name: executor for executor in executors}
        self._functions = functions
        self._report = report
        self._more = more
        self._counters = counters
        self._attempts: dict[Identity, tuple[str, float]] = {}  # the lane of each, and since when
        self._counts: Counter[str] = Counter()
        self._stopped: dict[Identity, None] = {}

    def __len__(self) -> int:
        return len(self._attempts)

    def __iter__(self) -> Iterator[Identity]:
        return iter(self._attempts)

    def __contains__(self, identity: Identity) -> bool:
        return identity in self._attempts

    def stopped(self, identity: Identity) -> bool:
        """Whether it is no longer wanted, and its executor has not reported its end yet."""
        return identity in self._stopped

    @property
    def lanes(self) -> Iterable[str]:
        """Names of the executors."""
        return self._executors

    def start(self) -> None:
        for executor in self._executors.values():
            executor.start(self._report, self._more)

    def close(self) -> None:
        for executor in self._executors.values():
            executor.close()

    def takes(self, function: str) -> bool:
        """Whether there is such a function."""
        return self._functions.has(function)

    def free(self, round: Round, lane: str) -> int:
        """How many more attempts this round may hand out in this lane."""
        over = sum(self._attempts.get(identity, _NOWHERE)[0] == lane for identity in round.reported)
        return self._executors[lane].capacity - self._counts[lane] + over

    def prepare(self, lane: str) -> None:
        """Attempts wait for this lane."""
        self._executors[lane].prepare()

    def settle(self, round: Round, at: float) -> None:
        """The round is committed, `at` by a clock that only goes on: what was reported or is no longer wanted is over."""
        for identity in round.reported:
            self._remove(round, identity, at)
            self._stopped.pop(identity, None)
        for identity in round.stops:
            lane = self._remove(round, identity, at)
            if lane is not None:
                self._stopped[identity] = None
                self._executors[lane].cancel(identity)

    def submit(self, identity: Identity, lane: str | None, execution: Execution, dialect: Dialect, at: float) -> None:
        """Hand a taken attempt to the executor of its lane. One that is in flight already (and so may have none) is left alone."""
        if identity in self._attempts:
            return
        assert lane is not None, "an attempt is taken in a lane"
        self._attempts[identity] = lane, at
        self._counts[lane] += 1
        self._counters.attempt_begins(lane)
        try:
            run = build_run(execution, dialect, identity, self._functions)
        except CorruptRecord as error:
            self._report(identity, Erred(Error(RUNTIME, str(error))))
        except StoreError:
            self._report(identity, Lost())
        except Exception as error:
            about = {"execution_id": execution.header.id} if execution.header else {}
            log.exception("the attempt %s cannot be described", identity, extra={**about, "execution_number": identity.number})
            self._report(identity, Erred(Error(RUNTIME, f"{type(error).__name__}: {error}")))
        else:
            self._executors[lane].submit(run)

    def _remove(self, round: Round, identity: Identity, at: float) -> str | None:
        """Its lane, if it was in flight."""
        lane, since = self._attempts.pop(identity, _NOWHERE)
        if lane is None:
            return None
        self._counts[lane] -= 1
        again = identity in round.starts  # only what was interrupted is issued under the same identity
        self._counters.attempt_ends(lane, INTERRUPTED if again else outcome_of(round.stops.get(identity), identity.path), at - since)
        return lane

    def gauges(self) -> dict[str, Any]:
        """`workers` and `running` of all together, and `classes`: the same of each executor."""
        classes = [{"name": name, "running": self._counts[name], **one.gauges()} for name, one in self._executors.items()]
        return {
            "workers": sum(one.gauges()["workers"] for one in self._executors.values()),
            "running": len(self._attempts),
            "classes": classes,
        }

    def troubles(self) -> Iterable[str]:
        return [trouble for executor in self._executors.values() for trouble in executor.troubles()]
