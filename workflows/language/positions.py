"""Where in a JSON text each of its values and keys stands, by JSON Pointer: for problems, so that people find the place in their file.

Reading a text once more is slow next to parsing it, so it is done only when there is something to report. The text must be JSON as
`text.loads` takes it. Lines end with "\\n" and columns count characters, both from 1, as in the messages of `text.py`.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from workflows.errors import Problem
from workflows.model import child_path, parent_path

_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[\]{},:]|[^\s\[\]{},:"]++')


@dataclass(frozen=True, slots=True)
class Place:
    """Offsets into the text, of a value and (of a member of an object) its key."""

    value: int
    key: int | None = None


@dataclass(slots=True)
class _Open:
    """An array or object on the way down. `pointer` None: nobody asks for what is inside. `key` is the key that was read last."""

    pointer: str | None
    is_object: bool
    index: int = 0
    key: tuple[str, int] | None = None


def places(text: str, wanted: Collection[str] | None = None) -> dict[str, Place]:
    """The place of everything in `text`, or of what `wanted` names and what is around it. Of equal keys the last one counts."""
    needed = None if wanted is None else {pointer[:end] for pointer in wanted for end in _ends(pointer)}
    found: dict[str, Place] = {}
    around: list[_Open] = []
    for match in _TOKEN.finditer(text):
        mark = match[0]
        top = around[-1] if around else None
        if mark in ",:":
            if top and mark == ",":
                top.index, top.key = top.index + 1, None
        elif mark in "]}":
            around.pop()
        elif top and top.is_object and top.key is None:
            top.key = (mark, match.start())
        else:
            pointer = _pointer(top, needed)
            if pointer is not None:
                found[pointer] = Place(match.start(), top.key[1] if top and top.key else None)
            if mark in "[{":
                around.append(_Open(pointer, mark == "{"))
    return found


def _pointer(top: _Open | None, needed: set[str] | None) -> str | None:
    """Of the value that comes next inside `top`, unless nobody asks for it."""
    if top is None:
        return ""
    if top.pointer is None:
        return None
    segment = json.loads(top.key[0]) if top.key else str(top.index)
    pointer = child_path(top.pointer, segment)
    return pointer if needed is None or pointer in needed else None


def _ends(pointer: str) -> Iterable[int]:
    return (*(match.start() for match in re.finditer("/", pointer)), len(pointer))


def located(problems: Iterable[Problem], text: str) -> list[Problem]:
    """The same problems with line and column. What is missing from the text is where it is missing."""
    problems = list(problems)
    found = places(text, {problem.pointer for problem in problems})
    newlines = [match.start() for match in re.finditer("\n", text)]
    return [_located(problem, found, newlines) for problem in problems]


def _located(problem: Problem, found: dict[str, Place], newlines: list[int]) -> Problem:
    pointer = problem.pointer
    while pointer not in found:
        pointer = parent_path(pointer)
    offset = found[pointer].value
    line = bisect_left(newlines, offset)
    return replace(problem, line=line + 1, column=offset - (newlines[line - 1] if line else -1))
