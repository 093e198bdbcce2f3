"""States and the scopes that hold them: which fields each type of state has (ASL.md sections B to H), read into drafts.

A draft is what could be made of a document that may be wrong in places. `transitions.py` and `variables.py` check drafts as wholes;
`build` makes the frozen scope once nothing is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from workflows import states
from workflows.language import fields
from workflows.language.evaluated import assign, path, path_or_intrinsic, reference_path, rule, template
from workflows.language.fields import MAX_COUNT, MAX_SECONDS, Field, Kind, nullable, read_fields, whole
from workflows.language.findings import Findings
from workflows.language.resources import check_credentials, read_invoke, read_resource
from workflows.language.retries import read_catch, read_retry
from workflows.language.secrets import check_references, references
from workflows.language.shapes import shown
from workflows.model import child_path
from workflows.states import Scope, State

MAX_NAME = 80
JSONATA, JSONPATH = "JSONata", "JSONPath"


@dataclass(slots=True)
class StateDraft:
    """`type` is None unless it is one; `targets` are the places that name a state to go to, and the names; `ends`: it may end its scope."""

    pointer: str
    type: str | None = None
    values: dict[str, Any] = field(default_factory=dict)
    targets: list[tuple[str, str]] = field(default_factory=list)
    ends: bool = True


@dataclass(slots=True)
class ScopeDraft:
    pointer: str
    states: dict[str, StateDraft] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)


def inner_scopes(state: StateDraft) -> Iterator[ScopeDraft]:
    found = (*(state.values.get("branches") or ()), state.values.get("processor"))
    return (scope for scope in found if isinstance(scope, ScopeDraft))


# ---------------------------------------------------------------------------------------------- scopes


def read_scope(value: dict[str, Any], pointer: str, kind: Kind, findings: Findings) -> ScopeDraft:
    """`kind` says which fields there are besides the members of States."""
    draft = ScopeDraft(pointer)
    with findings.scope():
        draft.values = read_fields(value, pointer, kind, findings)
        members = value.get("States")
        if isinstance(members, dict):
            place = f"{pointer}/States"
            draft.states = {name: _read_state(name, state, child_path(place, name), findings) for name, state in members.items()}
    return draft


def read_states(value: Any, pointer: str, findings: Findings) -> None:
    """Only the outside; `read_scope` reads the members."""
    if fields.is_object(value, pointer, findings) and not value:
        findings.refuse(pointer, "there must be at least one state")


def _branch(value: Any, pointer: str, findings: Findings) -> ScopeDraft | None:
    return read_scope(value, pointer, BRANCH, findings) if fields.is_object(value, pointer, findings) else None


def read_processor(value: Any, pointer: str, findings: Findings) -> ScopeDraft | None:
    return read_scope(value, pointer, PROCESSOR, findings) if fields.is_object(value, pointer, findings) else None


def read_config(value: Any, pointer: str, findings: Findings) -> None:
    if fields.is_object(value, pointer, findings):
        read_fields(value, pointer, CONFIG, findings)
        if value.get("Mode") == "DISTRIBUTED":
            findings.refuse(f"{pointer}/Mode", "DISTRIBUTED is not supported yet")
        elif "ExecutionType" in value:
            findings.refuse(f"{pointer}/ExecutionType", "only a DISTRIBUTED Map has an ExecutionType")


def read_branches(value: Any, pointer: str, findings: Findings) -> tuple[Any, ...]:
    return fields.members(value, pointer, findings, _branch, what="branch")


_SCOPE_FIELDS = {
    "StartAt": Field("start_at", fields.name, shared=True),
    "States": Field("", read_states, shared=True),
    "Comment": Field("comment", fields.text, shared=True),
}
CONFIG = Kind(
    "ProcessorConfig",
    {
        "Mode": Field("", fields.one_of("INLINE", "DISTRIBUTED"), shared=True),
        "ExecutionType": Field("", fields.one_of("STANDARD", "EXPRESS"), shared=True),
    },
)
BRANCH = Kind("a branch", _SCOPE_FIELDS, required=("States", "StartAt"))
PROCESSOR = Kind(
    "an item processor", _SCOPE_FIELDS | {"ProcessorConfig": Field("", read_config, shared=True)}, required=("States", "StartAt")
)
MACHINE = Kind(
    "a state machine",
    _SCOPE_FIELDS
    | {
        "Version": Field("", fields.one_of("1.0"), shared=True),
        "TimeoutSeconds": Field("timeout", whole(1, MAX_SECONDS), shared=True),
        "QueryLanguage": Field("", fields.one_of(JSONPATH, JSONATA), shared=True),
    },
    required=("States", "StartAt"),
)

# ----------------------------------------------------------------------------------------------- kinds


def _choice_rule(value: Any, pointer: str, findings: Findings) -> states.ChoiceRule | None:
    if not fields.is_object(value, pointer, findings):
        return None
    own = {key: member for key, member in value.items() if key in RULE.fields or key in fields.JSONATA_FIELDS}
    values = read_fields(own, pointer, RULE, findings)
    rest = {key: member for key, member in value.items() if key not in fields.JSONATA_FIELDS}
    compiled = None if "Condition" in value else rule(rest, pointer, findings)
    return states.ChoiceRule(**{"rule": compiled, "next": ""} | values)


def read_choices(value: Any, pointer: str, findings: Findings) -> tuple[Any, ...]:
    return fields.members(value, pointer, findings, _choice_rule, what="rule")


def read_credentials(value: Any, pointer: str, findings: Findings) -> Any:
    if not fields.is_object(value, pointer, findings):
        return None
    check_credentials(value, pointer, findings)
    return template(value, pointer, findings)


RULE = Kind(
    "a choice rule",
    {"Next": Field("next", fields.name), "Assign": Field("assign", assign), "Comment": Field("comment", fields.text)},
    required=("Next",),
)

_ALL = {
    "Type": Field("", fields.anything, shared=True),
    "Comment": Field("comment", fields.text, shared=True),
    "QueryLanguage": Field("", fields.one_of(JSONPATH, JSONATA), shared=True),
}
_PATHS = {"InputPath": Field("input_path", nullable(path)), "OutputPath": Field("output_path", nullable(path))}
_ON = {"Next": Field("next", fields.name, shared=True), "End": Field("", fields.flag, shared=True), "Assign": Field("assign", assign)}
_MIDDLE = _ALL | _PATHS | _ON | {"ResultPath": Field("result_path", nullable(reference_path))}
_WORKING = _MIDDLE | {
    "ResultSelector": Field("result_selector", template),
    "Retry": Field("retriers", read_retry, shared=True),
    "Catch": Field("catchers", read_catch),
}


def _either_path(key: str, attribute: str, literal: fields.Read) -> dict[str, Field]:
    return {key: Field(attribute, literal), f"{key}Path": Field(attribute, path)}


def _pairs(*keys: str) -> tuple[tuple[str, str], ...]:
    return tuple((key, f"{key}Path") for key in keys)


_SECONDS = whole(1, MAX_SECONDS)
_LATER = {key: Field("", fields.not_yet(f"{key} (distributed Map)")) for key in ("ItemReader", "ItemBatcher", "ResultWriter", "Label")}

KINDS: dict[str, Kind] = {
    "Pass": Kind("a Pass state", _MIDDLE | {"Result": Field("result", fields.anything), "Parameters": Field("parameters", template)}),
    "Task": Kind(
        "a Task state",
        _WORKING
        | {"Resource": Field("resource", read_resource, shared=True), "Parameters": Field("parameters", template)}
        | _either_path("TimeoutSeconds", "timeout", _SECONDS)
        | _either_path("HeartbeatSeconds", "heartbeat", _SECONDS)
        | {"Credentials": Field("credentials", read_credentials, shared=True)},
        required=("Resource",),
        either=_pairs("TimeoutSeconds", "HeartbeatSeconds"),
    ),
    "Choice": Kind(
        "a Choice state",
        _ALL
        | _PATHS
        | {"Choices": Field("choices", read_choices), "Default": Field("default", fields.name), "Assign": Field("assign", assign)},
        required=("Choices",),
    ),
    "Wait": Kind(
        "a Wait state",
        _ALL
        | _PATHS
        | _ON
        | _either_path("Seconds", "seconds", whole(0, MAX_SECONDS))
        | _either_path("Timestamp", "timestamp", fields.moment),
        one_of=(("Seconds", "SecondsPath", "Timestamp", "TimestampPath"),),
    ),
    "Succeed": Kind("a Succeed state", _ALL | _PATHS),
    "Fail": Kind(
        "a Fail state",
        _ALL
        | {"Error": Field("error", fields.text), "ErrorPath": Field("error", path_or_intrinsic)}
        | {"Cause": Field("cause", fields.text), "CausePath": Field("cause", path_or_intrinsic)},
        either=_pairs("Error", "Cause"),
    ),
    "Parallel": Kind(
        "a Parallel state",
        _WORKING | {"Parameters": Field("parameters", template), "Branches": Field("branches", read_branches, shared=True)},
        required=("Branches",),
    ),
    "Map": Kind(
        "a Map state",
        _WORKING
        | _LATER
        | {"ItemProcessor": Field("processor", read_processor, shared=True)}
        | {"Iterator": Field("processor", read_processor, shared=True), "ItemsPath": Field("items_path", path)}
        | {"ItemSelector": Field("item_selector", template), "Parameters": Field("item_selector", template)}
        | _either_path("MaxConcurrency", "max_concurrency", whole(0, MAX_COUNT))
        | _either_path("ToleratedFailureCount", "tolerated_failure_count", whole(0, MAX_COUNT))
        | _either_path("ToleratedFailurePercentage", "tolerated_failure_percentage", fields.number(0, 100)),
        one_of=(("ItemProcessor", "Iterator"),),
        either=(("ItemSelector", "Parameters"), *_pairs("MaxConcurrency", "ToleratedFailureCount", "ToleratedFailurePercentage")),
    ),
}

# ---------------------------------------------------------------------------------------------- states


def _read_state(name: str, value: Any, pointer: str, findings: Findings) -> StateDraft:
    draft = StateDraft(pointer)
    if not 1 <= len(name) <= MAX_NAME:
        findings.refuse(pointer, f"a state's name has 1 to {MAX_NAME} characters, not {len(name)}")
    if not fields.is_object(value, pointer, findings):
        return draft
    draft.targets = list(_targets(value, pointer))
    jsonata = _language(value, pointer, findings)
    given = value.get("Type")
    if isinstance(given, str) and given in KINDS:
        draft.type = given
        draft.values = read_fields(value, pointer, KINDS[given], findings, jsonata)
        _check_end(value, draft, findings)
        if given == "Task":
            _check_task(value, draft, findings, jsonata)
    elif "Type" not in value:
        findings.refuse(pointer, "These fields are required: [Type]")
        for key in value:
            if key.lower() == "type":
                findings.refuse(child_path(pointer, key), f"a state has no field {shown(key)}", "Type")
    else:
        suggestion = findings.nearest(given, KINDS)
        findings.refuse(f"{pointer}/Type", f"this must be one of {', '.join(KINDS)}, not {shown(given)}", suggestion)
    return draft


def _language(value: dict[str, Any], pointer: str, findings: Findings) -> bool:
    """Whether the state is in JSONata. The machine says it for all; then no state may go back to JSONPath."""
    own = value.get("QueryLanguage")
    if findings.jsonata:
        if own == JSONPATH:
            findings.refuse(pointer, "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine")
        return True
    if own == JSONATA:
        findings.refuse(f"{pointer}/QueryLanguage", "JSONata is not supported yet")
    return own == JSONATA


def _targets(value: dict[str, Any], pointer: str) -> Iterator[tuple[str, str]]:
    """Every transition that is written down, whatever the type of the state."""
    holders: list[tuple[str, Any]] = [(pointer, value)]
    for key in ("Choices", "Catch"):
        rules = value.get(key)
        holders += [(f"{pointer}/{key}/{index}", rule) for index, rule in enumerate(rules if isinstance(rules, list) else ())]
    for place, holder in holders:
        for key in ("Next", "Default"):
            if isinstance(holder, dict) and isinstance(holder.get(key), str) and (key == "Next" or holder is value):
                yield f"{place}/{key}", holder[key]


def _check_end(value: dict[str, Any], draft: StateDraft, findings: Findings) -> None:
    """A state that is neither Choice nor terminal has exactly one of Next and "End": true."""
    draft.ends = draft.type in ("Succeed", "Fail") or value.get("End") is True
    if draft.type is None or "End" not in KINDS[draft.type].fields:
        return
    if "Next" in value and draft.ends:
        findings.refuse(f"{draft.pointer}/End", "a state has Next or End, not both")
    elif "Next" not in value and not draft.ends and value.get("End", False) is False:
        findings.refuse(draft.pointer, 'either Next or "End": true is required')


def _check_task(value: dict[str, Any], draft: StateDraft, findings: Findings, jsonata: bool) -> None:
    timeout, heartbeat = draft.values.get("timeout"), draft.values.get("heartbeat")
    if isinstance(timeout, int) and isinstance(heartbeat, int) and heartbeat >= timeout:
        findings.refuse(f"{draft.pointer}/HeartbeatSeconds", f"this must be less than TimeoutSeconds, {timeout}")
    resource = draft.values.get("resource")
    if resource is not None and not jsonata:
        inner = "/Payload" if resource.kind == "lambda:invoke" else ""
        draft.values["secrets"] = read_references(draft.values.get("parameters"), f"{draft.pointer}/Parameters", inner, findings)
    if resource is not None and resource.kind == "lambda:invoke" and not jsonata:
        place = f"{draft.pointer}/Parameters" if "Parameters" in value else draft.pointer
        name, qualifier = read_invoke(value.get("Parameters"), place, findings)
        draft.values["resource"] = states.Resource("lambda:invoke", name, resource.arn, qualifier)


def read_references(parameters: Any, pointer: str, inner: str, findings: Findings) -> dict[str, str]:
    """Secrets by their places in what the function is given, which is the part of `parameters` at `inner`."""
    for problem in check_references(parameters, pointer):
        findings.refuse(problem.pointer, problem.message)
    given = pointer + inner
    found = {place: name for place, name in references(parameters, pointer).items() if f"{place}/".startswith(f"{given}/")}
    findings.secrets |= found
    return {place.removeprefix(given): name for place, name in found.items()}


# ----------------------------------------------------------------------------------------------- build


def build_states(draft: ScopeDraft) -> dict[str, State]:
    """Of a draft without problems."""
    return {name: _build_state(name, state) for name, state in draft.states.items()}


def _build_scope(draft: ScopeDraft) -> Scope:
    return Scope(states=build_states(draft), pointer=draft.pointer, **draft.values)


def _build_state(name: str, draft: StateDraft) -> State:
    values = dict(draft.values)
    if "branches" in values:
        values["branches"] = tuple(map(_build_scope, values["branches"]))
    if "processor" in values:
        values["processor"] = _build_scope(values["processor"])
    made: State = getattr(states, str(draft.type))(name=name, **values)
    return made
