"""The functions `alert.webhook` and `alert.slack`: an event, sent by HTTP to whoever is to know of it. They call as `http` does.

Webhooks are signed as Standard Webhooks 1.0.0 says (github.com/standard-webhooks/standard-webhooks), and hold the event as structured
CloudEvents 1.0 does. `webhook-id` is the event's id, the same however often it is sent. It may hold dots, against which the specification
warns, because dots part what is signed; but a part moved over one leaves no JSON object behind. The path of such an address may be all that
keeps strangers out, so it is in no message.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
import time
from collections.abc import Iterable, Mapping
from typing import Any

from task_functions.alert_event import DEFAULT_SECONDS, MOST_SECONDS, AlertRefused, Event, read_event
from task_functions.context import Context
from task_functions.http_call import HttpStatusError, send
from task_functions.http_request import OURS_UNLESS_GIVEN, Request, read_headers, read_url
from task_functions.inputs import Reader

WEBHOOK_KEYS = ("url", "secret", "event", "headers", "timeoutSeconds")
SLACK_KEYS = ("url", "event", "text", "timeoutSeconds")

PREFIX = "whsec_"
LEAST_BYTES, MOST_BYTES = 24, 64
"""Of a signing secret."""

TRY_AGAIN = frozenset({408, 425, 429})
"""Statuses of the 4xx kind that say nothing against the next try."""

TEXT_CHARACTERS = 1_900
"""Discord takes no more than 2,000."""

_SECRET_FORM = f"this must be {PREFIX} and, in base64, {LEAST_BYTES} to {MOST_BYTES} random bytes: echo {PREFIX}$(openssl rand -base64 32)"
_CALLING = re.compile(r"@(?=channel|here|all|everyone)", re.IGNORECASE)
_ESCAPES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"))


def webhook(data: Any, ctx: Context) -> dict[str, Any]:
    """`{"id", "status"}`. Raises InvalidInput, AlertRefused, and what `http` raises."""
    reader = Reader("alert.webhook", data, WEBHOOK_KEYS)
    url, auth = read_url(reader)
    keys, event, headers = _keys(reader), read_event(reader), read_headers(reader)
    for name in headers:
        if name == "content-type" or name.startswith("webhook-"):
            reader.refuse(f"headers/{name}", "this header is made from the event and cannot be given")
    content = _written(reader, event.whole)
    seconds = reader.seconds("timeoutSeconds", DEFAULT_SECONDS, MOST_SECONDS) or DEFAULT_SECONDS
    reader.finish()
    now = int(time.time())
    signed = {"webhook-id": event.id, "webhook-timestamp": str(now), "webhook-signature": signature(keys, event.id, now, content)}
    made = {"content-type": "application/cloudevents+json", **signed}
    return _delivered(Request("POST", url, OURS_UNLESS_GIVEN | auth | headers | made, content, seconds, most=0, private=True), event, ctx)


def slack(data: Any, ctx: Context) -> dict[str, Any]:
    """`{"id", "status"}`. Raises InvalidInput, AlertRefused, and what `http` raises."""
    reader = Reader("alert.slack", data, SLACK_KEYS)
    url, auth = read_url(reader)
    event = read_event(reader)
    content = json.dumps({"text": reader.text("text") or message(event)}).encode()
    seconds = reader.seconds("timeoutSeconds", DEFAULT_SECONDS, MOST_SECONDS) or DEFAULT_SECONDS
    reader.finish()
    headers = OURS_UNLESS_GIVEN | auth | {"content-type": "application/json"}
    return _delivered(Request("POST", url, headers, content, seconds, most=0, private=True), event, ctx)


def signature(keys: Iterable[bytes], id: str, timestamp: int, content: bytes) -> str:
    """One for each key: while a secret is replaced by another, the receiver may have either."""
    signed = f"{id}.{timestamp}.".encode() + content
    return " ".join(f"v1,{base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}" for key in keys)


def message(event: Event) -> str:
    """Text for chats. What a task said may neither become markup nor call everybody."""
    text = "\n".join((event.headline, *event.details))
    for sign, escape in _ESCAPES:
        text = text.replace(sign, escape)
    return _CALLING.sub("@\u200b", text)[:TEXT_CHARACTERS]


def _delivered(request: Request, event: Event, ctx: Context) -> dict[str, Any]:
    try:
        return {"id": event.id, "status": send(request, ctx)["status"]}
    except HttpStatusError as error:
        if 400 <= error.status < 500 and error.status not in TRY_AGAIN:
            raise AlertRefused(str(error), error.status) from None
        raise


def _keys(reader: Reader) -> list[bytes]:
    """Of the key `secret`: one, or several."""
    given = reader.data.get("secret")
    if given is None:
        reader.refuse("secret", f'this key is missing; name one, as {{"$secret": "ALERTS"}}, that holds {PREFIX} and base64')
        return []
    found = [_key(text) for text in (given if isinstance(given, list) else [given])]
    if not found:
        reader.refuse("secret", "this must hold at least one secret")
    for index, key in enumerate(found):
        if key is None:
            reader.refuse(f"secret/{index}" if isinstance(given, list) else "secret", _SECRET_FORM)
    return [key for key in found if key is not None]


def _key(text: object) -> bytes | None:
    if not isinstance(text, str) or not text.startswith(PREFIX):
        return None
    encoded = text.removeprefix(PREFIX).strip()
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if LEAST_BYTES <= len(key) <= MOST_BYTES else None


def _written(reader: Reader, event: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(event, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (ValueError, TypeError) as error:
        reader.refuse("event", f"this cannot be written as JSON: {error}")
        return b""
