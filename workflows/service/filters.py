"""Which executions are meant: by job, status, time, label and text. The same filter serves lists and changes in bulk.

Owns what a filter means, and how matching executions are found newest first without looking at all: over the narrowest index there is,
between the numbers that the asked time lies between. Labels and text have no index, so what a page examines is bounded instead, and the
next page goes on where it stopped. Knows neither cursors nor who asks.
"""

from __future__ import annotations

import heapq
import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from storage.protocol import CorruptRecord
from workflows.errors import StepwellError
from workflows.model import Header, Ref, Status
from workflows.runtime.catalogue import Catalogue
from workflows.runtime.execution import header_of, payload_of
from workflows.runtime.ledger import Snapshot
from workflows.runtime.setback import set_back

log = logging.getLogger(__name__)

EXAMINED = 2_000
"""Executions whose records one page reads at most."""

EXAMINED_CHARACTERS = 32 * 1024 * 1024
"""Of payloads, that one page searches for text; the execution in which it is reached is still searched."""

_ROUNDING_S = 0.001

_ESCAPED = re.compile(r'"(?:[^"\\]|\\.)*"')


@dataclass(frozen=True, slots=True)
class Filter:
    """All that is given must hold; None and {} let everything pass.

    `job`: id of the definition. `since` and `until`: seconds since the epoch, of the time of submission, `until` itself not included.
    `labels`: each of them, among the execution's and its definition's. `text`: in the JSON text of input, output or error, whatever the
    case. `paused`: whether it is paused. `statuses`: one of these; of none, nothing passes.
    """

    job: str | None = None
    status: Status | None = None
    since: float | None = None
    until: float | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    text: str | None = None
    paused: bool | None = None
    statuses: tuple[Status, ...] | None = None

    def asked(self) -> tuple[object, ...]:
        """The same for the same filter, however its labels are ordered."""
        return (self.job, self.status, self.since, self.until, sorted(self.labels.items()), self.text, self.paused, *(self.statuses or ()))


@dataclass(frozen=True, slots=True)
class Match:
    """An execution that a filter lets pass, as of the snapshot."""

    number: int
    header: Header


@dataclass(frozen=True, slots=True)
class Matches:
    """Newest first. `next`: the number to go on after; None: there are no more. A page may be empty and have a `next`."""

    found: tuple[Match, ...]
    next: int | None


def matching(
    snapshot: Snapshot, catalogue: Catalogue, wanted: Filter, after: int | None = None, limit: int = 50, budget: int = EXAMINED
) -> Matches:
    """Up to `limit` executions that the filter lets pass, newest first, with numbers below `after`. Reads at most `budget` of their
    records; one that cannot be read matches nothing."""
    indexes, others = _indexes(snapshot, wanted)
    newest, oldest = _span(snapshot, wanted)
    if after is not None:
        newest = min(newest, after - 1)
    found: list[Match] = []
    searched = _Searched()
    last: int | None = None
    for examined, number in enumerate(_merged(snapshot, indexes, newest, oldest)):
        if last is not None and (len(found) == limit or examined >= budget or searched.characters >= EXAMINED_CHARACTERS):
            return Matches(tuple(found), last)
        last = number
        if all(any(snapshot.has(index, (-number,)) for index in other) for other in others):
            header = _passing(snapshot, catalogue, wanted, number, searched)
            if header is not None:
                found.append(Match(number, header))
    return Matches(tuple(found), None)


# ------------------------------------------------------------------------------------------------------------- walking


def _indexes(snapshot: Snapshot, wanted: Filter) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """The fewest indexes' worth of executions among which all are that are wanted, and those others in one of each of which they must be
    too."""
    names: list[tuple[str, ...]] = [(f"definition/{wanted.job}",)] if wanted.job is not None else []
    names += [(f"status/{wanted.status}",)] if wanted.status is not None else []
    names += [tuple(f"status/{status}" for status in wanted.statuses)] if wanted.statuses is not None else []
    if not names:
        return ("created",), ()
    first, *others = sorted(names, key=lambda group: sum(map(snapshot.count, group)))
    return first, tuple(others)


def _merged(snapshot: Snapshot, indexes: tuple[str, ...], newest: int, oldest: int) -> Iterator[int]:
    """The executions of these indexes, of which each is in one, from `newest` down to `oldest`."""
    return heapq.merge(*(_numbers(snapshot, index, newest, oldest) for index in indexes), reverse=True)


def _numbers(snapshot: Snapshot, index: str, newest: int, oldest: int, at_once: int = 256) -> Iterator[int]:
    """The index's executions from `newest` down to `oldest`, both included."""
    key = (-newest - 1,)
    while keys := snapshot.scan(index, key, at_once):
        for (entry,) in keys:
            if -int(entry) < oldest:
                return
            yield -int(entry)
        key = (int(keys[-1][0]),)


def _span(snapshot: Snapshot, wanted: Filter) -> tuple[int, int]:
    """The newest and the oldest number that can have been submitted in the asked time.

    Numbers are given out in order of submission, so both ends are found by bisection. Where the clock was ever set back, times are out of
    order by as much at most, and the ends are so much further apart.
    """
    entries = snapshot.scan("created", None, 1)
    newest, oldest = -int(entries[0][0]) if entries else 0, 1
    if wanted.since is None and wanted.until is None:
        return newest, oldest
    slack = set_back(snapshot.read) + _ROUNDING_S
    if wanted.since is not None:
        least = wanted.since - slack
        oldest = _first(snapshot, newest, lambda created: created >= least)
    if wanted.until is not None:
        most = wanted.until + slack
        newest = _first(snapshot, newest, lambda created: created > most) - 1
    return newest, oldest


def _first(snapshot: Snapshot, newest: int, late: Callable[[float], bool]) -> int:
    """The least number from which on all are late, as far as one look at each step tells: one below it is early."""
    early, found = 0, newest + 1
    while found - early > 1:
        middle = (early + found) // 2
        known = _at_most(snapshot, middle, early)
        if known is not None and late(known[1]):
            found = known[0]
        else:
            early = middle
    return found


def _at_most(snapshot: Snapshot, number: int, above: int) -> tuple[int, float] | None:
    """Number and submission time of the newest execution in (above, number] that can be read."""
    for candidate in _numbers(snapshot, "created", number, above + 1, at_once=4):
        header = _header(snapshot, candidate)
        if header is not None:
            return candidate, header.created
    return None


# ------------------------------------------------------------------------------------------------------------- passing


@dataclass(slots=True)
class _Searched:
    characters: int = 0


def _header(snapshot: Snapshot, number: int) -> Header | None:
    try:
        return header_of(number, snapshot.read)
    except CorruptRecord as error:
        log.warning("execution number %d is left out: %s", number, error)
        return None


def _passing(snapshot: Snapshot, catalogue: Catalogue, wanted: Filter, number: int, searched: _Searched) -> Header | None:
    """Its header, if the filter lets it pass. What costs most is asked last."""
    header = _header(snapshot, number)
    if header is None or not _in_time(wanted, header.created) or wanted.paused not in (None, header.paused):
        return None
    if wanted.labels and not wanted.labels.items() <= labels_of(header, catalogue).items():
        return None
    if wanted.text is not None and not _says(snapshot, wanted.text, number, header, searched):
        return None
    return header


def _in_time(wanted: Filter, created: float) -> bool:
    return (wanted.since is None or created >= wanted.since) and (wanted.until is None or created < wanted.until)


def labels_of(header: Header, catalogue: Catalogue) -> Mapping[str, str]:
    """The labels an execution has: its definition's, but for those that it has itself. One that this program cannot read has none."""
    try:
        return {**catalogue.get(header.definition, header.revision).labels, **header.labels}
    except (LookupError, StepwellError):
        return header.labels


def _says(snapshot: Snapshot, text: str, number: int, header: Header, searched: _Searched) -> bool:
    sought = text.casefold()
    return any(sought in _plain(payload).casefold() for payload in _payloads(snapshot, number, header, searched))


def _payloads(snapshot: Snapshot, number: int, header: Header, searched: _Searched) -> Iterator[str]:
    refs: tuple[Ref | None, ...] = (header.input, header.output, header.error)
    for ref in refs:
        if ref is None:
            continue
        try:
            text = ref if isinstance(ref, str) else payload_of(number, ref, snapshot.read)
        except CorruptRecord as error:
            log.warning("a payload of execution number %d is not searched: %s", number, error)
            continue
        searched.characters += len(text)
        yield text


def _plain(payload: str) -> str:
    """The JSON text as a reader means it: without escapes."""
    return payload if "\\" not in payload else _ESCAPED.sub(_unescaped, payload)


def _unescaped(match: re.Match[str]) -> str:
    return f'"{json.loads(match[0], strict=False)}"' if "\\" in match[0] else match[0]
