"""Stopping executions and letting them go on: cancel, pause, resume, redrive; one by one, or all that a filter means.

Whether an execution lets itself be stopped or redriven is decided by the engine, at its turn; here its answer becomes what the caller
hears. In bulk the executions are found first, in one snapshot; those among them that it can change are asked a group at a time, so that
others come in between. One that has ended meanwhile is left with the rest; the engine's other refusals are told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from storage.protocol import StoreError
from workflows.errors import Conflict, StepwellError
from workflows.model import ENDED, REDRIVABLE, Header, Status
from workflows.runtime.catalogue import Catalogue
from workflows.runtime.engine import Engine
from workflows.runtime.ledger import Ledger
from workflows.runtime.requests import Cancel, Pause, Redrive, Resume
from workflows.runtime.requests import Control as Asked
from workflows.service.asking import answered, ask, begin, find
from workflows.service.filters import Filter, Match, matching
from workflows.service.inputs import Inputs, text_of

GROUP = 100
"""Executions that are asked at once in bulk: few beside what the engine takes in one turn, so that nobody waits for all of them."""

SHOWN = 100
"""Ids that the answer to a bulk change names."""

_PAGE = 1_000


class Action(StrEnum):
    """What can be done to an execution."""

    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"
    REDRIVE = "redrive"


_REQUESTS: dict[Action, Callable[[int], Asked]] = {
    Action.CANCEL: Cancel,
    Action.PAUSE: Pause,
    Action.RESUME: Resume,
    Action.REDRIVE: Redrive,
}


_CHANGES: dict[Action, Callable[[Header], bool]] = {
    Action.CANCEL: lambda header: header.status not in ENDED,
    Action.PAUSE: lambda header: header.status not in ENDED and not header.paused,
    Action.RESUME: lambda header: header.status not in ENDED and header.paused,
    Action.REDRIVE: lambda header: header.status in REDRIVABLE,
}
"""Whether it can do something to an execution that stands so."""


@dataclass(frozen=True, slots=True)
class Controlled:
    """What became of one execution: its status as the change was made. One that was redriven may have ended again."""

    action: Action
    id: str
    status: Status


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one execution was left as it is."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Bulk:
    """`matched`: how many of those that the filter meant it could change; `executions`: ids of the newest SHOWN of them; `done`: how many
    were changed; `left`: those for which there was nothing to do, meant as well or ended meanwhile."""

    matched: int
    executions: tuple[str, ...]
    left: int = 0
    done: int = 0
    refused: tuple[Refusal, ...] = ()


class Control:
    def __init__(self, ledger: Ledger, catalogue: Catalogue, engine: Engine, inputs: Inputs) -> None:
        self._ledger = ledger
        self._catalogue = catalogue
        self._engine = engine
        self._inputs = inputs

    def cancel(self, execution_id: str) -> Controlled:
        """One that is cancelled already is left so. Raises NotFound, and Conflict for one that has ended otherwise."""
        return self._ask(Action.CANCEL, execution_id)

    def pause(self, execution_id: str) -> Controlled:
        """What runs finishes, nothing starts. One that is paused already is left so. Raises NotFound, and Conflict for one that has
        ended."""
        return self._ask(Action.PAUSE, execution_id)

    def resume(self, execution_id: str) -> Controlled:
        """After a pause. One that is not paused is left so. Raises NotFound, and Conflict for one that has ended."""
        return self._ask(Action.RESUME, execution_id)

    def redrive(self, execution_id: str, revision: int | None = None, raw: bytes | None = None) -> Controlled:
        """Go on from where it ended without success, by this revision of its definition (None: the same) and with this input (None: as it
        was). Raises NotFound; Conflict for one that completed or has not ended; Misfit for a revision or input that cannot take over;
        NotJson and Invalid for an input that it cannot take, and for an unknown revision."""
        number, header = self._found(execution_id)
        text = None if raw is None else self._taken(header, revision, raw)
        return _heard(Action.REDRIVE, execution_id, ask(self._engine, Redrive(number, revision, text)))

    def bulk(self, action: Action, wanted: Filter, *, preview: bool = False) -> Bulk:
        """Do it to all executions that the filter means now and that it can change; `preview`: only say which. Each stands for itself: what
        is refused is told and stops none of the others, and so is what the engine no longer takes."""
        found, others = list[Match](), 0
        for match in self._matching(wanted):
            if _CHANGES[action](match.header):
                found.append(match)
            else:
                others += 1
        shown = tuple(match.header.id for match in found[:SHOWN])
        if preview:
            return Bulk(len(found), shown, others)
        groups = (found[start : start + GROUP] for start in range(0, len(found), GROUP))
        note = {"filter": {name: value for name, value in asdict(wanted).items() if value not in (None, {})}}
        heard = [one for group in groups for one in self._group(action, group, note)]
        refused = tuple(one for one in heard if one.reason)
        return Bulk(len(found), shown, others + len(heard) - len(refused), len(found) - len(heard), refused)

    # -------------------------------------------------------------------------------------------------------------- within

    def _ask(self, action: Action, execution_id: str) -> Controlled:
        number, _ = self._found(execution_id)
        return _heard(action, execution_id, ask(self._engine, _REQUESTS[action](number)))

    def _found(self, execution_id: str) -> tuple[int, Header]:
        with self._ledger.snapshot() as snapshot:
            execution = find(snapshot, execution_id)
            assert execution.header is not None, "an execution that was found has a header"
            return execution.number, execution.header

    def _taken(self, header: Header, revision: int | None, raw: bytes) -> str:
        """The input's text. Of a revision that is not there nothing can be said; the engine refuses it."""
        try:
            definition = self._catalogue.get(header.definition, header.revision if revision is None else revision)
        except LookupError:
            return "null"
        text = text_of(raw)
        self._inputs.check(definition, text, "/input")
        return text

    def _matching(self, wanted: Filter) -> Iterator[Match]:
        after: int | None = None
        with self._ledger.snapshot() as snapshot:
            while True:
                page = matching(snapshot, self._catalogue, wanted, after, _PAGE)
                yield from page.found
                if page.next is None:
                    return
                after = page.next

    def _group(self, action: Action, group: Sequence[Match], note: Mapping[str, Any]) -> Iterator[Refusal]:
        """Ask all of them, then hear all of them: those that were not changed. No reason is needed where one has ended meanwhile. `note` is
        for the audit log."""
        asked: list[tuple[str, Asked]] = []
        for match in group:
            request = _REQUESTS[action](match.number)
            request.note = note
            try:
                begin(self._engine, request)
            except StepwellError as error:
                yield Refusal(match.header.id, str(error))
            else:
                asked.append((match.header.id, request))
        for execution_id, request in asked:
            try:
                status = answered(request)
                if _late(action, status):
                    yield Refusal(execution_id, "")
            except (StepwellError, StoreError) as error:
                yield Refusal(execution_id, str(error))


def _heard(action: Action, execution_id: str, status: Status) -> Controlled:
    """The engine leaves what has ended as it is, and answers how it ended. Raises Conflict."""
    if _late(action, status):
        raise Conflict(f"the execution {execution_id} has ended already: it is {status}")
    return Controlled(action, execution_id, Status(status))


def _late(action: Action, status: Status) -> bool:
    """Whether an execution had ended, by what the engine answered."""
    held = action in (Action.PAUSE, Action.RESUME) and status in ENDED
    return held or (action is Action.CANCEL and status is not Status.CANCELLED)
