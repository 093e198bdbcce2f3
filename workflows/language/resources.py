"""What a Task calls (ASL.md section C): its Resource, and the Parameters that the optimised Lambda integration wants.

Every resource that is supported comes down to the name of a registered function.
"""

from __future__ import annotations

import re
from typing import Any

from workflows.language.findings import Findings
from workflows.language.shapes import shown
from workflows.model import child_path
from workflows.states import Resource, function_name

LAMBDA_INVOKE = "arn:aws:states:::lambda:invoke"


_LAMBDA_INVOKE = re.compile(r"arn:aws[a-z-]*:states:::lambda:invoke")
_LAMBDA_ARN = re.compile(r"arn:aws[a-z-]*:lambda:[^\s:]*:[^\s:]*:function:[^\s:]+(?::[^\s:]+)?")
_LAMBDA_NAME = re.compile(r"(?:(?:arn:aws[a-z-]*:lambda:[^\s:]*:)?[^\s:]*:function:|function:)?[^\s:]+(?::[^\s:]+)?")
_ARN = re.compile(r"arn:aws[a-z-]*:[a-z0-9-]+:[^\s:]*:[^\s:]*:\S+")
_INVOCATION_TYPES = ("RequestResponse", "Event", "DryRun")
_INVOKE_FIELDS = ("FunctionName", "Payload", "InvocationType", "Qualifier", "ClientContext")


def read_resource(value: Any, pointer: str, findings: Findings) -> Resource | None:
    if not isinstance(value, str) or not value:
        findings.refuse(pointer, f"this must be a function's name or a resource ARN, not {shown(value)}")
    elif _LAMBDA_INVOKE.fullmatch(value):
        return Resource("lambda:invoke", "", value)
    elif _LAMBDA_ARN.fullmatch(value):
        name, qualifier = function_name(value)
        findings.function(name, pointer)
        return Resource("lambda", name, value, qualifier)
    elif _ARN.fullmatch(value):
        findings.refuse(pointer, f"the resource {shown(value)} is not supported yet", findings.nearest(value, (LAMBDA_INVOKE,)))
    elif ":" in value or value[0] in "${":
        findings.refuse(pointer, "Value is not a valid resource ARN, nor the name of a function")
    else:
        findings.function(value, pointer)
        return Resource("function", value, value)
    return None


def read_invoke(given: Any, pointer: str, findings: Findings) -> tuple[str, str]:
    """Name and qualifier of the function that the Parameters of lambda:invoke name literally; "" where a path does."""
    parameters = given if isinstance(given, dict) else {}
    keys = {key.removesuffix(".$"): key for key in parameters}
    for name, key in keys.items():
        if name not in _INVOKE_FIELDS:
            findings.refuse(child_path(pointer, key), f"The field {shown(name)} is not supported", findings.nearest(name, _INVOKE_FIELDS))
    kind = parameters.get("InvocationType", _INVOCATION_TYPES[0])
    if kind not in _INVOCATION_TYPES:
        suggestion = findings.nearest(kind, _INVOCATION_TYPES)
        findings.refuse(f"{pointer}/InvocationType", f"this must be {', '.join(_INVOCATION_TYPES)}, not {shown(kind)}", suggestion)
    if "FunctionName" not in keys:
        findings.refuse(pointer, "The field 'FunctionName' is required but was missing")
    if "FunctionName" not in parameters:
        return "", ""
    return _literal_function(parameters["FunctionName"], parameters.get("Qualifier"), f"{pointer}/FunctionName", findings)


def _literal_function(value: Any, qualifier: Any, pointer: str, findings: Findings) -> tuple[str, str]:
    if not isinstance(value, str) or not _LAMBDA_NAME.fullmatch(value):
        findings.refuse(pointer, f"this must be a function's name or ARN, not {shown(value)}")
        return "", ""
    name, own = function_name(value)
    findings.function(name, pointer)
    return name, own or (qualifier if isinstance(qualifier, str) else "")


def check_credentials(value: dict[str, Any], pointer: str, findings: Findings) -> None:
    names = {key.removesuffix(".$"): key for key in value}
    if "RoleArn" not in names:
        findings.refuse(pointer, "The field 'RoleArn' is required but was missing")
    for name, key in names.items():
        suggestion = findings.nearest(name, ("RoleArn",))
        if name != "RoleArn" and ("RoleArn" in names or suggestion):  # the service says of others only that RoleArn is missing
            findings.refuse(child_path(pointer, key), f"Credentials have no field {shown(key)}", suggestion)
