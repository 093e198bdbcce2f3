"""The audit log: who changed what, when and from where. A record is in the commit that holds the change: none without the other.

Owns the form of the records and their sequence, which has no gaps. Knows nothing of requests or keys: whoever performs a change says what
it was (`Act`), whoever lets people in says who they are (`Origin`). Only what is short is kept: names, revisions, filters; never a payload.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from storage.protocol import CorruptRecord, Key
from workflows.runtime.ledger import Ledger, Pending

KIND = "audit"
"""Of the records; the key is (-sequence,), so that the newest come first."""

TEXT_CHARACTERS = 200
MEMBERS = 20
"""Of texts and collections in details; what is longer is cut."""

_EXACT = 2**53


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request comes from. `who`: the id of a key, or "loopback", "insecure", "startup", "offline", "schedule" or "hook"
    (whose id is the name), "alert" (whose event's id is), "server". `name` is for people. `address` is the remote one, `request` the
    X-Request-ID."""

    who: str
    name: str = ""
    address: str = ""
    request: str = ""


@dataclass(frozen=True, slots=True)
class Act:
    """What was done. `target` is the id of what it was done to; "" where that is the execution the request is about."""

    action: str
    target: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Deed:
    """An act that succeeded, and who did it."""

    origin: Origin
    act: Act


class Log:
    """Writes records. Belongs to the one thread that commits."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._newest: tuple[int, float] | None = None

    def forget(self) -> None:
        """After a failed commit: numbers given out in it were not."""
        self._newest = None

    def write(self, pending: Pending, now: float, deeds: Iterable[Deed]) -> None:
        """Add a record for each to the batch. Times never run backwards in the log, so that a moment can be found in it."""
        for deed in deeds:
            if self._newest is None:
                with self._ledger.snapshot() as snapshot:
                    self._newest = newest(snapshot.keys, snapshot.read)
            sequence, at = self._newest[0] + 1, max(now, self._newest[1])
            pending.put(KIND, (-sequence,), _data(deed, at))
            self._newest = sequence, at


def newest(keys: Callable[[str, Key | None, int], list[Key]], read: Callable[[str, Key], Any]) -> tuple[int, float]:
    """Sequence and time of the newest record; 0 for what there is not."""
    found = keys(KIND, None, 1)
    if not found:
        return 0, 0.0
    try:
        at = float(read(KIND, found[0])["at"])
    except CorruptRecord:  # no reason to stop writing
        at = 0.0
    return -int(found[0][0]), at


def _data(deed: Deed, at: float) -> dict[str, Any]:
    """What is empty is left out."""
    origin, act = deed.origin, deed.act
    texts = {"who": origin.who, "name": origin.name, "action": act.action, "target": act.target}
    texts |= {"address": origin.address, "request": origin.request}
    return {"at": at} | {name: _plain(value) for name, value in (texts | {"details": act.details}).items() if value}


def _plain(value: Any) -> Any:
    """Short, and such that any store can hold it: it must not fail the commit of what it tells of."""
    if isinstance(value, str):
        return value[:TEXT_CHARACTERS].encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Mapping):
        return {_plain(str(name)): _plain(member) for name, member in list(value.items())[:MEMBERS]}
    if isinstance(value, list | tuple):
        return [_plain(member) for member in value[:MEMBERS]]
    if value is None or isinstance(value, bool | float) or (isinstance(value, int) and -_EXACT < value < _EXACT):
        return value
    return _plain(str(value))
