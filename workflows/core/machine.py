"""The state machine under every dialect: `step(dialect, execution, event) -> Step`. Pure: no clock, no chance, no I/O.

Owns what is the same in all dialects: identities of waits, attempts, deadlines, retries, interruptions, ending, the opening and closing of
scopes, and the history of all that; what people do to an execution is in `core.control`. A dialect (`core.dag`, `core.asl`, the tests' toy)
only says what comes next. A step is a worklist, never recursion. A frame on its way to a state is PARKED; a step that has seen TURN
arrivals leaves the others parked for a later one, so that neither an endless loop of quick states nor a wide scope holds up the neighbours.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from workflows.core import control, retry
from workflows.core.dataflow import dumps, loads
from workflows.core.dialect import Dialect, Moment
from workflows.core.draft import Draft, Step, View
from workflows.core.evolve import replace
from workflows.core.waits import EXECUTION, due
from workflows.events import (
    Broke,
    Cancelled,
    Continue,
    Event,
    Failed,
    Fired,
    Heartbeat,
    Interrupted,
    Paused,
    Prioritized,
    Redriven,
    Resumed,
    Started,
    Succeeded,
    Taken,
)
from workflows.model import (
    DATA_LIMIT_EXCEEDED,
    ENDED,
    HEARTBEAT_TIMEOUT,
    INTERRUPTED,
    RESULT_BYTES,
    ROOT,
    RUNTIME,
    TIMEOUT,
    At,
    Error,
    Frame,
    Header,
    Ref,
    Status,
    exceeds,
    parent_path,
)

TURN = 256
"""Arrivals at states in one step; frames still on their way then let others go first."""

INTERRUPTIONS = 4
"""The interruption of one attempt that fails it: three crashes are bad luck, a fourth is probably the attempt's doing."""

HISTORY_EVENTS = 1_000_000
"""A state entered beyond so many fails the execution, so that a loop that never ends does. The service's limit is 25,000 (ASL.md Q.9)."""

ERROR_CHARACTERS = 32 * 1024
"""Of a longer message the beginning is kept, of a longer traceback the end."""

_KINDS = (EXECUTION, "timeout", "heartbeat", "retry", "wait")
"""Of deadlines: of those due at the same moment the first decides. The root's own of the execution outlives its waits."""

_ENTRY = {
    Status.COMPLETED: "ExecutionSucceeded",
    Status.FAILED: "ExecutionFailed",
    Status.CANCELLED: "ExecutionAborted",
}
_ROOT = {Status.COMPLETED: At.SUCCEEDED, Status.FAILED: At.FAILED, Status.CANCELLED: At.CANCELLED}


def step(dialect: Dialect, view: View, event: Event) -> Step:
    """What the event makes of the execution. Late and repeated reports change nothing. Raises only for defects."""
    if view.header is None and not isinstance(event, Started):
        return Step(None, {}, (), {})
    machine = Machine(dialect, view, event)
    answer = _HANDLERS[type(event)](machine, event)
    machine.settle()
    return machine.finish(answer or "")


class Machine(Draft):
    """One step under way. Dialects call the methods of the second half."""

    def __init__(self, dialect: Dialect, view: View, event: Event) -> None:
        super().__init__(view, event.at, event.seed)
        self.dialect = dialect
        self._todo: deque[Callable[[], None]] = deque()
        self._arrivals = 0

    def settle(self) -> None:
        """Work off what this step has set going."""
        while self._todo:
            self._todo.popleft()()

    # ------------------------------------------------------------------------------------------------------------ events

    def started(self, event: Started) -> str:
        if self.base is not None:
            return self.base.id
        given = self.keep(event.input)
        self.begin(
            Header(
                id=event.execution,
                definition=event.definition,
                revision=event.revision,
                input=given,
                created=self.at,
                at=self.at,
                priority=event.priority,
                labels=event.labels,
                key=event.key,
                digest=event.digest,
            )
        )
        last = self.note(0, "ExecutionStarted", input=given)
        self.dialect.start(self, Frame(ROOT, At.PENDING, entered=last, last=last))
        return event.execution

    def taken(self, event: Taken) -> None:
        frame = self._current(event.path, event.visit, At.READY)
        if frame is None or self.header.paused:
            return
        self.run_begins(frame)
        spec = self.dialect.resolve(frame)
        limits = {"timeout": spec.timeout, "heartbeat": spec.heartbeat}
        deadlines = {kind: self.at + limit for kind, limit in limits.items() if limit is not None}
        self.put(
            replace(
                frame,
                status=At.RUNNING,
                taken=True,
                started=self.at if frame.started is None else frame.started,
                deadlines={**self._lasting(frame), **deadlines},
                last=self.dialect.note(self, frame, Moment.STARTED, {"worker": event.by}),
            )
        )

    def succeeded(self, event: Succeeded) -> None:
        frame = self._current(event.path, event.visit, At.RUNNING)
        if frame is not None:
            self._reported(frame, event.output)

    def failed(self, event: Failed) -> None:
        frame = self._current(event.path, event.visit, At.RUNNING)
        if frame is not None:
            self._reported(frame, _clipped(event.error))

    def heartbeat(self, event: Heartbeat) -> None:
        frame = self._current(event.path, event.visit, At.RUNNING)
        if frame is None or "heartbeat" not in frame.deadlines:
            return
        limit = self.dialect.resolve(frame).heartbeat
        assert limit is not None, "a heartbeat deadline comes from a heartbeat limit"
        self.put(replace(frame, deadlines={**frame.deadlines, "heartbeat": self.at + limit}))

    def fired(self, event: Fired) -> None:
        frame = self.frame(event.path)
        if frame is None or frame.visit != event.visit or due(frame, self.header.paused) != event.due or event.due > self.at:
            return
        kind = next(kind for kind in _KINDS if frame.deadlines.get(kind) == event.due)
        if kind == EXECUTION:
            limit = self.dialect.definition.timeout
            text = f"the execution did not end within {limit:g} seconds"
            self.end(Status.FAILED, error=Error(TIMEOUT, text), entry="ExecutionTimedOut")
        elif kind == "timeout":
            limit = self.dialect.resolve(frame).timeout
            self.fail(frame, Error(TIMEOUT, f"the attempt did not end within {limit:g} seconds"), Moment.TIMED_OUT)
        elif kind == "heartbeat":
            limit = self.dialect.resolve(frame).heartbeat
            self.fail(frame, Error(HEARTBEAT_TIMEOUT, f"no heartbeat for {limit:g} seconds"), Moment.TIMED_OUT)
        else:
            self.dialect.woken(self, frame)

    def interrupted(self, event: Interrupted) -> None:
        frame = self._current(event.path, event.visit, At.RUNNING)
        if frame is None:
            return
        times, why = frame.interruptions + (not event.clean), {"cause": event.why} if event.why else {}
        frame = replace(
            frame,
            interruptions=times,
            alone=frame.alone or event.alone,
            last=self.note(frame.last, "TaskInterrupted", interruptions=times, clean=event.clean, **why),
        )
        if self.dialect.resolve(frame).fail_on_interrupt:
            text = f"{event.why or 'the server stopped'} during the attempt, which is not to be run again"
            self.fail(frame, Error(INTERRUPTED, text), Moment.FAILED)
        elif times >= INTERRUPTIONS:
            text = f"the attempt was interrupted {times} times; at last {event.why or 'the server died'}"
            self.fail(frame, Error(INTERRUPTED, text), Moment.FAILED)
        else:
            self.put(replace(frame, status=At.READY, deadlines=self._lasting(frame)))

    def broke(self, event: Broke) -> None:
        if self.header.status not in ENDED:
            self.end(Status.FAILED, error=_clipped(event.error))

    def continued(self, event: Continue) -> None:
        frame = self._current(event.path, event.visit, At.PARKED)
        if frame is not None and not self.header.paused:
            self.run_begins(frame)
            self.dialect.enter(self, frame)

    # -------------------------------------------------------------------------------------------------- what dialects call

    def run_begins(self, frame: Frame) -> None:
        """The execution is admitted, waits for its first moment or takes another turn: from here its own time-out counts. The caller
        puts `frame`; when that is not the root, the root gets its deadline here."""
        if self.header.status is not Status.QUEUED:
            return
        self.set_status(Status.RUNNING, started=self.at)
        if frame.path != ROOT and self.dialect.definition.timeout is not None:
            root = self.present(ROOT)
            self.put(replace(root, deadlines=self._lasting(root)))

    def goto(self, frame: Frame, state: str, data: Ref | None) -> None:
        """Send the frame to a state, which it enters in its turn. Nothing of the state it leaves is kept."""
        clean = replace(frame, entry=0, attempt=0, retries=(), interruptions=0, taken=False, output=None, entered=0, started=None)
        self._send(replace(clean, alone=False, state=state, input=data))

    def again(self, frame: Frame) -> None:
        """Send a RETRYING or redriven frame into its state once more; the retries it has spent stay spent."""
        self._send(frame)

    def attempt(self, frame: Frame, data: Ref | None, **details: Any) -> None:
        """The frame is ready for its next attempt. `data`: the function's input (None: the execution's own)."""
        visit = self.visit()
        details = {"attempt": frame.attempt + 1} | details
        self.put(
            replace(
                frame,
                status=At.READY,
                visit=visit,
                entry=frame.entry or visit,
                attempt=frame.attempt + 1,
                interruptions=0,
                taken=False,
                input=data,
                error=None,
                deadlines=self._lasting(frame),
                last=self.dialect.note(self, frame, Moment.SCHEDULED, details),
            )
        )

    def wait(self, frame: Frame, until: float) -> None:
        """The frame waits for a moment (seconds since the epoch)."""
        self.run_begins(frame)
        self.put(replace(frame, status=At.WAITING, visit=self.visit(), deadlines={**self._lasting(frame), "wait": until}))

    def open(self, frame: Frame, **counts: int) -> Frame:
        """The frame becomes a scope; its children's paths begin with its own. `counts`: what it counts down and up."""
        return self.put(replace(frame, status=At.OPEN, visit=self.visit(), counts=counts, deadlines=self._lasting(frame)))

    def reopen(self, frame: Frame, **counts: int) -> Frame:
        """A scope that had ended without success is one again, in a redrive; its children's paths stay valid, as its visit does."""
        return self.put(replace(frame, status=At.OPEN, counts=counts, deadlines=self._lasting(frame)))

    def fail(self, frame: Frame, error: Error, moment: Moment | None = None) -> None:
        """An attempt, a scope or a state failed: try again as its retriers say, all that is beneath it forgotten, or hand the failure to
        the dialect. `moment`: as what the failure goes into the history; None: the dialect has seen to that."""
        if moment is not None:
            frame = replace(frame, last=self.dialect.note(self, frame, moment, {"error": error.type, "cause": error.message}))
        spec = self.dialect.resolve(frame)
        index = retry.choose(spec.retriers, error.type, frame.retries)
        if index is None:
            self.dialect.finished(self, frame, None, error)
            return
        used = list(frame.retries) + [0] * (index + 1 - len(frame.retries))
        delay = retry.seconds(spec.retriers[index].delay, used[index], self.random())
        used[index] += 1
        self.close(frame)
        self.put(
            replace(
                frame,
                status=At.RETRYING,
                visit=self.visit(),
                retries=tuple(used),
                error=self.keep(_error_text(error)),
                deadlines={**self._lasting(frame), "retry": self.at + delay},
                counts={},
                last=self.dialect.note(self, frame, Moment.RETRIED, {"retry": sum(used), "delay": delay}),
            )
        )

    def conclude(self, frame: Frame, status: At, *, output: Ref | None = None, error: Error | None = None, reason: str = "") -> None:
        """The frame is finished, SUCCEEDED, FAILED or SKIPPED; its scope hears of it. With the root the execution ends."""
        if frame.path == ROOT:
            self.end(Status.COMPLETED if status is At.SUCCEEDED else Status.FAILED, output=output, error=error, root=frame)
            return
        kept = self.keep(_error_text(error)) if error is not None else None
        counts = frame.counts if status is At.FAILED else {}
        done = self.put(replace(frame, status=status, output=output, error=kept, reason=reason, ended=self.at, deadlines={}, counts=counts))
        self._todo.append(lambda: self._tell_scope(done))

    def end(
        self, status: Status, *, output: Ref | None = None, error: Error | None = None, entry: str = "", root: Frame | None = None
    ) -> None:
        """The execution ends, and with it all that still runs in it (invariant 7). `entry`: how the history calls it; `root`: the root
        frame as it is to stay (None: as it is)."""
        if output is not None and exceeds(self.text(output), RESULT_BYTES):
            self.discard(output)
            status, output = Status.FAILED, None
            error = Error(DATA_LIMIT_EXCEEDED, f"the output is longer than {RESULT_BYTES:,} bytes")
        self.halt(ROOT, "the execution was cancelled" if status is Status.CANCELLED else "the execution failed")
        root = self.present(ROOT) if root is None else root
        details: dict[str, Any] = {} if output is None else {"output": output}
        if error is not None:
            details = {"error": error.type, "cause": error.message}
        noted = self.note(root.last, entry or _ENTRY[status], **details)
        kept = self.keep(_error_text(error)) if error is not None else None
        self.put(replace(root, status=_ROOT[status], error=kept, deadlines={}, ended=self.at, last=noted))
        self.set_status(status, output=output, error=kept, ended=self.at, paused=False)

    # ------------------------------------------------------------------------------------------------------------ within

    def _reported(self, frame: Frame, report: str | Error) -> None:
        """The frame's attempt has ended; the dialect says what came of it."""
        result = self.dialect.report(self, frame, report)
        if isinstance(result, Error):
            self.fail(frame, result, Moment.FAILED)
            return
        output = self.keep(result)
        frame = replace(frame, last=self.dialect.note(self, frame, Moment.SUCCEEDED, {"output": output}))
        self.dialect.finished(self, frame, output, None)

    def _current(self, path: str, visit: int, status: At) -> Frame | None:
        """The frame, if it is in that very wait; None for a late or repeated report."""
        frame = self.frame(path)
        return frame if frame is not None and frame.visit == visit and frame.status is status else None

    def _lasting(self, frame: Frame) -> dict[str, float]:
        """The deadlines of the frame that outlive its waits: the root's, once the execution runs and if it has a time-out."""
        limit = self.dialect.definition.timeout
        if frame.path != ROOT or limit is None or self.header.started is None:
            return {}
        return {"execution": self.header.started + limit}

    def _send(self, frame: Frame) -> None:
        """PARKED, the frame is there for all to see while it is on its way: a scope that closes meanwhile takes it along."""
        clean = replace(frame, error=None, reason="", counts={}, deadlines=self._lasting(frame))
        sent = self.put(replace(clean, status=At.PARKED, visit=self.visit()))
        self._todo.append(lambda: self._arrive(sent))

    def _arrive(self, frame: Frame) -> None:
        if self.frame(frame.path) is not frame or self._arrivals >= TURN or self.header.paused:
            return
        if self.entries >= HISTORY_EVENTS:
            text = f"the execution reached the maximum number of history events ({HISTORY_EVENTS:,})"
            self.end(Status.FAILED, error=Error(RUNTIME, text))
            return
        self._arrivals += 1
        self.dialect.enter(self, frame)

    def _tell_scope(self, child: Frame) -> None:
        scope = self.frame(parent_path(child.path))
        if scope is not None and scope.status is At.OPEN and self.frame(child.path) is child:
            self.dialect.child_ended(self, scope, child)


def _clipped(error: Error) -> Error:
    return replace(error, message=error.message[:ERROR_CHARACTERS], traceback=error.traceback[-ERROR_CHARACTERS:])


def _error_text(error: Error) -> str:
    return dumps({"type": error.type, "message": error.message, "traceback": error.traceback, "task": error.task})


def read_error(text: str) -> Error:
    """The Error that a frame's or header's error payload holds."""
    return Error(**loads(text))


_HANDLERS: dict[type[Event], Callable[[Machine, Any], str | None]] = {
    Started: Machine.started,
    Taken: Machine.taken,
    Succeeded: Machine.succeeded,
    Failed: Machine.failed,
    Heartbeat: Machine.heartbeat,
    Fired: Machine.fired,
    Interrupted: Machine.interrupted,
    Broke: Machine.broke,
    Continue: Machine.continued,
    Cancelled: control.cancelled,
    Paused: control.paused,
    Resumed: control.resumed,
    Prioritized: control.prioritized,
    Redriven: control.redriven,
}
