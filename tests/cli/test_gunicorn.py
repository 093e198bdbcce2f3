"""`gunicorn wsgi:app` as processes: with our gunicorn.conf.py, in its directory, and without it, anywhere else."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests.cli.servers import GUNICORN, JOBS, ROOT, Process, ended, slow, until, url_of
from workflows.client import Client

Start = Callable[..., Process]


def gunicorn(directory: Path, *flags: str, cwd: Path = ROOT, **variables: str) -> Process:
    command = (*GUNICORN, "wsgi:app", *flags)
    return Process(*command, cwd=cwd, env={"STEPWELL_STORE": str(directory / "Data.fs"), "STEPWELL_PORT": "0", **variables})


def listening(process: Process) -> Client:
    return Client(process.says("Listening at:").split("Listening at: ")[1].split()[0])


@pytest.mark.parametrize("flags", [(), ("--preload",), ("--workers", "4")])
def test_gunicorn_serves_it_from_our_directory(start: Start, flags: tuple[str, ...]) -> None:
    process = start(*flags, make=gunicorn)
    client, execution_id = slow(listening(process).url, 3.0)
    assert len(process.children()) == 1
    os.killpg(process.popen.pid, signal.SIGINT)
    assert process.exit() == 0, process.said
    assert "stopped; what was done is committed" in process.said
    assert ended(Client(url_of(start())), execution_id)["tasks"][0]["attempts"] == 1
    assert client.url


def test_a_reload_of_gunicorn_ends_the_old_worker_first(start: Start) -> None:
    process = start("--workers", "2", make=gunicorn)
    client, execution_id = slow(listening(process).url, 3.0)
    [before] = process.children()
    process.signal(signal.SIGHUP)
    until(lambda: process.children() not in ([], [before]), what="another worker")
    assert ended(client, execution_id)["status"] == "COMPLETED"
    assert client.system_state()["pool"]["interruptedAttempts"] == 0
    process.signal(signal.SIGTERM)
    assert process.exit() == 0


@pytest.mark.parametrize("flags", [(), ("--preload",)])
def test_gunicorn_serves_it_from_another_directory(start: Start, tmp_path: Path, flags: tuple[str, ...]) -> None:
    process = start("--bind", "127.0.0.1:0", *flags, make=gunicorn, cwd=tmp_path)
    client = listening(process)
    client.register(JOBS[0])
    execution_id = client.execute("good", {"a": 1})
    assert ended(client, execution_id)["status"] == "COMPLETED"
    process.signal(signal.SIGTERM)
    assert process.exit() == 0, process.said
    assert ended(Client(url_of(start())), execution_id)["status"] == "COMPLETED"


def test_gunicorn_gives_up_on_a_locked_store(start: Start, tmp_path: Path) -> None:
    url_of(start())
    hooked = start(make=gunicorn)
    assert hooked.exit() == 4
    assert "is in use by another server" in hooked.said
    assert "Traceback" not in hooked.said
    lazy = start("--bind", "127.0.0.1:0", make=gunicorn, cwd=tmp_path)
    client = listening(lazy)
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{client.url}/health", timeout=30)
    assert lazy.exit() == 4
    assert "is in use by another server" in lazy.said


def test_gunicorn_may_not_listen_to_everybody_either(start: Start) -> None:
    process = start("--bind", "0.0.0.0:0", make=gunicorn)
    assert process.exit() == 2
    assert "refusing to listen on 0.0.0.0" in process.said


def test_gunicorn_is_told_of_wrong_settings(start: Start, tmp_path: Path) -> None:
    for process, code in (
        (start(make=gunicorn, STEPWELL_MAX_JOBS="none"), 2),
        (start("--bind", "127.0.0.1:0", make=gunicorn, cwd=tmp_path, STEPWELL_MAX_JOBS="none"), 4),
    ):
        assert process.exit() == code
        assert "STEPWELL_MAX_JOBS" in process.said
        assert "Traceback" not in process.said


def test_gunicorn_takes_the_same_file(start: Start, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("task_workers = 3\nprot = 1\n")
    process = start(make=gunicorn, STEPWELL_CONFIG=str(tmp_path / "mine.toml"))
    assert process.exit() == 2
    assert f"{tmp_path}/mine.toml:2: prot is no setting; did you mean port?" in process.said
    (tmp_path / "mine.toml").write_text("task_workers = 3\n")
    process = start(make=gunicorn, STEPWELL_CONFIG=str(tmp_path / "mine.toml"))
    assert {"name": "shared", "workers": 3 * 16, "processes": 0, "running": 0} in listening(process).system_state()["pool"]["classes"]
