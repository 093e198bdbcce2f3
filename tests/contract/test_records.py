"""The seal of a record: what goes in comes out, and what was damaged or is from the future is told apart from data."""

from __future__ import annotations

import datetime
import zlib
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.protocol import CorruptRecord, UnencodableRecord
from storage.records import VERSION, decode, encode

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(plain)
def test_what_goes_in_comes_out(data: Any) -> None:
    assert decode(encode(data)) == data


def test_the_seal_is_version_and_checksum() -> None:
    text = b'{"a":1}'
    assert encode({"a": 1}) == bytes([VERSION]) + zlib.crc32(text).to_bytes(4, "big") + text


@dataclass
class Thing:
    name: str


@pytest.mark.parametrize(
    "data",
    ["\ud800", 2**64, {1: "number as key"}, {"s": {1, 2}}, b"bytes", object(), datetime.datetime(2026, 1, 1), Thing("x")],
    ids=["surrogate", "66 bits", "number as key", "set", "bytes", "object", "datetime", "dataclass"],
)
def test_what_json_cannot_hold_is_refused(data: object) -> None:
    with pytest.raises(UnencodableRecord, match="cannot store this record"):
        encode(data)


def test_too_deep_is_refused() -> None:
    data: list[Any] = []
    for _ in range(300):
        data = [data]
    with pytest.raises(UnencodableRecord):
        encode(data)


def test_any_flipped_bit_is_found() -> None:
    sealed = encode({"status": "RUNNING"})
    for place in range(8 * len(sealed)):
        damaged = bytearray(sealed)
        damaged[place // 8] ^= 1 << place % 8
        with pytest.raises(CorruptRecord):
            decode(bytes(damaged))


@pytest.mark.parametrize("raw", [b"", b"\x01", b"\x01\0\0\0\0"])
def test_too_short_is_corrupt(raw: bytes) -> None:
    with pytest.raises(CorruptRecord, match="too short"):
        decode(raw)


def test_text_that_is_not_json_is_corrupt() -> None:
    with pytest.raises(CorruptRecord, match="not JSON"):
        decode(b"\x01" + zlib.crc32(b"{").to_bytes(4, "big") + b"{")


def test_a_newer_record_names_its_writer() -> None:
    with pytest.raises(CorruptRecord, match="version 2, this program knows 1: a newer program wrote it"):
        decode(b"\x02" + encode({})[1:])


def test_old_records_are_upgraded_step_by_step() -> None:
    migrations = {
        1: lambda data: {**data, "steps": [*data["steps"], "1 to 2"]},
        2: lambda data: {**data, "steps": [*data["steps"], "2 to 3"]},
    }
    old = encode({"steps": []})
    assert decode(old, migrations, version=3) == {"steps": ["1 to 2", "2 to 3"]}
    assert decode(old, migrations, version=1) == {"steps": []}
    with pytest.raises(CorruptRecord, match="nothing upgrades version 3 to 4"):
        decode(old, migrations, version=4)
