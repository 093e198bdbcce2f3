"""How data becomes the bytes a store keeps: one version byte, a CRC-32 (4 bytes, big-endian) of the text, the text (JSON by orjson).

Owns the seal and the upgrades of old records. Knows neither stores nor what the data means. ZODB's file format has no checksums: one
flipped bit would be served as a wrong value, so every record carries its own. An upgrade is a pure function from the data of one version
to that of the next, run on read; the record is written in the new form when it next changes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from storage.protocol import CorruptRecord, UnencodableRecord

VERSION = 1
"""What `encode` writes. Raise it together with a new entry in MIGRATIONS."""

Migration = Callable[[dict[str, Any]], dict[str, Any]]
MIGRATIONS: dict[int, Migration] = {}
"""The data of version n → the data of version n + 1, by n."""

_SEAL = struct.Struct(">BI")
# Without these a datetime or dataclass would come back as text or a dict: not what was stored.
_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS


def encode(data: object) -> bytes:
    """Seal plain JSON data. Raises UnencodableRecord for what JSON text cannot hold: lone surrogates, integers beyond 64 bits, more than
    254 levels, keys that are not text, types that are not JSON's. NaN and infinities become null, as in orjson: check them at the edge."""
    try:
        text = orjson.dumps(data, option=_OPTIONS)
    except orjson.JSONEncodeError as error:
        raise UnencodableRecord(f"cannot store this record: {error}. Store plain JSON data, or the payload's own text") from error
    return _SEAL.pack(VERSION, zlib.crc32(text)) + text


def decode(raw: bytes, migrations: Mapping[int, Migration] = MIGRATIONS, version: int = VERSION) -> Any:
    """The data of a sealed record, upgraded to `version`. Raises CorruptRecord."""
    if len(raw) <= _SEAL.size:
        raise CorruptRecord(f"record of {len(raw)} bytes is too short to be one")
    written, checksum = _SEAL.unpack_from(raw)
    if written > version:
        raise CorruptRecord(f"record has version {written}, this program knows {version}: a newer program wrote it; run that one")
    text = raw[_SEAL.size :]
    if zlib.crc32(text) != checksum:
        raise CorruptRecord(f"record of {len(raw)} bytes does not match its checksum: restore it from a backup")
    try:
        data = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise CorruptRecord(f"record of {len(raw)} bytes has a right checksum but is not JSON: {error}") from error
    for step in range(written, version):
        if step not in migrations:
            raise CorruptRecord(f"record has version {written}, and nothing upgrades version {step} to {step + 1}")
        data = migrations[step](data)
    return data
