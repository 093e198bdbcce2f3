"""Layer 0: a compiled state machine (Amazon States Language, JSONPath mode; ASL.md sections A to H, J, L and P).

Frozen data, made by `language.states` out of a document in which it found nothing wrong, and run by `core.asl`. Whoever holds one may
rely on it: every transition leads to a state of the same scope, exclusive fields are never both there, numbers are in range. The file
knows neither JSON nor how anything is evaluated.

Three kinds of "nothing" are kept apart, because the language does: ABSENT is a field that was not written (its default applies), None is
one written as null where null means something ("{}" for InputPath and OutputPath, "throw it away" for ResultPath), and a field that may be
a number or the path to one is simply one or the other.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from workflows.expressions import Intrinsic, Path, ReferencePath, Rule, Template
from workflows.model import Definition, Retrier

PAYLOAD_BYTES = 262_144
"""Of one input, output, result or variable, as UTF-8; also of all variables of one Assign (ASL.md, Limits)."""

VARIABLES_BYTES = 10 * 1024 * 1024
"""Of all variables that a state sees, its own scope's and those around it."""


class Absent(enum.Enum):
    """The type of ABSENT."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT
"""The field is not in the document."""


@dataclass(frozen=True, slots=True)
class Scope:
    """States among which transitions lead: a branch of a Parallel, the item processor of a Map. `states` keeps the document's order.

    `comment` and `pointer` (a JSON Pointer from the top of the machine) are for people.
    """

    start_at: str
    states: Mapping[str, State]
    comment: str = ""
    pointer: str = ""


@dataclass(frozen=True, slots=True)
class StateMachine(Definition):
    """The whole. `start_at` and `states` are those of its outermost scope, read as a Scope's; `timeout` is TimeoutSeconds, `description`
    the Comment unless one is given. `pointer` is where it is in its document."""

    start_at: str = ""
    states: Mapping[str, State] = field(default_factory=dict)
    pointer: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Catcher:
    """Answers errors in `errors` (States.ALL: nearly any) by going to `next`. `result_path` places the error output into the state's
    input: ABSENT is "$", it replaces the input; None drops it."""

    errors: tuple[str, ...]
    next: str
    result_path: ReferencePath | Absent | None = ABSENT
    assign: Template | Absent = ABSENT
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Resource:
    """What a Task calls. `arn` is the text of the document.

    function       a registered function by its plain name, called with the effective input
    lambda         a Lambda function's ARN: the same, with Lambda's history events
    lambda:invoke  the optimised integration: the parameters hold FunctionName and Payload, the result holds Payload, StatusCode...

    `name` is the registered function. It is "" where only the effective parameters will tell (FunctionName.$); `function_name` reads it
    out of what they say. `qualifier` is the version or alias, "" if none is given.
    """

    kind: Literal["function", "lambda", "lambda:invoke"]
    name: str
    arn: str
    qualifier: str = ""


def function_name(text: str) -> tuple[str, str]:
    """Name and qualifier of a Lambda function given by name, partial ARN or ARN: NAME[:QUALIFIER], ACCOUNT:function:NAME[:QUALIFIER],
    arn:PARTITION:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER]."""
    before, found, after = text.rpartition("function:")
    name, _, qualifier = (after if found and (not before or before.endswith(":")) else text).partition(":")
    return name, qualifier


# ---------------------------------------------------------------------------------------------- states


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What every state has, where its type allows it (Fail has no paths, Succeed and Fail have no `next` and Choice has its own).

    `next` None ends the scope. `assign` is a payload template whose keys are the variables' names.
    """

    name: str
    next: str | None = None
    comment: str = ""
    input_path: Path | Absent | None = ABSENT
    output_path: Path | Absent | None = ABSENT
    assign: Template | Absent = ABSENT

    @property
    def type(self) -> str:
        """The value of Type, as in the names of history events: Pass, Task, ..."""
        return self.__class__.__name__

    def scopes(self) -> tuple[Scope, ...]:
        """The scopes inside it: the branches of a Parallel, the one of a Map."""
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass(State):
    """`result` is a JSON value, taken as it is; None is null."""

    result: Any | Absent = ABSENT
    parameters: Template | Absent = ABSENT
    result_path: ReferencePath | Absent | None = ABSENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Working(State):
    """What Task, Parallel and Map have in common: something that runs, gives a result, and may fail."""

    parameters: Template | Absent = ABSENT
    result_selector: Template | Absent = ABSENT
    result_path: ReferencePath | Absent | None = ABSENT
    retriers: tuple[Retrier, ...] = ()
    catchers: tuple[Catcher, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(Working):
    """`timeout` and `heartbeat` in seconds, or the path to them (TimeoutSecondsPath); None: no limit. `credentials` is a template that is
    only recorded: there is no role to take on here. `secrets`: of what its function is given (`TaskSpec`)."""

    resource: Resource
    timeout: int | Path | None = None
    heartbeat: int | Path | None = None
    credentials: Template | Absent = ABSENT
    secrets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChoiceRule:
    """One of the Choices: where to go if `rule` is true. `assign` applies then, and the state's own `assign` if none is."""

    rule: Rule
    next: str
    assign: Template | Absent = ABSENT
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice(State):
    """Always without `next`. `default` None: no match is the error States.NoChoiceMatched."""

    choices: tuple[ChoiceRule, ...]
    default: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait(State):
    """Exactly one of the two is not None. `seconds` is a number or SecondsPath; `timestamp` is seconds since the epoch (of the literal
    Timestamp) or TimestampPath."""

    seconds: int | Path | None = None
    timestamp: float | Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Succeed(State):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail(State):
    """`error` and `cause`: a literal, or from ErrorPath/CausePath a path or an intrinsic that must give text. None: absent."""

    error: str | Path | Intrinsic | None = None
    cause: str | Path | Intrinsic | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parallel(Working):
    branches: tuple[Scope, ...]

    def scopes(self) -> tuple[Scope, ...]:
        return self.branches


@dataclass(frozen=True, slots=True, kw_only=True)
class Map(Working):
    """An inline Map. `processor` is ItemProcessor or the older Iterator; `item_selector` is ItemSelector or the older Parameters (so
    `parameters` is always ABSENT). `max_concurrency` 0: no limit of its own. Tolerated failures: None is not written."""

    processor: Scope
    items_path: Path | Absent = ABSENT
    item_selector: Template | Absent = ABSENT
    max_concurrency: int | Path = 0
    tolerated_failure_count: int | Path | None = None
    tolerated_failure_percentage: float | Path | None = None

    def scopes(self) -> tuple[Scope, ...]:
        return (self.processor,)


def all_states(machine: StateMachine | Scope) -> Iterator[State]:
    """Every state of every scope, outer scopes first. Their names are unique in the whole machine."""
    todo: list[StateMachine | Scope] = [machine]
    while todo:
        for state in todo.pop(0).states.values():
            yield state
            todo += state.scopes()
