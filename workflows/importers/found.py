"""What an import gives."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

ID_CHARACTERS = 100

CATCH_UP_S = 366 * 86_400
"""How far back what was missed is made up for, where the others know no bound: a year, the most a schedule may say."""


class CannotImport(ValueError):
    """The text is not what it should be at all. Says what it should be and where it stops being that."""


@dataclass(frozen=True, slots=True)
class Note:
    """What was not taken over, or only nearly: the line of the text (from 1; 0: the whole), and what about it."""

    line: int
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}" if self.line else self.text


@dataclass(slots=True)
class Imported:
    """`definitions` are documents as POST /job-definitions takes them; `lines`: where each begins in the text, by its id."""

    definitions: list[dict[str, Any]] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)

    def add(self, definition: dict[str, Any], line: int) -> None:
        self.definitions.append(definition)
        self.lines[definition["id"]] = line

    def leave_out(self, id: str, why: str) -> None:
        """A definition that no server would take."""
        self.definitions = [one for one in self.definitions if one["id"] != id]
        self.note(self.lines[id], f"{id} is left out: {why}")

    def note(self, line: int, text: str) -> None:
        self.notes.append(Note(line, text))


def job_id(text: str, taken: set[str]) -> str:
    """An id made of the text's letters and digits that is not `taken` yet; it is from then on."""
    base = re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-._")[:ID_CHARACTERS] or "job"
    base = base if base[0].isalnum() else f"job-{base}"
    found, number = base, 1
    while found in taken:
        number += 1
        found = f"{base}-{number}"
    taken.add(found)
    return found
