"""State machines for tests: written as their States, run in a world whose functions are plain Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.core.world import World
from workflows.core.asl import Asl
from workflows.core.waits import Work
from workflows.language import states
from workflows.model import ROOT, Error
from workflows.numbers import loads

Function = Callable[[Any], Any]

LIMIT = 100_000


class Boom(Exception):
    """Raised by a test's function: the attempt fails with this error type."""

    def __init__(self, error: str = "Boom", message: str = "it broke", traceback: str = "") -> None:
        super().__init__(error, message, traceback)
        self.error = Error(error, message, traceback)


def compiled(document: Mapping[str, Any], **more: Any) -> Asl:
    return Asl(states.read({"id": "machine", "definition": document, **more}, functions=None))


def machine(**states: Mapping[str, Any]) -> dict[str, Any]:
    """A document that starts at the first of these states; one without Next ends it, where its type may."""
    made = {}
    for name, state in states.items():
        ends = state["Type"] in ("Choice", "Fail", "Succeed") or "Next" in state
        made[name] = dict(state) if ends else {**state, "End": True}
    return {"StartAt": next(iter(states)), "States": made}


def world_of(document: Mapping[str, Any], data: Any = None, **more: Any) -> World:
    """Started, with everything done that needs nobody."""
    world = World(compiled(document, **more))
    world.start({} if data is None else data)
    return world


def play(document: Mapping[str, Any], data: Any = None, **functions: Function) -> World:
    """The execution run to its end; attempts call these functions."""
    world = world_of(document, data)
    go(world, **functions)
    return world


def go(world: World, **functions: Function) -> None:
    for _ in range(LIMIT):
        if waits := world.waits():
            path, wait = next(iter(waits.items()))
            if wait.kind is Work.CONTINUE:
                world.go_on(path)
            else:
                attempt(world, path, **functions)
        elif timers := world.timers():
            world.fire(min(timers, key=lambda path: timers[path]))
        else:
            world.check()
            return
    raise AssertionError(f"still not at rest after {LIMIT} events")


def attempt(world: World, path: str = ROOT, **functions: Function) -> None:
    frame = world.at(path)
    function = functions[world.dialect.resolve(frame).function]
    try:
        world.succeed(path, function(loads(world.text(frame.input))))
    except Boom as boom:
        world.fail(path, boom.error.type, boom.error.message)


def one(state: Mapping[str, Any], data: Any = None, **functions: Function) -> World:
    """A machine of this one state, called X, run to its end."""
    return play(machine(X=state), data, **functions)


def failure(world: World) -> tuple[str, str]:
    error = world.error()
    return error.type, error.message


def details(world: World, kind: str) -> list[dict[str, Any]]:
    """Of all entries of this type, payloads as values."""
    found = []
    for entry in world.history:
        if entry.type == kind:
            payloads = {key: loads(world.text(value)) for key, value in entry.details.items() if key in ("input", "output", "parameters")}
            found.append({**entry.details, **payloads})
    return found


def raising(*outcomes: Any) -> Function:
    """A function that gives these one after the other; a Boom is raised. The last goes on for ever."""
    left = list(outcomes)

    def call(_data: Any) -> Any:
        outcome = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(outcome, Boom):
            raise outcome
        return outcome

    return call
