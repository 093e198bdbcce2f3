"""Schedules: when jobs run by themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from workflows.client.transport import PAGE, Json, Transport, part


class Schedules(Transport):
    def schedules(self, job: str | None = None, page: int = PAGE) -> Iterator[Json]:
        """By id, of one job or of all."""
        return self.pages("/schedules", "schedules", {"limit": page} | ({} if job is None else {"job": job}))

    def schedule(self, schedule_id: str) -> Json:
        return self.repeated("GET", f"/schedules/{part(schedule_id)}")[0]

    def add_schedule(self, job: str, schedule: Mapping[str, Any]) -> Json:
        """Make a schedule of a job, apart from its definition: `{"id": ..., "cron": ...}` and what else a schedule may say."""
        return self.once("POST", "/schedules", json.dumps({"job": job, **schedule}).encode())[0]

    def change_schedule(self, schedule_id: str, schedule: Mapping[str, Any]) -> Json:
        """Put another in its place."""
        return self.repeated("PUT", f"/schedules/{part(schedule_id)}", json.dumps(dict(schedule)).encode())[0]

    def delete_schedule(self, schedule_id: str) -> Json:
        """Refused for one that came with a definition: it goes with that."""
        return self.once("DELETE", f"/schedules/{part(schedule_id)}")[0]

    def toggle_schedule(self, schedule_id: str, active: bool) -> Json:
        """Switch it on or off."""
        return self.repeated("POST", f"/schedules/{part(schedule_id)}/toggle", json.dumps({"active": active}).encode())[0]

    def occurrences(self, schedule_id: str, page: int = PAGE) -> Iterator[Json]:
        """What became of each, the newest first."""
        return self.pages(f"/schedules/{part(schedule_id)}/occurrences", "occurrences", {"limit": page})

    def coming(self, schedule_id: str, count: int = 10) -> list[Json]:
        """The next occurrences, the first one first."""
        found: list[Json] = self.repeated("GET", f"/schedules/{part(schedule_id)}/next?count={count}")[0]["occurrences"]
        return found

    def preview_schedule(self, schedule: Mapping[str, Any], count: int = 10) -> list[Json]:
        """What the next occurrences of a schedule would be; nothing is stored."""
        answer = self.repeated("POST", "/schedule-preview", json.dumps(dict(schedule)).encode(), query={"count": count})[0]
        found: list[Json] = answer["occurrences"]
        return found

    def preview_backfill(self, schedule_id: str, first: str, last: str) -> Json:
        """What a backfill would start; nothing is."""
        sent = {"from": first, "to": last, "preview": True}
        return self.repeated("POST", f"/schedules/{part(schedule_id)}/backfill", json.dumps(sent).encode())[0]

    def start_backfill(self, schedule_id: str, first: str, last: str, concurrency: int = 1) -> Json:
        """Start the occurrences that are missing from `first` to `last`, both included: dates and times, without an offset those of the
        schedule's time zone."""
        sent = {"from": first, "to": last, "concurrency": concurrency}
        return self.once("POST", f"/schedules/{part(schedule_id)}/backfill", json.dumps(sent).encode())[0]

    def backfills(self, schedule_id: str) -> list[Json]:
        """The latest, the newest first."""
        found: list[Json] = self.ask(f"/schedules/{part(schedule_id)}/backfills")["backfills"]
        return found

    def backfill(self, schedule_id: str, backfill_id: str) -> Json:
        return self.ask(f"/schedules/{part(schedule_id)}/backfills/{part(backfill_id)}")

    def cancel_backfill(self, schedule_id: str, backfill_id: str) -> Json:
        """Let it start no more."""
        return self.repeated("POST", f"/schedules/{part(schedule_id)}/backfills/{part(backfill_id)}/cancel")[0]
