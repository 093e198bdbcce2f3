"""Parallel and Map (ASL.md sections G and H): opening their children, counting them, and what they come to together.

A frame that stands at one of them is a scope. Its children's paths hold its visit, so that a scope entered again never meets its own past.
A Map keeps its items as one payload and counts; what its iterations gave stays in their frames until the last one has ended.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import floor
from typing import Any

from workflows.core.asl_flow import Compiled, Datum, Flow, index_of
from workflows.core.evolve import replace
from workflows.core.expressions import ExpressionFailure
from workflows.core.machine import Machine, read_error
from workflows.model import FINISHED, RUNTIME, At, Error, Frame, child_path, parent_path
from workflows.numbers import dumps, is_number
from workflows.states import Map, Parallel

INLINE_CONCURRENCY = 40
"""Iterations of one Map that run at once, whatever it asks for."""

EXCEEDED = "States.ExceedToleratedFailureThreshold"
EXCEEDED_CAUSE = "The specified tolerated failure threshold was exceeded"

_AT_REST = FINISHED | {At.PENDING}
"""Of frames in a scope that fails: those that were not under way."""


def open_parallel(m: Machine, flow: Flow, frame: Frame, state: Parallel) -> Frame:
    """Raises ExpressionFailure."""
    data = flow.filled(state.parameters, flow.input(), "Parameters").keep(state.name)
    frame = replace(frame, last=m.note(frame.last, "ParallelStateStarted"))
    scope = m.open(frame, left=len(state.branches))
    for index, branch in enumerate(state.branches):
        m.goto(Frame(branch_path(scope, index), At.PENDING, last=scope.last), branch.start_at, data)
    return scope


def start_map(m: Machine, flow: Flow, frame: Frame, state: Map) -> tuple[Frame, Datum]:
    """The frame with its items, and what they were selected from. Raises ExpressionFailure."""
    data = flow.input()
    items = flow.items(data, state.items_path)
    frame = replace(frame, input=data.keep(state.name), items=items.keep(state.name))
    return replace(frame, last=m.note(frame.last, "MapStateStarted", length=len(items.value))), data


def open_map(m: Machine, flow: Flow, frame: Frame, state: Map, data: Datum) -> Frame:
    """`frame` and `data` as `start_map` gave them. No iteration is begun yet. Raises ExpressionFailure."""
    size = len(flow.items(data, state.items_path).value)
    most = _whole(flow.number(state.max_concurrency, data, "MaxConcurrencyPath"), "MaxConcurrency")
    counts = {"left": size, "size": size, "failed": 0, "opened": 0, "limit": min(most or INLINE_CONCURRENCY, INLINE_CONCURRENCY)}
    tolerated = _tolerated(flow, state, data, size)
    return m.open(frame, **counts, **({} if tolerated is None else {"tolerated": tolerated}))


def upcoming(m: Machine, scope: Frame, count: int) -> list[int]:
    """The next iterations to begin or, in a redrive, to go on with: `count` of them or all that are left, from `counts["opened"]` on."""
    found: list[int] = []
    for index in range(scope.counts["opened"], scope.counts["size"]):
        child = m.frame(branch_path(scope, index))
        if child is None or child.status is At.PENDING:
            found.append(index)
            if len(found) == count:
                break
    return found


def open_item(m: Machine, flow: Flow, scope: Frame, state: Map, index: int) -> None:
    """Begin this iteration. `flow` is that of `scope` as it is. Raises ExpressionFailure."""
    item = flow.item(state.item_selector, index).keep(state.name)
    last = m.note(scope.last, "MapIterationStarted", name=state.name, index=index)
    m.goto(Frame(branch_path(scope, index), At.PENDING, last=last), state.processor.start_at, item)


def succeeded(m: Machine, scope: Frame, size: int) -> int:
    """How many of the first `size` children have."""
    children = (m.frame(branch_path(scope, index)) for index in range(size))
    return sum(child is not None and child.status is At.SUCCEEDED for child in children)


def pending(m: Machine, scope: Frame, size: int) -> list[Frame]:
    """Those of the first `size` children that a redrive is to go on with."""
    children = (m.frame(branch_path(scope, index)) for index in range(size))
    return [child for child in children if child is not None and child.status is At.PENDING]


def outputs(m: Machine, scope: Frame, size: int) -> Datum:
    """The array of what the children gave, in their order; for a failed one that is tolerated its error output."""
    texts = []
    for index in range(size):
        child = m.frame(branch_path(scope, index))
        assert child is not None, "children are kept until their scope closes"
        if child.error is not None:
            texts.append(error_output(read_error(m.text(child.error))))
        else:
            assert child.output is not None, "a child that succeeded has an output"
            texts.append(m.text(child.output))
    return Datum(m, text=f"[{','.join(texts)}]")


def abort(m: Machine, compiled: Compiled, scope: Frame) -> None:
    """Tell of what still stands at a state beneath a scope that has failed, innermost first."""
    for frame in reversed(list(m.beneath(scope.path))):
        if frame.status not in _AT_REST and frame.status is not At.PARKED:  # which is at no state
            m.note(frame.last, f"{compiled.states[frame.state].type}StateAborted")
        if frame.status not in _AT_REST:
            above = m.frame(parent_path(frame.path))
            assert above is not None, "a frame has its scope above it"
            if isinstance(compiled.states[above.state], Map):
                m.note(frame.last, "MapIterationAborted", name=above.state, index=index_of(frame.path))


def error_output(error: Error) -> str:
    """JSON text of what a catcher gets to see of an error."""
    return dumps({"Error": error.type, "Cause": error.message})


def branch_path(scope: Frame, index: int) -> str:
    return child_path(scope.path, f"{scope.visit}:{index}")


def _tolerated(flow: Flow, state: Map, data: Datum, size: int) -> int | None:
    """How many iterations may fail; None: none, and the first that does is why the Map fails."""
    limits = list(_limits(flow, state, data, size))
    return min(limits) if limits else None


def _limits(flow: Flow, state: Map, data: Datum, size: int) -> Iterator[int]:
    if state.tolerated_failure_count is not None:
        yield _whole(flow.number(state.tolerated_failure_count, data, "ToleratedFailureCountPath"), "ToleratedFailureCount")
    if state.tolerated_failure_percentage is not None:
        share = flow.number(state.tolerated_failure_percentage, data, "ToleratedFailurePercentagePath")
        if not is_number(share) or not 0 <= share <= 100:
            raise ExpressionFailure(RUNTIME, "ToleratedFailurePercentage must be between 0 and 100.")
        yield floor(Fraction(str(float(share))) * size / 100)  # 18.4 * 375 is less than 6,900 to a float


def _whole(value: Any, field: str) -> int:
    """A number of things. Text that holds one is taken for it, as the service does."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 10:
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        shown = value if isinstance(value, str) else dumps(value)
        raise ExpressionFailure(RUNTIME, f"Expected non-negative integer for {field}, got '{shown}' instead.")
    return value
