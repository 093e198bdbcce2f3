"""Real servers: the whole application over a real file store, on a port of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.serving import make_server

from app import create_app
from task_functions import task_function
from task_functions.registry import REGISTRY
from tests.http.client import PATIENCE_S, Client, eventually
from workflows.settings import Settings

ROOT = Path(__file__).parent.parent.parent

Serve = Callable[..., AbstractContextManager[tuple[Client, Flask]]]
"""Starts another server with these settings; gives a client of it and its application. It is stopped at the end of the `with`."""


@contextmanager
def serve_in(directory: Path, **settings: Any) -> Iterator[tuple[Client, Flask]]:
    app = create_app(Settings(store=str(directory / "Data.fs"), grace_s=0.5, **settings))
    server = app.extensions["stepwell"]
    server.start()
    listener = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield Client(f"http://127.0.0.1:{listener.port}"), app
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()
        server.stop()


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of the server that all tests share."""
    with serve_in(tmp_path_factory.mktemp("store")) as (client, _):
        yield client


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    return lambda **settings: serve_in(tmp_path, **settings)


@pytest.fixture
def held(api: Client) -> Iterator[threading.Event]:
    """The function `held`, whose attempts last until this is set. The servers of this process have it, those of HTTP tests among them."""
    ended = threading.Event()

    @task_function("held", executor="inline")
    def held(data: Any) -> Any:
        assert ended.wait(PATIENCE_S), "nobody has let it go on"
        return data

    yield ended
    ended.set()
    REGISTRY.restore({name: function for name, function in REGISTRY.snapshot().items() if name != "held"})


@pytest.fixture(scope="session")
def gunicorn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of the application as gunicorn serves it, for what depends on the server in front: bodies, connections."""
    directory = tmp_path_factory.mktemp("gunicorn")
    command = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "gunicorn.conf.py"), "wsgi:app"]
    settings = {"STEPWELL_PORT": "0", "STEPWELL_STORE": str(directory / "Data.fs"), "STEPWELL_GRACE_S": "0.5", "STEPWELL_THREADS": "16"}
    log = directory / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, cwd=ROOT, env={**os.environ, **settings})
    try:
        port = eventually(lambda: _port(process, log), "gunicorn's start")
        yield Client(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(60)


def _port(process: subprocess.Popen[bytes], log: Path) -> int | None:
    text = log.read_text(errors="replace")
    assert process.poll() is None, text
    listening = re.search(r"Listening at: http://127\.0\.0\.1:(\d+)", text)
    return int(listening[1]) if listening and "Booting worker" in text else None
