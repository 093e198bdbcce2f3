"""Recorded executions driven through the pure core, and the comparison with what was recorded.

The clock is the test's own: moments that a state waits for come at once. Expected texts may hold stand-ins that match anything; the same
stand-in means the same value within a case. Where the recording has an id of [0], order and ids inside a Parallel were not fixed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.core.world import World
from workflows.core.asl import Asl
from workflows.language import states
from workflows.model import Status
from workflows.numbers import dumps, loads
from workflows.runtime.history import event

WORDS = {"datetime", "timestamp", "date", "snf_role_arn", "sfn_role_arn", "activity_arn", "start-time", "entered-time"}
_STAND_IN = re.compile(r"<[^<>]*>|111111111111")
_JSON_TEXTS = ("input", "output", "parameters")
_STATUS = {Status.COMPLETED: "SUCCEEDED", Status.FAILED: "FAILED", Status.CANCELLED: "ABORTED"}


class Reader:
    """What `runtime.history` asks of an execution, over a world of the core."""

    def __init__(self, world: World) -> None:
        self._world = world

    def text(self, ref: str | int) -> str:
        return self._world.text(ref)


def answer(definition: Mapping[str, Any], data: Any) -> dict[str, Any]:
    """What an execution of the definition comes to, in the shape of a recording."""
    machine = states.read({"id": "machine", "definition": definition}, functions=None)
    world = World(Asl(machine))
    world.start(data)
    world.run()
    world.check()
    events = [event(entry, Reader(world)) for entry in world.history]  # type: ignore[arg-type]
    return recording(world.status(), events)


def recording(status: Status, made: list[dict[str, Any]]) -> dict[str, Any]:
    """An execution that ended so, with these events, in the shape of a recording."""
    for one in made:
        del one["timestamp"]
        for name, details in one.items():
            if name.endswith("EventDetails"):
                one[name] = {key: _parsed(value) if key in _JSON_TEXTS else value for key, value in details.items()}
    last = made[-1]["type"]
    found: dict[str, Any] = {"status": "TIMED_OUT" if last == "ExecutionTimedOut" else _STATUS[status]}
    final: dict[str, Any] = next((value for name, value in made[-1].items() if name.endswith("EventDetails")), {})
    found |= {name: final[name] for name in ("output", "error", "cause") if name in final}
    return found | {"event_types": [one["type"] for one in made], "events": made}


def differences(expected: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Where the two differ; none when all is as recorded."""
    seen: dict[str, str] = {}
    wrong = [
        f"{name}: expected {dumps(expected.get(name))}, got {dumps(found.get(name))}"
        for name in ("status", "output", "error", "cause")
        if (name in expected) != (name in found) or not alike(expected.get(name), found.get(name), seen)
    ]
    loose = any(isinstance(one["id"], list) for one in expected["events"])
    if sorted(expected["event_types"]) != sorted(found["event_types"]) or (not loose and expected["event_types"] != found["event_types"]):
        wrong.append(f"event types: expected {expected['event_types']}, got {found['event_types']}")
        return wrong
    fixed = [one for one in expected["events"] if not isinstance(one["id"], list)]
    rest = list(found["events"])
    for one in fixed:
        match = next((other for other in rest if other["id"] == one["id"] and alike(one, other, seen)), None)
        if match is None:
            wrong.append(f"event {dumps(one)}\n   got {dumps(found['events'][one['id'] - 1])}")
        else:
            rest.remove(match)
    return wrong + _unmatched([one for one in expected["events"] if isinstance(one["id"], list)], rest, seen)


def _unmatched(expected: list[dict[str, Any]], found: list[dict[str, Any]], seen: dict[str, str]) -> list[str]:
    """Events whose place was not fixed, each of which must be one of those found."""
    wrong = []
    for one in expected:
        free = _unplaced(one)
        match = next((other for other in found if alike(free, _unplaced(other), seen)), None)
        if match is None:
            wrong.append(f"event {dumps(one)} is missing")
        else:
            found.remove(match)
    return wrong


def _unplaced(one: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in one.items() if name not in ("id", "previousEventId")}


def alike(expected: Any, found: Any, seen: dict[str, str]) -> bool:
    """Whether the value is what was recorded. `seen`: what stand-ins stood for so far in this case."""
    if isinstance(expected, dict):
        return isinstance(found, dict) and expected.keys() == found.keys() and all(alike(expected[k], found[k], seen) for k in expected)
    if isinstance(expected, list):
        return isinstance(found, list) and len(expected) == len(found) and all(map(lambda a, b: alike(a, b, seen), expected, found))
    if isinstance(expected, str):
        return expected in WORDS or expected.endswith("_arn") or _text_alike(expected, found, seen)
    return (type(expected) is type(found) and bool(expected == found)) or dumps(expected) == dumps(found)


def _text_alike(expected: str, found: Any, seen: dict[str, str]) -> bool:
    text = found if isinstance(found, str) else dumps(found)
    stand_ins = _STAND_IN.findall(expected)
    if not stand_ins:
        return isinstance(found, str) and expected == found
    pattern = "(.*)".join(re.escape(part) for part in _STAND_IN.split(expected))
    match = re.fullmatch(pattern, text, re.DOTALL)
    return match is not None and all(seen.setdefault(name, value) == value for name, value in zip(stand_ins, match.groups(), strict=True))


def _parsed(text: str) -> Any:
    try:
        return loads(text)
    except ValueError:
        return text
