"""What the engine asks of whoever runs attempts, and the data that crosses it. Executors know neither store nor frames.

A `Run` is one attempt with all it needs; its identity is (execution number, path, visit). For every `submit` there is exactly one final
report: `Done`, `Erred` or `Lost`. `tests/contract/test_executor.py` is run against every executor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from workflows.model import Error


class Identity(NamedTuple):
    """Of one wait for an attempt, within a partition."""

    number: int
    path: str
    visit: int


@dataclass(frozen=True, slots=True)
class Run:
    """One attempt. `input` and the values of `results` are JSON texts; `timeout` and `heartbeat` are its limits, in seconds. `secrets`:
    names by place in the input (`runtime.secrets`), put there by whoever calls the function and by nobody before."""

    identity: Identity
    function: str
    input: str
    execution_id: str
    job_id: str
    task_id: str
    attempt: int
    idempotency_key: str
    labels: Mapping[str, str] = field(default_factory=dict)
    results: Mapping[str, str] = field(default_factory=dict)
    timeout: float | None = None
    heartbeat: float | None = None
    secrets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Done:
    """The function returned; `output` is JSON text."""

    output: str


@dataclass(frozen=True, slots=True)
class Erred:
    error: Error


@dataclass(frozen=True, slots=True)
class Lost:
    """The worker went away: nobody will ever report on this attempt. `clean`: it is not held against the attempt. `alone`: it is to be
    issued again where no other attempt runs beside it. `why`: what became of the worker, in words that "during the attempt" may follow."""

    clean: bool = False
    alone: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True)
class Beat:
    """A heartbeat: not final."""


@dataclass(frozen=True, slots=True)
class Logged:
    """What the attempt has printed and logged so far: not final. `text` is the end of it, `truncated`: something before it is gone."""

    task: str
    attempt: int
    text: str
    truncated: bool


Outcome = Done | Erred | Lost | Beat | Logged
FINAL = (Done, Erred, Lost)
Report = Callable[[Identity, Outcome], None]
"""Called from any thread; must not block. What an attempt has logged is reported before its end, so that one commit takes in both."""


class Executor(Protocol):
    """Runs attempts. `start` before anything else; `close` waits for nothing and may come first; both are idempotent."""

    @property
    def name(self) -> str: ...

    @property
    def capacity(self) -> int:
        """Attempts it can run at once, as of now."""
        ...

    def start(self, report: Report, more: Callable[[], None] = lambda: None) -> None:
        """`more` is called, from any thread, when there is more capacity without a report having been made."""
        ...

    def prepare(self) -> None:
        """Attempts wait and there is no capacity left: get more, if there can be more. Called again and again while that is so."""
        ...

    def submit(self, run: Run) -> None:
        """Run it. One whose identity is already under way is ignored."""
        ...

    def cancel(self, identity: Identity) -> None:
        """The attempt is no longer wanted; its report will be ignored. Unknown identities are ignored."""
        ...

    def close(self) -> None: ...

    def gauges(self) -> Mapping[str, int]:
        """For people: `workers`, attempts at once when all of it is up; `processes` that it has now."""
        ...

    def troubles(self) -> list[str]:
        """What an operator should know, in sentences; empty when all is well."""
        ...
