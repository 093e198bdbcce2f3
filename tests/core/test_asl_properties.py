"""Any state machine, killed between any two effects and resumed, ends as it would have without.

Definitions come from Hypothesis: every type of state, scopes three deep, failures, retries, catchers, loops. How an attempt comes out
depends on its state and number alone. A kill loses what is in memory: the execution is read back from its records, and every attempt that
was under way is interrupted (at most three times, as a fourth fails it).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any
from zlib import crc32

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.core.machines import compiled
from tests.core.world import World
from workflows.core import machine as machine_module
from workflows.core.asl import Asl
from workflows.core.waits import Work
from workflows.model import At, Entry, Status
from workflows.runtime.records import frame_data, frame_from, header_data, header_from

INPUT = {"n": 1, "items": [1, 2, 3]}
DEPTH = 3
EVENTS = 4_000
ERRORS = ("Oops", "Boom", "States.Timeout")


# ----------------------------------------------------------------------------------------------------------- definitions


class Maker:
    """Draws a machine. `draw` is Hypothesis's; names are numbered, as they are unique in a machine."""

    def __init__(self, draw: Callable[..., Any]) -> None:
        self._draw = draw
        self._numbers = count(1)

    def scope(self, depth: int) -> dict[str, Any]:
        """States one after the other; each kind of step puts its states in and says which is the first."""
        states: dict[str, Any] = {}
        target: str | None = None
        for _ in range(self._draw(st.integers(1, 4))):
            target = self._step(states, target, depth)
        return {"StartAt": target, "States": states}

    def _step(self, states: dict[str, Any], target: str | None, depth: int) -> str:
        kinds = ["pass", "task", "task", "task", "wait", "choice", "loop", "lost", "fail"] + ["parallel", "map"] * (2 * (depth > 1))
        kind = self._draw(st.sampled_from(kinds))
        name = f"{kind}{next(self._numbers)}"
        states[name] = getattr(self, f"_{kind}")(states, name, target, depth)
        return name

    def _pass(self, _states: dict[str, Any], name: str, target: str | None, _depth: int) -> dict[str, Any]:
        fields = [
            {"Result": 1, "ResultPath": "$.r"},
            {"Parameters": {"n.$": "$.n"}},
            {"Assign": {f"v{name}.$": "$.n"}},
            {"OutputPath": "$"},
        ]
        return {"Type": "Pass", **self._draw(st.sampled_from(fields)), **ending(target)}

    def _task(self, _states: dict[str, Any], _name: str, target: str | None, _depth: int) -> dict[str, Any]:
        resource = self._draw(st.sampled_from(["f", "arn:aws:lambda:us-east-1:000000000000:function:f"]))
        return {"Type": "Task", "Resource": resource, "ResultPath": "$.t", "TimeoutSeconds": 50, **self._handlers(target), **ending(target)}

    def _wait(self, _states: dict[str, Any], _name: str, target: str | None, _depth: int) -> dict[str, Any]:
        return {"Type": "Wait", "Seconds": self._draw(st.integers(0, 3)), **ending(target)}

    def _lost(self, _states: dict[str, Any], _name: str, target: str | None, _depth: int) -> dict[str, Any]:
        """It looks for what is there in some states only."""
        return {"Type": "Pass", "Parameters": {"n.$": "$.n", "r.$": self._draw(st.sampled_from(["$.r", "$.n"]))}, **ending(target)}

    def _fail(self, _states: dict[str, Any], _name: str, target: str | None, _depth: int) -> dict[str, Any]:
        """It fails in some cases only, or nothing would ever come after it."""
        stop = f"stop{next(self._numbers)}"
        _states[stop] = {"Type": "Fail", "Error": self._draw(st.sampled_from(ERRORS)), "Cause": "because"}
        rule = {"Variable": "$.t", "IsPresent": True, "Next": stop}
        return {"Type": "Choice", "Choices": [rule], "Default": target or self._end(_states)}

    def _choice(self, states: dict[str, Any], _name: str, target: str | None, _depth: int) -> dict[str, Any]:
        rule = {"Variable": "$.n", "NumericGreaterThan": self._draw(st.integers(0, 3)), "Next": target or self._end(states)}
        default = {"Default": self._end(states)} if self._draw(st.booleans()) else {}
        return {"Type": "Choice", "Choices": [rule], **default}

    def _loop(self, states: dict[str, Any], name: str, target: str | None, depth: int) -> dict[str, Any]:
        """Its body twice: a counter in a variable."""
        again, counted, variable = f"again{name}", f"count{name}", f"n{name}"
        body = self._step(states, counted, depth - 1)
        states[counted] = {"Type": "Pass", "Assign": {f"{variable}.$": f"States.MathAdd(${variable}, 1)"}, "Next": again}
        rule = {"Variable": f"${variable}", "NumericLessThan": 2, "Next": body}
        states[again] = {"Type": "Choice", "Choices": [rule], "Default": target or self._end(states)}
        return {"Type": "Pass", "Assign": {variable: 0}, "Next": body}

    def _parallel(self, _states: dict[str, Any], _name: str, target: str | None, depth: int) -> dict[str, Any]:
        branches = [self.scope(depth - 1) for _ in range(self._draw(st.integers(1, 3)))]
        return {"Type": "Parallel", "Branches": branches, "ResultPath": None, **self._handlers(target), **ending(target)}

    def _map(self, _states: dict[str, Any], _name: str, target: str | None, depth: int) -> dict[str, Any]:
        fields: dict[str, Any] = {"MaxConcurrency": self._draw(st.integers(0, 2)), "ResultPath": None}
        fields |= self._draw(st.sampled_from([{}, {"ToleratedFailureCount": 1}]))
        fields |= {"ItemsPath": "$$.Execution.Input.items", "ItemSelector": {"n.$": "$$.Map.Item.Value", "items": [7]}}
        return {"Type": "Map", "ItemProcessor": self.scope(depth - 1), **fields, **self._handlers(target), **ending(target)}

    def _handlers(self, target: str | None) -> dict[str, Any]:
        names = self._draw(st.sampled_from([["States.ALL"], ["Oops"], ["States.Timeout", "Boom"]]))
        found: dict[str, Any] = {}
        if self._draw(st.booleans()):
            found["Retry"] = [{"ErrorEquals": names, "MaxAttempts": self._draw(st.integers(0, 2)), "JitterStrategy": "FULL"}]
        if target is not None and self._draw(st.booleans()):
            found["Catch"] = [{"ErrorEquals": names, "ResultPath": "$.why", "Next": target}]
        return found

    def _end(self, states: dict[str, Any]) -> str:
        name = f"end{next(self._numbers)}"
        states[name] = {"Type": "Succeed"}
        return name


def ending(target: str | None) -> dict[str, Any]:
    return {"End": True} if target is None else {"Next": target}


@st.composite
def documents(draw: Callable[..., Any]) -> dict[str, Any]:
    return Maker(draw).scope(DEPTH)


# ------------------------------------------------------------------------------------------------------------------ runs


class Life:
    """One execution from start to end, with kills after the events numbered in `kills`; after a failure redriven up to so many times."""

    def __init__(self, dialect: Asl, salt: int, kills: frozenset[int], redrives: int = 0) -> None:
        self.world = World(dialect)
        self._dialect, self._salt, self._kills, self._redrives = dialect, salt, kills, redrives
        self._done: set[tuple[str, int]] = set()
        self._events = 0

    def run(self) -> World:
        self._did(lambda: self.world.start(INPUT))
        while self._next() or self._redrive():
            assert self._events < EVENTS, "it does not come to an end"
        self.world.check()
        return self.world

    def _redrive(self) -> bool:
        if self.world.status() is not Status.FAILED or self.world.head().redrives == self._redrives:
            return False
        self.world.check()
        return self._did(self.world.redrive)

    def _next(self) -> bool:
        """The next effect: turns first, then hand out all that is ready, then one report, then the next moment."""
        world = self.world
        waits = world.waits()
        for path, wait in waits.items():
            if wait.kind is Work.CONTINUE:
                return self._did(partial(world.go_on, path))
            if not wait.taken:
                return self._did(partial(world.take, path))
        for path in waits:
            return self._did(partial(self._report, path))
        if timers := world.timers():
            return self._did(lambda: world.fire(min(timers, key=lambda path: (timers[path], path))))
        return False

    def _report(self, path: str) -> None:
        frame = self.world.at(path)
        outcome = crc32(f"{self._salt} {frame.state} {frame.attempt}".encode()) % 5
        assert (path, frame.entry) not in self._done, "invariant 6: a finished task never runs again"
        if outcome < 3:
            self._done.add((path, frame.entry))
            self.world.succeed(path, {"v": outcome})
        else:
            self.world.fail(path, ERRORS[outcome - 3], "made up")

    def _did(self, effect: Callable[[], Any]) -> bool:
        effect()
        self._events += 1
        running = [path for path, frame in self.world.frames.items() if frame.status is At.RUNNING]
        if self._events in self._kills and all(self.world.at(path).interruptions < 3 for path in running):
            self._revive()
            for path in running:
                self.world.interrupt(path)
        return True

    def _revive(self) -> None:
        """What is left is what the records say."""
        old, self.world = self.world, World(self._dialect)
        new = self.world
        new.header = header_from(json.loads(json.dumps(header_data(old.head()))))
        for frame in old.frames.values():
            new.restore(frame_from(json.loads(json.dumps(frame_data(frame)))))
        new.payloads, new.history, new.now = dict(old.payloads), list(old.history), old.now


def outcome(world: World) -> tuple[Any, ...]:
    header = world.head()
    output = None if header.output is None else world.text(header.output)
    error = None if header.error is None else placeless(world.text(header.error))
    return header.status, output, error, story(world)


def story(world: World) -> Counter[str]:
    """The history without what may differ: each event by what it is and by what it follows, whatever ran beside it."""
    told: dict[int, str] = {0: ""}
    found: Counter[str] = Counter()
    for entry in world.history:
        if entry.type == "TaskInterrupted":
            told[entry.id] = told[entry.previous]
            continue
        told[entry.id] = f"{crc32(f'{told[entry.previous]} {entry.type} {shown(world, entry)}'.encode()):08x}"
        found[f"{entry.type} {shown(world, entry)} after {told[entry.previous]}"] += 1
    return found


def shown(world: World, entry: Entry) -> str:
    values = {name: world.text(value) if name in ("input", "output", "parameters") else value for name, value in entry.details.items()}
    return placeless(json.dumps(values, sort_keys=True))


def placeless(text: str) -> str:
    """Without the ids of events."""
    return re.sub(r"event id #\d+", "event id #", text)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(document=documents(), salt=st.integers(0, 1_000), kills=st.frozensets(st.integers(1, 400), max_size=24), redrives=st.integers(0, 3))
def test_a_killed_execution_ends_as_if_it_had_not_been(document: dict[str, Any], salt: int, kills: frozenset[int], redrives: int) -> None:
    dialect = compiled(document)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(machine_module, "TURN", 4)
        whole = Life(dialect, salt, frozenset(), redrives).run()
        killed = Life(dialect, salt, kills, redrives).run()
    assert outcome(killed) == outcome(whole)


def test_killed_after_every_event() -> None:
    """One machine with all there is, killed once at each place in turn."""
    inner = {"StartAt": "I", "States": {"I": {"Type": "Task", "Resource": "f", "Retry": [{"ErrorEquals": ["States.ALL"]}], "End": True}}}
    states = {
        "A": {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": inner, "ResultPath": "$.a", "ToleratedFailureCount": 2, "Next": "B"},
        "B": {"Type": "Wait", "Seconds": 3, "Next": "C"},
        "C": {"Type": "Task", "Resource": "f", "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "D"}], "End": True},
        "D": {"Type": "Pass", "Result": "caught", "End": True},
    }
    dialect = compiled({"StartAt": "A", "States": states})
    for salt in range(5):
        whole = outcome(Life(dialect, salt, frozenset()).run())
        for moment in range(1, 40):
            assert outcome(Life(dialect, salt, frozenset([moment])).run()) == whole
