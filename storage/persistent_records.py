"""The four classes of ours that a ZODB file names. Never rename or move this module or a class in it: the file stores these names, and
an object whose class is gone loads as broken.

Each holds sealed bytes (`storage/records.py`) and nothing else: ZODB pickles one bytes object instead of walking a dict, which is three to
four times as slow. What the bytes mean is not known here. There are four so that tools which count objects by class say something useful.
"""

from __future__ import annotations

from persistent import Persistent


class _Sealed(Persistent):  # type: ignore[misc]  # persistent has no types
    def __init__(self, sealed: bytes) -> None:
        self.sealed = sealed

    def __getstate__(self) -> bytes:
        return self.sealed

    def __setstate__(self, state: bytes) -> None:
        self.sealed = state


class ExecutionRecord(_Sealed):
    """An execution's header and small frames."""


class PartRecord(_Sealed):
    """A page of frames or a chunk of history."""


class PayloadRecord(_Sealed):
    """A payload too big to stay beside what refers to it."""


class DocumentRecord(_Sealed):
    """Everything else."""


RecordClass = type[ExecutionRecord] | type[PartRecord] | type[PayloadRecord] | type[DocumentRecord]

CLASS_OF_KIND: dict[str, RecordClass] = {
    "execution": ExecutionRecord,
    "page": PartRecord,
    "history": PartRecord,
    "payload": PayloadRecord,
}
"""Kinds not named here are DocumentRecords."""
