"""A record with some of its fields changed, as `dataclasses.replace` makes it and in a third of the time: every step of an execution makes
several, of frames that have two dozen fields.

Knows records with slots only, whose fields are all that they have: no `__post_init__`, nothing that `__init__` keeps apart. It copies slot
by slot what `replace` hands to `__init__` by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import replace as replace  # whose arguments are checked by the type checker
else:

    def replace(record, /, **changes):
        """Raises TypeError for a field that there is not."""
        kind = record.__class__
        known = _KNOWN.get(kind)
        if known is None:
            known = _KNOWN[kind] = _slots(kind)
        read, write, named = known
        copy = _new(kind)
        for put, value in zip(write, read(record), strict=True):
            put(copy, value)
        try:
            for name, value in changes.items():
                named[name](copy, value)
        except KeyError:
            raise TypeError(f"{kind.__name__} has no field {name!r}") from None
        return copy


Put = Callable[[Any, Any], None]

_KNOWN: dict[type, tuple[Callable[[Any], tuple[Any, ...]], tuple[Put, ...], dict[str, Put]]] = {}
_new = object.__new__


def _slots(kind: type) -> tuple[Callable[[Any], tuple[Any, ...]], tuple[Put, ...], dict[str, Put]]:
    """How its fields are read, all at once, and how each is written. Raises TypeError for what is no such record."""
    names = tuple(field.name for field in fields(kind))
    if len(names) < 2 or hasattr(kind, "__post_init__") or kind.__dictoffset__:
        raise TypeError(f"{kind.__name__} is not a record of two or more slots")
    named = dict(zip(names, _setters(kind, names), strict=True))
    return attrgetter(*names), tuple(named.values()), named


def _setters(kind: type, names: tuple[str, ...]) -> Iterator[Put]:
    for name in names:
        yield getattr(kind, name).__set__
