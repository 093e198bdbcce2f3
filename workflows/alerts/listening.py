"""Which alerts a job hears that says `onAlert`. Frozen data and one question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any


class Kind(StrEnum):
    """What an alert is about."""

    FAILED = "failed"
    MISSED = "missed"
    LATE = "late"
    QUEUE_DEPTH = "queueDepth"
    TEST = "test"


KINDS = (Kind.FAILED, Kind.MISSED, Kind.LATE, Kind.QUEUE_DEPTH)
"""Those that may be chosen; a test is for everybody who listens."""


@dataclass(frozen=True, slots=True)
class OnAlert:
    """`kinds`: which it hears; `jobs`: patterns of the jobs that it hears about. None: all."""

    kinds: tuple[str, ...] | None = None
    jobs: tuple[str, ...] | None = None

    def hears(self, kind: str, job: str) -> bool:
        """Of an alert about the job; the depth of the queue is about none."""
        if kind == Kind.TEST:
            return True
        if self.kinds is not None and kind not in self.kinds:
            return False
        return kind == Kind.QUEUE_DEPTH or self.jobs is None or any(fnmatchcase(job, pattern) for pattern in self.jobs)

    def row(self) -> dict[str, Any]:
        """As it is stored."""
        return asdict(self)


def from_row(row: Mapping[str, Any]) -> OnAlert:
    return OnAlert(*(None if row[name] is None else tuple(row[name]) for name in ("kinds", "jobs")))
