"""Jobs that tell people of alerts, as `stepwell alert add` makes them: one task, which calls the function that delivers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import click

KINDS = ("failed", "missed", "late", "queueDepth")

FUNCTIONS = {"alert.webhook": "webhook", "alert.slack": "chat", "alert.email": "mail"}
"""What each delivers by."""

RETRIES = {"maxRetry": 8, "retryDelay": {"type": "exponential", "initialSeconds": 5, "multiplier": 3, "maxSeconds": 3600}}
"""After 5, 15, 45 seconds and so on, the last two after an hour each: some three hours in all."""

NEVER_AGAIN = ["AlertRefused", "HttpNotAllowed", "InvalidInput"]

EVENT = {"event.$": "$.input"}

_PLACE = re.compile(r"(?P<host>[^\s:/]+|\[[0-9a-fA-F:]+\])(?::(?P<port>[0-9]{1,5}))?")
_URL = re.compile(r"https?://[^\s/?#]+\S*", re.IGNORECASE)
_MAIL = re.compile(r"[^\s@]+@[^\s@]+")
_SECRET = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
TLS_PORT = 465

Json = dict[str, Any]


def definition(name: str, function: str, parameters: Json, kinds: Sequence[str], jobs: Sequence[str]) -> Json:
    """`kinds` and `jobs` empty: all of them."""
    task = {"id": "deliver", "functionName": function, "parameters": parameters | EVENT, **RETRIES, "doNotRetryOn": NEVER_AGAIN}
    heard = ({"kinds": list(kinds)} if kinds else {}) | ({"jobs": list(jobs)} if jobs else {})
    return {"id": name, "name": f"Alerts by {FUNCTIONS[function]}", "onAlert": heard, "tasks": [task]}


def webhook(url: str, secrets: Sequence[str]) -> Json:
    if not secrets:
        raise click.UsageError(
            "a webhook is signed: name the secret that it is signed with, --secret NAME. The server finds its value as "
            "STEPWELL_SECRET_NAME; make one with: echo whsec_$(openssl rand -base64 32)"
        )
    keys = [_secret("--secret", name) for name in secrets]
    return {"url": _address("--webhook", url), "secret": keys if len(keys) > 1 else keys[0]}


def slack(url: str, secrets: Sequence[str]) -> Json:
    if secrets:
        raise click.UsageError("a chat needs no --secret; if its URL is one, write --slack secret:NAME")
    return {"url": _address("--slack", url)}


def email(to: Sequence[str], smtp: str | None, tls: str | None, sender: str | None, user: str | None, secrets: Sequence[str]) -> Json:
    """`sender` None: the user where that is an address, else the first who gets it."""
    for option, address in (*(("--email", one) for one in to), *((("--from", sender),) if sender else ())):
        if not _MAIL.fullmatch(address):
            raise click.UsageError(f"{option} is a mail address, as ops@example.com, not {address!r}")
    if smtp is None:
        raise click.UsageError("mail goes by a server: --smtp HOST:PORT")
    place = _PLACE.fullmatch(smtp)
    if place is None or int(place["port"] or 1) not in range(1, 65_536):
        raise click.UsageError(f"--smtp is the name of a mail server and its port, as mail.example.com:587, not {smtp!r}")
    if len(secrets) > 1 or bool(secrets) != bool(user):
        raise click.UsageError("--username and --secret (the name of the secret that holds the password) go together, once each")
    port = int(place["port"]) if place["port"] else None
    return {
        "host": place["host"].strip("[]"),
        **({"port": port} if port else {}),
        "tls": tls or ("tls" if port == TLS_PORT else "starttls"),
        **({"username": user, "password": _secret("--secret", secrets[0])} if user else {}),
        "from": sender or (user if user and "@" in user else to[0]),
        "to": list(to),
    }


def delivery(document: Json) -> tuple[str, str]:
    """How a job that hears alerts delivers them, and where to: as far as it is one of these."""
    tasks = document.get("tasks")
    for task in tasks if isinstance(tasks, list) else []:
        function, parameters = task.get("functionName"), task.get("parameters")
        if function in FUNCTIONS and isinstance(parameters, dict):
            return FUNCTIONS[function], _shown(parameters)
    return "a job", ""


def _address(option: str, text: str) -> Any:
    """`secret:NAME` refers to a secret."""
    if text.startswith("secret:"):
        return _secret(option, text.removeprefix("secret:"))
    if not _URL.fullmatch(text):
        raise click.UsageError(
            f"{option} is an address that begins with http:// or https://, or secret:NAME for the secret that holds it, not {text!r}"
        )
    return text


def _secret(option: str, name: str) -> Json:
    if not _SECRET.fullmatch(name):
        raise click.UsageError(f"{option}: {name!r} is no name of a secret: that has letters, digits and _, and begins with no digit")
    return {"$secret": name}


def _shown(parameters: Json) -> str:
    """Of an address no more than the host: the rest may be a key to it."""
    url, to = parameters.get("url"), parameters.get("to")
    if isinstance(url, dict):
        return f"secret:{url.get('$secret')}"
    if isinstance(url, str):
        return url.partition("://")[2].partition("/")[0].rpartition("@")[2]
    return ", ".join(to) if isinstance(to, list) else str(to or "")
