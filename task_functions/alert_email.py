"""The function `alert.email`: an event as a message, handed to a mail server.

It connects as `http` does, to an address that was judged, and within a time. The message is the same however often it is sent: its
Message-ID and Date are the event's, so a mailbox that got it twice can tell. A reply that begins with 5 is for good.
"""

from __future__ import annotations

import hashlib
import os
import re
import smtplib
import socket
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP as POLICY
from email.utils import format_datetime, getaddresses, parseaddr
from typing import Any

from requests import utils

from task_functions.alert_event import DEFAULT_SECONDS, MOST_SECONDS, AlertRefused, Event, line, read_event
from task_functions.attended import Attended
from task_functions.context import Context
from task_functions.http_call import AUTHORITIES
from task_functions.http_wire import HttpConnectionError, Wire
from task_functions.inputs import Reader, shown

KEYS = ("host", "port", "tls", "username", "password", "from", "to", "event", "subject", "timeoutSeconds")
PORTS = {"starttls": 587, "tls": 465, "none": 25}
"""Of each way to encrypt."""

MOST_RECIPIENTS = 50
SUBJECT_CHARACTERS = 200
_ADDRESS = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+")
_HOST = re.compile(r"[A-Za-z0-9_.:-]+")
_ID = re.compile(r"[A-Za-z0-9_.-]+")


class AlertNotDelivered(Exception):
    """The mail server could not be reached, or would not take it now. Another try may help."""


@dataclass(frozen=True, slots=True)
class Post:
    """A message and how it is handed over. `sender` and `to` are addresses without names."""

    host: str
    port: int
    tls: str
    login: tuple[str, str] | None
    sender: str
    to: tuple[str, ...]
    message: EmailMessage
    seconds: float


def email(data: Any, ctx: Context) -> dict[str, Any]:
    """`{"id", "messageId", "accepted", "refused"}`. Raises InvalidInput, HttpNotAllowed, AlertRefused, AlertNotDelivered."""
    event, post = read(data)
    begun = time.monotonic()
    result = _Mail(post).wait(ctx)
    ctx.logger.info("%s:%d took it after %.3f s", post.host, post.port, time.monotonic() - begun)
    for address, why in result["refused"].items():
        ctx.logger.warning("%s was refused: %s", address, why)
    return {"id": event.id, "messageId": str(post.message["Message-ID"]), **result}


# ------------------------------------------------------------------------------------------------------------------ what is asked


def read(data: Any) -> tuple[Event, Post]:
    """Raises InvalidInput."""
    reader = Reader("alert.email", data, KEYS)
    host = reader.text("host", required=True)
    if host and not _HOST.fullmatch(host):
        reader.refuse("host", 'this must be the name or address of a mail server, as "mail.example.com"; the port has a key of its own')
    tls = reader.choice("tls", tuple(PORTS), "starttls")
    sender, to, event = _addresses(reader, "from"), _addresses(reader, "to"), read_event(reader)
    post = Post(
        host=host,
        port=reader.whole("port", PORTS[tls], 65_535),
        tls=tls,
        login=_login(reader, tls),
        sender=parseaddr(sender[0])[1] if sender else "",
        to=tuple(parseaddr(one)[1] for one in to),
        message=EmailMessage(POLICY),
        seconds=reader.seconds("timeoutSeconds", DEFAULT_SECONDS, MOST_SECONDS) or DEFAULT_SECONDS,
    )
    subject = reader.text("subject")
    reader.finish()
    _write(post.message, event, sender[0], to, subject)
    return event, post


def _addresses(reader: Reader, key: str) -> list[str]:
    """One, or of `to` a list; each may have a name before it."""
    given = reader.data.get(key)
    several = isinstance(given, list) and key == "to"
    texts: list[Any] = given if several and isinstance(given, list) else [given]
    if not given:
        reader.refuse(key, "this key is missing" if given is None else "this must not be empty")
        return []
    if len(texts) > MOST_RECIPIENTS:
        reader.refuse(key, f"these are {len(texts)}; one message goes to {MOST_RECIPIENTS} at most")
    wrong = [index for index, text in enumerate(texts) if not _is_address(text)]
    for index in wrong:
        form = 'this must be an address, as "ops@example.com" or "Operations <ops@example.com>"'
        reader.refuse(f"{key}/{index}" if several else key, f"{form}, not {shown(texts[index])}")
    return [] if wrong else texts


def _is_address(text: Any) -> bool:
    found = getaddresses([text]) if isinstance(text, str) and text.isprintable() else []
    return len(found) == 1 and _ADDRESS.fullmatch(found[0][1]) is not None


def _login(reader: Reader, tls: str) -> tuple[str, str] | None:
    name, password = reader.text("username"), reader.text("password")
    if bool(name) != bool(password):
        reader.refuse("password" if name else "username", "this goes with the other one: give both, or neither")
    if password and tls == "none":
        reader.refuse("tls", 'a password is not sent in the clear; this must be "starttls" or "tls"')
    return (name, password) if name and password else None


def _write(message: EmailMessage, event: Event, sender: str, to: list[str], subject: str) -> None:
    domain = parseaddr(sender)[1].rpartition("@")[2]
    id = event.id if _ID.fullmatch(event.id) else hashlib.sha256(event.id.encode()).hexdigest()
    message["From"], message["To"] = sender, ", ".join(to)
    message["Subject"] = line(subject or f"[Stepwell] {event.headline}")[:SUBJECT_CHARACTERS]
    message["Date"] = format_datetime(_moment(event.whole.get("time")))
    message["Message-ID"] = f"<{id}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content("\n".join((event.headline, "", *event.details, f"event: {event.id}")) + "\n")


def _moment(text: object) -> datetime:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return datetime.now(UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


# ------------------------------------------------------------------------------------------------------------------- what happens


class _Connection(smtplib.SMTP):
    """One that connects by `wire`."""

    def __init__(self, wire: Wire, post: Post) -> None:
        name = socket.gethostname()
        super().__init__(local_hostname=name if "." in name else "[127.0.0.1]", timeout=post.seconds + 1)
        self._wire, self._post, self._host = wire, post, post.host  # the last is what the certificate must name
        authorities = next((os.environ[name] for name in AUTHORITIES if os.environ.get(name)), utils.DEFAULT_CA_BUNDLE_PATH)
        self._context = ssl.create_default_context(cafile=authorities)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        plain = self._wire.connect(host, port)
        plain.settimeout(timeout)
        return self._context.wrap_socket(plain, server_hostname=host) if self._post.tls == "tls" else plain

    def opened(self) -> None:
        """Connected, encrypted and known."""
        code, said = self.connect(self._post.host, self._post.port)
        if code != 220:
            raise smtplib.SMTPConnectError(code, said)
        if self._post.tls == "starttls":
            self.starttls(context=self._context)
        if self._post.login is not None:
            self.login(*self._post.login)


class _Mail(Attended):
    name = "mail"
    late = AlertNotDelivered

    def __init__(self, post: Post) -> None:
        super().__init__(f"mail by {post.host}:{post.port}", post.seconds)
        self._post = post

    def work(self) -> dict[str, Any]:
        post = self._post
        self.wire.check(post.host.rstrip(".").lower(), post.port)
        connection = _Connection(self.wire, post)
        try:
            self.stage = f"connecting to {post.host}"
            connection.opened()
            self.stage = "handing it over"
            refused = connection.send_message(post.message, post.sender, post.to)
            with suppress(smtplib.SMTPException, OSError):  # it is theirs already
                connection.quit()
        except smtplib.SMTPRecipientsRefused as error:
            refused = error.recipients
        except smtplib.SMTPResponseException as error:
            raise self._failed(error.smtp_code, _said(error.smtp_error)) from None
        except smtplib.SMTPNotSupportedError as error:
            raise self._failed(500, str(error)) from None
        except (smtplib.SMTPException, HttpConnectionError, OSError, ValueError) as error:
            raise AlertNotDelivered(f"mail by {post.host}:{post.port}: {_why(error)}") from None
        finally:
            connection.close()
        return self._handed_over({address: (code, _said(text)) for address, (code, text) in refused.items()})

    def _handed_over(self, refused: dict[str, tuple[int, str]]) -> dict[str, Any]:
        """Another try is worth it for any who may be taken then, though the rest gets it again; else for nobody."""
        later = [(code, f"{address}: {said}") for address, (code, said) in refused.items() if code < 500]
        never = [(code, f"{address}: {said}") for address, (code, said) in refused.items() if code >= 500]
        if later or len(never) == len(self._post.to):
            raise self._failed(*(later or never)[0])
        accepted = [address for address in self._post.to if address not in refused]
        return {"accepted": accepted, "refused": {address: f"{code} {said}" for address, (code, said) in refused.items()}}

    def _failed(self, code: int, said: str) -> Exception:
        message = f"mail by {self._post.host}:{self._post.port}: {code} {said}"
        return AlertRefused(message, code) if code >= 500 else AlertNotDelivered(message)


def _said(reply: object) -> str:
    return line(reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply)


def _why(error: BaseException) -> str:
    if isinstance(error, ssl.SSLError):
        told = getattr(error, "verify_message", None) or error.reason or str(error)
        return f"the certificate or the encryption is not right: {line(told)}"
    return line(getattr(error, "strerror", None) or str(error) or type(error).__name__)
