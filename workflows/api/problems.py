"""Gives every error its HTTP answer: problem details (RFC 9457) as `application/problem+json`, whatever went wrong and wherever.

Owns the table of errors and status codes. What was not foreseen is logged with its traceback and answered without it: the text of an
exception may hold what a stranger should not see.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson
from flask import Flask, Response, current_app, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge
from werkzeug.exceptions import NotFound as NoSuchPath

from storage.protocol import CorruptRecord, StoreError
from workflows.api.answers import ON_EVERY, answer
from workflows.api.paths import unknown_path
from workflows.api.request_id import HEADER, new_id
from workflows.api.schemas.base import example_of
from workflows.api.schemas.problems import InvalidSchema, ProblemSchema
from workflows.errors import Busy, Conflict, Invalid, Misfit, NotFound, NotJson, Problem, StepwellError, Unavailable, Unsigned

log = logging.getLogger(__name__)

PROBLEM_JSON = "application/problem+json"

RETRY_AFTER_S: Mapping[HTTPStatus, int] = {HTTPStatus.TOO_MANY_REQUESTS: 1, HTTPStatus.SERVICE_UNAVAILABLE: 5}

_STATUSES: Mapping[type[StepwellError], HTTPStatus] = {
    NotJson: HTTPStatus.BAD_REQUEST,
    Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    Unsigned: HTTPStatus.UNAUTHORIZED,
    Busy: HTTPStatus.TOO_MANY_REQUESTS,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}

KINDS: Mapping[HTTPStatus, tuple[str, str]] = {
    HTTPStatus.BAD_REQUEST: ("unreadable", "The request cannot be read"),
    HTTPStatus.UNAUTHORIZED: ("no-key", "The request has no key that this server knows"),
    HTTPStatus.FORBIDDEN: ("forbidden", "The request may not do this"),
    HTTPStatus.NOT_FOUND: ("not-found", "There is no such thing"),
    HTTPStatus.METHOD_NOT_ALLOWED: ("wrong-method", "The path does not know this method"),
    HTTPStatus.CONFLICT: ("conflict", "The request does not fit the present state"),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("too-large", "The request body is too large"),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: ("wrong-content-type", "The request body is not JSON"),
    HTTPStatus.UNPROCESSABLE_ENTITY: ("invalid", "What was sent is JSON, but not what is asked for"),
    HTTPStatus.TOO_MANY_REQUESTS: ("busy", "Too many requests are waiting"),
    HTTPStatus.INTERNAL_SERVER_ERROR: ("defect", "The server made a mistake"),
    HTTPStatus.SERVICE_UNAVAILABLE: ("unavailable", "The server cannot do this now"),
}
"""Status code → name of the kind of problem (the end of its type) and title."""

UNSIGNED = "unsigned", "The request is not signed as it must be"
"""The same, of what is let in by its signature and not by a key."""

OUTSIDE = "invalid", "A query parameter or a header is not what is asked for"
"""The same, where nothing is wrong with what was sent as JSON."""

_PROBLEM, _INVALID = ProblemSchema(), InvalidSchema()


@dataclass(frozen=True, slots=True)
class Details:
    """One answer's problem details. `problems` is dumped for an Invalid only."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    problems: tuple[Problem, ...] = ()


def problem(
    status: int,
    detail: str,
    problems: tuple[Problem, ...] = (),
    headers: Mapping[str, str] | None = None,
    kind: tuple[str, str] | None = None,
) -> Response:
    """The answer for one thing that went wrong with the present request. `kind`: name and title, unless they are those of the status."""
    code = HTTPStatus(status)
    name, title = kind or KINDS.get(code, (code.phrase.lower().replace(" ", "-"), code.phrase))
    more = dict(headers or {})
    if code in RETRY_AFTER_S:
        more["Retry-After"] = str(RETRY_AFTER_S[code])
    details = Details(f"urn:stepwell:problem:{name}", title, code, _clean(detail), _clean(request.path), problems)
    return answer(_INVALID if problems else _PROBLEM, details, code, more, PROBLEM_JSON)


def example(status: HTTPStatus) -> dict[str, Any]:
    """What such an answer looks like."""
    name, title = KINDS[status]
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        return example_of(_INVALID)
    return {**example_of(_PROBLEM), "type": f"urn:stepwell:problem:{name}", "title": title, "status": status, "detail": title}


def unread(status: int, detail: str) -> tuple[Mapping[str, str], bytes]:
    """Headers and body of an answer to what is no request that can be read, and so never reached the application."""
    name, title = KINDS[HTTPStatus.BAD_REQUEST]
    details = _PROBLEM.dump(Details(f"urn:stepwell:problem:{name}", title, status, detail, ""))
    headers = {"Content-Type": PROBLEM_JSON, **ON_EVERY, HEADER: new_id()}
    log.info("what is no request: %d", status, extra={"request_id": headers[HEADER], "status": status})
    return headers, orjson.dumps(details, option=orjson.OPT_APPEND_NEWLINE)


def register_problems(app: Flask) -> None:
    """Have every error of every face answered here; `extensions["stepwell.unread"]` is for the server in front of the application."""
    app.extensions["stepwell.unread"] = unread
    app.url_map.merge_slashes = False  # a path with "//" is unknown: a redirect would lose the body of a change
    app.register_error_handler(StepwellError, _known)
    app.register_error_handler(StoreError, _store)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unforeseen)


def _known(error: StepwellError) -> Response:
    status = next((status for kind, status in _STATUSES.items() if isinstance(error, kind)), None)
    if status is None:
        return _unforeseen(error)
    if isinstance(error, Unsigned):
        challenge = {"WWW-Authenticate": f'Signature realm="stepwell", headers="{" ".join(error.headers)}"'}
        return problem(status, str(error), headers=challenge, kind=UNSIGNED)
    if isinstance(error, Misfit):
        return problem(status, str(error), error.problems)
    if isinstance(error, Invalid):
        count = len(error.problems)
        detail = str(error.problems[0]) if count == 1 else f"{count} problems were found; all of them are listed"
        return problem(status, detail, error.problems, kind=None if any(map(_in_body, error.problems)) else OUTSIDE)
    return problem(status, str(error) + (_near(error) if isinstance(error, NotFound) else ""))


def _near(error: NotFound) -> str:
    with suppress(StoreError):
        near = current_app.extensions["stepwell"].service.system.nearest(error.among, error.id) if error.among else None
        if near is not None:
            return f"; did you mean {near!r}?"
    return ""


def _in_body(one: Problem) -> bool:
    return not one.pointer.startswith("?") and not one.pointer.endswith(":")


def _store(error: StoreError) -> Response:
    log.error("%s %r: the store failed: %s", request.method, request.path, error, extra=request.view_args)
    if isinstance(error, CorruptRecord):  # trying again would not help
        return problem(
            HTTPStatus.INTERNAL_SERVER_ERROR, "what is stored of this is damaged; the server's log says what, and what can be done"
        )
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, "the store cannot be used now; the server's log says why. Try again in a moment")


def _unforeseen(error: Exception) -> Response:
    log.error("%s %r: a defect", request.method, request.path, exc_info=error, extra=request.view_args)
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "this is a defect of the server; its log has the details")


def _http(error: HTTPException) -> Response:
    if isinstance(error, NoSuchPath) and request.routing_exception is error:
        return problem(HTTPStatus.NOT_FOUND, unknown_path(request.path, current_app.url_map))
    if isinstance(error, MethodNotAllowed):
        allowed = ", ".join(sorted(error.valid_methods or ()))
        return problem(HTTPStatus.METHOD_NOT_ALLOWED, f"{request.path} takes {allowed}, not {request.method}", headers={"Allow": allowed})
    if isinstance(error, RequestEntityTooLarge):
        limit = current_app.config["MAX_CONTENT_LENGTH"]
        return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the request body may have {limit:,} bytes; this one is longer")
    return problem(error.code or HTTPStatus.INTERNAL_SERVER_ERROR, error.description or error.name)


def _clean(text: str) -> str:
    """Text that UTF-8 can hold, whatever a client put in a path."""
    return text.encode("utf-8", "backslashreplace").decode()
