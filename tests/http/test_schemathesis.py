"""Schemathesis asks a real server whatever /openapi.json allows, and much that it forbids: every answer must be as the document says.

Every operation there is takes part by itself. A share of what is asked is about things that exist, made anew for each operation; about a
name in a path that `Things` does not know, requests are made at random only. The seed never changes, so a failure is met again.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from app import create_app
from tests.http.client import PATIENCE_S, Client, job, task
from tests.http.conftest import serve_in
from workflows.settings import Settings

ASKED = 16
"""Random requests for each operation, half of them wrong; beside those that follow from the document: bounds, missing parts, examples."""

SHORT_S, LONGEST_S = 0.01, 60
"""Nobody waits longer than the first for the end of an execution, where up to the second is allowed."""

CONFIG = {
    "seed": 42,
    "request-timeout": PATIENCE_S,
    "generation": {"deterministic": True, "max-examples": ASKED, "database": "none"},
    "suppress-health-check": ["all"],
    "checks": {"positive_data_acceptance": {"enabled": False}},  # what is well-formed may still name what is not there, or be no definition
}

WALKS = settings(
    max_examples=24, stateful_step_count=8, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)

pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module:hypothesis.errors.HypothesisDeprecationWarning")  # theirs

document = create_app(Settings(store="memory:")).test_client().get("/openapi.json").get_json()
ENDLESS = "^/(stream|events.*)$"

schema = schemathesis.openapi.from_dict(document, config=schemathesis.Config.from_dict(CONFIG)).exclude(path_regex=ENDLESS)


class Things:
    """What requests may be about, by the name that a path gives it."""

    def __init__(self, client: Client) -> None:
        states = {"Wait": {"Type": "Wait", "Seconds": 3_600, "End": True}}  # which holds no worker
        waiting = {"id": job()["id"], "StartAt": "Wait", "States": states}
        planned = job(task("a"), schedules=[{"cron": "@yearly"}, {"at": "2999-01-01T00:00:00"}])
        hook = {"name": planned["id"], "secret": {"$secret": "HOOK"}}
        planned["hooks"] = [hook]
        client.put("/calendars/known", {"dates": [{"from": "2999-01-01"}]})
        definitions = [client.register(one) for one in (job(task("a")), job(task("a", "fail")), waiting, planned)]
        schedules = [planned["id"], f"{planned['id']}-2"]
        window = {"from": "2025-01-01T00:00:00", "to": "2025-01-01T00:00:00"}
        backfills = [client.post(f"/schedules/{name}/backfill", window).json()["id"] for name in schedules]
        executions = [client.execute(name) for name in definitions]
        for name in executions[:2]:
            client.ended(name)
        self._known: dict[str, list[Any]] = {
            **dict.fromkeys(("definitionId", "jobName", "dagName"), definitions),
            "executionId": executions,
            "revision": [1],
            "scheduleId": schedules,
            "backfillId": backfills,
            "hookName": [hook["name"]],
            "calendarName": ["known"],
        }

    def some(self, name: str, given: Any) -> Any:
        """Three times out of four something that is there, chosen by what was given."""
        chosen, known = zlib.crc32(str(given).encode("utf-8", "surrogatepass")), self._known.get(name, [])
        return known[chosen // 4 % len(known)] if known and chosen % 4 else given


def wait_little(case: schemathesis.Case[Any]) -> None:
    """What is wrong stays wrong."""
    wait = str((case.query or {}).get("wait"))
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", wait) and SHORT_S < float(wait) <= LONGEST_S:
        case.query = {**case.query, "wait": SHORT_S}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with pytest.MonkeyPatch.context() as patch, serve_in(tmp_path_factory.mktemp("asked")) as (client, _):
        patch.setenv("STEPWELL_SECRET_HOOK", "c3dvcmRmaXNo")
        yield client


@pytest.fixture
def things(server: Client) -> Things:
    return Things(server)


def test_the_document_is_what_the_server_serves(server: Client) -> None:
    assert server.get("/openapi.json").json() == document


@schema.parametrize()
def test_the_document_is_kept(case: schemathesis.Case[Any], server: Client, things: Things) -> None:
    wait_little(case)
    case.path_parameters = {name: things.some(name, given) for name, given in (case.path_parameters or {}).items()}
    case.call_and_validate(base_url=server.url)


def leads() -> dict[str, set[str]]:
    """Operations that lead to others, and those that they lead to."""
    operations = [one for item in document["paths"].values() for name, one in item.items() if name != "parameters"]
    found = {one["operationId"]: {id for answer in one["responses"].values() for id in answer.get("links", {})} for one in operations}
    return {name: led for name, led in found.items() if led}


EXECUTING = {"register", *leads()["register"], *leads()["execute"]}
CHANGING = {name for of, led in leads().items() if of not in EXECUTING for name in (of, *led)}


@pytest.mark.parametrize(
    ("of", "made", "some"),
    [
        (
            EXECUTING,
            ("POST /jobs/{definitionId}/execute: 202",),
            ("GET /jobs/{executionId}/state: 200", "GET /jobs/{executionId}/history: 200", "POST /jobs/{executionId}/cancel: 200"),
        ),
        (CHANGING, ("POST /keys: 201", "PUT /calendars/{calendarName}: 200"), ()),
    ],
    ids=["a definition that is registered, executed, paused, looked at", "what is made, looked at and deleted"],
)
def test_the_document_is_kept_along_its_links(server: Client, of: set[str], made: tuple[str, ...], some: tuple[str, ...]) -> None:
    """What one answer gives is taken by the next request."""
    met: set[str] = set()

    linked = schema.include(operation_id=sorted(of))

    class Walk(linked.as_state_machine()):  # type: ignore[misc]  # made of the document
        def get_call_kwargs(self, case: schemathesis.Case[Any]) -> dict[str, Any]:
            return {**super().get_call_kwargs(case), "base_url": server.url}

        def before_call(self, case: schemathesis.Case[Any]) -> None:
            """Walks that begin alike must go on alike: nothing that an earlier walk has left, and no race with an execution's end."""
            case.query = {name: value for name, value in (case.query or {}).items() if name not in ("executionId", "wait")}
            case.headers.pop("Idempotency-Key", None)
            if re.fullmatch(r"[1-9][0-9]*", str(case.query.get("revision"))):
                case.query["revision"] = 1  # any other would hardly ever be there

        def after_call(self, response: schemathesis.Response, case: schemathesis.Case[Any]) -> None:
            met.add(f"{case.operation.label}: {response.status_code}")

    run_state_machine_as_test(Walk, settings=WALKS)
    assert met & set(made)
    assert not some or met & set(some), "no id is guessed"


@pytest.mark.parametrize(
    ("of", "path", "body"),
    [
        ("add_schedule", "/schedules", {"id": "led-to", "cron": "@yearly"}),
        ("add_key", "/keys", {"name": "led-to", "role": "viewer"}),
        ("set_calendar", "/calendars/led-to", {"dates": [{"from": "2999-01-01"}]}),
    ],
)
def test_what_an_answer_leads_to_is_there(server: Client, of: str, path: str, body: dict[str, Any]) -> None:
    """Every link that needs no body is followed, what looks before what deletes."""
    operations = {
        one["operationId"]: (name.upper(), where, one)
        for where, item in document["paths"].items()
        for name, one in item.items()
        if name != "parameters"
    }
    method, _, operation = operations[of]
    if of == "add_schedule":
        body = {"job": server.register(job(task("a"))), **body}
    answer = requests.request(method, f"{server.url}{path}", json=body, timeout=30)
    assert answer.ok, answer.text
    links = operation["responses"][str(answer.status_code)]["links"].values()
    followed = [(*operations[link["operationId"]], link) for link in links]
    seen = []
    for verb, where, led, link in sorted(followed, key=lambda one: one[0] == "DELETE"):
        for name, value in link["parameters"].items():
            where = where.replace(f"{{{name}}}", answer.json()[value.removeprefix("$response.body#/")])
        if "requestBody" not in led:
            found = requests.request(verb, f"{server.url}{where}", timeout=30)
            assert found.ok, found.text
            seen.append(verb)
    assert "DELETE" in seen
