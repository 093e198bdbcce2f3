"""How many requests were answered, and how fast: by endpoint, method and status, never by path, of which there may be any number.

Counts every answer of the application, refusals included, until it begins to be sent: a stream would never be counted else. Many threads
answer, so there is a lock, held for as long as it takes to add one.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict

from flask import Flask, Response, g, request

from workflows.api.paths import shown_path
from workflows.runtime.buckets import REQUEST_S, Spread
from workflows.service.metrics import Kind, Metric, Reading

ANSWERED = Metric(
    "http_requests",
    Kind.COUNTER,
    "Requests that were answered. `endpoint` is a path as the table of endpoints has it, or `none`.",
    ("endpoint", "method", "code"),
)
TOOK = Metric(
    "http_request_duration_seconds", Kind.HISTOGRAM, "How long a request took until its answer began to be sent.", ("endpoint", "method")
)
METRICS = (ANSWERED, TOOK)

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Others are `other`: a client may make up any."""

_KEY = "stepwell.traffic"


class Traffic:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answered: dict[tuple[str, str, str], int] = defaultdict(int)
        self._took: dict[tuple[str, str], Spread] = defaultdict(lambda: Spread(REQUEST_S))
        self._shown: dict[str, str] = {}

    def add(self, rule: str | None, method: str, status: int, seconds: float) -> None:
        endpoint, known = self._place(rule), method if method in METHODS else "other"
        with self._lock:
            self._answered[endpoint, known, str(status)] += 1
            self._took[endpoint, known].add(seconds)

    def read(self) -> list[Reading]:
        with self._lock:
            answered, took = self._answered.copy(), {place: spread.seen() for place, spread in self._took.items()}
        return [Reading(ANSWERED, tuple(answered.items())), Reading(TOOK, tuple(took.items()))]

    def _place(self, rule: str | None) -> str:
        if rule is None:
            return "none"
        if rule not in self._shown:
            self._shown[rule] = shown_path(rule)
        return self._shown[rule]


def count_traffic(app: Flask) -> None:
    """Count from before everything else until after it: call it first. `traffic` finds what was counted."""
    counts = app.extensions[_KEY] = Traffic()

    @app.before_request
    def begin() -> None:
        g.began = time.perf_counter()

    @app.after_request
    def count(response: Response) -> Response:
        rule = None if request.url_rule is None else request.url_rule.rule
        counts.add(rule, request.method, response.status_code, time.perf_counter() - g.began)
        return response


def traffic(app: Flask) -> Traffic:
    found: Traffic = app.extensions[_KEY]
    return found
