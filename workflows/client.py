"""Talks to a server over HTTP: for the command line, the demo, and programs that use Stepwell from Python.

Knows paths and field names and nothing of the server's insides. Questions may be asked twice, so they are retried for a while when the
server cannot be reached or is not ready; what changes something is sent once, because nobody knows whether a lost answer meant a lost
request.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import backoff
import requests

DEFAULT_URL = "http://127.0.0.1:8080"

LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""No proxy stands between this machine and itself, whatever the environment says."""

CONNECT_S = 5.0
ANSWER_S = 60.0
"""Longer than the server itself waits for a commit."""

PATIENCE_S = 15.0
"""How long a question is repeated while the server is away: a restart takes less."""

ENDED = frozenset({"COMPLETED", "FAILED", "CANCELLED"})

Json = dict[str, Any]
Answer = TypeVar("Answer")


class CannotReach(Exception):
    """There is no server at that address, or none that answers in time."""


class ClientError(Exception):
    """The server refused. `findings` are what is wrong with what was sent, if that is why: each has `pointer`, `message`, and where known
    `suggestion`, `line` and `column`. `problems` are (place, message) of the same."""

    def __init__(self, status: int, title: str, detail: str = "", findings: Sequence[Mapping[str, Any]] = ()) -> None:
        self.status, self.title, self.detail, self.findings = status, title, detail, tuple(findings)
        self.problems = tuple((str(one["pointer"]), _hinted(one)) for one in findings)
        lines = [f"{pointer or '/'}: {message}" for pointer, message in self.problems] or [detail or title]
        super().__init__("\n".join(lines))


class NotReady(ClientError):
    """503 or 429: the same request may well succeed in a moment."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is new about a task, or about the execution itself, whose `task` is None. `seconds`: how long it took, or has been running."""

    task: str | None
    status: str
    attempts: int = 0
    seconds: float | None = None
    error: str | None = None

    def __str__(self) -> str:
        """One line, such as `hash-03      COMPLETED  0.41s`."""
        parts = [self.status if self.task is None else f"{self.task:<12} {self.status:<9}"]
        if self.attempts > 1:
            parts.append(f"attempt {self.attempts}")
        if self.seconds is not None:
            parts.append(f"{self.seconds:.2f}s")
        if self.error:
            parts.append(self.error)
        return "  ".join(parts).rstrip()


class Client:
    """One thread's connection, kept alive between requests. `patience`: seconds for which a question is repeated, to a server that has
    answered before; one that never did is not waited for."""

    def __init__(self, url: str = DEFAULT_URL, patience: float = PATIENCE_S) -> None:
        self.url = (url if "://" in url else f"http://{url}").rstrip("/")
        self._patience = patience
        self._session = requests.Session()
        self._session.trust_env = not _is_loopback(self.url)
        self._reached = False

    def close(self) -> None:
        self._session.close()

    # ------------------------------------------------------------------------------------------------------------ requests

    def register(self, definition: Mapping[str, Any] | Path) -> Json:
        """Register a document, or the one in a file, whose text is sent as it is. Answer: `id`, `revision`, `message`."""
        body = definition.read_bytes() if isinstance(definition, Path) else json.dumps(definition).encode()
        return self._send("/job-definitions", body)

    def execute(self, job: str, payload: Mapping[str, Any] | str | bytes = b"{}") -> str:
        """Start an execution; text is taken for JSON text. Answer: its id."""
        body = json.dumps(payload) if isinstance(payload, Mapping) else payload
        execution_id: str = self._send(f"/jobs/{quote(job, safe='')}/execute", body)["executionID"]
        return execution_id

    def state(self, execution_id: str) -> Json:
        return self._ask(f"/jobs/{quote(execution_id, safe='')}/state")

    def cancel(self, execution_id: str) -> Json:
        return self._send(f"/jobs/{quote(execution_id, safe='')}/cancel", b"")

    def system_state(self) -> Json:
        return self._ask("/system/state")

    def health(self) -> Json:
        return self._ask("/health")

    def watch(self, execution_id: str, interval: float = 0.2, sleep: Callable[[float], None] = time.sleep) -> Iterator[Change]:
        """What changes, as it is seen, until the execution has ended; its own end is the last. Polls every `interval` seconds, so that
        what comes and goes in between is not seen."""
        before: Json = {"status": None, "tasks": []}
        while True:
            state = self.state(execution_id)
            yield from changes(before, state)
            if state["status"] in ENDED:
                return
            before = state
            sleep(interval)

    # ----------------------------------------------------------------------------------------------------------- transport

    def _ask(self, path: str) -> Json:
        retried = backoff.on_exception(
            *(backoff.expo, (CannotReach, NotReady)),
            max_time=self._patience,
            giveup=lambda _: not self._reached,
            factor=0.1,
            max_value=2,
        )
        answer: Json = retried(self._request)("GET", path)
        return answer

    def _send(self, path: str, body: bytes | str) -> Json:
        return self._request("POST", path, body.encode() if isinstance(body, str) else body)

    def _request(self, method: str, path: str, body: bytes | None = None) -> Json:
        headers = {"Content-Type": "application/json"} if body else {}
        try:
            response = self._session.request(
                method, self.url + path, data=body, headers=headers, timeout=(CONNECT_S, ANSWER_S), allow_redirects=False
            )
        except requests.Timeout as error:
            raise CannotReach(f"{self.url} does not answer") from error
        except requests.RequestException as error:
            raise CannotReach(f"cannot reach {self.url}: {_reason(error)}") from error
        self._reached = True
        return _answer(response, self.url)


def _is_loopback(url: str) -> bool:
    try:
        return urlsplit(url).hostname in LOOPBACK
    except ValueError:
        return False  # requests will say what is wrong with it


def _reason(error: BaseException) -> str:
    """The innermost words for it, the operating system's if there are any: requests wraps them several times."""
    words, inner = str(error), error
    while True:
        if isinstance(inner, OSError) and inner.strerror:
            return inner.strerror.lower()
        nested = [one for one in (inner.__cause__, inner.__context__, getattr(inner, "reason", None)) if isinstance(one, BaseException)]
        if not nested:
            return words
        inner = nested[0]
        words = str(inner) or words


def _answer(response: requests.Response, url: str) -> Json:
    try:
        data = response.json()
    except ValueError:
        data = None
    if 200 <= response.status_code < 300 and isinstance(data, dict):
        return data
    if not isinstance(data, dict) or "title" not in data:
        raise ClientError(response.status_code, f"{url} answers {response.status_code}, but not as a Stepwell server does")
    kind = NotReady if response.status_code in (429, 503) else ClientError
    raise kind(response.status_code, data["title"], data.get("detail", ""), data.get("problems", ()))


def _hinted(problem: Mapping[str, Any]) -> str:
    suggestion = problem.get("suggestion")
    return f"{problem['message']}; did you mean {suggestion!r}?" if suggestion else str(problem["message"])


# -------------------------------------------------------------------------------------------------------------------- changes


def changes(before: Json, after: Json) -> Iterator[Change]:
    """What is different between two states of an execution: its tasks, in their order, then the execution."""
    known = {task["id"]: (task["status"], task["attempts"]) for task in before["tasks"]}
    for task in after["tasks"]:
        now = (task["status"], task["attempts"])
        if now != known.get(task["id"], ("PENDING", 0)):
            error = describe_error(task.get("error")) or task.get("reason")
            yield Change(task["id"], *now, seconds_between(task["startTime"], task["endTime"]), error)
    if after["status"] != before["status"]:
        error = describe_error(after.get("error"))
        yield Change(None, after["status"], seconds=seconds_between(after["submitTime"], after["endTime"]), error=error)


def describe_error(error: Mapping[str, Any] | None) -> str | None:
    """`Type: message`, or None where there is no error. Of a cause as Lambda writes it, a JSON text, only its errorMessage is shown."""
    if not error:
        return None
    message = error.get("message") or ""
    if message.startswith("{"):
        with suppress(ValueError, KeyError):  # a message may begin so and be no cause
            message = str(json.loads(message)["errorMessage"])
    return f"{error['type']}: {message}" if message else str(error["type"])


def moment(text: str | None) -> float | None:
    """Seconds since the epoch of a time as the server writes it."""
    return None if text is None else datetime.fromisoformat(text).timestamp()


def seconds_between(start: str | None, end: str | None) -> float | None:
    begun, ended = moment(start), moment(end)
    return None if begun is None or ended is None else max(0.0, ended - begun)
