"""What built-in functions are given, checked: every problem at once, each with its place and the nearest name that would be right.

Values are shown only where they cannot be secrets: a key, a method, a number, never a header or a body.
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Collection, Mapping
from typing import Any


class InvalidInput(ValueError):
    """The data makes no sense to the function. `problems` are sentences that begin with the place (a JSON Pointer into the data)."""

    def __init__(self, function: str, problems: Collection[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(f"{function} cannot use its data: " + "; ".join(self.problems))


class Cancelled(Exception):
    """Nobody wants the result any more, so the function stopped. Nobody sees this either, unless the attempt's log is read."""


def nearest(name: object, names: Collection[str]) -> str | None:
    """The one of `names` that `name` was most likely meant to be."""
    if not isinstance(name, str) or len(name) > 100:
        return None
    same = (other for other in names if other.lower() == name.lower())
    return next(same, None) or next(iter(difflib.get_close_matches(name, list(names), 1)), None)


def shown(value: object) -> str:
    """A value as JSON, short enough for a message."""
    if isinstance(value, Mapping | list):
        return "an object" if isinstance(value, Mapping) else "a list"
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= 60 else f"{text[:60]}..."


class Reader:
    """Reads the keys of `data`. A wrong one is noted and gives its default; `finish` raises InvalidInput if any was."""

    def __init__(self, function: str, data: Any, keys: Collection[str]) -> None:
        self._function = function
        self._problems: list[str] = []
        if not isinstance(data, Mapping):
            raise InvalidInput(function, [f"/: this must be an object with {', '.join(keys)}, not {shown(data)}"])
        self.data: Mapping[str, Any] = data
        for key in data:
            if key not in keys:
                self.refuse(key, "unknown key", nearest(key, keys))

    def refuse(self, place: str, message: str, suggestion: str | None = None) -> None:
        """`place` is a key, or a path of keys and indexes with "/" between them."""
        hint = f"; did you mean {suggestion!r}?" if suggestion else ""
        self._problems.append(f"/{place}: {message}{hint}")

    def finish(self) -> None:
        if self._problems:
            raise InvalidInput(self._function, self._problems)

    # ------------------------------------------------------------------------------------------------------------------ kinds

    def given(self, key: str) -> bool:
        """Whether the key is there; null is as good as absent, since a template cannot leave a key out."""
        return self.data.get(key) is not None

    def text(self, key: str, *, required: bool = False) -> str:
        value = self.data.get(key)
        if value is None:
            if required:
                self.refuse(key, "this key is missing")
        elif not isinstance(value, str):
            self.refuse(key, f"this must be text, not {shown(value)}")
        elif required and not value:
            self.refuse(key, "this must not be empty")
        else:
            return value
        return ""

    def choice(self, key: str, choices: Collection[str], default: str) -> str:
        value = self.data.get(key, default)
        if isinstance(value, str) and value in choices:
            return value
        if value is not None:
            self.refuse(key, f"this must be one of {', '.join(choices)}, not {shown(value)}", nearest(value, choices))
        return default

    def flag(self, key: str) -> bool:
        value = self.data.get(key)
        if value is not None and not isinstance(value, bool):
            self.refuse(key, f"this must be true or false, not {shown(value)}")
        return value is True

    def seconds(self, key: str, default: float | None, most: float) -> float | None:
        """More than 0."""
        value = self.data.get(key)
        if value is None:
            return default
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value) or not 0 < value <= most:
            self.refuse(key, f"this must be a number of seconds, more than 0 and up to {most:g}, not {shown(value)}")
            return default
        return float(value)

    def whole(self, key: str, default: int, most: int) -> int:
        """From 1."""
        value = self.data.get(key)
        if value is None:
            return default
        if type(value) is not int or not 1 <= value <= most:
            self.refuse(key, f"this must be a whole number from 1 to {most}, not {shown(value)}")
            return default
        return value

    def object(self, key: str) -> Mapping[str, Any]:
        value = self.data.get(key)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            self.refuse(key, f"this must be an object, not {'text' if isinstance(value, str) else shown(value)}")
            return {}
        return value
