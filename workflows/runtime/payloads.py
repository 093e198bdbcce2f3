"""Payloads read or written lately. Belongs to the engine's thread.

Each iteration of a Map that begins takes its item out of the same array, and an attempt's input is written a moment before it is handed
out: without this the store would be asked each time, and the text be checked and decoded. Only what is committed is kept, and that
never changes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping

from storage.protocol import Key

CHARACTERS = 16 * 1024 * 1024
"""Of all texts together. The longest payload is as long; the usual one is far below."""


class Payloads:
    """Texts by (execution number, payload number); the least recently used go first."""

    def __init__(self, characters: int = CHARACTERS) -> None:
        self._limit = characters
        self._texts: OrderedDict[Key, str] = OrderedDict()
        self._held = 0

    def text(self, key: Key, read: Callable[[], str]) -> str:
        """The text, asked of `read` if it is not known."""
        found = self._texts.get(key)
        if found is None:
            found = read()
            self.keep({key: found})
        else:
            self._texts.move_to_end(key)
        return found

    def keep(self, texts: Mapping[Key, str]) -> None:
        """These are committed."""
        for key, text in texts.items():
            if key not in self._texts:
                self._texts[key] = text
                self._held += len(text)
        while self._held > self._limit:
            self._held -= len(self._texts.popitem(last=False)[1])
