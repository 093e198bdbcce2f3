"""State machines (Amazon States Language, JSONPath mode): a JSON document in, a frozen StateMachine out, or every problem it has.

Two forms are taken. Stepwell's own keys (`id`, `name`, `labels`...) stand next to StartAt and States, or around them:
`{"id": "orders", "definition": {"StartAt": ...}}`. With an id given by the caller, the document is the definition alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from marshmallow import ValidationError

from workflows.errors import Invalid, Problem
from workflows.language.alerts import on_alert_of
from workflows.language.fields import is_object
from workflows.language.findings import Cautions, Findings, Known, no_caution
from workflows.language.hooks import hook_problems, hook_warnings, hooks_of, secret_places
from workflows.language.schedule_findings import job_findings
from workflows.language.schedules import schedule_problems, schedules_of
from workflows.language.schemas import JobShape
from workflows.language.scopes import JSONATA, MACHINE, ScopeDraft, build_states, read_scope
from workflows.language.secrets import stray, unknown
from workflows.language.shapes import shown, to_problems
from workflows.language.transitions import check_transitions
from workflows.language.variables import check_variables
from workflows.states import StateMachine

MAX_CHARACTERS = 1_048_576
"""Of a state machine's text."""

_ABOUT_JOB = ("id", "name", "description", "labels", "max_concurrency", "max_active_runs", "priority", "input_schema")
_KEYS = (*_ABOUT_JOB, "schedules", "on_alert", "hooks")
_ENVELOPE = JobShape(only=_KEYS)
ENVELOPE_KEYS = tuple(field.data_key or name for name, field in _ENVELOPE.load_fields.items())
_BESIDE = replace(MACHINE, aliases=ENVELOPE_KEYS)


def is_state_machine(document: dict[str, Any]) -> bool:
    return any(key in document for key in ("StartAt", "States", "definition"))


def read(
    document: object,
    *,
    functions: Known | None,
    function_names: Iterable[str] = (),
    cautions: Cautions = no_caution,
    secrets: Known | None = None,
    now: float | None = None,
    revision: int = 1,
    id: str | None = None,
    characters: int = 0,
) -> StateMachine:
    """The state machine that `document` (a JSON value, nested as JSON text may be) defines; its `warnings` are what is odd but allowed.

    Raises Invalid with all its problems, the warnings after the errors. `functions` says whether a function of that name is registered
    (None: not asked), `secrets` likewise; `function_names` are those to suggest; `cautions` become warnings; `now`: when it is registered
    (None: it was before). `characters`: the length of the document's text.
    """
    findings = Findings(functions, function_names, cautions)
    if characters > MAX_CHARACTERS:
        findings.refuse("", f"a state machine has at most {MAX_CHARACTERS:,} characters; this one has {characters:,}")
    if not isinstance(document, dict):
        findings.refuse("", f"a state machine must be an object, not {shown(document)}")
        raise Invalid(findings.problems)
    envelope = {"id": id} if id is not None else _envelope(document, findings)
    draft = _machine(document, id is not None, findings)
    findings.warnings += [
        *unknown(findings.secrets, secrets),
        *hook_warnings(envelope, secrets),
        *stray(document, {*findings.secrets, *secret_places(envelope), *(one.pointer for one in findings.problems)}),
    ]
    for one in job_findings(envelope, findings.problems, objects=False, now=now) if now is not None else ():
        (findings.warnings if one.severity == "warning" else findings.problems).append(one)
    if findings.problems or draft is None:
        raise Invalid([*findings.problems, *findings.warnings])
    return _compiled(draft, envelope, revision, tuple(findings.warnings))


def _envelope(document: dict[str, Any], findings: Findings) -> dict[str, Any]:
    around = "definition" in document
    given = {key: value for key, value in document.items() if (key != "definition" if around else key in ENVELOPE_KEYS)}
    try:
        loaded: dict[str, Any] = _ENVELOPE.load(given)
    except ValidationError as error:
        given_good: dict[str, Any] = error.valid_data  # type: ignore[assignment]
        findings.problems += [*to_problems(error.messages), *schedule_problems(given_good), *hook_problems(given_good)]
        return given_good
    findings.problems += [*schedule_problems(loaded), *hook_problems(loaded)]
    return loaded


def _machine(document: dict[str, Any], bare: bool, findings: Findings) -> ScopeDraft | None:
    around = not bare and "definition" in document
    pointer, machine = ("/definition", document["definition"]) if around else ("", document)
    if not is_object(machine, pointer, findings):
        return None
    findings.jsonata = machine.get("QueryLanguage") == JSONATA
    if findings.jsonata:
        findings.refuse(f"{pointer}/QueryLanguage", "JSONata is not supported yet")
    draft = read_scope(machine, pointer, MACHINE if bare or around else _BESIDE, findings)
    check_transitions(draft, findings)
    check_variables(findings)
    return draft


def _compiled(draft: ScopeDraft, envelope: dict[str, Any], revision: int, warnings: tuple[Problem, ...]) -> StateMachine:
    return StateMachine(
        id=envelope["id"],
        revision=revision,
        name=envelope.get("name", envelope["id"]),
        description=envelope.get("description") or draft.values.get("comment", ""),
        labels=envelope.get("labels", {}),
        timeout=draft.values.get("timeout"),
        max_concurrency=envelope.get("max_concurrency"),
        max_active_runs=envelope.get("max_active_runs"),
        priority=envelope.get("priority", 0),
        input_schema=envelope.get("input_schema"),
        schedules=schedules_of(envelope),
        on_alert=on_alert_of(envelope),
        hooks=hooks_of(envelope),
        start_at=draft.values["start_at"],
        states=build_states(draft),
        warnings=warnings,
        pointer=draft.pointer,
    )
