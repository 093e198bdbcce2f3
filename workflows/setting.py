"""What one setting is: its name, its kind, what it may be, what it means, and whether it is secret. Nothing here knows which there are.

A class of settings is a frozen dataclass whose fields are made by `setting`; its table, `table`, is what flags, variables, files, listings
and documents are made from. So a setting is declared in one place, and whatever takes or shows it follows.
"""

from __future__ import annotations

import dataclasses
import enum
import re
import types
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PREFIX = "STEPWELL_"

MASK = "********"
"""Shown instead of a secret, however long that is."""


class SettingsError(ValueError):
    """Settings that cannot be. `problems` has a line for each: which, what it is, where that came from, what it may be."""

    def __init__(self, *problems: str) -> None:
        super().__init__(*problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(self.problems)


class Kind(enum.Enum):
    """What the values are, in the words of messages."""

    TEXT = "text"
    WHOLE = "a whole number"
    REAL = "a number"
    SWITCH = "true or false"
    PATH = "a path"
    LIST = "a list of texts"


_KINDS: dict[object, Kind] = {
    str: Kind.TEXT,
    int: Kind.WHOLE,
    float: Kind.REAL,
    bool: Kind.SWITCH,
    Path: Kind.PATH,
    tuple[str, ...]: Kind.LIST,
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a value may be beyond its kind. `low` and `high` are of numbers. `pattern` is what a text, or each of a list, must match as a
    whole, and `form` says so in words."""

    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    pattern: str = ""
    form: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """`shown_default` says in words what cannot be shown well; `metavar` names the value in help texts. `optional`: it may be None, which
    is nothing. `located`: its texts are paths, unless they are URIs or no directory is there. `secret`: shown to nobody, and not taken as a
    flag, because everybody on a machine sees its command lines."""

    name: str
    kind: Kind
    default: Any
    about: str
    limits: Limits
    shown_default: str = ""
    metavar: str = ""
    optional: bool = False
    located: bool = False
    secret: bool = False

    @property
    def variable(self) -> str:
        return f"{PREFIX}{self.name.upper()}"

    @property
    def flag(self) -> str | None:
        return None if self.secret else f"--{self.name.replace('_', '-')}"

    @property
    def allowed(self) -> str:
        """What it may be: the words after "it must be"."""
        if self.limits.form:
            return self.limits.form
        if self.limits.choices:
            return " or ".join(self.limits.choices)
        if self.limits.low is not None and self.limits.high is not None:
            return f"between {self.limits.low:,} and {self.limits.high:,}"
        return f"{self.kind.value} that is not empty" if self.kind in (Kind.TEXT, Kind.PATH) else self.kind.value

    @property
    def described(self) -> str:
        """The same for what is not even of its kind."""
        return f"{self.kind.value} {self.allowed}" if self.limits.high is not None else self.allowed

    def shown(self, value: Any) -> str:
        """A value for people; of a secret only whether there is one."""
        if value is None or value == ():
            return "none"
        if self.secret:
            return MASK
        if isinstance(value, bool):
            return str(value).lower()
        return ", ".join(value) if isinstance(value, tuple) else f"{value:g}" if isinstance(value, float) else str(value)

    def plain(self, value: Any) -> Any:
        """A value as JSON data, masked if secret."""
        if self.secret and value not in (None, ()):
            return MASK
        return list(value) if isinstance(value, tuple) else str(value) if isinstance(value, Path) else value

    def check(self, value: Any) -> str | None:
        """What is wrong with a value of the right kind, if anything: "is 0: it must be between 1 and 1,000"."""
        return None if self._fits(value) else f"is {self.quoted(value)}: it must be {self.allowed}"

    def quoted(self, value: Any) -> str:
        """A wrong value for a message, never longer than a line. A secret is not shown, wrong or not."""
        if self.secret:
            return MASK if value else "empty"
        text = repr(str(value) if isinstance(value, Path) else list(value) if isinstance(value, tuple) else value)
        text = text.lower() if isinstance(value, bool) else text
        return text if len(text) <= 80 else f"{text[:77]}..."

    def _fits(self, value: Any) -> bool:
        limits = self.limits
        if limits.low is not None and not limits.low <= value:
            return False
        if limits.high is not None and not value <= limits.high:
            return False
        if limits.choices and value not in limits.choices:
            return False
        texts = value if isinstance(value, tuple) else (value,) if isinstance(value, str) else ()
        return all(text and (not limits.pattern or re.fullmatch(limits.pattern, text)) for text in texts)


def setting(
    default: Any,
    about: str,
    *,
    low: float | None = None,
    high: float | None = None,
    pattern: str = "",
    form: str = "",
    shown_default: str = "",
    metavar: str = "",
    located: bool = False,
    secret: bool = False,
) -> Any:
    """A field of a class of settings: its kind and choices are those of its annotation."""
    more = {"shown_default": shown_default, "metavar": metavar, "located": located, "secret": secret}
    limits = Limits(low, high, pattern=pattern, form=form)
    return dataclasses.field(default=default, repr=not secret, metadata={"about": about, "limits": limits, "more": more})


def table(settings: type) -> dict[str, Setting]:
    """The settings of such a class, by name, in their order."""
    hints = typing.get_type_hints(settings)
    return {field.name: _declared(field, hints[field.name]) for field in dataclasses.fields(settings)}


def _declared(field: dataclasses.Field[Any], hint: Any) -> Setting:
    optional = isinstance(hint, types.UnionType)
    if optional:
        [hint] = [part for part in typing.get_args(hint) if part is not types.NoneType]
    limits: Limits = field.metadata["limits"]
    if typing.get_origin(hint) is typing.Literal:
        limits, hint = dataclasses.replace(limits, choices=typing.get_args(hint)), str
    return Setting(field.name, _KINDS[hint], field.default, field.metadata["about"], limits, optional=optional, **field.metadata["more"])
