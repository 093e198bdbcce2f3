"""The arrows of the layout, checked in the code's own imports: `wsgi → app → api → service → runtime → core → layer 0`.

Every import counts, those inside functions too. A module of ours that no rule covers fails the test, so that a new one finds its place.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = ("workflows", "storage", "task_functions", "definitions", "app", "wsgi")

LAYER_0 = tuple(
    f"workflows.{name}" for name in ("model", "events", "transitions", "errors", "expressions", "numbers", "roles", "states", "hooks")
)
CALLING = tuple(f"workflows.runtime.{name}" for name in ("executor", "context", "capture", "calling", "output", "secrets"))
LOGS = "workflows.logs"
STORE = ("storage.protocol", "storage.records")
SETTINGS = ("workflows.setting", "workflows.settings")
RULES: dict[str, tuple[str, ...]] = {
    "workflows.errors": (),
    "workflows.roles": (),
    "workflows.keyfile": ("workflows.roles", "workflows.setting", "workflows.settings"),
    "workflows.offline": ("workflows.runtime", "workflows.service.keys", "storage.uri", *LAYER_0),
    "workflows.model": (
        *("workflows.errors", "workflows.expressions", "workflows.schedules.schedule", "workflows.alerts.listening", "workflows.hooks"),
    ),
    "workflows.transitions": ("workflows.model",),
    "workflows.events": ("workflows.model",),
    "workflows.expressions": (),
    "workflows.numbers": (),
    "workflows.hooks": ("workflows.expressions",),
    "workflows.states": ("workflows.errors", "workflows.model", "workflows.expressions"),
    "workflows.importers": ("workflows.importers",),
    "workflows.exporters": ("workflows.exporters", "workflows.core.dataflow", *LAYER_0),
    "workflows.schedules": ("workflows.schedules", "workflows.expressions"),
    "workflows.alerts": ("workflows.alerts", "workflows.schedules.policy", "workflows.core.dataflow"),
    "workflows.core": ("workflows.core", *LAYER_0),
    "workflows.language": ("workflows.language", "workflows.schedules", "workflows.alerts", *LAYER_0),
    "storage": ("storage",),
    "task_functions": ("task_functions",),
    "definitions": (),
    "workflows.logs": (),
    "workflows.ping": (),
    "workflows.setting": (),
    "workflows.settings": ("definitions", "workflows.setting", "task_functions.permissions"),
    "workflows.configuration": ("workflows.settings", "workflows.setting"),
    "workflows.runtime.executor": LAYER_0,
    "workflows.runtime.secrets": (),
    "workflows.runtime.context": ("workflows.runtime.executor", "workflows.runtime.capture"),
    "workflows.runtime.capture": (),
    "workflows.runtime.buckets": (),
    "workflows.runtime.counters": ("workflows.runtime.buckets", "workflows.runtime.execution", *LAYER_0),
    "workflows.runtime.output": ("workflows.runtime.executor", "workflows.runtime.capture"),
    "workflows.runtime.calling": (*LAYER_0, "workflows.language.text", *CALLING, "task_functions.registry"),
    "workflows.runtime.inline": (*LAYER_0, *CALLING, LOGS),
    "workflows.runtime.workers.protocol": ("workflows.runtime.executor",),
    "workflows.runtime.workers.worker": (*CALLING, LOGS, "workflows.runtime.workers.protocol", "task_functions.registry"),
    "workflows.runtime.workers": (*LAYER_0, *CALLING, LOGS, "workflows.runtime.workers", "workflows.runtime.outage"),
    "workflows.runtime.functions": (*LAYER_0, "task_functions.registry"),
    "workflows.runtime": ("workflows.runtime", "workflows.core", "workflows.schedules", "workflows.alerts", *LAYER_0, *STORE),
    "workflows.service": (
        "workflows.service",
        "workflows.runtime",
        *("workflows.language", "workflows.schedules", "workflows.alerts"),
        "task_functions.registry",
        "task_functions.permissions",
        "storage.protocol",
        *LAYER_0,
    ),
    "workflows.server": (
        *("workflows.service", "workflows.settings", "workflows.setting", "workflows.keyfile", "workflows.ping"),
        *("workflows.runtime.engine", "workflows.runtime.audit", "workflows.runtime.scheduler", "workflows.runtime.alerter"),
        *("workflows.loading", "task_functions.permissions"),
        *LAYER_0,
        *STORE,
    ),
    "workflows.loading": (
        *("workflows.service.definitions", "workflows.runtime.catalogue", "workflows.settings", "task_functions.registry"),
        *LAYER_0,
        *STORE,
    ),
    "workflows.api": (
        *("workflows.api", "workflows.service", "workflows.settings", "workflows.runtime.state", "workflows.runtime.catalogue"),
        *("workflows.language.text", "workflows.language.shapes", "workflows.language.positions", "workflows.language.calendars", LOGS),
        *("workflows.runtime.audit", "workflows.runtime.keys", "workflows.runtime.buckets"),
        *LAYER_0,
        *STORE,
    ),
    "workflows.api.goflow": (
        *("workflows.api", "workflows.service", "workflows.importers", "workflows.core.dataflow"),
        *("workflows.runtime.state", "workflows.runtime.summary", "workflows.runtime.tallies"),
        *LAYER_0,
    ),
    "workflows.api.schemas": (
        *("workflows.api.schemas", "workflows.language.shapes", "workflows.language.names", "workflows.core.dataflow"),
        *("workflows.service.starting", "workflows.service.schedules", "workflows.service.backfills", "workflows.runtime.changes"),
        "workflows.alerts",
        "workflows.language.calendars",
        *LAYER_0,
    ),
    "workflows.client": ("workflows.client", "workflows.hooks"),
    "workflows.testing": ("workflows.client",),
    "workflows.cli": ("workflows.commands",),
    "workflows.commands": ("workflows.commands", "workflows.client", "workflows.configuration", *SETTINGS),
    "workflows.commands.serve": ("workflows.commands", "workflows.serve"),
    "workflows.commands.functions": ("task_functions.registry", *SETTINGS),
    "workflows.commands.lint": ("workflows.commands", "workflows.language", "workflows.configuration", "task_functions.registry"),
    "workflows.commands.importing": ("workflows.commands", "workflows.importers", "workflows.language", "workflows.errors"),
    "workflows.commands.exporting": (
        *("workflows.commands", "workflows.client", "workflows.exporters", "workflows.language"),
        *("workflows.errors", "workflows.model", "workflows.numbers"),
    ),
    "workflows.commands.schema": ("workflows.commands", "workflows.language"),
    "workflows.commands.keys": (
        *("workflows.commands", "workflows.client", "workflows.offline", "workflows.errors"),
        *("workflows.runtime.keys", "storage.protocol"),
    ),
    "workflows.commands.checks": ("workflows.commands", "workflows.client", "workflows.settings", "storage"),
    "workflows.hosting": (*SETTINGS, "storage.protocol", LOGS),
    "workflows.demo": ("workflows.client", "definitions", "task_functions.call_log"),
    "workflows.serve": ("app", "workflows.hosting", LOGS, "workflows.settings", "workflows.errors", "storage.protocol"),
    "workflows": (),
    "app": ("workflows", "storage.uri", "task_functions.registry"),
    "wsgi": ("app", "workflows.setting", "workflows.configuration", "workflows.hosting", "storage.protocol"),
    "gunicorn.conf": ("workflows.setting", "workflows.configuration", "workflows.hosting"),
}

IMPURE = (
    *("time", "random", "secrets", "uuid", "os", "io", "pathlib", "socket", "select", "threading", "multiprocessing", "queue", "asyncio"),
    *("subprocess", "signal", "logging", "sqlite3", "shutil", "tempfile", "concurrent", "requests", "flask", "orjson"),
)
"""What the pure core and layer 0 may not import: clocks, chance, I/O, threads."""


def modules() -> Iterator[tuple[str, Path]]:
    for name in ("workflows", "storage", "task_functions", "definitions"):
        for path in sorted((ROOT / name).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path
    for path in sorted(ROOT.glob("*.py")):
        yield path.stem, path


def imports(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively: write the whole name"
            assert node.module is not None
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                known = (ROOT / whole.replace(".", "/")).with_suffix(".py").exists() or (ROOT / whole.replace(".", "/")).is_dir()
                yield node.lineno, whole if known else node.module


def within(module: str, places: tuple[str, ...]) -> bool:
    return any(module == place or module.startswith(f"{place}.") for place in places)


def rule_for(module: str) -> tuple[str, ...]:
    covering = [place for place in RULES if within(module, (place,))]
    assert covering, f"{module}: no rule says what it may import; find it a place in RULES"
    return RULES[max(covering, key=len)]


@pytest.mark.parametrize(("module", "path"), list(modules()), ids=lambda value: value if isinstance(value, str) else "")
def test_imports_run_one_way(module: str, path: Path) -> None:
    allowed = rule_for(module)
    wrong = [f"{path.name}:{line} imports {name}" for line, name in imports(path) if within(name, OURS) and not within(name, allowed)]
    assert not wrong, f"{module} may import only {allowed or 'nothing of ours'}: {wrong}"


@pytest.mark.parametrize(
    "place",
    [
        "workflows/core",
        "workflows/exporters",
        *(
            f"workflows/{name}.py"
            for name in ("model", "events", "transitions", "errors", "expressions", "numbers", "roles", "states", "hooks")
        ),
    ],
)
def test_the_core_is_pure(place: str) -> None:
    paths = [ROOT / place] if place.endswith(".py") else sorted((ROOT / place).glob("*.py"))
    wrong = [f"{path.name}:{line} imports {name}" for path in paths for line, name in imports(path) if within(name, IMPURE)]
    assert not wrong


def test_one_package_imports_zodb_one_the_web_framework_and_one_file_the_metrics_library() -> None:
    for module, path in modules():
        for line, name in imports(path):
            if within(name, ("ZODB", "transaction", "BTrees", "persistent")):
                assert module.startswith("storage."), f"{path}:{line} imports {name}"
            if within(name, ("flask", "werkzeug", "flask_smorest", "webargs", "apispec")):
                assert within(module, ("workflows.api", "app", "wsgi")), f"{path}:{line} imports {name}"
            if within(name, ("prometheus_client",)):
                assert module == "workflows.api.exposition", f"{path}:{line} imports {name}"


def test_only_the_engines_own_parts_write_executions() -> None:
    """`Store.commit` is called in one place, and only the engine calls that, and who has the store to themselves."""
    callers = [
        (module, node.lineno)
        for module, path in modules()
        if not module.startswith("storage")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "commit"
    ]
    assert {module for module, _ in callers} == {"workflows.runtime.ledger", "workflows.runtime.engine", "workflows.runtime.offline"}


def test_files_and_functions_stay_small() -> None:
    for _, path in modules():
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") <= 400, f"{path} is longer than 400 lines: is a room missing?"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                assert (node.end_lineno or 0) - node.lineno <= 50, f"{path}:{node.lineno} {node.name} is longer than 50 lines"
