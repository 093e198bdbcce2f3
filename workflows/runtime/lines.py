"""Executions in line to begin, and whose turn it is: by priority, first come first served within one, and nobody waits for ever.

Whoever waits gains: AGEING_S of waiting are worth one step of priority. Since all who wait gain at the same pace, the order of two never
changes while they wait, so it is one number, fixed when an execution joins (`rank`), and nothing is ever sorted again. At most
2,000 * AGEING_S lie between the highest and the lowest priority: whoever has waited longer than that goes before everybody who comes.

One line per definition, because a definition may have all the active runs it is allowed: then its whole line steps aside until something
about it changes. The heads of the others stand in one heap, so that a turn costs O(log n), however many definitions have a line.
Belongs to the engine's thread, with the gate it is a part of.
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
    """Of one execution: attempts at once within it, and executions of its definition at once (None: no limit)."""

    definition: str
    concurrency: int | None = None
    active_runs: int | None = None


@dataclass(frozen=True, slots=True)
class _Waiting:
    limits: Limits
    place: Place


def rank(priority: int, submitted: float) -> float:
    """The lower goes first. `submitted`: seconds since the epoch."""
    return submitted - priority * AGEING_S


class Lines:
    """`may_begin` says whether a definition with these limits may have one more active run now."""

    def __init__(self, may_begin: Callable[[Limits], bool]) -> None:
        self._may_begin = may_begin
        self._waiting: dict[int, _Waiting] = {}
        self._lines: dict[str, list[Place]] = {}  # heaps; entries that are nobody's place are dropped when they are met
        self._heads: list[tuple[Place, str]] = []  # a heap of the same kind
        self._offered: dict[str, Place] = {}  # the entry of each definition in there that counts
        self._sizes: dict[str, int] = {}

    def __contains__(self, number: int) -> bool:
        return number in self._waiting

    def __len__(self) -> int:
        return len(self._waiting)

    def place(self, number: int) -> Place | None:
        """Of one that is in line."""
        waiting = self._waiting.get(number)
        return None if waiting is None else waiting.place

    def join(self, number: int, limits: Limits, rank: float) -> None:
        """An execution that is not in line gets into it."""
        self._waiting[number] = _Waiting(limits, (rank, number))
        self._sizes[limits.definition] = self._sizes.get(limits.definition, 0) + 1
        heapq.heappush(self._lines.setdefault(limits.definition, []), (rank, number))
        self.offer(limits.definition)

    def leave(self, number: int) -> Limits | None:
        """Out of the line. Its limits; None: it was in none."""
        waiting = self._waiting.pop(number, None)
        if waiting is None:
            return None
        self._sizes[waiting.limits.definition] -= 1
        self.offer(waiting.limits.definition)
        return waiting.limits

    def move(self, number: int, rank: float) -> None:
        """Another place for one that is in line; nothing for one that is not."""
        waiting = self._waiting.get(number)
        if waiting is not None and waiting.place[0] != rank:
            self.leave(number)
            self.join(number, waiting.limits, rank)

    def offer(self, definition: str) -> None:
        """Something about the definition has changed: its head may be another, or may begin now."""
        head = self._head(definition)
        if head is None:
            self._offered.pop(definition, None)
        elif self._offered.get(definition) != head:
            self._offered[definition] = head
            heapq.heappush(self._heads, (head, definition))
        if len(self._heads) > 2 * len(self._offered) + SPARE:
            self._heads = [(place, name) for name, place in self._offered.items()]
            heapq.heapify(self._heads)

    def next(self) -> tuple[int, Limits] | None:
        """Take out the execution whose turn it is. None: nobody who may begin is in line."""
        while self._heads:
            place, definition = heapq.heappop(self._heads)
            if self._offered.get(definition) != place:
                continue
            del self._offered[definition]
            limits = self._waiting[place[1]].limits
            if self._may_begin(limits):  # else it is not looked at again before `offer`
                self.leave(place[1])
                return place[1], limits
        return None

    def _head(self, definition: str) -> Place | None:
        """The first of the line, which forgets entries that no longer count."""
        line = self._lines.get(definition)
        if line is None:
            return None
        if len(line) > 2 * self._sizes[definition] + SPARE:
            line = self._lines[definition] = [place for place in line if self._counts(place)]
            heapq.heapify(line)
        while line and not self._counts(line[0]):
            heapq.heappop(line)
        if line:
            return line[0]
        del self._lines[definition], self._sizes[definition]
        return None

    def _counts(self, place: Place) -> bool:
        waiting = self._waiting.get(place[1])
        return waiting is not None and waiting.place == place
