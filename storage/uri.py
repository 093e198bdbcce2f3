"""Where a store lives, as one line of text: zodburi's grammar for the schemes we serve.

Owns the mapping from a URI to a closed Store. Resolved here because zodburi cannot choose our FileStorage and passes over options it does
not know: a misspelt durability must not start a server that loses data.
"""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from storage.memory import MemoryStore
from storage.protocol import Store, StoreError
from storage.zodb import Durability, ZodbStore

SUPPORTED = "file:///absolute/Data.fs, file://relative/Data.fs, a plain path, or memory:"
_LATER = ("zeo", "postgresql", "postgres")
_DURABILITIES: dict[str, Durability] = {"strict": "strict", "group": "group"}


def resolve(uri: str) -> Store:
    """The store a URI names, not yet opened. Raises StoreError that says what is wrong, where, and what would be right.

    `file:///var/lib/stepwell/Data.fs?durability=strict|group`, `file://data/Data.fs` (relative to the working directory), a plain path,
    `memory:` or `memory://`. `strict`, the default, survives a power cut; `group` skips one of two syncs per commit and does not.
    """
    scheme, separator, _ = uri.partition(":")
    if separator and scheme.lower() == "memory":
        return _memory(uri)
    if "://" not in uri:
        return _plain(uri)
    scheme = scheme.lower()
    if scheme == "file":
        return _file(uri)
    if scheme in _LATER:
        raise StoreError(f"store {uri!r}: {scheme}:// is not supported yet. Use {SUPPORTED}")
    raise StoreError(f"store {uri!r}: unknown scheme {scheme!r}. Use {SUPPORTED}")


def _memory(uri: str) -> Store:
    if uri.lower() not in ("memory:", "memory://"):
        raise StoreError(f"store {uri!r}: memory: takes neither a path nor options")
    return MemoryStore()


def _plain(uri: str) -> Store:
    if not uri.strip():
        raise StoreError(f"store {uri!r}: empty. Use {SUPPORTED}")
    return ZodbStore(Path(uri))


def _file(uri: str) -> Store:
    parts = urlsplit(uri)
    path = unquote(parts.netloc + parts.path)
    if not path or path.endswith("/"):
        raise StoreError(f"store {uri!r}: names no file. Use {SUPPORTED}")
    durability: Durability = "strict"
    for option, value in parse_qsl(parts.query, keep_blank_values=True):
        if option != "durability":
            nearest = get_close_matches(option, ["durability"])
            raise StoreError(f"store {uri!r}: unknown option {option!r}. {'Did you mean' if nearest else 'There is'} 'durability'")
        if value not in _DURABILITIES:
            nearest = get_close_matches(value, _DURABILITIES, n=1)
            hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
            raise StoreError(f"store {uri!r}: durability is 'strict' or 'group', not {value!r}.{hint}")
        durability = _DURABILITIES[value]
    return ZodbStore(Path(path), durability)
