"""The fields of job definitions, from the JSON Schema that editors use: it is made from the shapes that definitions are read by."""

from __future__ import annotations

from typing import Any

from reference.tables import code, ranged, spelt, table
from workflows.language.json_schema import json_schema
from workflows.language.scopes import KINDS

Json = dict[str, Any]

_HEAD = ("Field", "Type", "Default", "Meaning", "Example")
_COMMON = ("Type", "Comment", "QueryLanguage", "InputPath", "OutputPath", "Next", "End", "Assign", "ResultPath")
"""Of states: told once, for all that have them."""

_NAMED = {
    "functionName": "text",
    "template": "any JSON, a template",
    "rule": "a choice rule",
    "retryDelay": "an object, below",
    "schedule": "[schedule](schedules.md)",
    "blackout": "an object, below",
    "onAlert": "an object, [see there](alerts.md)",
    "hook": "[hook](hooks.md)",
    "signature": "an object, below",
    "secret": "reference to a secret",
    "days": "object with `from`, and `to` and `name` if wanted",
    "states": "an object of states by name",
    "itemProcessor": "a state machine",
    "processorConfig": "an object: `Mode`, `ExecutionType`",
    "branch": "state machine",
    "retrier": "retrier",
    "catcher": "catcher",
    "choiceRule": "choice rule",
    "task": "task",
}
"""What the schema has under a name of its own."""

_PLAIN = {"string": "text", "boolean": "true or false", "integer": "a whole number", "number": "a number", "object": "an object"}


def job_fields() -> str:
    return _fields("job")


def task_fields() -> str:
    return _fields("task")


def retry_delay_fields() -> str:
    return _fields("retryDelay")


def schedule_fields() -> str:
    return _fields("schedule")


def blackout_fields() -> str:
    return _fields("blackout")


def on_alert_fields() -> str:
    return _fields("onAlert")


def hook_fields() -> str:
    return _fields("hook")


def signature_fields() -> str:
    return _fields("signature")


def state_fields() -> str:
    """A table for the machine, for what states share, for each type of state, for retriers and catchers."""
    states = json_schema(())["$defs"]
    shared = {key: states["Task"]["properties"][key] for key in _COMMON} | {"Type": states["state"]["properties"]["Type"]}
    parts = [_titled("The machine", _rows(states["machine"]["properties"], states["machine"]["required"]))]
    where = {key: [name for name in KINDS if key in states[name]["properties"]] for key in _COMMON}
    rows = [
        (f"`{key}`", type_of(one), "all" if len(where[key]) == len(KINDS) else ", ".join(where[key]), one["description"])
        for key, one in shared.items()
    ]
    parts.append("### What several types of state have\n\n" + table(("Field", "Type", "Of", "Meaning"), rows))
    for name in KINDS:
        own = {key: one for key, one in states[name]["properties"].items() if key not in _COMMON}
        if own:
            parts.append(_titled(name, _rows(own, states[name]["required"])))
    for title, name in (("A retrier", "retrier"), ("A catcher", "catcher")):
        parts.append(_titled(title, _rows(states[name]["properties"], states[name]["required"])))
    return "\n\n".join(parts)


def _titled(title: str, rows: list[tuple[str, ...]]) -> str:
    return f"### {title}\n\n" + table(("Field", "Type", "Meaning"), rows)


def _rows(properties: Json, required: list[str]) -> list[tuple[str, ...]]:
    return [(f"`{key}`", type_of(one) + (", needed" if key in required else ""), one["description"]) for key, one in properties.items()]


def _fields(name: str) -> str:
    shape = json_schema(())["$defs"][name]
    return table(_HEAD, [_row(key, one, key in shape["required"]) for key, one in shape["properties"].items()])


def _row(key: str, field: Json, needed: bool) -> tuple[str, ...]:
    default = "needed" if needed else code(field["default"]) if field.get("default", "") != "" else ""
    return f"`{key}`", type_of(field), default, field["description"], code(field["examples"][0]) if "examples" in field else ""


def type_of(field: Json) -> str:
    """In words: what is taken, and in what range."""
    if "$ref" in field:
        return _NAMED[field["$ref"].rpartition("/")[2]]
    if "enum" in field:
        return spelt(field["enum"])
    if "anyOf" in field:
        return " or ".join(dict.fromkeys("null" if one == {"type": "null"} else type_of(one) for one in field["anyOf"]))
    if "allOf" in field:
        return "an object, a template" if field.get("type") == "object" else _NAMED["template"]
    kind = field.get("type")
    if kind == ["array", "object"]:
        return "a list of tasks, or an object of them by id"
    if kind == "array":
        return f"a list of {_plural(field['items'])}"
    if kind == "object" and "additionalProperties" in field:
        return f"an object of {_plural(field['additionalProperties'])} by name"
    if kind == "string" and field.get("pattern", "").startswith(r"^\$"):
        return "a path"
    if kind == "string" and field.get("pattern", "").startswith(r"^(\$"):
        return "a path or a call of an intrinsic"
    if kind in ("integer", "number"):
        above = "exclusiveMinimum" in field
        limits = ranged(field.get("exclusiveMinimum", field.get("minimum")), field.get("maximum"), above)
        return f"{_PLAIN[kind]}, {limits}" if limits else _PLAIN[kind]
    if kind == "string" and field.get("format") == "date-time":
        return "a time"
    return "not there yet" if field.get("not") == {} else _PLAIN.get(str(kind), "any JSON")


def _plural(field: Json) -> str:
    if field.get("type") == "array":
        return "lists of texts"
    return "texts" if field.get("type") == "string" or "anyOf" in field else f"{type_of(field)}s"
