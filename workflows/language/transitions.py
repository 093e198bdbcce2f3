"""What the states of a machine demand of each other: names given once, transitions that lead to a state of the same scope, an end.

A state that cannot be reached, and a scope that cannot end, are warnings: the real service takes both.
"""

from __future__ import annotations

from collections.abc import Iterator

from workflows.language.findings import DUPLICATE, TRANSITION, Findings
from workflows.language.scopes import ScopeDraft, inner_scopes
from workflows.language.shapes import shown


def check_transitions(outermost: ScopeDraft, findings: Findings) -> None:
    first: dict[str, str] = {}
    for scope in _scopes(outermost):
        for name, state in scope.states.items():
            place = first.setdefault(name, state.pointer)
            if place != state.pointer:
                findings.refuse(state.pointer, f"the name {shown(name)} is taken by {place}", code=DUPLICATE)
        if scope.states and _check_targets(scope, findings):
            _check_reach(scope, findings)


def _scopes(outermost: ScopeDraft) -> Iterator[ScopeDraft]:
    todo = [outermost]
    while todo:
        scope = todo.pop()
        yield scope
        todo += [inner for state in reversed(scope.states.values()) for inner in reversed(list(inner_scopes(state)))]


def _check_targets(scope: ScopeDraft, findings: Findings) -> bool:
    """Whether all of them exist and all states could be read, so that something can be said of reach."""
    sure = True
    start = scope.values.get("start_at")
    if start not in scope.states:
        sure = False
        if start is not None:
            findings.refuse(
                f"{scope.pointer}/StartAt", f"there is no state {shown(start)} in States", findings.nearest(start, scope.states)
            )
    for state in scope.states.values():
        sure = sure and state.type is not None
        for place, target in state.targets:
            if target and target not in scope.states:
                sure = False
                field = place.rpartition("/")[2]
                message = f"Missing '{field}' target: {shown(target)} is no state here"
                findings.refuse(place, message, findings.nearest(target, scope.states), TRANSITION)
    return sure


def _check_reach(scope: ScopeDraft, findings: Findings) -> None:
    reached = {scope.values["start_at"]}
    todo = list(reached)
    while todo:
        found = {target for _, target in scope.states[todo.pop()].targets if target} - reached
        reached |= found
        todo += found
    for name, state in scope.states.items():
        if name not in reached:
            findings.warn(state.pointer, f"State {shown(name)} is not reachable", code=TRANSITION)
    if not any(scope.states[name].ends for name in reached):
        findings.warn(f"{scope.pointer}/States", "no state that can be reached ends this: it runs for ever, or until it fails")
