"""The ping to whoever watches the server from outside: as long as all is well an address is called again and again. When that falls silent,
the watcher raises the alarm (a dead man's switch, as Healthchecks.io and its like are).

One thread, which nothing waits for: a watcher that hangs holds up neither the server nor its end. Failures are logged once, until things
change. The address is a key to the watcher, so it is in no message. `requests` is imported by the first ping: most servers send none.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import backoff

log = logging.getLogger(__name__)

CONNECT_S, ANSWER_S = 5.0, 10.0

RETRY_S = 1.0
"""The first pause after a ping that did not get through; each one after is twice as long, up to the interval."""

STOPPING_S = 1.0
"""How long an end waits for a ping under way."""


class Ping:
    """`url` None: nobody is pinged. `unwell`: what is wrong with the server, or ""; asked before each ping. `stop` before `start` is fine,
    and after it there may be another `start`."""

    def __init__(self, url: str | None, interval_s: float, unwell: Callable[[], str]) -> None:
        self._url = url
        self._interval_s = interval_s
        self._unwell = unwell
        self._trouble = ""
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Idempotent."""
        if self._url and self._thread is None:
            self._stopping = threading.Event()
            self._thread = threading.Thread(target=self._loop, args=(self._url, self._stopping), name="ping", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """No ping begins after it. Idempotent."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(STOPPING_S)
            self._thread = None

    def _loop(self, url: str, stopping: threading.Event) -> None:
        pauses = self._pauses()
        while not stopping.is_set():
            trouble = self._try(url)
            if not stopping.is_set():
                self._tell(trouble)
                if not trouble:
                    pauses = self._pauses()
                stopping.wait(next(pauses) if trouble else self._interval_s)

    def _try(self, url: str) -> str:
        """Ping if all is well; why there was none, or ""."""
        try:
            if unwell := self._unwell():
                return f"not pinging {_shown(url)}, so that it raises the alarm: {unwell}"
        except Exception as error:
            return f"not pinging {_shown(url)}, so that it raises the alarm: it cannot be told how the server is: {error}"
        return _pinged(url)

    def _tell(self, trouble: str) -> None:
        if trouble == self._trouble:
            return
        if trouble:
            log.warning("%s", trouble)
        else:
            log.info("pinging again")
        self._trouble = trouble

    def _pauses(self) -> Iterator[float]:
        pauses: Iterator[float] = backoff.expo(factor=min(RETRY_S, self._interval_s), max_value=self._interval_s)
        with suppress(StopIteration):
            next(pauses)
        return pauses


def _pinged(url: str) -> str:
    """What was wrong with it, or ""."""
    import requests

    try:
        with requests.get(url, timeout=(CONNECT_S, ANSWER_S), headers={"User-Agent": "stepwell"}, stream=True) as answer:
            return "" if answer.ok else f"the ping to {_shown(url)} was answered {answer.status_code}"
    except requests.Timeout:
        return f"the ping to {_shown(url)} was not answered in time"
    except (requests.RequestException, ValueError) as error:
        return f"the ping to {_shown(url)} did not get through: {_why(error)}"


def _shown(url: str) -> str:
    with suppress(ValueError):
        if host := urlsplit(url).hostname:
            return host
    return "the watcher"


def _why(error: BaseException) -> str:
    """The kind of error at the bottom of it, in the system's words if it has any: the words further up hold the address."""
    while True:
        if isinstance(error, OSError) and error.strerror:
            return error.strerror.lower()
        inner = getattr(error, "reason", None)
        found = inner if isinstance(inner, BaseException) else next((one for one in error.args if isinstance(one, BaseException)), None)
        found = found or error.__cause__ or error.__context__
        if found is None:
            return type(error).__name__
        error = found
