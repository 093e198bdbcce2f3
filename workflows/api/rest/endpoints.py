"""What an endpoint is: one row of a table, and how the row becomes a route that reads strictly and answers by its schema.

Decides nothing. The rows are also what `GET /` and `GET /openapi.json` show, so that whoever opens the server's address finds the way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from flask import Response, request
from marshmallow import Schema

from workflows.api.access import SIGNED, OpenTo
from workflows.api.answers import answer
from workflows.api.bodies import JSON, JsonBody, RawBody
from workflows.api.openapi import ON_EVERY_ANSWER, Blueprint
from workflows.api.paths import shown_path
from workflows.api.problems import PROBLEM_JSON
from workflows.api.problems import example as problem_example
from workflows.api.schemas.base import Answers, ListOf, Plain, dumper, example_of
from workflows.api.schemas.problems import ProblemSchema
from workflows.api.schemas.queries import Query
from workflows.roles import Role as Role
from workflows.service import Service


@dataclass(frozen=True, slots=True)
class Reply:
    """What a view answers when the record alone does not say it. Without a status it is the first of the endpoint's answers."""

    record: Any
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`view(service, …)` gives the record to be dumped, or a Reply. It gets each value of its path by name; `query` and `headers` as their
    schemas load them, `sent` as the body comes, each only where the endpoint has it. Its name names the endpoint.

    `answers`: status → schema (None: the record is JSON already), the usual one first; also refusals that are no problem details, as other
    systems' clients want them. `errors`: those that its kind of request does not
    have anyway (`errors_of`). `tells`: headers of a successful answer, by name. `leads`: to whom the answer leads, as the other endpoint's
    name → each value of its path → the member of this answer that holds it. `sample` is a path to try. `role`: who may; without it viewers
    may look and only admins may change. `public`: so may who has no key, and `access.present` is None then. `signed`: keys are not looked
    at; the service lets a request in by its signature, or refuses it as Unsigned. `media`: of its answer, if that is no JSON, with an
    `example`; the view gives the Response then. `also`: other media that may be asked for, each with an example."""

    view: Callable[..., Any]
    method: str
    rule: str
    summary: str
    answers: Mapping[int, Answers]
    description: str = ""
    query: type[Query] | None = None
    headers: type[Schema] | None = None
    body: RawBody | JsonBody | None = None
    errors: tuple[int, ...] = ()
    tells: Mapping[str, str] = field(default_factory=dict)
    leads: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    sample: str = ""
    role: Role | None = None
    public: bool = False
    signed: bool = False
    media: str = JSON
    example: str = ""
    also: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.view.__name__

    @property
    def needed_role(self) -> Role:
        return self.role or (Role.VIEWER if self.method == "GET" else Role.ADMIN)

    @property
    def open_to(self) -> OpenTo:
        return SIGNED if self.signed else None if self.public else self.needed_role

    def shown(self, server: str) -> dict[str, str]:
        """The row as `GET /` shows it, with a command to try."""
        change = f" -X {self.method}" if self.method != "GET" else ""
        sent = f" -H 'Content-Type: application/json' -d '{self.body.example}'" if self.body else ""
        return {
            "name": self.name,
            "method": self.method,
            "path": shown_path(self.rule),
            "description": self.summary,
            "example": f"curl{change} {server}{self.sample or self.rule}{sent}",
        }


@dataclass(frozen=True, slots=True)
class Kind:
    """The endpoints of one file."""

    name: str
    description: str
    endpoints: tuple[Endpoint, ...]


def blueprint(kind: Kind, service: Service) -> Blueprint:
    """The kind's routes, with their descriptions."""
    made = Blueprint(kind.name, __name__, description=kind.description)
    for endpoint in kind.endpoints:
        view = made.doc(**described(endpoint))(_bound(endpoint, service))
        if endpoint.query:
            view = made.arguments(endpoint.query(), location="query", arg_name="query", unknown=None)(view)
        if endpoint.headers:
            view = made.arguments(endpoint.headers(), location="headers", arg_name="headers")(view)
        made.add_url_rule(endpoint.rule, endpoint.name, view, methods=[endpoint.method])
    return made


def _bound(endpoint: Endpoint, service: Service) -> Callable[..., Response]:
    schemas = {status: dumper(form) for status, form in endpoint.answers.items()}
    usual = next(iter(schemas))

    def answered(**values: Any) -> Response:
        if endpoint.query is None and request.args:
            Blueprint.ARGUMENTS_PARSER.parse(Query(), location="query", unknown=None)
        if endpoint.body is not None:
            values["sent"] = endpoint.body.read()
        given = endpoint.view(service, **values)
        if isinstance(given, Response):
            return given
        reply = given if isinstance(given, Reply) else Reply(given)
        status = usual if reply.status is None else reply.status
        return answer(schemas[status], reply.record, status, reply.headers)

    return answered


def errors_of(endpoint: Endpoint) -> list[int]:
    """The statuses of all problems that it may answer with."""
    statuses = {*endpoint.errors, 401, 403, 422, 500, 503}
    if "<" in endpoint.rule:
        statuses |= {404}
    if endpoint.method != "GET":
        statuses |= {415, 429}
    if endpoint.body is not None:
        statuses |= {400, 413}
    return sorted(statuses)


def described(endpoint: Endpoint) -> dict[str, Any]:
    """The endpoint as an operation of OpenAPI, without its parameters."""
    told = ON_EVERY_ANSWER | {name: {"description": text, "schema": {"type": "string"}} for name, text in endpoint.tells.items()}
    answers = {
        status: _answer(status, form, told, _links(endpoint, form) if status < HTTPStatus.BAD_REQUEST else {})
        for status, form in endpoint.answers.items()
    }
    if endpoint.media != JSON:
        usual, texts = next(iter(answers)), {endpoint.media: endpoint.example, **endpoint.also}
        content = {media: {"schema": {"type": "string"}, "example": text} for media, text in texts.items()}
        answers[usual] = {**answers[usual], "content": content}
    problems = {status: HTTPStatus(status).name for status in errors_of(endpoint) if status not in answers}
    for status in answers.keys() & errors_of(endpoint):  # which of the two depends on what is wrong
        problem = {"schema": ProblemSchema, "example": problem_example(HTTPStatus(status))}
        answers[status] = {**answers[status], "content": {**answers[status]["content"], PROBLEM_JSON: problem}}
    operation = {"operationId": endpoint.name, "summary": endpoint.summary, "responses": {**answers, **problems}}
    if endpoint.public or endpoint.signed:
        operation["security"] = []
    if endpoint.description:
        operation["description"] = endpoint.description
    if endpoint.body is not None:
        operation["requestBody"] = endpoint.body.described()
    return operation


def _links(endpoint: Endpoint, form: Answers) -> dict[str, Any]:
    """Where an answer of this form leads: to what takes only members that it has."""
    members = {field.data_key or name for name, field in form().fields.items()} if isinstance(form, type) else set()
    return {
        name: {"operationId": name, "parameters": {value: f"$response.body#/{member}" for value, member in taken.items()}}
        for name, taken in endpoint.leads.items()
        if members.issuperset(taken.values())
    }


def _answer(status: int, form: Answers, told: Mapping[str, Any], links: Mapping[str, Any]) -> dict[str, Any]:
    shown = {"description": HTTPStatus(status).phrase, "content": {JSON: _content(form)}}
    return {**shown, "headers": dict(told), **({"links": dict(links)} if links else {})}


def _content(form: Answers) -> dict[str, Any]:
    if form is None:
        return {"schema": {"type": "object"}}
    if isinstance(form, Plain):
        return {"schema": dict(form.form), "example": form.example}
    if isinstance(form, ListOf):
        return {"schema": {"type": "array", "items": form.shape}, "example": [example_of(form.shape())]}
    return {"schema": form, "example": example_of(form())}
