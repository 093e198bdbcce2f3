"""Sorted trees of keys for the ZODB store: which BTree holds them, and a page of one.

Owns the choice between two forms and hides it. Keys are tuples, but a bucket of tuples is dear: ZODB looks at every tuple and element of a
bucket it writes. Where all keys are one 64-bit integer, as in the hot indexes, the integer alone is stored in integer trees, which measured
1.5 times (one insert per commit) to 5 times (20 inserts) as cheap. The first key decides; the tree's class is the memory of it. A key that
does not fit later turns the tree into the general form, once.
"""

from __future__ import annotations

from itertools import islice
from math import floor
from typing import Any

from BTrees.LLBTree import LLTreeSet
from BTrees.LOBTree import LOBTree
from BTrees.OOBTree import OOBTree, OOTreeSet

from storage.protocol import Key

Tree = Any  # BTrees has no types

_SMALLEST, _LARGEST = -(2**63), 2**63 - 1


def new_map(first: Key) -> Tree:
    """An empty tree key → record, in the form that suits its first key."""
    return LOBTree() if _is_integer(first) else OOBTree()


def new_set(first: Key) -> Tree:
    """An empty tree of keys, in the form that suits its first key."""
    return LLTreeSet() if _is_integer(first) else OOTreeSet()


def fits(tree: Tree, key: Key) -> bool:
    """Whether the tree can hold the key in the form it has."""
    return not _holds_integers(tree) or _is_integer(key)


def widened(tree: Tree) -> Tree:
    """The same entries in the general form. O(n), at most once in a tree's life."""
    if isinstance(tree, LLTreeSet):
        return OOTreeSet((number,) for number in tree)
    return OOBTree({(number,): record for number, record in tree.items()})


def stored(tree: Tree, key: Key) -> Any:
    """The key as the tree holds it. Only for a key that `fits`."""
    return key[0] if _holds_integers(tree) else key


def page(tree: Tree, after: Key | None, limit: int) -> list[Key]:
    """Up to `limit` keys, ascending, strictly greater than `after`. O(log n + limit)."""
    if not _holds_integers(tree):
        return list(islice(tree.keys(after, None, after is not None), limit))
    if not after:  # every key is greater than the empty tuple
        return [(number,) for number in islice(tree.keys(), limit)]
    # (n,) > (x, …) holds exactly when n > floor(x): of two tuples that begin alike the longer is greater.
    least = floor(after[0])  # type: ignore[arg-type]  # text compared with an integer is the caller's mistake: TypeError
    if least >= _LARGEST:
        return []
    return [(number,) for number in islice(tree.keys(max(least, _SMALLEST), None, least >= _SMALLEST), limit)]


def _holds_integers(tree: Tree) -> bool:
    return isinstance(tree, (LOBTree, LLTreeSet))


def _is_integer(key: Key) -> bool:
    return len(key) == 1 and type(key[0]) is int and _SMALLEST <= key[0] <= _LARGEST
