"""Layer 0: what can happen to an execution. Each event is frozen data that says what happened, when, and how much chance there is in it.

`core.machine.step` turns frames into frames by them. Nothing here knows what comes of an event.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from workflows.model import Error


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. `at` is when; `seed` is all the randomness the step may use (63 bits)."""

    at: float
    seed: int


@dataclass(frozen=True, slots=True)
class Started(Event):
    """The first event. `input` is JSON text, checked at the edge; the rest as in `Header`."""

    execution: str
    definition: str
    revision: int
    input: str
    priority: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    key: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Taken(Event):
    """The gate handed this attempt to the executor named `by`; from here its time-outs count."""

    path: str
    visit: int
    by: str


@dataclass(frozen=True, slots=True)
class Succeeded(Event):
    """`output` is JSON text, checked by the executor."""

    path: str
    visit: int
    output: str


@dataclass(frozen=True, slots=True)
class Failed(Event):
    path: str
    visit: int
    error: Error


@dataclass(frozen=True, slots=True)
class Heartbeat(Event):
    path: str
    visit: int


@dataclass(frozen=True, slots=True)
class Fired(Event):
    """A moment came. Counts only while `due` is still the frame's earliest deadline."""

    path: str
    visit: int
    due: float


@dataclass(frozen=True, slots=True)
class Interrupted(Event):
    """A taken attempt will never report: its worker is gone. `clean` after an orderly stop, which is not held against the attempt.
    `alone`: it is not to be run beside others any more. `why`: what became of the worker, for people; empty: the server died or stopped."""

    path: str
    visit: int
    clean: bool = False
    alone: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True)
class Broke(Event):
    """Stepping one event of this execution raised: it fails with States.Runtime, its neighbours do not."""

    error: Error


@dataclass(frozen=True, slots=True)
class Continue(Event):
    """A parked frame's turn has come again."""

    path: str
    visit: int


class Cancelled(Event):
    __slots__ = ()


class Paused(Event):
    __slots__ = ()


class Resumed(Event):
    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Prioritized(Event):
    """Somebody wants it to have this priority, which counts while it is queued."""

    priority: int


@dataclass(frozen=True, slots=True)
class Redriven(Event):
    """Go on from where it ended without success, by this revision, which has said that it fits. `input`: JSON text, checked at the edge;
    None: as it was."""

    revision: int
    input: str | None = None
