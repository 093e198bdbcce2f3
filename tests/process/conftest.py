"""A test that fails leaves no server behind, which would fire its schedules and keep the machine busy for as long as there is one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.process.harness import STARTED


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    yield
    while STARTED:
        server = STARTED.pop()
        if server.process is not None and server.process.poll() is None:
            server.kill()
