"""Steps events on the executions in memory, and says what must be done about it once that is committed.

Owns the working set, the translation of changed frames into work for the gate and the executors, and what happens when a step raises: that
execution fails with States.Runtime, its neighbours do not notice. Belongs to the engine's thread; commits nothing and calls no executor.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from storage.protocol import CorruptRecord, Key, StoreUnavailable, UnencodableRecord
from workflows.core.dialect import Dialect
from workflows.core.machine import step
from workflows.core.waits import Wait, Work, work
from workflows.errors import Misfit, NotFound, Unavailable
from workflows.events import Broke, Event, Interrupted, Redriven
from workflows.model import ENDED, RUNTIME, At, Definition, Error, Header, Status, TaskSpec
from workflows.runtime.audit import Deed
from workflows.runtime.execution import Execution
from workflows.runtime.executor import Identity
from workflows.runtime.gates import Gates
from workflows.runtime.ledger import Ledger, Pending
from workflows.runtime.lines import Limits, rank
from workflows.runtime.payloads import Payloads

log = logging.getLogger(__name__)

LIVE = 5_000
"""Executions kept in memory; any other is read again when something happens to it."""

Kind = Callable[..., Event]
"""A class of events. Its first two arguments, the moment and the randomness, are given here."""


@dataclass(slots=True)
class Round:
    """One turn of the engine: what has changed and what is to be done after the commit. `instead`: what askers about an execution hear
    in place of their answer. `names`: of executions that begin (index, name), with their numbers. `starts` and `stops`: attempts that begin
    and that end, each with the `event` that did it; `lanes`: of those handed out. `changes` counts steps and writes that changed something;
    `deeds` are those somebody asked for, by the execution they are about."""

    now: float
    touched: dict[int, Execution] = field(default_factory=dict)
    pending: Pending = field(default_factory=Pending)
    reported: dict[Identity, None] = field(default_factory=dict)
    starts: dict[Identity, Event | None] = field(default_factory=dict)
    lanes: dict[Identity, str] = field(default_factory=dict)
    stops: dict[Identity, Event | None] = field(default_factory=dict)
    turns: list[Identity] = field(default_factory=list)
    instead: dict[int, Any] = field(default_factory=dict)
    names: dict[tuple[str, Key], int] = field(default_factory=dict)
    deeds: list[tuple[int | None, Deed]] = field(default_factory=list)
    event: Event | None = None
    changes: int = 0
    lost: int = 0


class Stepper:
    """`dialect_of` gives the dialect of a definition's revision; `seed` draws 63 random bits; `in_flight`: an executor has the attempt;
    `lane_of` names the executor for a task, whose attempts are to run beside others or not."""

    def __init__(
        self,
        ledger: Ledger,
        gate: Gates,
        dialect_of: Callable[[str, int], Dialect],
        seed: Callable[[], int],
        in_flight: Callable[[Identity], bool],
        lane_of: Callable[[TaskSpec, bool], str],
    ) -> None:
        self._ledger = ledger
        self._gate = gate
        self.dialect_of = dialect_of
        self.seed = seed
        self._in_flight = in_flight
        self._lane_of = lane_of
        self._live: dict[int, Execution] = {}
        self._payloads = Payloads()
        self._revived: set[int] = set()
        self._first = True
        self._silent: int | None = None
        self.recovering = True
        gate.know_all(False)
        self.set_aside: dict[int, str] = {}
        self.recovered = [0, 0]

    # ----------------------------------------------------------------------------------------------------------- executions

    def execution(self, round: Round, number: int) -> Execution | None:
        """The execution as this round has made it; None: unknown or set aside."""
        if number in self.set_aside:
            return None
        found = self._live.pop(number, None)
        if found is None:
            try:
                found = Execution.load(number, self._ledger.read, self._payloads)
            except CorruptRecord as error:
                self._set_aside(number, f"its records cannot be read: {error}")
            if found is None:
                return None
        self._live[number] = found
        if self.recovering and number not in self._revived:
            self._revive(round, found)
        return None if number in self.set_aside else found

    def forget(self) -> None:
        """After a failed commit: what is in memory is not what is stored. Everything is read again, as after a start."""
        self._live.clear()
        self._revived.clear()
        self._gate.clear()
        self._gate.know_all(False)
        self.recovering = True
        if self._first:  # what was counted was not committed, or is met again
            self.recovered[0] = 0

    def committed(self, round: Round) -> None:
        """The round is in the store."""
        self.recovered[1] += round.lost
        for number, execution in round.touched.items():
            execution.committed()
            if execution.header is not None and execution.header.status in ENDED:
                self._live.pop(number, None)
        while len(self._live) > LIVE:
            del self._live[next(iter(self._live))]

    def recovery_done(self) -> None:
        self.recovering = self._first = False
        self._gate.know_all(True)
        self._revived.clear()

    # --------------------------------------------------------------------------------------------------------------- steps

    def begin(self, round: Round, number: int, definition: Definition, kind: Kind, *details: Any) -> str:
        """The first event of a new execution. Raises what the step raises: nothing has happened then."""
        execution = Execution(number, self._ledger.read, self._payloads)
        dialect = self.dialect_of(definition.id, definition.revision)
        result = step(dialect, execution, kind(round.now, self.seed(), *details))
        self._live[number] = execution
        self._revived.add(number)
        self._apply(round, execution, dialect.definition, result)
        return result.answer

    def step(self, round: Round, number: int, kind: Kind, *details: Any) -> str:
        """One event of an execution that exists. Never raises for what the execution or its definition does."""
        execution = self.execution(round, number)
        dialect = None if execution is None or execution.header is None else self._readable(execution)
        if execution is None or dialect is None:
            return ""
        try:
            round.event = kind(round.now, self.seed(), *details)
            result = step(dialect, execution, round.event)
        except StoreUnavailable:
            raise
        except Exception as error:
            return self._broke(round, execution, dialect, error)
        self._apply(round, execution, dialect.definition, result)
        return result.answer

    def ask(self, round: Round, number: int, kind: Kind, *details: Any) -> str:
        """A step whose answer somebody waits for. Raises NotFound, and Unavailable for an execution that is set aside."""
        answer = "" if self.execution(round, number) is None else self.step(round, number, kind, *details)
        return answer or self.header(round, number).status

    def header(self, round: Round, number: int) -> Header:
        """Raises NotFound, and Unavailable for an execution that is set aside."""
        execution = self.execution(round, number)
        if execution is None or execution.header is None:
            why = self.set_aside.get(number)
            raise Unavailable(f"the execution is set aside: {why}") if why else NotFound("no such execution")
        return execution.header

    def redrive(self, round: Round, number: int, dialect: Dialect, text: str | None) -> str:
        """An ended execution goes on by this revision, with this input if one is given. Answer: its status then. Raises Misfit for a
        revision that cannot take over, and what the step raises: nothing has happened then."""
        header = self.header(round, number)
        execution, revision = self._live[number], dialect.definition.revision
        if problems := dialect.fits(execution, self.dialect(execution).definition, text is not None):
            raise Misfit(f"the execution {header.id} cannot go on by revision {revision}", problems)
        result = step(dialect, execution, Redriven(round.now, self.seed(), revision, text))
        self._apply(round, execution, dialect.definition, result)
        return result.answer

    def function(self, round: Round, number: int, path: str) -> tuple[str, int] | None:
        """The function and visit of a ready attempt; None: the execution could not say, and the gate no longer offers it."""
        execution = self.execution(round, number)
        dialect = None if execution is None else self._readable(execution)
        if execution is None or dialect is None:
            return None
        frame = execution.frames[path]
        try:
            return dialect.resolve(frame).function, frame.visit
        except Exception as error:
            self._broke(round, execution, dialect, error)
            return None

    def lane(self, round: Round, number: int, path: str) -> str:
        """Name of the executor a ready attempt is for. One that cannot say is offered in the usual one, and its turn shows why."""
        execution = self.execution(round, number)
        try:
            assert execution is not None, "what became ready a moment ago is there"
            frame = execution.frames[path]
            spec, alone = self.dialect(execution).resolve(frame), frame.alone
        except StoreUnavailable:
            raise
        except Exception:
            spec, alone = TaskSpec(""), False
        return self._lane_of(spec, alone)

    def hold(self, round: Round, number: int, path: str) -> None:
        """Keep a ready attempt back: the gate is not to offer it again before the next start."""
        execution = self.execution(round, number)
        assert execution is not None, "its function was asked for a moment ago"
        definition = self.dialect(execution).definition
        self._gate.update(number, _limits(definition), (), (path,), 0)

    def active(self, round: Round, definition: str) -> int:
        """How many executions of the definition have begun and not ended, this round included."""
        with self._ledger.snapshot() as snapshot:
            entries = f"definition/{definition}"
            count = sum(snapshot.has(entries, key) for key in snapshot.walk(f"status/{Status.RUNNING}"))
        for execution in round.touched.values():
            if execution.header is not None and execution.header.definition == definition:
                stored = execution.stored is not None and execution.stored.status is Status.RUNNING
                count += (execution.header.status is Status.RUNNING) - stored
        return count

    def dialect(self, execution: Execution) -> Dialect:
        assert execution.header is not None, "an execution in the working set has a header"
        return self.dialect_of(execution.header.definition, execution.header.revision)

    def _readable(self, execution: Execution) -> Dialect | None:
        """The execution's dialect. None: its definition cannot be read, and the execution is set aside."""
        try:
            return self.dialect(execution)
        except StoreUnavailable:
            raise
        except Exception as error:
            self._set_aside(execution.number, f"its definition cannot be read: {error}")
            return None

    def write(self, round: Round) -> None:
        """Encode every touched execution. One that cannot be encoded fails; its neighbours are written."""
        for number, execution in list(round.touched.items()):
            try:
                execution.write(round.pending)
            except UnencodableRecord as error:
                self._unencodable(round, number, error)

    def _broke(self, round: Round, execution: Execution, dialect: Dialect, error: BaseException) -> str:
        assert execution.header is not None, "an execution in the working set has a header"
        log.exception("execution %s broke", execution.header.id, exc_info=error, extra={"execution_id": execution.header.id})
        text = "".join(traceback.format_exception(error))
        failure = Error(RUNTIME, f"{type(error).__name__}: {error}", text)
        try:
            result = step(dialect, execution, Broke(round.now, self.seed(), failure))
        except Exception as second:
            self._set_aside(execution.number, f"it can neither go on nor be failed: {second}")
            return ""
        self._apply(round, execution, dialect.definition, result)
        return result.answer

    def _unencodable(self, round: Round, number: int, error: UnencodableRecord) -> None:
        """Back to what is stored, and from there to FAILED. One never stored is gone, and one that had ended is not redriven: whoever asked
        for it hears why."""
        execution = round.touched.pop(number)
        header = execution.header
        assert header is not None, "a touched execution was started"
        self._gate.ended(number, header.definition, had_begun=header.status is Status.RUNNING)
        for noted in (round.starts, round.stops):
            for identity in [identity for identity in noted if identity.number == number]:
                del noted[identity]
        round.turns[:] = [identity for identity in round.turns if identity.number != number]
        self._live.pop(number, None)
        if execution.stored is None:
            round.instead[number] = error
            return
        stored = self.execution(round, number)
        dialect = None if stored is None else self._readable(stored)
        if stored is None or dialect is None:
            return
        over = execution.stored.status in ENDED
        round.stops.update({identity: None for identity in _taken(stored) if self._in_flight(identity)})
        self._silent = number
        self._broke(round, stored, dialect, error)
        self._silent = None
        try:
            stored.write(round.pending)
        except UnencodableRecord as second:
            round.touched.pop(number, None)
            self._set_aside(number, f"it can neither be stored nor be failed: {second}")
        round.instead[number] = error if over or stored.header is None else stored.header.status

    def _set_aside(self, number: int, why: str) -> None:
        known = self._live.pop(number, None)
        about = {"execution_id": known.header.id} if known is not None and known.header is not None else {}
        log.error("execution number %d is set aside: %s", number, why, extra={**about, "execution_number": number})
        self.set_aside[number] = why
        self._gate.ended(number, "", had_begun=False)

    # ------------------------------------------------------------------------------------------------------------- signals

    def _apply(self, round: Round, execution: Execution, definition: Definition, result: Any) -> None:
        if not result.changed:
            return
        was, paused = execution.header.status if execution.header else None, execution.paused
        changed = result.frames if result.header.paused is paused else (*execution.frames, *result.frames)
        before = {path: work(execution.frame(path), paused) for path in changed}
        execution.apply(result)
        round.touched[execution.number] = execution
        if execution.number != self._silent:
            round.changes += 1
            self._signal(round, execution, definition, before, was)

    def _revive(self, round: Round, execution: Execution) -> None:
        """Tell the machine which attempts nobody will ever report on: those that are taken and not in flight. Then tell the gate, which
        knows nothing of this execution yet, how that leaves it."""
        number, header = execution.number, execution.header
        assert header is not None, "a loaded execution has a header"
        dialect = self._readable(execution)
        if dialect is None:
            return
        self._revived.add(number)
        self.recovered[0] += self._first and header.work > 0
        lost = [identity for identity in _taken(execution) if not self._in_flight(identity)]
        round.lost += len(lost)
        self._silent = number
        for identity in lost:
            self.step(round, number, Interrupted, identity.path, identity.visit)
        self._silent = None
        if number not in self.set_aside:
            first = [identity.path for identity in lost]  # what was interrupted goes before what had not begun
            self._signal(round, execution, dialect.definition, dict.fromkeys([*first, *execution.frames]), header.status)

    def _signal(
        self, round: Round, execution: Execution, definition: Definition, before: Mapping[str, Wait | None], was: Status | None
    ) -> None:
        """Tell the gate what became ready or stopped being so, and note which attempts begin and end. To the gate a paused execution is one
        that has nothing ready."""
        header, number = execution.header, execution.number
        assert header is not None, "an execution that was stepped has a header"
        ready, unready, running = [], [], 0
        for path, a in before.items():
            b = work(execution.frame(path), header.paused)
            if a == b:
                continue
            running += self._attempts(round, number, path, a, b)
            if _is_ready(b):
                ready.append(path)
            elif _is_ready(a):
                unready.append(path)
            if b is not None and b.kind is Work.CONTINUE:
                round.turns.append(Identity(number, path, b.visit))
        limits = _limits(definition)
        if header.status is Status.RUNNING and was is not Status.RUNNING:
            self._gate.begun(number, definition.id)
        if header.status in ENDED:
            self._gate.ended(number, definition.id, had_begun=was is Status.RUNNING)
        elif header.status is Status.QUEUED:
            place = rank(header.priority, header.created)
            if header.paused:
                self._gate.ended(number, definition.id, had_begun=False)
            elif ready:
                self._gate.enqueue(number, limits, place)
            self._gate.move(number, place)
        elif ready or unready or running:
            self._gate.update(number, limits, ready, unready, running)

    def _attempts(self, round: Round, number: int, path: str, a: Wait | None, b: Wait | None) -> int:
        """Note an attempt that begins or is over; by how many more than before the frame has running."""
        had, has = a is not None and a.taken, b is not None and b.taken
        if a is not None and had:
            round.stops[Identity(number, path, a.visit)] = round.event
            round.starts.pop(Identity(number, path, a.visit), None)
        if b is not None and has:
            round.starts[Identity(number, path, b.visit)] = round.event
            round.stops.pop(Identity(number, path, b.visit), None)
        return has - had

    def ready_paths(self, round: Round, number: int) -> Iterable[str]:
        """Paths of the execution's READY frames, if any may be handed out."""
        execution = self.execution(round, number)
        if execution is None or execution.paused:
            return []
        return [path for path, frame in execution.frames.items() if frame.status is At.READY]


def _is_ready(wait: Wait | None) -> bool:
    return wait is not None and wait.kind is Work.RUN and not wait.taken


def _taken(execution: Execution) -> list[Identity]:
    return [Identity(execution.number, path, frame.visit) for path, frame in execution.frames.items() if frame.status is At.RUNNING]


def _limits(definition: Definition) -> Limits:
    return Limits(definition.id, definition.max_concurrency, definition.max_active_runs, definition.on_alert is not None)
