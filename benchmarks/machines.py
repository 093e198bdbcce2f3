"""State machines of any size, as documents: what the scale benchmarks run. Nothing is measured here."""

from __future__ import annotations

import json
from typing import Any

DAY_S = 86_400


def chain(length: int) -> str:
    """So many Pass states in a row, each handing on what it was given."""
    states = {f"s{n}": {"Type": "Pass", **_next(n, length)} for n in range(length)}
    return _machine(f"chain-{length}", "s0", states)


def three() -> str:
    """What `definitions/three.json` says, in the other language: three Task states in order that do nothing."""
    return _machine("three-states", "s0", {f"s{n}": _noop() | _next(n, 3) for n in range(3)})


def each(most: int = 0) -> str:
    """A Map over its input, one task that does nothing per item. `most`: MaxConcurrency."""
    processor = {"StartAt": "Do", "States": {"Do": _noop() | {"End": True}}}
    return _machine("each", "Each", {"Each": {"Type": "Map", "ItemProcessor": processor, "MaxConcurrency": most, "End": True}})


def selected() -> str:
    """The same with an ItemSelector that looks at the item, the whole input and the context."""
    template = {"item.$": "$$.Map.Item.Value", "all.$": "States.ArrayLength($)", "run.$": "$$.Execution.Name"}
    document: dict[str, Any] = json.loads(each())
    document["id"] = document["name"] = "selected"
    document["States"]["Each"]["ItemSelector"] = template
    return json.dumps(document)


def parallel(branches: int) -> str:
    """So many branches of one task that does nothing."""
    made = [{"StartAt": f"b{n}", "States": {f"b{n}": _noop() | {"End": True}}} for n in range(branches)]
    return _machine(f"parallel-{branches}", "All", {"All": {"Type": "Parallel", "Branches": made, "End": True}})


def waiting() -> str:
    """A Wait state of a day."""
    return _machine("waiting", "Wait", {"Wait": {"Type": "Wait", "Seconds": DAY_S, "End": True}})


def items(count: int) -> str:
    """JSON text of an array of so many small objects. Input, items and results have 256 KiB each, so that 10,000 is near the most."""
    return json.dumps([{"n": n} for n in range(count)], separators=(",", ":"))


def _noop() -> dict[str, Any]:
    return {"Type": "Task", "Resource": "noop"}


def _next(number: int, length: int) -> dict[str, Any]:
    return {"End": True} if number + 1 == length else {"Next": f"s{number + 1}"}


def _machine(name: str, start: str, states: dict[str, Any]) -> str:
    return json.dumps({"id": name, "name": name, "StartAt": start, "States": states})
