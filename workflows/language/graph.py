"""Which task waits for which: cycles, and what lies upstream. Plain graphs of numbered tasks, nothing about jobs.

`upstream[n]` lists what task n waits for. Everything is a loop over tasks and edges, without recursion: a chain may be 10,000 long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

Graph = Sequence[Sequence[int]]

UNSURE = 1
"""The bit of an upstream set which says that the set may lack some, because something on the way is wrong."""

_SHOWN_TASKS = 12


@dataclass(frozen=True, slots=True)
class Cycle:
    """`closing` is the edge (task, upstream task) without which the cycle would not be there. `tasks` goes from the upstream task along
    what each waits for back to it; None stands for the middle of a long way round."""

    closing: tuple[int, int]
    tasks: tuple[int | None, ...]


@dataclass(slots=True)
class _Walk:
    """A depth-first walk from each task to what it waits for. `way` is the present way down, `depth` where on it a task stands."""

    graph: Graph
    order: list[int] = field(default_factory=list)
    cycles: list[Cycle] = field(default_factory=list)
    way: list[int] = field(default_factory=list)
    depth: dict[int, int] = field(default_factory=dict)

    def run(self) -> None:
        seen = [False] * len(self.graph)
        for start in range(len(self.graph)):
            if seen[start]:
                continue
            todo = [iter((start,))]
            while todo:
                task = next(todo[-1], None)
                if task is None:
                    todo.pop()
                    if self.way:
                        self._leave()
                elif task in self.depth:
                    self._close(task)
                elif not seen[task]:
                    seen[task] = True
                    self.depth[task] = len(self.way)
                    self.way.append(task)
                    todo.append(iter(self.graph[task]))

    def _leave(self) -> None:
        task = self.way.pop()
        del self.depth[task]
        self.order.append(task)

    def _close(self, task: int) -> None:
        first = self.depth[task]
        length = len(self.way) - first
        if length <= _SHOWN_TASKS:
            tasks: tuple[int | None, ...] = tuple(self.way[first:])
        else:
            half = _SHOWN_TASKS // 2
            tasks = (*self.way[first : first + half], None, *self.way[-half:])
        self.cycles.append(Cycle((self.way[-1], task), (*tasks, task)))


def examine(graph: Graph) -> tuple[list[int], list[Cycle]]:
    """An order in which each task comes after all it waits for, and the cycles: without their closing edges there would be none.

    Tarjan's observation: a graph has a cycle if and only if a depth-first walk meets a task that is on its present way down. Where cycles
    share edges, not each way round is listed, but each one uses a closing edge. Closing edges do not count for the order.
    """
    walk = _Walk(graph)
    walk.run()
    return walk.order, walk.cycles


def upstream_sets(graph: Graph, order: Sequence[int], unsure: Sequence[bool], cycles: Sequence[Cycle]) -> list[int]:
    """For each task everything it waits for, directly or not, as a set of bits: bit n + 1 for task n, and UNSURE.

    Bits make this fast: a union of 10,000 tasks is one operation on 1,250 bytes.
    """
    sets = [UNSURE if doubt else 0 for doubt in unsure]
    for cycle in cycles:
        sets[cycle.closing[0]] |= UNSURE
    for task in order:
        union = sets[task]
        for other in graph[task]:
            union |= sets[other] | 2 << other
        sets[task] = union
    return sets
