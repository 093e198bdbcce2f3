"""AWS Lambda handlers: a function NAME that nobody registered is looked for as `NAME.py` with `handler(event, context)`, when it is used.

So code that was deployed to Lambda runs as it is: put its file into a functions directory. `NAME.env.json` beside it gives it environment
variables. The file is read again when it has changed. Owns that search and the environment of such calls; the variables are the process's,
so calls of handlers that have some take turns within a process, and are given a process each.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

_NAME = re.compile(r"[A-Za-z0-9_-]{1,140}")
_ENVIRONMENT = threading.RLock()


class HandlerNotFound(Exception):
    """The file is there, but has no `handler(event, context)`, or its variables cannot be read."""


@dataclass(frozen=True, slots=True)
class Handler:
    """Calls the `handler(event, context)` of a file, which is read when it is called, so that its faults are the attempt's."""

    file: Path
    call: Callable[[Path, Any, Any], Any]

    def __call__(self, event: Any, context: Any) -> Any:
        return self.call(self.file, event, context)

    @property
    def has_variables(self) -> bool:
        return has_variables(self.file)


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A file as it was when it was read."""

    stamp: tuple[int, int]
    handler: Callable[[Any, Any], Any]


class Handlers:
    """`read` imports a file as a module. Any thread may search and call."""

    def __init__(self, read: Callable[[Path], ModuleType]) -> None:
        self._read = read
        self._directories: list[Path] = []
        self._loaded: dict[Path, _Loaded] = {}
        self._lock = threading.Lock()

    def add(self, directory: Path) -> None:
        if directory not in self._directories:
            self._directories.append(directory)

    def find(self, name: str) -> Handler | None:
        """The handler of that name, or None."""
        if _NAME.fullmatch(name):
            for directory in self._directories:
                file = directory / f"{name}.py"
                if file.is_file():
                    return Handler(file, self._call)
        return None

    def _call(self, file: Path, event: Any, context: Any) -> Any:
        with _variables(file):
            return self._handler(file)(event, context)

    def _handler(self, file: Path) -> Callable[[Any, Any], Any]:
        status = file.stat()
        stamp = (status.st_mtime_ns, status.st_size)
        with self._lock:
            known = self._loaded.get(file)
            if known is None or known.stamp != stamp:
                handler = getattr(self._read(file), "handler", None)
                if not callable(handler):
                    raise HandlerNotFound(f"{file} has no function handler(event, context)")
                known = self._loaded[file] = _Loaded(stamp, handler)
            return known.handler


def has_variables(file: Path) -> bool:
    """Whether variables are given to it: it is a handler then, and not to be read before it is used."""
    return _variables_file(file).is_file()


def _variables_file(file: Path) -> Path:
    return file.with_name(f"{file.stem}.env.json")


@contextmanager
def _variables(file: Path) -> Iterator[None]:
    """The file's variables in the environment. Without any, nothing is held up."""
    if not has_variables(file):
        yield
        return
    with _ENVIRONMENT:
        given = _given(_variables_file(file))
        before = {name: os.environ.get(name) for name in given}
        os.environ.update(given)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value


def _given(file: Path) -> dict[str, str]:
    try:
        given = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise HandlerNotFound(f"{file} is not JSON: {error}") from error
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise HandlerNotFound(f'{file} must be an object of texts, such as {{"TABLE": "orders"}}')
    return given
