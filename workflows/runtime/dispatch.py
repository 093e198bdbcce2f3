"""From a frame that an attempt was taken of to the `Run` its executor gets. Reads; changes nothing."""

from __future__ import annotations

from typing import Protocol

from workflows.core.dialect import Dialect
from workflows.model import TaskSpec
from workflows.runtime.execution import Execution
from workflows.runtime.executor import Identity, Run


class Functions(Protocol):
    """What the engine must know of the registered functions."""

    def has(self, name: str) -> bool: ...

    def wants_context(self, name: str) -> bool: ...

    def lane(self, spec: TaskSpec, alone: bool) -> str:
        """Name of the executor that is to run it; `alone`: not beside other attempts."""
        ...


def build_run(execution: Execution, dialect: Dialect, identity: Identity, functions: Functions) -> Run:
    """The attempt's function, input and context. Raises storage.StoreError when a payload cannot be read."""
    header, frame = execution.header, execution.frame(identity.path)
    assert header is not None, "only a started execution has attempts"
    assert frame is not None, "only a frame has attempts"
    spec = dialect.resolve(frame)
    results = dialect.upstream(execution, frame) if functions.wants_context(spec.function) else {}
    return Run(
        identity=identity,
        function=spec.function,
        input=execution.text(header.input if frame.input is None else frame.input),
        execution_id=header.id,
        job_id=header.definition,
        task_id=frame.state,
        attempt=frame.attempt,
        idempotency_key=f"{header.id}:{frame.path}:{frame.entry}",
        labels={**dialect.definition.labels, **header.labels},
        results={name: execution.text(ref) for name, ref in results.items()},
        timeout=spec.timeout,
        heartbeat=spec.heartbeat,
        secrets=spec.secrets,
    )
