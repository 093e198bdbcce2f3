"""What a definition looks like: boxes, arrows between them, and boxes around boxes. How these are written is for `mermaid` and `dot`.

Each task or state is one box, each dependency or transition one arrow. A Parallel or Map is a box at the top of a group with what is inside
of it, and a small one at its end, where its branches come together and from which it goes on. Boxes have keys that are made here, so that
any text may be a task's id; texts are for people and come as lines.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from workflows.core.dataflow import rfc3339
from workflows.expressions import And, Comparison, Not, Or, Path
from workflows.expressions import Rule as Condition
from workflows.model import ALL, Definition, Retrier, Rule, Task, TaskList
from workflows.states import Catcher, Choice, Fail, Map, Parallel, Scope, State, StateMachine, Wait, Working
from workflows.states import Task as TaskState


class Form(Enum):
    TASK = "task"
    STEP = "step"  # a Pass, Wait or Succeed
    CHOICE = "choice"
    SCOPE = "scope"
    BEGIN = "begin"
    JOIN = "join"
    END = "end"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Box:
    key: str
    form: Form
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Arrow:
    """`exceptional`: what happens when something fails."""

    source: str
    target: str
    lines: tuple[str, ...] = ()
    exceptional: bool = False


@dataclass(slots=True)
class Group:
    """`name` is "" for the whole."""

    name: str = ""
    boxes: list[Box | Group] = field(default_factory=list)

    def all_boxes(self) -> Iterator[Box]:
        for box in self.boxes:
            if isinstance(box, Group):
                yield from box.all_boxes()
            else:
                yield box


@dataclass(slots=True)
class Drawing:
    title: str
    group: Group = field(default_factory=Group)
    arrows: list[Arrow] = field(default_factory=list)


def draw(definition: Definition) -> Drawing:
    drawing = Drawing(f"{definition.id}, revision {definition.revision}")
    if isinstance(definition, TaskList):
        _draw_tasks(definition, drawing)
    elif isinstance(definition, StateMachine):
        _Machine(drawing).scope(definition, drawing.group, None, None)
    return drawing


# --------------------------------------------------------------------------------------------------------------------- tasks


def _draw_tasks(job: TaskList, drawing: Drawing) -> None:
    keys = {id: f"n{number}" for number, id in enumerate(job.tasks)}
    for id, task in job.tasks.items():
        drawing.group.boxes.append(Box(keys[id], Form.TASK, tuple(_told_of_task(task))))
        drawing.arrows += [Arrow(keys[name], keys[id]) for name in task.depends_on]


def _told_of_task(task: Task) -> Iterator[str]:
    """Its name, what it calls, and whatever is not as usual."""
    yield task.name if task.name == task.id else f"{task.name} ({task.id})"
    if task.spec.function != task.id:
        yield f"calls {task.spec.function}"
    if task.rule is not Rule.ALL_SUCCESSFUL:
        yield f"if {task.rule.value}"
    if task.when is not None:
        yield f"when {condition_text(task.when)}"
    yield from _retries(task.spec.retriers)
    if task.spec.timeout is not None:
        yield f"at most {task.spec.timeout:g} s"
    if task.continue_on_failure:
        yield "may fail"


def _retries(retriers: tuple[Retrier, ...]) -> Iterator[str]:
    for retrier in retriers:
        if retrier.attempts and retrier.errors:
            times = "once more" if retrier.attempts == 1 else f"up to {retrier.attempts:,} times more"
            but = f", but not {', '.join(retrier.excluded)}" if retrier.excluded else ""
            yield times + ("" if retrier.errors == (ALL,) else f" on {', '.join(retrier.errors)}") + but


# -------------------------------------------------------------------------------------------------------------------- states


class _Machine:
    def __init__(self, drawing: Drawing) -> None:
        self.arrows = drawing.arrows
        self._numbers = itertools.count()

    def scope(self, scope: StateMachine | Scope, group: Group, begin: str | None, end: str | None) -> None:
        """`begin` and `end`: the boxes from and to which its first and last states go; None: of its own."""
        begin = begin or self._new(Form.BEGIN, ("start",), group)
        boxes = {name: self._box(state, group) for name, state in scope.states.items()}
        if end is None and any(state.next is None and not isinstance(state, Fail | Choice) for state in scope.states.values()):
            end = self._new(Form.END, ("end",), group)
        self.arrows.append(Arrow(begin, boxes[scope.start_at][0]))
        for name, state in scope.states.items():
            first, last = boxes[name]
            self._leave(state, first, last, {name: entry for name, (entry, _) in boxes.items()}, end)

    def _new(self, form: Form, lines: tuple[str, ...], group: Group) -> str:
        key = f"n{next(self._numbers)}"
        group.boxes.append(Box(key, form, lines))
        return key

    def _box(self, state: State, group: Group) -> tuple[str, str]:
        """Where arrows to the state end, and where those from it begin."""
        lines = tuple(_told_of_state(state))
        if not isinstance(state, Parallel | Map):
            key = self._new(_FORMS.get(type(state), Form.STEP), lines, group)
            return key, key
        inside = Group(state.name)
        group.boxes.append(inside)
        first = self._new(Form.SCOPE, lines[1:], inside)  # the group has its name
        last = self._new(Form.JOIN, ("all done",), inside)
        for scope in state.scopes():
            self.scope(scope, inside, first, last)
        return first, last

    def _leave(self, state: State, first: str, last: str, boxes: dict[str, str], end: str | None) -> None:
        if isinstance(state, Choice):
            for choice in state.choices:
                self.arrows.append(Arrow(last, boxes[choice.next], (condition_text(choice.rule),)))
            if state.default is not None:
                self.arrows.append(Arrow(last, boxes[state.default], ("otherwise",)))
        elif state.next is not None:
            self.arrows.append(Arrow(last, boxes[state.next]))
        elif end is not None and not isinstance(state, Fail):
            self.arrows.append(Arrow(last, end))
        if isinstance(state, Working):
            self.arrows += [Arrow(first, boxes[one.next], (_caught(one),), exceptional=True) for one in state.catchers]


_FORMS: dict[type[State], Form] = {TaskState: Form.TASK, Choice: Form.CHOICE, Fail: Form.FAILURE}


def _caught(catcher: Catcher) -> str:
    return "any error" if catcher.errors == (ALL,) else ", ".join(catcher.errors)


def _told_of_state(state: State) -> Iterator[str]:
    yield state.name
    match state:
        case TaskState():
            yield f"calls {state.resource.name or state.resource.arn}"
        case Parallel():
            yield f"{len(state.branches)} branches at once"
        case Map():
            yield f"for each of {'$' if not isinstance(state.items_path, Path) else state.items_path.text}"
        case Wait():
            yield f"waits {_until(state)}"
        case Fail():
            yield "fails" if state.error is None else f"fails: {state.error if isinstance(state.error, str) else state.error.text}"
    if isinstance(state, Working):
        yield from _retries(state.retriers)
    if isinstance(state, TaskState) and state.timeout is not None:
        yield f"at most {state.timeout.text if isinstance(state.timeout, Path) else state.timeout} s"


def _until(state: Wait) -> str:
    if state.seconds is not None:
        return f"{state.seconds.text if isinstance(state.seconds, Path) else state.seconds} s"
    assert state.timestamp is not None, "one of the two is there"
    return f"until {state.timestamp.text if isinstance(state.timestamp, Path) else rfc3339(state.timestamp)}"


# ---------------------------------------------------------------------------------------------------------------- conditions

_SIGNS = {"Equals": "=", "LessThan": "<", "GreaterThan": ">", "LessThanEquals": "<=", "GreaterThanEquals": ">=", "Matches": "matches"}
_TESTS = {
    "IsNull": "null",
    "IsPresent": "present",
    "IsNumeric": "a number",
    "IsString": "text",
    "IsBoolean": "true or false",
    "IsTimestamp": "a moment",
}


def condition_text(rule: Condition) -> str:
    """A choice rule as people would write it: `$.total > 100 and not ($.name = "x")`."""
    if isinstance(rule, And | Or):
        word = " and " if isinstance(rule, And) else " or "
        return word.join(condition_text(one) if isinstance(one, Comparison) else f"({condition_text(one)})" for one in rule.rules)
    if isinstance(rule, Not):
        return f"not ({condition_text(rule.rule)})"
    return _comparison(rule)


def _comparison(rule: Comparison) -> str:
    if rule.operator in _TESTS:
        return f"{rule.variable.text} is {'' if rule.operand else 'not '}{_TESTS[rule.operator]}"
    kind = next(kind for kind in ("String", "Numeric", "Boolean", "Timestamp") if rule.operator.startswith(kind))
    operand = rule.operand_path.text if rule.operand_path is not None else _value(rule.operand)
    return f"{rule.variable.text} {_SIGNS[rule.operator.removeprefix(kind)]} {operand}"


def _value(operand: object) -> str:
    if isinstance(operand, bool):
        return str(operand).lower()
    return f'"{operand}"' if isinstance(operand, str) else str(operand)
