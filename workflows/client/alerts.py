"""Alerts: what went wrong, and who hears of it."""

from __future__ import annotations

import json
from collections.abc import Iterator

from workflows.client.transport import PAGE, Json, Transport


class Alerts(Transport):
    def alerts(self, kind: str | None = None, page: int = PAGE) -> Iterator[Json]:
        """The newest first, of one kind or of all."""
        return self.pages("/alerts", "alerts", {"limit": page} | ({} if kind is None else {"kind": kind}))

    def test_alert(self, job: str | None = None) -> Json:
        """Raise an alert to try who hears it: all jobs with `onAlert`, or this one alone. Its `executions` are started then."""
        return self.once("POST", "/alerts/test", json.dumps({} if job is None else {"job": job}).encode())[0]
