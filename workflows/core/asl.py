"""The states language as a dialect of the machine, JSONPath mode (ASL.md sections A to H, J, L, N and P).

The root frame walks from state to state; a Parallel or Map makes the frame that stands at it a scope, whose children walk their branch or
their item's. Here is what a state is from its entry to its exit, and where its failures go. The data's way through a state is in
`asl_flow`, what a Task calls in `asl_tasks`, scopes in `asl_scopes`.

The history is the service's, event by event: names, details and the event each follows. Where its own rules are odd (an iteration's success
is followed by nothing but the end of its Map) the recordings decide, W.1 to W.8.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflows.core import asl_redrive, asl_scopes, asl_tasks, retry
from workflows.core.asl_flow import Compiled, Datum, Flow, index_of
from workflows.core.dialect import Moment
from workflows.core.draft import View
from workflows.core.evolve import replace
from workflows.core.expressions import ExpressionFailure, evaluate, matches
from workflows.core.machine import Machine, read_error
from workflows.errors import Problem
from workflows.expressions import Path, timestamp
from workflows.model import DATA_LIMIT_EXCEEDED, HEARTBEAT_TIMEOUT, RUNTIME, TIMEOUT, At, Definition, Error, Frame, Ref, TaskSpec
from workflows.numbers import dumps
from workflows.states import (
    ABSENT,
    Catcher,
    Choice,
    Fail,
    Map,
    Parallel,
    Pass,
    State,
    StateMachine,
    Task,
    Wait,
    Working,
)

LONGEST_WAIT_S = 2**31 - 1
"""From now to the moment a Wait state names; more is refused."""

NO_CHOICE_MATCHED = "States.NoChoiceMatched"


class Asl:
    """One revision of a state machine as a dialect of the machine."""

    def __init__(self, definition: StateMachine) -> None:
        self.definition = definition
        self._compiled = Compiled(definition)
        self._specs = {state.name: _spec(state) for state in self._compiled.states.values()}

    # --------------------------------------------------------------------------------------------------------- the dialect

    def start(self, m: Machine, root: Frame) -> None:
        """The first state follows nothing, not even the start (W.1). An execution runs from its start, unless its definition limits how
        many may: then it waits for the gate like any other."""
        if self.definition.max_active_runs is None:
            m.run_begins(root)
        m.goto(replace(root, last=0), self.definition.start_at, m.header.input)

    def enter(self, m: Machine, frame: Frame) -> None:
        state = self._state(frame)
        if not frame.entered:
            entered = m.note(frame.last, f"{state.type}StateEntered", name=state.name, input=frame.input)
            frame = replace(frame, given=frame.input, items=None, call={}, started=m.at, entered=entered, last=entered)
        try:
            self._perform(m, frame, state)
        except ExpressionFailure as failure:
            m.fail(frame, _error(frame, failure))

    def report(self, m: Machine, frame: Frame, report: str | Error) -> str | Error:
        return asl_tasks.report(m, frame, self._task(frame), report)

    def note(self, m: Machine, frame: Frame, moment: Moment, details: Mapping[str, Any]) -> int:
        state = self._state(frame)
        return asl_tasks.note(m, frame, state, moment, details) if isinstance(state, Task) else frame.last

    def finished(self, m: Machine, frame: Frame, output: Ref | None, error: Error | None) -> None:
        if error is None:
            self._worked(m, frame, Datum(m, ref=output))
            return
        told_by_a_function = error.message.startswith("{")
        if isinstance(self._state(frame), Task) and error.type in (TIMEOUT, HEARTBEAT_TIMEOUT) and not told_by_a_function:
            error = replace(error, message="")  # W.14: a time-out has no cause
        self._failed(m, frame, error)

    def woken(self, m: Machine, frame: Frame) -> None:
        if frame.status is At.RETRYING:
            m.again(frame)
            return
        try:
            self._leave(m, frame, self._flow(m, frame).input())
        except ExpressionFailure as failure:
            m.fail(frame, _error(frame, failure))

    def child_ended(self, m: Machine, scope: Frame, child: Frame) -> None:
        state = self._state(scope)
        if not isinstance(state, Map):
            self._branch_ended(m, scope, child)
            return
        failed = child.status is At.FAILED
        ending = "MapIterationFailed" if failed else "MapIterationSucceeded"
        noted = m.note(child.last, ending, name=state.name, index=index_of(child.path))
        counts = {**scope.counts, "left": scope.counts["left"] - 1, "failed": scope.counts["failed"] + failed}
        scope = replace(scope, last=child.last, counts=counts)
        if failed and counts["failed"] > counts.get("tolerated", 0):
            self._scope_failed(m, scope, self._why(m, child, "tolerated" in counts))
        elif counts["left"] == 0:
            self._join(m, replace(scope, last=noted), counts["size"])
        else:
            self._open_items(m, scope, state, 1)

    def redriven(self, m: Machine, root: Frame, data: Ref | None, _same: bool) -> None:
        """As RedriveExecution: from the unsuccessful states on, which are not entered anew; in a scope only where it had no success. A new
        input is that of the state at which the execution stands, and the execution's own where the state was given that."""
        if data is not None:
            if root.input == m.header.input or (root.entered and root.given == m.header.input):
                m.set(input=data)
            root = replace(root, input=data, given=data)
        if self.definition.max_active_runs is None:
            m.run_begins(root)
        self._go_on(m, root)

    def fits(self, view: View, before: Definition, new_input: bool) -> list[Problem]:
        return asl_redrive.misfits(self._compiled, view, before, new_input)

    def resolve(self, frame: Frame) -> TaskSpec:
        return asl_tasks.spec(self._task(frame), frame.call) if frame.call else self._specs[frame.state]

    def upstream(self, _view: View, _frame: Frame) -> Mapping[str, Ref]:
        return {}

    # -------------------------------------------------------------------------------------------------------------- states

    def _perform(self, m: Machine, frame: Frame, state: State) -> None:
        """What the state does. Raises ExpressionFailure."""
        flow = self._flow(m, frame)
        match state:
            case Task():
                asl_tasks.attempt(m, flow, frame, state)
            case Pass():
                self._pass(m, flow, frame, state)
            case Choice():
                self._choose(m, flow, frame, state)
            case Wait():
                self._wait(m, flow, frame, state)
            case Fail():
                self._fail(m, flow, frame, state)
            case Parallel():
                asl_scopes.open_parallel(m, flow, frame, state)
            case Map():
                self._map(m, flow, frame, state)
            case _:
                self._leave(m, frame, flow.input())

    def _pass(self, m: Machine, flow: Flow, frame: Frame, state: Pass) -> None:
        result = flow.filled(state.parameters, flow.input(), "Parameters") if state.result is ABSENT else flow.made(state.result)
        self._leave(m, frame, flow.placed(state.result_path, result), assign=flow.assigned(state.assign, result))

    def _choose(self, m: Machine, flow: Flow, frame: Frame, state: Choice) -> None:
        data = flow.input()
        scope = flow.scope(data)
        chosen = next((choice for choice in state.choices if matches(choice.rule, scope)), None)
        target, assign = (state.default, state.assign) if chosen is None else (chosen.next, chosen.assign)
        if target is None:
            cause = "Failed to transition out of the state. The state does not point to a next state."
            raise ExpressionFailure(NO_CHOICE_MATCHED, cause)
        self._leave(m, frame, data, target=target, assign=flow.assigned(assign, data))

    def _wait(self, m: Machine, flow: Flow, frame: Frame, state: Wait) -> None:
        data = flow.input()
        until = _until(flow, state, data, m.at)
        if until - m.at > LONGEST_WAIT_S:
            raise ExpressionFailure(RUNTIME, "Wait state delay is too long")
        if until <= m.at:
            self._leave(m, frame, data)
        else:
            m.wait(frame, until)

    def _fail(self, m: Machine, flow: Flow, frame: Frame, state: Fail) -> None:
        scope = flow.scope(flow.input())
        told = []
        for source, field in ((state.error, "ErrorPath"), (state.cause, "CausePath")):
            text = source if source is None or isinstance(source, str) else evaluate(source, scope, field)
            if text is not None and not isinstance(text, str):
                raise ExpressionFailure(RUNTIME, f"The {field} parameter must reference a string, but was: {dumps(text)}")
            told.append(text or "")
        self._failed(m, frame, Error(*told))

    def _map(self, m: Machine, flow: Flow, frame: Frame, state: Map) -> None:
        frame, data = asl_scopes.start_map(m, flow, frame, state)
        try:
            scope = asl_scopes.open_map(m, flow, frame, state, data)
        except ExpressionFailure as failure:
            m.fail(frame, _error(frame, failure))
            return
        if scope.counts["size"]:
            self._open_items(m, scope, state, scope.counts["limit"])
        else:
            self._join(m, scope, 0)

    # -------------------------------------------------------------------------------------------------------------- scopes

    def _open_items(self, m: Machine, scope: Frame, state: Map, count: int) -> None:
        """Begin so many more iterations, or as many as there are; after a redrive first those that go on."""
        indexes = asl_scopes.upcoming(m, scope, count)
        scope = m.put(replace(scope, counts={**scope.counts, "opened": indexes[-1] + 1 if indexes else scope.counts["size"]}))
        flow = self._flow(m, scope)
        try:
            for index in indexes:
                child = m.frame(asl_scopes.branch_path(scope, index))
                if child is None:
                    asl_scopes.open_item(m, flow, scope, state, index)
                else:
                    self._go_on(m, child)
        except ExpressionFailure as failure:
            self._scope_failed(m, scope, _error(scope, failure))

    def _branch_ended(self, m: Machine, scope: Frame, child: Frame) -> None:
        left = scope.counts["left"] - 1
        scope = replace(scope, last=child.last, counts={"left": left})
        if child.status is At.FAILED:
            self._scope_failed(m, scope, self._why(m, child, False))
        elif left == 0:
            self._join(m, scope, len(self._state(scope).scopes()))
        else:
            m.put(scope)

    def _join(self, m: Machine, scope: Frame, size: int) -> None:
        result = asl_scopes.outputs(m, scope, size)
        m.note(scope.last, f"{self._state(scope).type}StateSucceeded")
        self._worked(m, scope, result)

    def _scope_failed(self, m: Machine, scope: Frame, error: Error) -> None:
        """Children stay until it is clear that the failure is retried or caught: else they are what a redrive goes on from."""
        asl_scopes.abort(m, self._compiled, scope)
        m.halt(scope.path, f"the state {scope.state!r} around it failed")
        m.fail(scope, error)

    def _go_on(self, m: Machine, frame: Frame) -> None:
        """The redriven frame's turn has come. A scope's counts are there if it was open; else it begins as a whole."""
        state = self._state(frame)
        if not frame.counts:
            m.again(frame)
        elif isinstance(state, Map):
            size = frame.counts["size"]
            left = size - asl_scopes.succeeded(m, frame, frame.counts["opened"])
            scope = m.reopen(frame, **{**frame.counts, "left": left, "failed": 0, "opened": 0})
            if left:
                self._open_items(m, scope, state, scope.counts["limit"])
            else:
                self._join(m, scope, size)
        else:
            size = len(state.scopes())
            scope = m.reopen(frame, left=size - asl_scopes.succeeded(m, frame, size))
            for child in asl_scopes.pending(m, scope, size):
                self._go_on(m, child)
            if not scope.counts["left"]:
                self._join(m, scope, size)

    def _why(self, m: Machine, child: Frame, tolerant: bool) -> Error:
        if tolerant:
            return Error(asl_scopes.EXCEEDED, asl_scopes.EXCEEDED_CAUSE)
        assert child.error is not None, "a child that failed has an error"
        return read_error(m.text(child.error))

    # ----------------------------------------------------------------------------------------------------------- the end

    def _worked(self, m: Machine, frame: Frame, raw: Datum) -> None:
        """The work of a Task, Parallel or Map is done: from its raw result to the exit, up to which a scope keeps its children."""
        state, flow = self._state(frame), self._flow(m, frame)
        assert isinstance(state, Working), "only a Task, Parallel or Map has a result"
        try:
            result = flow.filled(state.result_selector, raw, "ResultSelector")
            self._leave(m, frame, flow.placed(state.result_path, result), assign=flow.assigned(state.assign, result))
        except ExpressionFailure as failure:
            m.fail(frame, _error(frame, failure))

    def _leave(self, m: Machine, frame: Frame, data: Datum, *, target: str | None = None, assign: dict[str, Ref] | None = None) -> None:
        """Out of the state, with OutputPath applied to `data`. Raises ExpressionFailure. `assign` None: the state's own, over `data`."""
        state, flow = self._state(frame), self._flow(m, frame)
        assigned = flow.assigned(state.assign, data) if assign is None else assign
        self._exit(m, frame, flow.output(data).keep(state.name), target or state.next, assigned)

    def _exit(self, m: Machine, frame: Frame, output: Ref, target: str | None, assigned: dict[str, Ref]) -> None:
        state = self._state(frame)
        details: dict[str, Any] = {"assignedVariables": assigned} if assigned else {}
        last = m.note(frame.last, f"{state.type}StateExited", name=state.name, output=output, **details)
        if frame.counts:
            m.close(frame)
        frame = replace(frame, last=last)
        if target is None:
            m.conclude(_bare(frame), At.SUCCEEDED, output=output)
        else:
            m.goto(replace(frame, variables={**frame.variables, **assigned}), target, output)

    def _failed(self, m: Machine, frame: Frame, error: Error) -> None:
        """Retries are spent: a catcher takes the failure over, or the frame ends with it."""
        state = self._state(frame)
        if isinstance(state, (Parallel, Map)) and not (error.type == RUNTIME and error.message.startswith(_place(frame))):
            frame = replace(frame, last=m.note(frame.last, f"{state.type}StateFailed"))
        catchers = state.catchers if isinstance(state, Working) else ()
        catcher = next((catcher for catcher in catchers if retry.matches(error.type, catcher.errors)), None)
        try:
            if catcher is not None:
                self._catch(m, frame, catcher, error)
                return
        except ExpressionFailure as failure:
            error = _error(frame, failure)
        m.conclude(frame, At.FAILED, error=replace(error, task=error.task or state.name))

    def _catch(self, m: Machine, frame: Frame, catcher: Catcher, error: Error) -> None:
        flow = self._flow(m, frame)
        told = Datum(m, text=asl_scopes.error_output(error))
        data = flow.placed(catcher.result_path, told)
        self._exit(m, frame, data.keep(frame.state), catcher.next, flow.assigned(catcher.assign, told))

    # -------------------------------------------------------------------------------------------------------------- within

    def _flow(self, m: Machine, frame: Frame) -> Flow:
        return Flow(self._compiled, m, frame)

    def _state(self, frame: Frame) -> State:
        return self._compiled.states[frame.state]

    def _task(self, frame: Frame) -> Task:
        state = self._state(frame)
        assert isinstance(state, Task), "only a Task has attempts"
        return state


def _spec(state: State) -> TaskSpec:
    """What is known of the state's attempts before it has data; of a scope, its retriers."""
    if isinstance(state, Task):
        return asl_tasks.spec(state, {})
    return TaskSpec("", state.retriers if isinstance(state, Working) else ())


def _bare(frame: Frame) -> Frame:
    """The frame without what it needs no more, having succeeded: a Map of thousands keeps its finished iterations."""
    return replace(frame, input=None, given=None, items=None, call={}, counts={}, variables={})


def _place(frame: Frame) -> str:
    return f"An error occurred while executing the state '{frame.state}' (entered at the event id #{frame.entered}). "


def _error(frame: Frame, failure: ExpressionFailure) -> Error:
    """W.8: what the language finds wrong itself says where. A payload that is too long names its state in other words."""
    place = "" if failure.error == DATA_LIMIT_EXCEEDED else _place(frame)
    return Error(failure.error, f"{place}{failure.cause}")


def _until(flow: Flow, state: Wait, data: Datum, now: float) -> float:
    """The moment a Wait state names."""
    if state.timestamp is not None:
        return _moment(flow, state.timestamp, data)
    seconds = flow.number(state.seconds, data, "SecondsPath")
    if not isinstance(state.seconds, Path):
        return now + float(seconds)
    shown = f"{state.seconds.text} == {seconds if isinstance(seconds, str) else dumps(seconds)}"
    if isinstance(seconds, bool) or not isinstance(seconds, int):
        raise ExpressionFailure(RUNTIME, f"The SecondsPath parameter cannot be parsed as a long value: {shown}")
    if seconds < 0:
        raise ExpressionFailure(RUNTIME, f"The SecondsPath parameter references a negative value: {shown}")
    return now + min(float(seconds), 2.0**40)


def _moment(flow: Flow, source: float | Path, data: Datum) -> float:
    if not isinstance(source, Path):
        return source
    text = flow.number(source, data, "TimestampPath")
    found = timestamp(text) if isinstance(text, str) else None
    if found is None:
        wanted = "a valid ISO-8601 extended offset date-time format string"
        shown = text if isinstance(text, str) else dumps(text)
        raise ExpressionFailure(RUNTIME, f"The TimestampPath parameter does not reference {wanted}: {source.text} == {shown}")
    return found[0] + found[1] / 1e9
