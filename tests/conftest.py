"""What holds for all tests: each has an id of its own, none is held to a time, and the processes that they start heed signals, however the
tests were started."""

from __future__ import annotations

import signal
from collections import Counter

import pytest
from hypothesis import HealthCheck, settings


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of tests with the same id only one is run by several processes, and nothing is said of it."""
    twice = [name for name, count in Counter(item.nodeid for item in items).items() if count > 1]
    if twice:
        raise pytest.UsageError(f"several tests have the same id: {', '.join(twice)}")


def _pass_on_no_deafness() -> None:
    """Whoever runs the tests in the background, or under nohup, has signals ignored, and children inherit that. One that is caught is
    ignored here as well, and is as usual again in whatever is executed. (A `preexec_fn` may hang: other threads hold locks at the fork.)"""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


_pass_on_no_deafness()
settings.register_profile(
    "patient", settings(), deadline=None, suppress_health_check={*settings().suppress_health_check, HealthCheck.too_slow}
)
settings.load_profile("patient")
