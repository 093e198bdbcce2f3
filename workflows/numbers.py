"""JSON in and out with every number's own text kept: 1.10 stays 1.10, 1e2 stays 1e2, integers of any length stay exact.

The service we are compatible with passes numbers through as they were written, and so do people's signatures over payloads. A real number
whose text is not what Python would write becomes a `Real`, a float that carries its text; all others are plain floats, so that most
documents hold none and take the fast way out. Text was checked at the edge (`language.text`) before it comes here.
"""

from __future__ import annotations

import json
import re
from typing import Any, Never

_FLOATS = re.compile(r"[0-9][.e]")
_MARKED = re.compile('"\ud800([^"]*)"')  # half a surrogate pair: no text that passed the edge holds one


class Real(float):
    """A real number that remembers how it was written. Behaves as a float in every other way; arithmetic gives plain floats."""

    __slots__ = ("text",)
    text: str

    def __reduce__(self) -> tuple[Any, ...]:
        return real, (self.text,)


def real(text: str) -> float:
    """The number written as `text`: a plain float where Python would write it the same way. ValueError beyond the range of a double."""
    value = float(text)
    if repr(value) == text:
        return value
    if value - value != 0:
        raise ValueError(f"{text} is beyond the range of a double")
    kept = Real(value)
    kept.text = text
    return kept


def _constant(text: str) -> Never:
    raise ValueError(f"{text} is not JSON")


_decode = json.JSONDecoder(parse_float=real, parse_constant=_constant).decode
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")).encode


def loads(text: str) -> Any:
    """The value of JSON text. Raises ValueError for what is not JSON; the limits of the edge are not checked again."""
    return _decode(text)


def dumps(value: Any) -> str:
    """Compact JSON text; numbers as they were written. Raises ValueError for infinity and NaN."""
    text = _encode(value)
    if _FLOATS.search(text) and _holds_real(value):
        return _MARKED.sub(r"\1", _encode(_marked(value)))
    return text


def pretty(value: Any) -> str:
    """JSON text for people: the same, a line for each member."""
    return _MARKED.sub(r"\1", json.dumps(_marked(value), indent=2, ensure_ascii=False, allow_nan=False)) + "\n"


def _holds_real(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_real, value.values()))
    if isinstance(value, list):
        return any(map(_holds_real, value))
    return isinstance(value, Real)


def _marked(value: Any) -> Any:
    """`value` with each Real as a text that no other text can be."""
    if isinstance(value, dict):
        return {key: _marked(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_marked(member) for member in value]
    return f"\ud800{value.text}" if isinstance(value, Real) else value


def is_number(value: Any) -> bool:
    """JSON numbers only: Python counts its booleans as integers."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)
