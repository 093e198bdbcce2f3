"""The task list and DAG dialect: which task comes next when one has ended, and what the whole comes to.

A root scope, and a child frame for each task that has been reached; a task that some of its upstream tasks have reached is PENDING and
counts how they ended. Order, trigger rules and their meaning: CONTRACT "Task lists and DAGs" and docs; SEEDS.md B3 for the rules' origin.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import cache
from typing import Any

from workflows.core.dataflow import dumps, loads, rfc3339, weight
from workflows.core.dialect import TaskEvents
from workflows.core.draft import View
from workflows.core.evolve import replace
from workflows.core.expressions import ExpressionFailure, Scope, evaluate, matches
from workflows.core.machine import Machine, read_error
from workflows.core.paths import Miss
from workflows.errors import Problem
from workflows.expressions import CONTEXT, Field, Intrinsic, Path, Template
from workflows.model import (
    DATA_LIMIT_EXCEEDED,
    FINISHED,
    PARAMETER_PATH_FAILURE,
    RESULT_BYTES,
    ROOT,
    RUNTIME,
    At,
    Definition,
    Error,
    Frame,
    Ref,
    Rule,
    Status,
    Task,
    TaskList,
    TaskSpec,
    child_path,
    exceeds,
)


class Verdict(Enum):
    """What a trigger rule says so far."""

    START = "start"
    SKIP = "skip"
    NOT_YET = "not yet"


def verdict(rule: Rule, upstream: int, succeeded: int, failed: int, skipped: int) -> Verdict:
    """Decide a trigger rule as soon as what has ended decides it. `upstream`: how many tasks it depends on, at least one."""
    done = succeeded + failed + skipped == upstream
    spoilt, early = {
        Rule.ALL_SUCCESSFUL: (failed + skipped > 0, False),
        Rule.ALL_FAILED: (succeeded + skipped > 0, False),
        Rule.NONE_FAILED: (failed > 0, False),
        Rule.NONE_SKIPPED: (skipped > 0, False),
        Rule.ONE_SUCCESSFUL: (done and succeeded == 0, succeeded > 0),
        Rule.ONE_FAILED: (done and failed == 0, failed > 0),
        Rule.ALL_DONE: (False, False),
        Rule.ALWAYS: (False, False),
    }[rule]
    if spoilt:
        return Verdict.SKIP
    return Verdict.START if done or early else Verdict.NOT_YET


_OUTCOMES = {At.SUCCEEDED: "succeeded", At.FAILED: "failed", At.SKIPPED: "skipped"}
_PHRASES = {At.SUCCEEDED: "succeeded", At.FAILED: "failed", At.SKIPPED: "was skipped"}
_DONE_WELL = "failed, which it may (continueOnFailure)"


class Dag(TaskEvents):
    """One revision of a task list or DAG as a dialect of the machine."""

    def __init__(self, definition: TaskList) -> None:
        self.definition = definition

    # --------------------------------------------------------------------------------------------------------- the dialect

    def start(self, m: Machine, root: Frame) -> None:
        m.open(root, left=len(self.definition.tasks), failed=0)
        for task in self.definition.tasks.values():
            if not task.depends_on:
                self.enter(m, replace(_new(task), last=root.last))

    def enter(self, m: Machine, frame: Frame) -> None:
        task = self._task(frame)
        scope = self._scope(m, frame)
        data: Ref | None = None
        details: dict[str, Any] = {}
        field = "when"
        error: Error | None = None
        try:
            if task.when is not None and not matches(task.when, scope):
                self._skip(m, frame, frame.last, f"its condition does not hold: {task.when.text}")
                return
            field = "parameters"
            if task.parameters is not None:
                data = details["parameters"] = m.keep(_filled(task.parameters, scope))
        except ExpressionFailure as failure:
            error = _error(field, failure)
        entered = m.note(frame.last, "TaskStateEntered", name=task.id)
        frame = replace(frame, counts={}, entered=entered, last=entered)
        if error is None:
            m.attempt(frame, data, functionName=task.spec.function, **details)
            return
        last = m.note(frame.last, "TaskFailed", error=error.type, cause=error.message)
        self._conclude_failed(m, replace(frame, last=last), error)

    def finished(self, m: Machine, frame: Frame, output: Ref | None, error: Error | None) -> None:
        if error is not None:
            self._conclude_failed(m, frame, error)
            return
        last = m.note(frame.last, "TaskStateExited", name=frame.state)
        m.conclude(replace(frame, last=last), At.SUCCEEDED, output=output)

    def woken(self, m: Machine, frame: Frame) -> None:
        m.attempt(frame, frame.input, functionName=self._task(frame).spec.function)

    def child_ended(self, m: Machine, scope: Frame, child: Frame) -> None:
        failed = child.status is At.FAILED and not self._task(child).continue_on_failure
        counts = {"left": scope.counts["left"] - 1, "failed": scope.counts["failed"] + failed}
        first = scope.error if scope.error is not None or not failed else child.error
        root = m.put(replace(scope, counts=counts, error=first, last=child.last))
        for name in self.definition.downstream.get(child.state, ()):
            self._count(m, self.definition.tasks[name], child)
        if counts["left"] == 0:
            self._complete(m, root)

    def redriven(self, m: Machine, root: Frame, data: Ref | None, same: bool) -> None:
        """Whatever did not succeed is decided anew, except what was skipped and would be again. A new input is the execution's."""
        if data is not None:
            m.set(input=data)
        for frame in list(m.beneath(ROOT)):
            if frame.state not in self.definition.tasks:
                m.drop(frame.path)
        undone = self._undone(m, same)
        for task in undone:
            frame = _frame(m, task)
            m.put(replace(frame, status=At.PENDING, counts={}, reason="", started=None, ended=None, last=root.last))
        ended = {frame.state: frame for frame in m.beneath(ROOT) if frame.status in FINISHED}
        root = m.open(root, left=len(undone), failed=0)
        for task in undone:
            if not task.depends_on:
                self.enter(m, _frame(m, task))
            for name in task.depends_on:
                if name in ended:
                    self._count(m, task, replace(ended[name], last=root.last))
        if not undone:
            self._complete(m, root)

    def fits(self, view: View, before: Definition, _new_input: bool) -> list[Problem]:
        """A task that has succeeded must be there, with the same upstream tasks: its result is what they gave it."""
        revision = self.definition.revision
        if not isinstance(before, TaskList):
            return [Problem("", f"revision {revision} is a task list, and the execution runs a state machine")]
        problems = []
        for name in before.tasks:
            if _result(view, name) is None:
                continue
            was, now = set(before.tasks[name].depends_on), self.definition.tasks.get(name)
            if now is None:
                problems.append(Problem("/tasks", f"the task {name!r} is finished, and is missing in revision {revision}"))
            elif set(now.depends_on) != was:
                lists = f"{sorted(now.depends_on)}, not on {sorted(was)}"
                problems.append(Problem("/tasks", f"the task {name!r} is finished, and in revision {revision} depends on {lists}"))
        return problems

    def resolve(self, frame: Frame) -> TaskSpec:
        return self._task(frame).spec

    def upstream(self, view: View, frame: Frame) -> dict[str, Ref]:
        found = ((name, _result(view, name)) for name in self._task(frame).depends_on)
        return {name: ref for name, ref in found if ref is not None}

    # -------------------------------------------------------------------------------------------------------------- within

    def _task(self, frame: Frame) -> Task:
        return self.definition.tasks[frame.state]

    def _undone(self, m: Machine, same: bool) -> list[Task]:
        """The tasks that a redrive decides anew, in the definition's order. What was skipped stays so if nothing has changed, which is to
        say that nothing before it is undone, up to the last that succeeded."""
        status = {name: frame.status for name in self.definition.tasks if (frame := m.frame(child_path(ROOT, name)))}
        kept = {At.SUCCEEDED, At.SKIPPED} if same else {At.SUCCEEDED}
        undone = {name for name in self.definition.tasks if status.get(name) not in kept}
        todo = list(undone)
        while todo:
            for name in self.definition.downstream.get(todo.pop(), ()):
                if name not in undone and status.get(name) is At.SKIPPED:
                    undone.add(name)
                    todo.append(name)
        return [task for name, task in self.definition.tasks.items() if name in undone]

    def _count(self, m: Machine, task: Task, ended: Frame) -> None:
        """One more of the task's upstream tasks has ended."""
        frame = _frame(m, task)
        if frame.status is not At.PENDING:
            return
        done_well = ended.status is At.FAILED and self._task(ended).continue_on_failure
        outcome = "succeeded" if done_well else _OUTCOMES[ended.status]
        counts = {**frame.counts, outcome: frame.counts.get(outcome, 0) + 1}
        numbers = [counts.get(name, 0) for name in _OUTCOMES.values()]
        match verdict(task.rule, len(task.depends_on), *numbers):
            case Verdict.START:
                self.enter(m, replace(frame, last=ended.last))
            case Verdict.SKIP:
                phrase = _DONE_WELL if done_well else _PHRASES[ended.status]
                reason = f"trigger rule {task.rule}: upstream task {ended.state!r} {phrase}"
                self._skip(m, frame, ended.last, reason)
            case _:
                m.put(replace(frame, counts=counts))

    def _skip(self, m: Machine, frame: Frame, previous: int, reason: str) -> None:
        last = m.note(previous, "TaskSkipped", name=frame.state, reason=reason)
        m.conclude(replace(frame, entered=last, last=last), At.SKIPPED, reason=reason)

    def _conclude_failed(self, m: Machine, frame: Frame, error: Error) -> None:
        last = m.note(frame.last, "TaskStateExited", name=frame.state)
        m.conclude(replace(frame, last=last), At.FAILED, error=replace(error, task=frame.state))

    def _complete(self, m: Machine, root: Frame) -> None:
        if root.error is not None:
            m.end(Status.FAILED, error=read_error(m.text(root.error)))
            return
        try:
            output = self._output(m)
        except ExpressionFailure as failure:
            m.end(Status.FAILED, error=_error("output", failure))
        else:
            m.end(Status.COMPLETED, output=m.keep(output))

    def _output(self, m: Machine) -> str:
        """JSON text: what the job's own template makes, else the results of the tasks that nothing depends on, as they came in."""
        if self.definition.output is not None:
            return _filled(self.definition.output, self._scope(m, None))
        ends = (name for name in self.definition.tasks if not self.definition.downstream.get(name))
        results = (f"{dumps(name)}:{m.text(ref)}" for name in ends if (ref := _result(m, name)) is not None)
        return "{" + ",".join(results) + "}"

    def _scope(self, m: Machine, frame: Frame | None) -> Scope:
        """Expressions over {"input", "results"} and the context object; each payload is parsed once, and only if a path may lead to it."""

        @cache
        def data() -> Any:
            return loads(m.text(m.header.input))

        @cache
        def result(name: str) -> Any:
            ref = _result(m, name)
            return _MISSING if ref is None else loads(m.text(ref))

        def everything() -> dict[str, Any]:
            results = {name: result(name) for name in self.definition.tasks if result(name) is not _MISSING}
            return {"input": data(), "results": results}

        def lookup(path: Path) -> Any:
            if path.root == CONTEXT:
                return self._context(m, frame, data)
            if path.query is not None and "$" in path.text[1:]:
                return everything()  # a filter may compare with anything
            match path.steps:
                case ("input", *_):
                    return {"input": data()}
                case ("results", str(name), *_) if name in self.definition.tasks:
                    if result(name) is _MISSING:
                        raise Miss(f"the task {name!r} has no result")
                    return {"results": {name: result(name)}}
                case _:
                    return everything()

        return Scope(None, random=m.random, lookup=lookup)

    def _context(self, m: Machine, frame: Frame | None, data: Callable[[], Any]) -> dict[str, Any]:
        """The context object (specification, "The Context Object"), as far as a task list has one."""
        job = self.definition
        context: dict[str, Any] = {
            "Execution": {"Id": m.header.id, "Name": m.header.id, "Input": data(), "StartTime": rfc3339(m.header.created)},
            "StateMachine": {"Id": job.id, "Name": job.name},
        }
        if frame is not None:
            context["State"] = {"Name": frame.state, "EnteredTime": rfc3339(m.at)}
        return context


_MISSING = object()


def _filled(template: Template, scope: Scope) -> str:
    """JSON text of what the template makes. Paths share what they find, but its text is written out wherever it stands: a small template
    can ask for more than there is memory, so how long the text will be is found out first."""
    value = evaluate(template, scope)
    text = dumps(value) if _places(template) < 2 or weight(value) <= RESULT_BYTES else None
    if text is None or exceeds(text, RESULT_BYTES):
        raise ExpressionFailure(DATA_LIMIT_EXCEEDED, f"this is longer than {RESULT_BYTES:,} bytes")
    return text


def _places(template: Template) -> int:
    """In how many places of the text the same value may stand; an intrinsic can repeat what it is given."""
    if isinstance(template, dict | list):
        return sum(_places(member) for member in (template.values() if isinstance(template, dict) else template))
    if isinstance(template, Field):
        return _places(template.expression)
    return 2 if isinstance(template, Intrinsic) else isinstance(template, Path)


def _error(field: str, failure: ExpressionFailure) -> Error:
    """A path that finds nothing has a name of its own in templates (specification, "States.ParameterPathFailure")."""
    kind = PARAMETER_PATH_FAILURE if failure.error == RUNTIME and field != "when" else failure.error
    return Error(kind, f"{field}: {failure.cause}")


def _new(task: Task) -> Frame:
    return Frame(child_path(ROOT, task.id), At.PENDING, state=task.id)


def _frame(m: Machine, task: Task) -> Frame:
    return m.frame(child_path(ROOT, task.id)) or _new(task)


def _result(view: View | Machine, name: str) -> Ref | None:
    frame = view.frame(child_path(ROOT, name))
    return frame.output if frame is not None and frame.status is At.SUCCEEDED else None
