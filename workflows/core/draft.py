"""The change set of one step: what an event makes of an execution, over a base that stays untouched.

Owns the one function that changes a frame (`put`, which checks the transition table), the numbering of visits, history entries and
payloads, and the count of frames that wait for work. Knows nothing of dialects, stores or clocks: time and randomness are the event's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Protocol

from workflows.core.evolve import replace
from workflows.core.waits import WORK
from workflows.errors import IllegalTransition
from workflows.model import (
    FINISHED,
    INLINE_BYTES,
    ROOT,
    At,
    Entry,
    Frame,
    Header,
    Ref,
    Status,
    exceeds,
    parent_path,
)
from workflows.transitions import STATUS_TRANSITIONS, TRANSITIONS


class View(Protocol):
    """An execution as it stands: all that a step may read."""

    @property
    def header(self) -> Header | None: ...

    def frame(self, path: str) -> Frame | None: ...

    def children(self, path: str) -> Iterable[str]:
        """Paths of the frames directly beneath `path`; the root is beneath nothing."""
        ...

    def payload(self, number: int) -> str:
        """JSON text of a payload that has a record of its own."""
        ...


@dataclass(frozen=True, slots=True)
class Step:
    """What came of an event: the new header, frames by path (None: dropped), entries and payloads to append, the answer to the asker.

    A late or repeated event gives a step in which nothing changes.
    """

    header: Header | None
    frames: Mapping[str, Frame | None]
    history: tuple[Entry, ...]
    payloads: Mapping[int, str]
    answer: str = ""

    @property
    def changed(self) -> bool:
        return bool(self.frames or self.history)


class Draft:
    """Collects changes; `finish` freezes them. Every reader sees the changes already made in this step."""

    def __init__(self, view: View, at: float, seed: int) -> None:
        self.view = view
        self.base = view.header
        self.at = at if self.base is None else max(at, self.base.at)
        self._seed = seed
        self._drawn = 0
        self._frames: dict[str, Frame | None] = {}
        self._born: dict[str, list[str]] = {}
        self._history: list[Entry] = []
        self._payloads: dict[int, str] = {}
        self._entries = self.base.entries if self.base else 0
        self._visits = self.base.visits if self.base else 0
        self._numbered = self.base.payloads if self.base else 0
        self._work = self.base.work if self.base else 0

    # ------------------------------------------------------------------------------------------------------------ header

    def begin(self, header: Header) -> None:
        """The execution comes into being. Only for one that has no header yet."""
        self.base = header

    @property
    def header(self) -> Header:
        """As this step has made it so far, but for the counters, which `finish` sets."""
        assert self.base is not None, "no event but Started reaches an execution that does not exist"
        return self.base

    def set_status(self, status: Status, **fields: Any) -> None:
        """Move the execution to `status` and set other header fields with it. Raises IllegalTransition."""
        if status not in STATUS_TRANSITIONS[self.header.status]:
            raise IllegalTransition(f"execution {self.header.id}: {self.header.status} -> {status}")
        self.set(status=status, **fields)

    def set(self, **fields: Any) -> None:
        """Set header fields."""
        self.base = replace(self.header, **fields)

    # ------------------------------------------------------------------------------------------------------------ frames

    def frame(self, path: str) -> Frame | None:
        if path in self._frames:
            return self._frames[path]
        return self.view.frame(path)

    def present(self, path: str) -> Frame:
        """The frame as this step has made it so far."""
        frame = self.frame(path)
        assert frame is not None, f"there is no frame {path!r}"
        return frame

    def put(self, frame: Frame) -> Frame:
        """The one place where a frame changes. Raises IllegalTransition."""
        before = self.frame(frame.path)
        old = before.status if before else None
        if frame.status not in TRANSITIONS[old]:
            raise IllegalTransition(f"{frame.path or 'root'}: {old} -> {frame.status}")
        if before is None and frame.path != ROOT:
            self._born.setdefault(parent_path(frame.path), []).append(frame.path)
        self._work += (frame.status in WORK) - (old in WORK)
        self._frames[frame.path] = frame
        return frame

    def drop(self, path: str) -> None:
        """Forget the frame of a closed scope's child. One that came into being in this very step leaves no trace."""
        frame = self.frame(path)
        assert frame is not None, f"{path} is not there to be dropped"
        self._work -= frame.status in WORK
        if self.view.frame(path) is None:
            del self._frames[path]
        else:
            self._frames[path] = None

    def beneath(self, path: str) -> Iterator[Frame]:
        """Every frame below `path`, parents before their children."""
        stack = [path]
        while stack:
            parent = stack.pop()
            for child in dict.fromkeys((*self.view.children(parent), *self._born.get(parent, ()))):
                frame = self.frame(child)
                if frame is not None:
                    yield frame
                    stack.append(child)

    def halt(self, path: str, reason: str) -> None:
        """Whatever beneath has not finished is CANCELLED. The frames stay: a redrive goes on from them."""
        for frame in list(self.beneath(path)):
            if frame.status not in FINISHED:
                begun = frame.attempt - (frame.status is At.READY and not frame.taken)
                self.put(replace(frame, status=At.CANCELLED, attempt=begun, deadlines={}, reason=reason, ended=self.at))

    def close(self, scope: Frame) -> None:
        """Forget all frames beneath the scope, those that still run too: nothing of them is reached again."""
        for frame in list(self.beneath(scope.path)):
            self.drop(frame.path)

    def visit(self) -> int:
        """A new identity for a wait or scope."""
        self._visits += 1
        return self._visits

    # ------------------------------------------------------------------------------------------------- history, payloads

    @property
    def entries(self) -> int:
        """How many entries the history has."""
        return self._entries

    def note(self, previous: int, kind: str, **details: Any) -> int:
        """Append to the history; `previous` is the entry this one follows. Returns the new entry's id."""
        self._entries += 1
        self._history.append(Entry(self._entries, previous, kind, self.at, details))
        return self._entries

    def keep(self, text: str) -> Ref:
        """A reference to this JSON text: itself when short, else the number of a new payload record."""
        if not exceeds(text, INLINE_BYTES):
            return text
        self._numbered += 1
        self._payloads[self._numbered] = text
        return self._numbered

    def discard(self, ref: Ref) -> None:
        """Do not store this payload after all. Only for one kept in this step that nothing refers to."""
        if isinstance(ref, int):
            self._payloads.pop(ref, None)

    def text(self, ref: Ref) -> str:
        """The JSON text a reference stands for."""
        if isinstance(ref, str):
            return ref
        return self._payloads[ref] if ref in self._payloads else self.view.payload(ref)

    def random(self) -> float:
        """A number in [0, 1) that depends on nothing but the event's seed and how many were drawn before."""
        self._drawn += 1
        digest = blake2b(f"{self._seed}:{self._drawn}".encode(), digest_size=7).digest()
        return int.from_bytes(digest, "big") / (1 << 56)

    # ------------------------------------------------------------------------------------------------------------ finish

    def finish(self, answer: str = "") -> Step:
        if not self._frames and not self._history:
            return Step(self.view.header, {}, (), {}, answer)
        header = replace(
            self.header,
            at=self.at,
            entries=self._entries,
            visits=self._visits,
            payloads=self._numbered,
            work=self._work,
        )
        return Step(header, self._frames, tuple(self._history), self._payloads, answer)
