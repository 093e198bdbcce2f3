"""A test-only dialect: a small state machine language, driven by the machine alone. It proves that the core carries a second dialect.

Task, Pass, Choice, Wait, Succeed, Fail, Parallel and Map, with Retry and Catch, written as plain JSON data:

    {"StartAt": "A", "States": {"A": {"Type": "Task", "Retry": [{"MaxAttempts": 2}], "Next": "B"}, "B": {"Type": "Succeed"}}}

The root frame moves through the states of the machine, a branch frame through those of its branch; a Parallel or Map makes the frame that
stands at it a scope. A branch's path names the state, the scope's visit and the index: a scope entered again never meets its own past.
Not the states language: data only passes through, except that Pass may set it ("Result") or count ("Add": [member, number]).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from workflows.core.dataflow import dumps, loads
from workflows.core.dialect import TaskEvents
from workflows.core.draft import View
from workflows.core.machine import Machine, read_error
from workflows.errors import Problem
from workflows.model import At, Definition, Delay, Error, Frame, Ref, Retrier, TaskSpec, child_path

State = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToyDefinition(Definition):
    machine: State = field(default_factory=dict)


class Toy(TaskEvents):
    """One toy state machine as a dialect."""

    def __init__(self, definition: ToyDefinition) -> None:
        self.definition = definition

    # --------------------------------------------------------------------------------------------------------- the dialect

    def start(self, m: Machine, root: Frame) -> None:
        m.goto(root, self.definition.machine["StartAt"], m.header.input)

    def enter(self, m: Machine, frame: Frame) -> None:
        state = self._state(frame)
        entered = m.note(frame.last, f"{state['Type']}StateEntered", name=frame.state)
        frame = replace(frame, entered=entered, last=entered)
        match state["Type"]:
            case "Task":
                m.attempt(frame, frame.input)
            case "Wait":
                m.wait(frame, m.at + state["Seconds"])
            case "Pass":
                self._leave(m, frame, self._passed(m, state, frame.input))
            case "Choice":
                self._choose(m, frame, state)
            case "Succeed":
                m.conclude(frame, At.SUCCEEDED, output=frame.input)
            case "Fail":
                self._fail(m, frame, Error(state["Error"]), "ExecutionStateFailed")
            case "Parallel" | "Map":
                self._open(m, frame, state)

    def finished(self, m: Machine, frame: Frame, output: Ref | None, error: Error | None) -> None:
        if error is None:
            self._leave(m, frame, output)
            return
        for catcher in self._state(frame).get("Catch", ()):
            if error.type in catcher["ErrorEquals"] or "States.ALL" in catcher["ErrorEquals"]:
                m.goto(frame, catcher["Next"], m.keep(dumps({"error": error.type})))
                return
        m.conclude(frame, At.FAILED, error=error)

    def woken(self, m: Machine, frame: Frame) -> None:
        match frame.status, self._state(frame)["Type"]:
            case At.WAITING, _:
                self._leave(m, frame, frame.input)
            case _, "Task":
                m.attempt(frame, frame.input)
            case _:
                m.again(frame)

    def child_ended(self, m: Machine, scope: Frame, child: Frame) -> None:
        scope = replace(scope, last=child.last)
        if child.error is not None:  # it failed
            m.close(scope)
            self._fail(m, scope, read_error(m.text(child.error)), f"{self._state(scope)['Type']}StateFailed")
            return
        left, opened, size = scope.counts["left"] - 1, scope.counts["opened"], scope.counts["size"]
        scope = m.put(replace(scope, counts={**scope.counts, "left": left, "opened": min(opened + 1, size)}))
        if left == 0:
            self._join(m, scope)
        elif opened < size:
            self._open_branch(m, scope, opened)

    def redriven(self, m: Machine, root: Frame, data: Ref | None, same: bool) -> None:
        """The state at which the root stands begins again, as a whole."""
        m.close(root)
        m.again(root if data is None else replace(root, input=data))

    def fits(self, view: View, before: Definition, new_input: bool) -> list[Problem]:
        return []

    def resolve(self, frame: Frame) -> TaskSpec:
        state = self._state(frame)
        return TaskSpec(
            function=state.get("Function", ""),
            retriers=tuple(_retrier(retry) for retry in state.get("Retry", ())),
            timeout=state.get("TimeoutSeconds"),
            heartbeat=state.get("HeartbeatSeconds"),
            fail_on_interrupt=state.get("OnInterrupt") == "fail",
        )

    # -------------------------------------------------------------------------------------------------------------- within

    def _machine_of(self, path: str) -> State:
        """The machine whose states the frame at this path moves through."""
        machine = self.definition.machine
        for segment in path.split("/")[1:]:
            name, _visit, index = segment.replace("~1", "/").replace("~0", "~").rsplit(":", 2)
            state = machine["States"][name]
            machine = state["Branches"][int(index)] if state["Type"] == "Parallel" else state["Each"]
        return machine

    def _state(self, frame: Frame) -> State:
        state: State = self._machine_of(frame.path)["States"][frame.state]
        return state

    def _fail(self, m: Machine, frame: Frame, error: Error, entry: str) -> None:
        m.fail(replace(frame, last=m.note(frame.last, entry, error=error.type, cause=error.message)), error)

    def _leave(self, m: Machine, frame: Frame, output: Ref | None) -> None:
        state = self._state(frame)
        frame = replace(frame, last=m.note(frame.last, f"{state['Type']}StateExited", name=frame.state))
        if "Next" in state:
            m.goto(frame, state["Next"], output)
        else:
            m.conclude(frame, At.SUCCEEDED, output=output)

    def _passed(self, m: Machine, state: State, data: Ref | None) -> Ref | None:
        if "Result" in state:
            return m.keep(dumps(state["Result"]))
        if "Add" in state:
            member, number = state["Add"]
            values = _object(m, data)
            return m.keep(dumps({**values, member: values.get(member, 0) + number}))
        return data

    def _choose(self, m: Machine, frame: Frame, state: State) -> None:
        values = _object(m, frame.input)
        for choice in state.get("Choices", ()):
            member, value = choice["equals"]
            if values.get(member) == value:
                m.goto(frame, choice["Next"], frame.input)
                return
        if "Default" in state:
            m.goto(frame, state["Default"], frame.input)
        else:
            self._fail(m, frame, Error("States.NoChoiceMatched"), "ExecutionStateFailed")

    def _open(self, m: Machine, frame: Frame, state: State) -> None:
        """A Map goes over its "Items", else over its input, which must be an array."""
        items = state["Branches"] if state["Type"] == "Parallel" else state.get("Items", loads(_text(m, frame.input)))
        if not isinstance(items, list):
            self._fail(m, frame, Error("NotAnArray"), "MapStateFailed")
            return
        size = len(items)
        opened = min(size, state.get("MaxConcurrency") or size)
        frame = replace(frame, last=m.note(frame.last, f"{state['Type']}StateStarted", length=size))
        scope = m.open(frame, left=size, opened=opened, size=size)
        for index in range(opened):
            self._open_branch(m, scope, index)
        if size == 0:
            self._join(m, scope)

    def _open_branch(self, m: Machine, scope: Frame, index: int) -> None:
        state = self._state(scope)
        data = scope.input
        if state["Type"] == "Map":
            data = m.keep(dumps(_items(m, state, scope)[index]))
        branch = Frame(_branch_path(scope, index), At.PENDING, last=scope.last)
        m.goto(branch, self._machine_of(branch.path)["StartAt"], data)

    def _join(self, m: Machine, scope: Frame) -> None:
        branches = (m.frame(_branch_path(scope, index)) for index in range(scope.counts["size"]))
        outputs = [_text(m, branch.output) for branch in branches if branch is not None]
        m.close(scope)
        self._leave(m, scope, m.keep(f"[{','.join(outputs)}]"))


def toy(machine: State, *, timeout: float | None = None) -> Toy:
    """The dialect for this machine. `timeout`: of the whole execution, in seconds."""
    return Toy(ToyDefinition(id="toy", revision=1, timeout=timeout, machine=machine))


def _branch_path(scope: Frame, index: int) -> str:
    return child_path(scope.path, f"{scope.state}:{scope.visit}:{index}")


def _retrier(retry: State) -> Retrier:
    delay = Delay(retry.get("IntervalSeconds", 1.0), retry.get("BackoffRate", 2.0), jitter=retry.get("Jitter", False))
    return Retrier(retry.get("MaxAttempts", 3), delay, tuple(retry.get("ErrorEquals", ("States.ALL",))))


def _items(m: Machine, state: State, scope: Frame) -> list[Any]:
    items: list[Any] = state.get("Items") or loads(_text(m, scope.input))
    return items


def _text(m: Machine, ref: Ref | None) -> str:
    return "null" if ref is None else m.text(ref)


def _object(m: Machine, ref: Ref | None) -> dict[str, Any]:
    value = loads(_text(m, ref))
    return value if isinstance(value, dict) else {}
