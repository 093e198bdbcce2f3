"""Servers for the tests of a file, and for one test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.servers import JOBS, Process, serve, url_of
from workflows.client import Client


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of one server for all tests of a file; it knows JOBS and the shipped ones."""
    process = serve(tmp_path_factory.mktemp("shared"), STEPWELL_GRACE_S="0.2", STEPWELL_SECRET_LIFE="whsec_bGlmZQ==")
    try:
        address = url_of(process)
        for job in JOBS:
            Client(address).register(job)
        yield address
    finally:
        process.kill()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Starts processes as `serve` does, and leaves none behind."""
    started: list[Process] = []

    def begin(*flags: str, directory: Path = tmp_path, make: Callable[..., Process] = serve, **more: Any) -> Process:
        started.append(make(directory, *flags, **more))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
