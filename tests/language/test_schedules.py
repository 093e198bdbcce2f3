"""The schedules of a job: what they come to, and what is said of what is wrong."""

from __future__ import annotations

import json
from datetime import date, datetime
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from marshmallow import ValidationError

from workflows.alerts.listening import OnAlert
from workflows.errors import Invalid
from workflows.language import compile_definition, read_definition
from workflows.language.lint import lint
from workflows.language.schedules import problems_of, read_schedule
from workflows.schedules.plan import WEEKDAYS, Blackout, Days, Every, Once, Plan, occurrences, remark
from workflows.schedules.schedule import CatchUp, Overlap, Schedule

BERLIN = ZoneInfo("Europe/Berlin")


def refused(document: Any) -> list[tuple[str, str, str | None]]:
    with pytest.raises(ValidationError) as raised:
        read_schedule(document, "s")
    return [(problem.pointer, problem.message, problem.suggestion) for problem in problems_of(raised.value)]


def test_all_that_a_schedule_may_say() -> None:
    document = {
        "id": "nightly",
        "intervalSeconds": 90,
        "timezone": "Europe/Berlin",
        "startDateTime": "2026-01-01T00:00:00",
        "endDateTime": "2026-12-31T23:59:59+00:00",
        "active": False,
        "input": {"day.$": "$.scheduledTime"},
        "jitterSeconds": 30,
        "overlap": "queueOne",
        "catchUp": "last",
        "catchUpWindowSeconds": 3600,
        "blackout": {
            "dates": [{"from": "2026-12-24", "to": "2026-12-26", "name": "Christmas"}],
            "weekdays": ["SUN"],
            "calendars": ["holidays-de", "works", "holidays-de"],
        },
    }
    found = read_schedule(document, "s")
    start = int(datetime(2026, 1, 1, tzinfo=BERLIN).timestamp())
    end = datetime.fromisoformat("2026-12-31T23:59:59+00:00").timestamp()
    blackout = Blackout(frozenset({6}), (Days(date(2026, 12, 24), date(2026, 12, 26), "Christmas"),), ("holidays-de", "works"))
    assert found == Schedule(
        id="nightly",
        plan=Plan(Every(90, anchor=start), BERLIN, start, end, blackout),
        active=False,
        input=found.input,
        jitter=30.0,
        overlap=Overlap.QUEUE_ONE,
        catch_up=CatchUp.LAST,
        catch_up_window=3600.0,
    )
    assert found.input is not None


def test_what_one_may_leave_out() -> None:
    found = read_schedule({"cron": "0 3 * * *"}, "job")
    assert (found.id, found.active, found.overlap, found.catch_up, found.input) == ("job", True, Overlap.ALLOW, CatchUp.NONE, None)
    assert found.plan.zone.key == "UTC"
    assert read_schedule({"cron": "@every 1h30m"}, "job").plan.trigger == Every(5_400)
    moment = int(datetime(2026, 12, 24, 18, tzinfo=BERLIN).timestamp())
    assert read_schedule({"at": "2026-12-24T18:00:00", "timezone": "Europe/Berlin"}, "job").plan.trigger == Once(moment)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({}, ("", "a schedule has one of cron, intervalSeconds, at, and here is none", None)),
        ({"cron": "@daily", "at": "2026-01-01"}, ("", "a schedule has one of cron, intervalSeconds, at, not cron and at", None)),
        ({"cron": "0 25 * * *"}, ("/cron", "'25' is not a hours field: that holds 0-23, with * , - and /", None)),
        ({"cron": "@every 1x"}, ("/cron", "'1x' is not a duration from 1s to 366d, such as 90s or 1h30m", None)),
        ({"intervalSeconds": 60, "timezone": "Europe/Berlni"}, ("/timezone", "this is no time zone of the IANA database", "Europe/Berlin")),
        ({"cron": "@daily", "overlaps": "skip"}, ("/overlaps", "unknown key", "overlap")),
        ({"cron": "@daily", "overlap": "queue"}, ("/overlap", "this must be one of allow, skip, queueOne", "queueOne")),
        ({"at": "tomorrow"}, ("/at", "this must be a date and time such as 2026-12-24T18:00:00", None)),
        (
            {"cron": "@daily", "startDateTime": "2026-02-01", "endDateTime": "2026-01-01"},
            ("/endDateTime", "this must not be before startDateTime", None),
        ),
        (
            {"cron": "@daily", "blackout": {"dates": [{"from": "2026-12-26", "to": "2026-12-24"}]}},
            ("/blackout/dates/0/to", "this must not be before from", None),
        ),
        (
            {"cron": "@daily", "blackout": {"calendars": ["holidays de"]}},
            ("/blackout/calendars/0", "an id is 1 to 128 of the characters", None),
        ),
        ({"cron": "@daily", "blackout": {"dates": [{"from": "Christmas"}]}}, ("/blackout/dates/0/from", "this must be a date", None)),
    ],
)
def test_what_is_refused(document: dict[str, Any], expected: tuple[str, str, str | None]) -> None:
    found = refused(document)
    assert len(found) == 1
    assert (found[0][0], found[0][2]) == (expected[0], expected[2])
    assert found[0][1].startswith(expected[1])


LIST = {"id": "job", "tasks": [{"id": "a", "functionName": "echo"}]}
MACHINE = {"id": "job", "StartAt": "A", "States": {"A": {"Type": "Succeed"}}}
AROUND = {"id": "job", "definition": {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}}
DIALECTS = pytest.mark.parametrize("job", [LIST, MACHINE, AROUND])


@DIALECTS
def test_a_job_of_either_dialect_has_schedules(job: dict[str, Any]) -> None:
    schedules = [{"cron": "0 3 * * *"}, {"id": "often", "intervalSeconds": 5}, {"at": "2026-12-24T18:00:00"}]
    found = read_definition(json.dumps({**job, "schedules": schedules}), functions=None)
    assert [one.id for one in found.schedules] == ["job", "often", "job-3"]
    assert found.schedules[1].plan.trigger == Every(5)
    assert read_definition(json.dumps(job), functions=None).schedules == ()


@DIALECTS
def test_what_is_wrong_with_a_schedule_is_told_with_its_place_in_the_job(job: dict[str, Any]) -> None:
    wrong = [{"id": "a", "cron": "0 25 * * *"}, {"id": "a", "intervalSeconds": 0}, {"id": "x y", "at": "2026-12-24T18:00:00"}]
    with pytest.raises(Invalid) as raised:
        read_definition(json.dumps({**job, "schedules": wrong}, indent=1), functions=None)
    found = raised.value.problems
    assert sorted(one.pointer for one in found) == ["/schedules/0/cron", "/schedules/1", "/schedules/1/intervalSeconds", "/schedules/2/id"]
    assert all(one.line and one.column for one in found)


def test_a_job_has_a_hundred_schedules_at_most_and_ids_that_fit() -> None:
    with pytest.raises(Invalid, match="at most 100 schedules, not 101"):
        read_definition(json.dumps({**LIST, "schedules": [{"cron": "@daily"}] * 101}), functions=None)
    with pytest.raises(Invalid, match="too long"):
        read_definition(json.dumps({**LIST, "id": "j" * 128, "schedules": [{"cron": "@daily"}] * 2}), functions=None)


@DIALECTS
def test_a_job_of_either_dialect_hears_alerts(job: dict[str, Any]) -> None:
    wanted = [({}, OnAlert()), ({"kinds": ["late"], "jobs": ["a-*"]}, OnAlert(("late",), ("a-*",))), ({"kinds": []}, OnAlert(()))]
    for written, expected in wanted:
        assert read_definition(json.dumps({**job, "onAlert": written}), functions=None).on_alert == expected
    assert read_definition(json.dumps(job), functions=None).on_alert is None


NOW = datetime(2026, 11, 21, tzinfo=ZoneInfo("UTC")).timestamp()
NEEDS_N = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}


def findings(job: dict[str, Any], *schedules: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Severity, place and message of all that is said when it is registered; in the order of their places."""
    text = json.dumps({**job, "schedules": list(schedules)})
    linted = lint(text, None, now=NOW)
    found = [(str(one.severity), one.pointer, one.message) for one in linted.findings]
    assert (linted.id is None) == any(severity == "error" for severity, _, _ in found)
    compile_definition(text, 1)  # what was stored before stays readable
    return found


@pytest.mark.parametrize(
    ("schema", "given", "expected"),
    [
        (NEEDS_N, {}, ("warning", "", "which the inputSchema does not take: /n: this key is missing")),
        (NEEDS_N, {"input": {}}, ("error", "/input/n", "nothing could ever be started: this key is missing")),
        (NEEDS_N, {"input": {"n": "x"}}, ("error", "/input/n", "this must be a whole number")),
        (NEEDS_N, {"input": {"n.$": "$.scheduledTime"}}, ("warning", "/input", "does not take what this makes: /n: this must be a whole")),
        (NEEDS_N, {"input": {"n.$": "States.StringToJson('1')"}}, None),
        (NEEDS_N, {"input": {"n": 1, "at.$": "$.scheduledTime", "of.$": "$.schedule"}}, None),
        (True, {"input": {"x.$": "$.nope"}}, ("error", "/input/x.$", "'$.nope' finds nothing: there are only")),
        (True, {"input": {"x": [{"y.$": "States.Format('{}', $.input.a)"}]}}, ("error", "/input/x/0/y.$", "'$.input.a' finds nothing")),
        (True, {"input": {"x.$": "$.scheduledTime.day"}}, ("error", "/input/x.$", "scheduledTime is a text")),
        (True, {"input": {"x.$": "$$.Execution.Id"}}, ("error", "/input/x.$", "schedules have no context object")),
        (True, {"input": {"x.$": "$"}}, None),
        (True, {"input": [1]}, ("error", "/input", "the input of a task list is a JSON object")),
    ],
)
def test_an_input_that_nothing_could_be_started_with(schema: Any, given: dict[str, Any], expected: tuple[str, str, str] | None) -> None:
    found = findings({**LIST, "inputSchema": schema}, {"cron": "@daily", **given})
    if expected is None:
        assert found == []
        return
    [(severity, pointer, message)] = found
    assert (severity, pointer) == (expected[0], f"/schedules/0{expected[1]}")
    assert expected[2] in message


def test_a_state_machine_takes_any_input_that_its_schema_does() -> None:
    assert findings(MACHINE, {"cron": "@daily", "input": [1]}) == []
    [(severity, pointer, _)] = findings({**MACHINE, "inputSchema": {"type": "array"}}, {"cron": "@daily", "input": {}})
    assert (severity, pointer) == ("error", "/schedules/0/input")


def test_the_nearest_of_what_a_template_may_name_is_suggested() -> None:
    text = json.dumps({**LIST, "schedules": [{"cron": "@daily", "input": {"x.$": "$.scheduleTime"}}]})
    [problem] = lint(text, None, now=NOW).findings
    assert problem.suggestion == "scheduledTime"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"at": "2020-01-01"}, ("/at", "not due again: this lies in the past")),
        ({"at": "2030-01-01", "endDateTime": "2029-01-01"}, ("/at", "startDateTime and endDateTime leave this out")),
        ({"cron": "0 0 29 2 *", "endDateTime": "2026-12-31"}, ("/endDateTime", "no time that fits comes before this")),
        ({"cron": "@daily", "blackout": {"weekdays": list(WEEKDAYS)}}, ("/blackout", "it never runs")),
        ({"cron": "0 0 * * SAT", "blackout": {"weekdays": ["SAT", "SUN"]}}, ("/blackout", "it never runs")),
        ({"at": "2026-12-24", "blackout": {"dates": [{"from": "2026-12-24"}]}}, ("/blackout", "it never runs")),
        ({"cron": "* * * * * *", "blackout": {"dates": [{"from": "2026-11-21", "to": "2026-11-30"}]}}, None),
        ({"at": "2030-01-01"}, None),
        ({"at": "2020-01-01", "startDateTime": "2020-01-01", "catchUp": "all", "catchUpWindowSeconds": 31_622_400}, ("/at", "the past")),
        ({"at": "2026-11-01", "startDateTime": "2026-11-01", "catchUp": "last", "catchUpWindowSeconds": 31_622_400}, None),
    ],
)
def test_one_that_is_never_due(given: dict[str, Any], expected: tuple[str, str] | None) -> None:
    found = findings(LIST, given)
    if expected is None:
        assert found == []
        return
    [(severity, pointer, message)] = found
    assert (severity, pointer) == ("warning", f"/schedules/0{expected[0]}")
    assert expected[1] in message


@pytest.mark.parametrize(
    ("given", "count"),
    [
        ({"cron": "* * * * *", "startDateTime": "2026-11-20T07:21:00"}, None),
        ({"cron": "* * * * *", "startDateTime": "2026-11-20T07:20:00"}, "1,001 runs"),
        ({"cron": "* * * * * *", "startDateTime": "2026-01-01"}, "more than 10,000 runs"),
        ({"cron": "* * * * * *", "startDateTime": "2026-01-01", "active": False}, None),
        ({"cron": "* * * * * *", "startDateTime": "2026-01-01", "catchUp": "last"}, None),
        ({"cron": "* * * * * *", "startDateTime": "2027-01-01"}, None),
    ],
)
def test_one_that_would_make_up_for_very_much_says_so(given: dict[str, Any], count: str | None) -> None:
    found = findings(LIST, {"catchUp": "all", "catchUpWindowSeconds": 31_622_400, **given})
    assert [(severity, place) for severity, place, _ in found] == ([("warning", "/schedules/0/startDateTime")] if count else [])
    assert all(str(count) in message for _, _, message in found)


def test_what_is_wrong_elsewhere_in_a_schedule_hides_nothing_of_its_own_and_is_not_said_twice() -> None:
    text = json.dumps({**LIST, "schedules": [{"cron": "x"}, {"cron": "@daily", "input": {"x.$": "$.nope"}}]})
    assert [one.pointer for one in lint(text, None, now=NOW).findings] == ["/schedules/0/cron", "/schedules/1/input/x.$"]


@pytest.mark.parametrize(
    ("written", "due", "note"),
    [
        ("2027-03-28T02:30", "2027-03-28T03:00:00+02:00", "the clock skips the time that is meant: it runs at 03:00:00 instead"),
        ("2027-03-28T02:30+01:00", "2027-03-28T03:30:00+02:00", None),
        ("2027-03-28T03:00", "2027-03-28T03:00:00+02:00", None),
        ("2027-10-31T02:30", "2027-10-31T02:30:00+02:00", "02:30:00 comes twice that day: this is the first time"),
        ("2027-10-31T02:30+01:00", "2027-10-31T02:30:00+01:00", "02:30:00 comes twice that day: this is the second time"),
        ("2027-10-31T03:30", "2027-10-31T03:30:00+01:00", None),
    ],
)
def test_a_time_that_the_clock_skips_or_repeats_is_the_same_moment_in_each_trigger(written: str, due: str, note: str | None) -> None:
    moment = int(datetime.fromisoformat(due).timestamp())
    for document in (
        {"at": written},
        {"intervalSeconds": 7_200, "startDateTime": written},
        {"cron": "@every 2h", "startDateTime": written},
    ):
        plan = read_schedule({"timezone": "Europe/Berlin", **document}, "s").plan
        found = [each.moment for each in islice(occurrences(plan, NOW), 2)]
        assert found[0] == moment
        assert remark(plan, moment) == note
        assert all(remark(plan, later) is None for later in found[1:])
    cron = read_schedule({"timezone": "Europe/Berlin", "cron": f"{written[14:16]} {written[11:13]} * * *"}, "s").plan
    if len(written) == 16:
        assert moment in [each.moment for each in islice(occurrences(cron, moment - 1), 1)]


def test_nothing_that_is_wrong_with_a_schedule_hides_anything_else() -> None:
    document = {
        "cron": "30 25 * * *",
        "intervalSeconds": 5,
        "timezone": "Europe/Berln",
        "overlap": "never",
        "catchUpp": "all",
        "startDateTime": "2026-02-01",
        "endDateTime": "2026-01-01",
        "expectStartWithinSeconds": 60,
        "expectEndWithinSeconds": 30,
        "input": {"x.$": "nope"},
        "blackout": {"weekdays": ["SUNDAY"]},
    }
    wrong = {pointer for pointer, _, _ in refused(document)}
    assert wrong == {
        *("", "/cron", "/timezone", "/overlap", "/catchUpp", "/endDateTime", "/expectEndWithinSeconds", "/input/x.$"),
        "/blackout/weekdays/0",
    }
    assert refused([]) == [("", "this must be an object", None)]
