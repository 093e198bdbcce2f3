"""`alert.webhook` and `alert.slack` against real receivers. The signature is verified by the specification's own library."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from task_functions.alert_event import AlertRefused
from task_functions.alert_hooks import signature
from task_functions.builtin import alert_slack, alert_webhook
from task_functions.http_call import HttpStatusError, HttpTimeout
from task_functions.http_wire import HttpConnectionError, HttpNotAllowed
from task_functions.inputs import InvalidInput
from tests.functions.fakes import FakeContext
from tests.functions.sites import Handler, Site

ROOT = Path(__file__).parents[2]
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + base64.b64encode(bytes(range(64))).decode()
EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "failed.exec-0-12-5d0c4e11.0",
    "source": "/stepwell",
    "type": "stepwell.execution.failed",
    "subject": "nightly",
    "time": "2026-11-21T07:42:43Z",
    "datacontenttype": "application/json",
    "data": {
        "kind": "failed",
        "message": "nightly failed",
        "job": "nightly",
        "execution": "nightly.20261121T013000Z",
        "schedule": "every-night",
        "scheduledTime": "2026-11-21T01:30:00Z",
        "error": {"type": "ValueError", "message": "zwölf < 12", "task": "load"},
    },
}


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("STEPWELL_HTTP_PRIVATE", "true")
    monkeypatch.setenv("STEPWELL_HTTP_ALLOW", "")
    found = Site()
    yield found
    found.end()


def send(url: str, ctx: FakeContext | None = None, **more: Any) -> dict[str, Any]:
    return alert_webhook({"url": url, "secret": SECRET, "event": EVENT} | more, ctx or FakeContext())


# ------------------------------------------------------------------------------------------------------------------- webhooks


def test_the_signature_is_that_of_the_specifications_example() -> None:
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    content, id = b'{"test": 2432232314}', "msg_p5jXN8AQM9LWM0D4loKWxJek"
    assert signature([key], id, 1614265330, content) == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_event_arrives_as_a_signed_cloudevent(site: Site) -> None:
    before = int(time.time())
    assert send(site.on("hook", lambda r: r.reply(204)), headers={"X-Tenant": "shop"}) == {"id": EVENT["id"], "status": 204}
    [seen] = site.seen
    assert seen.command == "POST"
    assert seen.headers["Content-Type"] == "application/cloudevents+json"
    assert seen.headers["Webhook-Id"] == EVENT["id"]
    assert before <= int(seen.headers["Webhook-Timestamp"]) <= time.time()
    assert seen.headers["X-Tenant"] == "shop"
    assert seen.headers["User-Agent"] == "stepwell"
    assert json.loads(seen.sent) == EVENT
    assert Webhook(SECRET).verify(seen.sent, dict(seen.headers)) == EVENT
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER).verify(seen.sent, dict(seen.headers))


def test_while_a_secret_is_replaced_either_verifies(site: Site) -> None:
    send(site.on("hook", lambda r: r.reply()), secret=[SECRET, OTHER])
    [seen] = site.seen
    assert len(seen.headers["Webhook-Signature"].split()) == 2
    for secret in (SECRET, OTHER):
        assert Webhook(secret).verify(seen.sent, dict(seen.headers)) == EVENT


def test_a_secret_without_padding_and_with_a_newline_is_one(site: Site) -> None:
    send(site.on("hook", lambda r: r.reply()), secret=OTHER.rstrip("=") + "\n")
    assert Webhook(OTHER).verify(site.seen[0].sent, dict(site.seen[0].headers)) == EVENT


@pytest.mark.parametrize("status", [400, 401, 404, 410, 422, 499])
def test_who_will_not_have_it_is_not_asked_again(site: Site, status: int) -> None:
    with pytest.raises(AlertRefused, match=f"answered {status}") as caught:
        send(site.on("hook", lambda r: r.reply(status, b"not here")))
    assert caught.value.status == status
    assert str(caught.value).endswith(": not here")


@pytest.mark.parametrize("status", [301, 307, 408, 425, 429, 500, 502, 503, 504])
def test_who_cannot_have_it_now_is(site: Site, status: int) -> None:
    """HttpStatusError is not among what is never retried."""
    with pytest.raises(HttpStatusError, match=f"answered {status}"):
        send(site.on("hook", lambda r: r.reply(status, Location="/elsewhere")))
    assert len(site.seen) == 1, "a redirect is not followed"


def test_an_answer_of_any_size_or_none_is_as_good(site: Site) -> None:
    def broken(r: Handler) -> None:
        r.send_response(200)
        r.send_header("Content-Length", "100000000")
        r.end_headers()

    assert send(site.on("hook", broken))["status"] == 200


def silent(r: Handler) -> None:
    r.server.closing.wait(60)


def test_one_that_is_silent_ends_in_time(site: Site) -> None:
    with pytest.raises(HttpTimeout, match=r"POST http://127.0.0.1:\d+ took longer than 0.3 s"):
        send(site.on("hook", silent), timeoutSeconds=0.3)


def test_no_message_has_the_address_or_the_secret(site: Site) -> None:
    def echo(r: Handler) -> None:
        r.reply(404, f"there is no {r.path}".encode())

    url = site.on("T0-hush%20hush", echo).replace("http://", "http://ada:hush@") + "?token=hush"
    with pytest.raises(AlertRefused) as caught:
        send(url, headers={"X-Key": "hush"})
    assert str(caught.value) == f"POST http://127.0.0.1:{site.server_port} answered 404 Not Found: there is no ***?***"
    with pytest.raises(HttpStatusError) as moved:
        send(site.on("hush", lambda r: r.reply(301, Location=f"https://127.0.0.1{r.path}")))
    assert "hush" not in str(moved.value)
    site.end()
    with pytest.raises(HttpConnectionError) as broken:
        send(url)
    assert "hush" not in str(broken.value)


def test_a_receiver_nearby_needs_the_settings_that_http_does(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    url = site.on("hook", lambda r: r.reply())
    monkeypatch.delenv("STEPWELL_HTTP_PRIVATE")
    with pytest.raises(HttpNotAllowed, match="is not a public address"):
        send(url)
    with pytest.raises(HttpNotAllowed, match="is not a public address"):
        alert_slack({"url": url, "event": EVENT}, FakeContext())
    assert not site.seen
    monkeypatch.setenv("STEPWELL_HTTP_ALLOW", f"127.0.0.1:{site.server_port}")
    assert send(url)["status"] == 200


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in EVENT.items() if name != key}


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"secret": None}, "/secret: this key is missing; name one"),
        ({"secret": "hush-hush"}, "/secret: this must be whsec_ and, in base64, 24 to 64 random bytes"),
        ({"secret": "whsec_" + base64.b64encode(b"hush" * 5).decode()}, "/secret: this must be whsec_"),
        ({"secret": [SECRET, "whsec_hush!"]}, "/secret/1: this must be whsec_"),
        ({"secret": []}, "/secret: this must hold at least one"),
        ({"event": None}, '/event: this must be a CloudEvent, as the input of a job that alerts start is: "event.$": "$.input"'),
        ({"event": without("id")}, "/event/id: a CloudEvent has this, and it is text, not null"),
        ({"event": EVENT | {"type": 7}}, "/event/type: a CloudEvent has this, and it is text, not 7"),
        ({"event": EVENT | {"id": "a b"}}, "/event/id: this must be up to 200"),
        ({"event": EVENT | {"data": float("nan")}}, "/event: this cannot be written as JSON"),
        ({"headers": {"Webhook-Id": "mine"}}, "/headers/webhook-id: this header is made from the event"),
        ({"headers": {"Content-Type": "text/plain"}}, "/headers/content-type: this header is made from the event"),
        ({"url": "ftp://a.example/hush"}, "/url: it must begin with http:// or https://"),
        ({"timeoutSeconds": 301}, "/timeoutSeconds: this must be a number of seconds, more than 0 and up to 300"),
        ({"secrets": [SECRET]}, "/secrets: unknown key; did you mean 'secret'?"),
    ],
)
def test_webhook_refuses(more: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        send(**{"url": "https://a.example/hook", **more})
    assert problem in str(caught.value)
    assert "hush" not in str(caught.value)


# ---------------------------------------------------------------------------------------------------------------------- chats


def posted(site: Site, event: dict[str, Any], **more: Any) -> str:
    url = site.on("services", lambda r: r.reply(200, b"ok"))
    assert alert_slack({"url": url, "event": event} | more, FakeContext()) == {"id": event["id"], "status": 200}
    body = json.loads(site.seen[-1].sent)
    assert body.keys() == {"text"}
    assert site.seen[-1].headers["Content-Type"] == "application/json"
    return str(body["text"])


def test_a_chat_is_told_what_where_and_why(site: Site) -> None:
    assert posted(site, EVENT).splitlines() == [
        "nightly failed",
        "job: nightly",
        "execution: nightly.20261121T013000Z",
        "schedule: every-night",
        "due: 2026-11-21T01:30:00Z",
        "step: load",
        "error: ValueError: zwölf &lt; 12",
    ]
    assert posted(site, EVENT | {"data": {}}) == "stepwell.execution.failed (nightly)"
    assert posted(site, without("data"), text="<!here> look") == "<!here> look"


def test_an_error_neither_calls_everybody_nor_becomes_markup(site: Site) -> None:
    data = {"message": "@channel <!everyone> & @Here\n*" + "x" * 10_000, "error": {"message": "y" * 10_000}, "job": ["z" * 10_000] * 9}
    text = posted(site, EVENT | {"data": data})
    assert text.startswith("@\u200bchannel &lt;!everyone&gt; &amp; @\u200bHere *xxx")
    assert len(text) <= 1_900
    assert len(text.splitlines()) == 3


def test_a_chat_that_is_gone_is_not_asked_again(site: Site) -> None:
    url = site.on("hush", lambda r: r.reply(404, b"no_service"))
    with pytest.raises(AlertRefused) as caught:
        alert_slack({"url": url, "event": EVENT}, FakeContext())
    assert str(caught.value) == f"POST http://127.0.0.1:{site.server_port} answered 404 Not Found: no_service"


def test_slack_refuses() -> None:
    with pytest.raises(InvalidInput) as caught:
        alert_slack({"url": 7, "event": [], "text": 8, "timeoutSeconds": 0}, FakeContext())
    assert [problem.partition(":")[0] for problem in caught.value.problems] == ["/url", "/event", "/text", "/timeoutSeconds"]


# -------------------------------------------------------------------------------------------------------------- first of all


RACE = """
import sys, threading

from task_functions.builtin import alert_email, alert_slack, alert_webhook, http
from tests.functions.fakes import FakeContext

sys.setswitchinterval(1e-5)
calls = [lambda call=call: call({}, FakeContext()) for call in (alert_email, alert_slack, alert_webhook, http)]
calls.append(lambda: __import__("requests"))  # as a ping does
together = threading.Barrier(len(calls))

def run(call):
    together.wait()
    try:
        call()
    except Exception as error:
        if type(error).__name__ != "InvalidInput":
            print(repr(error))

threads = [threading.Thread(target=run, args=(call,)) for call in calls]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_the_first_alerts_of_a_server_may_go_out_at_the_same_moment() -> None:
    """What they need is imported then, by several threads at once."""
    for _ in range(5):
        done = subprocess.run([sys.executable, "-c", RACE], cwd=ROOT, capture_output=True, text=True, timeout=300)
        assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr
