"""The intrinsic functions, called (specification, "Intrinsic Functions", and the developer guide where the service goes further). Pure.

What is wrong with an argument is States.IntrinsicFailure; an argument that finds nothing is States.Runtime. Both causes name the whole call
as it was written, not the inner one that failed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Mapping
from math import floor
from typing import Any

from workflows.core.paths import ExpressionFailure, Miss, Scope, failure, find
from workflows.expressions import CONTEXT, Argument, Intrinsic, Path
from workflows.model import RUNTIME
from workflows.numbers import dumps, is_number, loads

INTRINSIC_FAILURE = "States.IntrinsicFailure"
MAX_DEPTH = 200
MAX_RANGE_ITEMS = 1_000
MAX_CODED_CHARACTERS = 10_000
_INT32 = range(-(2**31), 2**31)
_HASHES = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}
_PLACEHOLDER = re.compile(r"\{\}|\\(.)|([{}\\])", re.DOTALL)


class _Wrong(Exception):
    """What is wrong with an argument."""


class _NotFound(Exception):
    """An argument found nothing."""


def call(intrinsic: Intrinsic, scope: Scope) -> Any:
    """The value of the call. Raises ExpressionFailure."""
    try:
        return _call(intrinsic, scope)
    except _Wrong as wrong:
        error, message = INTRINSIC_FAILURE, str(wrong)
    except _NotFound as missing:
        error, message = RUNTIME, str(missing)
    raise ExpressionFailure(error, f"The function '{intrinsic.text}' had the following error: {message}")


def _call(intrinsic: Intrinsic, scope: Scope) -> Any:
    arguments = [_argument(argument, scope) for argument in intrinsic.arguments]
    if intrinsic.name in _RANDOM:
        return _RANDOM[intrinsic.name](scope.random, *arguments)
    return _FUNCTIONS[intrinsic.name](*arguments)


def _argument(argument: Argument, scope: Scope) -> Any:
    if isinstance(argument, Intrinsic):
        return _call(argument, scope)
    if not isinstance(argument, Path):
        return argument
    try:
        return find(argument, scope)
    except Miss as miss:
        text = argument.text[1:] if argument.root == CONTEXT else argument.text
        words = f"The JsonPath argument for the field '{text}' could not be found in the input '{dumps(scope.input)}'"
        raise _NotFound(failure(argument, scope, miss, miss.reason if miss.no_array else words)) from None


# ------------------------------------------------------------------------------------------ checking arguments


def _array(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise _Wrong(f"{what} must be an array, not {dumps(value)}")
    return value


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise _Wrong(f"{what} must be a string, not {dumps(value)}")
    return value


def _integer(value: Any, what: str) -> int:
    """Numbers are rounded as Java rounds: halves go up."""
    if not is_number(value):
        raise _Wrong(f"{what} must be a number, not {dumps(value)}")
    return value if isinstance(value, int) else floor(value) + (value - floor(value) >= 0.5)


def _integer32(value: Any, what: str) -> int:
    number = _integer(value, what)
    if number not in _INT32:
        raise _Wrong(f"{what} must be between -2147483648 and 2147483647, not {dumps(value)}")
    return number


def _short(value: Any, what: str) -> str:
    text = _text(value, what)
    if len(text) > MAX_CODED_CHARACTERS:
        raise _Wrong(f"{what} must have at most {MAX_CODED_CHARACTERS} characters, not {len(text)}")
    return text


# ---------------------------------------------------------------------------------------------------- arrays


def _frozen(value: Any) -> Any:
    """Something hashable that is equal for equal JSON values, and for no others: true is not 1."""
    if isinstance(value, dict):
        return frozenset((key, _frozen(member)) for key, member in value.items())
    if isinstance(value, list):
        return tuple(map(_frozen, value))
    return (type(value), value) if isinstance(value, bool) else value


def _unique(value: Any) -> list[Any]:
    first: dict[Any, Any] = {}
    for item in _array(value, "the argument"):
        first.setdefault(_frozen(item), item)
    return list(first.values())


def _partition(value: Any, size: Any) -> list[list[Any]]:
    array, length = _array(value, "the first argument"), _integer(size, "the chunk size")
    if length < 1:
        raise _Wrong(f"the chunk size must be positive, not {dumps(size)}")
    return [array[start : start + length] for start in range(0, len(array), length)]


def _range(first: Any, last: Any, step: Any) -> list[int]:
    start, end, by = _integer(first, "the first number"), _integer(last, "the last number"), _integer(step, "the step")
    if by == 0:
        raise _Wrong("the step must not be zero")
    numbers = range(start, end + (1 if by > 0 else -1), by)
    if numbers[MAX_RANGE_ITEMS:]:
        raise _Wrong(f"the range must have at most {MAX_RANGE_ITEMS} items")
    return list(numbers)


def _item(value: Any, index: Any) -> Any:
    array, number = _array(value, "the first argument"), _integer(index, "the index")
    if not 0 <= number < len(array):
        raise _Wrong(f"the index {number} is out of bounds for an array of {len(array)} items")
    return array[number]


# ------------------------------------------------------------------------------------------------------ texts


def _decode(value: Any) -> str:
    try:
        return base64.b64decode(_short(value, "the text"), validate=True).decode()
    except (binascii.Error, ValueError):
        raise _Wrong(f"{dumps(value)} is not a Base64 encoded text") from None


def _hash(data: Any, algorithm: Any) -> str:
    if _text(algorithm, "the algorithm") not in _HASHES:
        raise _Wrong(f"the algorithm must be one of {', '.join(_HASHES)}, not {dumps(algorithm)}")
    text = _short(data if isinstance(data, str) else dumps(data), "the data")
    return hashlib.new(_HASHES[algorithm], text.encode(), usedforsecurity=False).hexdigest()


def _parse(value: Any) -> Any:
    try:
        parsed = loads(_text(value, "the argument"))
        _check_limits(parsed, 1)
    except (ValueError, RecursionError):
        raise _Wrong(f"{dumps(value)} is not JSON") from None
    return parsed


def _check_limits(value: Any, depth: int) -> None:
    """Hold JSON from inside of a text to the limits of the edge; ValueError if it exceeds them."""
    if isinstance(value, str):
        value.encode()  # half a surrogate pair has no encoding, and that error is a ValueError
    elif isinstance(value, (list, dict)):
        if depth > MAX_DEPTH:
            raise ValueError
        for member in [*value, *value.values()] if isinstance(value, dict) else value:
            _check_limits(member, depth + 1)
    elif isinstance(value, int) and abs(value) >= 2**1024:
        raise ValueError


def _split(value: Any, delimiters: Any) -> list[str]:
    text, characters = _text(value, "the first argument"), _text(delimiters, "the delimiter")
    if not characters:
        return [text] if text else []
    return [part for part in re.split(f"[{re.escape(characters)}]", text) if part]


def _format(template: Any, *values: Any) -> str:
    todo = list(reversed(values))

    def filled(match: re.Match[str]) -> str:
        if match[1] is not None and match[1] in "{}\\'":
            return str(match[1])
        if match[0] != "{}":
            raise _Wrong(f"Invalid template: unexpected {match[0]!r}")
        if not todo:
            raise _Wrong(f"Invalid template: there are more placeholders than the {len(values)} values")
        value = todo.pop()
        return value if isinstance(value, str) else dumps(value)

    text = _PLACEHOLDER.sub(filled, _text(template, "the template"))
    if todo:
        raise _Wrong(f"Invalid template: there are {len(values)} values, but {len(values) - len(todo)} placeholders")
    return text


# ---------------------------------------------------------------------------------------------------- objects, numbers


def _merge(first: Any, second: Any, deep: Any) -> dict[str, Any]:
    for value in (first, second):
        if not isinstance(value, dict):
            raise _Wrong(f"only objects can be merged, not {dumps(value)}")
    if deep is not False:
        raise _Wrong("the third argument must be false: deep merging is not supported")
    return {**first, **second}


def _add(first: Any, second: Any) -> int:
    return _integer32(_integer32(first, "the first number") + _integer32(second, "the second number"), "the sum")


def _random(random: Callable[[], float], first: Any, last: Any, seed: Any = None) -> int:
    start, end = _integer32(first, "the first number"), _integer32(last, "the last number")
    if start >= end:
        raise _Wrong(f"the first number, {start}, must be less than the last, {end}")
    if seed is None:
        return start + floor(random() * (end - start))
    digest = hashlib.sha256(f"{_integer(seed, 'the seed')}".encode()).digest()
    return start + int.from_bytes(digest[:8]) % (end - start)


def _uuid(random: Callable[[], float]) -> str:
    words = [floor(random() * 2**32) for _ in range(4)]
    number = (words[0] << 96) + (words[1] << 64) + (words[2] << 32) + words[3]
    number = number & ~(0xF << 76) | (4 << 76)
    text = f"{number & ~(3 << 62) | (2 << 62):032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


_RANDOM: Mapping[str, Callable[..., Any]] = {"MathRandom": _random, "UUID": _uuid}
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "Array": lambda *items: list(items),
    "ArrayPartition": _partition,
    "ArrayContains": lambda array, item: _frozen(item) in map(_frozen, _array(array, "the first argument")),
    "ArrayRange": _range,
    "ArrayGetItem": _item,
    "ArrayLength": lambda array: len(_array(array, "the argument")),
    "ArrayUnique": _unique,
    "Base64Encode": lambda text: base64.b64encode(_short(text, "the text").encode()).decode(),
    "Base64Decode": _decode,
    "Hash": _hash,
    "JsonMerge": _merge,
    "JsonToString": dumps,
    "StringToJson": _parse,
    "MathAdd": _add,
    "StringSplit": _split,
    "Format": _format,
}
