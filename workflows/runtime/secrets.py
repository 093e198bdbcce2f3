"""Secrets: looked up when a function is called, put where its parameters name them, and masked in whatever is said of that call.

`{"$secret": "NAME"}` in a task's own parameters is a reference; the definition alone says where they are (`Run.secrets`, by JSON Pointer),
so that data which looks like one (an input, another task's result) never gets a secret out. What is resolved lives in the process that
calls the function, for as long as the call takes; frames, histories, runs and payloads hold the reference. Used by whoever invokes
functions, in the server or in a worker process, and knows nothing else of ours.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

VARIABLE = "STEPWELL_SECRET_"
"""Before a secret's name: the environment variable that holds it."""

SECRET_BYTES = 64 * 1024
"""Of a secret's file."""

MASKED_CHARACTERS = 4
"""A shorter secret, or line of one, is not masked: it would be found everywhere."""

MASK = "***"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


class SecretNotFound(Exception):
    """A secret that a task names cannot be had. The text says which and where it was looked for, never a value."""


class Mask:
    """Takes some texts out of others: whole, in the forms they have in JSON, Python and URLs, line by line, and cut off by the end of a
    line."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        forms = {form for value in values for form in _forms(value) if len(form) >= MASKED_CHARACTERS}
        self._forms = sorted(forms, key=len, reverse=True)
        self._whole = re.compile("|".join(map(re.escape, self._forms))) if forms else None

    def __bool__(self) -> bool:
        return self._whole is not None

    def __call__(self, text: str) -> str:
        if self._whole is None:
            return text
        text = self._whole.sub(MASK, text)
        for form in self._forms:
            text = _without_beginnings(text, form)
        return text


NOTHING = Mask()


class Vault:
    """The secrets there are: environment variables, then the files of `directory`, each named as its secret. Read anew at each call, so a
    changed secret is used from the next attempt on."""

    def __init__(self, directory: Path | None = None, environment: Mapping[str, str] = os.environ) -> None:
        self._directory = directory
        self._environment = environment

    def has(self, name: str) -> bool:
        try:
            self.get(name)
        except SecretNotFound:
            return False
        return True

    def get(self, name: str) -> str:
        """Raises SecretNotFound."""
        if not NAME.fullmatch(name):
            raise SecretNotFound(f"{name!r:.140} is no name of a secret")
        value = self._environment.get(VARIABLE + name)
        if value is None:
            value = self._read(name)
        if not _is_text(value):
            raise SecretNotFound(f"the secret {name} is not UTF-8 text")
        return value

    def fill(self, data: Any, places: Mapping[str, str]) -> tuple[Any, Mask]:
        """`data` with the secrets at their places (JSON Pointer → name), and the mask of their values. Changes `data`. Raises
        SecretNotFound."""
        if not places:
            return data, NOTHING
        values = {name: self.get(name) for name in set(places.values())}
        for pointer, name in places.items():
            data = _placed(data, pointer, name, values[name])
        return data, Mask(values.values())

    def _read(self, name: str) -> str:
        """A file's text without the newline at its end, which most editors leave there."""
        missing = f"there is no secret {name}: the variable {VARIABLE}{name} is not set, and"
        if self._directory is None:
            raise SecretNotFound(f"{missing} there is no directory of secrets (STEPWELL_SECRETS)")
        try:
            with (self._directory / name).open("rb") as file:
                raw = file.read(SECRET_BYTES + 1)
        except OSError as error:
            raise SecretNotFound(f"{missing} {self._directory / name} cannot be read ({error.strerror})") from None
        if len(raw) > SECRET_BYTES:
            raise SecretNotFound(f"the secret {name} is longer than {SECRET_BYTES:,} bytes")
        return raw.decode("utf-8", "surrogateescape").removesuffix("\n").removesuffix("\r")


# ------------------------------------------------------------------------------------------------------------------------ helpers


def _forms(value: str) -> Iterator[str]:
    for text in (value, *value.splitlines()):
        yield from (text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1])
        yield from (quote(text), quote(text, safe=""), quote_plus(text))


def _without_beginnings(text: str, form: str) -> str:
    """A message that is cut after so many characters may end within a secret."""
    start, at = form[:MASKED_CHARACTERS], text.find(form[:MASKED_CHARACTERS])
    while at >= 0:
        end = text.find("\n", at)
        rest = text[at : end if end >= 0 else len(text)].rstrip("'\".…")
        if len(rest) >= MASKED_CHARACTERS and form.startswith(rest):
            text = text[:at] + MASK + text[at + len(rest) :]
        at = text.find(start, at + 1)
    return text


def _placed(data: Any, pointer: str, name: str, value: str) -> Any:
    segments = [segment.replace("~1", "/").replace("~0", "~") for segment in pointer.split("/")[1:]]
    holder, key, found = None, None, data
    for segment in segments:
        holder, key = found, int(segment) if isinstance(found, list) else segment
        found = holder[key]
    if found != {"$secret": name}:
        raise SecretNotFound(f"the parameters do not have the secret {name} at {pointer or '/'}: the definition has changed")
    if holder is None:
        return value
    holder[key] = value
    return data


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
