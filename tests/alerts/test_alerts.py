"""What alerts are about, who hears them, and what counts as missed and late."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.docs.pages import BLOCKS
from workflows.alerts import events
from workflows.alerts.lateness import Expected, Happened, Run, expected, judged
from workflows.alerts.listening import Kind, OnAlert, from_row
from workflows.schedules.policy import Cause

DUE = 1_000


@pytest.mark.parametrize(
    ("wanted", "heard"),
    [
        (OnAlert(), {"failed report-1", "failed nightly", "late nightly", "queueDepth", "test"}),
        (OnAlert(kinds=("failed",)), {"failed report-1", "failed nightly", "test"}),
        (OnAlert(jobs=("report-*",)), {"failed report-1", "queueDepth", "test"}),
        (OnAlert(kinds=("late", "queueDepth"), jobs=("Nightly", "night?y")), {"late nightly", "queueDepth", "test"}),
        (OnAlert(jobs=("NIGHTLY",)), {"queueDepth", "test"}),
        (OnAlert(kinds=(), jobs=()), {"test"}),
    ],
)
def test_who_hears_what(wanted: OnAlert, heard: set[str]) -> None:
    asked = [(Kind.FAILED, "report-1"), (Kind.FAILED, "nightly"), (Kind.LATE, "nightly"), (Kind.QUEUE_DEPTH, ""), (Kind.TEST, "")]
    assert {f"{kind} {job}".strip() for kind, job in asked if wanted.hears(kind, job)} == heard
    assert from_row(json.loads(json.dumps(wanted.row()))) == wanted


def test_a_failure_as_an_event() -> None:
    labels = {"schedule": "nightly", "scheduledTime": "2026-11-21T02:00:00Z"}
    alert = events.failed("exec-0-1-aa", 2, "report", 1_795_226_400.5, {"type": "Boom", "message": "no", "task": "a"}, labels)
    assert alert.event() == {
        "specversion": "1.0",
        "id": "failed.exec-0-1-aa.2",
        "source": "/stepwell",
        "type": "stepwell.execution.failed",
        "subject": "exec-0-1-aa",
        "time": "2026-11-21T02:00:00.500Z",
        "datacontenttype": "application/json",
        "data": {
            "kind": "failed",
            "message": "The execution exec-0-1-aa of the job report failed: Boom: no",
            "job": "report",
            "execution": "exec-0-1-aa",
            "redriveCount": 2,
            **labels,
            "error": {"type": "Boom", "message": "no", "task": "a"},
        },
    }
    assert "error" not in events.failed("e", 0, "report", 0.0, {}).event()["data"]
    assert events.failed("e", 0, "report", 0.0, {}, gone_on=True).message.endswith("failed; it has been redriven since")


def test_texts_from_elsewhere_are_short_and_any_store_can_hold_them() -> None:
    alert = events.failed("e", 0, "report", 0.0, {"type": "T" * 9_999, "message": "\ud800"}, {"schedule": "\udfff"})
    alert.message.encode()
    json.dumps(alert.event(), ensure_ascii=False).encode()
    assert len(alert.event()["data"]["error"]["type"]) == events.TEXT_CHARACTERS


def test_the_other_events() -> None:
    deep = events.queue_deep(1_001, 1_000, 1_795_226_400.25).event()
    assert (deep["id"], deep["type"], deep["subject"]) == ("queueDepth.20261121T020000.250Z", "stepwell.queue.deep", "queue")
    assert deep["data"] == {
        "kind": "queueDepth",
        "message": "1,001 executions are queued, more than 1,000",
        "depth": 1_001,
        "limit": 1_000,
    }
    assert events.test(7, 1_795_226_400.0).id == "test.20261121T020000Z-7"
    assert {events.test(n, 0.0).event()["type"] for n in (1, 2)} == {"stepwell.alert.test"}


def test_an_id_that_would_be_too_long_is_cut_and_stays_its_own() -> None:
    assert events.execution_id("failed.e.0", "notify") == "alert.failed.e.0.notify"
    long = [events.execution_id(f"failed.{'e' * 128}.0", job) for job in ("a" * 128, "b" * 128)]
    assert [len(name) for name in long] == [128, 128]
    assert long[0] != long[1]
    assert long[0] == events.execution_id(f"failed.{'e' * 128}.0", "a" * 128)
    begun = [events.execution_id(f"failed.{'e' * 120}-{n}.0", "notify") for n in range(300_000)]
    assert len(set(begun)) == len(begun), "many that begin alike"


@pytest.mark.parametrize(
    ("became", "cause", "found"),
    [
        ("started", "", {"start": DUE + 60.0, "end": DUE + 600.0}),
        ("caughtUp", "", {"start": DUE + 60.0, "end": DUE + 600.0}),
        ("queued", "", {"start": DUE + 60.0, "end": DUE + 600.0}),
        ("skipped", "", {"start": DUE + 60.0}),
        ("skipped", Cause.MISSED, {"start": 5_000.0}),
        ("skipped", Cause.REFUSED, {"start": 5_000.0}),
        ("skipped", Cause.BLACKOUT, {}),
        ("cancelled", "", {}),
        ("backfilled", "", {}),
    ],
)
def test_what_is_expected_of_an_occurrence(became: str, cause: str, found: dict[str, float]) -> None:
    happened = Happened(DUE - 5, DUE, became, cause, "because")
    assert {str(one.what): one.deadline for one in expected(happened, 60.0, 600.0, 5_000.0)} == found
    nothing = {str(one.what): one.deadline for one in expected(happened, None, None, 5_000.0)}
    assert nothing == ({"start": 5_000.0} if cause in (Cause.MISSED, Cause.REFUSED) else {})


TO_START = Expected("start", DUE, DUE + 60.0, 60.0, "started")
TO_END = Expected("end", DUE, DUE + 600.0, 600.0, "started")


def run(began: float | None, ended: float | None = None, **more: Any) -> Run:
    return Run("s.1", None if began is None else DUE + began, None if ended is None else DUE + ended, **more)


def as_became(became: str, reason: str = "", **more: Any) -> Expected:
    return Expected("start", DUE, DUE + 60.0, 60.0, became, reason, **more)


@pytest.mark.parametrize(
    ("one", "execution", "told"),
    [
        (TO_START, run(0), None),
        (TO_START, run(60), None),
        (TO_START, run(90), "missed: began 30 seconds later than within 60 seconds"),
        (TO_START, run(None), "missed: has not begun within 60 seconds"),
        (TO_START, run(None, redriven=True), None),
        (TO_START, run(3_600, redriven=True), None),
        (TO_START, run(None, 30), "missed: has not begun within 60 seconds"),
        (as_became("queued"), None, "missed: waits in the queue, and was to begin within 60 seconds"),
        (as_became("queued"), run(59), None),
        (as_became("skipped", "it runs"), None, "missed: was skipped: it runs"),
        (as_became("skipped", "it runs"), run(1), None),
        (as_became("caughtUp"), run(7_260), "missed: began 2 hours later than within 60 seconds; it was caught up"),
        (TO_END, run(0, 600), None),
        (TO_END, run(0, 660), "late: ended 60 seconds later than within 10 minutes"),
        (TO_END, run(0), "late: has not ended within 10 minutes"),
        (TO_END, run(None, redriven=True), "late: has not ended within 10 minutes"),
        (TO_END, run(None), "late: has not begun, and was to end within 10 minutes"),
        (TO_END, None, "late: has not begun, and was to end within 10 minutes"),
    ],
)
def test_what_counts_as_missed_and_late(one: Expected, execution: Run | None, told: str | None) -> None:
    alert = judged(one, "nightly", "report", execution)
    if told is None:
        assert alert is None
        return
    assert alert is not None
    kind, _, words = told.partition(": ")
    assert alert.message == f"The run of the schedule nightly that was due at 1970-01-01T00:16:40Z {words}"
    assert (alert.id, alert.kind, alert.subject) == (f"{kind}.nightly.19700101T001640Z", kind, "nightly")
    data = alert.event()["data"]
    assert (data["job"], data["schedule"], data["scheduledTime"]) == ("report", "nightly", "1970-01-01T00:16:40Z")
    assert ("execution" in data) == (execution is not None)
    assert alert.at == one.deadline


def test_the_event_in_the_guide_is_one_that_is_raised() -> None:
    [block] = [block for block in BLOCKS if block.page.name == "alerts.md" and '"specversion"' in block.text]
    due = int(datetime(2026, 11, 21, 2, tzinfo=UTC).timestamp())
    run = Run("nightly.20261121T020000Z", None, None)
    alert = judged(Expected("start", due, due + 300.0, 300.0, "started"), "nightly", "report", run)
    assert alert is not None
    assert alert.event() == json.loads(block.text)


def test_many_that_were_skipped_in_a_row_are_told_of_together() -> None:
    alert = judged(Expected("start", DUE, 9_000.0, 0.0, "skipped", "it was missed", 30, DUE + 290), "nightly", "report", None)
    assert alert is not None
    assert alert.message == (
        "30 runs of the schedule nightly, due from 1970-01-01T00:16:40Z to 1970-01-01T00:21:30Z, were skipped: it was missed"
    )
    data = alert.event()["data"]
    assert (data["count"], data["lastScheduledTime"], data["reason"]) == (30, "1970-01-01T00:21:30Z", "it was missed")
    assert "withinSeconds" not in data
