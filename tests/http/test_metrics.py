"""GET /metrics: read by the library's own parsers, and compared with what really happened on a real server."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import requests
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_open_metrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from tests.http.client import Client, eventually, job, problem, task
from tests.http.conftest import Serve
from tests.http.events import Reader
from workflows.api import traffic
from workflows.client import Client as PythonClient
from workflows.model import Status
from workflows.service.metrics import METRICS

DOCS = Path(__file__).parents[2] / "docs" / "metrics.md"
ALL = (*METRICS, *traffic.METRICS)

Place = tuple[str, frozenset[tuple[str, str]]]


class Scrape:
    """All samples of an answer."""

    def __init__(self, answer: requests.Response, read: Callable[[str], Iterable[Metric]] = read_text) -> None:
        assert answer.status_code == 200, answer.text
        self.families = {family.name: family for family in read(answer.text)}
        samples = [sample for family in self.families.values() for sample in family.samples]
        self.samples: dict[Place, float] = {(one.name, frozenset(one.labels.items())): one.value for one in samples}
        assert len(self.samples) == len(samples), "no series is told twice"

    def __call__(self, name: str, **labels: str) -> float:
        """The sum of all samples of that name that have these labels."""
        wanted = set(labels.items())
        found = [value for (one, has), value in self.samples.items() if one == f"stepwell_{name}" and wanted <= has]
        assert found, f"no {name} with {labels}"
        return sum(found)

    def growing(self) -> dict[Place, float]:
        """Samples that may never become less."""
        kinds = {name: family.type for name, family in self.families.items()}
        base = re.compile("_(total|bucket|count|sum)$")
        return {
            place: value
            for place, value in self.samples.items()
            if kinds.get(place[0]) == "counter" or kinds.get(base.sub("", place[0])) in ("counter", "histogram")
        }


def scrape(api: Client) -> Scrape:
    return Scrape(api.get("/metrics"))


@pytest.mark.filterwarnings("error")
def test_both_formats_are_what_they_say(api: Client) -> None:
    text = api.get("/metrics")
    assert text.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert text.headers["Cache-Control"] == "no-store"
    asked = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
    newer = api.get("/metrics", headers={"Accept": asked})
    assert newer.headers["Content-Type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert newer.text.endswith("# EOF\n")
    names = set(Scrape(newer, read_open_metrics).families)
    assert names == {name.removesuffix("_info") for name in Scrape(text).families}
    assert {f"stepwell_{one.name}" for one in ALL} <= names


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("", "text/plain"),
        ("*/*", "text/plain"),
        ("application/json", "text/plain"),
        ("text/plain, application/openmetrics-text;q=0.5", "text/plain"),
        ("text/plain;q=0.2, Application/OpenMetrics-Text; version=x", "application/openmetrics-text"),
        ("application/openmetrics-text;q=0, text/plain;q=0.1", "text/plain"),
        (";;;=,q=\u00e9,application/openmetrics-text;version=9.9;escaping=no", "application/openmetrics-text"),
    ],
)
def test_who_would_rather_have_which(api: Client, accept: str, media: str) -> None:
    answer = api.get("/metrics", headers={"Accept": accept.encode("latin-1")})
    assert (answer.status_code, answer.headers["Content-Type"].partition(";")[0]) == (200, media)


def test_they_agree_with_what_happened(serve: Serve) -> None:
    with serve() as (api, _):
        before = scrape(api)
        assert (before("executions_started_total"), before("attempts_started_total")) == (0, 0)
        for _ in range(3):
            api.run(job(task("a"), task("b")))
        api.run(job(task("a", "fail", maxRetry=1, retryDelay={"initialSeconds": 0.01})))
        api.run(job(task("a", "sleep", parameters={"seconds": 600}, timeoutSeconds=0.05)))
        cancelled = api.execute(api.register(job(task("a", "sleep", parameters={"seconds": 600}))))
        api.reaches(cancelled, lambda state: state["tasks"][0]["status"] == "RUNNING")
        running = scrape(api)
        assert running("attempts_running") == running("executions", status="RUNNING") == running("executions_admitted") == 1
        assert api.post(f"/jobs/{cancelled}/cancel").status_code == 200
        seen = scrape(api)
        ended = {status: seen("executions_ended_total", status=status) for status in ("COMPLETED", "FAILED", "CANCELLED")}
        assert ended == {"COMPLETED": 3, "FAILED": 2, "CANCELLED": 1}
        kept = api.get("/system/state").json()
        assert [seen("executions", status=status) for status in Status] == [0, 0, kept["executedJobs"], kept["failedJobs"], 1]
        outcomes = {name: seen("attempts_ended_total", outcome=name) for name in ("completed", "failed", "timed_out", "cancelled")}
        assert outcomes == {"completed": 6, "failed": 2, "timed_out": 1, "cancelled": 1}
        assert seen("attempts_ended_total", outcome="interrupted") == 0
        assert seen("attempts_started_total") == seen("attempts_started_total", executor="inline") == 10
        assert seen("attempt_duration_seconds_count") == seen("attempt_duration_seconds_bucket", le="+Inf") == 10
        assert seen("attempt_duration_seconds_sum") >= 0.05
        assert seen("execution_queue_seconds_count") == seen("executions_started_total") == 6
        assert (seen("attempts_running"), seen("executions_admitted")) == (0, 0)
        assert seen("executor_capacity", executor="shared") == kept["pool"]["classes"][2]["workers"]
        assert seen("store_commits_total") >= seen("commit_duration_seconds_count") > 12
        assert seen("store_size_bytes") > before("store_size_bytes") > 0
        assert seen("engine_items_total") >= seen("engine_turns_total") / 100 > 0


def test_requests_are_counted_by_route(serve: Serve) -> None:
    with serve() as (api, _):
        id = api.run(job(task("a")))["id"]
        for path in (f"/jobs/{id}/state", "/jobs/nobody/state", "/jobs/nobody-else/state", "/nowhere/1", "/nowhere/2"):
            api.get(path)
        requests.request("BREW", f"{api.url}/health", timeout=30)
        api.post("/jobs/hello/execute", "not JSON")
        seen = scrape(api)
        assert seen("http_requests_total", endpoint="/jobs/{executionId}/state", code="404") == 2
        assert seen("http_requests_total", endpoint="/jobs/{executionId}/state", code="200") >= 2
        assert seen("http_requests_total", endpoint="/jobs/{definitionId}/execute", method="POST", code="400") == 1
        assert seen("http_requests_total", endpoint="none", method="GET", code="404") == 2
        assert seen("http_requests_total", endpoint="none", method="other", code="405") == 1
        assert seen("http_request_duration_seconds_count") == seen("http_requests_total")
        assert id not in api.get("/metrics").text, "no label holds what there may be any number of"
        assert seen("http_requests_total") + 1 == scrape(api)("http_requests_total") - 1


def test_nothing_that_is_counted_runs_backwards(serve: Serve) -> None:
    with serve() as (api, _):
        name, failing = api.register(job(task("a"))), api.register(job(task("a", "fail")))
        last = scrape(api).growing()
        assert len(last) > 100
        for _ in range(5):
            started = [api.execute(one) for one in (name, failing, name)]
            for one in started:
                now = scrape(api).growing()
                assert [place for place, value in last.items() if now[place] < value] == []
                last = now
                api.ended(one)


def test_the_store_is_away(serve: Serve) -> None:
    """What is known without it is told all the same."""
    with serve() as (api, app):
        api.run(job(task("a")))
        assert scrape(api)("store_readable") == 1
        server = app.extensions["stepwell"]
        server._engine.stop(0)  # it would end the process
        server._store.close()
        seen = scrape(api)
        assert (seen("store_readable"), seen("executions_ended_total", status="COMPLETED")) == (0, 1)
        assert seen("degraded") == 1, "it is stopping"
        told = {name for name, _ in seen.samples}
        assert not told & {"stepwell_executions", "stepwell_store_commits_total", "stepwell_schedules"}
        server._store.open()


def test_troubles_watchers_schedules_and_alerts(serve: Serve) -> None:
    with serve() as (api, app):
        seen = scrape(api)
        assert (seen("degraded"), seen("troubles"), seen("stream_watchers"), seen("schedules_active")) == (0, 0, 0, 0)
        assert ("stepwell_schedule_lateness_seconds", frozenset()) not in seen.samples, "there was none yet"
        known = seen("schedules")
        api.register(job(task("a"), schedules=[{"cron": "* * * * * *"}]))
        api.register(job(task("a"), schedules=[{"at": "2999-01-01T00:00:00"}]))

        def fired() -> Scrape | None:
            now = scrape(api)
            return now if ("stepwell_schedule_lateness_seconds", frozenset()) in now.samples else None

        now = eventually(fired, "the first run of the schedule")
        assert (now("schedules"), now("schedules_active")) == (known + 2, 2)
        assert now("schedule_lateness_seconds") >= 0
        assert (now("backfills_running"), now("alerts_untold")) == (0, 0)
        app.extensions["stepwell"]._scheduler._troubles["made-up"] = "is made up"
        with Reader(api.url):
            eventually(lambda: True if scrape(api)("stream_watchers") == 1 else None, "somebody who watches")
        ill = scrape(api)
        assert ill("degraded") == 1
        assert ill("troubles") == len(api.get("/health").json()["troubles"]) >= 1


def test_who_may_look(serve: Serve) -> None:
    with serve(require_keys=True, api_keys=("viewer:viewer-0123456789",)) as (api, _):
        problem(api.get("/metrics"), 401, "key")
        assert "stepwell_build_info" in PythonClient(api.url, api_key="viewer-0123456789").metrics()
        assert scrape_with(api, "viewer-0123456789")("http_requests_total", endpoint="/metrics", code="401") == 1


def scrape_with(api: Client, key: str) -> Scrape:
    return Scrape(api.get("/metrics", headers={"Authorization": f"Bearer {key}"}))


def test_the_library_is_loaded_when_somebody_asks() -> None:
    program = """
import sys
from app import create_app
from workflows.settings import Settings
app = create_app(Settings(store="memory:"))
before = "prometheus_client" in sys.modules
assert app.test_client().get("/metrics").status_code == 200
print(before, "prometheus_client" in sys.modules)
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=DOCS.parents[1])
    assert ran.stdout.split() == ["False", "True"]


def test_names_follow_the_conventions() -> None:
    names = [one.full_name for one in ALL]
    assert len(set(names)) == len(names)
    for one in ALL:
        assert re.fullmatch("[a-z][a-z_]*[a-z]", one.name), one.name
        assert not one.name.endswith(("_total", "_info", "_count", "_sum", "_bucket")), one.name
        assert one.about.endswith("."), one.name
        assert not {"execution", "job", "id", "path", "le", "instance"} & set(one.labels), one.name


def test_the_rules_of_the_guide_are_about_metrics_that_there_are(api: Client) -> None:
    rules = DOCS.read_text(encoding="utf-8").partition("groups:")[2].partition("```")[0]
    named = set(re.findall(r"expr: .*?(?=\n\s+(?:for|annotations):)", rules, re.DOTALL))
    assert len(named) == 2
    used = {name for expr in named for name in re.findall(r"stepwell_\w+", expr)}
    assert used
    assert used <= {one.full_name for one in ALL}
    assert set(re.findall(r'outcome=~"([^"]+)"', rules)[0].split("|")) < {
        dict(labels)["outcome"] for name, labels in scrape(api).samples if name == "stepwell_attempts_ended_total"
    }
