"""What the tests say to a server, and how they read it: every answer is loaded back through the schema it was made by."""

from __future__ import annotations

import itertools
import json
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import requests
from marshmallow import Schema

from workflows.api.schemas.definitions import RegisteredSchema
from workflows.api.schemas.executions import ExecutionStateSchema, StartedSchema
from workflows.api.schemas.problems import ConflictSchema, InvalidSchema, ProblemSchema

JSON = {"Content-Type": "application/json"}
ENDED = ("COMPLETED", "FAILED", "CANCELLED")
PATIENCE_S = 60.0

Value = TypeVar("Value")
Loaded = dict[str, Any]
_numbers = itertools.count(1)


def eventually(look: Callable[[], Value | None], what: str = "it", patience: float = PATIENCE_S) -> Value:
    """The first value that is there. Looks again and again, ever more slowly, until patience ends."""
    until, pause = time.monotonic() + patience, 0.002
    while time.monotonic() < until:
        if (found := look()) is not None:
            return found
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)
    raise AssertionError(f"{what} did not happen within {patience:g} seconds")


def task(name: str, function: str = "echo", **more: Any) -> dict[str, Any]:
    return {"id": name, "name": f"Task {name}", "functionName": function, "maxRetry": 0, **more}


def job(*tasks: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A definition with an id that no other test has."""
    return {"id": f"job-{next(_numbers)}", "tasks": list(tasks), **more}


def loaded(answer: requests.Response, schema: Schema, status: int = 200, content_type: str = "application/json") -> Loaded:
    """The answer's body, which must be exactly of that shape; its status and headers must be as all answers' are."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == content_type
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    return dict(schema.loads(answer.text))


def problem(answer: requests.Response, status: int, *words: str) -> Loaded:
    """Problem details whose text says all these words."""
    schema = {409: ConflictSchema, 422: InvalidSchema}.get(status, ProblemSchema)()
    found = loaded(answer, schema, status, "application/problem+json")
    assert found["status"] == status
    assert found["type"].startswith("urn:stepwell:problem:")
    told = found["detail"] + "".join(f" {one['message']} {one.get('suggestion')}" for one in found.get("problems", []))
    assert [word for word in words if word not in told] == [], told
    return found


class Client:
    """Of the server at `url`. Bodies are sent as the bytes they are."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.port = int(url.rpartition(":")[2])

    def get(self, path: str, **more: Any) -> requests.Response:
        return requests.get(self.url + path, timeout=30, **more)

    def put(self, path: str, body: Any) -> requests.Response:
        return requests.put(self.url + path, data=json.dumps(body), headers=JSON, timeout=60)

    def post(self, path: str, body: Any = None, headers: Mapping[str, str] = JSON, **more: Any) -> requests.Response:
        data = body if body is None or isinstance(body, str | bytes) or hasattr(body, "__next__") else json.dumps(body)
        if isinstance(data, str):
            data = data.encode("utf-8", "surrogatepass")
        return requests.post(self.url + path, data=data, headers=headers, timeout=60, **more)

    def delete(self, path: str, **more: Any) -> requests.Response:
        return requests.delete(self.url + path, timeout=30, **more)

    # ----------------------------------------------------------------------------------------------- the usual way through

    def register(self, definition: Any) -> str:
        return str(loaded(self.post("/job-definitions", definition), RegisteredSchema(), 201)["id"])

    def execute(self, definition_id: str, body: Any = None) -> str:
        return str(loaded(self.post(f"/jobs/{definition_id}/execute", body), StartedSchema(), 202)["execution_id"])

    def state(self, execution_id: str) -> Loaded:
        return loaded(self.get(f"/jobs/{execution_id}/state"), ExecutionStateSchema())

    def reaches(self, execution_id: str, look: Callable[[Loaded], bool], what: str = "the state") -> Loaded:
        def see() -> Loaded | None:
            state = self.state(execution_id)
            return state if look(state) else None

        return eventually(see, what)

    def ended(self, execution_id: str) -> Loaded:
        return self.reaches(execution_id, lambda state: state["status"].value in ENDED, "its end")

    def run(self, definition: Any, body: Any = None) -> Loaded:
        """Register, execute, wait for the end."""
        return self.ended(self.execute(self.register(definition), body))

    # ---------------------------------------------------------------------------------------------------------------- bytes

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def raw(self, request: str | bytes) -> tuple[int, str]:
        """Send exactly this, say that nothing follows, and read all that comes back: the status code and everything."""
        with self.connect() as wire:
            wire.sendall(request.encode() if isinstance(request, str) else request)
            wire.shutdown(socket.SHUT_WR)
            text = b"".join(iter(lambda: wire.recv(65_536), b"")).decode()
        return int(text.split(" ", 2)[1]), text


def pages(api: Client, path: str, schema: Schema, **asked: Any) -> list[list[Loaded]]:
    """The items of every page, from the first to the last."""
    found: list[list[Loaded]] = []
    cursor: str | None = None
    while True:
        page = loaded(api.get(path, params={**asked, **({"cursor": cursor} if cursor else {})}), schema)
        found.append(page["items"])
        cursor = page["next"]
        if cursor is None:
            return found
