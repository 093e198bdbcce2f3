"""Layer 0: the nouns. Definitions, frames, headers and statuses.

Everything here is frozen data; nothing here does I/O, reads a clock or draws a random number. Every other layer may import this one and
this one imports only `errors` and `expressions` (and `schedules`, `alerts` and `hooks`, for a type each). Times are seconds since the epoch
(float, UTC), durations are seconds.

An execution is a `Header` and a set of `Frame`s. A frame is a place where the execution stands: the root (path ""), a task of a
DAG, a branch of a Parallel. An event (`workflows.events`) turns frames into frames (`core.machine.step`). What must happen next is a
function of the frames (`core.waits`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from workflows.errors import Problem
from workflows.expressions import Rule as Condition
from workflows.expressions import Template

if TYPE_CHECKING:
    from workflows.alerts.listening import OnAlert
    from workflows.hooks import Hook
    from workflows.schedules.schedule import Schedule

# -------------------------------------------------------------------------------------------- payloads

Ref = str | int
"""A reference to a payload: a `str` is the JSON text itself (at most INLINE_BYTES long), an `int` numbers a record that holds it."""

INLINE_BYTES = 2_048
"""Longer payloads get a record of their own, so that a frame that changes never rewrites them."""


RESULT_BYTES = 16 * 1024 * 1024
"""A larger result of an attempt, or output of an execution, is refused (States.DataLimitExceeded)."""


def exceeds(text: str, limit: int) -> bool:
    """Whether the text is longer than `limit` bytes of UTF-8; encodes it only when its length in characters leaves that open."""
    if len(text) > limit:
        return True
    return len(text) * 4 > limit and len(text.encode("utf-8", "surrogatepass")) > limit


class Status(StrEnum):
    """Of an execution."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


ENDED = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})

REDRIVABLE = ENDED - {Status.COMPLETED}


class At(StrEnum):
    """Where a frame stands. READY, RUNNING and PARKED wait for work; RETRYING and WAITING only for a moment; OPEN for its children."""

    PENDING = "PENDING"  # some of what it depends on has ended, not all; or its turn in a redrive has not come
    READY = "READY"  # an attempt may be handed out
    RUNNING = "RUNNING"  # a worker has taken the attempt
    RETRYING = "RETRYING"  # between two attempts
    WAITING = "WAITING"  # a Wait state
    OPEN = "OPEN"  # a scope whose children run
    PARKED = "PARKED"  # on its way to its state; so stored when the step had seen enough and lets others go first
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"
    CANCELLED = "CANCELLED"


FINISHED = frozenset({At.SUCCEEDED, At.FAILED, At.SKIPPED, At.CANCELLED})

# ---------------------------------------------------------------------------------------------- errors


@dataclass(frozen=True, slots=True)
class Error:
    """Why an attempt, task or execution failed. `type` is the exception's class name or one of the names below."""

    type: str
    message: str = ""
    traceback: str = ""
    task: str = ""


TIMEOUT = "States.Timeout"
HEARTBEAT_TIMEOUT = "States.HeartbeatTimeout"
RUNTIME = "States.Runtime"
DATA_LIMIT_EXCEEDED = "States.DataLimitExceeded"
PARAMETER_PATH_FAILURE = "States.ParameterPathFailure"
TASK_FAILED = "States.TaskFailed"
ALL = "States.ALL"
INTERRUPTED = "Interrupted"
INVALID_RESULT = "InvalidResult"

# ----------------------------------------------------------------------------------------- definitions


@dataclass(frozen=True, slots=True)
class Delay:
    """How long to wait before retry n (n from 0): `initial * multiplier**n`, at most `maximum`; full jitter draws from [0, that]."""

    initial: float = 1.0
    multiplier: float = 2.0
    maximum: float = 86_400.0
    jitter: bool = False


@dataclass(frozen=True, slots=True)
class Retrier:
    """One retry rule: it answers errors in `errors` and not in `excluded`, `attempts` times at most (retries, not tries)."""

    attempts: int
    delay: Delay = Delay()
    errors: tuple[str, ...] = (ALL,)
    excluded: tuple[str, ...] = ()


INLINE, SHARED, ISOLATED = "inline", "shared", "isolated"
EXECUTORS = (INLINE, SHARED, ISOLATED)
"""Where functions run: on a thread of the server, on one of many threads of a worker process, in a worker process by themselves."""

DELIVERING = "delivering"
"""Where functions that deliver alerts run instead of inline: on threads of the server that nothing else holds."""


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """What the machine must know to run one attempt. Durations in seconds; None: no limit. `secrets`: names of secrets by the places (JSON
    Pointers) in the function's input where they are put when it is called; what is stored holds references to them.

    `fail_on_interrupt`: an attempt that was under way when the server died is not issued again but fails with type Interrupted.
    `executor`: one of EXECUTORS; None: the function's own, or else the server's.
    """

    function: str
    retriers: tuple[Retrier, ...] = ()
    timeout: float | None = None
    heartbeat: float | None = None
    fail_on_interrupt: bool = False
    secrets: Mapping[str, str] = field(default_factory=dict)
    executor: str | None = None


class Rule(StrEnum):
    """When a task of a DAG starts, by how its direct upstream tasks ended."""

    ALL_SUCCESSFUL = "allSuccessful"
    ALL_DONE = "allDone"
    ONE_SUCCESSFUL = "oneSuccessful"
    ONE_FAILED = "oneFailed"
    ALL_FAILED = "allFailed"
    NONE_FAILED = "noneFailed"
    NONE_SKIPPED = "noneSkipped"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Task:
    id: str
    name: str
    spec: TaskSpec
    depends_on: tuple[str, ...] = ()
    rule: Rule = Rule.ALL_SUCCESSFUL
    parameters: Template | None = None
    continue_on_failure: bool = False
    when: Condition | None = None


PRIORITIES = range(-1_000, 1_001)  # higher goes first

InputSchema = Mapping[str, Any] | bool  # a JSON Schema that was found good, as the JSON value it is


@dataclass(frozen=True, slots=True)
class Definition:
    """What every dialect's definition has. Immutable: a change is a new revision, and executions stay on theirs. `warnings` are findings
    that are no reason to refuse it."""

    id: str
    revision: int
    name: str = ""
    description: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    timeout: float | None = None
    max_concurrency: int | None = None
    max_active_runs: int | None = None
    priority: int = 0
    input_schema: InputSchema | None = None
    schedules: tuple[Schedule, ...] = ()
    on_alert: OnAlert | None = None
    hooks: tuple[Hook, ...] = ()
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class TaskList(Definition):
    """A task list or DAG. `tasks` keeps the order of the document, which is also a task's order in answers."""

    tasks: Mapping[str, Task] = field(default_factory=dict)
    downstream: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    output: Template | None = None


# ------------------------------------------------------------------------------------------ executions


@dataclass(frozen=True, slots=True)
class Header:
    """The execution as a whole. `entries`, `visits` and `payloads` are the last numbers given out; `work` counts frames that wait for
    work, so that an execution with `work == 0` has nothing to do until a moment comes or somebody asks. `paused`: nothing of it starts.
    `redrives` counts how often it went on after an end without success; `started` is when it was admitted since the last of them. `labels`
    are its own, which go before the definition's of that name. `key` is its idempotency key; with it or a chosen id, `digest` stands for
    what it was started with, whatever it was redriven with."""

    id: str
    definition: str
    revision: int
    input: Ref
    created: float
    at: float
    status: Status = Status.QUEUED
    output: Ref | None = None
    error: Ref | None = None
    started: float | None = None
    ended: float | None = None
    entries: int = 0
    visits: int = 0
    payloads: int = 0
    work: int = 0
    paused: bool = False
    redrives: int = 0
    priority: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    key: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Frame:
    """One place where the execution stands.

    `visit` is the identity of its present wait or scope, new at each entry into one; a report that carries another is late and changes
    nothing. A scope that a redrive opens again keeps its own, which its children's paths hold. `entry` is the visit at which the task was
    entered: the same for all its attempts, the idempotency key of its functions. A redrive is another entry; `attempt` counts on.
    `taken`: a worker has had the present attempt, which an interruption does not undo. `alone`: a worker process died or had to be killed
    during an attempt of this task, so that from now on its attempts run where there are no others.
    `deadlines` maps a kind (timeout, heartbeat, retry, wait, execution) to when it is due. `counts` counts children by how they ended
    (of a scope), or upstream tasks (of a PENDING task): a join is a counter, never a scan. `entered` and `last` are history ids; `entered`
    is 0 on the way to a state.

    Of state machines only: `given` is what the state was entered with (`input` is what of it goes to the work), `items` the array a Map
    goes over, `variables` those assigned in this scope, by name, `call` what only the data told about the attempt (function, timeout...).
    """

    path: str
    status: At
    state: str = ""
    visit: int = 0
    entry: int = 0
    attempt: int = 0
    retries: tuple[int, ...] = ()
    interruptions: int = 0
    taken: bool = False
    alone: bool = False
    deadlines: Mapping[str, float] = field(default_factory=dict)
    input: Ref | None = None
    output: Ref | None = None
    error: Ref | None = None
    reason: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    entered: int = 0
    last: int = 0
    started: float | None = None
    ended: float | None = None
    given: Ref | None = None
    items: Ref | None = None
    variables: Mapping[str, Ref] = field(default_factory=dict)
    call: Mapping[str, Any] = field(default_factory=dict)


ROOT = ""


def child_path(parent: str, segment: str) -> str:
    """Paths read like JSON Pointers: "/" before each segment, "~" and "/" inside one escaped (RFC 6901 section 3)."""
    return f"{parent}/{segment.replace('~', '~0').replace('/', '~1')}"


def parent_path(path: str) -> str:
    return path.rpartition("/")[0]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an execution's history. Names are AWS's where one exists (ASL.md section T), ours where none does."""

    id: int
    previous: int
    type: str
    at: float
    details: Mapping[str, Any]
