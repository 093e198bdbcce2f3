"""Definitions: registering them, and what is registered."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from task_functions.permissions import caution
from task_functions.registry import Registry
from workflows.errors import NotJson
from workflows.language import canonical, read_definition
from workflows.language.json_schema import json_schema
from workflows.language.text import check, loads
from workflows.runtime.audit import Act
from workflows.runtime.catalogue import Catalogue, Registration
from workflows.runtime.engine import Engine
from workflows.runtime.requests import Write
from workflows.runtime.secrets import Vault
from workflows.service.asking import ask


class Definitions:
    """`registry` knows the functions that a definition may name, `vault` the secrets."""

    def __init__(self, catalogue: Catalogue, engine: Engine, registry: Registry, vault: Vault) -> None:
        self._catalogue = catalogue
        self._engine = engine
        self._registry = registry
        self._vault = vault

    def register(self, raw: bytes, source: str | None = None) -> Registration:
        """Add a definition, or the next revision of one. `source`: the file it came from; a file that is as it was at its own last load
        changes nothing, so that what was edited since then by request stays. Raises NotJson, and Invalid with every problem."""
        names, has = self._registry.names(), self._registry.has
        definition = read_definition(raw, functions=has, function_names=names, cautions=caution, secrets=self._vault.has)
        text = check(raw)
        form = canonical(loads(text))

        def write(pending: Any, read: Any, now: float) -> Registration:
            return self._catalogue.register(pending, read, definition.id, text, form, now, source)

        def tell(done: Registration) -> Act | None:
            return Act("register", done.id, {"revision": done.revision}) if done.created else None

        answer: Registration = ask(self._engine, Write(write, tell, lambda: self._catalogue.forget(definition.id)))
        return replace(answer, warnings=definition.warnings)

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of definitions, with the functions that are registered now."""
        return json_schema(self._registry.names())

    def load_file(self, path: Path) -> Registration:
        """Register a definition file. Raises as `register` does, and NotJson for a file that cannot be read."""
        try:
            return self.register(path.read_bytes(), source=path.name)
        except OSError as error:
            raise NotJson(f"cannot read {path}: {error.strerror}") from error
