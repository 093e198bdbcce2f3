"""One connection to one server: requests, answers, and which of them are repeated.

What may be asked twice is retried for a while when the server cannot be reached or is not ready: questions, and changes that come to the
same however often they arrive. Anything else is sent once, because nobody knows whether a lost answer meant a lost request.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar
from urllib.parse import quote, urlsplit

import backoff
import requests

from workflows.client.errors import CannotReach, ClientError, NotReady

DEFAULT_URL = "http://127.0.0.1:8080"

API_KEY = "STEPWELL_API_KEY"
"""The variable that holds the key, unless one is given."""

LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""No proxy stands between this machine and itself, whatever the environment says."""

CONNECT_S = 5.0
ANSWER_S = 60.0
"""Longer than the server itself waits for a commit."""

PATIENCE_S = 15.0
"""How long a request is repeated while the server is away: a restart takes less."""

PAGE = 200
"""Entries of a page, at most: the most a server gives."""

Json = dict[str, Any]

Sent = ParamSpec("Sent")
Answer = TypeVar("Answer")

Payload = Mapping[str, Any] | list[Any] | str | bytes
"""Any JSON value; text is JSON text."""


class Transport:
    """`api_key`: sent as `Authorization: Bearer`; $STEPWELL_API_KEY unless given. `patience`: seconds for which a request is repeated, to a
    server that has answered before; one that never did is not waited for. `answer_s`: seconds to wait for an answer."""

    def __init__(
        self, url: str = DEFAULT_URL, patience: float = PATIENCE_S, *, api_key: str | None = None, answer_s: float | None = None
    ) -> None:
        self.url = (url if "://" in url else f"http://{url}").rstrip("/")
        self._patience = patience
        self._answer_s = ANSWER_S if answer_s is None else answer_s
        self._session = requests.Session()
        self._session.trust_env = not _is_loopback(self.url)
        self._session.auth = _Key(os.environ.get(API_KEY, "") if api_key is None else api_key)
        self._reached = False

    def close(self) -> None:
        self._session.close()

    def ask(self, path: str, query: Mapping[str, Any] | None = None) -> Json:
        """A question."""
        return self.repeated("GET", path, query=query)[0]

    def pages(self, path: str, member: str, query: Mapping[str, Any] | None = None) -> Iterator[Json]:
        """The entries of all pages, each page asked for when the one before it is used up. `query` may have a `limit` of a page."""
        asked = {"limit": PAGE, **(query or {})}
        while True:
            page = self.ask(path, asked)
            yield from page[member]
            if page["next"] is None:
                return
            asked["cursor"] = page["next"]

    def text(self, path: str) -> str:
        """A question whose answer is text."""

        def read() -> str:
            with self.opened(path, {}, {}, self._answer_s) as response:
                return response.text

        return self._retried(read)()

    def repeated(self, method: str, path: str, body: bytes | None = None, **more: Any) -> tuple[Json, Mapping[str, str]]:
        """A request that comes to the same however often it is sent; answer and headers."""
        return self._retried(self.once)(method, path, body, **more)

    def _retried(self, send: Callable[Sent, Answer]) -> Callable[Sent, Answer]:
        retried: Callable[[Callable[Sent, Answer]], Callable[Sent, Answer]] = backoff.on_exception(
            *(backoff.expo, (CannotReach, NotReady)),
            max_time=self._patience,
            giveup=lambda _: not self._reached,
            factor=0.1,
            max_value=2,
        )
        return retried(send)

    def once(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        longer_s: float = 0,
    ) -> tuple[Json, Mapping[str, str]]:
        """A request that is sent once; answer and headers. `longer_s`: how much longer than usual the server may take."""
        sent = {**({"Content-Type": "application/json"} if body else {}), **(headers or {})}
        timeout = (min(CONNECT_S, self._answer_s), self._answer_s + longer_s)
        response = self._connected(method, path, params=query, data=body, headers=sent, timeout=timeout)
        return _answer(response, self.url), response.headers

    @contextmanager
    def opened(self, path: str, query: Mapping[str, Any], headers: Mapping[str, str], silence_s: float) -> Iterator[requests.Response]:
        """An answer whose body is yet to be read, and may take its time: up to so many seconds between two pieces."""
        timeout = (min(CONNECT_S, self._answer_s), silence_s)
        with self._connected("GET", path, params=query, headers=headers, timeout=timeout, stream=True) as response:
            if response.status_code != 200:
                _answer(response, self.url)
            yield response

    def _connected(self, method: str, path: str, **more: Any) -> requests.Response:
        try:
            response = self._session.request(method, self.url + path, allow_redirects=False, **more)
        except requests.Timeout as error:
            raise CannotReach(f"{self.url} does not answer") from error
        except requests.RequestException as error:
            raise CannotReach(f"cannot reach {self.url}: {_reason(error)}") from error
        self._reached = True
        return response


class _Key(requests.auth.AuthBase):
    """Sends the key. It is there without one, too: requests would look for another in ~/.netrc."""

    def __init__(self, key: str) -> None:
        self._key = key.strip()

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._key:
            request.headers["Authorization"] = f"Bearer {self._key}"
        return request


def part(name: str) -> str:
    """A name as a part of a path."""
    return quote(name, safe="")


def encoded(value: Payload) -> bytes:
    """A payload for the wire."""
    text = value if isinstance(value, str | bytes) else json.dumps(value)
    return text.encode() if isinstance(text, str) else text


def _is_loopback(url: str) -> bool:
    try:
        return urlsplit(url).hostname in LOOPBACK
    except ValueError:
        return False  # requests will say what is wrong with it


def _reason(error: BaseException) -> str:
    """The innermost words for it, the operating system's if there are any: requests wraps them several times."""
    words, inner = str(error), error
    while True:
        if isinstance(inner, OSError) and inner.strerror:
            return inner.strerror.lower()
        nested = [one for one in (inner.__cause__, inner.__context__, getattr(inner, "reason", None)) if isinstance(one, BaseException)]
        if not nested:
            return words
        inner = nested[0]
        words = str(inner) or words


def _answer(response: requests.Response, url: str) -> Json:
    try:
        data = response.json()
    except ValueError:
        data = None
    if 200 <= response.status_code < 300 and isinstance(data, dict):
        return data
    if not isinstance(data, dict) or "title" not in data:
        raise ClientError(response.status_code, f"{url} answers {response.status_code}, but not as a Stepwell server does")
    kind = NotReady if response.status_code in (429, 503) else ClientError
    raise kind(response.status_code, data["title"], data.get("detail", ""), data.get("problems", ()))
