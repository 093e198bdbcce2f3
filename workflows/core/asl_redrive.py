"""Whether a revision of a state machine may take over an execution that ended without success (DESIGN.md, `fits`).

Compared are the states that are to go on: each must be in the new revision, of the same type, in the same scope (the same branch of the
same Parallel, the same Map, or the top). A Parallel that goes on must have as many branches as before, since those that succeeded keep
their places. What has been left behind is not compared: it is history, and its outcome is in the data.
"""

from __future__ import annotations

from collections.abc import Iterator

from workflows.core.asl_flow import Compiled, index_of
from workflows.core.draft import View
from workflows.errors import Problem
from workflows.model import ROOT, At, Definition, Frame, parent_path
from workflows.states import Map, Scope, StateMachine

Place = tuple[str, int]
"""The state around a scope and which of its scopes it is; ("", 0) is the top."""


def misfits(new: Compiled, view: View, before: Definition, new_input: bool) -> list[Problem]:
    if not isinstance(before, StateMachine):
        return [Problem("", f"revision {new.machine.revision} is a state machine, and the execution runs a task list")]
    root = view.frame(ROOT)
    assert root is not None, "an execution that has ended has a root"
    old = Compiled(before)
    found = list(_different(new, old, view))
    if new_input and root.counts:
        text = "has begun its branches or iterations, and those that are finished keep what they were given: redrive it without a new input"
        found.append(Problem("", f"the state {root.state!r} {text}"))
    return found


def _different(new: Compiled, old: Compiled, view: View) -> Iterator[Problem]:
    if new.machine.revision == old.machine.revision:
        return
    places = {name: (place, pointer) for name, place, pointer in _places(new.machine)}
    for frame in _unsuccessful(view, ROOT):
        was, now = old.states[frame.state], new.states.get(frame.state)
        if now is None:
            yield Problem(f"{new.machine.pointer}/States", f"the state {was.name!r}, from which the execution is to go on, is missing")
            continue
        place, pointer = places[was.name]
        if now.type != was.type:
            yield Problem(pointer, f"the state {was.name!r}, from which the execution is to go on, is a {was.type}, not a {now.type}")
        elif place != _place(old, view, frame):
            yield Problem(pointer, f"the state {was.name!r}, from which the execution is to go on, was in another branch or scope")
        elif frame.counts and len(now.scopes()) != len(was.scopes()):
            yield Problem(pointer, f"the state {was.name!r} has begun its {len(was.scopes())} branches, and now has {len(now.scopes())}")


def _unsuccessful(view: View, path: str) -> Iterator[Frame]:
    """Of the frames from `path` down those that are to go on, parents first."""
    todo = [path]
    while todo:
        frame = view.frame(todo.pop())
        if frame is not None and frame.status is not At.SUCCEEDED:
            yield frame
            todo.extend(view.children(frame.path))


def _place(old: Compiled, view: View, frame: Frame) -> Place:
    if frame.path == ROOT:
        return "", 0
    above = view.frame(parent_path(frame.path))
    assert above is not None, "a frame has its scope above it"
    return above.state, 0 if isinstance(old.states[above.state], Map) else index_of(frame.path)


def _places(machine: StateMachine) -> Iterator[tuple[str, Place, str]]:
    """Each state's name, in which scope it is, and the pointer to that scope's states."""
    todo: list[tuple[Place, StateMachine | Scope]] = [(("", 0), machine)]
    while todo:
        place, scope = todo.pop()
        for state in scope.states.values():
            yield state.name, place, f"{scope.pointer}/States"
            todo.extend(((state.name, index), inner) for index, inner in enumerate(state.scopes()))
