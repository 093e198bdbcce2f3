"""The errors a caller can meet, once. Every face (HTTP, command line) translates these and invents none of its own.

A `Problem` is one thing wrong with what somebody sent: where (a JSON Pointer, RFC 6901), what, and what would be right. Errors say
nothing about HTTP; `workflows/api/problems.py` gives each its status code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding: `pointer` is where in the document, `suggestion` the nearest valid name where there is one.

    Severity "error" is a reason to refuse the document, "warning" is not. `code` is the Step Functions name of the kind of finding
    (SCHEMA_VALIDATION_FAILED...), in state machines only. `line` and `column`, both from 1 and in characters, say where `pointer` is in
    the text, if there was one.
    """

    pointer: str
    message: str
    suggestion: str | None = None
    severity: Literal["error", "warning"] = "error"
    code: str | None = None
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        hint = f"; did you mean {self.suggestion!r}?" if self.suggestion else ""
        header = self.pointer.endswith(":") and self.pointer[0] not in "/?"  # whose place is written with its colon
        return f"{self.pointer or '/'}{'' if header else ':'} {self.message}{hint}"


class StepwellError(Exception):
    """Base of the errors that are meant for the caller."""


class NotJson(StepwellError):
    """The text is not JSON as we take it (RFC 8259, UTF-8, no NaN, nested at most 200 levels deep)."""


class Invalid(StepwellError):
    """What was sent is JSON, but not what is asked for. Carries every problem found, never just the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))


class NotFound(StepwellError):
    """No such definition or execution. `among`: the index of all ids there are, where it may name one like `id`."""

    def __init__(self, text: str, among: str = "", id: str = "") -> None:
        self.among = among
        self.id = id
        super().__init__(text)


class Conflict(StepwellError):
    """The request does not fit the state things are in, such as cancelling what has completed."""


class Misfit(Conflict):
    """Another revision, or another input, cannot take over an execution. Carries every difference that stands in the way."""

    def __init__(self, text: str, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(f"{text}: {'; '.join(problem.message for problem in self.problems)}")


class Unsigned(StepwellError):
    """A request that must be signed is not, or not by whoever may send it. `headers` are those that a signed one has."""

    def __init__(self, text: str, headers: Sequence[str]) -> None:
        self.headers = tuple(headers)
        super().__init__(text)


class Busy(StepwellError):
    """More requests are waiting than the server will queue; try again later."""


class Unavailable(StepwellError):
    """The store cannot commit now, or the server is stopping. Nothing was changed; try again later."""


class IllegalTransition(StepwellError):
    """A defect: a frame was moved between two statuses that the transition table does not join."""
