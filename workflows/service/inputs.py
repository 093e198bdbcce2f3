"""Whether a definition takes an input: by its dialect, and by its `inputSchema`, made ready once per revision."""

from __future__ import annotations

import threading
from dataclasses import replace

from workflows.errors import Invalid, Problem
from workflows.language.inputs import InputCheck
from workflows.language.text import check, loads
from workflows.model import Definition, InputSchema, exceeds
from workflows.states import PAYLOAD_BYTES, StateMachine

CHECKED_BYTES = 1024 * 1024
"""Of an input that is checked by a schema; a longer one is refused."""

READY = 1_000
"""Schemas kept ready; any other is made so again when it is asked for."""


def text_of(raw: bytes) -> str:
    """An input's JSON text; none means {}. Raises NotJson."""
    return check(raw) if raw.strip() else "{}"


class Inputs:
    """Any thread may ask."""

    def __init__(self) -> None:
        self._checks: dict[tuple[str, int], tuple[InputSchema, InputCheck]] = {}
        self._lock = threading.Lock()

    def check(self, definition: Definition, text: str, place: str = "") -> None:
        """Raises Invalid with all that is wrong with this JSON text as the definition's input. `place`: the JSON Pointer to it in what was
        sent."""
        if not isinstance(definition, StateMachine) and not text.lstrip().startswith("{"):
            raise Invalid([Problem(place, "the input of a task list is a JSON object, such as {}")])
        if isinstance(definition, StateMachine) and exceeds(text, PAYLOAD_BYTES):
            raise Invalid([Problem(place, f"the input of a state machine has at most {PAYLOAD_BYTES:,} bytes")])
        if definition.input_schema is None:
            return
        if exceeds(text, CHECKED_BYTES):
            raise Invalid([Problem(place, f"an input that is checked by a schema has at most {CHECKED_BYTES:,} bytes")])
        problems = self._check(definition, definition.input_schema).problems(loads(text))
        if problems:
            raise Invalid([replace(problem, pointer=place + problem.pointer) for problem in problems])

    def _check(self, definition: Definition, schema: InputSchema) -> InputCheck:
        """A revision that was deleted may come again with another schema, so the one that was made ready is looked at."""
        name = (definition.id, definition.revision)
        known = self._checks.get(name)
        if known is not None and known[0] is schema:
            return known[1]
        made = InputCheck(schema)
        with self._lock:
            self._checks[name] = (schema, made)
            while len(self._checks) > READY:
                del self._checks[next(iter(self._checks))]
        return made
