"""The way in: the text of a definition, in whatever dialect, becomes a frozen Definition or all its problems.

Which dialect a document is in is decided here and nowhere else: what has StartAt or States (or a `definition`, which is to have them) is
a state machine, anything else a task list.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from workflows.errors import Invalid
from workflows.language import positions, states, tasklists, text
from workflows.language.findings import Cautions, Known, no_caution
from workflows.model import Definition


def read_definition(
    raw: str | bytes,
    *,
    functions: Known | None,
    function_names: Iterable[str] = (),
    inline: Known | None = None,
    cautions: Cautions = no_caution,
    secrets: Known | None = None,
    now: float | None = None,
    revision: int = 1,
) -> Definition:
    """The definition that is written as JSON in `raw`. NotJson if it is not JSON at all, else Invalid with every problem it has and where.

    `functions` and `secrets` say whether there is a function, a secret of that name (None: not asked); `function_names` are those to
    suggest; `inline` says whether a function may run in the server itself (None: not asked). `cautions` says what should be known of a
    function that is called; that is among the definition's `warnings`. `now`: when it is registered (seconds since the epoch), for what is
    to be said of its schedules then (None: not asked).
    """
    document, problems = text.loads_unique(raw)
    written = raw if isinstance(raw, str) else raw.decode()
    try:
        if not isinstance(document, dict) or not states.is_state_machine(document):
            definition: Definition = tasklists.read(
                document,
                functions=functions,
                function_names=function_names,
                inline=inline,
                cautions=cautions,
                secrets=secrets,
                now=now,
                revision=revision,
            )
        else:
            definition = states.read(
                document,
                functions=functions,
                function_names=function_names,
                cautions=cautions,
                secrets=secrets,
                now=now,
                revision=revision,
                characters=len(written),
            )
    except Invalid as error:
        raise Invalid(positions.located([*problems, *error.problems], written)) from None
    if problems:
        raise Invalid(positions.located(problems, written))
    if definition.warnings:
        return replace(definition, warnings=tuple(positions.located(definition.warnings, written)))
    return definition


def compile_definition(stored: str, revision: int) -> Definition:
    """A definition that was read before it was stored. Its functions are not asked for again: one that is gone holds its attempts."""
    return read_definition(stored, functions=None, revision=revision)
