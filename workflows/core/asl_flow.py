"""What the expressions of one state see, and the data on its way through it (ASL.md sections J, L and N).

A state's input becomes its output in stages; most states leave most stages out. A `Datum` is the value between two of them: parsed only
when something looks into it, written out only when it is kept, and the same payload all the way where nothing changes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Any

from workflows.core import arns
from workflows.core.dataflow import rfc3339
from workflows.core.expressions import ExpressionFailure, Scope, apply_result, evaluate, select
from workflows.core.machine import Machine
from workflows.expressions import CONTEXT, Path, ReferencePath, Template
from workflows.model import DATA_LIMIT_EXCEEDED, INLINE_BYTES, ROOT, RUNTIME, Frame, Ref, exceeds, parent_path
from workflows.numbers import dumps, loads
from workflows.states import ABSENT, PAYLOAD_BYTES, VARIABLES_BYTES, Absent, Map, State, StateMachine, Working, all_states
from workflows.states import Scope as States


class Datum:
    """A JSON value in one of three forms, each made from the others when it is asked for."""

    __slots__ = ("_m", "_ref", "_text", "_value")

    def __init__(self, m: Machine, *, ref: Ref | None = None, text: str | None = None, value: Any = ABSENT) -> None:
        self._m, self._ref, self._text, self._value = m, ref, text, value

    @property
    def text(self) -> str:
        if self._text is None:
            self._text = dumps(self._value) if self._ref is None else self._m.text(self._ref)
        return self._text

    @property
    def value(self) -> Any:
        if self._value is ABSENT:
            self._value = parsed(self.text)
        return self._value

    def keep(self, state: str) -> Ref:
        """A reference to it. Raises ExpressionFailure (States.DataLimitExceeded) when it is too long for what `state` gives out."""
        if self._ref is None:
            if exceeds(self.text, PAYLOAD_BYTES):
                raise ExpressionFailure(DATA_LIMIT_EXCEEDED, too_large(state))
            self._ref = self._m.keep(self.text)
        return self._ref


def too_large(state: str) -> str:
    return f"The state/task '{state}' returned a result with a size exceeding the maximum number of bytes service limit."


class Compiled:
    """A state machine with what is worth knowing about it before it runs."""

    def __init__(self, machine: StateMachine) -> None:
        self.machine = machine
        self.states: Mapping[str, State] = {state.name: state for state in all_states(machine)}
        self.contextual = frozenset(state.name for state in self.states.values() if _mentions_context(state))


def _mentions_context(node: Any) -> bool:
    """Whether an expression of the state looks into the context object; the states inside it are not asked."""
    if isinstance(node, Path):
        return node.root == CONTEXT
    if isinstance(node, States):
        return False
    if is_dataclass(node):
        return any(_mentions_context(getattr(node, item.name)) for item in fields(node))
    if isinstance(node, dict):
        return any(map(_mentions_context, node.values()))
    return isinstance(node, (list, tuple)) and any(map(_mentions_context, node))


class Variables(Mapping[str, Any]):
    """The variables a frame sees: its own, then those of the scopes around it. Read when named."""

    def __init__(self, m: Machine, frame: Frame) -> None:
        self._m = m
        self._frame = frame

    def __getitem__(self, name: str) -> Any:
        for frame in lineage(self._m, self._frame):
            if name in frame.variables:
                return parsed(self._m.text(frame.variables[name]))
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter({name for frame in lineage(self._m, self._frame) for name in frame.variables})

    def __len__(self) -> int:
        return sum(1 for _ in self)


def lineage(m: Machine, frame: Frame) -> Iterator[Frame]:
    """The frame and the scopes around it, innermost first."""
    yield frame
    while frame.path != ROOT:
        above = m.frame(parent_path(frame.path))
        assert above is not None, "a frame has its scope above it"
        frame = above
        yield frame


class Flow:
    """One frame at its state, in one step."""

    def __init__(self, compiled: Compiled, m: Machine, frame: Frame) -> None:
        self._compiled = compiled
        self._m = m
        self._frame = frame
        self._state = compiled.states[frame.state]
        self.given = Datum(m, ref=frame.given)

    def input(self) -> Datum:
        """The effective input: InputPath applied to what the state was given."""
        return self._through(self._state.input_path, self.given)

    def output(self, data: Datum) -> Datum:
        """OutputPath applied."""
        return self._through(self._state.output_path, data)

    def placed(self, path: ReferencePath | Absent | None, result: Datum) -> Datum:
        """ResultPath: the result in its place in what the state was given."""
        if path is None:
            return self.given
        if path is ABSENT or not path.steps:
            return result
        return self.made(apply_result(self.given.value, path, result.value))

    def filled(self, template: Template | Absent, data: Datum, field: str) -> Datum:
        """A payload template over `data`; `data` itself without one."""
        return data if template is ABSENT else self.made(evaluate(template, self.scope(data), field))

    def number(self, source: Any, data: Datum, field: str) -> Any:
        """A field that is a number, or the path to one in `data`."""
        return select(source, self.scope(data), field) if isinstance(source, Path) else source

    def assigned(self, template: Template | Absent, data: Datum) -> dict[str, Ref]:
        """The variables that an Assign over `data` gives values."""
        if template is ABSENT:
            return {}
        values = evaluate(template, self.scope(data), "Assign")
        texts = {name: dumps(value) for name, value in values.items()}
        if exceeds("".join(texts.values()), PAYLOAD_BYTES):
            raise ExpressionFailure(DATA_LIMIT_EXCEEDED, too_large(self._state.name))
        assigned = {name: self._m.keep(text) for name, text in texts.items()}
        if self._too_many(assigned):
            raise ExpressionFailure(DATA_LIMIT_EXCEEDED, f"The variables of an execution have at most {VARIABLES_BYTES:,} bytes together.")
        return assigned

    def _too_many(self, assigned: Mapping[str, Ref]) -> bool:
        """Whether the variables in sight are too much together once these are among them. Few cannot be, and are not read."""
        kept = [ref for frame in lineage(self._m, self._frame) for name, ref in frame.variables.items() if name not in assigned]
        kept += assigned.values()
        if sum(INLINE_BYTES if isinstance(ref, str) else PAYLOAD_BYTES for ref in kept) <= VARIABLES_BYTES:
            return False
        return sum(len(self._m.text(ref).encode("utf-8", "surrogatepass")) for ref in kept) > VARIABLES_BYTES

    def items(self, data: Datum, path: Path | Absent) -> Datum:
        """The array a Map goes over."""
        items = self._through(path, data)
        if not isinstance(items.value, list):
            text = "$" if path is ABSENT else path.text[1:] if path.root == CONTEXT else path.text
            raise ExpressionFailure(RUNTIME, f'Reference path "{text}" must point to array.')
        return items

    def item(self, template: Template | Absent, index: int) -> Datum:
        """What iteration `index` of the Map the frame is open at begins with."""
        value = parsed(self._m.text(_present(self._frame.items)))[index]
        if template is ABSENT:
            return self.made(value)
        context = {**self.context(), "Map": {"Item": {"Index": index, "Value": value}}}
        scope = Scope(Datum(self._m, ref=self._frame.input).value, context, Variables(self._m, self._frame), self._m.random)
        return self.made(evaluate(template, scope, "ItemSelector"))

    def made(self, value: Any) -> Datum:
        return Datum(self._m, value=value)

    def scope(self, data: Datum) -> Scope:
        """What the state's expressions see when `$` is `data`."""
        context = self.context() if self._frame.state in self._compiled.contextual else None
        return Scope(data.value, context, Variables(self._m, self._frame), self._m.random)

    def context(self) -> dict[str, Any]:
        """The context object."""
        header, machine = self._m.header, self._compiled.machine
        state: dict[str, Any] = {"Name": self._frame.state, "EnteredTime": rfc3339(self._frame.started or self._m.at)}
        if isinstance(self._state, Working):
            state["RetryCount"] = sum(self._frame.retries)
        context: dict[str, Any] = {
            "Execution": {
                "Id": arns.execution_arn(machine.id, header.id),
                "Input": parsed(self._m.text(header.input)),
                "StartTime": rfc3339(header.created),
                "Name": header.id,
                "RoleArn": arns.ROLE,
                "RedriveCount": header.redrives,
            },
            "StateMachine": {"Id": arns.machine_arn(machine.id), "Name": machine.id},
            "State": state,
        }
        item = self._item()
        return context if item is None else context | {"Map": {"Item": item}}

    def _through(self, path: Path | Absent | None, data: Datum) -> Datum:
        if path is None:
            return Datum(self._m, text="{}")
        if path is ABSENT or path.text == "$":
            return data
        return self.made(select(path, self.scope(data)))

    def _item(self) -> dict[str, Any] | None:
        """The item of the innermost Map around the frame."""
        child = self._frame
        for scope in lineage(self._m, self._frame):
            if scope is not child and isinstance(self._compiled.states[scope.state], Map):
                index = index_of(child.path)
                return {"Index": index, "Value": parsed(self._m.text(_present(scope.items)))[index]}
            child = scope
        return None


def index_of(path: str) -> int:
    """Which of its scope's children the frame at this path is; see `branch_path` in core.asl_scopes."""
    return int(path.rpartition(":")[2])


def parsed(text: str) -> Any:
    """The value of a payload, shared by all who look into it. Long ones are remembered: each iteration of a Map takes one of the items,
    and may look into the whole input and into that of the execution."""
    return loads(text) if len(text) <= INLINE_BYTES else _remembered(text)


@lru_cache(maxsize=16)
def _remembered(text: str) -> Any:
    return loads(text)


def _present(ref: Ref | None) -> Ref:
    assert ref is not None, "an open Map has items"
    return ref
