"""What every request must pass and every answer carries, whatever face it is for: nobody's web page may drive a server on loopback.

A page can make a browser send requests to 127.0.0.1, and with a host name of its own that resolves there (DNS rebinding) it can even read
the answers. So the names that requests are sent to and come from are checked, and changes are taken only as JSON, which a page on another
site cannot send without asking first. Where keys are needed any name is answered to: a page does not know a key. Owns these rules, their
order with that of `access`, and how a request body is taken from the wire.
"""

from __future__ import annotations

import re
from http import HTTPStatus

from flask import Flask, Response, request

from workflows.api.access import Door
from workflows.api.answers import ON_EVERY
from workflows.api.problems import problem
from workflows.api.request_id import RequestIds
from workflows.api.wire import ReadToTheEnd
from workflows.service.keys import Keys
from workflows.settings import Settings, is_loopback

CHANGES = frozenset({"POST", "PUT", "PATCH", "DELETE"})

_JSON_TYPE = re.compile(r"application/(?:[a-z0-9!#$&^_.+-]+\+)?json", re.IGNORECASE)
_ADDRESS = re.compile(r"(?:[a-z][a-z0-9+.-]*://)?(\[[0-9a-f:.]+\]|[^\s:/@?#\\\[\]]+)(?::[0-9]+)?", re.IGNORECASE)


def guard(app: Flask, settings: Settings, keys: Keys) -> None:
    """Put the checks before everything else and the headers on every answer."""

    door = Door(keys, settings)

    @app.before_request
    def check() -> Response | None:
        return _check_host(settings) or (None if door.signed() else _check_origin() or door.admit()) or _check_type()

    app.teardown_request(door.leave)

    @app.after_request
    def harden(response: Response) -> Response:
        response.headers.update(ON_EVERY)
        return response

    app.wsgi_app = RequestIds(ReadToTheEnd(app.wsgi_app))  # type: ignore[method-assign]


def _check_host(settings: Settings) -> Response | None:
    host = request.headers.get("Host", "")
    if settings.insecure or settings.keys_needed or not host or is_local(_name(host)):  # only what is no browser sends none
        return None
    return problem(
        HTTPStatus.FORBIDDEN,
        f"this server answers to localhost and 127.0.0.1 only, not to {host!r}. Behind another name, let it want keys with --require-keys "
        "(STEPWELL_REQUIRE_KEYS=true); if the network is trusted, start it with --insecure (STEPWELL_INSECURE=true)",
    )


def _check_origin() -> Response | None:
    origin = request.headers.get("Origin")
    if origin is None:
        return None
    name = _name(origin)
    if name and (is_local(name) or name == _name(request.headers.get("Host", ""))):
        return None
    return problem(HTTPStatus.FORBIDDEN, f"web pages of {origin!r} may not use this server")


def _check_type() -> Response | None:
    if request.method not in CHANGES or request.routing_exception is not None or not _has_body():
        return None
    if not _JSON_TYPE.fullmatch(request.mimetype):
        sent = f"not {request.content_type!r}" if request.content_type else "and this request names no type"
        return _wrong_type(f"send the body as JSON, with the header Content-Type: application/json, {sent}")
    charset = request.mimetype_params.get("charset", "utf-8")
    if charset.lower() not in ("utf-8", "utf8", "us-ascii"):
        return _wrong_type(f"JSON is sent in UTF-8, not in {charset!r}")
    encoding = request.headers.get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        return _wrong_type(f"send the body as it is, without Content-Encoding: {encoding}")
    return None


def _wrong_type(detail: str) -> Response:
    return problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail, headers={"Accept-Post": "application/json"})


def _has_body() -> bool:
    return bool(request.content_length) or "Transfer-Encoding" in request.headers


def is_local(name: str) -> bool:
    """Whether a host name means this machine. AWS clients put "sync-" before the host for some calls."""
    return is_loopback(name.removeprefix("sync-"))


def _name(address: str) -> str:
    """The host name in a Host or Origin header, or "" for what is none."""
    match = _ADDRESS.fullmatch(address)
    return match[1].lower().rstrip(".") if match else ""
