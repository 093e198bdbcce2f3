"""The feed, held against whole pictures: what each commit changed is the difference between all that was there and all that is.

The engine works it out from what it has touched; here everything is looked at, before and after. Listeners must hear of every commit once,
in order and after it landed, and what is stored must tell the same to whoever comes back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from storage.protocol import Batch
from storage.records import decode
from workflows.model import ROOT, Frame, Header, parent_path
from workflows.runtime.changes import EXECUTION_LETTERS, TASK_LETTERS, Change, change_from
from workflows.runtime.feed_log import News, TooOld, missed
from workflows.runtime.ledger import Ledger
from workflows.runtime.task_state import begun, shown_status

Picture = tuple[Header, Mapping[str, Frame]]
"""An execution as committed."""


class FeedModel:
    """`size`: of how many commits the changes are kept since commit `first`."""

    def __init__(self) -> None:
        self.size = self.first = 0
        self.number = 0
        self.heard = 0
        self.news: dict[int, dict[int, Change]] = {}

    def landed(self, batch: Batch, before: Mapping[int, Picture], after: Mapping[int, Picture]) -> None:
        written = [decode(raw) for (kind, _), raw in batch.records.items() if kind == "feed" and raw is not None]
        told = {row[0]: change_from(row) for data in written for row in data["changes"]}
        assert [data["number"] for data in written] == ([batch.number] if told else []), "one record of the feed for each commit"
        for number, now in after.items():
            expected, found = difference(before.get(number), now), told.get(number)
            assert ((found.step, dict(found.tasks)) if found else ("", {})) == expected, f"the feed tells {found} of {expected}"
        if (about := batch.records.get(("document", ("feed",)))) is not None:
            assert decode(about)["size"] != self.size, "only another size is another log"
            self.first, self.size = batch.number, decode(about)["size"]
        self.number = batch.number
        self.news[batch.number] = told

    def published(self, news: News) -> None:
        assert news.number == self.heard + 1, f"commit {news.number} is published after {self.heard}"
        assert news.number <= self.number, "invariant 1: published before it was committed"
        assert {change.number: change for change in news.changes} == self.news[news.number]
        self.heard = news.number

    def check(self, ledger: Ledger, after: int) -> None:
        """Whoever was there at commit `after` and comes back now is told of all that was missed, or that it cannot be told."""
        known = max(self.first, self.number - self.size + 1) - 1 if self.size else self.number
        with ledger.snapshot() as snapshot:
            try:
                found: Any = {news.number: {change.number: change for change in news.changes} for news in missed(snapshot, after)}
            except TooOld:
                found = None
        expected = {number: told for number, told in self.news.items() if number > after and told}
        assert found == (expected if known <= after <= self.number else None), f"since {after} of {self.number}"


def difference(before: Picture | None, after: Picture) -> tuple[str, dict[str, str]]:
    """How the change of the execution and those of its tasks read."""
    tasks = {} if before is None else seen(before)
    changed = {name: tasks.get(name, ("-" if after[1][ROOT].state else "P", 0))[0] + now[0] for name, now in seen(after).items()}
    gone = {name: was[0] + "P" for name, was in tasks.items() if name not in seen(after) and was != ("P", 0) and not after[1][ROOT].state}
    same = {name for name, now in seen(after).items() if tasks.get(name, None if after[1][ROOT].state else ("P", 0)) == now}
    own = [None if picture is None else picture[0] for picture in (before, after)]
    step = "" if _own(own[0]) == _own(own[1]) else letter(own[0]) + letter(own[1])
    return step, gone | {name: step for name, step in changed.items() if name not in same}


def seen(picture: Picture) -> dict[str, tuple[str, int]]:
    """Letter and attempts of every task; of a state machine, of the state it stands at."""
    root = picture[1][ROOT]
    frames = [root] if root.state else [frame for path, frame in picture[1].items() if path != ROOT and parent_path(path) == ROOT]
    return {frame.state: (TASK_LETTERS[shown_status(frame)], begun(frame)) for frame in frames}


def _own(header: Header | None) -> object:
    return None if header is None else (header.status, header.paused, header.priority, header.redrives)


def letter(header: Header | None) -> str:
    if header is None:
        return "-"
    return EXECUTION_LETTERS[header.status].lower() if header.paused else EXECUTION_LETTERS[header.status]
