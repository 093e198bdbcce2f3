"""Pages of what there may be much of, and the cursors that lead from one to the next.

A cursor is opaque to whoever holds it and safe in an address. It names the place after which the next page begins, and what was asked for:
with another question it is refused, because its place would mean nothing there. It holds no secret and is not signed; what somebody makes
up leads to some place of the same list or is refused.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Generic, NoReturn, TypeVar

import orjson

from workflows.errors import Invalid, Problem

VERSION = 1
"""Of the cursors' form. One of another version is refused, so that its holder begins anew."""

LONGEST_CHARACTERS = 400

PAGE_BYTES = 1024 * 1024
"""About so much is in a page whose rows may be long, unless one row alone is longer."""

T = TypeVar("T")
Place = TypeVar("Place", int, str)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """`next`: the cursor of the page after this one; None: there is none. A page that was searched for may be empty and have a next one."""

    items: tuple[T, ...]
    next: str | None


def cursor(asked: object, place: int | str | None) -> str | None:
    """The cursor that leads on from `place`, for the same question. None for None."""
    if place is None:
        return None
    return base64.urlsafe_b64encode(orjson.dumps([VERSION, _digest(asked), place])).rstrip(b"=").decode()


def place_of(given: str | None, asked: object, kind: type[Place]) -> Place | None:
    """The place that a cursor of this question names; None without one. Raises Invalid for no cursor, or one of another question."""
    if given is None:
        return None
    try:
        version, digest, place = orjson.loads(base64.urlsafe_b64decode(_padded(given)))
    except (ValueError, TypeError, binascii.Error):
        _refuse("this is no cursor; take the `next` of the page before, or leave it out to begin with the first page")
    if version != VERSION:
        _refuse("this cursor is of another version of the server; leave it out to begin with the first page")
    if digest != _digest(asked) or type(place) is not kind:
        _refuse("this cursor belongs to another question; ask as for the page that gave it, or leave it out to begin with the first page")
    return place


def _padded(given: str) -> bytes:
    if len(given) > LONGEST_CHARACTERS:
        raise ValueError("too long")
    return given.encode("ascii") + b"=" * (-len(given) % 4)


def _digest(asked: object) -> str:
    return hashlib.sha256(repr(asked).encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _refuse(message: str) -> NoReturn:
    raise Invalid([Problem("?cursor", message)]) from None
