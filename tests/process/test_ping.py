"""A real server and whoever watches it: silent while the store cannot commit, and from the moment it is killed."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functions.sites import Site
from tests.process.harness import END_S, ServerProcess, wait_until
from tests.process.test_faults import execute, limit_files


@pytest.fixture
def watcher() -> Iterator[Site]:
    found = Site()
    yield found
    found.end()


def test_a_server_pings_while_it_is_well(watcher: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPWELL_PING_URL", watcher.on("hush", lambda r: r.reply()))
    server = ServerProcess(tmp_path, "--ping-interval", "1")

    def log_has(text: str, times: int = 1) -> None:
        wait_until(lambda: server.log.read_text().count(text) >= times, END_S, server.tail)

    try:
        server.start()
        wait_until(lambda: len(watcher.seen) >= 2, END_S, server.tail)
        limit_files(server, (tmp_path / "Data.fs").stat().st_size)
        assert execute(server, "line", {"ms": 1}).status_code == 503
        log_has("so that it raises the alarm: the store cannot commit")
        silent = len(watcher.seen)
        limit_files(server, resource.RLIM_INFINITY)
        log_has("pinging again")
        assert len(watcher.seen) > silent
        assert server.stop() == 0
        ended = len(watcher.seen)
        assert "hush" not in server.log.read_text()
        server.start()
        wait_until(lambda: len(watcher.seen) > ended, END_S, server.tail)
    finally:
        server.kill()
