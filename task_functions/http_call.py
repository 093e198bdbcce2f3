"""The functions `http`, `http.get` and `http.post`: one call of a server, bounded in time and size, to where the settings permit. `send` is
for others that call one."""

from __future__ import annotations

import base64
import json
import math
import os
import time
from collections.abc import Mapping
from email.message import Message
from http import HTTPStatus
from typing import Any

import requests
from requests.exceptions import ContentDecodingError, RequestException, SSLError
from urllib3.exceptions import HTTPError

from task_functions.attended import Attended
from task_functions.context import Context
from task_functions.http_request import Request, read
from task_functions.http_wire import HttpConnectionError

REDIRECTS = 10
CHUNK_BYTES = 65_536
QUOTED_CHARACTERS = 200
_REDIRECTING = (301, 302, 303, 307, 308)
AUTHORITIES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Variables that name the certificate authorities to trust."""


class HttpStatusError(Exception):
    """The server answered with a status that was not expected. `status` is it."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class HttpTimeout(Exception):
    """The call took longer than its `timeout`."""


class HttpBodyTooLarge(Exception):
    """The answer's body has more than `maxBytes`."""


def call(data: Any, ctx: Context, function: str = "http") -> dict[str, Any]:
    """For the function of that name: `{"status", "headers", "json" or "body" or "base64"}`. Raises InvalidInput, HttpNotAllowed,
    HttpConnectionError, HttpTimeout, HttpStatusError, HttpBodyTooLarge."""
    return send(read(data, ctx.idempotency_key, function), ctx)


def send(request: Request, ctx: Context) -> dict[str, Any]:
    """The same for a request that is read already."""
    begun = time.monotonic()
    result = _Call(request).wait(ctx)
    ctx.logger.info("%s answered %d after %.3f s", request.told, result["status"], time.monotonic() - begun)
    return result


class _Call(Attended):
    name = "http"
    late = HttpTimeout

    def __init__(self, request: Request) -> None:
        super().__init__(request.told, request.seconds)
        self._request = request

    def work(self) -> dict[str, Any]:
        request = self._request
        for _ in range(REDIRECTS + 1):
            with self._sent(request) as response:
                location = response.headers.get("location")
                if not request.follow or response.status_code not in _REDIRECTING or location is None:
                    return self._answer(request, response)
                following = request.redirected(response.status_code, location.encode("latin-1").decode("utf-8", "replace"))
                if following is None:
                    raise HttpStatusError(f"{request.told} led to what is no address of HTTP", response.status_code)
                request, status = following, response.status_code
        raise HttpStatusError(
            f"{self._request.told} was led on more than {REDIRECTS} times, at last to {request.shown(request.url)}", status
        )

    def _sent(self, request: Request) -> requests.Response:
        """The answer, its body not yet read."""
        _, host, port = request.place
        self.stage = f"connecting to {host}"
        self.wire.check(host, port)
        authorities = next((os.environ[name] for name in AUTHORITIES if os.environ.get(name)), None)
        patience = request.seconds + 1  # more than this side has, so that who waits decides what it was
        try:
            prepared = requests.Request(request.method, request.url, headers=dict(request.headers), data=request.content).prepare()
            response = self.wire.adapter.send(prepared, stream=True, timeout=patience, verify=authorities or True, proxies={})
        except (RequestException, HTTPError, OSError) as error:
            raise HttpConnectionError(f"{request.told}: {_why(error)}") from None
        self.stage = "reading the answer"
        return response

    def _answer(self, request: Request, response: requests.Response) -> dict[str, Any]:
        status = response.status_code
        if not request.expects(status):
            raise HttpStatusError(self._unexpected(request, response), status)
        headers = {name.lower(): value for name, value in response.headers.items()}
        return {
            "status": status,
            "headers": headers,
            **_body(headers, self._read(request, response, request.most) if request.most else b""),
        }

    def _unexpected(self, request: Request, response: requests.Response) -> str:
        status, location = response.status_code, response.headers.get("location", "")
        try:
            start = self._read(request, response, 4 * QUOTED_CHARACTERS, whole=False)
        except HttpConnectionError:
            start = b""
        text = request.without_place(" ".join(start.decode("utf-8", "replace").split()))[:QUOTED_CHARACTERS]
        phrase = f" {HTTPStatus(status).phrase}" if status in set(HTTPStatus) else ""
        where = f" (to {request.shown(location) or 'no address'}; followRedirects is not on)" if location and status in _REDIRECTING else ""
        return f"{request.told} answered {status}{phrase}{where}" + (f": {text}" if text else "")

    def _read(self, request: Request, response: requests.Response, most: int, *, whole: bool = True) -> bytes:
        """The body, decompressed. One that is longer raises HttpBodyTooLarge, unless only its beginning is wanted."""
        body = bytearray()
        try:
            for chunk in response.iter_content(min(CHUNK_BYTES, most + 1)):
                body += chunk
                if len(body) > most:
                    if whole:
                        raise HttpBodyTooLarge(f"{request.told}: the answer has more than {most:,} bytes; maxBytes permits more")
                    break
        except (RequestException, HTTPError, OSError) as error:
            raise HttpConnectionError(f"{request.told}: while its answer was read, {_why(error)}") from None
        return bytes(body[:most])


def _body(headers: Mapping[str, str], content: bytes) -> dict[str, Any]:
    """The JSON value, where the content is what its type says; else text; else what it is in base64."""
    described = Message()
    described["content-type"] = headers.get("content-type", "text/plain")
    if described.get_content_type() == "application/json" or described.get_content_subtype().endswith("+json"):
        try:
            return {"json": json.loads(content, parse_constant=_refuse, parse_float=_real)}
        except (ValueError, RecursionError):
            pass
    try:
        return {"body": content.decode(str(described.get_param("charset", "utf-8")))}
    except (ValueError, LookupError):  # the name of the charset, too, is whatever the server says
        return {"base64": base64.b64encode(content).decode()}


def _real(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refuse(text)


def _refuse(text: str) -> Any:
    raise ValueError(text)


def _why(error: BaseException) -> str:
    """What went wrong at the bottom of it. The words further up hold the URL with its query."""
    if isinstance(error, ContentDecodingError):
        return "its compression cannot be undone"
    seen: BaseException = error
    while True:
        inner = getattr(seen, "reason", None)
        inner = inner if isinstance(inner, BaseException) else next((arg for arg in seen.args if isinstance(arg, BaseException)), None)
        if inner is None:
            break
        seen = inner
    told = getattr(seen, "verify_message", None) or getattr(seen, "strerror", None) or str(seen)
    secure = "the certificate or the encryption is not right: " if isinstance(error, SSLError) else "the connection broke: "
    return secure + " ".join(str(told).split())[:QUOTED_CHARACTERS]
