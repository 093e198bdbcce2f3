"""How a DAG is made of tasks one after the other and side by side, if it is: its series-parallel form, which is all that nested scopes can
say.

The tasks are a partial order: one is before another if there is a way from it to the other. A set of tasks falls into sets side by side
where no order holds between them, into sets one after the other where order holds between all of them; if neither, it has an N (see
`Crossing`) and no such form (Valdes, Tarjan and Lawler, "The recognition of series parallel digraphs"). Sets are the bits of a number: a
union of 10,000 tasks is one operation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from workflows.model import Task

MAX_NESTING = 30
"""Of scopes in scopes. JSON text may nest 200 deep, and a scope takes five of them."""

_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Series:
    parts: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class Beside:
    parts: tuple[Shape, ...]


Shape = Task | Series | Beside


@dataclass(frozen=True, slots=True)
class Crossing:
    """`both` waits for `one` and `other`, `single` for `other` and not for `one`, and nothing else holds between them."""

    one: str
    other: str
    both: str
    single: str

    def __str__(self) -> str:
        return (
            f"{self.both!r} waits for {self.one!r} and {self.other!r}, but {self.single!r} only for {self.other!r}: branches that wait for "
            f"a part of each other cannot be said; if {self.single!r} depended on {self.one!r}, too, they could"
        )


@dataclass(frozen=True, slots=True)
class TooDeep:
    def __str__(self) -> str:
        return f"branches would nest more than {MAX_NESTING} deep"


def in_order(tasks: Mapping[str, Task]) -> list[Task]:
    """Each after all it depends on; else as the document has them."""
    left = {id: len(task.depends_on) for id, task in tasks.items()}
    after: dict[str, list[str]] = {id: [] for id in tasks}
    for id, task in tasks.items():
        for name in task.depends_on:
            after[name].append(id)
    order = [id for id, count in left.items() if not count]
    for id in order:  # which grows meanwhile
        for name in after[id]:
            left[name] -= 1
            if not left[name]:
                order.append(name)
    return [tasks[id] for id in order]


def tasks_of(shape: Shape) -> Iterator[Task]:
    if isinstance(shape, Task):
        yield shape
    else:
        for part in shape.parts:
            yield from tasks_of(part)


def widest(shape: Shape) -> int:
    """The most branches that anything has side by side."""
    if isinstance(shape, Task):
        return 1
    return max(len(shape.parts) if isinstance(shape, Beside) else 1, *map(widest, shape.parts))


def shape_of(tasks: Mapping[str, Task]) -> tuple[Shape | None, list[Crossing | TooDeep]]:
    """The form, or None and why there is none."""
    order = _Order(in_order(tasks))
    shape = order.shape((1 << len(tasks)) - 1, 0)
    return (None if order.problems else shape), order.problems


class _Order:
    def __init__(self, tasks: list[Task]) -> None:
        self.tasks = tasks
        self.problems: list[Crossing | TooDeep] = []
        numbers = {task.id: number for number, task in enumerate(tasks)}
        self.before = [0] * len(tasks)
        self.related = [0] * len(tasks)  # before or after
        after = [0] * len(tasks)
        for number, task in enumerate(tasks):
            for name in task.depends_on:
                self.before[number] |= self.before[numbers[name]] | 1 << numbers[name]
        for number in reversed(range(len(tasks))):
            for name in tasks[number].depends_on:
                after[numbers[name]] |= after[number] | 1 << number
        self.after = after
        self.related = [before | behind for before, behind in zip(self.before, after, strict=True)]

    def shape(self, members: int, depth: int) -> Shape | None:
        if members & (members - 1) == 0:
            return self.tasks[members.bit_length() - 1]
        if depth > MAX_NESTING:
            self.problems.append(TooDeep())
            return None
        beside = self._components(members, related=True)
        if len(beside) > 1:
            return Beside(self._parts(sorted(beside, key=lambda part: part & -part), depth + 1))
        series = self._components(members, related=False)
        if len(series) > 1:
            return Series(self._parts(sorted(series, key=lambda part: (self.before[_first(part)] & members).bit_count()), depth))
        self.problems += self._crossings(members)
        return None

    def _parts(self, parts: list[int], depth: int) -> tuple[Shape, ...]:
        return tuple(shape for part in parts if (shape := self.shape(part, depth)) is not None)

    def _components(self, members: int, *, related: bool) -> list[int]:
        """What hangs together by being related, or by not being."""
        found = []
        while members:
            part, todo = 0, members & -members
            while todo:
                number = _first(todo)
                part |= 1 << number
                near = self.related[number] if related else ~self.related[number]
                todo = (todo | near & members) & ~part
            found.append(part)
            members &= ~part
        return found

    def _crossings(self, members: int) -> Iterator[Crossing]:
        """One for each task that waits for two of which another waits for one; the first few."""
        told: set[int] = set()
        for other in _bits(members):
            below = self.after[other] & members
            for both in _bits(below):
                one = self.before[both] & members & ~self.related[other] & ~(1 << other)
                if both in told or not one or len(told) == _SHOWN:
                    continue
                for single in _bits(below & ~self.related[both] & ~(1 << both)):
                    if rest := one & ~self.related[single] & ~(1 << single):
                        told.add(both)
                        yield Crossing(*(self.tasks[number].id for number in (_first(rest), other, both, single)))
                        break


def _first(members: int) -> int:
    return (members & -members).bit_length() - 1


def _bits(members: int) -> Iterator[int]:
    while members:
        yield _first(members)
        members &= members - 1
