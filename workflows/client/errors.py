"""What may go wrong when a server is asked, in the words it answers with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class CannotReach(Exception):
    """There is no server at that address, or none that answers in time."""


class ClientError(Exception):
    """The server refused. `findings` are what is wrong with what was sent, if that is why: each has `pointer`, `message`, and where known
    `suggestion`, `line` and `column`. `problems` are (place, message) of the same."""

    def __init__(self, status: int, title: str, detail: str = "", findings: Sequence[Mapping[str, Any]] = ()) -> None:
        self.status, self.title, self.detail, self.findings = status, title, detail, tuple(findings)
        self.problems = tuple((str(one["pointer"]), _hinted(one)) for one in findings)
        lines = [f"{pointer or '/'}: {message}" for pointer, message in self.problems] or [detail or title]
        super().__init__("\n".join(lines))


class NotReady(ClientError):
    """503 or 429: the same request may well succeed in a moment."""


def _hinted(problem: Mapping[str, Any]) -> str:
    suggestion = problem.get("suggestion")
    return f"{problem['message']}; did you mean {suggestion!r}?" if suggestion else str(problem["message"])
