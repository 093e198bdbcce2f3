"""Executions in line to begin, and whose turn it is: by priority, first come first served within one, and nobody waits for ever.

Whoever waits gains: AGEING_S of waiting are worth one step of priority. Since all who wait gain at the same pace, the order of two never
changes while they wait, so it is one number, fixed when an execution joins (`rank`), and nothing is ever sorted again. At most
2,000 * AGEING_S lie between the highest and the lowest priority: whoever has waited longer than that goes before everybody who comes.

One line per definition and kind of work, because a definition may have all the active runs it is allowed, and the executors of some work
may be full: such a line steps aside until something about it changes. The heads of the others stand in one heap per lane (`runtime.gate`),
so that a turn costs O(log n), however many definitions have a line. Belongs to the engine's thread, with the gate it is a part of.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass

AGEING_S = 60.0
"""How long one waits to gain one step of priority."""

SPARE = 64
"""Entries that no longer count, in a heap that has as many again that do, before it is made anew."""

Place = tuple[float, int]
"""Rank and execution number: the lower goes first."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one execution: attempts at once within it, and executions of its definition at once (None: no limit). `hears`: its job is one
    that hears alerts."""

    definition: str
    concurrency: int | None = None
    active_runs: int | None = None
    hears: bool = False


Line = tuple[str, frozenset[str]]
"""A definition, and the lanes of what its executions in this line have ready."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    limits: Limits
    line: Line
    place: Place


def rank(priority: int, submitted: float) -> float:
    """The lower goes first. `submitted`: seconds since the epoch."""
    return submitted - priority * AGEING_S


class Lines:
    """`may_begin` says whether a definition with these limits may have one more active run now."""

    def __init__(self, may_begin: Callable[[Limits], bool]) -> None:
        self._may_begin = may_begin
        self._waiting: dict[int, _Waiting] = {}
        self._lines: dict[Line, list[Place]] = {}  # heaps; entries that are nobody's place are dropped when they are met
        self._sizes: dict[Line, int] = {}
        self._of: dict[str, dict[Line, None]] = {}  # by definition
        self._heads: dict[str, list[tuple[Place, Line]]] = {}  # by lane: heaps of the same kind
        self._offered: dict[str, dict[Line, Place]] = {}  # by lane: the entries in there that count

    def __contains__(self, number: int) -> bool:
        return number in self._waiting

    def __len__(self) -> int:
        return len(self._waiting)

    def place(self, number: int) -> Place | None:
        """Of one that is in line."""
        waiting = self._waiting.get(number)
        return None if waiting is None else waiting.place

    def lanes(self, number: int) -> frozenset[str]:
        """Of one that is in line."""
        return self._waiting[number].line[1]

    def join(self, number: int, limits: Limits, rank: float, lanes: frozenset[str]) -> None:
        """An execution gets into line, or to another place if it is in one."""
        waiting = _Waiting(limits, (limits.definition, lanes), (rank, number))
        if self._waiting.get(number) == waiting:
            return
        self.leave(number)
        self._waiting[number] = waiting
        self._sizes[waiting.line] = self._sizes.get(waiting.line, 0) + 1
        self._of.setdefault(limits.definition, {})[waiting.line] = None
        heapq.heappush(self._lines.setdefault(waiting.line, []), waiting.place)
        self._offer(waiting.line)

    def leave(self, number: int) -> Limits | None:
        """Out of the line. Its limits; None: it was in none."""
        waiting = self._waiting.pop(number, None)
        if waiting is None:
            return None
        self._sizes[waiting.line] -= 1
        self._offer(waiting.line)
        return waiting.limits

    def move(self, number: int, rank: float) -> None:
        """Another place for one that is in line; nothing for one that is not."""
        waiting = self._waiting.get(number)
        if waiting is not None:
            self.join(number, waiting.limits, rank, waiting.line[1])

    def offer(self, definition: str) -> None:
        """Something about the definition has changed: it may have another active run now."""
        for line in list(self._of.get(definition, ())):
            self._offer(line)

    def next(self, lane: str) -> int | None:
        """The execution whose turn it is in this lane, which stays in line. None: nobody who may begin has anything ready there."""
        heads, offered = self._heads.get(lane, []), self._offered.get(lane, {})
        while heads:
            place, line = heads[0]
            if offered.get(line) == place:
                if self._may_begin(self._waiting[place[1]].limits):
                    return place[1]
                del offered[line]  # it is not looked at again before it is offered
            heapq.heappop(heads)
        return None

    def _offer(self, line: Line) -> None:
        """Have its head stand among the others of its lanes."""
        head = self._head(line)
        for lane in line[1]:
            heads, offered = self._heads.setdefault(lane, []), self._offered.setdefault(lane, {})
            if head is None:
                offered.pop(line, None)
            elif offered.get(line) != head:
                offered[line] = head
                heapq.heappush(heads, (head, line))
            if len(heads) > 2 * len(offered) + SPARE:
                heads[:] = [(place, name) for name, place in offered.items()]
                heapq.heapify(heads)

    def _head(self, line: Line) -> Place | None:
        """The first in it. Forgets entries that no longer count, and a line in which nobody is left."""
        places = self._lines.get(line)
        if places is None:
            return None
        if len(places) > 2 * self._sizes[line] + SPARE:
            places = self._lines[line] = [place for place in places if self._counts(place, line)]
            heapq.heapify(places)
        while places and not self._counts(places[0], line):
            heapq.heappop(places)
        if places:
            return places[0]
        del self._lines[line], self._sizes[line], self._of[line[0]][line]
        if not self._of[line[0]]:
            del self._of[line[0]]
        return None

    def _counts(self, place: Place, line: Line) -> bool:
        waiting = self._waiting.get(place[1])
        return waiting is not None and waiting.place == place and waiting.line == line
