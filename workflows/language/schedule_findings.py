"""What is to be said of schedules when they are registered: inputs that nothing can be started with, and schedules that are never due.

Asked of what comes in, with the time at which it comes, and never of what is stored: that stays as readable as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice, takewhile
from typing import Any

from workflows.errors import Problem
from workflows.expressions import CONTEXT, DATA, Field, Path, Template
from workflows.language.expressions import paths_of
from workflows.language.inputs import InputCheck
from workflows.language.schedules import sound
from workflows.language.shapes import closest
from workflows.model import InputSchema
from workflows.schedules.plan import Once, occurrences
from workflows.schedules.policy import beginning
from workflows.schedules.schedule import CatchUp, Schedule

GIVEN = ("scheduledTime", "schedule")
"""The keys that an input's template can look into."""

MANY = 1_000
"""Occurrences that lie back and are made up for without a warning."""

COUNTED = 10_000
"""How far they are counted."""

LOOKED_AT, LOOKED_AT_S = 400, 366 * 86_400
"""Occurrences that are looked at for one outside of the blackout, and the time that they must span to show that none will come."""

_TIME = "2026-11-21T03:00:00Z"
_NEVER = "nothing could ever be started"


class _NotKnown(Exception):
    """What a template makes is not seen before it is evaluated."""


def job_findings(job: Mapping[str, Any], problems: Iterable[Problem], *, objects: bool, now: float) -> list[Problem]:
    """Of the schedules of a loaded job that have no problem so far. `objects`: inputs must be objects."""
    schema = job.get("input_schema")  # none where it has a problem
    schedules = sound(job, problems)
    return [one for place, each in schedules for one in schedule_findings(each, schema, objects=objects, now=now, pointer=place)]


def schedule_findings(schedule: Schedule, schema: InputSchema | None, *, objects: bool, now: float, pointer: str = "") -> Iterator[Problem]:
    """Errors and warnings. `pointer`: where the schedule stands; `schema`: what its inputs must fit."""
    yield from _input(schedule, schema, objects, pointer)
    yield from _due(schedule, now, pointer)


# -------------------------------------------------------------------------------------------------------------------- inputs


def _input(schedule: Schedule, schema: InputSchema | None, objects: bool, pointer: str) -> Iterator[Problem]:
    template, place = schedule.input, f"{pointer}/input"
    if template is None:
        for problem in _unfit(dict.fromkeys(GIVEN, _TIME) | {"schedule": schedule.id}, schema):
            message = f"without an `input` it gives just scheduledTime and schedule, which the inputSchema does not take: {problem}"
            yield Problem(pointer, message, severity="warning")
        return
    paths = list(paths_of(template, place))
    wrong = [problem for at, path in paths for problem in _leads_nowhere(at, path)]
    yield from wrong
    if objects and not isinstance(template, dict):
        yield Problem(place, f"{_NEVER}: the input of a task list is a JSON object, such as {{}}")
        return
    try:
        value = _made(template, schedule.id)
    except _NotKnown:
        return
    for problem in () if wrong else _unfit(value, schema):
        if _constant(template):
            yield Problem(place + problem.pointer, f"{_NEVER}: {problem.message}", problem.suggestion)
        else:
            yield Problem(place, f"the inputSchema does not take what this makes: {problem}", severity="warning")


def _unfit(value: Any, schema: InputSchema | None) -> list[Problem]:
    return [] if schema is None else InputCheck(schema).problems(value)


def _leads_nowhere(place: str, path: Path) -> Iterator[Problem]:
    """A path into what is not there; what a query may find is not looked at."""
    keys = path.steps[:1]
    if path.root == CONTEXT and keys:
        yield Problem(place, f"{path.text!r} finds nothing: schedules have no context object")
    elif path.root == DATA and keys:
        names = keys[0] if isinstance(keys[0], tuple) else keys
        for name in names:
            if name not in GIVEN:
                near = closest(name, GIVEN) if isinstance(name, str) else None
                yield Problem(place, f"{path.text!r} finds nothing: there are only $.scheduledTime and $.schedule", near)
        if len(path.steps) > 1 and names[0] in GIVEN:
            yield Problem(place, f"{path.text!r} finds nothing: {names[0]} is a text")


def _made(template: Template, id: str) -> Any:
    """What it makes, at a moment that stands for any. Raises _NotKnown."""
    if isinstance(template, Field):
        expression = template.expression
        given = {("scheduledTime",): _TIME, ("schedule",): id}
        if not isinstance(expression, Path) or expression.root != DATA or expression.function or expression.steps not in given:
            raise _NotKnown
        return given[expression.steps]
    if isinstance(template, dict):
        return {key: _made(member, id) for key, member in template.items()}
    return [_made(member, id) for member in template] if isinstance(template, list) else template


def _constant(template: Template) -> bool:
    if isinstance(template, dict | list):
        return all(map(_constant, template.values() if isinstance(template, dict) else template))
    return not isinstance(template, Field)


# ----------------------------------------------------------------------------------------------------------------------- due


def _due(schedule: Schedule, now: float, pointer: str) -> Iterator[Problem]:
    after = beginning(schedule, now)
    found = list(islice(occurrences(schedule.plan, after), 1 if schedule.plan.blackout.empty else LOOKED_AT))
    if not found:
        place, message = _never(schedule, now)
        yield Problem(pointer + place, message, severity="warning")
    elif all(each.excluded is not None for each in found) and (
        len(found) < LOOKED_AT or schedule.plan.blackout.always or found[-1].moment - found[0].moment > LOOKED_AT_S
    ):
        yield Problem(f"{pointer}/blackout", "it never runs: whenever it is due lies in its blackout", severity="warning")
    elif schedule.active and schedule.catch_up is CatchUp.ALL and after < now:
        missed = takewhile(lambda each: each.moment <= now, occurrences(schedule.plan, after))
        count = sum(1 for _ in islice((each for each in missed if each.excluded is None), COUNTED + 1))
        if count > MANY:
            many = f"{count:,}" if count <= COUNTED else f"more than {COUNTED:,}"
            message = f"if it is new, it begins with {many} runs that lie back: catchUp is all, and it was due so often since startDateTime"
            yield Problem(f"{pointer}/startDateTime", message, severity="warning")


def _never(schedule: Schedule, now: float) -> tuple[str, str]:
    trigger = schedule.plan.trigger
    if isinstance(trigger, Once):
        past = trigger.moment <= now
        return (
            "/at",
            "it is not due again: this lies in the past" if past else "it is never due: startDateTime and endDateTime leave this out",
        )
    if schedule.plan.end is not None:
        return "/endDateTime", "it is not due again: no time that fits comes before this"
    return "", "it is never due"
