"""Executions: starting one, how one stands, which there are, what happened in one."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workflows.client.filters import Filter
from workflows.client.transport import PAGE, Json, Payload, Transport, encoded, part


@dataclass(frozen=True, slots=True)
class Started:
    """`state`: the execution's, if it was waited for and has ended. `repeated`: it had been started before, by the same request."""

    id: str
    state: Json | None = None
    repeated: bool = False


class Executions(Transport):
    def start(
        self,
        job: str,
        payload: Payload = b"{}",
        *,
        execution_id: str | None = None,
        priority: int | None = None,
        labels: Mapping[str, str] | None = None,
        revision: int | None = None,
        wait: float | None = None,
        idempotency_key: str | None = None,
    ) -> Started:
        """Start an execution. It may be sent again while no answer comes, and starts one: without an id or a key of yours it has a key of
        its own. `wait`: seconds, up to 60, to wait for the end."""
        own = uuid.uuid4().hex if execution_id is None and idempotency_key is None else None
        own_labels = [f"{name}:{value}" for name, value in (labels or {}).items()]
        query: Json = {"executionId": execution_id, "priority": priority, "revision": revision, "wait": wait, "label": own_labels or None}
        key = idempotency_key if own is None else own
        answer, headers = self.repeated(
            "POST",
            f"/jobs/{part(job)}/execute",
            encoded(payload),
            query={name: value for name, value in query.items() if value is not None},
            headers={} if key is None else {"Idempotency-Key": key},
            longer_s=wait or 0,
        )
        repeated = own is None and headers.get("Idempotency-Replayed") == "true"
        if "executionID" in answer:
            return Started(str(answer["executionID"]), None, repeated)
        return Started(str(answer["id"]), answer, repeated)

    def execute(self, job: str, payload: Payload = b"{}", **options: Any) -> str:
        """Start an execution, with the options of `start`. Answer: its id."""
        return self.start(job, payload, **options).id

    def state(self, execution_id: str) -> Json:
        """How it stands: status, times, input, output, error, and the same of each task."""
        return self.ask(f"/jobs/{part(execution_id)}/state")

    def executions(self, wanted: Filter | None = None, page: int = PAGE) -> Iterator[Json]:
        """Those that the filter means, the newest first, without payloads and tasks. `page`: how many are asked for at a time."""
        return self.pages("/executions", "executions", {"limit": page, **(wanted or Filter()).query()})

    def history(self, execution_id: str, reverse: bool = False) -> Iterator[Json]:
        """What happened in it, in order; `reverse`: the newest first."""
        return self.pages(f"/jobs/{part(execution_id)}/history", "events", {"reverse": "true"} if reverse else {})

    def logs(self, execution_id: str, task: str | None = None, attempt: int | None = None) -> Iterator[Json]:
        """What its attempts printed and logged: `taskId`, `attempt`, `time`, `text`, and `truncated` if that is only the end of it."""
        query = {name: value for name, value in (("task", task), ("attempt", attempt)) if value is not None}
        return self.pages(f"/jobs/{part(execution_id)}/logs", "logs", query)
