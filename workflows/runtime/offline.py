"""A change of documents by who has the store to themselves: while no engine runs, and with the audit record in the same commit, as the
engine does it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from storage.protocol import Key
from workflows.runtime.audit import Act, Deed, Log, Origin
from workflows.runtime.ledger import Ledger, Pending

T = TypeVar("T")


def change(ledger: Ledger, apply: Callable[[Pending, Callable[[str, Key], Any], float], T], origin: Origin, act: Act, now: float) -> T:
    """What `apply(pending, read, now)` returns, after its commit. Where it writes nothing, nothing is committed or recorded. Raises what it
    raises, and storage.StoreError."""
    pending = Pending()
    answer = apply(pending, ledger.read, now)
    if pending:
        Log(ledger).write(pending, now, [Deed(origin, act)])
        ledger.commit(pending)
    return answer
