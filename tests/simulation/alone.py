"""An execution by itself, one attempt at a time: no engine, no store, no faults. What a world makes of it must come to the same."""

from __future__ import annotations

from typing import Any

from tests.simulation.definitions import outcome_of
from tests.simulation.invariants import Facts
from workflows.core.dialect import Dialect
from workflows.core.machine import step
from workflows.core.waits import due
from workflows.events import Continue, Event, Failed, Fired, Started, Succeeded, Taken
from workflows.model import ENDED, At, TaskSpec
from workflows.runtime.dispatch import build_run
from workflows.runtime.execution import Execution
from workflows.runtime.executor import Done, Erred, Identity


class _AllFunctions:
    def has(self, name: str) -> bool:
        return True

    def wants_context(self, name: str) -> bool:
        return True

    def lane(self, spec: TaskSpec, alone: bool) -> str:
        return "alone"


def alone(seed: int, dialect: Dialect, given: str) -> tuple[Facts, Execution]:
    definition = dialect.definition
    execution = Execution(1, lambda kind, key: None)
    now = 0.0

    def feed(event: Event) -> None:
        execution.apply(step(dialect, execution, event))

    feed(Started(now, 1, "exec-0-1-alone", definition.id, definition.revision, given))
    while execution.header is not None and execution.header.status not in ENDED:
        frames = execution.frames.values()
        ready = next((frame for frame in frames if frame.status is At.READY), None)
        parked = next((frame for frame in frames if frame.status is At.PARKED), None)
        if parked is not None:
            feed(Continue(now, 1, parked.path, parked.visit))
        elif ready is not None:
            feed(Taken(now, 1, ready.path, ready.visit, "alone"))
            run = build_run(execution, dialect, Identity(1, ready.path, ready.visit), _AllFunctions())
            match outcome_of(seed, run):
                case Done(output):
                    feed(Succeeded(now, 1, ready.path, ready.visit, output))
                case Erred(error):
                    feed(Failed(now, 1, ready.path, ready.visit, error))
        else:
            now, waiting = min(((moment, frame) for frame in frames if (moment := due(frame)) is not None), key=lambda pair: pair[0])
            feed(Fired(now, 1, waiting.path, waiting.visit, now))
    assert execution.header is not None
    return Facts(execution.header, execution.frames, []), execution


def outcome(facts: Facts, execution: Execution) -> tuple[Any, ...]:
    """What must be equal however the world went: the status, the output, and how each task of a task list ended."""
    header, text = facts.header, execution.text
    output = text(header.output) if header.output is not None else None
    ends = {frame.state: (frame.status, text(frame.output)) for frame in facts.frames.values() if frame.output is not None}
    return header.status, output, ends
