"""The JSON Schema (2020-12) of job definitions, for editors: what they complete, explain and underline while somebody writes.

Made from the same declarations that definitions are read by, the shapes of task lists here and the fields of states in
`json_schema_states.py`, so that it cannot say another thing. It knows one object at a time: what keys demand of other places (names that
exist, cycles, transitions) only the readers check. So whatever they take is valid here, and much of what they refuse is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from marshmallow import fields, missing, validate

from workflows.language import shapes
from workflows.language.alerts import OnAlertShape
from workflows.language.hooks import MAX_HOOKS, MAX_SECRETS, SCHEMES, Hooks, HookShape, SecretNames, Signature, SignatureShape
from workflows.language.json_schema_states import machine_keywords, state_definitions
from workflows.language.rules import OPERATORS, operand_schema
from workflows.language.schedules import MAX_SCHEDULES, TRIGGERS, BlackoutShape, DaysShape, Schedules, ScheduleShape
from workflows.language.schemas import MAX_TASKS, JobShape, RetryDelayShape, Tasks, TaskShape
from workflows.language.secrets import KEY, NAME
from workflows.language.shapes import Shape
from workflows.language.states import ENVELOPE_KEYS

Json = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

FUNCTION = {"$ref": "#/$defs/functionName"}
TEMPLATE = {"$ref": "#/$defs/template"}
RULE = {"$ref": "#/$defs/rule"}
SECRET = {"$ref": "#/$defs/secret"}


def json_schema(function_names: Iterable[str]) -> Json:
    """The schema of a whole definition, of either kind. `function_names` are those to offer; others may be there when it is used."""
    beside, around = machine_keywords({key: _job_properties()[key] for key in ENVELOPE_KEYS})
    return {
        "$schema": DIALECT,
        "title": "Stepwell job definition",
        "description": "A task list or DAG (`tasks`), or a state machine in Amazon States Language (`StartAt` and `States`).",
        "type": "object",
        "if": {"anyOf": [{"required": ["StartAt"]}, {"required": ["States"]}]},
        "then": beside,
        "else": {"if": {"required": ["definition"]}, "then": around, "else": {"$ref": "#/$defs/job"}},
        "$defs": {
            "job": _job(),
            "task": _object(TaskShape),
            "taskById": _without_id(_object(TaskShape)),
            "retryDelay": _object(RetryDelayShape),
            "schedule": _object(ScheduleShape) | {"oneOf": [{"required": [trigger]} for trigger in TRIGGERS]},
            "blackout": _object(BlackoutShape),
            "days": _object(DaysShape),
            "onAlert": _object(OnAlertShape),
            "hook": _object(HookShape),
            "signature": _object(SignatureShape),
            "secret": _secret(),
            "functionName": _function(sorted(function_names)),
            "template": _template(),
            "rule": rule_schema({"Comment": {"type": "string"}}, ()),
            **state_definitions(rule_schema),
        },
    }


# ---------------------------------------------------------------------------------------------------------------- task lists


def _job() -> Json:
    job = _object(JobShape)
    in_list = {"type": "array", "items": {"$ref": "#/$defs/task"}, "minItems": 1, "maxItems": MAX_TASKS}
    by_id = {
        "type": "object",
        "additionalProperties": {"$ref": "#/$defs/taskById"},
        "minProperties": 1,
        "maxProperties": MAX_TASKS,
    }
    job["properties"]["tasks"] |= {"type": ["array", "object"], **{key: in_list[key] for key in ("items", "minItems", "maxItems")}}
    job["properties"]["tasks"] |= {key: by_id[key] for key in ("additionalProperties", "minProperties", "maxProperties")}
    return job


def _job_properties() -> Json:
    properties: Json = _object(JobShape)["properties"]
    return properties


def _object(shape: type[Shape]) -> Json:
    loaded = shape().load_fields
    by_key = {field.data_key or name: field for name, field in loaded.items()}
    return {
        "type": "object",
        "description": (shape.__doc__ or "").strip(),
        "properties": {key: _described(field) for key, field in by_key.items()},
        "required": [key for key, field in by_key.items() if field.required],
        "additionalProperties": False,
    }


def _without_id(task: Json) -> Json:
    return {**task, "required": [key for key in task["required"] if key != "id"]}


def _described(field: fields.Field[Any]) -> Json:
    about: Json = {"description": field.metadata["description"], "examples": [field.metadata["example"]]} if field.metadata else {}
    if "pattern" in field.metadata:
        about["pattern"] = field.metadata["pattern"]
    default = field.load_default
    if default is not missing and not callable(default):
        about["default"] = default
    if field.data_key == "functionName":
        return FUNCTION | about
    return next(make(field) for kind, make in _KINDS.items() if isinstance(field, kind)) | about


def _text(field: Any) -> Json:
    return {"type": "string"} if field.empty else {"type": "string", "minLength": 1}


def _number(field: Any) -> Json:
    [limits] = [one for one in field.validators if isinstance(one, validate.Range)]
    lowest = "minimum" if limits.min_inclusive else "exclusiveMinimum"
    return {"type": "integer" if isinstance(field, shapes.Whole) else "number", lowest: limits.min, "maximum": limits.max}


def _keyed(field: Any) -> Json:
    names = {} if field.empty_keys else {"propertyNames": {"minLength": 1}}
    return {"type": "object", "additionalProperties": _described(field.value_field), **names}


_OBJECTS: dict[type, str] = {
    RetryDelayShape: "retryDelay",
    ScheduleShape: "schedule",
    BlackoutShape: "blackout",
    DaysShape: "days",
    OnAlertShape: "onAlert",
    HookShape: "hook",
}

_KINDS: dict[type, Callable[[Any], Json]] = {
    Tasks: lambda _: {},
    shapes.Choice: lambda field: {"enum": list(field.choices)},
    shapes.Text: _text,
    shapes.Flag: lambda _: {"type": "boolean"},
    shapes.Whole: _number,
    shapes.Real: _number,
    shapes.Payload: lambda _: {"allOf": [TEMPLATE], "not": {"type": "null"}},
    shapes.Condition: lambda _: dict(RULE),
    Signature: lambda _: {"anyOf": [{"enum": list(SCHEMES)}, {"$ref": "#/$defs/signature"}]},
    SecretNames: lambda _: {"anyOf": [SECRET, {"type": "array", "items": SECRET, "minItems": 1, "maxItems": MAX_SECRETS}]},
    fields.Raw: lambda _: {},
    shapes.Object: lambda field: {"$ref": f"#/$defs/{_OBJECTS[type(field.schema)]}"},
    Schedules: lambda field: {"type": "array", "items": _described(field.inner), "maxItems": MAX_SCHEDULES},
    Hooks: lambda field: {"type": "array", "items": _described(field.inner), "maxItems": MAX_HOOKS},
    shapes.Many: lambda field: {"type": "array", "items": _described(field.inner)},
    shapes.Keyed: _keyed,
}


# ------------------------------------------------------------------------------------------------------------ what all share


def _function(names: list[str]) -> Json:
    """Offered, but not demanded: a function may be registered, or its file be put there, after the schema was made."""
    return {"description": "The function to call.", "anyOf": [{"enum": names}, {"type": "string", "minLength": 1}], "examples": names[:5]}


def _secret() -> Json:
    return {
        "type": "object",
        "description": "A reference to a secret.",
        "properties": {KEY: {"type": "string", "pattern": NAME, "description": "The secret's name."}},
        "required": [KEY],
        "additionalProperties": False,
    }


def _template() -> Json:
    """Any JSON value; a key that ends in `.$` takes its value from a path or an intrinsic function."""
    return {
        "description": "Any JSON value, in which the value of a key ending in `.$` is a path or a call of an intrinsic function.",
        "patternProperties": {r"\.\$$": {"type": "string", "pattern": r"^(\$|States\.)", "examples": ["$.input", "$$.Execution.Id"]}},
        "additionalProperties": TEMPLATE,
        "items": TEMPLATE,
    }


def rule_schema(more: Json, required: tuple[str, ...]) -> Json:
    """A choice rule: exactly one operator. `more` are the fields that stand beside it, of which `required` must."""
    operators = {operator: operand_schema(operator) for operator in OPERATORS}
    combined: Json = {
        "And": {"type": "array", "items": RULE, "minItems": 1, "description": "All of these match."},
        "Or": {"type": "array", "items": RULE, "minItems": 1, "description": "One of these matches."},
        "Not": RULE | {"description": "This does not match."},
    }
    variable = {"type": "string", "description": "The path to what is compared.", "examples": ["$.input.total"]}
    return {
        "type": "object",
        "properties": {"Variable": variable} | operators | combined | more,
        "additionalProperties": False,
        "required": list(required),
        "oneOf": [
            {"required": ["Variable"], "oneOf": [{"required": [operator]} for operator in operators]},
            {"oneOf": [{"required": [operator]} for operator in combined], "properties": {"Variable": False}},
        ],
    }
