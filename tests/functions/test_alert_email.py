"""`alert.email` against a real mail server: what arrives, what is for good and what for now, and that no password goes out in the clear."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from task_functions import http_wire
from task_functions.alert_email import AlertNotDelivered
from task_functions.alert_event import AlertRefused
from task_functions.builtin import alert_email
from task_functions.http_wire import HttpNotAllowed
from task_functions.inputs import Cancelled, InvalidInput
from tests.functions.fakes import FakeContext
from tests.functions.sites import MailServer, Post, self_signed
from tests.functions.test_alerts import EVENT

HOST = "mail.example"
Open = Callable[..., MailServer]


@pytest.fixture
def open_(monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens mail servers, which are found under HOST."""
    opened: list[MailServer] = []

    def begin(*arguments: Any, **more: Any) -> MailServer:
        opened.append(MailServer(*arguments, **more))
        return opened[-1]

    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        assert host == HOST
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(http_wire, "resolve", resolve)
    monkeypatch.setenv("STEPWELL_HTTP_PRIVATE", "true")
    monkeypatch.setenv("STEPWELL_HTTP_ALLOW", "")
    yield begin
    for server in opened:
        server.end()


def send(server: MailServer | int, ctx: FakeContext | None = None, **more: Any) -> dict[str, Any]:
    port = server if isinstance(server, int) else server.port
    data = {"host": HOST, "port": port, "tls": "none", "from": "Stepwell <wf@shop.example>", "to": ["ada@shop.example"], "event": EVENT}
    return alert_email(data | more, ctx or FakeContext())


def test_what_arrives(open_: Open) -> None:
    server = open_(Post())
    result = send(server, to=["Ada <ada@shop.example>", "bob@shop.example"])
    assert result == {
        "id": EVENT["id"],
        "messageId": "<failed.exec-0-12-5d0c4e11.0@shop.example>",
        "accepted": ["ada@shop.example", "bob@shop.example"],
        "refused": {},
    }
    [mail] = server.post.mails
    assert (mail.sender, mail.to, mail.secure) == ("wf@shop.example", ["ada@shop.example", "bob@shop.example"], False)
    message = mail.message
    assert message["From"] == "Stepwell <wf@shop.example>"
    assert message["To"] == "Ada <ada@shop.example>, bob@shop.example"
    assert message["Subject"] == "[Stepwell] nightly failed"
    assert message["Date"] == "Sat, 21 Nov 2026 07:42:43 +0000"
    assert message["Message-ID"] == result["messageId"]
    assert message["Auto-Submitted"] == "auto-generated"
    lines = message.get_content().splitlines()
    assert lines[:4] == ["nightly failed", "", "job: nightly", "execution: nightly.20261121T013000Z"]
    assert lines[-2:] == ["error: ValueError: zwölf < 12", f"event: {EVENT['id']}"]


def test_a_second_try_sends_the_same_message(open_: Open) -> None:
    server = open_(Post({"DATA": ["451 try later"]}))
    with pytest.raises(AlertNotDelivered, match=rf"mail by {HOST}:\d+: 451 try later"):
        send(server)
    send(server)
    send(server)
    first, second = server.post.mails
    assert first.message.as_bytes() == second.message.as_bytes()


def test_what_is_odd_stays_within_its_header(open_: Open) -> None:
    server = open_(Post())
    odd = {"id": "x" * 190 + "<@>", "time": "yesterday", "data": {"message": "a\r\nBcc: eve@shop.example\x1b[31m ünd\t" + "y" * 1000}}
    send(server, event=EVENT | odd, to="ada@shop.example")
    message = server.post.mails[0].message
    assert message["Bcc"] is None
    assert message["Subject"].startswith("[Stepwell] a Bcc: eve@shop.example [31m ünd yyy")
    assert len(message["Subject"]) == 200
    assert len(message["Message-ID"]) == len("<@shop.example>") + 64
    send(server, subject="Ärger\nX: y", event=EVENT | {"time": "2026-11-21T07:42:43"})
    assert server.post.mails[1].message["Subject"] == "Ärger X: y"
    assert server.post.mails[1].message["Date"].endswith("07:42:43 +0000")


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # the server sees no STARTTLS where there was TLS before
@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_it_is_encrypted_and_whoever_sends_is_known(open_: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tls: str) -> None:
    secure, certificate = self_signed(tmp_path, HOST)
    server = open_(Post(login=(b"wf", b"hush-hush")), secure, tls=tls == "tls")
    login: dict[str, Any] = {"tls": tls, "username": "wf", "password": "hush-hush"}
    with pytest.raises(AlertNotDelivered, match=r"the certificate or the encryption is not right: self.signed certificate"):
        send(server, **login)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    send(server, **login)
    [mail] = server.post.mails
    assert (mail.secure, mail.user) == (True, "wf")
    with pytest.raises(AlertRefused, match=": 535 ") as caught:
        send(server, **login | {"password": "wrong-hush"})
    assert caught.value.status == 535
    assert "hush" not in str(caught.value)
    monkeypatch.setattr(http_wire, "resolve", lambda _, port, **__: [(socket.AF_INET, 1, 6, "", ("127.0.0.1", port))])
    with pytest.raises(AlertNotDelivered, match=r"certificate is not valid for 'other\.example'"):
        send(server, **login, host="other.example")


def test_a_server_without_starttls_gets_nothing(open_: Open) -> None:
    server = open_(Post())
    with pytest.raises(AlertRefused, match="STARTTLS extension not supported"):
        send(server, tls="starttls")
    assert not server.post.mails


@pytest.mark.parametrize(
    ("replies", "kind", "said"),
    [
        ({"ada@shop.example": ["550 no such user"]}, AlertRefused, "550 ada@shop.example: no such user"),
        ({"ada@shop.example": ["450 grey"]}, AlertNotDelivered, "450 ada@shop.example: grey"),
        ({"DATA": ["554 spam"]}, AlertRefused, "554 spam"),
        ({"DATA": ["421 going down"]}, AlertNotDelivered, "421 going down"),
    ],
)
def test_five_is_for_good_and_four_for_now(open_: Open, replies: dict[str, list[str]], kind: type[Exception], said: str) -> None:
    with pytest.raises(kind, match=rf"mail by {HOST}:\d+: {said}"):
        send(open_(Post(replies)))


def test_one_who_is_gone_does_not_keep_it_from_the_others(open_: Open) -> None:
    server, both = open_(Post({"ada@shop.example": ["550 no such user"]})), ["ada@shop.example", "bob@shop.example"]
    result = send(server, to=both)
    assert (result["accepted"], result["refused"]) == (["bob@shop.example"], {"ada@shop.example": "550 no such user"})
    assert server.post.mails[0].to == ["bob@shop.example"]
    server.post.replies = {"ada@shop.example": ["450 later"]}
    with pytest.raises(AlertNotDelivered, match=r"450 ada@shop\.example: later"):
        send(server, to=both)
    assert send(server, to=both)["accepted"] == both


def test_nobody_listens(open_: Open) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(AlertNotDelivered, match=rf"mail by {HOST}:{port}: cannot connect to {HOST}:{port}: .*refused"):
        send(port)


def test_a_silent_server_is_waited_for_only_so_long(open_: Open) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(AlertNotDelivered, match=r"took longer than 0\.3 s, and was connecting to mail\.example"):
            send(port, timeoutSeconds=0.3)
        with pytest.raises(Cancelled):
            send(port, FakeContext(cancel_after=2))


def test_one_that_hangs_up_may_take_it_the_next_time(open_: Open) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=lambda: listener.accept()[0].close(), daemon=True).start()
        with pytest.raises(AlertNotDelivered, match=r"Connection unexpectedly closed|reset by peer"):
            send(listener.getsockname()[1])


def test_a_server_nearby_needs_the_settings_that_http_does(open_: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    server = open_(Post())
    monkeypatch.delenv("STEPWELL_HTTP_PRIVATE")
    with pytest.raises(HttpNotAllowed, match=f"{HOST} is at 127.0.0.1, which is not a public address"):
        send(server)
    monkeypatch.setenv("STEPWELL_HTTP_ALLOW", "api.example.com")
    with pytest.raises(HttpNotAllowed, match=f"http_allow does not have {HOST}:{server.port}"):
        send(server)
    assert not server.post.mails
    monkeypatch.setenv("STEPWELL_HTTP_ALLOW", f"{HOST}:{server.port}")
    send(server)
    assert len(server.post.mails) == 1


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"host": None}, "/host: this key is missing"),
        ({"host": "https://mail.example"}, "/host: this must be the name or address of a mail server"),
        ({"port": 0}, "/port: this must be a whole number from 1 to 65535, not 0"),
        ({"tls": "ssl"}, '/tls: this must be one of starttls, tls, none, not "ssl"'),
        ({"from": None}, "/from: this key is missing"),
        ({"from": ["a@b.example"]}, "/from: this must be an address"),
        ({"from": "a@b.example\nBcc: c@d.example"}, "/from: this must be an address"),
        ({"to": []}, "/to: this must not be empty"),
        ({"to": ["a@b.example", "ops"]}, '/to/1: this must be an address, as "ops@example.com"'),
        ({"to": ["a@b.example, c@d.example"]}, "/to/0: this must be an address"),
        ({"to": ["a@b.example"] * 51}, "/to: these are 51; one message goes to 50 at most"),
        ({"username": "wf"}, "/password: this goes with the other one: give both, or neither"),
        ({"password": "hush"}, "/username: this goes with the other one: give both, or neither"),
        ({"username": "wf", "password": "hush"}, "/tls: a password is not sent in the clear"),
        ({"recipients": []}, "/recipients: unknown key"),
        ({"event": 7}, "/event: this must be a CloudEvent"),
    ],
)
def test_email_refuses(more: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        send(25, **more)
    assert problem in str(caught.value)
    assert "hush" not in str(caught.value)
