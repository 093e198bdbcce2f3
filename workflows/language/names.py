"""The valid name that a misspelt one was most likely meant to be. Everybody who refuses a name asks here."""

from __future__ import annotations

import difflib
import heapq
from collections.abc import Iterable
from functools import lru_cache

_COMPARED_CHARACTERS = 64


def closest(name: str, names: Iterable[str]) -> str | None:
    """The same but for large and small letters before all others. Full comparison is slow, so it is for the three that look most alike."""
    if len(name) > _COMPARED_CHARACTERS:
        return None
    candidates = [candidate for candidate in names if len(candidate) <= _COMPARED_CHARACTERS]
    small = name.lower()
    if (same := next((candidate for candidate in candidates if candidate.lower() == small), None)) is not None:
        return same
    matcher = difflib.SequenceMatcher(b=name)

    def likeness(candidate: str) -> float:
        matcher.set_seq1(candidate)
        return matcher.quick_ratio()

    return next(iter(difflib.get_close_matches(name, heapq.nlargest(3, candidates, key=likeness), 1)), None)


@lru_cache(maxsize=256)
def closest_key(name: str, names: tuple[str, ...]) -> str | None:
    """`closest`, for names that are the same in all documents."""
    return closest(name, names)


class Nearest:
    """`closest` for the names of one document. A document full of wrong names gets suggestions for the first few, not minutes later."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)
        self.comparisons_left = 20_000

    def to(self, name: str) -> str | None:
        self.comparisons_left -= max(len(self.names), 400)
        return closest(name, self.names) if self.comparisons_left >= 0 else None
