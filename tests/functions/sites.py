"""Servers on this machine, for functions that call some: of HTTP and of mail, with TLS where it is wanted."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as POLICY
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers by the path's first word; every request is kept."""

    protocol_version = "HTTP/1.1"
    server: Site

    def _any(self) -> None:
        length = int(self.headers.get("content-length", 0))
        self.sent = self.rfile.read(length)
        self.server.seen.append(self)
        self.server.answers[self.path.partition("?")[0].split("/")[1]](self)
        self.close_connection = True

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _any

    def reply(self, status: int = 200, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


class Site(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, family: socket.AddressFamily = socket.AF_INET, host: str = "127.0.0.1") -> None:
        self.address_family = family
        self.seen: list[Handler] = []
        self.answers: dict[str, Answer] = {}
        self.closing = threading.Event()
        super().__init__((host, 0), Handler)
        threading.Thread(target=lambda: self.serve_forever(0.01), daemon=True).start()

    def on(self, word: str, answer: Answer) -> str:
        """The URL of that word, which is answered so."""
        self.answers[word] = answer
        return f"http://127.0.0.1:{self.server_port}/{word}"

    def handle_error(self, *_: Any) -> None:
        """The other side hung up, as it should."""

    def end(self) -> None:
        self.closing.set()
        self.shutdown()
        self.server_close()


def self_signed(directory: Path, name: str) -> tuple[ssl.SSLContext, Path]:
    """For a server of that name, and the file of its certificate."""
    key, certificate = directory / "key.pem", directory / "certificate.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"]
    extra = ["-addext", f"subjectAltName=DNS:{name}", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*made, *extra], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context, certificate


@dataclass
class Mail:
    """What was handed over. `secure`: whether it came encrypted; `user`: who had logged in."""

    sender: str
    to: list[str]
    message: EmailMessage
    secure: bool
    user: str | None


@dataclass
class Post:
    """What a mail server does. `replies` says how it answers to a recipient, or in the place "DATA" to a message, instead of taking it: the
    first of each list, once. Every login is compared with `login`."""

    replies: dict[str, list[str]] = field(default_factory=dict)
    login: tuple[bytes, bytes] = (b"", b"")
    mails: list[Mail] = field(default_factory=list)

    def _reply(self, place: str) -> str | None:
        left = self.replies.get(place)
        return left.pop(0) if left else None

    async def handle_RCPT(self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]) -> str:
        if (reply := self._reply(address)) is not None:
            return reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if (reply := self._reply("DATA")) is not None:
            return reply
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=POLICY)
        secure = server.transport is not None and server.transport.get_extra_info("sslcontext") is not None
        user = session.auth_data.login.decode() if session.auth_data else None
        self.mails.append(Mail(str(envelope.mail_from), list(envelope.rcpt_tos), message, secure, user))
        return "250 taken"

    def known(self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
        given = isinstance(data, LoginPassword) and (data.login, data.password) == self.login
        return AuthResult(success=given, handled=False, auth_data=data)


class MailServer:
    """A real one, on a free port. `secure`: a context for TLS, from the beginning (`tls`) or after STARTTLS."""

    def __init__(self, post: Post, secure: ssl.SSLContext | None = None, *, tls: bool = False) -> None:
        self.post = post
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = int(free.getsockname()[1])
        options: dict[str, Any] = {"authenticator": post.known, "auth_required": post.login != (b"", b""), "auth_require_tls": not tls}
        if secure is not None and not tls:
            options |= {"tls_context": secure, "require_starttls": True}
        self._controller = Controller(post, "127.0.0.1", port, ssl_context=secure if tls else None, ready_timeout=60, **options)
        self._controller.start()
        self.port = port

    def end(self) -> None:
        self._controller.stop()
