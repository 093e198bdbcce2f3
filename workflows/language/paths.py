"""Path texts such as `$.results.fetch['order id'][0]`, parsed.

A path names one place: `$` is the data, `$$` the context object; then come members (`.name`, `['name']`, `["name"]`) and array indexes
(`[n]`), as in RFC 9535 section 2.3. What could name several places (wildcards, slices, filters, `..`) is refused by name for now. This file
knows the grammar only: what a path may point at is the business of the templates that hold it.
"""

from __future__ import annotations

import re

from workflows.model import JsonPath

# Outside of ASCII every character may stand in a bare name, as in RFC 9535, except spaces and control characters.
_STEP = re.compile(
    r"""
      \. (?P<name> (?: [A-Za-z0-9_-] | [^\x00-\x9f\s] )+ )
    | \[ (?P<index> 0 | [1-9][0-9]{0,8} ) \]
    | \[ (?: ' (?P<single> (?: [^'\\] | \\. )*+ ) ' | " (?P<double> (?: [^"\\] | \\. )*+ ) " ) \]
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "/": "/", "\\": "\\", "'": "'", '"': '"'}

_NOT_YET = (
    (re.compile(r"(?<=^\$)\w"), "a variable"),
    (re.compile(r"\.\."), "descending with '..'"),
    (re.compile(r"\.\*|\[\s*\*"), "the wildcard '*'"),
    (re.compile(r"\[\s*\?"), "a filter '[?...]'"),
    (re.compile(r"\[\s*-?[0-9]*\s*:"), "a slice '[a:b]'"),
    (re.compile(r"\[\s*-[0-9]"), "an index from the end"),
    (re.compile(r"\[[^\]]*,"), "a list of members or indexes"),
)


class PathError(ValueError):
    """Why a text is not a path. `column` counts characters from 1."""

    def __init__(self, message: str, column: int) -> None:
        super().__init__(f"{message} (column {column})")
        self.column = column


def parse(text: str) -> JsonPath:
    """The path written as `text`, or PathError."""
    root = "$$" if text.startswith("$$") else "$"
    if not text.startswith("$"):
        raise PathError("a path starts with '$', the data, or '$$', the context object", 1)
    steps: list[str | int] = []
    position = len(root)
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            raise _explained(text, position)
        steps.append(_step(match))
        position = match.end()
    return JsonPath(root, tuple(steps), text)


def _step(match: re.Match[str]) -> str | int:
    name, index, single, double = match.groups()
    if index is not None:
        return int(index)
    if name is not None:
        return str(name)
    quoted = single if single is not None else double
    start = match.start() + 3
    unescaped = _ESCAPE.sub(lambda escape: _unescaped(escape, start), quoted)
    try:
        return unescaped.encode("utf-16", "surrogatepass").decode("utf-16")  # joins escaped surrogate pairs
    except UnicodeDecodeError:
        raise PathError("half a surrogate pair in a quoted name", start) from None


def _unescaped(escape: re.Match[str], start: int) -> str:
    code, letter = escape.groups()
    if code is not None:
        return chr(int(code, 16))
    if letter not in _ESCAPED:
        raise PathError(f"unknown escape '\\{letter}'", start + escape.start())
    return _ESCAPED[letter]


def _explained(text: str, position: int) -> PathError:
    """Why no step begins at `position`."""
    column = position + 1
    for pattern, what in _NOT_YET:
        if pattern.match(text, position):
            return PathError(f"{what} is not supported yet", column)
    if text[position] == ".":
        return PathError("expected a name after '.'; write other names as ['name']", column + 1)
    if text[position] == "[":
        return PathError("expected [n] with n from 0 to 999999999, ['name'] or [\"name\"]", column)
    return PathError(f"expected '.' or '[', not {text[position]!r}", column)
