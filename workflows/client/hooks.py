"""Hooks: requests from outside that start jobs, and what sends them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator

from workflows.client.transport import PAGE, Json, Payload, Transport, encoded, part
from workflows.hooks import ID, SIGNATURE, STANDARD, TIMESTAMP, key_of, sign


class Hooks(Transport):
    def hooks(self, page: int = PAGE) -> Iterator[Json]:
        """By name."""
        return self.pages("/hooks", "hooks", {"limit": page})

    def send_hook(self, name: str, event: Payload, secret: str, event_id: str | None = None) -> Json:
        """Send an event to a hook that takes Standard Webhooks, signed with its secret. Under one `event_id` it starts one execution."""
        id, now, body = event_id or f"msg_{uuid.uuid4().hex}", int(time.time()), encoded(event)
        headers = {ID: id, TIMESTAMP: str(now), SIGNATURE: sign(key_of(STANDARD, secret), id, now, body)}
        return self.repeated("POST", f"/hooks/{part(name)}", body, headers=headers)[0]
