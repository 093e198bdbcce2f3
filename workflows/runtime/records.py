"""How an execution is written down: model objects to plain JSON data and back.

Owns the names in stored data and nothing else; `storage.records` seals what is made here. Fields that have their default are left out, so
that a new field needs no migration. Payloads stay JSON *text* inside the data: numbers keep the form in which they came.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from workflows.model import At, Entry, Frame, Header, Status

PAGE_BYTES = 16 * 1024
"""Frames beyond this size go to pages of their own, so that a change rewrites at most about this much."""

CHUNK_ENTRIES = 64
"""History entries of a chunk, which is written once. A shorter tail stays in the execution's record."""

CHUNK_BYTES = 16 * 1024


def _defaults(kind: type[Any]) -> tuple[tuple[str, Any], ...]:
    """Name and default of each field; a field without one is always written."""
    pairs = []
    for item in fields(kind):
        default = item.default_factory() if item.default_factory is not MISSING else item.default
        pairs.append((item.name, default))
    return tuple(pairs)


_FRAME = _defaults(Frame)
_HEADER = _defaults(Header)


def frame_data(frame: Frame) -> dict[str, Any]:
    return {name: value for name, default in _FRAME if (value := getattr(frame, name)) != default}


def frame_from(data: Mapping[str, Any]) -> Frame:
    return Frame(**{**data, "status": At(data["status"]), "retries": tuple(data.get("retries", ()))})


def header_data(header: Header) -> dict[str, Any]:
    return {name: value for name, default in _HEADER if (value := getattr(header, name)) != default}


def header_from(data: Mapping[str, Any]) -> Header:
    return Header(**{**data, "status": Status(data.get("status", Status.QUEUED))})


def entry_row(entry: Entry) -> list[Any]:
    return [entry.id, entry.previous, entry.type, entry.at, entry.details]


def entry_from(row: list[Any]) -> Entry:
    return Entry(*row)
