"""What an execution may be given as its input, by its definition."""

from __future__ import annotations

from workflows.errors import Invalid, Problem
from workflows.language.text import check
from workflows.model import Definition, exceeds
from workflows.states import PAYLOAD_BYTES, StateMachine


def taken(definition: Definition, raw: bytes, place: str = "") -> str:
    """The input's JSON text, empty for {}: an object for a task list, any JSON for a state machine. `place`: the JSON Pointer to it in what
    was sent. Raises NotJson, Invalid."""
    text = check(raw) if raw.strip() else "{}"
    if not isinstance(definition, StateMachine) and not text.lstrip().startswith("{"):
        raise Invalid([Problem(place, "the input of a task list is a JSON object, such as {}")])
    if isinstance(definition, StateMachine) and exceeds(text, PAYLOAD_BYTES):
        raise Invalid([Problem(place, f"the input of a state machine has at most {PAYLOAD_BYTES:,} bytes")])
    return text
