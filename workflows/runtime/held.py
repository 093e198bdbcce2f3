"""Ready attempts that are kept back because no function of that name is registered. Written by the engine's thread, read by any.

They are in nobody's way: the gate no longer offers them, and the next start, which may have the function, looks at them again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, ItemsView, Iterable

log = logging.getLogger(__name__)

TOLD = 20
"""Functions that are named to who asks for the server's health; of more only the number is told."""

SAID = 1_000
"""Functions that are named in the log."""

NAME_CHARACTERS = 140


class Held:
    """Execution number → path of the attempt → the function it calls."""

    def __init__(self) -> None:
        self._attempts: dict[int, dict[str, str]] = {}
        self._said: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._attempts)

    def items(self) -> ItemsView[int, dict[str, str]]:
        return self._attempts.items()

    def add(self, number: int, path: str, function: str) -> None:
        self._attempts.setdefault(number, {})[path] = function
        if function not in self._said and len(self._said) < SAID:
            self._said.add(function)
            log.warning("%s", _sentence(function))

    def let_go(self, changed: Iterable[int], ready_paths: Callable[[int], Iterable[str]]) -> None:
        """These executions have changed: what is no longer ready is no longer held."""
        for number in self._attempts.keys() & changed:
            ready = set(ready_paths(number))
            left = {path: function for path, function in self._attempts.pop(number).items() if path in ready}
            if left:
                self._attempts[number] = left

    def clear(self) -> None:
        """Everything is looked at again."""
        self._attempts.clear()

    def troubles(self) -> list[str]:
        """One sentence for each function that is missed. `list` copies at once, while the engine's thread goes on writing."""
        missed = sorted({name for names in list(self._attempts.values()) for name in list(names.values())})
        more = [f"{len(missed) - TOLD:,} more functions are not registered"] if len(missed) > TOLD else []
        return [_sentence(name) for name in missed[:TOLD]] + more


def _sentence(function: str) -> str:
    """A state machine may take a function's name from its input, so it may be of any length."""
    name = function if len(function) <= NAME_CHARACTERS else f"{function[:NAME_CHARACTERS]}…"
    return f"no function {name!r} is registered: its attempts are held"
