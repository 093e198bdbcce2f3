"""Inbound webhooks: what a hook is, and whether a request is signed by whoever knows its secret. Pure: the time is an argument.

Two ways of signing cover what senders do: Standard Webhooks (specification 1.0.0), which signs an id, a time and the body, and a signature
over the body alone, as GitHub's. A signature is always made anew over the bytes that came and compared in constant time; what a header
holds is never decoded. Where a request comes from and what it starts is not known here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from workflows.expressions import Template

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
"""The headers of Standard Webhooks."""

TOLERANCE_S = 300
"""By how much the time of a request may differ from ours."""

_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_PLAIN = re.compile(r"[A-Za-z0-9_.-]{1,128}")

Encoding = Literal["hex", "base64"]


@dataclass(frozen=True, slots=True)
class Standard:
    """As Standard Webhooks has it: `v1` signatures, several where the sender is changing its secret."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A header holds `prefix` and the HMAC-SHA256 of the body. `id_header` names the event; without it, equal bodies are one event."""

    header: str
    prefix: str = ""
    encoding: Encoding = "hex"
    id_header: str | None = None


Scheme = Standard | Signed

STANDARD = Standard()
GITHUB = Signed("X-Hub-Signature-256", "sha256=", "hex", "X-GitHub-Delivery")


@dataclass(frozen=True, slots=True)
class Hook:
    """`secrets`: their names; a request may be signed with any of them. `input`: a template over `{"body": ..., "headers": ...,
    "id": ...}`; None: the body."""

    name: str
    secrets: tuple[str, ...]
    scheme: Scheme = STANDARD
    input: Template | None = None

    @property
    def signature(self) -> str:
        """The scheme's name: standard, github or header."""
        return "standard" if self.scheme == STANDARD else "github" if self.scheme == GITHUB else "header"


class Unproven(Exception):
    """A request that is not signed as it should be. The text says why: for whoever runs the server, not for who sent it."""


def wanted(scheme: Scheme) -> tuple[str, ...]:
    """The headers that a signed request has."""
    return (ID, TIMESTAMP, SIGNATURE) if isinstance(scheme, Standard) else (scheme.header,)


def key_of(scheme: Scheme, secret: str) -> bytes:
    """The key that a secret's text means. Raises ValueError for one that nothing can be signed with."""
    if isinstance(scheme, Standard):
        text = secret.removeprefix("whsec_").rstrip("=")
        try:
            key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        except (binascii.Error, ValueError):
            raise ValueError("a secret of Standard Webhooks is base64, mostly after whsec_") from None
    else:
        key = secret.encode()
    if not key:
        raise ValueError("it is empty")
    return key


def sign(key: bytes, id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`."""
    return f"v1,{_written(_mac(key, b'%b.%d.' % (_bytes(id), timestamp), body), 'base64')}"


def event_of(scheme: Scheme, keys: Iterable[bytes], headers: Mapping[str, str], body: bytes, now: float) -> str:
    """The id of the event that a request tells of. `headers`: by name in small letters. Raises Unproven unless one of the keys has signed
    it."""
    if isinstance(scheme, Standard):
        return _standard(keys, headers, body, now)
    given = headers.get(scheme.header.lower())
    if given is None:
        raise Unproven(f"the header {scheme.header} is missing")
    prefix, given = given[: len(scheme.prefix)], given[len(scheme.prefix) :]
    if prefix != scheme.prefix:
        raise Unproven(f"{scheme.header} does not begin with {scheme.prefix!r}")
    if scheme.encoding == "hex":
        given = given.lower()
    if not any(_same(_written(_mac(key, body), scheme.encoding), given) for key in keys):
        raise Unproven(f"{scheme.header} fits none of the hook's secrets")
    return (headers.get(scheme.id_header.lower()) if scheme.id_header else None) or _digest(body)


def execution_id(hook: str, event: str) -> str:
    """Of the execution that this event starts, in any server and for ever. Hooks have no dot in their names."""
    whole = f"hook.{hook}.{event}"
    return whole if _PLAIN.fullmatch(whole) else f"hook.{hook}.{_digest(_bytes(event))}"


def _standard(keys: Iterable[bytes], headers: Mapping[str, str], body: bytes, now: float) -> str:
    missing = [name for name in (ID, TIMESTAMP, SIGNATURE) if not headers.get(name)]
    if missing:
        raise Unproven(f"without {' and '.join(missing)}")
    id, timestamp, signatures = headers[ID], headers[TIMESTAMP], headers[SIGNATURE].split()
    if not _TIMESTAMP.fullmatch(timestamp):
        raise Unproven(f"{TIMESTAMP} is no number of seconds")
    if abs(now - int(timestamp)) > TOLERANCE_S:
        raise Unproven(f"{TIMESTAMP} differs from the server's clock by {abs(now - int(timestamp)):,.0f} seconds")
    content = f"{id}.{timestamp}."
    expected = [f"v1,{_written(_mac(key, _bytes(content), body), 'base64')}" for key in keys]
    if not any(_same(one, given) for one in expected for given in signatures):
        raise Unproven(f"{SIGNATURE} fits none of the hook's secrets")
    return id


def _mac(key: bytes, *parts: bytes) -> bytes:
    made = hmac.new(key, digestmod=hashlib.sha256)
    for part in parts:
        made.update(part)
    return made.digest()


def _written(mac: bytes, encoding: Encoding) -> str:
    return mac.hex() if encoding == "hex" else base64.b64encode(mac).decode()


def _same(expected: str, given: str) -> bool:
    return hmac.compare_digest(_bytes(expected), _bytes(given))


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _bytes(text: str) -> bytes:
    """Of a header: as they came over the wire, where that can be."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
