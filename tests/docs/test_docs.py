"""What the documents show is true: definitions in them are accepted and do what they say, settings exist, links lead somewhere.

A definition of the guide is executed by a real server; "Input `…` gives `…`" behind it says with what, and what it comes to.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from app import create_app
from task_functions import http_wire
from task_functions.registry import REGISTRY, load
from tests.docs.pages import DEFINITIONS, GUIDE, README, ROOT, Block
from tests.http.client import eventually
from workflows.language import read_definition
from workflows.language.intrinsics import ARITIES
from workflows.model import Status
from workflows.runtime.state import ExecutionState
from workflows.server import Server
from workflows.service import Service
from workflows.settings import Settings

BUILT_IN = ("echo", "sleep", "fail", "http", "http.get", "http.post", "command")
INPUTS = {"greeting": '{"name": "Ada"}', "notify": '{"data": {"message": "It is late"}}'}
"""Of definitions behind which the guide says nothing."""


class Orders(BaseHTTPRequestHandler):
    """What the guide's http://api.example.com answers."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"note": "leave it at the door"}')

    def log_message(self, *_: object) -> None:
        pass


RESOLVER = """
import socket
from task_functions import http_wire

place = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", {port}))
http_wire.resolve = lambda host, *_, **__: [place] if host == "api.example.com" else []
"""
"""A file of functions, as far as the server and its workers can tell: whichever process loads it finds the guide's server."""


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    site = HTTPServer(("127.0.0.1", 0), Orders)
    threading.Thread(target=site.serve_forever, daemon=True).start()
    directory = tmp_path_factory.mktemp("functions")
    (directory / "resolver.py").write_text(RESOLVER.format(port=site.server_port))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(http_wire, "resolve", http_wire.resolve)  # to be there again afterwards
        yield directory
    site.shutdown()
    site.server_close()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, functions: Path) -> Iterator[Service]:
    directory = tmp_path_factory.mktemp("guide")
    settings = Settings(
        store=str(directory / "Data.fs"),
        definitions=directory,
        functions=(str(functions),),
        grace_s=0.5,
        allow_commands=True,
        http_private=True,
    )
    server: Server = create_app(settings).extensions["stepwell"]
    server.start()
    yield server.service
    server.stop()


@pytest.mark.parametrize("block", DEFINITIONS, ids=[json.loads(block.text)["id"] for block in DEFINITIONS])
def test_every_definition_of_the_guide_is_accepted_and_does_what_it_says(
    service: Service, block: Block, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPWELL_SECRET_CHAT_TOKEN", "what the guide's definition wants")
    definition = read_definition(block.text, functions=BUILT_IN.__contains__)
    assert definition.id == json.loads(block.text)["id"]
    assert not getattr(definition, "warnings", ())
    service.definitions.register(block.text.encode())
    execution = service.executions.start(definition.id, (block.given or INPUTS.get(definition.id, "{}")).encode()).id
    state = eventually(lambda: ended(service.executions.state(execution)), f"the end of {definition.id}")
    assert state.status is Status.COMPLETED, state.error
    if block.expected:
        assert written(state.output or "") == written(block.expected)


def ended(state: ExecutionState) -> ExecutionState | None:
    return None if state.ended is None else state


def written(text: str) -> object:
    """The value, in which numbers are told apart by how they are written: 1.00 is not 1.0."""
    return json.loads(text, parse_float=str, parse_int=str)


def test_each_state_machine_of_the_guide_says_what_it_comes_to() -> None:
    machines = [(json.loads(block.text)["id"], block.expected) for block in DEFINITIONS if '"StartAt"' in block.text]
    assert len(machines) >= 3
    assert all(expected for _, expected in machines), machines


def test_every_intrinsic_and_every_shipped_definition_is_told_of() -> None:
    assert len(ARITIES) == 18
    assert "all eighteen intrinsics" in GUIDE
    for path in Settings().definitions.glob("*.json"):
        assert f"`{path.stem}`" in GUIDE or f"run {path.stem}" in README.read_text(encoding="utf-8"), path.stem


def test_every_shipped_definition_is_accepted_with_the_default_settings() -> None:
    for source in ("task_functions.builtin", *Settings().functions):
        assert not load(source).errors
    files = sorted(Settings().definitions.glob("*.json"))
    assert files
    for path in files:
        read_definition(path.read_bytes(), functions=REGISTRY.has)


def test_every_make_target_named_in_the_readme_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"\bmake (\w+)", README.read_text(encoding="utf-8")):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"no target {target}"
