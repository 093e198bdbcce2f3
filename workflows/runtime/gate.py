"""Which ready attempt is handed out next: the only place where limits live. Frames say *ready* and know nothing of limits.

An execution is *admitted* while it holds one of the `max_jobs` slots: from its first attempt until nothing of it is ready or running.
Those that have begun and only waited come back ahead of new ones; new ones come by priority and age (`runtime.lines`), within the active
runs their definition allows. Among the admitted, attempts are handed out round-robin, within each execution's own limit.

A *lane* is the executor an attempt is for. Lanes do not hold each other up: each has its own round, only what has something ready in a
lane is admitted for it, and an execution that holds a slot while nothing of it runs, because its lanes are full, gives the slot up to one
that could use it. Belongs to the engine's thread and is rebuilt from the frames at start-up and after a failed commit, so nothing here is
stored.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from workflows.runtime.lines import Limits, Lines

ANY = ""
"""The lane of all attempts where nobody tells them apart."""


class _Ready:
    """Paths of ready attempts, in order, by lane."""

    __slots__ = ("_lane_of", "_lanes")

    def __init__(self) -> None:
        self._lane_of: dict[str, str] = {}
        self._lanes: dict[str, dict[str, None]] = {}

    def __bool__(self) -> bool:
        return bool(self._lane_of)

    def __iter__(self) -> Iterator[str]:
        return iter(self._lane_of)

    def add(self, path: str, lane: str) -> None:
        if self._lane_of.get(path) != lane:
            self.discard(path)
            self._lane_of[path] = lane
            self._lanes.setdefault(lane, {})[path] = None

    def discard(self, path: str) -> None:
        lane = self._lane_of.pop(path, None)
        if lane is not None:
            del self._lanes[lane][path]
            if not self._lanes[lane]:
                del self._lanes[lane]

    def lanes(self) -> Iterable[str]:
        return self._lanes

    def first(self, lane: str) -> str | None:
        return next(iter(self._lanes.get(lane, ())), None)


@dataclass(slots=True)
class _Standing:
    """An execution that has begun and has something ready or running."""

    limits: Limits
    ready: _Ready = field(default_factory=_Ready)
    running: int = 0
    admitted: bool = False


Queue = OrderedDict[int, None]
"""Executions in order. One that no longer belongs there is taken out when its turn comes."""


class Gate:
    """`max_jobs`: executions at once. `ready_paths` lists an execution's READY frames when its turn comes; `active` counts the
    executions of a definition that have begun and not ended, as of now, and is asked once per limited definition; `lane_of` names the lane
    of a ready attempt (execution number, path). While `complete` is false not all that wait are known yet, and none of them is let in: the
    last to be found may be the first in line. `reserving` hears of those let in that count as active runs before
    they begin."""

    def __init__(
        self,
        max_jobs: int,
        ready_paths: Callable[[int], Iterable[str]],
        active: Callable[[str], int],
        lane_of: Callable[[int, str], str] = lambda _number, _path: ANY,
    ) -> None:
        self.max_jobs = max_jobs
        self._ready_paths = ready_paths
        self._count_active = active
        self._lane_of = lane_of
        self.complete = True
        self.reserving: Callable[[int, str], None] = lambda _number, _definition: None
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._standing: dict[int, _Standing] = {}
        self._admitted = 0
        self._rings: defaultdict[str, Queue] = defaultdict(OrderedDict)  # by lane: admitted, with something ready
        self._again: defaultdict[str, Queue] = defaultdict(OrderedDict)  # by lane: have begun, with something ready, hold no slot
        self._idle: Queue = OrderedDict()  # admitted, and nothing of them runs
        self._new = Lines(self._may_begin)
        self._active: dict[str, int] = {}
        self._reserved: dict[int, str] = {}  # have not begun and count already: their definitions

    # ---------------------------------------------------------------------------------------------------- what it is told

    def enqueue(self, number: int, limits: Limits, rank: float) -> None:
        """An execution that has not begun has something ready."""
        if number not in self._standing:
            lanes = frozenset(self._lane_of(number, path) for path in self._ready_paths(number))
            self._new.join(number, limits, rank, lanes)

    def move(self, number: int, rank: float) -> None:
        """It has another rank now, if it is still in line."""
        self._new.move(number, rank)

    def update(self, number: int, limits: Limits, ready: Iterable[str], unready: Iterable[str], running: int) -> None:
        """An execution that has begun: these attempts became ready, those no longer are, and `running` more run than before."""
        standing = self._standing.get(number)
        if standing is None:
            standing = self._standing[number] = _Standing(limits)
        standing.running += running
        for path in ready:
            standing.ready.add(path, self._lane_of(number, path))
        for path in unready:
            standing.ready.discard(path)
        if standing.running > 0 and not standing.admitted:
            self._seat(number, standing)
        else:
            self._place(number, standing)
        if not standing.ready and standing.running <= 0:
            self._leave(number)

    def begun(self, number: int, definition: str) -> None:
        """The execution counts as an active run of its definition from now on. One that began without the gate (it came to a moment to
        wait for, say) need not be let in any more."""
        limits = self._new.leave(number)
        if limits is not None and (standing := self._stand(number, limits)):
            self._place(number, standing)
        if self._reserved.pop(number, None) is None and definition in self._active:
            self._active[definition] += 1

    def reserve(self, number: int, definition: str) -> None:
        """The execution is let in, here or by a neighbour, and counts as an active run before it begins."""
        self._reserved[number] = definition
        if definition in self._active:
            self._active[definition] += 1

    def ended(self, number: int, definition: str, had_begun: bool) -> None:
        """Nothing more of this execution will be ready, or not before it is enqueued again. `definition` may be "" for one that cannot be
        read: what it had reserved is known here."""
        self._new.leave(number)
        self._leave(number)
        reserved = self._reserved.pop(number, None)
        counted = reserved or (definition if had_begun else "")
        if counted in self._active:
            self._active[counted] -= 1
            self._new.offer(counted)

    # ------------------------------------------------------------------------------------------------------- what it says

    def pick(self, lane: str = ANY) -> tuple[int, str] | None:
        """The next attempt to hand out in this lane (execution number, path), or None. The caller has it taken, or tells `unready`."""
        while self._admitted < self.max_jobs and self._admit(lane):
            pass
        found = self._next(lane)
        while found is None and self._admitted >= self.max_jobs and self._idle and self._waits(lane):
            self._unseat(next(reversed(self._idle)))
            self._admit(lane)
            found = self._next(lane)
        return found

    def wants(self, lane: str) -> bool:
        """Whether more could be handed out in this lane, as far as can be told at a glance."""
        return any(self._standing[number].ready.first(lane) for number in self._rings[lane]) or self._waits(lane)

    @property
    def admitted(self) -> int:
        """Executions that hold a slot."""
        return self._admitted

    # ------------------------------------------------------------------------------------------------------------- within

    def _next(self, lane: str) -> tuple[int, str] | None:
        """Round-robin over the admitted that have something ready in the lane."""
        ring = self._rings[lane]
        for _ in range(len(ring)):
            number = next(iter(ring))
            standing = self._standing[number]
            path = standing.ready.first(lane)
            if path is None:
                del ring[number]
                continue
            ring.move_to_end(number)
            limit = standing.limits.concurrency
            if limit is None or standing.running < limit:
                return number, path
        return None

    def _admit(self, lane: str) -> bool:
        """Give a slot to the execution whose turn it is in this lane. False: nobody waits for one."""
        number = self._next_again(lane)
        if number is not None:
            self._seat(number, self._standing[number])
            return True
        number = self._next_new(lane)
        limits = None if number is None else self._new.leave(number)
        if number is None or limits is None:
            return False
        standing = self._stand(number, limits)
        if standing:
            if limits.definition in self._active:
                self.reserve(number, limits.definition)
                self.reserving(number, limits.definition)
            self._seat(number, standing)
        return True

    def _waits(self, lane: str) -> bool:
        """Whether an execution that could use the lane waits for a slot."""
        return self._next_again(lane) is not None or self._next_new(lane) is not None

    def _next_again(self, lane: str) -> int | None:
        queue = self._again[lane]
        while queue:
            number = next(iter(queue))
            standing = self._standing[number]
            if not standing.admitted and standing.ready.first(lane) is not None:
                return number
            del queue[number]
        return None

    def _next_new(self, lane: str) -> int | None:
        return self._new.next(lane) if self.complete else None

    def _may_begin(self, limits: Limits) -> bool:
        return limits.active_runs is None or self._active_runs(limits.definition) < limits.active_runs

    def _active_runs(self, definition: str) -> int:
        if definition not in self._active:
            reserved = sum(one == definition for one in self._reserved.values())
            self._active[definition] = self._count_active(definition) + reserved
        return self._active[definition]

    def _stand(self, number: int, limits: Limits) -> _Standing | None:
        """An execution that begins; None: nothing of it is ready any more."""
        standing = _Standing(limits)
        for path in self._ready_paths(number):
            standing.ready.add(path, self._lane_of(number, path))
        if not standing.ready:
            return None
        self._standing[number] = standing
        return standing

    def _place(self, number: int, standing: _Standing) -> None:
        """Put it where what it has ready will be found; it keeps the places it has."""
        queues = self._rings if standing.admitted else self._again
        for lane in standing.ready.lanes():
            queues[lane].setdefault(number)
        if standing.admitted and standing.running <= 0:
            self._idle.setdefault(number)
        else:
            self._idle.pop(number, None)

    def _seat(self, number: int, standing: _Standing) -> None:
        standing.admitted = True
        self._admitted += 1
        self._drop(self._again, number)
        self._place(number, standing)

    def _unseat(self, number: int) -> None:
        """It gives up its slot and is the first to get one again."""
        standing = self._standing[number]
        standing.admitted = False
        self._admitted -= 1
        self._drop(self._rings, number)
        self._place(number, standing)
        for lane in standing.ready.lanes():
            self._again[lane].move_to_end(number, last=False)

    def _leave(self, number: int) -> None:
        """One with nothing ready and nothing running holds no slot."""
        standing = self._standing.pop(number, None)
        self._idle.pop(number, None)
        self._drop(self._again, number)
        self._drop(self._rings, number)
        self._admitted -= standing is not None and standing.admitted

    def _drop(self, queues: dict[str, Queue], number: int) -> None:
        for queue in queues.values():
            queue.pop(number, None)
