"""What the tests of the file store share: batches that prove themselves, and a check that exactly those are there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from storage.protocol import Batch, Key
from storage.zodb import ZodbStore


def batch(number: int, size: int = 5000) -> Batch:
    """Two new records and one rewritten by each batch, over three pages; each byte of a record tells its batch."""
    body = bytes([number]) * size
    return Batch(0, number, {("execution", (number,)): body, ("page", (number, "a")): body, ("document", ("last",)): body}, one(number))


def one(number: int) -> dict[str, dict[Key, bool]]:
    return {"busy": {(-number,): True}}


def holds(store: ZodbStore, size: int = 5000) -> int:
    """The last batch's number, after checking that exactly the batches up to it are there, whole."""
    with store.view(0) as view:
        number = view.number()
        assert view.keys("execution") == [(n,) for n in range(1, number + 1)]
        assert view.scan("busy") == [(-n,) for n in range(number, 0, -1)]
        assert view.count("busy") == number
        for n in range(1, number + 1):
            assert view.get("execution", (n,)) == view.get("page", (n, "a")) == bytes([n]) * size
        assert view.get("document", ("last",)) == (bytes([number]) * size if number else None)
    return number


def raising(error: Exception) -> Callable[..., Any]:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise error

    return fail
