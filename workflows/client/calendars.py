"""Calendars: days on which schedules do not run."""

from __future__ import annotations

from collections.abc import Iterator

from workflows.client.transport import PAGE, Json, Payload, Transport, encoded, part


class Calendars(Transport):
    def calendars(self, page: int = PAGE) -> Iterator[Json]:
        """By name, without their days."""
        return self.pages("/calendars", "calendars", {"limit": page})

    def calendar(self, name: str) -> Json:
        return self.ask(f"/calendars/{part(name)}")

    def set_calendar(self, name: str, calendar: Payload) -> Json:
        """Make it, or give it other days: `{"dates": [{"from": "2026-12-24", "to": "2026-12-26", "name": "Christmas"}]}`; `to` and `name`
        may be left out."""
        return self.repeated("PUT", f"/calendars/{part(name)}", encoded(calendar))[0]

    def delete_calendar(self, name: str) -> Json:
        """Refused while a schedule names it."""
        return self.once("DELETE", f"/calendars/{part(name)}")[0]
