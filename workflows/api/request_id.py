"""Every request has a name: the X-Request-ID that came with it, or one made here. It is in the answer, in the log and in the audit log.

So what a client saw can be found in the logs of whatever stands between it and the server, and in ours. Owns the name and the one line (of
level debug) that says how a request was answered. Knows nothing of Flask: what never reached the application has a name as well.
"""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Iterable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from workflows.logs import bound

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

HEADER = "X-Request-ID"

FORM = r"[A-Za-z0-9._-]{1,128}"
"""What is taken from a client; anything else is replaced, since it goes into logs and headers."""

_FORM = re.compile(FORM)
_current: ContextVar[str] = ContextVar("request_id", default="")


def request_id() -> str:
    """The name of the request that this thread is answering; "" outside of any."""
    return _current.get()


def new_id() -> str:
    return uuid.uuid4().hex


def taken(given: str | None) -> str:
    """What a client calls its request, if that is well-formed; else a new name."""
    return given if given is not None and _FORM.fullmatch(given) else new_id()


class RequestIds:
    """WSGI middleware, outermost: names the request while it is answered (not while a long answer is being sent), and its answer."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        name, began, answered = taken(environ.get("HTTP_X_REQUEST_ID")), time.perf_counter(), ""

        def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            nonlocal answered
            answered = status
            return start_response(status, [*headers, (HEADER, name)], *exc_info)

        token = _current.set(name)
        try:
            with bound(request_id=name):
                answer = self._application(environ, start)
                if log.isEnabledFor(logging.DEBUG):
                    _tell(environ, answered, (time.perf_counter() - began) * 1000)
        finally:
            _current.reset(token)
        return answer


def _tell(environ: WSGIEnvironment, status: str, ms: float) -> None:
    """Without the query, which may hold what somebody looks for."""
    extra = {"method": environ["REQUEST_METHOD"], "path": environ.get("PATH_INFO", ""), "status": int(status[:3] or 0), "ms": round(ms, 2)}
    log.debug("answered", extra=extra)
