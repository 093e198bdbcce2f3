"""Path texts such as `$.orders[?(@.price < 10)].id`, `$$.Execution.Name` and `$total`, parsed.

A definite path (members and indexes only) becomes steps that the core follows by itself, because it must say in the service's words where
they end. All others are compiled by python-jsonpath. The service uses Jayway's library for Java, whose dialect differs from RFC 9535; what
of it occurs in real definitions is rewritten here, in one place: `[(@.length-1)]`, `nin`, `size`, `empty`, `.length()` inside of filters,
a closing `['a','b']`, and a closing `.length()`, `.min()` and so on. The rest is refused by name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from jsonpath import JSONPathEnvironment
from jsonpath.exceptions import JSONPathError

from workflows.expressions import Path, Query, ReferencePath, Step
from workflows.language.names import closest_key

FUNCTIONS = ("length", "min", "max", "avg", "sum", "stddev", "keys", "first", "last")
"""Jayway's functions that may close a path. Those with arguments (concat, append, index) are refused."""

_ROOT = re.compile(r"\$(\$|[^\W\d]\w{0,79}(?!\w))?")
_NAME = re.compile(r"""[^\s\x00-\x1f.,*?'"\\\[\]()]+""")
_CALL = re.compile(r"\.([A-Za-z]\w*)\(\s*\)")
_INDEX = re.compile(r"\[\s*(0|-?[1-9][0-9]{0,8})\s*\]")
_FROM_END = re.compile(r"\[\s*\(\s*@\.length(?:\(\))?\s*-\s*([1-9][0-9]{0,8})\s*\)\s*\]")
_STRING = r"""'(?:[^'\\]|\\.)*+'|"(?:[^"\\]|\\.)*+\""""
_NAMES = re.compile(rf"\[\s*(?:{_STRING})(?:\s*,\s*(?:{_STRING}))*+\s*\]", re.DOTALL)
_SELECTORS = re.compile(r"\[\s*(?:\*|[-0-9:,\s]+)\s*\]")  # wildcard, slices, unions of indexes
_TOKEN = re.compile(rf"{_STRING}|(?<==~)\s*/(?:[^/\\\n]|\\.)*+/|[\[\]]", re.DOTALL)
_STRINGS = re.compile(_STRING, re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "/": "/", "\\": "\\", "'": "'", '"': '"'}

_OPERAND = r"([@$](?:\.[\w-]++(?!\()|\[[^\[\]]*+\])*+)"
_FILTER_REWRITES = (
    (re.compile(rf"{_OPERAND}\.(?:length|size)\(\s*\)"), r"length(\1)"),
    (re.compile(rf"{_OPERAND}\s+nin\s+({_OPERAND}|\[[^\[\]]*+\])", re.I), r"!(\1 in \2)"),
    (re.compile(rf"{_OPERAND}\s+size\s+([0-9]++)", re.I), r"length(\1) == \2"),
    (re.compile(rf"{_OPERAND}\s+empty\s+true\b", re.I), r"length(\1) == 0"),
    (re.compile(rf"{_OPERAND}\s+empty\s+false\b", re.I), r"length(\1) != 0"),
    (re.compile(r"\s+IN\s+"), " in "),
)
_FOREIGN = re.compile(r"\s(subsetof|anyof|noneof|type)\s", re.I)


class PathError(ValueError):
    """Why a text is not a path or an intrinsic. `column` counts characters from 1; `suggestion` is the nearest valid name."""

    def __init__(self, message: str, column: int, suggestion: str | None = None) -> None:
        super().__init__(f"{message} (column {column})")
        self.message = message
        self.column = column
        self.suggestion = suggestion


class _Environment(JSONPathEnvironment):
    """Without the library's own additions to the language, except those that Jayway has as well (`=~`, `in`, `contains`)."""

    pseudo_root_token = filter_context_token = key_token = intersection_token = union_token = ""
    keys_selector_token, keys_filter_token = "\ufdd0", "\ufdd1"  # these cannot be empty; nobody writes noncharacters
    max_recursion_depth = 250  # deeper than any payload that passed the edge

    def __init__(self) -> None:
        super().__init__(filter_caching=False)
        self.strict = True  # from here on, so that `=~`, `in` and `contains` are read, but an index is never looked up as a member

    def setup_function_extensions(self) -> None:
        super().setup_function_extensions()
        for name in ("isinstance", "is", "typeof", "type", "startswith"):
            del self.function_extensions[name]


_ENVIRONMENT = _Environment()


@dataclass(frozen=True, slots=True)
class _Part:
    """One segment: a `step` where it names one place, and always the `query` text that the library reads."""

    column: int
    query: str
    step: Step | None = None
    function: str = ""


@dataclass(frozen=True, slots=True)
class _Picked:
    """A closing ['a','b'] behind a path to many places: of each object one with these members, as Jayway gives it; RFC 9535 would list
    the members' values."""

    places: Query
    names: tuple[str, ...]

    def findall(self, data: Any) -> list[object]:
        found = (value for value in self.places.findall(data) if isinstance(value, dict))
        return [{name: value[name] for name in self.names if name in value} for value in found]


def parse_path(text: str) -> Path:
    """The path written as `text`, or PathError."""
    match = _ROOT.match(text)
    if match is None:
        raise PathError("a path starts with '$' (the data), '$$' (the context object) or '$name' (a variable)", 1)
    root = "$$" if match[0] == "$$" else match[1] or "$"
    parts = list(_parts(text, match.end()))
    function = parts.pop().function if parts and parts[-1].function else ""
    steps = [part.step for part in parts if part.step is not None]
    if len(steps) == len(parts) and not any(isinstance(step, tuple) for step in steps[:-1]):
        return Path(text, root, True, tuple(steps), function=function)
    picked = parts[-1].step if parts and isinstance(parts[-1].step, tuple) else ()
    query = _compiled("".join(part.query for part in (parts[:-1] if picked else parts)), match.end() + 1)
    if picked:
        query = _Picked(query, picked)
    beginning = takewhile(lambda step: isinstance(step, (str, int)), (part.step for part in parts))
    return Path(text, root, bool(function), tuple(beginning), query, function)  # type: ignore[arg-type]


def parse_reference_path(text: str) -> ReferencePath:
    """The path to write to: "$", then `.name`, `['name']` and `[n]` only; else PathError."""
    match = _ROOT.match(text)
    if match is None or match[1]:
        raise PathError("a reference path starts with '$', the state's input", 1)
    steps: list[str | int] = []
    for part in _parts(text, match.end()):
        if part.function or not isinstance(part.step, (str, int)) or (isinstance(part.step, int) and part.step < 0):
            raise PathError("a reference path has only .name, ['name'] and [n]", part.column)
        steps.append(part.step)
    return ReferencePath(text, tuple(steps))


def _parts(text: str, position: int) -> Iterator[_Part]:
    while position < len(text):
        column = position + 1
        descent = text.startswith("..", position)
        position += 2 if descent else 0
        if not descent and (call := _CALL.match(text, position)):
            yield _function(call, text)
            return
        part, position = _bracket(text, position) if text.startswith("[", position) else _dotted(text, position, descent)
        yield _Part(column, f"..{part.query}") if descent else part


def _dotted(text: str, position: int, descent: bool) -> tuple[_Part, int]:
    column = position + 1
    if not descent:
        if not text.startswith(".", position):
            raise PathError(f"expected '.' or '[', not {text[position]!r}", column)
        position += 1
    if text.startswith("*", position):
        return _Part(column, "[*]"), position + 1
    name = _NAME.match(text, position)
    if name is None:
        raise PathError(f"expected a name after {'..' if descent else '.'!r}; write other names as ['name']", position + 1)
    if text.startswith("(", name.end()):
        raise PathError(f"the function {name[0]}(...) is not supported inside of a path or with arguments", position + 1)
    return _Part(column, f"[{json.dumps(name[0])}]", name[0]), name.end()


def _function(call: re.Match[str], text: str) -> _Part:
    column = call.start() + 2
    if call[1] not in FUNCTIONS:
        raise PathError(f"unknown path function {call[1]!r}; supported are {', '.join(FUNCTIONS)}", column, closest_key(call[1], FUNCTIONS))
    if call.end() < len(text):
        raise PathError(f"the function {call[1]}() is supported only at the end of a path", column)
    return _Part(column, "", function=call[1])


def _bracket(text: str, position: int) -> tuple[_Part, int]:
    column = position + 1
    if match := _INDEX.match(text, position):
        return _Part(column, f"[{match[1]}]", int(match[1])), match.end()
    if match := _FROM_END.match(text, position):
        return _Part(column, f"[-{match[1]}]", -int(match[1])), match.end()
    if match := _NAMES.match(text, position):
        names = tuple(_unquoted(quoted[0], quoted.start()) for quoted in _STRINGS.finditer(text, position, match.end()))
        query = f"[{','.join(map(json.dumps, names))}]"
        return _Part(column, query, names[0] if len(names) == 1 else names), match.end()
    match = _SELECTORS.match(text, position)
    end = match.end() if match else _closing(text, position)
    if match is None and not text[position + 1 : end].lstrip().startswith("?"):
        raise PathError("expected [n], ['name'], [*], [a:b] or a filter [?(...)]", column)
    query = match[0] if match else _filter(text[position:end], column)
    _compiled(query, column)  # here, because here the column is known
    return _Part(column, query), end


def _compiled(query: str, column: int) -> Query:
    try:
        return _ENVIRONMENT.compile(f"${query}")
    except RecursionError:
        raise PathError("this is not a JSONPath: it nests too deeply", column) from None
    except (JSONPathError, ValueError, re.error) as error:
        raise PathError(f"this is not a JSONPath: {error.args[0]}", column) from None


def _closing(text: str, position: int) -> int:
    """The position behind the bracket that closes the one at `position`."""
    depth = 0
    for match in _TOKEN.finditer(text, position):
        depth += {"[": 1, "]": -1}.get(match[0], 0)
        if depth == 0:
            return match.end()
    raise PathError("this '[' is never closed", position + 1)


def _filter(text: str, column: int) -> str:
    """A Jayway filter in the words of python-jsonpath."""
    foreign = _FOREIGN.search(_STRINGS.sub("''", text))
    if foreign:
        raise PathError(f"the filter operator {foreign[1]!r} is not supported", column)
    for pattern, replacement in _FILTER_REWRITES:
        text = pattern.sub(replacement, text)
    return text


def _unquoted(quoted: str, start: int) -> str:
    unescaped = _ESCAPE.sub(lambda escape: _unescaped(escape, start), quoted[1:-1])
    try:
        return unescaped.encode("utf-16", "surrogatepass").decode("utf-16")  # joins escaped surrogate pairs
    except UnicodeDecodeError:
        raise PathError("half a surrogate pair in a quoted name", start + 2) from None


def _unescaped(escape: re.Match[str], start: int) -> str:
    code, letter = escape.groups()
    if code is not None:
        return chr(int(code, 16))
    if letter not in _ESCAPED:
        raise PathError(f"unknown escape '\\{letter}'", start + 2 + escape.start())
    return _ESCAPED[letter]
