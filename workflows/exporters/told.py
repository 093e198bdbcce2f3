"""What an export tells besides its result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Note:
    """What was not carried over, or only nearly, of this task ("": of the whole job)."""

    task: str
    text: str

    def __str__(self) -> str:
        return f"task {self.task!r}: {self.text}" if self.task else self.text


class CannotExport(ValueError):
    """There is no such form of this definition. One note for each reason."""

    def __init__(self, notes: Sequence[Note]) -> None:
        super().__init__("\n".join(map(str, notes)))
        self.notes = tuple(notes)
