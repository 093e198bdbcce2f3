"""The attempts in flight: handed to an executor, not yet reported on. The engine's thread submits and cancels, any thread may count.

An attempt stays here until the commit that takes in its report, so that a failed commit finds it where it was.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

from storage.protocol import CorruptRecord, StoreError
from workflows.core.dialect import Dialect
from workflows.model import RUNTIME, Error
from workflows.runtime.dispatch import Functions, build_run
from workflows.runtime.execution import Execution
from workflows.runtime.executor import Erred, Executor, Identity, Lost, Report
from workflows.runtime.stepper import Round

log = logging.getLogger(__name__)


class Flight:
    """`report` is where executors report to."""

    def __init__(self, executor: Executor, functions: Functions, report: Report) -> None:
        self._executor = executor
        self._functions = functions
        self._report = report
        self._attempts: dict[Identity, None] = {}

    def __len__(self) -> int:
        return len(self._attempts)

    def __iter__(self) -> Iterator[Identity]:
        return iter(self._attempts)

    def __contains__(self, identity: Identity) -> bool:
        return identity in self._attempts

    @property
    def executor(self) -> str:
        """Name of the executor that attempts go to."""
        return self._executor.name

    def start(self) -> None:
        self._executor.start(self._report)

    def close(self) -> None:
        self._executor.close()

    def takes(self, function: str) -> bool:
        """Whether there is such a function."""
        return self._functions.has(function)

    def free(self, round: Round) -> int:
        """How many more attempts this round may hand out."""
        begun = sum(identity not in self._attempts for identity in round.starts)
        return self._executor.capacity - len(self._attempts) + len(round.reported) - begun

    def settle(self, round: Round) -> None:
        """The round is committed: what was reported or is no longer wanted is over."""
        for identity in round.reported:
            self._attempts.pop(identity, None)
        for identity in round.stops:
            if identity in self._attempts:
                del self._attempts[identity]
                self._executor.cancel(identity)

    def submit(self, identity: Identity, execution: Execution, dialect: Dialect) -> None:
        """Hand a taken attempt to the executor. One that is in flight already is left alone."""
        if identity in self._attempts:
            return
        self._attempts[identity] = None
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
            self._executor.submit(run)

    def gauges(self) -> dict[str, int]:
        return {"workers": self._executor.capacity, "running": len(self._attempts)}

    def troubles(self) -> Iterable[str]:
        return self._executor.troubles()
