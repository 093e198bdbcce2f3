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

import click
import pytest

from app import create_app
from task_functions import http_wire
from task_functions.registry import REGISTRY, load
from tests.http.client import eventually
from workflows.api.paths import shown_path
from workflows.api.rest import KINDS
from workflows.cli import main
from workflows.commands import SECTIONS
from workflows.language import read_definition
from workflows.language.intrinsics import ARITIES
from workflows.model import Status
from workflows.runtime.state import ExecutionState
from workflows.server import Server
from workflows.service import Service
from workflows.setting import Setting
from workflows.settings import TABLE, Settings

ROOT = Path(__file__).parent.parent.parent
GUIDE = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


EXAMPLES = re.findall(r"```json\n(.*?)```\n(?:\nInput `([^`]+)` gives `([^`]+)`)?", GUIDE, re.DOTALL)
BUILT_IN = ("echo", "sleep", "fail", "http", "command")
INPUTS = {"greeting": '{"name": "Ada"}'}
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


@pytest.mark.parametrize(("text", "given", "expected"), EXAMPLES, ids=[json.loads(text)["id"] for text, _, _ in EXAMPLES])
def test_every_definition_of_the_guide_is_accepted_and_does_what_it_says(
    service: Service, text: str, given: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEPWELL_SECRET_CHAT_TOKEN", "what the guide's definition wants")
    definition = read_definition(text, functions=BUILT_IN.__contains__)
    assert definition.id == json.loads(text)["id"]
    assert not getattr(definition, "warnings", ())
    service.definitions.register(text.encode())
    execution = service.executions.start(definition.id, (given or INPUTS.get(definition.id, "{}")).encode()).id
    state = eventually(lambda: ended(service.executions.state(execution)), f"the end of {definition.id}")
    assert state.status is Status.COMPLETED, state.error
    if expected:
        assert written(state.output or "") == written(expected)


def ended(state: ExecutionState) -> ExecutionState | None:
    return None if state.ended is None else state


def written(text: str) -> object:
    """The value, in which numbers are told apart by how they are written: 1.00 is not 1.0."""
    return json.loads(text, parse_float=str, parse_int=str)


def test_each_state_machine_of_the_guide_says_what_it_comes_to() -> None:
    machines = [(json.loads(text)["id"], expected) for text, _, expected in EXAMPLES if '"StartAt"' in text]
    assert len(machines) >= 3
    assert all(expected for _, expected in machines), machines


def test_every_intrinsic_and_every_shipped_definition_is_told_of() -> None:
    assert len(ARITIES) == 18
    assert "all eighteen intrinsics" in GUIDE
    for path in Settings().definitions.glob("*.json"):
        assert f"`{path.stem}`" in GUIDE or f"run {path.stem}" in README, path.stem


def test_every_shipped_definition_is_accepted_with_the_default_settings() -> None:
    for source in ("task_functions.builtin", *Settings().functions):
        assert not load(source).errors
    files = sorted(Settings().definitions.glob("*.json"))
    assert files
    for path in files:
        read_definition(path.read_bytes(), functions=REGISTRY.has)


def test_every_setting_is_in_the_guide_as_it_is_declared() -> None:
    missing = [row for row in map(row_of, TABLE.values()) if row not in GUIDE]
    assert not missing, "put these rows into the guide's table of settings:\n" + "\n".join(missing)
    assert len(re.findall(r"^\| .* \| `STEPWELL_", GUIDE, re.MULTILINE)) == len(TABLE)


def row_of(setting: Setting) -> str:
    shown = setting.shown(setting.default)
    default = setting.shown_default or (shown if shown == "none" else f"`{shown}`")
    choices = " or ".join(f"`{choice}`" for choice in setting.limits.choices)
    ranged = "" if setting.limits.high is None else f"{setting.allowed[0].upper()}{setting.allowed[1:]}"
    allowed = f" {choices or ranged}." if choices or ranged else ""
    return f"| {f'`{setting.flag}`' if setting.flag else ''} | `{setting.variable}` | {default} | {setting.about}{allowed} |"


def test_every_endpoint_is_in_the_guide() -> None:
    def masked(text: str) -> str:
        return re.sub(r"{\w+}", "{}", text)

    for kind in KINDS:
        for endpoint in kind.endpoints:
            assert f"| `{endpoint.method} {masked(shown_path(endpoint.rule))}` |" in masked(GUIDE), endpoint.name


def test_every_command_is_in_the_guide() -> None:
    for section in SECTIONS.values():
        for name in section:
            row = re.search(rf"^\| `stepwell {name}\b.*", GUIDE, re.MULTILINE)
            assert row, name
            command = main.get_command(click.Context(main), name)
            for within in command.commands if isinstance(command, click.Group) else ():
                assert re.search(rf"`(?:stepwell {name} )?{within}\b", row[0]), f"{name} {within}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_pictures_exist(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert target.startswith("http") or (page.parent / target).exists(), f"{page.name} links to {target}, which is not there"


def test_every_make_target_named_in_the_readme_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"\bmake (\w+)", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"no target {target}"
