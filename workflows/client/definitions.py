"""Job definitions and their revisions, and what the server says of itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from workflows.client.transport import Json, Transport, part


class Definitions(Transport):
    def register(self, definition: Mapping[str, Any] | Path) -> Json:
        """Register a document, or the one in a file, whose text is sent as it is. Answer: `id`, `revision`, `message`, `warnings`."""
        body = definition.read_bytes() if isinstance(definition, Path) else json.dumps(definition).encode()
        return self.once("POST", "/job-definitions", body)[0]

    def definitions(self) -> Iterator[Json]:
        """The newest revision of each, without its document, by id."""
        return self.pages("/job-definitions", "definitions")

    def definition(self, job: str, revision: int | None = None) -> Json:
        """A revision, the newest unless another is named, with its `document`."""
        return self.ask(_path(job) if revision is None else f"{_path(job)}/revisions/{revision}")

    def revisions(self, job: str) -> Iterator[Json]:
        """`revision` and `createTime` of each, the newest first."""
        return self.pages(f"{_path(job)}/revisions", "revisions")

    def delete_definition(self, job: str) -> Json:
        """Refused with 409 while an execution of it has not ended."""
        return self.once("DELETE", _path(job))[0]

    def delete_revision(self, job: str, revision: int) -> Json:
        """Refused with 409 if it is the newest, or while an execution is kept that ran on it."""
        return self.once("DELETE", f"{_path(job)}/revisions/{revision}")[0]

    def schema(self) -> Json:
        """The JSON Schema of definitions, with the functions that the server has."""
        return self.ask("/schema")

    def system_state(self) -> Json:
        return self.ask("/system/state")

    def health(self) -> Json:
        return self.ask("/health")

    def metrics(self) -> str:
        """How much there was and how long it took, in the text format of Prometheus."""
        return self.text("/metrics")

    def index(self) -> Json:
        """Name and version of the server, and its endpoints."""
        return self.ask("/")

    def openapi(self) -> Json:
        return self.ask("/openapi.json")


def _path(job: str) -> str:
    return f"/job-definitions/{part(job)}"
