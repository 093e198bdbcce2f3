"""GET /openapi.json: that it is OpenAPI 3.1, that it tells of every endpoint, and that what it tells is so."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from flask import Flask
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from app import create_app
from tests.http.client import JSON, Client, job, task
from workflows.api import goflow
from workflows.api.event_stream import EVENT_STREAM
from workflows.api.faces import KINDS
from workflows.api.paths import shown_path
from workflows.api.rest.endpoints import Endpoint, Role, errors_of
from workflows.settings import Settings

FORMATS = Draft202012Validator.FORMAT_CHECKER

ENDPOINTS = [endpoint for kind in KINDS for endpoint in kind.endpoints]
FOREIGN = [endpoint for kind in goflow.KINDS for endpoint in kind.endpoints]
"""Of the faces for clients of other systems."""


@pytest.fixture(scope="module")
def app() -> Flask:
    """Not started: the document does not need the server."""
    return create_app(Settings(store="memory:"))


@pytest.fixture(scope="module")
def document(app: Flask) -> dict[str, Any]:
    answer = app.test_client().get("/openapi.json")
    assert (answer.status_code, answer.content_type) == (200, "application/json")
    return dict(answer.get_json())


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        yield from ((method.upper(), path, operation) for method, operation in item.items() if method != "parameters")


def resolved(document: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """What it refers to, if it is a reference."""
    if "$ref" not in part:
        return part
    kind, name = part["$ref"].split("/")[-2:]
    return dict(document["components"][kind][name])


def test_it_is_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    assert [str(error) for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_it_has_every_route_and_so_does_the_index(app: Flask, document: dict[str, Any]) -> None:
    routes = {
        (method, shown_path(rule.rule)) for rule in app.url_map.iter_rules() for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert {(method, path) for method, path, _ in operations(document)} == routes
    index = app.test_client().get("/").get_json()
    assert {(one["method"], one["path"]) for one in index["endpoints"]} == routes


def test_operations_have_names_of_their_own_and_say_what_they_do(document: dict[str, Any]) -> None:
    found = [operation for _, _, operation in operations(document)]
    assert len({operation["operationId"] for operation in found}) == len(found) == len(ENDPOINTS)
    for operation in found:
        assert operation["summary"].endswith("."), operation["operationId"]
        assert operation["description"].endswith("."), operation["operationId"]
    tags = {tag["name"]: tag["description"] for tag in document["tags"]}
    assert {tag for operation in found for tag in operation["tags"]} == set(tags)
    assert all(tags.values())


def test_every_value_and_parameter_is_described(document: dict[str, Any]) -> None:
    for _, path, operation in operations(document):
        parameters = [resolved(document, one) for one in (*document["paths"][path]["parameters"], *operation.get("parameters", []))]
        assert "X-Request-ID" in {one["name"] for one in parameters}
        assert {one["name"] for one in parameters if one["in"] == "path"} == set(re.findall(r"{(\w+)}", path))
        assert all(one["description"].endswith(".") for one in parameters), path


def test_every_field_of_every_schema_is_described(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        for field, described in schema["properties"].items():
            assert described.get("description", "").endswith("."), f"{name}.{field}"


def test_payloads_are_any_json(document: dict[str, Any]) -> None:
    fields = document["components"]["schemas"]["ExecutionState"]["properties"]
    assert set(fields["input"]) == {"description", "examples"}
    execute = document["paths"]["/jobs/{definitionId}/execute"]["post"]
    assert execute["requestBody"]["content"]["application/json"]["schema"] == {}
    assert execute["requestBody"]["required"] is False


def test_every_answer_has_an_example_and_every_problem_is_problem_details(document: dict[str, Any]) -> None:
    named = {endpoint.name: endpoint for endpoint in ENDPOINTS}
    for _, path, operation in operations(document):
        for status, response in operation["responses"].items():
            if "$ref" in response:
                response = resolved(document, response)
                content = response["content"]["application/problem+json"]
                assert content["schema"]["$ref"].endswith({"409": "/Conflict", "422": "/Invalid"}.get(status, "/Problem"))
                assert content["example"]["status"] == int(status)
            else:
                endpoint = named[operation["operationId"]]
                assert int(status) in endpoint.answers
                assert int(status) < 300 or endpoint in FOREIGN, "a refusal of ours is problem details"
                usual = endpoint.media if int(status) == next(iter(endpoint.answers)) else "application/json"
                content = response["content"][usual]
                assert response["content"].keys() - {usual} <= {"application/problem+json", *endpoint.also}
            assert "example" in content or path in ("/openapi.json", "/schema")


def test_what_an_answer_leads_to_is_there(document: dict[str, Any]) -> None:
    found = {operation["operationId"]: (path, operation) for _, path, operation in operations(document)}
    led = 0
    for _, _, operation in operations(document):
        for response in operation["responses"].values():
            for link in response.get("links", {}).values():
                path, _ = found[link["operationId"]]
                assert set(link["parameters"]) == set(re.findall(r"{(\w+)}", path))
                schema = resolved(document, response["content"]["application/json"]["schema"])
                assert {value.removeprefix("$response.body#/") for value in link["parameters"].values()} <= set(schema["properties"])
                led += 1
    assert led


def test_every_example_is_as_its_schema_says(document: dict[str, Any]) -> None:
    """Of bodies, answers and parameters, and of each field of each schema."""
    registry = Registry().with_resource("urn:document", DRAFT202012.create_resource(document))

    def check(schema: dict[str, Any], *examples: Any) -> int:
        text = re.sub(r'"#/components', '"urn:document#/components', json.dumps(schema))
        validator = Draft202012Validator(json.loads(text), registry=registry, format_checker=FORMATS)
        for example in examples:
            assert [error.message for error in validator.iter_errors(example)] == [], (schema, example)
        return len(examples)

    checked = 0
    for part in parts(document):
        if "schema" in part:
            checked += check(part["schema"], *[part[name] for name in ("example",) if name in part])
        elif isinstance(part.get("examples"), list):
            checked += check(part, *part["examples"])
    assert checked > 100


def parts(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in it, itself included, but those that are examples."""
    if isinstance(value, dict):
        yield value
        for name, inner in value.items():
            if name not in ("example", "examples"):
                yield from parts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from parts(inner)


def test_the_document_is_of_any_address(document: dict[str, Any]) -> None:
    assert [server["url"] for server in document["servers"]] == ["/"]


def test_headers_are_told_of(document: dict[str, Any]) -> None:
    execute = document["paths"]["/jobs/{definitionId}/execute"]["post"]["responses"]["202"]
    assert set(execute["headers"]) == {"Location", "Idempotency-Replayed", "X-Request-ID"}
    for _, path, operation in operations(document):
        for status, response in operation["responses"].items():
            assert "X-Request-ID" in resolved(document, response)["headers"], (path, status)
    responses = document["components"]["responses"]
    assert {name for name, response in responses.items() if "Retry-After" in response.get("headers", {})} == {
        "TOO_MANY_REQUESTS",
        "SERVICE_UNAVAILABLE",
    }


def test_what_is_answered_is_what_is_told(api: Client, document: dict[str, Any]) -> None:
    """Each endpoint, asked as its example says, and once about something that is not there."""
    execution_id = api.execute(api.register(job(task("a", "sleep", parameters={"seconds": 600}))))
    for endpoint in ENDPOINTS:
        told = document["paths"][shown_path(endpoint.rule)][endpoint.method.lower()]["responses"]
        for sample in (endpoint.sample or endpoint.rule, re.sub(r"<\w+>", "nobody", endpoint.rule)):
            answer = ask(api, endpoint, sample.replace("EXECUTION_ID", execution_id))
            assert str(answer.status_code) in told, f"{endpoint.name}: {answer.text}"
            assert set(told[str(answer.status_code)].get("headers", {})) <= set(answer.headers)


def ask(api: Client, endpoint: Endpoint, path: str) -> requests.Response:
    body = endpoint.body.example if endpoint.body else None
    with requests.request(
        endpoint.method, api.url + path, data=body, headers=JSON, timeout=30, stream=endpoint.media == EVENT_STREAM
    ) as answer:
        return answer


def test_who_may_what() -> None:
    """Viewers change nothing."""
    roles = {endpoint.name: endpoint.needed_role for endpoint in ENDPOINTS}
    assert {roles["index"], roles["openapi"], roles["state"], roles["system"], roles["health"], roles["metrics"]} == {Role.VIEWER}
    assert {roles["execute"], roles["cancel"], roles["priority"]} == {Role.OPERATOR}
    assert roles["register"] == Role.ADMIN
    assert all(endpoint.needed_role is not Role.VIEWER or endpoint.method == "GET" for endpoint in ENDPOINTS)


def test_errors_follow_from_what_is_asked() -> None:
    by_name = {endpoint.name: errors_of(endpoint) for endpoint in ENDPOINTS}
    assert by_name["health"] == [401, 403, 422, 500, 503]
    assert by_name["cancel"] == [401, 403, 404, 409, 415, 422, 429, 500, 503]
    assert by_name["register"] == [400, 401, 403, 413, 415, 422, 429, 500, 503]
