"""Stopping executions and letting them go on, one by one and in bulk."""

from __future__ import annotations

import json
from typing import Literal

from workflows.client.filters import Filter
from workflows.client.transport import Json, Payload, Transport, encoded, part

Action = Literal["cancel", "pause", "resume", "redrive"]


class Control(Transport):
    """Answers are `id`, `status` and a `message`, unless another is named. An execution for which it is too late is refused with 409."""

    def cancel(self, execution_id: str) -> Json:
        return self._again(execution_id, "cancel")

    def pause(self, execution_id: str) -> Json:
        """What runs finishes, nothing starts."""
        return self._again(execution_id, "pause")

    def resume(self, execution_id: str) -> Json:
        return self._again(execution_id, "resume")

    def redrive(self, execution_id: str, revision: int | None = None, payload: Payload | None = None) -> Json:
        """Let one that failed or was cancelled go on, by another `revision` and with another input if given. A revision
        that does not fit what is finished is refused with 409, and every difference."""
        members = [] if revision is None else [b'"revision": %d' % revision]
        members += [] if payload is None else [b'"input": ' + encoded(payload)]  # spliced, so that its numbers stay as they are written
        return self.once("POST", f"/jobs/{part(execution_id)}/redrive", b"{" + b", ".join(members) + b"}")[0]

    def set_priority(self, execution_id: str, priority: int) -> Json:
        """Give one that is queued another priority: higher goes first. Answer: `id` and `priority`."""
        body = json.dumps({"priority": priority}).encode()
        return self.repeated("PUT", f"/jobs/{part(execution_id)}/priority", body)[0]

    def bulk(self, action: Action, wanted: Filter, preview: bool = False) -> Json:
        """The same for all that the filter means and that can be changed so; `preview` only tells which they are. Answer: `matched`, the
        first 100 ids in `executions`, `left` (there was nothing to do), `done`, and `refused`, each with its `reason`."""
        body = json.dumps({"filter": wanted.body(), "preview": preview}).encode()
        return self.once("POST", f"/executions/{action}", body)[0]

    def _again(self, execution_id: str, action: str) -> Json:
        return self.repeated("POST", f"/jobs/{part(execution_id)}/{action}", b"")[0]
