"""The registered functions, for commands that need to know their names without a server."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from task_functions.registry import LoadError, Registry
    from workflows.settings import Settings


def load_functions(settings: Settings) -> tuple[Registry, list[LoadError]]:
    """Load what a server with these settings would, and what of it could not be loaded. What users' files print while they are imported
    goes to standard error: standard output is the command's own."""
    from task_functions.registry import REGISTRY, load
    from workflows.settings import BUILT_IN

    with _importable(os.getcwd()), redirect_stdout(sys.stderr):
        errors = [error for source in (BUILT_IN, *settings.sources) for error in load(source).errors]
    return REGISTRY, errors


@contextmanager
def _importable(directory: str) -> Iterator[None]:
    """Modules of the current directory are found last, as `serve` has it."""
    sys.path.append(directory)
    try:
        yield
    finally:
        sys.path.remove(directory)
