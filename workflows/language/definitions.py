"""The way in: the text of a definition, in whatever dialect, becomes a frozen Definition or all its problems.

Which dialect a document is in is decided here and nowhere else. State machines (Amazon States Language) are to be the second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from workflows.errors import Invalid, Problem
from workflows.language import tasklists, text
from workflows.model import Definition


def read_definition(
    raw: str | bytes, *, functions: Callable[[str], bool] | None, function_names: Iterable[str] = (), revision: int = 1
) -> Definition:
    """The definition that is written as JSON in `raw`. NotJson if it is not JSON at all, else Invalid with every problem it has.

    `functions` says whether a function of that name is registered (None: not asked); `function_names` are those to suggest.
    """
    document, problems = text.loads_unique(raw)
    if isinstance(document, dict):
        states = next((key for key in ("StartAt", "States") if key in document), None)
        if states:
            raise Invalid([*problems, Problem(f"/{states}", "state machines (Amazon States Language) are not supported yet")])
    try:
        definition = tasklists.read(document, functions=functions, function_names=function_names, revision=revision)
    except Invalid as error:
        raise Invalid([*problems, *error.problems]) from None
    if problems:
        raise Invalid(problems)
    return definition


def compile_definition(stored: str, revision: int) -> Definition:
    """A definition that was read before it was stored. Its functions are not asked for again: one that is gone holds its attempts."""
    return read_definition(stored, functions=None, revision=revision)
