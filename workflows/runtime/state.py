"""An execution as people see it: read from a snapshot, never from the engine's memory, so that no reader waits for the loop.

Owns the translation of frames into task statuses; of a state machine also of what its history tells (`runtime.passage`). Knows no HTTP:
`workflows/api/schemas` gives these records their JSON form.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from workflows.core.machine import read_error
from workflows.model import ENDED, ROOT, Definition, Error, Frame, Status, TaskList, child_path
from workflows.runtime.execution import Execution
from workflows.runtime.passage import function_of, seen
from workflows.runtime.task_state import TaskState, begun, shown_status
from workflows.states import StateMachine

ELSEWHERE = '"too long to be told here; GET /jobs/{executionId}/state has it"'
"""In place of a long result, as JSON text."""


@dataclass(frozen=True, slots=True)
class ExecutionState:
    """`input` and `output` are JSON texts. `labels` are the definition's and its own. `submitted` is when it was accepted, `started` when
    it was admitted, since its latest redrive if there was one; `modified` when anything last happened. `number`: its place in the store."""

    id: str
    definition: str
    revision: int
    status: Status
    priority: int
    labels: Mapping[str, str]
    submitted: float
    started: float | None
    ended: float | None
    input: str
    output: str | None
    error: Error | None
    tasks: tuple[TaskState, ...]
    paused: bool = False
    redrives: int = 0
    modified: float = 0.0
    number: int = 0


def describe(execution: Execution, definition: Definition, *, payloads: bool = True, short: bool = False) -> ExecutionState:
    """`payloads`: with input, output, results and errors; without them nothing beyond the frames is read. `short`: of tasks, then, errors
    and such results as stand in the frames; of a longer one, where it is found."""
    header = execution.header
    assert header is not None, "only a started execution has a state"
    return ExecutionState(
        id=header.id,
        definition=header.definition,
        revision=header.revision,
        status=header.status,
        priority=header.priority,
        labels={**definition.labels, **header.labels},
        submitted=header.created,
        started=header.started,
        ended=header.ended,
        input=execution.text(header.input) if payloads else "null",
        output=execution.text(header.output) if payloads and header.output is not None else None,
        error=read_error(execution.text(header.error)) if payloads and header.error is not None else None,
        tasks=tuple(_tasks(execution, definition, header.status, payloads, short)),
        paused=header.paused,
        redrives=header.redrives,
        modified=header.at,
        number=execution.number,
    )


def _tasks(execution: Execution, definition: Definition, status: Status, payloads: bool, short: bool) -> list[TaskState]:
    if isinstance(definition, StateMachine):
        return _states(execution, definition, status, payloads, short)
    assert isinstance(definition, TaskList), "there is no third dialect"
    states = []
    for task in definition.tasks.values():
        frame = execution.frame(child_path(ROOT, task.id))
        if frame is not None:
            states.append(_task(execution, task.id, task.name, task.spec.function, frame, payloads, short))
        elif status in ENDED:
            reason = f"the execution ended {status} before the task could start"
            states.append(TaskState(task.id, task.name, task.spec.function, "CANCELLED", reason=reason))
        else:
            states.append(TaskState(task.id, task.name, task.spec.function, "PENDING"))
    return states


def _states(execution: Execution, machine: StateMachine, status: Status, payloads: bool, short: bool) -> list[TaskState]:
    """Of a state machine: its top-level states in the order of their first entry. What has been left is in the history only; without
    `payloads`, which reads no history, there is just the one it stands at."""
    root = execution.frame(ROOT)
    assert root is not None, "a started execution has a root"
    present = _task(execution, root.state, root.state, function_of(machine, root.state), root, payloads, short)
    if not payloads:
        return [present]
    found = seen(machine, execution.rows(), execution.text)
    if status is not Status.COMPLETED:
        known = found.get(root.state, present)
        found[root.state] = replace(present, attempts=max(present.attempts, known.attempts), started=present.started or known.started)
    return list(found.values())


def _task(execution: Execution, task: str, name: str, function: str, frame: Frame, payloads: bool, short: bool) -> TaskState:
    result = frame.output if payloads or not isinstance(frame.output, int) else ELSEWHERE
    return TaskState(
        id=task,
        name=name,
        function=function,
        status=shown_status(frame),
        attempts=begun(frame),
        started=frame.started,
        ended=frame.ended,
        result=execution.text(result) if (payloads or short) and result is not None else None,
        error=read_error(execution.text(frame.error)) if (payloads or short) and frame.error is not None else None,
        reason=frame.reason or None,
    )
