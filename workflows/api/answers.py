"""Turns a record into a JSON answer, by its schema. The only place that writes bodies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from flask import Response
from marshmallow import Schema

JSON = "application/json"

ON_EVERY: Mapping[str, str] = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
"""Headers of every answer: it is what it says it is, and it is of this moment."""


def answer(
    schema: Schema | None, record: Any, status: int = 200, headers: Mapping[str, str] | None = None, content_type: str = JSON
) -> Response:
    """`record` as `schema` dumps it; without one it is JSON as it is. It ends in a newline, which people at a terminal are glad of."""
    body = orjson.dumps(schema.dump(record) if schema else record, option=orjson.OPT_APPEND_NEWLINE)
    return Response(body, status, headers, content_type=content_type)
