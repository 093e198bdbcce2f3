"""The REST face: a file per kind of endpoint. Each holds small views, which translate between HTTP and the service, and a table.

To add an endpoint:

1. Give what it answers a schema in `workflows/api/schemas/`, every field with a description and an example; what it takes behind "?",
   a `Query`, and as its body, a `JsonBody` with a `workflows.language.shapes.Shape` or a `RawBody` for a payload.
2. Write its view in the file of its kind: `def look(service, execution_id, query): return service.executions.look(execution_id, **query)`.
   It gives the record that the schema dumps, or a `Reply` with another status or with headers. It decides nothing and catches nothing:
   `problems.py` answers what the service raises.
3. Add its row to the file's `KIND` (columns: `endpoints.Endpoint`); name only the errors that `errors_of` does not know of. A new kind of
   endpoint is a new file and a place in `KINDS`; a new name in a path gets a line in `workflows.api.openapi.VALUES`.
4. Run `make docs`, which adds it to the guide, and tell of it in the changelog. `GET /` and `/openapi.json` show it by themselves, and
   `tests/http/test_openapi.py` checks that.
"""

from __future__ import annotations

from collections.abc import Iterable

from flask import Flask

from workflows.api.access import open_routes
from workflows.api.openapi import Api
from workflows.api.rest import (
    alerts,
    audit,
    backfills,
    calendars,
    control,
    definitions,
    executions,
    hooks,
    index,
    keys,
    listing,
    schedules,
    stream,
    system,
)
from workflows.api.rest.endpoints import Kind, blueprint
from workflows.service import Service

KINDS = (
    index.KIND,
    definitions.KIND,
    executions.KIND,
    control.KIND,
    listing.KIND,
    stream.KIND,
    schedules.KIND,
    backfills.KIND,
    alerts.KIND,
    calendars.KIND,
    hooks.KIND,
    keys.KIND,
    audit.KIND,
    system.KIND,
)


def register_rest(app: Flask, service: Service, kinds: Iterable[Kind] = KINDS) -> None:
    """Give the application all endpoints of these kinds, at its root. Their rows are its `extensions["stepwell.endpoints"]`."""
    api = Api(app)
    for kind in kinds:
        api.register_blueprint(blueprint(kind, service))
    endpoints = app.extensions["stepwell.endpoints"] = tuple(endpoint for kind in kinds for endpoint in kind.endpoints)
    open_routes(app, ((one.method, one.rule, one.open_to) for one in endpoints))
