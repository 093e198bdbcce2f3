"""What the functions `http`, `http.get` and `http.post` are asked for: their data, read into a frozen request, with every problem told at
once."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, unquote, urlencode, urljoin, urlsplit, urlunsplit

from task_functions.inputs import Reader, shown

KEYS = ("method", "url", "headers", "params", "json", "body", "timeout", "expected", "maxBytes", "followRedirects")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
FIXED: Mapping[str, str] = {"http.get": "GET", "http.post": "POST"}
"""The method of those that have but one; `http.get` sends no body either."""

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing, so that twice is as good as once."""

DEFAULT_SECONDS = 30.0
MOST_SECONDS = 3_600.0
DEFAULT_BYTES = 5 * 1024 * 1024
MOST_BYTES = 16 * 1024 * 1024

OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "keep-alive"})
"""Headers that decide where a request goes and where it ends."""

OURS_UNLESS_GIVEN = {"accept-encoding": "gzip, deflate", "user-agent": "stepwell"}

NEUTRAL = frozenset({"accept", "accept-encoding", "accept-language", "content-type", "user-agent", "idempotency-key"})
"""Headers that follow a redirect to another server. Any other might be a key to the first one."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_CLASS = re.compile(r"[1-5]xx")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `url` holds no user information (that is a header by then); `headers` are by lower-case name; `expected` holds status
    codes and classes such as "2xx"; `most` is how many bytes of a body are taken, and with 0 it is not read. `private`: the path is as
    secret as the query, as that of an incoming webhook is."""

    method: str
    url: str
    headers: Mapping[str, str]
    content: bytes | None
    seconds: float = DEFAULT_SECONDS
    expected: frozenset[int | str] = frozenset({"2xx"})
    most: int = DEFAULT_BYTES
    follow: bool = False
    private: bool = False

    @property
    def place(self) -> tuple[str, str, int]:
        """Scheme, host and port."""
        parts = urlsplit(self.url)
        return parts.scheme, (parts.hostname or "").rstrip("."), parts.port or _PORTS[parts.scheme]

    @property
    def told(self) -> str:
        """For messages: the method and the URL without what may be a secret."""
        return f"{self.method} {self.shown(self.url)}"

    def shown(self, url: str) -> str:
        """One that it leads to, without what may be a secret; "" for what is none."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return ""
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], "" if self.private else parts.path, "", ""))

    def without_place(self, text: str) -> str:
        """What a server says, which may be what it was asked for."""
        parts = urlsplit(self.url)
        secrets = {part for part in (parts.path, parts.query) for part in (part, unquote(part)) if len(part) > 1} if self.private else ()
        for secret in sorted(secrets, key=len, reverse=True):
            text = text.replace(secret, "***")
        return text

    def expects(self, status: int) -> bool:
        return status in self.expected or f"{status // 100}xx" in self.expected

    def redirected(self, status: int, location: str) -> Request | None:
        """The request that follows an answer with this status and Location, as browsers do it; None if that leads nowhere by HTTP."""
        try:
            url, auth = _split(urljoin(self.url, location))
        except ValueError:
            return None
        as_get = (status == 303 and self.method != "HEAD") or (status in (301, 302) and self.method == "POST")
        dropped = {"content-type", "idempotency-key"} if as_get else set()
        new = replace(self, url=url, method="GET" if as_get else self.method, content=None if as_get else self.content)
        same = new.place == self.place
        kept = {name: value for name, value in self.headers.items() if name not in dropped and (same or name in NEUTRAL)}
        return replace(new, headers=kept | auth)


def read(data: Any, idempotency_key: str, function: str = "http") -> Request:
    """Raises InvalidInput. The key goes along with methods that change something."""
    fixed = FIXED.get(function)
    left_out = {"http.get": ("method", "json", "body"), "http.post": ("method",)}.get(function, ())
    reader = Reader(function, data, tuple(key for key in KEYS if key not in left_out))
    method = fixed or reader.choice("method", METHODS, "GET")
    url, auth = read_url(reader)
    headers = read_headers(reader)
    content = None if function == "http.get" else _content(reader, headers)
    if method not in SAFE:
        headers.setdefault("idempotency-key", quote(idempotency_key, safe="!#$&'()*+,/:;=?@[]-._~"))
    request = Request(
        method=method,
        url=url,
        headers=OURS_UNLESS_GIVEN | auth | headers,
        content=content,
        seconds=reader.seconds("timeout", DEFAULT_SECONDS, MOST_SECONDS) or DEFAULT_SECONDS,
        expected=_expected(reader),
        most=reader.whole("maxBytes", DEFAULT_BYTES, MOST_BYTES),
        follow=reader.flag("followRedirects"),
    )
    reader.finish()
    return request


def _split(url: str) -> tuple[str, dict[str, str]]:
    """The URL with its host in the letters of the domain name system and without user information, and that as a header. Raises ValueError,
    in words without the URL."""
    if re.search(r"[\x00-\x20\x7f-\x9f\\]", url):
        raise ValueError("it holds a space, a backslash or a control character; write %20 for a space")
    parts = urlsplit(url)
    if parts.scheme not in _PORTS:
        raise ValueError(f"it must begin with http:// or https://, not {shown(parts.scheme)}")
    try:
        port, host = parts.port, parts.hostname
    except ValueError:
        raise ValueError("its port must be a number up to 65535") from None
    if not host:
        raise ValueError("it names no host")
    if ":" not in host and not host.isascii():
        try:
            host = host.encode("idna").decode()
        except UnicodeError:
            raise ValueError("its host cannot be a name") from None
    place = (f"[{host}]" if ":" in host else host) + ("" if port is None else f":{port}")
    user, at, _ = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    secret = b64encode(f"{unquote(name)}:{unquote(password)}".encode()).decode()
    return urlunsplit((parts.scheme, place, parts.path or "/", parts.query, "")), {"authorization": f"Basic {secret}"} if at else {}


def read_url(reader: Reader) -> tuple[str, dict[str, str]]:
    """And the header that its user information makes."""
    given = reader.text("url", required=True)
    parameters = _parameters(reader)
    if not given:
        return "", {}
    try:
        url, auth = _split(given)
    except ValueError as error:
        reader.refuse("url", str(error))
        return "", {}
    return url + (("&" if urlsplit(url).query else "?") + parameters if parameters else ""), auth


def _parameters(reader: Reader) -> str:
    pairs: list[tuple[str, str]] = []
    for name, value in reader.object("params").items():
        for member in value if isinstance(value, list) else [value]:
            if isinstance(member, bool):
                pairs.append((name, str(member).lower()))
            elif isinstance(member, str | int | float):
                pairs.append((name, str(member)))
            elif member is not None:
                reader.refuse(f"params/{name}", f"this must be text, a number, true, false, or a list of these, not {shown(member)}")
    return urlencode(pairs)


def read_headers(reader: Reader) -> dict[str, str]:
    """By lower-case name."""
    headers: dict[str, str] = {}
    for name, value in reader.object("headers").items():
        place, key = f"headers/{name}", name.lower()
        if not _TOKEN.fullmatch(name):
            reader.refuse(place, "this cannot be the name of a header")
        elif key in OURS or key.startswith("proxy-"):
            reader.refuse(place, "this header is made from the request and cannot be given")
        elif not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
            reader.refuse(place, "this must be text of one line, in Latin-1")
        else:
            headers[key] = value.strip()
    return headers


def _content(reader: Reader, headers: dict[str, str]) -> bytes | None:
    """The body; its type is among the headers afterwards."""
    body = reader.text("body")
    if "json" not in reader.data:
        if not reader.given("body"):
            return None
        headers.setdefault("content-type", "text/plain; charset=utf-8")
        return body.encode("utf-8", "replace")
    if reader.given("body"):
        reader.refuse("body", "json is there too; only one of them can be sent")
    headers.setdefault("content-type", "application/json")
    try:
        return json.dumps(reader.data["json"], ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, TypeError) as error:
        reader.refuse("json", f"this cannot be written as JSON: {error}")
        return None


def _expected(reader: Reader) -> frozenset[int | str]:
    value = reader.data.get("expected")
    if value is None:
        return frozenset({"2xx"})
    members = value if isinstance(value, list) else [value]
    if not members:
        reader.refuse("expected", "this must hold at least one status")
    for index, member in enumerate(members):
        place = f"expected/{index}" if isinstance(value, list) else "expected"
        fits = isinstance(member, str) and _CLASS.fullmatch(member)
        if not fits and (type(member) is not int or not 100 <= member <= 599):
            reader.refuse(place, f'this must be a status from 100 to 599, or a class such as "2xx", not {shown(member)}')
    return frozenset(member for member in members if isinstance(member, int | str))
