"""How the endpoints become an OpenAPI document, and their queries are read: flask-smorest, with what is ours in four places.

Its own answers to errors are not used: `workflows.api.problems` answers all of them. Values in paths are called as people see them.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, NoReturn

import flask_smorest
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.common import resolve_schema_instance
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from flask import Flask
from flask_smorest.spec.plugins import FlaskPlugin
from marshmallow import ValidationError
from webargs.flaskparser import FlaskParser
from werkzeug.routing import Rule

from workflows.api import request_id
from workflows.api.paths import shown_name, shown_path
from workflows.api.problems import KINDS, PROBLEM_JSON, RETRY_AFTER_S, example
from workflows.api.schemas.base import Moment, Told
from workflows.api.schemas.filters import MomentText
from workflows.api.schemas.goflow import GoMoment
from workflows.api.schemas.keys import RoleName
from workflows.api.schemas.problems import ConflictSchema, InvalidSchema, ProblemSchema
from workflows.api.schemas.queries import Instant, Word, located
from workflows.errors import Invalid
from workflows.language.shapes import Shape, Text

VALUES: Mapping[str, tuple[str, str | int]] = {
    "definition_id": ("Id of a job definition.", "hello"),
    "job_name": ("Name of a job: the id of its definition.", "hello"),
    "dag_name": ("Name of a DAG: the id of its definition.", "hello"),
    "execution_id": ("Id of an execution.", "exec-0-42-9f86d081"),
    "key_id": ("Id of an API key.", "9f86d08188"),
    "calendar_name": ("Name of a calendar.", "holidays-de"),
    "hook_name": ("Name of a hook.", "github-push"),
    "schedule_id": ("Id of a schedule.", "nightly"),
    "backfill_id": ("Id of a backfill.", "backfill-1"),
    "revision": ("A revision of the job definition, from 1.", 1),
}
"""Each value that a rule may hold: what it is, and an example."""

ABOUT = (
    "Stepwell executes job definitions (task lists, graphs, state machines) and survives being killed. Changes are sent as JSON. "
    "Every error is answered as problem details (RFC 9457). Payloads (input, output, results) are any JSON, and their text comes out as it "
    "went in."
)

KEY = {"type": "http", "scheme": "bearer", "description": "An API key. On loopback none is needed, unless a setting says so."}


ON_EVERY_ANSWER = {request_id.HEADER: {"$ref": f"#/components/headers/{request_id.HEADER}"}}
"""Headers of every answer."""

_CHALLENGE = {
    "description": "How to prove who asks: Bearer, send a key; Signature, sign the request.",
    "required": True,
    "schema": {"type": "string"},
}

_RETRY_AFTER = {"description": "Seconds to wait before the next try.", "required": True, "schema": {"type": "integer"}}

_WHOLE_ID = f"^{request_id.FORM}$"


class Parser(FlaskParser):
    """Reads queries and headers; what is wrong with them is Invalid, as with everything else that is sent."""

    def handle_error(self, error: ValidationError, *_: Any, **__: Any) -> NoReturn:
        assert isinstance(error.messages, dict), "the parser's messages are by location"
        raise Invalid(located(error.messages)) from None


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]  # flask_smorest has no types
    """Reads with our parser."""

    ARGUMENTS_PARSER = Parser()


class Paths(FlaskPlugin):  # type: ignore[misc]  # flask_smorest has no types
    """Paths and the values in them, under the names that people see."""

    @staticmethod
    def flaskpath2openapi(path: str) -> str:
        return shown_path(path)

    def rule_to_params(self, rule: Rule) -> list[dict[str, Any]]:
        return [_value(parameter) for parameter in super().rule_to_params(rule)]

    def path_helper(self, rule: Rule, operations: Any, parameters: list[Any], **more: Any) -> str:
        path: str = super().path_helper(rule, operations, parameters, **more)
        parameters.append(request_id.HEADER)  # the component of that name
        return path


class Converter(OpenAPIConverter):
    """Schemas as they are: what may not be empty or have further members says so; null is no default, it stands for nothing."""

    def schema2jsonschema(self, schema: Any) -> Any:
        made = super().schema2jsonschema(schema)  # type: ignore[no-untyped-call]  # apispec has no types here
        return {**made, "additionalProperties": False} if isinstance(resolve_schema_instance(schema), Shape) else made

    def field2length(self, field: Any, **more: Any) -> dict[str, Any]:
        filled = isinstance(field, Word) or (isinstance(field, Text) and not field.empty)
        return ({"minLength": 1} if filled else {}) | super().field2length(field, **more)

    def field2default(self, field: Any, **more: Any) -> dict[str, Any]:
        return {name: value for name, value in super().field2default(field, **more).items() if value is not None}


class Schemas(MarshmallowPlugin):
    Converter = Converter


class Api(flask_smorest.Api):  # type: ignore[misc]  # flask_smorest has no types
    """`Api(app).spec` is the document of all that is registered with it."""

    DEFAULT_ERROR_RESPONSE_NAME = None

    def __init__(self, app: Flask) -> None:
        spec: dict[str, Any] = {"title": "Stepwell", "version": version("stepwell"), "openapi_version": "3.1.0", "flask_plugin": Paths()}
        spec["marshmallow_plugin"] = Schemas()
        spec |= {"components": {"securitySchemes": {"key": KEY}}, "security": [{"key": []}, {}]}
        super().__init__(spec_kwargs={**spec, "info": {"description": ABOUT}, "servers": [{"url": "/"}]})
        self.register_field(Told, "string", None)
        self.register_field(RoleName, "string", None)
        self.register_field(Moment, "string", "date-time")
        self.register_field(GoMoment, "string", "date-time")
        self.register_field(Instant, "string", "date-time")
        self.register_field(MomentText, "string", "date-time")
        self.init_app(app)

    def _register_error_handlers(self) -> None:
        """None: there are `workflows.api.problems`."""

    def _register_pagination_header(self) -> None:
        """Pages are named by their answers."""

    def _register_responses(self) -> None:
        """One for each kind of problem, under the name of its status, and what all requests and answers have."""
        components = self.spec.components
        asked = {
            "description": "What you call this request: 1 to 128 of the characters A-Z a-z 0-9 . _ - name it in the log. Without it, or "
            "if it is anything else, the server makes a name.",
            "schema": {"type": "string"},
            "example": "checkout-4711",
        }
        components.parameter(request_id.HEADER, "header", {"name": request_id.HEADER, **asked})
        told = {"description": "The name of the request.", "required": True, "schema": {"type": "string", "pattern": _WHOLE_ID}}
        components.header(request_id.HEADER, told)
        for status, (_, title) in KINDS.items():
            schema = {409: ConflictSchema, 422: InvalidSchema}.get(status, ProblemSchema)
            response: dict[str, Any] = {
                "description": title,
                "headers": dict(ON_EVERY_ANSWER),
                "content": {PROBLEM_JSON: {"schema": schema, "example": example(status)}},
            }
            if status in RETRY_AFTER_S:
                response["headers"]["Retry-After"] = _RETRY_AFTER
            if status == 401:
                response["headers"]["WWW-Authenticate"] = _CHALLENGE
            components.response(status.name, response, lazy=True)


def _value(parameter: dict[str, Any]) -> dict[str, Any]:
    description, sample = VALUES[parameter["name"]]
    return {**parameter, "name": shown_name(parameter["name"]), "description": description, "example": sample}
