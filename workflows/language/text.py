"""JSON text at the edge: what is taken in, what is given out, and canonical text for comparing.

Payloads are kept as the text that came in, so they are checked here once and for all. The standard parser is too kind for that: it takes
NaN, turns 1e400 into infinity, keeps the last of two equal keys, lets half a surrogate pair through and follows nesting until the stack
ends. What this file lets pass, every other JSON reader (browsers, orjson, databases) reads as well.

The limits: UTF-8 without a byte order mark (RFC 8259 section 8.1), nested at most MAX_DEPTH levels, numbers within the range of a double
(integers up to there are kept exactly). It must know nothing of what the text is about.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Any, Never

from workflows.errors import NotJson, Problem
from workflows.model import child_path

MAX_DEPTH = 200
"""Levels of arrays and objects. Deep enough for data, and low enough for every parser and every recursive reader of ours."""

_MAX_INTEGER = 2**1024 - 2**970 - 1  # the largest whose nearest double is finite
_MANY_DIGITS = 300  # no integer with fewer is out of range

# Possessive, so that text made to be slow is not: no character is looked at twice. A string may be unterminated.
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.?)*+"?|[\[{]|[\]}]|-?[0-9][0-9.eE+-]*+|-?Infinity|NaN', re.DOTALL)
_SURROGATES = re.compile(
    r"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F]..)|.)", re.DOTALL
)  # the group: one without its other half
_HALF = re.compile("[\ud800-\udfff]")
_NOT_A_BRACKET = bytes(set(range(256)) - set(b"[]{}"))
_LEVELS = [0] * 256
for _bracket in b"[{":
    _LEVELS[_bracket] = 1
for _bracket in b"]}":
    _LEVELS[_bracket] = -1


class InvalidValue(ValueError):
    """A Python value that has no JSON text. `pointer` (RFC 6901, "" is the value itself) says where, `reason` what is in the way."""

    def __init__(self, pointer: str, reason: str) -> None:
        super().__init__(pointer, reason)  # both, so that it survives pickling on its way out of a worker process
        self.pointer = pointer
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.pointer}: {self.reason}" if self.pointer else self.reason


class _OddNumber(ValueError):
    """The parser met a number we do not take. It does not say where; `_refuse_number` finds that out."""


# ------------------------------------------------------------------------------------------------- in


def check(raw: str | bytes, what: str = "request body") -> str:
    """The text of `raw`, unchanged, if it is JSON as we take it; else NotJson, which names `what` and the line and column."""
    text = _decoded(raw, what)
    _parsed(text, what, _decode)
    return text


def loads(text: str) -> Any:
    """The value of JSON text, under the same limits as `check`; NotJson otherwise."""
    return _parsed(_decoded(text, "text"), "text", _decode)


def loads_unique(raw: str | bytes, what: str = "definition") -> tuple[Any, list[Problem]]:
    """Like `loads`, and one Problem for each key that an object holds more than once. Of equal keys the last one counts."""
    repeated: dict[int, tuple[dict[str, Any], list[tuple[str, Any]]]] = {}

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) != len(pairs):
            repeated[id(value)] = (value, pairs)  # holding the object keeps its id from being given to another
        return value

    decoder = json.JSONDecoder(object_pairs_hook=members, parse_int=_integer, parse_float=_real, parse_constant=_constant)
    value = _parsed(_decoded(raw, what), what, decoder.decode)
    return value, list(_repeated_keys(value, repeated)) if repeated else []


def _repeated_keys(value: Any, repeated: dict[int, tuple[dict[str, Any], list[tuple[str, Any]]]]) -> Iterator[Problem]:
    """From the outside in. The members that lost to a later one are searched too."""
    todo: list[tuple[str, Any]] = [("", value)]
    while todo:
        pointer, value = todo.pop()
        if isinstance(value, list):
            todo += [(child_path(pointer, str(index)), member) for index, member in enumerate(value)]
        elif isinstance(value, dict):
            pairs = repeated[id(value)][1] if id(value) in repeated else list(value.items())
            for key, times in Counter(key for key, _ in pairs).items():
                if times > 1:
                    yield Problem(child_path(pointer, key), f"this key is given {times} times in one object")
            todo += [(child_path(pointer, key), member) for key, member in pairs]


def _decoded(raw: str | bytes, what: str) -> str:
    if isinstance(raw, bytes):
        try:
            text = raw.decode()
        except UnicodeDecodeError as error:
            before = raw[: error.start].decode()
            raise NotJson(f"the {what} is not UTF-8: byte 0x{raw[error.start]:02x} at {_place(before, len(before))}") from None
    else:
        text = raw
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError as error:
                raise NotJson(f"the {what} holds half a surrogate pair at {_place(text, error.start)}") from None
    if text.startswith("\ufeff"):
        raise NotJson(f"the {what} begins with a byte order mark; send UTF-8 without one")
    if not text.strip(" \t\r\n"):
        raise NotJson(f"the {what} is empty; JSON is expected")
    return text


def _parsed(text: str, what: str, decode: Callable[[str], Any]) -> Any:
    # Only text with many brackets can be too deep, and it must be found out before the parser follows it.
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _check_depth(text, what)
    try:
        value = decode(text)
    except _OddNumber:
        _refuse_number(text, what)
    except json.JSONDecodeError as error:
        raise NotJson(f"the {what} is not JSON: {error.msg.removesuffix(' at')} at {_place(text, error.pos)}") from None
    if "\\ud" in text or "\\uD" in text:
        _check_surrogates(text, what)
    return value


def _check_depth(text: str, what: str) -> None:
    """Each step but the last is a single pass in C, and the brackets left for it are few. Text that fails is read again, slowly."""
    outside = "".join(text.replace("\\\\", "").replace('\\"', "").split('"')[::2])
    levels = map(_LEVELS.__getitem__, outside.encode().translate(None, _NOT_A_BRACKET))
    if max(accumulate(levels), default=0) <= MAX_DEPTH:
        return
    depth = 0
    for match in _TOKEN.finditer(text):
        depth += _LEVELS[ord(match[0][0])]
        if depth > MAX_DEPTH:
            raise NotJson(f"the {what} is nested more than {MAX_DEPTH} levels deep at {_place(text, match.start())}")


def _check_surrogates(text: str, what: str) -> None:
    half = next((match for match in _SURROGATES.finditer(text) if match[1]), None)
    if half:
        raise NotJson(f"the {what} holds half a surrogate pair, {half[0]}, at {_place(text, half.start())}")


def _refuse_number(text: str, what: str) -> Never:
    """Name the first odd number. The parser came as far as there, so every token before it is well formed."""
    match = next(match for match in _TOKEN.finditer(text) if _is_odd(match[0]))
    place = _place(text, match.start())
    if match[0].endswith(("NaN", "Infinity")):
        raise NotJson(f"the {what} is not JSON: {match[0]} is not a JSON value, at {place}")
    raise NotJson(f"the {what} holds a number out of range (a double ends at 1.8e308) at {place}")


def _is_odd(token: str) -> bool:
    if token[0] in '"[{]}':
        return False
    try:
        _real(token)
    except _OddNumber:
        return True
    return False


def _place(text: str, position: int) -> str:
    """Line and column, both from 1, in characters."""
    line = text.count("\n", 0, position) + 1
    return f"line {line}, column {position - text.rfind(chr(10), 0, position)}"


def _integer(token: str) -> int:
    if len(token) > _MANY_DIGITS:
        _real(token)  # refuses what is too large, before `int` meets its own limit of 4,300 digits
    return int(token)


def _real(token: str) -> float:
    value = float(token)
    if value - value != 0:  # infinite or NaN
        raise _OddNumber
    return value


def _constant(_: str) -> Never:
    raise _OddNumber


_decode = json.JSONDecoder(parse_int=_integer, parse_float=_real, parse_constant=_constant).decode


# ------------------------------------------------------------------------------------------------ out

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")).encode
_encode_sorted = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")).encode
_FIT = frozenset({str, bool, float, type(None)})


def canonical(document: Any) -> str:
    """One text for all ways to write the same document: sorted keys, no spaces. Integers stay exact, and 1 and 1.0 stay different."""
    return _encode_sorted(document)


def dumps(value: Any) -> str:
    """The compact JSON text of a Python value, which `check` would take; tuples become arrays. InvalidValue where there is none."""
    try:
        _verify((value,), 0)
        text = _encode(value)
        if not text.isascii():
            text.encode()
    except (TypeError, ValueError) as error:
        raise _fault(value, "", ()) or InvalidValue("", str(error)) from None
    return text


def _verify(members: Any, depth: int) -> None:
    """Refuse what the encoder would let pass: keys that are not text, large integers, endless nesting."""
    if depth > MAX_DEPTH:
        raise ValueError
    for member in members:
        kind = type(member)
        if kind in _FIT:
            continue
        if isinstance(member, int):
            if not -_MAX_INTEGER <= member <= _MAX_INTEGER:
                raise ValueError
        elif isinstance(member, dict):
            if not all(isinstance(key, str) for key in member):
                raise ValueError
            _verify(member.values(), depth + 1)
        elif isinstance(member, (list, tuple)):
            _verify(member, depth + 1)


def _fault(value: Any, pointer: str, around: tuple[int, ...]) -> InvalidValue | None:
    """The first thing in `value` that has no JSON text. `around` are the ids of the arrays and objects that hold it."""
    if id(value) in around:
        return InvalidValue(pointer, "this value holds itself")
    if not isinstance(value, (dict, list, tuple)):
        reason = _scalar_fault(value)
        return InvalidValue(pointer, reason) if reason else None
    around = (*around, id(value))
    if len(around) > MAX_DEPTH:
        return InvalidValue(pointer, f"nested more than {MAX_DEPTH} levels deep")
    if isinstance(value, dict):
        for key in value:
            reason = _scalar_fault(key) if isinstance(key, str) else f"a key is of type {type(key).__name__}; keys must be text"
            if reason:
                return InvalidValue(pointer, reason)
    members = value.items() if isinstance(value, dict) else enumerate(value)
    found = (_fault(member, child_path(pointer, str(key)), around) for key, member in members)
    return next((fault for fault in found if fault), None)


def _scalar_fault(value: Any) -> str:
    if isinstance(value, str):
        half = _HALF.search(value)
        return f"half a surrogate pair, \\u{ord(half[0]):04x}, is not text" if half else ""
    if isinstance(value, float):
        return "" if value - value == 0 else f"{float(value)!r} is not a JSON value"
    if value is None or isinstance(value, int):
        return "" if -_MAX_INTEGER <= (value or 0) <= _MAX_INTEGER else "integer out of range (a double ends at 1.8e308)"
    return f"a value of type {type(value).__name__} is not a JSON value"
