"""The names of executions: ids that are given out and ids that users choose, idempotency keys, and the number behind each.

A generated id carries its number, so only chosen ones need an index. Both indexes are written with the execution's first record, in the
commit that accepts it: a name is never there without its execution, nor an execution without its names. Knows neither who asks nor what an
execution does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from storage.protocol import Key
from workflows.errors import Conflict, Invalid, Problem
from workflows.model import Header

IDS = "id"
"""Index of (chosen id, number)."""

KEYS = "key"
"""Index of (definition, idempotency key, number)."""

_GENERATED = re.compile(r"exec-(?:0|[1-9][0-9]{0,8})-([1-9][0-9]{0,14})-[0-9a-f]{8}")

Scan = Callable[[str, Key | None, int], list[Key]]
"""Entries of an index after a key, at most so many."""


def generated(partition: int, number: int, tag: int) -> str:
    """The id of an execution that got none. With `tag`, 32 random bits, no two stores give out the same id, nor the same idempotency key of
    a task."""
    return f"exec-{partition}-{number}-{tag & 0xFFFFFFFF:08x}"


def number_in(execution_id: str) -> int | None:
    """The number that a generated id carries, or None for what is no such id."""
    match = _GENERATED.fullmatch(execution_id)
    return int(match[1]) if match else None


def names_of(header: Header) -> Mapping[str, Key]:
    """The entry in each index that leads to the execution, but for its number."""
    names: dict[str, Key] = {}
    if number_in(header.id) is None:
        names[IDS] = (header.id,)
    if header.key:
        names[KEYS] = (header.definition, header.key)
    return names


def look_up(scan: Scan, index: str, name: Key) -> int | None:
    """The number behind a name, or None. O(log n)."""
    found = scan(index, name, 1)
    return int(found[0][-1]) if found and found[0][:-1] == name else None


def find_number(scan: Scan, execution_id: str) -> int | None:
    """The number of the execution that has this id, if there is one. A generated id only says which it would be."""
    number = number_in(execution_id)
    return look_up(scan, IDS, (execution_id,)) if number is None else number


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of a start: the execution, and whether it had been started before, by the same request."""

    id: str
    number: int
    repeated: bool = False


class Known:
    """Says whether a start is one that was made before, so that none is made twice for one id or one key, however requests race or are
    repeated. Asked by the service of what is committed, which spares a repeated request the engine, and by the engine of that and the batch
    under way, which decides. `number` looks a name up in an index, `header` reads an execution."""

    def __init__(self, number: Callable[[str, Key], int | None], header: Callable[[int], Header]) -> None:
        self._number = number
        self._header = header

    def repeated(self, definition: str, name: str, key: str, digest: str) -> Accepted | None:
        """The execution that such a start means, or None where nothing of these names is known. `name`: the chosen id; "" for none, as
        `key`. Raises Conflict for an id and Invalid for a key that something else was started with."""
        return self._by_key(definition, name, key, digest) or self._by_id(definition, name, digest)

    def _by_key(self, definition: str, name: str, key: str, digest: str) -> Accepted | None:
        number = self._number(KEYS, (definition, key)) if key else None
        if number is None:
            return None
        header = self._header(number)
        if header.digest != digest or name not in ("", header.id):
            other = "input" if name in ("", header.id) else "execution id"
            raise Invalid(
                [Problem("Idempotency-Key:", f"with this idempotency key the execution {header.id} was started, with another {other}")]
            )
        return Accepted(header.id, number, repeated=True)

    def _by_id(self, definition: str, name: str, digest: str) -> Accepted | None:
        number = self._number(IDS, (name,)) if name else None
        if number is None:
            return None
        header = self._header(number)
        if (header.definition, header.digest) != (definition, digest):
            other = "input" if header.definition == definition else f"definition, {header.definition!r}"
            raise Conflict(f"the execution {name} was started before, with another {other}")
        return Accepted(name, number, repeated=True)
