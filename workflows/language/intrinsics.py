"""Calls of intrinsic functions such as `States.Format('{} of {}', $.name, States.UUID())`, parsed (specification, "Intrinsic Functions").

Names, numbers of arguments and nesting are checked here; the kinds of values are known only when the call is evaluated. The template of
`States.Format` keeps its escapes, because `\\{` and `{` mean different things to it.
"""

from __future__ import annotations

import re

from workflows.expressions import Argument, Intrinsic
from workflows.language.jsonpaths import PathError, parse_path
from workflows.language.names import closest_key
from workflows.numbers import real

MAX_NESTING = 10

ARITIES: dict[str, tuple[int, int | None]] = {
    "Array": (0, None),
    "ArrayPartition": (2, 2),
    "ArrayContains": (2, 2),
    "ArrayRange": (3, 3),
    "ArrayGetItem": (2, 2),
    "ArrayLength": (1, 1),
    "ArrayUnique": (1, 1),
    "Base64Encode": (1, 1),
    "Base64Decode": (1, 1),
    "Hash": (2, 2),
    "JsonMerge": (3, 3),
    "JsonToString": (1, 1),
    "StringToJson": (1, 1),
    "MathRandom": (2, 3),
    "MathAdd": (2, 2),
    "StringSplit": (2, 2),
    "UUID": (0, 0),
    "Format": (1, None),
}
"""Each function with the least and the largest number of arguments (None: any)."""

_CALL = re.compile(r"\s*States\.(\w+)\s*\(")
_LITERAL = re.compile(r"(?:(true|false|null)|(-?(?:0|[1-9][0-9]*+))((?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?))(?=\s*[,)])")
_STRING = re.compile(r"'((?:[^'\\]|\\.)*+)'", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_PATH_TOKEN = re.compile(r"""'(?:[^'\\]|\\.)*+'|"(?:[^"\\]|\\.)*+"|[\[\](),]""", re.DOTALL)
_CONSTANTS = {"true": True, "false": False, "null": None}


def is_intrinsic(text: str) -> bool:
    return _CALL.match(text) is not None or text.lstrip().startswith("States.")


def parse_intrinsic(text: str) -> Intrinsic:
    """The call written as `text`, or PathError."""
    call, position = _call(text, 0, 1)
    if text[position:].strip():
        raise PathError(f"unexpected {text[position:].strip()!r} after the call", position + 1)
    return call


def _call(text: str, position: int, depth: int) -> tuple[Intrinsic, int]:
    match = _CALL.match(text, position)
    if match is None:
        raise PathError("expected a call such as States.Format(...)", position + 1)
    name, column = match[1], match.start(1) + 1
    if name not in ARITIES:
        near = closest_key(name, tuple(ARITIES))
        raise PathError(f"there is no intrinsic function 'States.{name}'", column, near and f"States.{near}")
    if depth > MAX_NESTING:
        raise PathError(f"intrinsic functions nest at most {MAX_NESTING} levels deep", column)
    arguments, end = _arguments(text, match.end(), name, depth)
    least, most = ARITIES[name]
    if len(arguments) < least or (most is not None and len(arguments) > most):
        wanted = f"{least} or more" if most is None else str(least) if most == least else f"{least} or {most}"
        raise PathError(f"States.{name} takes {wanted} argument{'' if wanted == '1' else 's'}, not {len(arguments)}", column)
    return Intrinsic(name, tuple(arguments), text[match.start() : end].strip()), end


def _arguments(text: str, position: int, name: str, depth: int) -> tuple[list[Argument], int]:
    arguments: list[Argument] = []
    position = _skip(text, position)
    if text.startswith(")", position):
        return arguments, position + 1
    while True:
        argument, position = _argument(text, position, depth, template=name == "Format" and not arguments)
        arguments.append(argument)
        position = _skip(text, position)
        if text.startswith(")", position):
            return arguments, position + 1
        if not text.startswith(",", position):
            raise PathError("expected ',' or ')'", position + 1)
        position = _skip(text, position + 1)


def _argument(text: str, position: int, depth: int, template: bool) -> tuple[Argument, int]:
    if match := _LITERAL.match(text, position):
        constant, integer, rest = match.groups()
        return (_CONSTANTS[constant] if constant else _number(integer, rest, position + 1)), match.end()
    if match := _STRING.match(text, position):
        unescaped = _ESCAPE.sub(lambda escape: _unescaped(escape, match.start(1)), match[1])
        return (match[1] if template else unescaped), match.end()
    if text.startswith("$", position):
        return _path(text, position)
    if _CALL.match(text, position):
        return _call(text, position, depth + 1)
    raise PathError("expected a 'text', a number, true, false, null, a path or a call of an intrinsic function", position + 1)


def _path(text: str, position: int) -> tuple[Argument, int]:
    """A path ends before the ',' or ')' that stands outside of its own brackets and quotes."""
    depth = 0
    end = len(text)
    for match in _PATH_TOKEN.finditer(text, position):
        if depth == 0 and match[0] in (",", ")"):
            end = match.start()
            break
        depth += {"[": 1, "(": 1, "]": -1, ")": -1}.get(match[0], 0)
    try:
        return parse_path(text[position:end].rstrip()), end
    except PathError as error:
        raise PathError(error.message, position + error.column, error.suggestion) from None


def _number(integer: str, rest: str, column: int) -> float:
    if len(integer) > 300:
        raise PathError("this number has too many digits", column)
    try:
        return real(integer + rest) if rest else int(integer)
    except ValueError as error:
        raise PathError(str(error), column) from None


def _unescaped(escape: re.Match[str], start: int) -> str:
    if escape[1] not in "'\\{}":
        raise PathError(f"unknown escape '\\{escape[1]}'; there are \\', \\{{, \\}} and \\\\", start + escape.start() + 1)
    return escape[1]


def _skip(text: str, position: int) -> int:
    return len(text) - len(text[position:].lstrip())
