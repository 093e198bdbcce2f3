"""Endpoints that show the way: the table of all endpoints for people, and the same for programs."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from flask import current_app, request
from flask_smorest import current_api

from workflows.api.rest.endpoints import Endpoint, Kind
from workflows.api.schemas.system import IndexSchema
from workflows.service import Service


def index(_: Service) -> dict[str, Any]:
    server = request.host_url.rstrip("/")
    endpoints = [endpoint.shown(server) for endpoint in current_app.extensions["stepwell.endpoints"]]
    return {"name": "stepwell", "version": version("stepwell"), "endpoints": endpoints}


def openapi(_: Service) -> dict[str, Any]:
    document: dict[str, Any] = current_api.spec.to_dict()
    return document


KIND = Kind(
    "index",
    "What there is.",
    (
        Endpoint(index, "GET", "/", "Lists the endpoints.", {200: IndexSchema}, description="Each with a command to try."),
        Endpoint(
            openapi,
            "GET",
            "/openapi.json",
            "Describes the endpoints, as OpenAPI 3.1.",
            {200: None},
            description="For client generators, editors and test tools.",
        ),
    ),
)
