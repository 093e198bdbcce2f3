"""What the keys of a job demand of each other: ids given once, names that exist, no cycles, paths that only lead upstream.

A `Draft` is made from a document whose shape may be wrong in places, so it believes nothing: it works with what could be read and is
silent where that is not enough to be sure. Tasks have numbers here, their places in the document, because ids may be missing or taken.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from workflows.errors import Problem
from workflows.expressions import DATA, Path
from workflows.language.expressions import paths_of
from workflows.language.findings import Cautions, Known
from workflows.language.graph import UNSURE, examine, upstream_sets
from workflows.language.names import Nearest, closest
from workflows.language.secrets import references, unknown
from workflows.language.shapes import shown
from workflows.model import INLINE, SHARED, child_path

_ROOTS = ("input", "results")


@dataclass(frozen=True, slots=True)
class Entry:
    """A task of the document: where it stands, its id if it has one, the keys it was given, and what could be loaded of it."""

    pointer: str
    id: str | None
    keys: frozenset[str]
    loaded: dict[str, Any]


def entries_of(document: dict[str, Any], loaded: list[Any]) -> list[Entry]:
    """`loaded` is empty or as long as the tasks of the document."""
    tasks = document.get("tasks")
    members = list(tasks.items() if isinstance(tasks, dict) else enumerate(tasks)) if loaded and tasks else []
    return [_entry(key, task, part) for (key, task), part in zip(members, loaded, strict=True)]


def _entry(key: str | int, task: Any, loaded: Any) -> Entry:
    given = task if isinstance(task, dict) else {}
    name = key if isinstance(key, str) else given.get("id")
    return Entry(child_path("/tasks", str(key)), name if isinstance(name, str) else None, frozenset(given), loaded or {})


class Draft:
    def __init__(self, document: dict[str, Any], job: dict[str, Any]) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self.job = job
        self.document = document
        self.entries = entries_of(document, job.get("tasks") or [])
        self.edges: list[list[int]] = [[] for _ in self.entries]
        self._unsure = [False] * len(self.entries)
        self._places: dict[tuple[int, int], str] = {}
        self._numbers: dict[str, int] = {}
        self._number()
        self._nearest = Nearest(self._numbers)
        self._connect()
        self._check_paths()

    def upstream(self, number: int) -> tuple[str, ...]:
        return tuple(str(self.entries[other].id) for other in self.edges[number])

    # ------------------------------------------------------------------------------------------- ids

    def _number(self) -> None:
        for number, entry in enumerate(self.entries):
            if entry.id is None:
                continue
            first = self._numbers.setdefault(entry.id, number)
            if first != number:
                self._refuse(f"{entry.pointer}/id", f"the id {shown(entry.id)} is taken by {self.entries[first].pointer}")

    # ----------------------------------------------------------------------------------------- graph

    def _connect(self) -> None:
        """Without any `dependsOn` a list runs in order. Any, even an empty one, makes it a DAG, as does an object of tasks."""
        depends_on = any("dependsOn" in entry.keys for entry in self.entries)
        keyed = isinstance(self.document.get("tasks"), dict)
        if "graph" in self.document:
            self._check_form(keyed, depends_on)
            self._connect_graph()
        if depends_on:
            self._connect_tasks()
        elif not keyed and "graph" not in self.document:
            self.edges = [[number - 1] if number else [] for number in range(len(self.entries))]

    def _check_form(self, keyed: bool, depends_on: bool) -> None:
        if isinstance(self.document.get("tasks"), list) and not keyed:
            self._refuse("/graph", "graph goes with an object of tasks by id; in a list of tasks use dependsOn")
        elif depends_on:
            self._refuse("/graph", "both graph and dependsOn are given; use one of them")

    def _connect_graph(self) -> None:
        for key, names in (self.job.get("graph") or {}).items():
            place = child_path("/graph", key)
            if key in self._numbers:
                self._connect_names(self._numbers[key], place, names)
            elif self.entries:
                self._refuse(place, f"there is no task {shown(key)}", self._nearest.to(key))

    def _connect_tasks(self) -> None:
        for number, entry in enumerate(self.entries):
            if "dependsOn" in entry.keys:
                self._connect_names(number, f"{entry.pointer}/dependsOn", entry.loaded.get("depends_on"))

    def _connect_names(self, number: int, pointer: str, names: list[str | None] | None) -> None:
        """`None` stands for what is not even text."""
        seen: set[str] = set()
        for index, name in enumerate([None] if names is None else names):
            place = child_path(pointer, str(index))
            if name is None:
                self._unsure[number] = True
            elif name in seen:
                self._refuse(place, f"the task {shown(name)} is listed twice")
            elif name == self.entries[number].id:
                self._unsure[number] = True  # another task was meant
                self._refuse(place, "a task cannot depend on itself")
            elif name not in self._numbers:
                self._unsure[number] = True
                self._refuse(place, f"there is no task {shown(name)}", self._nearest.to(name))
            else:
                self.edges[number].append(self._numbers[name])
                self._places.setdefault((number, self._numbers[name]), place)
            seen.add(name or "")

    # ----------------------------------------------------------------------------------------- paths

    def _check_paths(self) -> None:
        order, cycles = examine(self.edges)
        for cycle in cycles:
            way = " -> ".join("..." if number is None else str(self.entries[number].id) for number in cycle.tasks)
            self._refuse(self._places[cycle.closing], f"these tasks wait for each other: {way}")
        upstream: list[int] | None = None
        for number, entry in enumerate(self.entries):
            for key in ("when", "parameters"):
                for place, path in paths_of(entry.loaded.get(key), f"{entry.pointer}/{key}"):
                    if upstream is None:
                        upstream = upstream_sets(self.edges, order, self._unsure, cycles)
                    self._check_path(place, path, number, upstream[number])
        for place, path in paths_of(self.job.get("output"), "/output"):
            self._check_path(place, path, None, UNSURE)
        for place in references(self.job.get("output"), "/output"):
            self._refuse(place, "an output holds no secrets; only the parameters of a task may name one")

    def _check_path(self, place: str, path: Path, number: int | None, upstream: int) -> None:
        if path.root != DATA or not path.steps:
            return
        root, task = (*path.steps, None)[:2]
        if root not in _ROOTS:
            self._refuse(place, f"the data has input and results, not {shown(root)}", closest(str(root), _ROOTS))
        elif root == "results" and task is not None and self.entries:
            target = self._numbers.get(task) if isinstance(task, str) else None
            if target is None:
                self._refuse(place, f"there is no task {shown(task)}", self._nearest.to(str(task)))
            elif target == number:
                self._refuse(place, "a task cannot use its own result")
            elif not upstream & (UNSURE | 2 << target):
                self._refuse(place, f"the task {shown(task)} need not have ended before this one: it is not upstream of it")

    # ------------------------------------------------------------------------------------- functions

    def check_functions(self, functions: Known, names: Iterable[str]) -> None:
        nearest = Nearest(names)
        known: dict[str, bool] = {}
        for entry in self.entries:
            name = entry.loaded.get("function")
            if name is None:
                continue
            if name not in known:
                known[name] = functions(name)
            if not known[name]:
                self._refuse(f"{entry.pointer}/functionName", f"there is no function {shown(name)}", nearest.to(name))

    def check_executors(self, inline: Known) -> None:
        """In the server itself runs only what was made for that."""
        for entry in self.entries:
            name = entry.loaded.get("function")
            if entry.loaded.get("executor") == INLINE and name is not None and not inline(name):
                text = f'{shown(name)} cannot run inline: only built-ins and functions marked @task_function(executor="inline") can'
                self._refuse(f"{entry.pointer}/executor", text, SHARED)

    def caution(self, cautions: Cautions, secrets: Known | None) -> None:
        for entry in self.entries:
            self.warnings += unknown(references(entry.loaded.get("parameters"), f"{entry.pointer}/parameters"), secrets)
            name = entry.loaded.get("function")
            if name is not None and (said := cautions(name)):
                self.warnings.append(Problem(f"{entry.pointer}/functionName", said, severity="warning"))

    def _refuse(self, pointer: str, message: str, suggestion: str | None = None) -> None:
        self.problems.append(Problem(pointer, message, suggestion))
