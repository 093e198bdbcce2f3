"""How the endpoints become an OpenAPI document, and their queries are read: flask-smorest, with what is ours in four places.

Its own answers to errors are not used: `workflows.api.problems` answers all of them. Values in paths are called as people see them.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, NoReturn

import flask_smorest
from flask import Flask
from flask_smorest.spec.plugins import FlaskPlugin
from marshmallow import ValidationError
from webargs.flaskparser import FlaskParser
from werkzeug.routing import Rule

from workflows.api.paths import shown_name, shown_path
from workflows.api.problems import KINDS, PROBLEM_JSON, RETRY_AFTER_S, example
from workflows.api.schemas.base import Moment, Told
from workflows.api.schemas.problems import ConflictSchema, InvalidSchema, ProblemSchema
from workflows.api.schemas.queries import Instant, located
from workflows.errors import Invalid

VALUES: Mapping[str, tuple[str, str | int]] = {
    "definition_id": ("Id of a job definition.", "hello"),
    "execution_id": ("Id of an execution.", "exec-0-42-9f86d081"),
    "revision": ("A revision of the job definition, from 1.", 1),
}
"""Each value that a rule may hold: what it is, and an example."""

ABOUT = (
    "Stepwell executes job definitions (task lists, graphs, state machines) and survives being killed. Changes are sent as JSON. "
    "Every error is answered as problem details (RFC 9457). Payloads (input, output, results) are any JSON, and their text comes out as it "
    "went in."
)


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


class Api(flask_smorest.Api):  # type: ignore[misc]  # flask_smorest has no types
    """`Api(app).spec` is the document of all that is registered with it."""

    DEFAULT_ERROR_RESPONSE_NAME = None

    def __init__(self, app: Flask) -> None:
        spec = {"title": "Stepwell", "version": version("stepwell"), "openapi_version": "3.1.0", "flask_plugin": Paths()}
        super().__init__(spec_kwargs={**spec, "info": {"description": ABOUT}, "servers": [{"url": "/"}]})
        self.register_field(Told, "string", None)
        self.register_field(Moment, "string", "date-time")
        self.register_field(Instant, "string", "date-time")
        self.init_app(app)

    def _register_error_handlers(self) -> None:
        """None: there are `workflows.api.problems`."""

    def _register_responses(self) -> None:
        """One for each kind of problem, under the name of its status."""
        for status, (_, title) in KINDS.items():
            schema = {409: ConflictSchema, 422: InvalidSchema}.get(status, ProblemSchema)
            response: dict[str, Any] = {
                "description": title,
                "content": {PROBLEM_JSON: {"schema": schema, "example": example(status)}},
            }
            if status in RETRY_AFTER_S:
                response["headers"] = {
                    "Retry-After": {"description": "Seconds to wait before the next try.", "schema": {"type": "integer"}}
                }
            self.spec.components.response(status.name, response, lazy=True)


def _value(parameter: dict[str, Any]) -> dict[str, Any]:
    description, sample = VALUES[parameter["name"]]
    return {**parameter, "name": shown_name(parameter["name"]), "description": description, "example": sample}
