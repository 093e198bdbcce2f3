"""How endpoints read: queries, headers and bodies, shown on a table of made-up endpoints that answer with what they were given."""

from __future__ import annotations

from typing import Any, cast

import pytest
from flask import Flask
from flask.testing import FlaskClient
from marshmallow import Schema, fields

from tests.http.client import Client, problem
from workflows.api.bodies import JsonBody
from workflows.api.problems import register_problems
from workflows.api.rest import index, register_rest
from workflows.api.rest.endpoints import Endpoint, Kind, Reply
from workflows.api.safety import guard
from workflows.api.schemas.base import RawJson, about
from workflows.api.schemas.queries import Flag, Instant, Labels, OneOf, PageQuery, Whole, Word
from workflows.language import shapes
from workflows.service import Service
from workflows.service.keys import Keys
from workflows.settings import Settings


class LookQuery(PageQuery):
    status = OneOf(("RUNNING", "FAILED"), "Only these.")
    since = Instant(metadata=about("From then on."))
    reverse = Flag(load_default=False, metadata=about("Newest first."))
    label = Labels(metadata=about("With these labels."))
    priority = Whole(-5, 5, metadata=about("How urgent."))
    text = Word(metadata=about("Found in it."))


class LookHeaders(Schema):
    key = fields.String(data_key="Idempotency-Key", metadata=about("Names the request."))
    tries = Whole(1, 9, data_key="Tries", metadata=about("How often."))


class SentShape(shapes.Shape):
    revision = shapes.Whole(1, 1_000, metadata=about("A revision."))
    input = RawJson(metadata=about("A payload."))


def look(_: Service, definition_id: str, query: dict[str, Any], headers: dict[str, Any]) -> dict[str, Any]:
    return {"name": definition_id, **query, **headers}


def change(_: Service, sent: dict[str, Any]) -> Reply:
    return Reply(sent, 202, {"Location": "/elsewhere"})


LOOK = Endpoint(look, "GET", "/look/<definition_id>", "Looks.", {200: None}, query=LookQuery, headers=LookHeaders)
CHANGE = Endpoint(
    change,
    "POST",
    "/change",
    "Changes.",
    {200: None, 202: None},
    body=JsonBody(SentShape, "What to change.", '{"revision": 2}', required=False),
)


@pytest.fixture(scope="module")
def made() -> FlaskClient:
    app = Flask("made", static_folder=None)
    register_problems(app)
    guard(app, Settings(), cast("Keys", None))
    register_rest(app, cast("Service", None), [index.KIND, Kind("made", "Made up.", (LOOK, CHANGE))])
    return app.test_client()


def test_a_query_is_read(made: FlaskClient) -> None:
    asked = "?limit=5&cursor=abc&status=FAILED&since=2026-11-21T03:00:00.5Z&reverse=true&label=a:1&label=b:x:y&priority=-5&text=t"
    answer = made.get(f"/look/it{asked}", headers={"Idempotency-Key": "k", "Tries": "3"})
    assert answer.get_json() == {
        "name": "it",
        "limit": 5,
        "cursor": "abc",
        "status": "FAILED",
        "since": 1_795_230_000.5,
        "reverse": True,
        "label": {"a": "1", "b": "x:y"},
        "priority": -5,
        "text": "t",
        "key": "k",
        "tries": 3,
    }


def test_what_is_not_given_has_its_default(made: FlaskClient) -> None:
    assert made.get("/look/it").get_json() == {"name": "it", "limit": 50, "cursor": None, "reverse": False}


@pytest.mark.parametrize(
    ("asked", "place", "words"),
    [
        ("limit=0", "?limit", "this must be from 1 to 200, not 0"),
        ("limit=201", "?limit", "from 1 to 200"),
        ("limit=", "?limit", "whole number"),
        ("limit=+5", "?limit", "whole number"),
        ("limit=5.0", "?limit", "whole number"),
        ("limit=1_0", "?limit", "whole number"),
        ("limit=%D9%A5", "?limit", "whole number"),
        ("limit=" + "9" * 5_000, "?limit", "whole number"),
        ("limit=5&limit=6", "?limit", "more than once"),
        ("limit", "?limit", "whole number"),
        ("cursor=", "?cursor", "must not be empty"),
        ("reverse=yes", "?reverse", "true or false"),
        ("reverse=1", "?reverse", "true or false"),
        ("since=yesterday", "?since", "a moment such as"),
        ("since=2026-11-21", "?since", "a moment such as"),
        ("since=2026-11-21T03:00:00", "?since", "a moment such as"),
        ("since=2026-11-21T03:00:00+01:00", "?since", "write a + as %2B"),
        ("label=a", "?label", "key:value"),
        ("label=:a", "?label", "key:value"),
        ("label=a:1&label=a:2", "?label", "more than once"),
        ("status=RUNING", "?status", 'one of RUNNING, FAILED, not "RUNING"'),
        ("limitt=5", "?limitt", "there are limit, cursor"),
        ("%F0%9F%99%82=5", "?🙂", "no such query parameter"),
    ],
)
def test_a_query_that_is_not_exactly_right_is_refused(made: FlaskClient, asked: str, place: str, words: str) -> None:
    answer = made.get(f"/look/it?{asked}")
    assert (answer.status_code, answer.content_type) == (422, "application/problem+json")
    (found,) = answer.get_json()["problems"]
    assert found["pointer"] == place
    assert words in found["message"]


def test_the_nearest_name_is_told(made: FlaskClient) -> None:
    problems = made.get("/look/it?limitt=5&status=RUNING&zzz=1").get_json()["problems"]
    assert {one["pointer"]: one.get("suggestion") for one in problems} == {"?limitt": "limit", "?status": "RUNNING", "?zzz": None}


def test_a_header_that_is_wrong_is_told_by_its_name(made: FlaskClient) -> None:
    (found,) = made.get("/look/it", headers={"Tries": "10"}).get_json()["problems"]
    assert (found["pointer"], found["message"]) == ("Tries:", "this must be from 1 to 9, not 10")


def test_endpoints_without_parameters_take_none(api: Client) -> None:
    for answer in (api.get("/health?verbose=1"), api.post("/job-definitions?dry=1", {}), api.get("/?a")):
        (found,) = problem(answer, 422, "no such query parameter; this endpoint takes none")["problems"]
        assert found["pointer"].startswith("?")
    assert api.get("/health?").status_code == 200


def test_a_body_of_a_shape_is_read_and_a_payload_keeps_its_text(made: FlaskClient) -> None:
    text = '{ "input" : [1.00, 1e2, {"a": "}"}] , "revision": 2}'
    answer = made.post("/change", data=text, content_type="application/json")
    assert (answer.status_code, answer.headers["Location"]) == (202, "/elsewhere")
    assert answer.get_json() == {"revision": 2, "input": '[1.00, 1e2, {"a": "}"}]'}
    assert made.post("/change", data='{"input": null}', content_type="application/json").get_json() == {"input": "null"}


def test_no_body_is_an_empty_object_where_none_is_needed(made: FlaskClient) -> None:
    assert made.post("/change").get_json() == {}


@pytest.mark.parametrize(
    ("body", "status", "places"),
    [
        ("{", 400, []),
        ('{"revision": NaN}', 400, []),
        ("[]", 422, [""]),
        ("null", 422, [""]),
        ('{"revision": "2"}', 422, ["/revision"]),
        ('{"revision": 2.0}', 422, ["/revision"]),
        ('{"revision": 0, "revison": 2}', 422, ["/revision", "/revison"]),
        ('{"revision": 1, "revision": 2}', 422, ["/revision"]),
    ],
)
def test_a_body_that_is_not_exactly_right_is_refused(made: FlaskClient, body: str, status: int, places: list[str]) -> None:
    answer = made.post("/change", data=body, content_type="application/json")
    assert answer.status_code == status
    assert sorted(one["pointer"] for one in answer.get_json().get("problems", [])) == places
    assert all(one["line"] == 1 for one in answer.get_json().get("problems", []))


def test_all_this_is_told(made: FlaskClient) -> None:
    document = made.get("/openapi.json").get_json()
    parameters = {one["name"]: one for one in document["paths"]["/look/{definitionId}"]["get"]["parameters"]}
    assert parameters["limit"]["schema"] == {"type": "integer", "default": 50, "minimum": 1, "maximum": 200}
    assert parameters["status"]["schema"]["enum"] == ["RUNNING", "FAILED"]
    assert parameters["since"]["schema"] == {"type": "string", "format": "date-time"}
    assert (parameters["label"]["schema"]["type"], parameters["label"]["explode"]) == ("array", True)
    assert parameters["Idempotency-Key"]["in"] == "header"
    body = document["paths"]["/change"]["post"]["requestBody"]["content"]["application/json"]
    assert body == {"schema": {"$ref": "#/components/schemas/SentShape"}, "example": {"revision": 2}}
    assert set(document["paths"]["/change"]["post"]["responses"]) >= {"200", "202", "400", "413", "415", "422"}
