"""What clients of goflow (zbrookle's) say to a server and read of it, on a real one that may run commands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from tests.compat.forms import NEVER, json_of, members, moment, next_of
from tests.http.client import JSON, Client, eventually, job, problem, task
from tests.http.conftest import Serve, serve_in

CONFIG = (
    *("Name", "Namespace", "Schedule", "DockerImage", "RetryPolicy", "Command", "Parallelism", "TimeLimit", "Retries", "MaxActiveRuns"),
    *("StartDateTime", "EndDateTime", "Labels", "Annotations", "WithLogs"),
)
DAG = (
    *("Config", "Code", "StartDateTime", "EndDateTime", "DAGRuns", "ActiveRuns", "MostRecentExecution", "ID", "IsOn", "LastUpdated"),
    *("Successes", "Failures", "Counted"),
)
RUN = ("Name", "Config", "ExecutionDate", "StartTime", "EndTime", "Status", "ExecutionID")
METRIC = ("ID", "DagName", "PodName", "Memory", "CPU", "MetricTime", "Seconds", "Attempts")

NOW = datetime.now(UTC)
NEXT_YEAR = f"{NOW.year + 1}-01-01"

FULL: dict[str, Any] = {
    "Name": "test-dag",
    "Namespace": "default",
    "Schedule": "0 30 3 * *",
    "DockerImage": "busybox",
    "RetryPolicy": "Never",
    "Command": ["echo", "yes"],
    "Parallelism": 1,
    "TimeLimit": 300,
    "Retries": 2,
    "MaxActiveRuns": 1,
    "StartDateTime": NEXT_YEAR,
    "EndDateTime": "",
    "Labels": {"team": "data"},
    "Annotations": {},
    "WithLogs": False,
}
"""As a Go program writes it: every member."""


@pytest.fixture(scope="module")
def dags(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with serve_in(tmp_path_factory.mktemp("dags"), allow_commands=True) as (client, _):
        yield client


def made(api: Client, **more: Any) -> list[str]:
    """Make a DAG; the lines of the answer."""
    answer = api.post("/dag", {**FULL, **more})
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    return answer.text.splitlines()


def shown(api: Client, name: str) -> dict[str, Any]:
    return dag(json_of(api.get(f"/dag/{name}")))


def dag(found: Any) -> dict[str, Any]:
    members(found, *DAG)
    members(found["Config"], *CONFIG)
    for name in ("StartDateTime", "EndDateTime", "MostRecentExecution", "LastUpdated"):
        moment(found[name])
    return dict(found)


def runs(api: Client, name: str, **asked: Any) -> list[dict[str, Any]]:
    found = json_of(api.get(f"/dag/{name}/runs", params=asked))
    for one in found:
        members(one, *RUN)
        members(one["Config"], *CONFIG)
        moment(one["ExecutionDate"])
        assert one["Status"] in ("Pending", "Running", "Succeeded", "Failed")
        assert (one["EndTime"] is not None) == (one["Status"] in ("Succeeded", "Failed")), "the end is filled in, and when there is one"
    return list(found)


def all_ended(api: Client, name: str, count: int) -> list[dict[str, Any]]:
    def look() -> list[dict[str, Any]] | None:
        found = runs(api, name)
        return found if len(found) == count and all(one["EndTime"] for one in found) else None

    return eventually(look, f"the end of {count} runs of {name}")


def day(back: int) -> str:
    return f"{NOW - timedelta(days=back):%Y-%m-%d}"


# ---------------------------------------------------------------------------------------------------------------------- DAGs


def test_a_dag_is_made_and_shown(dags: Client) -> None:
    assert made(dags) == [
        "DAG write success",
        "Warning: Namespace is not used: there are no namespaces",
        "Warning: DockerImage is not used: commands run on the server's machine, not in an image",
        "Warning: Parallelism is not used: one command cannot be parallel",
    ]
    found = shown(dags, "test-dag")
    assert found["Config"] == {
        **FULL,
        "Namespace": "",
        "DockerImage": "",
        "Schedule": "0 30 3 * * *",
        "RetryPolicy": "OnFailure",
        "WithLogs": True,
    }
    assert (found["StartDateTime"][:20], found["EndDateTime"], found["MostRecentExecution"]) == (f"{NEXT_YEAR}T00:00:00.", NEVER, NEVER)
    assert (found["DAGRuns"], found["ActiveRuns"], found["Successes"], found["Failures"], found["Counted"]) == ([], 0, 0, 0, 0)
    assert found["IsOn"] is True
    assert isinstance(found["ID"], int)
    assert found["ID"] == shown(dags, "test-dag")["ID"]
    assert json.loads(found["Code"])["tasks"][0]["parameters"] == {"argv": ["echo", "yes"]}
    assert runs(dags, "test-dag") == []
    assert json_of(dags.get("/dag/test-dag/metrics")) == []


def test_null_and_nothing_are_as_good_as_absent(dags: Client) -> None:
    texts = {"Namespace": "", "DockerImage": None, "RetryPolicy": ""}
    others = {"TimeLimit": None, "Labels": None, "Annotations": None, "Parallelism": 0}
    assert made(dags, Name="sparse", MaxActiveRuns=0, Retries=0, **texts, **others) == ["DAG write success"]
    config = shown(dags, "sparse")["Config"]
    assert (config["TimeLimit"], config["Labels"], config["Annotations"]) == (None, {}, {})
    assert (config["RetryPolicy"], config["Retries"], config["MaxActiveRuns"]) == ("Never", 0, 0)


def test_a_name_that_is_taken(dags: Client) -> None:
    made(dags, Name="taken")
    assert made(dags, Name="taken")[0] == "DAG write success", "the same again changes nothing"
    problem(dags.post("/dag", {**FULL, "Name": "taken", "Retries": 3}), 409, "DAG with given name already present", "POST /job-definitions")
    problem(dags.post("/dag", {**FULL, "Name": "hello"}), 409, "already present")
    assert dags.get("/job-definitions/taken").json()["revision"] == 1
    dags.delete("/job-definitions/taken")
    made(dags, Name="taken", Retries=3)
    assert shown(dags, "taken")["Config"]["Retries"] == 3


@pytest.mark.parametrize("name", ["", "x", "9x", "a.b", "a/b", "a b", "../x", "é-x", "a\n"])
def test_a_name_that_cannot_be(dags: Client, name: str) -> None:
    problem(dags.post("/dag", {**FULL, "Name": name}), 400, 'DAG name must match the pattern "^[[:alpha:]][a-zA-Z0-9_-]+$"')


@pytest.mark.parametrize(
    ("change", "place", "words"),
    [
        ({"Schedule": "bad"}, "/Schedule", ["bad"]),
        ({"Schedule": " "}, "/Schedule", ["empty"]),
        ({"StartDateTime": "soon"}, "/StartDateTime", ["soon"]),
        ({"EndDateTime": "2001-01-01"}, "/EndDateTime", ["before startDateTime"]),
        ({"Command": []}, "/Command", ["empty"]),
        ({"Command": "echo yes"}, "/Command", ["list"]),
        ({"Retries": 101}, "/Retries", ["100"]),
        ({"MaxActiveRuns": "1"}, "/MaxActiveRuns", ["whole number"]),
        ({"RetryPolicy": "never"}, "/RetryPolicy", ["Never"]),
        ({"Retires": 1}, "/Retires", ["Retries"]),
        ({"Name": "x" * 101}, "/Name", ["100"]),
    ],
)
def test_what_is_wrong_is_told_at_its_place(dags: Client, change: dict[str, Any], place: str, words: list[str]) -> None:
    found = problem(dags.post("/dag", {**FULL, "Name": "wrong", **change}), 422, *words)
    assert [one["pointer"] for one in found["problems"]] == [place]
    assert dags.get("/dag/wrong").status_code == 404


def test_what_misses_is_told_at_once(dags: Client) -> None:
    found = problem(dags.post("/dag", {}), 422)
    assert {one["pointer"] for one in found["problems"]} == {"/Name", "/Schedule", "/Command", "/StartDateTime"}


def test_all_that_is_wrong_is_told_at_once(dags: Client) -> None:
    sent = {"Name": "9bad", "Schedule": "x", "Command": "echo", "EndDateTime": "soon", "Retries": 101}
    found = problem(dags.post("/dag", sent), 422)
    assert [one["pointer"] for one in found["problems"]].count("/Schedule") == 1
    assert {one["pointer"] for one in found["problems"]} == {"/Name", "/Schedule", "/Command", "/StartDateTime", "/EndDateTime", "/Retries"}
    assert all(one["line"] == 1 for one in found["problems"])


def test_commands_that_are_off_are_a_warning(serve: Serve) -> None:
    with serve() as (api, _):
        lines = made(api, DockerImage="", Namespace="", Parallelism=0)
    assert lines[0] == "DAG write success"
    assert "commands are off on this server" in lines[1]


def test_dags_are_sorted_and_come_in_pages(dags: Client) -> None:
    for name in ("b-sorted", "a-sorted"):
        made(dags, Name=name)
    found = [dag(one)["Config"]["Name"] for one in json_of(dags.get("/dags"))]
    assert {"a-sorted", "b-sorted", "hello", "order-saga"} <= set(found)
    assert found == sorted(found)
    names, path = [], "/dags?limit=3"
    while path:
        answer = dags.get(path)
        page = json_of(answer)
        assert len(page) <= 3
        names += [one["Config"]["Name"] for one in page]
        path = next_of(answer) or ""
    assert names == found


def test_any_job_is_a_dag(dags: Client) -> None:
    """With a true Config."""
    schedules = [{"cron": "30 3 * * MON", "startDateTime": "2026-01-01T06:00:00", "timezone": "Europe/Berlin", "active": False}]
    many = dags.register(job(task("a", maxRetry=3), task("b"), schedules=schedules, timeoutSeconds=7.5, maxActiveRuns=4, labels={"k": "v"}))
    found = shown(dags, many)
    assert found["Config"] == {
        "Name": many,
        "Namespace": "",
        "Schedule": "0 30 3 * * MON",
        "DockerImage": "",
        "RetryPolicy": "Never",
        "Command": [],
        "Parallelism": 1,
        "TimeLimit": 8,
        "Retries": 0,
        "MaxActiveRuns": 4,
        "StartDateTime": "2026-01-01T06:00:00",
        "EndDateTime": "",
        "Labels": {"k": "v"},
        "Annotations": {},
        "WithLogs": True,
    }
    assert (found["StartDateTime"], found["IsOn"]) == ("2026-01-01T05:00:00.000Z", False)
    command = task("c", "command", maxRetry=1, timeoutSeconds=5)
    literal = dags.register(job(command | {"parameters": {"argv": ["ls", "-l"]}}, schedules=[{"intervalSeconds": 90, "active": False}]))
    config = shown(dags, literal)["Config"]
    assert (config["Command"], config["Retries"], config["TimeLimit"], config["Schedule"]) == (["ls", "-l"], 1, 5, "@every 90s")
    template = dags.register(job(command | {"parameters": {"argv.$": "$.input.argv"}}))
    assert shown(dags, template)["Config"]["Command"] == []
    wrong = dags.register(job(command | {"parameters": ["ls"]}))
    assert shown(dags, wrong)["Config"]["Command"] == []
    assert shown(dags, "order-saga")["Config"]["Command"] == []


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("9999-12-31T23:59:59", "9999-12-31T23:59:59-12:00"),
        ("0001-01-01T00:00:00+12:00", "9999-12-31T23:59:59.999999"),
    ],
)
@pytest.mark.parametrize("trigger", [{"cron": "@yearly"}, {"intervalSeconds": 31_622_400}])
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/New_York"])
def test_a_schedule_may_begin_and_end_where_the_calendar_does(
    dags: Client, start: str, end: str, trigger: dict[str, Any], zone: str
) -> None:
    schedule = {**trigger, "startDateTime": start, "endDateTime": end, "timezone": zone}
    assert shown(dags, dags.register(job(task("a"), schedules=[schedule])))["IsOn"]


@pytest.mark.parametrize("due", ["9999-12-31T23:59:59-12:00", "9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00+12:00", "soon"])
def test_a_label_that_is_no_moment_is_not_when_a_run_was_due(dags: Client, due: str) -> None:
    name = dags.register(job(task("a")))
    answer = dags.post(f"/jobs/{name}/execute", {}, params={"label": f"stepwell.scheduledTime:{due}"})
    assert answer.status_code == 202, answer.text
    [one] = runs(dags, name)
    assert shown(dags, name)["LastUpdated"] <= one["ExecutionDate"] < "9"


def test_what_is_missing(dags: Client) -> None:
    words = "There is no DAG with given name"
    assert json_of(dags.get("/dag/nobody"), 404) == json_of(dags.get("/dag/nobody/runs"), 404) == words
    assert json_of(dags.get("/dag/nobody/metrics"), 400) == words
    assert json_of(dags.put("/dag/nobody/toggle", None), 404) == "DAG not found!"


# ---------------------------------------------------------------------------------------------------------------------- runs


def test_what_was_due_since_the_start_is_run_one_after_the_other(dags: Client) -> None:
    made(dags, Name="daily_Job", Schedule="@daily", Command=["sh", "-c", "echo $EXECUTION_ID"], StartDateTime=day(4), EndDateTime=day(1))
    found = all_ended(dags, "daily_Job", 4)
    assert [one["ExecutionDate"] for one in found] == [f"{day(back)}T00:00:00.000Z" for back in (1, 2, 3, 4)]
    assert found[3]["Name"] == f"daily-job-{day(4)}00-00-00plus0000utc"
    assert {one["Status"] for one in found} == {"Succeeded"}
    spans = sorted((one["StartTime"], one["EndTime"]) for one in found)
    assert all(end <= begin for (_, end), (begin, _) in pairwise(spans)), "MaxActiveRuns is kept"
    whole = shown(dags, "daily_Job")
    assert (whole["DAGRuns"], whole["MostRecentExecution"]) == (found, found[0]["ExecutionDate"])
    assert (whole["Successes"], whole["Failures"], whole["ActiveRuns"], whole["Counted"]) == (4, 0, 0, 4)
    assert [one["ExecutionID"] for one in runs(dags, "daily_Job", limit=2)] == [one["ExecutionID"] for one in found[:2]]
    onward = next_of(dags.get("/dag/daily_Job/runs?limit=2"))
    assert onward is not None
    assert json_of(dags.get(onward)) == found[2:]
    rows = json_of(dags.get("/dag/daily_Job/metrics"))
    for row, one in zip(rows, found, strict=True):
        members(row, *METRIC)
        assert (row["DagName"], row["PodName"], row["MetricTime"], row["Attempts"]) == ("daily_Job", one["Name"], one["EndTime"], 1)
        assert (row["Memory"], row["CPU"]) == (None, None), "what is not measured is not told"
        begun, ended = (datetime.fromisoformat(one[name]).timestamp() for name in ("StartTime", "EndTime"))
        assert row["Seconds"] == pytest.approx(ended - begun, abs=0.002)
    assert len({row["ID"] for row in rows}) == 4


def test_pages_of_runs_of_a_long_command_are_short(dags: Client) -> None:
    made(dags, Name="long", Command=["true", *["x" * 100_000] * 4], StartDateTime="2100-01-01", EndDateTime="")
    ids = [dags.post("/jobs/long/execute", {}).json()["executionID"] for _ in range(3)]
    first = dags.get("/dag/long/runs")
    onward = next_of(first)
    assert onward is not None
    assert len(first.content) <= 1024 * 1024
    assert [one["ExecutionID"] for one in json_of(first) + json_of(dags.get(onward))] == ids[::-1]
    assert [one["ExecutionID"] for one in shown(dags, "long")["DAGRuns"]] == ids[:0:-1]


def test_nothing_is_run_after_the_end(dags: Client) -> None:
    made(dags, Name="ended", Schedule="@daily", StartDateTime=day(5), EndDateTime=day(4))
    assert len(all_ended(dags, "ended", 2)) == 2
    assert shown(dags, "ended")["EndDateTime"] == f"{day(4)}T00:00:00.000Z"
    assert json_of(dags.get("/schedules/ended/next")) == {"occurrences": []}


def test_retries_and_the_time_limit_are_kept(dags: Client) -> None:
    once = {"Schedule": "@daily", "StartDateTime": day(9), "EndDateTime": day(9)}
    made(dags, Name="failing", Command=["false"], Retries=1, **once)
    made(dags, Name="slow", Command=["sleep", "60"], Retries=0, TimeLimit=1, **once)
    for name, attempts in (("failing", 2), ("slow", 1)):
        [run] = all_ended(dags, name, 1)
        assert run["Status"] == "Failed"
        assert [row["Attempts"] for row in json_of(dags.get(f"/dag/{name}/metrics"))] == [attempts]
        found = shown(dags, name)
        assert (found["Successes"], found["Failures"]) == (0, 1)


def test_a_run_that_was_cancelled_has_failed_and_one_that_goes_on_is_active(dags: Client) -> None:
    name = dags.register(job(task("a", "sleep", parameters={"seconds": 600}), maxActiveRuns=1))
    ids = [dags.execute(name) for _ in range(2)]
    dags.reaches(ids[0], lambda state: state["status"].value == "RUNNING")
    assert [one["Status"] for one in runs(dags, name)] == ["Pending", "Running"]
    assert (shown(dags, name)["ActiveRuns"], shown(dags, name)["Counted"]) == (1, 2)
    for id in reversed(ids):
        dags.post(f"/jobs/{id}/cancel")
    assert [one["Status"] for one in runs(dags, name)] == ["Failed", "Failed"]
    assert [row["Seconds"] is None for row in json_of(dags.get(f"/dag/{name}/metrics"))] == [True, False], "one of them never began"


# -------------------------------------------------------------------------------------------------------------------- switch


def test_a_toggle_answers_how_it_is_now_and_stays(serve: Serve) -> None:
    with serve() as (api, _):
        made(api, Name="switched")
        assert [json_of(api.put("/dag/switched/toggle", None)) for _ in range(3)] == [False, True, False]
        assert shown(api, "switched")["IsOn"] is False
        problem(api.put("/dag/hello/toggle", None), 409, "no schedule")
    with serve() as (api, _):
        assert shown(api, "switched")["IsOn"] is False


@pytest.mark.parametrize("origin", ["https://example.com", "null"])
def test_no_page_of_another_site_reads_or_changes_anything(dags: Client, origin: str) -> None:
    problem(dags.get("/dags", headers={"Origin": origin}), 403, "web pages")
    problem(dags.post("/dag", {**FULL, "Name": "page"}, {"Origin": origin, **JSON}), 403, "web pages")
    problem(dags.post("/dag", json.dumps({**FULL, "Name": "page"}), {"Content-Type": "text/plain"}), 415, "JSON")
    assert dags.get("/dag/page").status_code == 404
