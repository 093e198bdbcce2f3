"""Figures for whoever watches the server: a table of all there is to be told, and what is told at this moment.

Each row says what a figure is called and means, and where it comes from: the engine's counters, the server's parts, or one snapshot of the
store. What cannot be told now, because the store cannot be read or nothing has happened yet, is left out. No row has an execution or a job
in its labels: there may be any number of these. Knows no text format.
"""

from __future__ import annotations

import logging
import platform
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version
from typing import Any, Generic, TypeVar

from storage.protocol import StoreError
from workflows.errors import Unavailable
from workflows.model import Status
from workflows.runtime import alerts, backfills, schedules
from workflows.runtime.buckets import Buckets
from workflows.runtime.counters import Counters
from workflows.runtime.engine import Engine
from workflows.runtime.fanout import Fanout
from workflows.runtime.ledger import Ledger, Snapshot
from workflows.runtime.scheduler import Scheduler
from workflows.service.system import System

T = TypeVar("T")

log = logging.getLogger(__name__)

PREFIX = "stepwell_"


class Kind(StrEnum):
    """A counter only grows, and begins anew with the server; an info is 1, and all it tells is in its labels."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    INFO = "info"


_ENDINGS = {Kind.COUNTER: "_total", Kind.INFO: "_info"}


@dataclass(frozen=True, slots=True)
class Metric:
    """`name`: without what all have before it, and its kind behind it."""

    name: str
    kind: Kind
    about: str
    labels: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        """As people ask for it."""
        return f"{PREFIX}{self.name}{_ENDINGS.get(self.kind, '')}"


Sample = tuple[tuple[str, ...], float | Buckets]
"""Values of the labels, and the figure."""


@dataclass(frozen=True, slots=True)
class Reading:
    metric: Metric
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class Row(Generic[T]):
    """A metric, and how it is read from something."""

    metric: Metric
    read: Callable[[T], Iterable[Sample]]


def one(figure: float | Buckets | None) -> list[Sample]:
    """A figure without labels; None: it is not there yet."""
    return [] if figure is None else [((), figure)]


def each(figures: Mapping[Any, float | Buckets]) -> list[Sample]:
    """A figure for each value of the one label."""
    return [((str(value),), figure) for value, figure in figures.items()]


@dataclass(frozen=True, slots=True)
class _Server:
    """What is known without the store."""

    engine: Engine
    ledger: Ledger
    pool: Mapping[str, Any]
    troubles: int
    lateness: float | None
    watchers: int

    @property
    def counters(self) -> Counters:
        return self.engine.counters

    def of_lanes(self, figure: str) -> list[Sample]:
        return [((lane["name"],), lane[figure]) for lane in self.pool["classes"]]


def _overdue(snapshot: Snapshot) -> float:
    due = snapshot.scan(schedules.DUE, None, 1)
    return max(0.0, time.time() - float(due[0][0])) if due else 0.0


COUNTER, GAUGE, HISTOGRAM, INFO = Kind

OF_SERVER: tuple[Row[_Server], ...] = (
    Row(
        Metric("build", INFO, "Which Stepwell this is, and which Python runs it.", ("version", "python")),
        lambda _: [((version("stepwell"), platform.python_version()), 1)],
    ),
    Row(Metric("degraded", GAUGE, "1 if anything is wrong, as `/health` has it; else 0."), lambda seen: one(seen.troubles > 0)),
    Row(Metric("troubles", GAUGE, "Things that are wrong. `/health` names them."), lambda seen: one(seen.troubles)),
    Row(Metric("executions_started", COUNTER, "Executions that were submitted."), lambda seen: one(seen.counters.started)),
    Row(
        Metric("executions_ended", COUNTER, "Executions that ended, by how. One that is redriven ends again.", ("status",)),
        lambda seen: each(seen.counters.ended),
    ),
    Row(
        Metric("execution_queue_seconds", HISTOGRAM, "How long an execution was queued, from its submission until it began."),
        lambda seen: one(seen.counters.queued.seen()),
    ),
    Row(
        Metric("executions_admitted", GAUGE, "Places of `--max-jobs`, and of those for alerts, that are taken."),
        lambda seen: one(seen.pool["admitted"]),
    ),
    Row(
        Metric("attempts_started", COUNTER, "Attempts that were handed to an executor.", ("executor",)),
        lambda seen: each(seen.counters.begun),
    ),
    Row(
        Metric(
            "attempts_ended",
            COUNTER,
            "Attempts that ended: `completed`; `failed`; `timed_out`, by their own limit or their execution's; `interrupted`, for their "
            "worker went away or the server stopped; `cancelled`, for nobody wanted them any more.",
            ("executor", "outcome"),
        ),
        lambda seen: [((lane, how), count) for lane, over in seen.counters.over.items() for how, count in over.items()],
    ),
    Row(
        Metric(
            "attempt_duration_seconds",
            HISTOGRAM,
            "From when an attempt was handed to its executor until its end was stored.",
            ("executor",),
        ),
        lambda seen: each({lane: took.seen() for lane, took in seen.counters.took.items()}),
    ),
    Row(Metric("attempts_running", GAUGE, "Attempts that executors have now.", ("executor",)), lambda seen: seen.of_lanes("running")),
    Row(
        Metric("attempts_recovered", COUNTER, "Attempts that were found under way without anybody to report on them, as after a crash."),
        lambda seen: one(seen.pool["interruptedAttempts"]),
    ),
    Row(
        Metric("executor_capacity", GAUGE, "Attempts that an executor can run at once.", ("executor",)),
        lambda seen: seen.of_lanes("workers"),
    ),
    Row(Metric("executor_processes", GAUGE, "Worker processes of an executor.", ("executor",)), lambda seen: seen.of_lanes("processes")),
    Row(
        Metric("engine_turns", COUNTER, "Turns of the engine: all that came in meanwhile is one batch."),
        lambda seen: one(seen.counters.turns),
    ),
    Row(
        Metric("engine_items", COUNTER, "Requests, reports and wake-ups that the engine has taken in."),
        lambda seen: one(seen.counters.items),
    ),
    Row(Metric("engine_inbox_items", GAUGE, "What waits for the engine's next turn."), lambda seen: one(seen.engine.inbox.depth)),
    Row(
        Metric("commit_duration_seconds", HISTOGRAM, "How long a commit took, its syncs included."),
        lambda seen: one(seen.ledger.commits.seen()),
    ),
    Row(Metric("commits_failed", COUNTER, "Commits that failed. They are tried again."), lambda seen: one(seen.ledger.failed)),
    Row(
        Metric(
            "schedule_lateness_seconds", GAUGE, "How late the latest run of a schedule was started that had neither waited nor been missed."
        ),
        lambda seen: one(seen.lateness),
    ),
    Row(Metric("stream_watchers", GAUGE, "Clients that watch live events."), lambda seen: one(seen.watchers)),
)

OF_STORE: tuple[Row[Snapshot], ...] = (
    Row(
        Metric("executions", GAUGE, "Executions that are kept, by status: `QUEUED` ones wait, `RUNNING` ones are active.", ("status",)),
        lambda stored: each({status: stored.count(f"status/{status}") for status in Status}),
    ),
    Row(
        Metric("alerts_untold", GAUGE, "Alerts of which not everybody has been told who is to hear them."),
        lambda stored: one(stored.count(alerts.UNTOLD)),
    ),
    Row(Metric("schedules", GAUGE, "Schedules that there are."), lambda stored: one(stored.count(schedules.INDEX))),
    Row(Metric("schedules_active", GAUGE, "Schedules that are on and have a next run."), lambda stored: one(stored.count(schedules.DUE))),
    Row(
        Metric("schedule_overdue_seconds", GAUGE, "How long a run of a schedule that is due has not been looked at; 0 if none is."),
        lambda stored: one(_overdue(stored)),
    ),
    Row(Metric("backfills_running", GAUGE, "Backfills that have not ended."), lambda stored: one(stored.count(backfills.RUNNING))),
    Row(
        Metric("store_commits", COUNTER, "Commits in the store. Goes on when the server starts again."), lambda stored: one(stored.number())
    ),
)

READABLE = Metric("store_readable", GAUGE, "1 if the store can be read, else 0; what is told from it is left out then.")
SIZE = Metric("store_size_bytes", GAUGE, "How large the file of the store is; 0 in memory.")

METRICS = (*(one.metric for one in OF_SERVER), READABLE, SIZE, *(one.metric for one in OF_STORE))


class Metrics:
    """All that the service knows; what is counted of requests, the face adds."""

    def __init__(self, ledger: Ledger, engine: Engine, system: System, scheduler: Scheduler, fanout: Fanout) -> None:
        self._ledger = ledger
        self._engine = engine
        self._system = system
        self._scheduler = scheduler
        self._fanout = fanout

    def read(self) -> list[Reading]:
        """Never raises for the store."""
        pool = self._engine.gauges()
        seen = _Server(self._engine, self._ledger, pool, self._troubles(), self._scheduler.lateness, self._fanout.watchers)
        return [*told(OF_SERVER, seen), *self._stored()]

    def _troubles(self) -> int:
        try:
            return len(self._system.health().troubles)
        except Unavailable:
            return 1

    def _stored(self) -> list[Reading]:
        try:
            size = self._ledger.size()
            with self._ledger.snapshot() as snapshot:
                return [Reading(READABLE, (((), 1),)), Reading(SIZE, (((), size),)), *told(OF_STORE, snapshot)]
        except StoreError as error:
            log.warning("the store cannot be read, and metrics of it are not told: %s", error)
            return [Reading(READABLE, (((), 0),))]


def told(rows: Iterable[Row[T]], source: T) -> list[Reading]:
    return [Reading(row.metric, tuple(row.read(source))) for row in rows]
