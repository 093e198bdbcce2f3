"""Which executions are meant: the one filter of lists and of changes in bulk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Moment = str | datetime
"""A time as RFC 3339 has it, or one that knows its zone."""


@dataclass(frozen=True, slots=True)
class Filter:
    """All that is given must hold; nothing given means all there are. `since` and `until` are about the submission; `text` is sought in
    input, output and error."""

    job: str | None = None
    status: str | None = None
    since: Moment | None = None
    until: Moment | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    text: str | None = None
    paused: bool | None = None

    def body(self) -> dict[str, Any]:
        """As a member of a request's body."""
        return {**dict(self._members()), **({"labels": dict(self.labels)} if self.labels else {})}

    def query(self) -> dict[str, Any]:
        """As parameters of a query."""
        members = {name: str(value).lower() if isinstance(value, bool) else value for name, value in self._members()}
        return {**members, **({"label": [f"{name}:{value}" for name, value in self.labels.items()]} if self.labels else {})}

    def _members(self) -> Iterator[tuple[str, Any]]:
        for name in ("job", "status", "since", "until", "text", "paused"):
            value = getattr(self, name)
            if value is not None:
                yield name, written(value) if name in ("since", "until") else value


def written(moment: Moment) -> str:
    """Raises ValueError for a time that knows no zone."""
    if isinstance(moment, str):
        return moment
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    return moment.isoformat()
