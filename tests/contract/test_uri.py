"""A line of text names a store, and a wrong line is told what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.memory import MemoryStore
from storage.protocol import Batch, StoreError
from storage.uri import resolve
from storage.zodb import ZodbStore


@pytest.mark.parametrize("uri", ["memory:", "memory://", "MEMORY:"])
def test_memory(uri: str) -> None:
    assert isinstance(resolve(uri), MemoryStore)


@pytest.mark.parametrize(
    ("uri", "path", "strict"),
    [
        ("file:///var/lib/Data.fs", "/var/lib/Data.fs", True),
        ("file:///var/lib/Data.fs?durability=strict", "/var/lib/Data.fs", True),
        ("file:///var/lib/Data.fs?durability=group", "/var/lib/Data.fs", False),
        ("file://var/Data.fs", "var/Data.fs", True),
        ("file://Data.fs", "Data.fs", True),
        ("FILE:///a%20b/Data.fs", "/a b/Data.fs", True),
        ("/var/lib/Data.fs", "/var/lib/Data.fs", True),
        ("var/Data.fs", "var/Data.fs", True),
        ("odd:name.fs", "odd:name.fs", True),
    ],
)
def test_files(uri: str, path: str, strict: bool) -> None:
    store = resolve(uri)
    assert isinstance(store, ZodbStore)
    assert (store.path, store.durability) == (Path(path), "strict" if strict else "group")


@pytest.mark.parametrize(
    ("uri", "text"),
    [
        ("zeo://localhost:8100", "zeo:// is not supported yet. Use file:///absolute/Data.fs"),
        ("postgresql://host/db", "postgresql:// is not supported yet"),
        ("mysql://host/db", "unknown scheme 'mysql'. Use file:///absolute/Data.fs"),
        ("file:///d/Data.fs?durabilty=group", "unknown option 'durabilty'. Did you mean 'durability'"),
        ("file:///d/Data.fs?x=1", "unknown option 'x'. There is 'durability'"),
        ("file:///d/Data.fs?durability=grop", "not 'grop'. Did you mean 'group'?"),
        ("file:///d/Data.fs?durability=", "'strict' or 'group', not ''"),
        ("file://", "names no file"),
        ("file:///dir/", "names no file"),
        ("", "empty"),
        ("memory://x", "takes neither a path nor options"),
    ],
)
def test_a_wrong_uri_says_what_is_right(uri: str, text: str) -> None:
    with pytest.raises(StoreError) as raised:
        resolve(uri)
    assert text in str(raised.value)
    assert repr(uri) in str(raised.value)


def test_a_resolved_store_works(tmp_path: Path) -> None:
    store = resolve(f"file://{tmp_path}/new/Data.fs?durability=group")
    store.open()
    store.commit(Batch(0, 1))
    store.close()
    assert (tmp_path / "new" / "Data.fs").exists()
