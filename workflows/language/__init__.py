"""JSON in, a frozen Definition (or every problem) out. Imports layer 0, marshmallow and the standard library, and nothing else.

The names below are imported when they are asked for: a worker process needs `language.text` only, and starts without marshmallow.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workflows.language.definitions import compile_definition, read_definition
    from workflows.language.schedules import compile_schedule
    from workflows.language.text import canonical

__all__ = ["canonical", "compile_definition", "compile_schedule", "read_definition"]

_HOMES = {"canonical": "text", "compile_definition": "definitions", "compile_schedule": "schedules", "read_definition": "definitions"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
