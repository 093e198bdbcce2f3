"""Who may come in and what they may do there: each request's actor, found by its key, and the role that its route needs.

One table says which role a route needs; a route that is not in it is open to nobody. Some take signed requests, from whoever can sign them;
neither keys nor the page a request comes from are looked at there. Where no key is needed, as on loopback, who sends none
may do everything; who sends one is held to it. Owns how a key is sent; the keys themselves are the service's. What an actor does is done in
their name (`service.asking.ORIGIN`), for the audit log.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Literal

from flask import Flask, Response, current_app, g, request
from werkzeug.datastructures import Headers

from workflows.api.problems import problem
from workflows.api.request_id import request_id
from workflows.roles import Role
from workflows.runtime.audit import Origin
from workflows.service.asking import ORIGIN
from workflows.service.keys import Actor, Keys
from workflows.settings import Settings

log = logging.getLogger(__name__)

TABLE = "stepwell.roles"
"""The application's extension that is the table: (method, rule) → Role, None for a route that is open to everybody, or SIGNED."""

SIGNED: Literal["signed"] = "signed"
"""In place of a role: the request is let in by its signature, which the service checks."""

OpenTo = Role | Literal["signed"] | None
Table = dict[tuple[str, str], OpenTo]


def open_routes(app: Flask, rows: Iterable[tuple[str, str, OpenTo]]) -> None:
    """Let people use these routes, each a method, a rule, and whom it is open to."""
    table: Table = app.extensions.setdefault(TABLE, {})
    table.update({(method, rule): role for method, rule, role in rows})


def present() -> Actor | None:
    """Who asks; None: somebody without a key where one is needed, on a route that is open to everybody."""
    actor: Actor | None = g.get("actor")
    return actor


def still_welcome() -> Callable[[], bool]:
    """Says, at any later time, whether whoever made the present request would be admitted still: its key may have been revoked."""
    welcome: Callable[[], bool] = g.get("welcome") or (lambda: True)
    return welcome


class Door:
    """Admits requests. `needed`: a request without a key is refused."""

    def __init__(self, keys: Keys, settings: Settings) -> None:
        self._keys = keys
        self.needed = settings.keys_needed
        name = "insecure" if settings.insecure else "loopback"
        self._anybody = None if self.needed else Actor(name, "", Role.ADMIN)

    def signed(self) -> bool:
        """Whether the present request is let in by its signature alone. Until that is found good, it is nobody's."""
        table, place = _place()
        if table.get(place) != SIGNED:
            return False
        g.acting = ORIGIN.set(Origin("", "", request.remote_addr or "", request_id()))
        return True

    def admit(self) -> Response | None:
        """Answer the present request, unless it may go on."""
        table, place = _place()
        token = sent_key(request.headers)
        actor = self._anybody if token is None else self._keys.actor(token, request.remote_addr or "")
        if actor is None and (token is not None or table.get(place, Role.VIEWER) is not None):
            return _unknown(token)
        if actor is not None:
            g.actor = actor
            if token is not None:
                address = request.remote_addr or ""
                g.welcome = lambda: self._keys.actor(token, address) is not None
            g.acting = ORIGIN.set(Origin(actor.id, actor.name, request.remote_addr or "", request_id()))
        return None if not place[1] or actor is None else _refused(table, place, actor)

    def leave(self, _: BaseException | None = None) -> None:
        """The request is over; its thread will serve others."""
        token = g.pop("acting", None)
        if token is not None:
            ORIGIN.reset(token)


def sent_key(headers: Headers) -> str | None:
    """`Authorization: Bearer KEY`, or `X-API-Key: KEY`. None if neither is there; another kind of authorization is none of ours."""
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    return headers.get("X-API-Key")


def _place() -> tuple[Table, tuple[str, str]]:
    """The table, and where in it the present request's route would be; "" for the rule where there is no route."""
    rule = request.url_rule.rule if request.url_rule is not None else ""
    return current_app.extensions.get(TABLE, {}), ("GET" if request.method == "HEAD" else request.method, rule)


def _unknown(token: str | None) -> Response:
    if token is None:
        detail = "this server wants a key: send it as Authorization: Bearer KEY. `stepwell keys add` makes one"
        return problem(HTTPStatus.UNAUTHORIZED, detail, headers={"WWW-Authenticate": 'Bearer realm="stepwell"'})
    log.warning("%s sent a key that is unknown or revoked", request.remote_addr)
    challenge = {"WWW-Authenticate": 'Bearer realm="stepwell", error="invalid_token"'}
    return problem(HTTPStatus.UNAUTHORIZED, "the key that was sent is unknown, or has been revoked", headers=challenge)


def _refused(table: Table, place: tuple[str, str], actor: Actor) -> Response | None:
    if place[0] == "OPTIONS":  # answered by Flask for every route; tells its methods
        return None
    if place not in table:
        return problem(HTTPStatus.FORBIDDEN, f"nobody has been allowed to use {place[0]} {request.path}")
    needed = table[place]
    if not isinstance(needed, Role) or actor.role >= needed:
        return None
    detail = f"this needs the role {needed.label}; the key {actor.name!r} has the role {actor.role.label}"
    return problem(HTTPStatus.FORBIDDEN, detail)
