"""What may be said when an execution is started besides its input, and whether the same was said before.

Owns the rules for what one caller sends. That nothing is started twice is decided by the engine (`runtime.names`); here whoever repeats a
request is answered without it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from workflows.errors import Conflict, Invalid, NotFound, Problem
from workflows.language import canonical
from workflows.language.text import loads
from workflows.model import PRIORITIES, Header
from workflows.runtime.execution import header_of
from workflows.runtime.ledger import Snapshot
from workflows.runtime.names import Accepted, Known, look_up, number_in
from workflows.runtime.state import ExecutionState
from workflows.service.asking import find

LABELS, LABEL_CHARACTERS, VALUE_CHARACTERS = 32, 63, 255
"""Labels of one execution, characters of a label's name (at least one) and of its value."""

LONGEST_WAIT_S = 60.0

ID = r"^[A-Za-z0-9_.-]{1,128}$"
ID_TEXT = "an id is 1 to 128 of the characters A-Z a-z 0-9 _ . - and neither . nor .., which no path can hold"

KEY = r"^[!-~]([ -~]{0,253}[!-~])?$"
KEY_TEXT = "a key is 1 to 255 printable ASCII characters, without spaces around them"


@dataclass(frozen=True, slots=True)
class Options:
    """`id`: the execution's, chosen by the caller. `key`: the idempotency key. `revision` None: the newest; `priority` None: the
    definition's. `wait`: seconds to wait for the end; None: not at all."""

    id: str | None = None
    key: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    revision: int | None = None
    priority: int | None = None
    wait: float | None = None


PLAIN = Options()


@dataclass(frozen=True, slots=True)
class Begun:
    """`repeated`: it had been started before, by the same request. `state`: how it ended while the caller waited."""

    id: str
    repeated: bool = False
    state: ExecutionState | None = None


def check_options(options: Options) -> None:
    """Raises Invalid with all that is wrong; each pointer is the option as callers write it."""
    problems = [Problem(place, message) for place, message in _faults(options)]
    if problems:
        raise Invalid(problems)


def _faults(options: Options) -> Iterator[tuple[str, str]]:
    if options.id is not None and (not re.fullmatch(ID.strip("^$"), options.id) or options.id in (".", "..")):
        yield "?executionId", ID_TEXT
    if options.key is not None and not re.fullmatch(KEY.strip("^$"), options.key):
        yield "Idempotency-Key:", KEY_TEXT
    if options.priority is not None and options.priority not in PRIORITIES:
        yield "?priority", f"this must be from {PRIORITIES[0]:,} to {PRIORITIES[-1]:,}, not {options.priority}"
    if options.revision is not None and options.revision < 1:
        yield "?revision", f"revisions are counted from 1; there is no {options.revision}"
    if options.wait is not None and not 0 < options.wait <= LONGEST_WAIT_S:
        yield "?wait", f"this must be more than 0 and at most {LONGEST_WAIT_S:g}, not {options.wait:g}"
    if len(options.labels) > LABELS:
        yield "?label", f"an execution has at most {LABELS} labels of its own, not {len(options.labels)}"
    for name, value in options.labels.items():
        if not 0 < len(name) <= LABEL_CHARACTERS or len(value) > VALUE_CHARACTERS:
            at_most = f"a label's name has 1 to {LABEL_CHARACTERS} characters and its value at most {VALUE_CHARACTERS}"
            yield "?label", f"{at_most}: {name[:LABEL_CHARACTERS]!r} has {len(name)} and {len(value)}"


def digest_of(text: str, revision: int | None) -> str:
    """Equal for two starts whose inputs, as JSON texts, are the same canonical JSON and that ask for the same revision (None: for none)."""
    form = f"{revision or ''}\n{canonical(loads(text))}"
    return hashlib.blake2b(form.encode(), digest_size=16).hexdigest()


def begun_before(snapshot: Snapshot, definition_id: str, options: Options, text: str, digest: str) -> Accepted | None:
    """The execution that such a start means, if it is there. Raises Conflict and Invalid for names that something else was started with."""
    if options.id is not None and number_in(options.id) is not None:
        return _given_out(snapshot, definition_id, options.id, options.revision, text)
    known = Known(lambda index, name: look_up(snapshot.scan, index, name), lambda number: _header(snapshot, number))
    return known.repeated(definition_id, options.id or "", options.key or "", digest)


def _given_out(snapshot: Snapshot, definition_id: str, execution_id: str, revision: int | None, text: str) -> Accepted:
    """An id of the form that the server gives out can mean the execution that has it, and cannot be chosen for another."""
    try:
        execution = find(snapshot, execution_id)
    except NotFound:
        message = f"ids of this form are given out by the server, and it has given out no {execution_id}; choose one of another form"
        raise Invalid([Problem("?executionId", message)]) from None
    header = execution.header
    assert header is not None, "an execution that was found has a header"
    same = digest_of(execution.text(header.input), None) == digest_of(text, None) and revision in (None, header.revision)
    if header.definition != definition_id or not same:
        raise Conflict(f"the execution {execution_id} was started before, with another input, revision or definition")
    return Accepted(execution_id, execution.number, repeated=True)


def _header(snapshot: Snapshot, number: int) -> Header:
    header = header_of(number, snapshot.read)
    assert header is not None, "an index leads to an execution"
    return header
