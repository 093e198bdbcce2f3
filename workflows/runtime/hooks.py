"""Hooks as they are stored: a document each that says whose it is, and a list for each job. And what an event becomes.

Written inside a batch, by the engine's thread, with the definition that they come with. What a hook is like is in that definition alone.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from storage.protocol import Key
from workflows.core.dataflow import dumps, loads
from workflows.core.expressions import ExpressionFailure, Scope, evaluate
from workflows.errors import Invalid, Problem
from workflows.hooks import Hook, wanted
from workflows.runtime.ledger import Pending

INDEX = "hooks"
"""Index of (name,)."""

UNTOLD = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key"})
"""Headers that nobody who executes is told; nor is the signature."""

Read = Callable[[str, Key], Any]
"""A record's data by kind and key, or None."""


def job_of(read: Read, name: str) -> str | None:
    """The id of the job that has the hook of that name; None: there is none."""
    data = read("document", ("hook", name))
    return None if data is None else str(data["job"])


def signature_of(read: Read, name: str) -> str:
    """The name of the scheme that the hook wants, which must be there."""
    return str(read("document", ("hook", name))["signature"])


def replace_all(pending: Pending, read: Read, job: str, hooks: Sequence[Hook]) -> None:
    """The job's definition comes with these; others that it had go. Raises Invalid for a name that another job's hook has."""
    for n, hook in enumerate(hooks):
        other = job_of(read, hook.name)
        if other not in (None, job):
            message = f"the job {other!r} has a hook of the name {hook.name!r} already; give this one another"
            raise Invalid([Problem(f"/hooks/{n}/name", message)])
    _drop(pending, set(_names(read, job)) - {hook.name for hook in hooks})
    for hook in hooks:
        pending.put("document", ("hook", hook.name), {"job": job, "signature": hook.signature})
        pending.index(INDEX, (hook.name,), True)
    if hooks:
        pending.put("document", ("hooks-of", job), [hook.name for hook in hooks])
    else:
        _forget(pending, read, job)


def remove_all(pending: Pending, read: Read, job: str) -> None:
    """All of a job that is deleted."""
    _drop(pending, _names(read, job))
    _forget(pending, read, job)


def input_of(hook: Hook, id: str, event: str, headers: Mapping[str, str], text: str) -> str:
    """The input, as JSON text, of the execution `id`, which this event starts: `text` is the body. Raises Invalid where the hook's template
    finds nothing."""
    if hook.input is None:
        return text
    hidden = UNTOLD | {wanted(hook.scheme)[-1].lower()}
    told = {name: value for name, value in headers.items() if name not in hidden}
    data = {"body": loads(text), "headers": told, "id": event}
    try:
        return dumps(evaluate(hook.input, Scope(data, random=random.Random(id).random)))  # noqa: S311  # no secret: the same for the same event
    except ExpressionFailure as error:
        raise Invalid([Problem("", f"the hook's input cannot be made of this: {error.cause}")]) from None


def _names(read: Read, job: str) -> list[str]:
    return list(read("document", ("hooks-of", job)) or ())


def _forget(pending: Pending, read: Read, job: str) -> None:
    if _names(read, job):
        pending.records["document", ("hooks-of", job)] = None


def _drop(pending: Pending, names: Iterable[str]) -> None:
    for name in names:
        pending.records["document", ("hook", name)] = None
        pending.index(INDEX, (name,), False)
