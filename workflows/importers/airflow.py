"""Airflow DAG files, read statically from the syntax tree: schedule, tasks, dependencies. The file is never run, nor is Airflow needed.

A DAG is a `with DAG(...)`, an assigned `DAG(...)` or a function under `@dag`; its tasks are operators assigned or called inside, and calls
of functions under `@task`. What only running the file would tell (loops, branches, computed names) is noted with its line.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from workflows.importers.airflow_operators import task
from workflows.importers.airflow_values import Duration, Moment, Named, Untold, arguments, called, value
from workflows.importers.found import CATCH_UP_S, CannotImport, Imported, job_id

_PRESETS = {"@once", "@continuous"}
_DAG_ARGUMENTS = frozenset(
    [
        *("dag_id", "schedule", "schedule_interval", "start_date", "end_date", "catchup", "max_active_runs", "max_active_tasks"),
        *("concurrency", "default_args", "tags", "description", "dagrun_timeout", "timetable"),
    ]
)
_FOR_PEOPLE = frozenset({"doc_md", "default_view", "orientation", "dag_display_name", "owner_links"})


@dataclass(slots=True)
class _Dag:
    arguments: dict[str, Any]
    line: int
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    upstream: dict[str, list[str]] = field(default_factory=dict)


def read(text: str) -> Imported:
    """Raises CannotImport for what is not Python."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 0) or 0
        raise CannotImport(f"this is not Python{f', line {line}' if line else ''}: {error}") from None
    return _Reader().read(tree)


class _Reader:
    """Walks the statements once, top to bottom, as running them would."""

    def __init__(self) -> None:
        self.result = Imported()
        self.known: dict[str, Any] = {}
        self.names: dict[str, list[str]] = {}  # of a variable: the ids of the tasks it stands for
        self.dags: dict[str, _Dag] = {}  # by the variable that holds it
        self.functions: dict[str, ast.FunctionDef] = {}  # under @task
        self.dag: _Dag | None = None

    def read(self, tree: ast.Module) -> Imported:
        found: list[_Dag] = []
        self.found = found
        self.body(tree.body)
        taken: set[str] = set()
        for dag in found:
            self.result.add(self._job(dag, taken), dag.line)
        if not found:
            self.result.note(0, "there is no DAG in this file")
        self.result.notes.sort(key=lambda note: note.line)
        return self.result

    # --------------------------------------------------------------------------------------------------------- statements

    def body(self, statements: list[ast.stmt]) -> None:
        for statement in statements:
            self.statement(statement)

    def statement(self, node: ast.stmt) -> None:
        match node:
            case ast.With():
                self._with(node)
            case ast.Assign() | ast.AnnAssign():
                self._assign(node)
            case ast.Expr():
                self.chain(node.value)
            case ast.FunctionDef():
                self._function(node)
            case ast.For() | ast.While() | ast.If() | ast.Try() if self._makes_tasks(node):
                kind = type(node).__name__.lower()
                self.note(node, f"what is made in this `{kind}` depends on running the file and is left out")
            case _:
                pass

    def _with(self, node: ast.With) -> None:
        call = node.items[0].context_expr
        name = called(call.func).rsplit(".", 1)[-1] if isinstance(call, ast.Call) else ""
        variable = node.items[0].optional_vars
        before = self.dag
        if name == "DAG" and isinstance(call, ast.Call):
            self.dag = self._begin(call)
            if isinstance(variable, ast.Name):
                self.dags[variable.id] = self.dag
        elif isinstance(call, ast.Name) and call.id in self.dags:
            self.dag = self.dags[call.id]
        elif name == "TaskGroup" and isinstance(call, ast.Call):
            self.note(node, "a TaskGroup is taken apart: its tasks stand beside the others, and what depends on the group is left out")
        self.body(node.body)
        self.dag = before

    def _assign(self, node: ast.Assign | ast.AnnAssign) -> None:
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        if not isinstance(target, ast.Name) or node.value is None:
            if node.value is not None and self._makes_tasks(node):
                self.note(node, "only a plain name can stand for tasks: this is left out")
            return
        made = self.chain(node.value)
        if made:
            self.names[target.id] = made
        elif isinstance(node.value, ast.Call) and called(node.value.func).rsplit(".", 1)[-1] == "DAG":
            self.dags[target.id] = self._begin(node.value)
        else:
            try:
                self.known[target.id] = value(node.value, self.known)
            except Untold:
                self.known.pop(target.id, None)

    def _function(self, node: ast.FunctionDef) -> None:
        for decorator in node.decorator_list:
            name = called(decorator.func if isinstance(decorator, ast.Call) else decorator)
            if name.rsplit(".", 1)[-1] == "dag":
                before, self.dag = self.dag, self._begin(decorator if isinstance(decorator, ast.Call) else None, node)
                self.body(node.body)
                self.dag = before
            elif name == "task" or name.endswith(".task") or name.startswith("task."):
                self.functions[node.name] = node

    def _begin(self, call: ast.Call | None, function: ast.FunctionDef | None = None) -> _Dag:
        given = arguments(call, self.known) if call is not None else {}
        if call is not None and call.args and "dag_id" not in given:
            try:
                given["dag_id"] = value(call.args[0], self.known)
            except Untold as error:
                given["dag_id"] = error
        node = call or function
        assert node is not None, "a DAG comes from a call or a function"
        if function is not None:
            given.setdefault("dag_id", function.name)
        dag = _Dag(given, node.lineno)
        self.found.append(dag)
        return dag

    # -------------------------------------------------------------------------------------------------------- expressions

    def chain(self, node: ast.expr) -> list[str]:
        """The ids of the tasks that the expression stands for, once the dependencies it states are noted."""
        match node:
            case ast.BinOp(op=ast.RShift() | ast.LShift()):
                left, right = self.chain(node.left), self.chain(node.right)
                self._depend(*((left, right) if isinstance(node.op, ast.RShift) else (right, left)))
                return right
            case ast.List() | ast.Tuple():
                return [id for each in node.elts for id in self.chain(each)]
            case ast.Name():
                return self.names.get(node.id, [])
            case ast.Call():
                return self._call(node)
        return []

    def _call(self, node: ast.Call) -> list[str]:
        name = called(node.func)
        last = name.rsplit(".", 1)[-1]
        if last in ("set_downstream", "set_upstream") and isinstance(node.func, ast.Attribute) and node.args:
            mine, others = self.chain(node.func.value), self.chain(node.args[0])
            self._depend(*((mine, others) if last == "set_downstream" else (others, mine)))
            return []
        if last == "chain":
            stages = [self.chain(each) for each in node.args]
            for before, after in pairwise(stages):
                self._chained(before, after)
            return []
        if last == "cross_downstream" and len(node.args) == 2:
            self._depend(self.chain(node.args[0]), self.chain(node.args[1]))
            return []
        if name in self.functions:
            return self._task_flow(node, self.functions[name])
        if last.endswith(("Operator", "Sensor")):
            return self._operator(node, last)
        return self._overridden(node)

    def _chained(self, before: list[str], after: list[str]) -> None:
        if len(before) == len(after) > 1:
            for one, other in zip(before, after, strict=True):
                self._depend([one], [other])
        else:
            self._depend(before, after)

    def _overridden(self, node: ast.Call) -> list[str]:
        """`extract.override(task_id="x")(...)`, `load.expand(...)`."""
        if isinstance(node.func, ast.Call) and isinstance(node.func.func, ast.Attribute):
            inner = node.func.func
            if inner.attr == "override" and called(inner.value) in self.functions:
                return self._task_flow(node, self.functions[called(inner.value)], arguments(node.func, self.known))
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("expand", "partial", "expand_kwargs"):
            self.note(node, f"dynamic task mapping ({node.func.attr}) is left out: use a Map state")
        return []

    def _operator(self, node: ast.Call, operator: str) -> list[str]:
        given = arguments(node, self.known)
        dag = self._dag_of(node, given)
        if dag is None:
            return []
        task_id = given.get("task_id")
        if not isinstance(task_id, str):
            self.note(node, f"task_id={task_id} depends on running the file: this {operator} is left out")
            return []
        return self._add(dag, task_id, node, operator, given)

    def _task_flow(self, node: ast.Call, function: ast.FunctionDef, more: dict[str, Any] | None = None) -> list[str]:
        decorator = next(each for each in function.decorator_list if "task" in called(each.func if isinstance(each, ast.Call) else each))
        given = (arguments(decorator, self.known) if isinstance(decorator, ast.Call) else {}) | (more or {})
        kind = called(decorator.func if isinstance(decorator, ast.Call) else decorator).partition("task.")[2]
        dag = self._dag_of(node, given)
        if dag is None:
            return []
        if kind not in ("", "python"):
            self.note(node, f"@task.{kind} is read as @task")
        base = given.get("task_id") if isinstance(given.get("task_id"), str) else function.name
        task_id, number = str(base), 0
        while task_id in dag.tasks:
            number += 1
            task_id = f"{base}__{number}"
        given = {name: each for name, each in given.items() if name != "multiple_outputs"} | {"python_callable": Named(function.name)}
        upstream = [id for each in [*node.args, *(keyword.value for keyword in node.keywords)] for id in self.chain(each)]
        made = self._add(dag, task_id, node, "PythonOperator", given)
        if upstream:
            dag.tasks[task_id]["parameters"] = {f"{id}.$": f"$.results['{id}']" for id in dict.fromkeys(upstream)}
            self._depend(upstream, made)
        return made

    def _dag_of(self, node: ast.Call, given: dict[str, Any]) -> _Dag | None:
        named = given.get("dag")
        dag = self.dags.get(named.name) if isinstance(named, Named) else self.dag
        if dag is None:
            self.note(node, "this task is in no DAG that can be seen and is left out")
        return dag

    def _add(self, dag: _Dag, task_id: str, node: ast.Call, operator: str, given: dict[str, Any]) -> list[str]:
        if task_id in dag.tasks:
            self.note(node, f"a second task {task_id!r} is left out")
            return [task_id]
        defaults = dag.arguments.get("default_args")
        shared = {name: each for name, each in defaults.items() if name in _SHARED} if isinstance(defaults, dict) else {}
        dag.tasks[task_id] = task(operator, task_id, shared | given, lambda text: self.note(node, f"{task_id}: {text}"))
        dag.upstream[task_id] = []
        return [task_id]

    def _depend(self, before: list[str], after: list[str]) -> None:
        for dag in self.found:
            for id in after:
                if id in dag.upstream:
                    dag.upstream[id] += [other for other in before if other in dag.tasks and other not in dag.upstream[id]]

    def _makes_tasks(self, node: ast.stmt) -> bool:
        return any(
            isinstance(each, ast.Call) and (called(each.func).endswith(("Operator", "Sensor")) or called(each.func) in self.functions)
            for each in ast.walk(node)
        )

    # --------------------------------------------------------------------------------------------------------------- jobs

    def _job(self, dag: _Dag, taken: set[str]) -> dict[str, Any]:
        given = dag.arguments
        name = given.get("dag_id")
        if not isinstance(name, str):
            self.result.note(dag.line, f"dag_id={name} depends on running the file")
            name = "dag"
        made: dict[str, Any] = {"id": job_id(name, taken), "name": name}
        if isinstance(given.get("description"), str):
            made["description"] = given["description"]
        if isinstance(given.get("tags"), list):
            made["labels"] = {str(tag): "" for tag in given["tags"]}
        made["tasks"] = [task | {"dependsOn": dag.upstream[id]} for id, task in dag.tasks.items()]
        for argument, key in (
            ("max_active_runs", "maxActiveRuns"),
            ("max_active_tasks", "maxConcurrency"),
            ("concurrency", "maxConcurrency"),
        ):
            if isinstance(given.get(argument), int):
                made[key] = given[argument]
        if isinstance(given.get("dagrun_timeout"), Duration):
            made["timeoutSeconds"] = given["dagrun_timeout"].seconds
        if schedule := dict(self._schedule(dag)):
            made["schedules"] = [schedule]
        self._rest(dag)
        if not dag.tasks:
            self.result.note(dag.line, f"the DAG {name!r} has no task that can be seen")
        return made

    def _schedule(self, dag: _Dag) -> Iterator[tuple[str, Any]]:
        given = dag.arguments
        when = given.get("schedule", given.get("schedule_interval"))
        if when is None or when == "@once":
            if when == "@once":
                self.result.note(dag.line, "@once is not taken over: run the job by hand")
            return
        if isinstance(when, Duration):
            yield "intervalSeconds", max(1, int(when.seconds))
        elif isinstance(when, str) and when not in _PRESETS:
            yield "cron", when
        else:
            self.result.note(dag.line, f"the schedule {_shown(when)} has no counterpart and is left out")
            return
        defaults = given.get("default_args")
        inherited = defaults if isinstance(defaults, dict) else {}
        start, end = (given.get(name, inherited.get(name)) for name in ("start_date", "end_date"))
        for name, key, moment in (("start_date", "startDateTime", start), ("end_date", "endDateTime", end)):
            if isinstance(moment, Moment):
                yield key, moment.text
            elif moment is not None:
                self.result.note(dag.line, f"{name}={_shown(moment)} depends on running the file and is left out")
        if isinstance(start, Moment) and start.zone:
            yield "timezone", start.zone
        if given.get("catchup") is False:
            yield "catchUp", "none"
        else:
            yield from (("catchUp", "all"), ("catchUpWindowSeconds", CATCH_UP_S))

    def _rest(self, dag: _Dag) -> None:
        for name, found in dag.arguments.items():
            if name not in _DAG_ARGUMENTS and name not in _FOR_PEOPLE:
                self.result.note(dag.line, f"the DAG's argument {name} is not taken over")
            elif isinstance(found, Untold) and name not in ("dag_id", "schedule", "schedule_interval", "start_date", "end_date"):
                self.result.note(dag.line, f"{name}={found} depends on running the file and is left out")
        defaults = dag.arguments.get("default_args")
        for name in defaults if isinstance(defaults, dict) else ():
            if name not in _SHARED and name not in ("owner", "start_date", "end_date"):
                self.result.note(dag.line, f"default_args: {name} is not taken over")

    def note(self, node: ast.stmt | ast.expr, text: str) -> None:
        self.result.note(node.lineno, text)


_SHARED = frozenset({"retries", "retry_delay", "retry_exponential_backoff", "max_retry_delay", "execution_timeout", "trigger_rule"})
"""Of default_args: what each task takes over."""


def _shown(found: Any) -> str:
    return found.name if isinstance(found, Named) else str(found)
