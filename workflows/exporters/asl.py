"""A task list or DAG as a state machine in Amazon States Language, JSONPath mode.

The data that goes from state to state is what a job's templates see, `{"input", "results"}`, so that they stand in the states as they were
written. Beside these there are `output`, where the tasks at the ends put their results if the job has no output template, and `failed`,
with the errors of tasks that were caught. A Parallel's branches give only what their own tasks added; the state behind it puts that
together with what was there.

Where every trigger rule is allSuccessful, a task's failure ends the execution, as it ends the job. Where one is not, every task is caught,
and the last state before the output looks whether one failed. See `shape.py` for what DAGs can be said at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workflows.exporters.conditions import BADLY, FAILED, OUTPUT, RESULTS, Conditions, place
from workflows.exporters.fields import check_paths, settings, whole, written
from workflows.exporters.shape import Beside, Series, Shape, in_order, shape_of, tasks_of, widest
from workflows.exporters.told import CannotExport, Note
from workflows.model import ALL, Rule, Task, TaskList

NAME_CHARACTERS = 80

MAX_BRANCHES = 1_024
"""Calls nest ten deep, and each halves what is to be merged (`_merged`)."""

JOINED = "joined"

States = dict[str, dict[str, Any]]


def machine(job: TaskList) -> tuple[dict[str, Any], list[Note]]:
    """The document, and what it does not carry over. Raises CannotExport."""
    shape, problems = shape_of(job.tasks)
    refused = [Note("", str(problem)) for problem in problems]
    if shape is not None and (most := widest(shape)) > MAX_BRANCHES:
        refused.append(Note("", f"{most:,} branches are too many: what more than {MAX_BRANCHES:,} give cannot be put together"))
    for task in job.tasks.values():
        refused += [Note(task.id, reason) for reason in _refused(task)]
    if shape is None or refused:
        raise CannotExport(refused)
    writer = _Writer(job)
    return writer.machine(shape), writer.notes


def _refused(task: Task) -> Iterator[str]:
    function = task.spec.function
    if ":" in function or function[0] in "${":
        yield f"the function {function!r} cannot be a Resource: such a name is read as an ARN"


class _Names:
    """Of states: those of the tasks, and others beside them."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._taken: set[str] = set()
        ids = [task.id for task in tasks]
        self._taken.update(id for id in ids if len(id) <= NAME_CHARACTERS)
        self.of = {id: id if len(id) <= NAME_CHARACTERS else self.new(id) for id in ids}

    def new(self, text: str) -> str:
        name, number = text[:NAME_CHARACTERS], 1
        while name in self._taken:
            number += 1
            name = f"{text[: NAME_CHARACTERS - len(f' ({number})')]} ({number})"
        self._taken.add(name)
        return name


@dataclass
class _Writer:
    job: TaskList
    notes: list[Note] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.conditions = Conditions(self.job.tasks)
        self.names = _Names(self.job.tasks.values())
        self.registers = [RESULTS]
        if self.job.output is None:
            self.registers.append(OUTPUT)
        if any(self.conditions.catches(task) for task in self.job.tasks.values()):
            self.registers.append(FAILED)

    def machine(self, shape: Shape) -> dict[str, Any]:
        begin = self.names.new("Begin")
        end, ending = self._ending()
        first, states = self._chain(_parts(shape), end)
        parameters = {"input.$": "$", **{register: {} for register in self.registers}}
        made: dict[str, Any] = {"Comment": self.job.description} if self.job.description else {}
        made["StartAt"] = begin
        if self.job.timeout is not None:
            made["TimeoutSeconds"] = whole(self.job.timeout)
            if made["TimeoutSeconds"] != self.job.timeout:
                self._tell("", f"timeoutSeconds {self.job.timeout:g} becomes {made['TimeoutSeconds']}")
        made["States"] = {begin: {"Type": "Pass", "Parameters": parameters, "Next": first}, **states, **ending}
        self._tell_of_the_whole(shape)
        return made

    # -------------------------------------------------------------------------------------------------------------- states

    def _chain(self, parts: Sequence[Shape], following: str) -> tuple[str, States]:
        """The states of these parts, one after the other, and where they begin."""
        found: list[States] = []
        for part in reversed(parts):
            following, states = self._task(part, following) if isinstance(part, Task) else self._parallel(part, following)
            found.append(states)
        return following, {name: state for states in reversed(found) for name, state in states.items()}

    def _task(self, task: Task, following: str) -> tuple[str, States]:
        condition = self.conditions.of(task)
        if condition is False:
            self._tell(task.id, f"left out: the tasks before it cannot end so that {task.rule} lets it start")
            return following, {}
        name = self.names.of[task.id]
        state = self._state(task) | {"ResultPath": place(self._register(task), task.id)}
        if self.conditions.catches(task):
            state["Catch"] = [{"ErrorEquals": [ALL], "ResultPath": place(FAILED, task.id), "Next": following}]
        states = {name: state | {"Next": following}}
        if condition is True:
            return name, states
        gate = self.names.new(f"Is {task.id} to run?")
        choice = {"Type": "Choice", "Choices": [{**condition, "Next": name}], "Default": following}
        return gate, {gate: choice, **states}

    def _state(self, task: Task) -> dict[str, Any]:
        if self.names.of[task.id] != task.id:
            self._tell(
                task.id, f"its state is called {self.names.of[task.id]!r}: names of states have {NAME_CHARACTERS} characters at most"
            )
        return settings(task, lambda text: self._tell(task.id, text))

    def _parallel(self, beside: Series | Beside, following: str) -> tuple[str, States]:
        name, join = self.names.new(f"At once {self._number()}"), self.names.new(f"Joined {self._joins}")
        branches, added = [], dict[str, list[str]]()
        for number, part in enumerate(beside.parts):
            branch, registers = self._branch(part)
            branches.append(branch)
            for register in registers:
                added.setdefault(register, []).append(f"$[{number}].{register}")
        parallel = {
            "Type": "Parallel",
            "Branches": branches,
            "ResultSelector": {f"{register}.$": _merged(paths) for register, paths in added.items()},
            "ResultPath": f"$.{JOINED}",
            "Next": join,
        }
        parameters = {"input.$": "$.input"}
        for register in self.registers:
            path = f"$.{register}"
            parameters[f"{register}.$"] = _merged([path, f"$.{JOINED}.{register}"]) if register in added else path
        return name, {name: parallel, join: {"Type": "Pass", "Parameters": parameters, "Next": following}}

    _joins = 0

    def _number(self) -> int:
        self._joins += 1
        return self._joins

    def _branch(self, shape: Shape) -> tuple[dict[str, Any], list[str]]:
        """A branch that gives `{register: {...}}`, and the registers it gives."""
        tasks = list(tasks_of(shape))
        registers = [RESULTS, *((OUTPUT,) if any(self._register(task) == OUTPUT for task in tasks) else ())]
        if all(self._register(task) == OUTPUT for task in tasks):
            registers.remove(RESULTS)
        if any(self.conditions.catches(task) for task in tasks):
            registers.append(FAILED)
        sure = all(self.conditions.of(task) is True and not self.conditions.catches(task) for task in tasks)
        if sure and isinstance(shape, Task):
            state = self._state(shape) | {"ResultSelector": {registers[0]: {f"{shape.id}.$": "$"}}, "End": True}
            name = self.names.of[shape.id]
            return {"StartAt": name, "States": {name: state}}, registers
        given = self.names.new(f"Given by {tasks[-1].id}")
        first, states = self._chain(_parts(shape), given)
        parameters = self._own(tasks) if sure and not any(task.id.endswith(".$") for task in tasks) else _whole(registers)
        return {"StartAt": first, "States": {**states, given: {"Type": "Pass", "Parameters": parameters, "End": True}}}, registers

    def _own(self, tasks: Sequence[Task]) -> dict[str, Any]:
        """What these tasks, all of which have succeeded, gave."""
        found: dict[str, dict[str, str]] = {}
        for task in tasks:
            register = self._register(task)
            found.setdefault(register, {})[f"{task.id}.$"] = place(register, task.id)
        return found

    def _register(self, task: Task) -> str:
        return RESULTS if self.job.output is not None or self.job.downstream.get(task.id) else OUTPUT

    # ----------------------------------------------------------------------------------------------------------- the end

    def _ending(self) -> tuple[str, States]:
        name = self.names.new("Output")
        output = self.job.output
        if output is None:
            states: States = {name: {"Type": "Succeed", "OutputPath": f"$.{OUTPUT}"}}
        else:
            check_paths(output, lambda text: self._tell("", f"output: {text}"))
            states = {name: {"Type": "Pass", "Parameters": written(output), "End": True}}
        failing = [task for task in in_order(self.job.tasks) if BADLY in self.conditions.endings[task.id]]
        if not failing:
            return name, states
        choice, fail = self.names.new("Has a task failed?"), self.names.new("Failed")
        rules = [self._failure(place(FAILED, task.id), fail) for task in failing]
        states |= {fail: {"Type": "Fail", "ErrorPath": "$error", "CausePath": "$cause"}}
        return choice, {choice: {"Type": "Choice", "Choices": rules, "Default": name}, **states}

    def _failure(self, path: str, following: str) -> dict[str, Any]:
        told = {"error.$": f"{path}.Error", "cause.$": f"{path}.Cause"}
        return {"Variable": path, "IsPresent": True, "Assign": told, "Next": following}

    # -------------------------------------------------------------------------------------------------------------- telling

    def _tell(self, task: str, text: str) -> None:
        self.notes.append(Note(task, text))

    def _tell_of_the_whole(self, shape: Shape) -> None:
        tasks = self.job.tasks.values()
        branches = any(isinstance(part, Beside) for part in _parts(shape)) or isinstance(shape, Beside)
        if len(tasks) > 1:
            self._tell("", "functions of a state machine get no ctx.results: what they need has to be in their parameters")
            self._tell("", "the input and all results together may have 262,144 bytes, not 16 MiB each")
        if branches and not self.conditions.careful:
            self._tell("", "a task that fails stops those beside it, which in the job go on to their end")
        if branches and self.conditions.careful:
            self._tell("", "of several tasks that fail, the error is that of the first in order, not of the first in time")
        if FAILED in self.registers:
            kinds = "States.Runtime (a path that finds nothing) and States.DataLimitExceeded"
            self._tell("", f"{kinds} end the execution, whatever continueOnFailure and trigger rules say")
        for task in tasks:
            if task.rule in (Rule.ONE_SUCCESSFUL, Rule.ONE_FAILED) and len(task.depends_on) > 1:
                self._tell(task.id, f"{task.rule} starts it when all of the tasks before it have ended, not with the first that did so")


def _parts(shape: Shape) -> Sequence[Shape]:
    return shape.parts if isinstance(shape, Series) else (shape,)


def _whole(registers: Iterable[str]) -> Mapping[str, str]:
    return {f"{register}.$": f"$.{register}" for register in registers}


def _merged(paths: Sequence[str]) -> str:
    """One expression that merges the objects at these paths. Calls may nest ten levels, so that halves are merged, not one by one."""
    if len(paths) == 1:
        return paths[0]
    half = len(paths) // 2
    return f"States.JsonMerge({_merged(paths[:half])}, {_merged(paths[half:])}, false)"
