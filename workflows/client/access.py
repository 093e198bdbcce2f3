"""Who may come in, and who did what: API keys and the audit log. For admins."""

from __future__ import annotations

import json
from collections.abc import Iterator

from workflows.client.filters import Moment, written
from workflows.client.transport import PAGE, Json, Transport, part


class Access(Transport):
    def api_keys(self) -> list[Json]:
        """All there have been, the oldest first, without their secrets."""
        found: list[Json] = self.ask("/keys")["keys"]
        return found

    def add_key(self, name: str, role: str) -> Json:
        """Make a key for a viewer, operator or admin. Its `key` is in this answer only."""
        return self.once("POST", "/keys", json.dumps({"name": name, "role": role}).encode())[0]

    def revoke_key(self, key_id: str) -> Json:
        """From the answer on, nobody comes in with it."""
        return self.repeated("DELETE", f"/keys/{part(key_id)}")[0]

    def audit(self, since: Moment | None = None, until: Moment | None = None, who: str | None = None, page: int = PAGE) -> Iterator[Json]:
        """Who did what, when and from where, the newest first. `who`: the id or name of a key."""
        asked = {"since": since and written(since), "until": until and written(until), "who": who, "limit": page}
        return self.pages("/audit", "records", {name: value for name, value in asked.items() if value is not None})
