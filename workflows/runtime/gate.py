"""Which ready attempt is handed out next: the only place where limits live. Frames say *ready* and know nothing of limits.

An execution is *admitted* while it holds one of the `max_jobs` slots: from its first attempt until nothing of it is ready or running.
Those that have begun and only waited come back ahead of new ones; new ones come oldest first, within the active runs their definition
allows. Among the admitted, attempts are handed out round-robin, within each execution's own limit. Belongs to the engine's thread and is
rebuilt from the frames at start-up and after a failed commit, so nothing here is stored.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one execution: attempts at once within it, and executions of its definition at once (None: no limit)."""

    definition: str
    concurrency: int | None = None
    active_runs: int | None = None


@dataclass(slots=True)
class _Standing:
    """An execution that has begun and has something ready or running."""

    limits: Limits
    ready: dict[str, None] = field(default_factory=dict)
    running: int = 0
    admitted: bool = False


class Gate:
    """`max_jobs`: executions at once. `ready_paths` lists an execution's READY frames when its turn comes; `active` counts the
    executions of a definition that have begun and not ended, as of now, and is asked once per limited definition."""

    def __init__(self, max_jobs: int, ready_paths: Callable[[int], Iterable[str]], active: Callable[[str], int]) -> None:
        self.max_jobs = max_jobs
        self._ready_paths = ready_paths
        self._count_active = active
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._standing: dict[int, _Standing] = {}
        self._admitted = 0
        self._ring: OrderedDict[int, None] = OrderedDict()  # admitted, and ready when last looked at
        self._again: OrderedDict[int, None] = OrderedDict()  # have begun, have something ready, hold no slot
        self._new: dict[str, list[int]] = {}
        self._waiting: dict[int, Limits] = {}
        self._active: dict[str, int] = {}
        self._reserved: set[int] = set()

    # ---------------------------------------------------------------------------------------------------- what it is told

    def enqueue(self, number: int, limits: Limits) -> None:
        """An execution that has not begun has something ready."""
        if number not in self._waiting and number not in self._standing:
            self._waiting[number] = limits
            heapq.heappush(self._new.setdefault(limits.definition, []), number)

    def update(self, number: int, limits: Limits, ready: Iterable[str], unready: Iterable[str], running: int) -> None:
        """An execution that has begun: these attempts became ready, those no longer are, and `running` more run than before."""
        standing = self._standing.get(number)
        if standing is None:
            standing = self._standing[number] = _Standing(limits)
            self._again[number] = None
        standing.running += running
        standing.ready.update(dict.fromkeys(ready))
        for path in unready:
            standing.ready.pop(path, None)
        if standing.running > 0 and not standing.admitted:
            self._seat(number, standing)
        elif standing.admitted and standing.ready:
            self._ring[number] = None  # keeps its place if it has one
        if not standing.ready and standing.running <= 0:
            self._leave(number)

    def begun(self, number: int, definition: str) -> None:
        """The execution counts as an active run of its definition from now on. One that began without the gate (it came to a moment to
        wait for, say) need not be let in any more."""
        limits = self._waiting.pop(number, None)
        if limits is not None and (paths := dict.fromkeys(self._ready_paths(number))):
            self._standing[number] = _Standing(limits, paths)
            self._again[number] = None
        if number in self._reserved:
            self._reserved.discard(number)
        elif definition in self._active:
            self._active[definition] += 1

    def ended(self, number: int, definition: str, had_begun: bool) -> None:
        """Nothing more of this execution will be ready, or not before it is enqueued again."""
        self._waiting.pop(number, None)
        self._leave(number)
        if (number in self._reserved or had_begun) and definition in self._active:
            self._active[definition] -= 1
        self._reserved.discard(number)

    # ------------------------------------------------------------------------------------------------------- what it says

    def pick(self) -> tuple[int, str] | None:
        """The next attempt to hand out (execution number, path), or None. The caller has it taken, or tells `unready`."""
        while self._admitted < self.max_jobs and self._admit():
            pass
        for _ in range(len(self._ring)):
            number = next(iter(self._ring))
            standing = self._standing[number]
            if not standing.ready:
                del self._ring[number]
                continue
            self._ring.move_to_end(number)
            limit = standing.limits.concurrency
            if limit is None or standing.running < limit:
                return number, next(iter(standing.ready))
        return None

    @property
    def admitted(self) -> int:
        """Executions that hold a slot."""
        return self._admitted

    # ------------------------------------------------------------------------------------------------------------- within

    def _admit(self) -> bool:
        """Give a slot to the execution whose turn it is. False: nobody waits for one."""
        if self._again:
            number = next(iter(self._again))
            self._seat(number, self._standing[number])
            return True
        chosen = self._next_new()
        if chosen is None:
            return False
        limits = self._waiting.pop(chosen)
        paths = dict.fromkeys(self._ready_paths(chosen))
        if paths:
            if limits.definition in self._active:
                self._active[limits.definition] += 1
                self._reserved.add(chosen)
            self._standing[chosen] = _Standing(limits, paths)
            self._seat(chosen, self._standing[chosen])
        return True

    def _next_new(self) -> int | None:
        """The oldest execution whose definition may have one more active run."""
        best: str | None = None
        for definition, queue in list(self._new.items()):
            while queue and queue[0] not in self._waiting:
                heapq.heappop(queue)
            if not queue:
                del self._new[definition]
            elif self._may_begin(self._waiting[queue[0]]) and (best is None or queue[0] < self._new[best][0]):
                best = definition
        return None if best is None else heapq.heappop(self._new[best])

    def _may_begin(self, limits: Limits) -> bool:
        return limits.active_runs is None or self._active_runs(limits.definition) < limits.active_runs

    def _active_runs(self, definition: str) -> int:
        if definition not in self._active:
            self._active[definition] = self._count_active(definition)
        return self._active[definition]

    def _seat(self, number: int, standing: _Standing) -> None:
        standing.admitted = True
        self._admitted += 1
        self._again.pop(number, None)
        if standing.ready:
            self._ring[number] = None

    def _leave(self, number: int) -> None:
        """One with nothing ready and nothing running holds no slot."""
        standing = self._standing.pop(number, None)
        self._again.pop(number, None)
        self._ring.pop(number, None)
        self._admitted -= standing is not None and standing.admitted
