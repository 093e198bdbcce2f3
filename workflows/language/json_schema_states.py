"""The JSON Schema of state machines: each kind of object from the fields that its reader is given (`scopes.py`), and what each is for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from workflows.language import evaluated, fields, resources, retries, scopes
from workflows.language.fields import Field, Kind, Read

Json = dict[str, Any]

TEMPLATE = {"$ref": "#/$defs/template"}
PATH = {"type": "string", "pattern": r"^\$"}
TARGET = {"type": "string", "minLength": 1, "maxLength": scopes.MAX_NAME}

_READERS: dict[Read, Json] = {
    fields.anything: {},
    fields.text: {"type": "string"},
    fields.name: {"type": "string", "minLength": 1},
    fields.flag: {"type": "boolean"},
    fields.moment: {"type": "string", "format": "date-time", "examples": ["2026-01-31T09:00:00Z"]},
    evaluated.path: PATH,
    evaluated.reference_path: PATH,
    evaluated.path_or_intrinsic: {"type": "string", "pattern": r"^(\$|States\.)"},
    evaluated.template: TEMPLATE,
    evaluated.assign: {"type": "object", "allOf": [TEMPLATE], "examples": [{"count.$": "States.ArrayLength($.items)"}]},
    resources.read_resource: {
        "anyOf": [{"$ref": "#/$defs/functionName"}, {"enum": [resources.LAMBDA_INVOKE]}],
        "examples": ["charge", "arn:aws:lambda:us-east-1:000000000000:function:charge", resources.LAMBDA_INVOKE],
    },
    retries.read_retry: {"type": "array", "items": {"$ref": "#/$defs/retrier"}},
    retries.read_catch: {"type": "array", "items": {"$ref": "#/$defs/catcher"}},
    scopes.read_states: {"$ref": "#/$defs/states"},
    scopes.read_branches: {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/branch"}},
    scopes.read_processor: {"$ref": "#/$defs/itemProcessor"},
    scopes.read_config: {"$ref": "#/$defs/processorConfig"},
    scopes.read_choices: {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/choiceRule"}},
    scopes.read_credentials: {"type": "object", "allOf": [TEMPLATE]},
    retries.error_names: {
        "type": "array",
        "minItems": 1,
        "items": {
            "anyOf": [{"enum": ["States.ALL", "States.TaskFailed", "States.Timeout"]}, {"type": "string", "minLength": 1}],
            "examples": ["States.ALL", "ConnectionError"],
        },
    },
}
"""What each reader takes, of those that are not made with a range or choices of their own."""

ABOUT = {
    "Assign": "Variables to set: a template whose keys are their names. `$name` reads one, wherever a path may be.",
    "BackoffRate": "What each wait is multiplied by for the next one. 2 if absent.",
    "Branches": "State machines that run side by side, each on the effective input.",
    "Catch": "What to do about errors that are not retried: the first that names the error says where to go.",
    "Cause": "The error's text, for people.",
    "CausePath": "The path to the error's text, or an intrinsic function.",
    "Choices": "The rules, asked in their order; the first that matches says where to go.",
    "Comment": "For people.",
    "Credentials": "Taken without an effect: there are no roles.",
    "Default": "Where to go if no rule matches. Without it: States.NoChoiceMatched.",
    "End": "Whether this is the last state.",
    "Error": "The error's name.",
    "ErrorEquals": "The errors that are meant: class names of exceptions, or States.ALL, States.Timeout, States.TaskFailed and the like.",
    "ErrorPath": "The path to the error's name, or an intrinsic function.",
    "ExecutionType": "Of a DISTRIBUTED map only.",
    "HeartbeatSeconds": "How long an attempt may be silent. Less than TimeoutSeconds.",
    "HeartbeatSecondsPath": "The path to HeartbeatSeconds.",
    "InputPath": "What of the input the state works with. `$` if absent; null is {}.",
    "IntervalSeconds": "Seconds before the first retry. 1 if absent.",
    "ItemBatcher": "Of a distributed map: not there yet.",
    "ItemProcessor": "The state machine that runs for each item.",
    "ItemReader": "Of a distributed map: not there yet.",
    "ItemSelector": "A template for what each item's machine gets; `$$.Map.Item.Value` is the item. The item itself if absent.",
    "ItemsPath": "The path to the list of items. The whole input if absent.",
    "Iterator": "The former name of ItemProcessor.",
    "JitterStrategy": "FULL waits for a random part of the time.",
    "Label": "Of a distributed map: not there yet.",
    "MaxAttempts": "How many times it is tried again. 3 if absent; 0: never.",
    "MaxConcurrency": "Iterations at once. 0: as many as there may be.",
    "MaxConcurrencyPath": "The path to MaxConcurrency.",
    "MaxDelaySeconds": "No wait is longer.",
    "Mode": "INLINE: the iterations belong to this execution. DISTRIBUTED is not there yet.",
    "Next": "The state that comes next.",
    "OutputPath": "What of the output leaves the state. `$` if absent; null is {}.",
    "Parameters": "A template for the effective input.",
    "ProcessorConfig": "How the iterations are run.",
    "QueryLanguage": "JSONPath. JSONata is not there yet.",
    "Resource": "What to call: a function by its name, its Lambda ARN, or arn:aws:states:::lambda:invoke.",
    "Result": "The result, as it is written here.",
    "ResultPath": "Where the result is put into the input. `$` if absent: in its place; null: nowhere.",
    "ResultSelector": "A template over the result that becomes the result.",
    "ResultWriter": "Of a distributed map: not there yet.",
    "Retry": "What to do about errors first: the first that names the error says how often, and after how long.",
    "Seconds": "How long to wait.",
    "SecondsPath": "The path to how many seconds to wait.",
    "StartAt": "The state that comes first.",
    "States": "The states, by name.",
    "TimeoutSeconds": "How long it may take before it fails with States.Timeout.",
    "TimeoutSecondsPath": "The path to TimeoutSeconds.",
    "Timestamp": "Until when to wait.",
    "TimestampPath": "The path to the moment until which to wait.",
    "ToleratedFailureCount": "How many items may fail before the map does. 0 if absent.",
    "ToleratedFailureCountPath": "The path to ToleratedFailureCount.",
    "ToleratedFailurePercentage": "What share of the items, of 100, may fail before the map does. 0 if absent.",
    "ToleratedFailurePercentagePath": "The path to ToleratedFailurePercentage.",
    "Type": "What kind of state this is.",
    "Version": "Of the language.",
}
"""What each field is for, by its name."""


def machine_keywords(envelope: Json) -> tuple[Json, Json]:
    """The schema of a machine with the keys of `envelope` beside StartAt, and of one in `definition` with them around it."""
    machine = kind_schema(scopes.MACHINE)
    beside = {**machine, "properties": envelope | machine["properties"], "required": ["id", *machine["required"]]}
    whole = {"$ref": "#/$defs/machine", "description": "The state machine, as it is."}
    around = {"type": "object", "properties": envelope | {"definition": whole}, "required": ["id"], "additionalProperties": False}
    return beside, around


def state_definitions(rule_schema: Callable[[Json, tuple[str, ...]], Json]) -> Json:
    """The members of `$defs` that state machines need. `rule_schema` gives that of a choice rule with further fields."""
    return {
        "machine": kind_schema(scopes.MACHINE),
        "branch": kind_schema(scopes.BRANCH),
        "itemProcessor": kind_schema(scopes.PROCESSOR),
        "processorConfig": kind_schema(scopes.CONFIG),
        "retrier": kind_schema(retries.RETRIER),
        "catcher": kind_schema(retries.CATCHER),
        "choiceRule": rule_schema(kind_schema(scopes.RULE)["properties"], scopes.RULE.required),
        "states": {"type": "object", "minProperties": 1, "propertyNames": TARGET, "additionalProperties": {"$ref": "#/$defs/state"}},
        "state": _any_state(),
        **{name: _state(kind) for name, kind in scopes.KINDS.items()},
    }


def _any_state() -> Json:
    return {
        "type": "object",
        "properties": {"Type": {"enum": list(scopes.KINDS), "description": ABOUT["Type"]}},
        "required": ["Type"],
        "allOf": [
            {"if": {"properties": {"Type": {"const": name}}, "required": ["Type"]}, "then": {"$ref": f"#/$defs/{name}"}}
            for name in scopes.KINDS
        ],
    }


def _state(kind: Kind) -> Json:
    made = kind_schema(kind)
    if "End" in kind.fields:
        goes_on = {"required": ["Next"], "properties": {"End": {"const": False}}}
        ends = {"required": ["End"], "properties": {"End": {"const": True}, "Next": False}}
        made["anyOf"] = [goes_on, ends]
    return made


def kind_schema(kind: Kind) -> Json:
    made: Json = {
        "type": "object",
        "properties": {key: _field(key, field) for key, field in kind.fields.items()},
        "required": list(kind.required),
        "additionalProperties": False,
    }
    groups: list[Json] = [{"oneOf": [{"required": [key]} for key in group]} for group in kind.one_of]
    groups += [{"not": {"required": list(pair)}} for group in kind.either for pair in _pairs(group)]
    return made | ({"allOf": groups} if groups else {})


def _pairs(group: tuple[str, ...]) -> Iterable[tuple[str, str]]:
    return ((one, other) for index, one in enumerate(group) for other in group[index + 1 :])


def _field(key: str, field: Field) -> Json:
    return _reader(field.read) | {"description": ABOUT[key]}


def _reader(read: Read) -> Json:
    if read in fields.NULLABLE:
        return {"anyOf": [_reader(fields.NULLABLE[read]), {"type": "null"}]}
    return dict(_READERS[read] if read in _READERS else fields.SCHEMAS[read])
