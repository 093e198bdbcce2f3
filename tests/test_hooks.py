"""Whether a request is signed: the published vectors, an implementation that is not ours, and everything that must not pass."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from workflows.hooks import GITHUB, STANDARD, Hook, Scheme, Signed, Unproven, event_of, execution_id, key_of, sign

VECTOR_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
VECTOR_BODY = b'{"test": 2432232314}'
VECTOR_AT = 1614265330
VECTOR = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": str(VECTOR_AT),
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
"""Of Standard Webhooks, from the tests of its libraries."""

GITHUB_SECRET, GITHUB_BODY = "It's a Secret to Everybody", b"Hello, World!"
GITHUB_SIGNATURE = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
"""From GitHub's manual."""

OURS = Signed("X-Signature", "v0:", "base64", "X-Event-Id")


def event(scheme: Scheme, secret: str, headers: dict[str, str], body: bytes, now: float = VECTOR_AT) -> str:
    return event_of(scheme, [key_of(scheme, secret)], headers, body, now)


def mac(secret: str, body: bytes) -> bytes:
    return hmac.new(secret.encode(), body, hashlib.sha256).digest()


def test_the_vector_of_standard_webhooks() -> None:
    assert event(STANDARD, VECTOR_SECRET, VECTOR, VECTOR_BODY) == VECTOR["webhook-id"]
    assert event(STANDARD, VECTOR_SECRET.removeprefix("whsec_"), VECTOR, VECTOR_BODY) == VECTOR["webhook-id"]
    assert sign(key_of(STANDARD, VECTOR_SECRET), VECTOR["webhook-id"], VECTOR_AT, VECTOR_BODY) == VECTOR["webhook-signature"]


def test_the_vector_of_github() -> None:
    headers = {"x-hub-signature-256": GITHUB_SIGNATURE, "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958"}
    assert event(GITHUB, GITHUB_SECRET, headers, GITHUB_BODY) == "72d3162e-cc78-11e3-81ab-4c9367dc0958"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"webhook-id": None}, "without webhook-id"),
        ({"webhook-id": ""}, "without webhook-id"),
        ({"webhook-timestamp": None}, "without webhook-timestamp"),
        ({"webhook-signature": None}, "without webhook-signature"),
        ({"webhook-id": None, "webhook-signature": None}, "without webhook-id and webhook-signature"),
        ({"webhook-id": "msg_another"}, "fits none"),
        ({"webhook-timestamp": str(VECTOR_AT + 1)}, "fits none"),
        ({"webhook-timestamp": "soon"}, "no number"),
        ({"webhook-timestamp": f"{VECTOR_AT}.0"}, "no number"),
        ({"webhook-timestamp": f"-{VECTOR_AT}"}, "no number"),
        ({"webhook-timestamp": "9" * 4_000}, "no number"),
        ({"webhook-timestamp": "٣" * 10}, "no number"),
        ({"webhook-signature": VECTOR["webhook-signature"].replace("v1,", "v2,")}, "fits none"),
        ({"webhook-signature": VECTOR["webhook-signature"].replace("v1,", "v1a,")}, "fits none"),
        ({"webhook-signature": VECTOR["webhook-signature"].removeprefix("v1,")}, "fits none"),
        ({"webhook-signature": VECTOR["webhook-signature"].swapcase()}, "fits none"),
        ({"webhook-signature": VECTOR["webhook-signature"].rstrip("=")}, "fits none"),
        ({"webhook-signature": "v1,"}, "fits none"),
        ({"webhook-signature": " "}, "fits none"),
        ({"webhook-signature": "v1,ÿ€\ud800"}, "fits none"),
    ],
)
def test_what_standard_webhooks_does_not_take(changed: dict[str, str | None], why: str) -> None:
    headers = {name: value for name, value in (VECTOR | changed).items() if value is not None}
    with pytest.raises(Unproven, match=why):
        event(STANDARD, VECTOR_SECRET, headers, VECTOR_BODY)


def test_a_body_that_was_changed_a_wrong_secret_and_none() -> None:
    for body in (VECTOR_BODY + b" ", b"", VECTOR_BODY[:-1]):
        with pytest.raises(Unproven):
            event(STANDARD, VECTOR_SECRET, VECTOR, body)
    with pytest.raises(Unproven):
        event(STANDARD, "whsec_" + base64.b64encode(b"another").decode(), VECTOR, VECTOR_BODY)
    with pytest.raises(Unproven):
        event_of(STANDARD, [], VECTOR, VECTOR_BODY, VECTOR_AT)


@pytest.mark.parametrize(("late", "taken"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)])
def test_five_minutes_either_way(late: int, taken: bool) -> None:
    if taken:
        assert event(STANDARD, VECTOR_SECRET, VECTOR, VECTOR_BODY, VECTOR_AT + late) == VECTOR["webhook-id"]
    else:
        with pytest.raises(Unproven, match="differs from the server's clock by 301 seconds"):
            event(STANDARD, VECTOR_SECRET, VECTOR, VECTOR_BODY, VECTOR_AT + late)


def test_several_signatures_and_several_secrets() -> None:
    old, new = "whsec_" + base64.b64encode(b"old").decode(), VECTOR_SECRET
    keys = [key_of(STANDARD, old), key_of(STANDARD, new)]
    both = {**VECTOR, "webhook-signature": f"v1a,abc v1,{'A' * 43}= {VECTOR['webhook-signature']} v2,x"}
    assert event_of(STANDARD, keys, VECTOR, VECTOR_BODY, VECTOR_AT) == VECTOR["webhook-id"]
    assert event_of(STANDARD, keys[1:], both, VECTOR_BODY, VECTOR_AT) == VECTOR["webhook-id"]
    with pytest.raises(Unproven):
        event_of(STANDARD, keys[:1], both, VECTOR_BODY, VECTOR_AT)


@given(st.binary(min_size=1, max_size=64), st.from_regex(r"[!-~]{1,40}", fullmatch=True), st.integers(0, 10**9), st.text(max_size=40))
def test_it_agrees_with_another_implementation(key: bytes, id: str, ago: int, text: str) -> None:
    """Which takes what we sign, and signs what we take."""
    secret = "whsec_" + base64.b64encode(key).decode()
    now = int(datetime.now(UTC).timestamp())
    body = json.dumps({"text": text})
    theirs = Webhook(secret)
    signed = theirs.sign(id, datetime.fromtimestamp(now, UTC), body)
    assert sign(key, id, now, body.encode()) == signed
    headers = {"webhook-id": id, "webhook-timestamp": str(now), "webhook-signature": signed}
    assert event(STANDARD, secret, headers, body.encode(), now) == id
    assert theirs.verify(body, headers) == {"text": text}
    headers["webhook-timestamp"] = str(now - 301 - ago)
    headers["webhook-signature"] = sign(key, id, now - 301 - ago, body.encode())
    with pytest.raises(WebhookVerificationError):
        theirs.verify(body, headers)
    with pytest.raises(Unproven):
        event(STANDARD, secret, headers, body.encode(), now)


@pytest.mark.parametrize("secret", ["whsec_", "", "whsec_not base64!", "ünïcode", "a"])
def test_a_secret_that_nothing_can_be_signed_with(secret: str) -> None:
    with pytest.raises(ValueError, match=r"base64|empty"):
        key_of(STANDARD, secret)


def test_an_empty_secret_signs_nothing() -> None:
    with pytest.raises(ValueError, match="empty"):
        key_of(GITHUB, "")
    assert key_of(GITHUB, "whsec_abc") == b"whsec_abc"
    assert key_of(STANDARD, "whsec_YQ") == key_of(STANDARD, "YQ==") == b"a"


@pytest.mark.parametrize(
    ("signature", "why"),
    [
        (None, "X-Signature is missing"),
        ("", "does not begin with 'v0:'"),
        (base64.b64encode(mac("s", b"{}")).decode(), "does not begin with 'v0:'"),
        ("v0:" + mac("s", b"{}").hex(), "fits none"),
        ("v0:" + base64.b64encode(mac("t", b"{}")).decode(), "fits none"),
        ("v0:" + base64.b64encode(mac("s", b"{}")).decode().upper(), "fits none"),
        ("v0:", "fits none"),
        ("v0:\udcff", "fits none"),
    ],
)
def test_what_a_signature_over_the_body_must_be(signature: str | None, why: str) -> None:
    good = {"x-signature": "v0:" + base64.b64encode(mac("s", b"{}")).decode(), "x-event-id": "7"}
    assert event(OURS, "s", good, b"{}") == "7"
    with pytest.raises(Unproven, match=why):
        event(OURS, "s", {"x-event-id": "7"} | ({} if signature is None else {"x-signature": signature}), b"{}")


def test_hexadecimal_digits_may_be_large() -> None:
    assert event(GITHUB, "s", {"x-hub-signature-256": "sha256=" + mac("s", b"{}").hex().upper(), "x-github-delivery": "7"}, b"{}") == "7"


def test_without_an_id_equal_bodies_are_one_event() -> None:
    nameless = Signed("X-Signature")

    def id_of(scheme: Signed, body: bytes, **more: str) -> str:
        return event(scheme, "s", {scheme.header.lower(): scheme.prefix + mac("s", body).hex(), **more}, body)

    assert id_of(nameless, b"{}") == id_of(nameless, b"{}") != id_of(nameless, b"[]")
    assert id_of(GITHUB, b"{}") == id_of(nameless, b"{}") == id_of(GITHUB, b"{}", **{"x-github-delivery": ""})


@pytest.mark.parametrize(
    ("hook", "event", "expected"),
    [
        ("push", "72d3162e-cc78-11e3-81ab-4c9367dc0958", "hook.push.72d3162e-cc78-11e3-81ab-4c9367dc0958"),
        ("push", "a.b_c-D", "hook.push.a.b_c-D"),
        ("push", "x" * 118, "hook.push." + "x" * 118),
        ("push", "x" * 119, r"hook\.push\.[0-9a-f]{32}"),
        ("push", "a/b", r"hook\.push\.[0-9a-f]{32}"),
        ("push", "ä", r"hook\.push\.[0-9a-f]{32}"),
        ("push", "a b", r"hook\.push\.[0-9a-f]{32}"),
        ("p" * 64, "é" * 9_000, rf"hook\.{'p' * 64}\.[0-9a-f]{{32}}"),
    ],
)
def test_the_id_of_an_execution_is_made_of_hook_and_event(hook: str, event: str, expected: str) -> None:
    made = execution_id(hook, event)
    if "[0-9a-f]" in expected:
        assert re.fullmatch(expected, made)
        assert made != execution_id(hook, event + "!")
    else:
        assert made == expected
    assert len(made) <= 128
    assert made == execution_id(hook, event)


@pytest.mark.parametrize(("scheme", "name"), [(STANDARD, "standard"), (GITHUB, "github"), (OURS, "header")])
def test_schemes_have_names(scheme: Scheme, name: str) -> None:
    found: Any = Hook("push", ("S",), scheme)
    assert found.signature == name
