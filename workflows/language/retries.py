"""Retry and Catch (ASL.md section P): what a Task, Parallel or Map does about errors."""

from __future__ import annotations

from typing import Any

from workflows.language import fields
from workflows.language.evaluated import assign, reference_path
from workflows.language.fields import MAX_SECONDS, Field, Kind, read_fields
from workflows.language.findings import Findings
from workflows.language.shapes import shown
from workflows.model import ALL, Delay, Retrier, child_path
from workflows.states import Catcher

MAX_DELAY_SECONDS = 31_622_400
DEFAULT_ATTEMPTS = 3

_RESERVED = "States."
_RESERVED_NAMES = tuple(
    _RESERVED + name
    for name in (
        *("ALL", "BranchFailed", "DataLimitExceeded", "ExceedToleratedFailureThreshold", "HeartbeatTimeout", "Http.Socket"),
        *("IntrinsicFailure", "ItemReaderFailed", "NoChoiceMatched", "ParameterPathFailure", "Permissions", "QueryEvaluationError"),
        *("ResultPathMatchFailure", "ResultWriterFailed", "Runtime", "TaskFailed", "Timeout"),
    )
)


def error_names(value: Any, pointer: str, findings: Findings) -> tuple[str, ...]:
    names = fields.members(value, pointer, findings, fields.name, what="error name")
    if ALL in names and len(names) > 1:
        findings.refuse(pointer, f"{ALL} must stand alone: it means every error")
    for index, name in enumerate(names):
        if name is not None and name.startswith(_RESERVED) and name not in _RESERVED_NAMES:
            suggestion = findings.nearest(name, _RESERVED_NAMES)
            findings.warn(f"{pointer}/{index}", f"the language knows no error {shown(name)}", suggestion)
    return names


RETRIER = Kind(
    "a retrier",
    {
        "ErrorEquals": Field("errors", error_names, shared=True),
        "IntervalSeconds": Field("initial", fields.whole(1, MAX_SECONDS), shared=True),
        "MaxAttempts": Field("attempts", fields.whole(0, MAX_SECONDS), shared=True),
        "BackoffRate": Field("multiplier", fields.number(1, 1e300), shared=True),
        "MaxDelaySeconds": Field("maximum", fields.whole(1, MAX_DELAY_SECONDS), shared=True),
        "JitterStrategy": Field("jitter", fields.one_of("FULL", "NONE"), shared=True),
        "Comment": Field("", fields.text, shared=True),
    },
    required=("ErrorEquals",),
)

CATCHER = Kind(
    "a catcher",
    {
        "ErrorEquals": Field("errors", error_names, shared=True),
        "Next": Field("next", fields.name, shared=True),
        "ResultPath": Field("result_path", fields.nullable(reference_path)),
        "Assign": Field("assign", assign),
        "Comment": Field("comment", fields.text, shared=True),
    },
    required=("ErrorEquals", "Next"),
)


def read_retry(value: Any, pointer: str, findings: Findings) -> tuple[Any, ...]:
    retriers = _members(value, pointer, findings, _retrier, "retrier")
    _check_all_last(value, pointer, findings)
    return retriers


def read_catch(value: Any, pointer: str, findings: Findings) -> tuple[Any, ...]:
    catchers = _members(value, pointer, findings, _catcher, "catcher")
    _check_all_last(value, pointer, findings)
    return catchers


def _members(value: Any, pointer: str, findings: Findings, inner: fields.Read, what: str) -> tuple[Any, ...]:
    """An empty list says nothing, which is allowed."""
    return () if value == [] else fields.members(value, pointer, findings, inner, what=what)


def _check_all_last(value: Any, pointer: str, findings: Findings) -> None:
    rules = value if isinstance(value, list) else []
    for index, rule in enumerate(rules[:-1]):
        names = rule.get("ErrorEquals") if isinstance(rule, dict) else None
        if isinstance(names, list) and ALL in names:
            findings.warn(f"{pointer}/{index}/ErrorEquals", f"{ALL} should come last: what follows is never asked")


def _retrier(value: Any, pointer: str, findings: Findings) -> Retrier | None:
    if not fields.is_object(value, pointer, findings):
        return None
    given = read_fields(value, pointer, RETRIER, findings)
    initial, maximum = given.get("initial"), given.get("maximum")
    if maximum is not None and maximum <= (initial or 1):
        findings.refuse(child_path(pointer, "MaxDelaySeconds"), f"this must be more than IntervalSeconds, {shown(initial or 1)}")
    delay = Delay(
        initial=float(initial or 1),
        multiplier=given.get("multiplier") or 2.0,
        maximum=float(maximum or MAX_SECONDS),
        jitter=given.get("jitter") == "FULL",
    )
    attempts = given.get("attempts", DEFAULT_ATTEMPTS)
    return Retrier(attempts, delay, given.get("errors", ()))


def _catcher(value: Any, pointer: str, findings: Findings) -> Catcher | None:
    if not fields.is_object(value, pointer, findings):
        return None
    given = read_fields(value, pointer, CATCHER, findings)
    return Catcher(**{"errors": (), "next": ""} | given)
