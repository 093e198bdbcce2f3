"""Two gates beside each other: that of jobs which hear alerts, with places of its own, and that of all others.

So an alert goes out while all other places are taken, for it may be about just that, and a storm of alerts takes no place from anybody. Has
the same powers as one `Gate`, and decides nothing but who goes through which. Belongs to the engine's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from workflows.runtime.gate import ANY, Gate
from workflows.runtime.lines import Limits

ALERTING = 8
"""Executions of jobs that hear alerts, at once."""


class Gates:
    """As `Gate`. `max_jobs`: of all that hear no alerts."""

    def __init__(
        self,
        max_jobs: int,
        ready_paths: Callable[[int], Iterable[str]],
        active: Callable[[str], int],
        lane_of: Callable[[int, str], str] = lambda _number, _path: ANY,
    ) -> None:
        self.alerts, self.others = (Gate(places, ready_paths, active, lane_of) for places in (ALERTING, max_jobs))
        self._both = (self.alerts, self.others)
        self._last: dict[str, Gate] = {}  # by lane: which of them had a turn last
        self.alerts.reserving, self.others.reserving = self.others.reserve, self.alerts.reserve

    def _of(self, limits: Limits) -> Gate:
        return self.alerts if limits.hears else self.others

    def clear(self) -> None:
        for gate in self._both:
            gate.clear()

    def know_all(self, all_known: bool) -> None:
        """Whether all that wait are known."""
        for gate in self._both:
            gate.complete = all_known

    def enqueue(self, number: int, limits: Limits, rank: float) -> None:
        self._of(limits).enqueue(number, limits, rank)

    def update(self, number: int, limits: Limits, ready: Iterable[str], unready: Iterable[str], running: int) -> None:
        self._of(limits).update(number, limits, ready, unready, running)

    def move(self, number: int, rank: float) -> None:
        for gate in self._both:
            gate.move(number, rank)

    def begun(self, number: int, definition: str) -> None:
        """Both count a definition's active runs, and those that are let in: another revision may go through the other one."""
        for gate in self._both:
            gate.begun(number, definition)

    def ended(self, number: int, definition: str, had_begun: bool) -> None:
        for gate in self._both:
            gate.ended(number, definition, had_begun)

    def pick(self, lane: str = ANY) -> tuple[int, str] | None:
        """In turns, alerts first: one with a great many attempts does not keep a lane from everybody else."""
        for gate in reversed(self._both) if self._last.get(lane) is self.alerts else self._both:
            if (pick := gate.pick(lane)) is not None:
                self._last[lane] = gate
                return pick
        return None

    def wants(self, lane: str) -> bool:
        return any(gate.wants(lane) for gate in self._both)

    @property
    def admitted(self) -> int:
        """Executions that hold one of the `max_jobs` slots: none that hears alerts is among them."""
        return self.others.admitted
