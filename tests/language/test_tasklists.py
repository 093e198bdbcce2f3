"""Task lists and DAGs: what a job compiles to, and every problem with its pointer and suggestion."""

from __future__ import annotations

import json
from typing import Any

import pytest

from workflows.errors import Invalid, NotJson, Problem
from workflows.expressions import Field, Path
from workflows.language import read_definition
from workflows.language.schemas import JobShape, RetryDelayShape, TaskShape
from workflows.language.shapes import shown
from workflows.language.tasklists import read
from workflows.model import ALL, Delay, Retrier, Rule, Task, TaskList, TaskSpec

Document = dict[str, Any]


def task(id: str, **keys: Any) -> Document:
    return {"id": id, "functionName": "f", **keys}


def job(*tasks: Any, **keys: Any) -> Document:
    return {"id": "j", "tasks": list(tasks), **keys}


def compiled(document: Document) -> TaskList:
    return read(document, functions=None)


def problems(document: Any, names: tuple[str, ...] | None = None) -> list[Problem]:
    with pytest.raises(Invalid) as caught:
        read(document, functions=None if names is None else names.__contains__, function_names=names or ())
    return list(caught.value.problems)


def upstream(definition: TaskList) -> dict[str, tuple[str, ...]]:
    return {task.id: task.depends_on for task in definition.tasks.values()}


# --------------------------------------------------------------------------------------------- compiles


def test_the_least_a_job_can_say() -> None:
    definition = read({"id": "j", "tasks": [{"id": "a", "functionName": "f"}]}, functions={"f"}.__contains__, revision=7)
    assert definition == TaskList("j", 7, name="j", tasks={"a": Task("a", "a", TaskSpec("f"))}, downstream={"a": ()})


def test_everything_a_job_can_say() -> None:
    delay = {"type": "exponential", "initialSeconds": 5, "multiplier": 3, "maxSeconds": 60.5, "jitter": "full"}
    first = task(
        "fetch it",
        name="Fetch",
        maxRetry=3,
        retryDelay=delay,
        retryOn=["TimeoutError"],
        doNotRetryOn=["ValueError"],
        timeoutSeconds=60,
        heartbeatSeconds=0.5,
        onInterrupt="fail",
        continueOnFailure=True,
        parameters={"n": 1, "order.$": "$.input.order", "run.$": "$$.Execution.Id", "all.$": "$", "many": [{"x.$": "$.results"}]},
    )
    second = task("b", dependsOn=["fetch it"], triggerRule="allDone", parameters={"x.$": "$.results['fetch it'].y"})
    definition = compiled(
        job(
            first,
            second,
            name="Job",
            description="Does.",
            labels={"team": "", "a": "b"},
            output=[{"r.$": "$.results.b"}],
            maxConcurrency=4,
            maxActiveRuns=1,
            timeoutSeconds=3600,
        )
    )
    assert definition == TaskList(
        "j",
        1,
        "Job",
        "Does.",
        {"team": "", "a": "b"},
        timeout=3600.0,
        max_concurrency=4,
        max_active_runs=1,
        output=[{"r": Field("r.$", Path("$.results.b", "$", True, ("results", "b")))}],
        downstream={"fetch it": ("b",), "b": ()},
        tasks={
            "fetch it": Task(
                "fetch it",
                "Fetch",
                TaskSpec("f", (Retrier(3, Delay(5.0, 3.0, 60.5, True), ("TimeoutError",), ("ValueError",)),), 60.0, 0.5, True),
                parameters={
                    "n": 1,
                    "order": Field("order.$", Path("$.input.order", "$", True, ("input", "order"))),
                    "run": Field("run.$", Path("$$.Execution.Id", "$$", True, ("Execution", "Id"))),
                    "all": Field("all.$", Path("$", "$", True, ())),
                    "many": [{"x": Field("x.$", Path("$.results", "$", True, ("results",)))}],
                },
                continue_on_failure=True,
            ),
            "b": Task(
                "b",
                "b",
                TaskSpec("f"),
                ("fetch it",),
                Rule.ALL_DONE,
                {"x": Field("x.$", Path("$.results['fetch it'].y", "$", True, ("results", "fetch it", "y")))},
            ),
        },
    )


@pytest.mark.parametrize(
    ("given", "retriers"),
    [
        ({}, ()),
        ({"retryDelay": {}}, ()),
        ({"maxRetry": 2}, (Retrier(2, Delay(), (ALL,), ()),)),
        ({"maxRetry": 100, "retryDelay": {}}, (Retrier(100, Delay()),)),
        ({"maxRetry": 1, "retryDelay": {"type": "constant", "initialSeconds": 7}}, (Retrier(1, Delay(7.0, 1.0)),)),
        ({"maxRetry": 1, "retryDelay": {"maxSeconds": 1_000_000, "jitter": "none"}}, (Retrier(1, Delay(maximum=86_400.0)),)),
        ({"maxRetry": 1, "retryOn": []}, (Retrier(1, errors=()),)),
    ],
)
def test_retries(given: Document, retriers: tuple[Retrier, ...]) -> None:
    assert compiled(job(task("a", **given))).tasks["a"].spec.retriers == retriers


FUNCTION = {"functionName": "f"}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (job(task("b"), task("a"), task("c")), {"b": (), "a": ("b",), "c": ("a",)}),
        (job(task("a"), task("b", dependsOn=[]), task("c")), {"a": (), "b": (), "c": ()}),
        (job(task("a", dependsOn=["b", "c"]), task("b"), task("c")), {"a": ("b", "c"), "b": (), "c": ()}),
        ({"id": "j", "tasks": {"b": FUNCTION, "a": {**FUNCTION, "id": "a"}}}, {"b": (), "a": ()}),
        ({"id": "j", "tasks": {"b": FUNCTION, "a/b": FUNCTION}, "graph": {"b": ["a/b"]}}, {"b": ("a/b",), "a/b": ()}),
        ({"id": "j", "tasks": {"b": FUNCTION, "a": {**FUNCTION, "dependsOn": ["b"]}}}, {"b": (), "a": ("b",)}),
    ],
)
def test_order(document: Document, expected: dict[str, tuple[str, ...]]) -> None:
    definition = compiled(document)
    assert upstream(definition) == expected
    assert list(definition.tasks) == list(expected)
    assert definition.downstream == {id: tuple(other for other in expected if id in expected[other]) for id in expected}


@pytest.mark.parametrize("id", ["é ü", "a" * 128, "/", "_schema", "\u00a0", "a\u2028b"])
def test_task_ids_are_any_text(id: str) -> None:
    assert list(compiled(job(task(id))).tasks) == [id]
    assert list(compiled({"id": "j", "tasks": {id: FUNCTION}}).tasks) == [id]


def test_ten_thousand_tasks_in_a_row() -> None:
    tasks = [task(f"t{number}", parameters={"x.$": f"$.results.t{number - 1}"} if number else {}) for number in range(10_000)]
    assert compiled(job(*tasks)).tasks["t9999"].depends_on == ("t9998",)


def test_templates_may_nest_as_deep_as_text() -> None:
    value: Any = {"x.$": "$.input"}
    for _ in range(190):
        value = [value]
    assert read_definition(json.dumps(job(task("a", parameters=value))), functions=None)


# ---------------------------------------------------------------------------------------- shape problems

MISSING = "this key is missing"
NULL = "this must not be null; leave the key out instead"
EMPTY = "this must not be empty"
SECONDS = "this must be more than 0 and up to 31622400"
COUNT = "this must be from 1 to 2147483647"
JOB_ID = "an id is 1 to 128 of the characters A-Z a-z 0-9 _ . - and starts with a letter or digit"
RULES = "allSuccessful, allDone, oneSuccessful, oneFailed, allFailed, noneFailed, noneSkipped, always"

JOB_PROBLEMS: list[tuple[Document, str, str, str | None]] = [
    ({"id": 5}, "/id", "this must be text, not 5", None),
    ({"id": None}, "/id", NULL, None),
    ({"id": ""}, "/id", EMPTY, None),
    *[({"id": id}, "/id", f"{JOB_ID}, not {shown(id)}", None) for id in ("-a", "a b", "a" * 129, "a\n", "é", "a/b")],
    ({"name": ""}, "/name", EMPTY, None),
    ({"name": 1}, "/name", "this must be text, not 1", None),
    ({"description": True}, "/description", "this must be text, not true", None),
    ({"labels": []}, "/labels", "this must be an object, not a list", None),
    ({"labels": {"a/b": 1}}, "/labels/a~1b", "this must be text, not 1", None),
    ({"labels": {"": "x"}}, "/labels/", "a key must not be empty", None),
    ({"labels": {"_schema": {}}}, "/labels/_schema", "this must be text, not an object", None),
    ({"maxConcurrency": 0}, "/maxConcurrency", f"{COUNT}, not 0", None),
    ({"maxConcurrency": 2**31}, "/maxConcurrency", f"{COUNT}, not 2147483648", None),
    ({"maxConcurrency": 1.0}, "/maxConcurrency", "this must be a whole number, not 1.0", None),
    ({"maxActiveRuns": True}, "/maxActiveRuns", "this must be a whole number, not true", None),
    ({"maxActiveRuns": "1"}, "/maxActiveRuns", 'this must be a whole number, not "1"', None),
    ({"timeoutSeconds": 0}, "/timeoutSeconds", f"{SECONDS}, not 0", None),
    ({"timeoutSeconds": -1.5}, "/timeoutSeconds", f"{SECONDS}, not -1.5", None),
    ({"timeoutSeconds": 31_622_401}, "/timeoutSeconds", f"{SECONDS}, not 31622401", None),
    ({"timeoutSeconds": 10**308}, "/timeoutSeconds", f"{SECONDS}, not a number of hundreds of digits", None),
    ({"timeoutSeconds": -(10**5000)}, "/timeoutSeconds", f"{SECONDS}, not a number of hundreds of digits", None),
    ({"timeoutSeconds": True}, "/timeoutSeconds", "this must be a number, not true", None),
    ({"timeoutSeconds": float("nan")}, "/timeoutSeconds", "this must be a number, not NaN", None),
    ({"timeoutSeconds": float("inf")}, "/timeoutSeconds", "this must be a number, not Infinity", None),
    ({"timeoutSeconds": "x" * 99}, "/timeoutSeconds", f'this must be a number, not "{"x" * 59}...', None),
    ({"output": None}, "/output", NULL, None),
    ({"naem": "x"}, "/naem", "unknown key", "name"),
    ({"maxconcurrency": 1}, "/maxconcurrency", "unknown key", "maxConcurrency"),
    ({"~/": 1}, "/~0~1", "unknown key", None),
    ({"_schema": 1}, "/_schema", "unknown key", None),
    ({"x" * 99: 1}, "/" + "x" * 99, "unknown key", None),
    ({"tasks": None}, "/tasks", NULL, None),
    ({"tasks": "a"}, "/tasks", 'this must be a list of tasks, or an object of tasks by id, not "a"', None),
    ({"tasks": []}, "/tasks", "a job has from 1 to 10000 tasks, not 0", None),
    ({"tasks": {}}, "/tasks", "a job has from 1 to 10000 tasks, not 0", None),
    ({"tasks": [1] * 10_001}, "/tasks", "a job has from 1 to 10000 tasks, not 10001", None),
    ({"tasks": ["a"]}, "/tasks/0", "this must be an object", None),
    ({"tasks": [None]}, "/tasks/0", NULL, None),
    ({"tasks": {"a/b": 1}}, "/tasks/a~1b", "this must be an object", None),
    ({"tasks": {"": FUNCTION}}, "/tasks//id", EMPTY, None),
    ({"tasks": {"a\n": FUNCTION}}, "/tasks/a\n/id", "a task id holds no control characters", None),
    ({"tasks": {"a": task("b")}}, "/tasks/a/id", "this must equal the task's key, or be left out", "a"),
    ({"tasks": {"a": {**FUNCTION, "id": 1}}}, "/tasks/a/id", "this must be text, not 1", None),
    ({"graph": {}}, "/graph", "graph goes with an object of tasks by id; in a list of tasks use dependsOn", None),
    ({"tasks": {"a": FUNCTION}, "graph": []}, "/graph", "this must be an object, not a list", None),
    ({"tasks": {"a": FUNCTION}, "graph": {"a": "b"}}, "/graph/a", 'this must be a list, not "b"', None),
    ({"tasks": {"a": FUNCTION}, "graph": {"a": [1]}}, "/graph/a/0", "this must be text, not 1", None),
]


@pytest.mark.parametrize(("keys", "pointer", "message", "suggestion"), JOB_PROBLEMS, ids=range(len(JOB_PROBLEMS)))
def test_job_problems(keys: Document, pointer: str, message: str, suggestion: str | None) -> None:
    assert problems({"id": "j", "tasks": [task("a")], **keys}) == [Problem(pointer, message, suggestion)]


TASK_PROBLEMS: list[tuple[Document, str, str, str | None]] = [
    ({"id": ""}, "/id", EMPTY, None),
    ({"id": 1}, "/id", "this must be text, not 1", None),
    ({"id": "a" * 129}, "/id", "a task id has at most 128 characters", None),
    ({"id": "a\x7f"}, "/id", "a task id holds no control characters", None),
    ({"id": "a\x00"}, "/id", "a task id holds no control characters", None),
    ({"name": ""}, "/name", EMPTY, None),
    ({"functionName": ""}, "/functionName", EMPTY, None),
    ({"functionName": None}, "/functionName", NULL, None),
    ({"maxRetry": -1}, "/maxRetry", "this must be from 0 to 100, not -1", None),
    ({"maxRetry": 101}, "/maxRetry", "this must be from 0 to 100, not 101", None),
    ({"maxRetry": False}, "/maxRetry", "this must be a whole number, not false", None),
    ({"retryDelay": 5}, "/retryDelay", "this must be an object", None),
    ({"retryDelay": None}, "/retryDelay", NULL, None),
    (
        {"retryDelay": {"type": "expnential"}},
        "/retryDelay/type",
        'this must be one of exponential, constant, not "expnential"',
        "exponential",
    ),
    ({"retryDelay": {"type": 5}}, "/retryDelay/type", "this must be one of exponential, constant, not 5", None),
    ({"retryDelay": {"initialSeconds": 0}}, "/retryDelay/initialSeconds", f"{SECONDS}, not 0", None),
    ({"retryDelay": {"multiplier": 0.5}}, "/retryDelay/multiplier", "this must be from 1 to 1000, not 0.5", None),
    ({"retryDelay": {"multiplier": 1001}}, "/retryDelay/multiplier", "this must be from 1 to 1000, not 1001", None),
    ({"retryDelay": {"maxSeconds": 1e9}}, "/retryDelay/maxSeconds", f"{SECONDS}, not 1000000000.0", None),
    ({"retryDelay": {"jitter": True}}, "/retryDelay/jitter", "this must be one of none, full, not true", None),
    ({"retryDelay": {"initialsSeconds": 1}}, "/retryDelay/initialsSeconds", "unknown key", "initialSeconds"),
    ({"retryDelay": {"type": "constant", "multiplier": 2}}, "/retryDelay/multiplier", "a constant delay has no multiplier", None),
    ({"retryOn": "ValueError"}, "/retryOn", 'this must be a list, not "ValueError"', None),
    ({"retryOn": {"a": 1}}, "/retryOn", "this must be a list, not an object", None),
    ({"retryOn": ["A", ""]}, "/retryOn/1", EMPTY, None),
    ({"doNotRetryOn": [None]}, "/doNotRetryOn/0", NULL, None),
    ({"dependsOn": "b"}, "/dependsOn", 'this must be a list, not "b"', None),
    ({"dependsOn": [1]}, "/dependsOn/0", "this must be text, not 1", None),
    ({"triggerRule": "allSuccess"}, "/triggerRule", f'this must be one of {RULES}, not "allSuccess"', "allSuccessful"),
    ({"triggerRule": ["always"]}, "/triggerRule", f"this must be one of {RULES}, not a list", None),
    ({"parameters": None}, "/parameters", NULL, None),
    ({"timeoutSeconds": "1"}, "/timeoutSeconds", 'this must be a number, not "1"', None),
    ({"heartbeatSeconds": 0}, "/heartbeatSeconds", f"{SECONDS}, not 0", None),
    ({"heartbeatSeconds": 5, "timeoutSeconds": 5.0}, "/heartbeatSeconds", "this must be less than timeoutSeconds", None),
    ({"onInterrupt": "Fail"}, "/onInterrupt", 'this must be one of rerun, fail, not "Fail"', "fail"),
    ({"continueOnFailure": 1}, "/continueOnFailure", "this must be true or false, not 1", None),
    ({"continueOnFailure": "true"}, "/continueOnFailure", 'this must be true or false, not "true"', None),
    ({"when": None}, "/when", NULL, None),
    ({"when": 1}, "/when", "a choice rule is an object", None),
    ({"when": {}}, "/when", "a choice rule needs one comparison operator, or And, Or or Not", None),
    ({"when": "{% true %}"}, "/when", "JSONata ({% ... %}) is not supported yet", None),
    (
        {"when": {"Variable": "$.input", "StringEqual": "a", "IsNull": True}},
        "/when/StringEqual",
        "there is no comparison operator or field 'StringEqual'",
        "StringEquals",
    ),
    (
        {"when": {"Not": {"Variable": "$v", "IsNull": True}}},
        "/when/Not/Variable",
        "a job has no variables such as $v; its data are $.input and $.results",
        None,
    ),
    ({"when": {"Variable": "$.results.nope", "IsNull": True}}, "/when/Variable", 'there is no task "nope"', None),
    ({"fnctionName": "f"}, "/fnctionName", "unknown key", "functionName"),
    ({"depends_on": []}, "/depends_on", "unknown key", "dependsOn"),
]


@pytest.mark.parametrize(("keys", "pointer", "message", "suggestion"), TASK_PROBLEMS)
def test_task_problems(keys: Document, pointer: str, message: str, suggestion: str | None) -> None:
    assert problems(job(task("b"), {**task("a"), **keys})) == [Problem(f"/tasks/1{pointer}", message, suggestion)]


@pytest.mark.parametrize("document", [None, [], 5, "x", True])
def test_a_job_is_an_object(document: Any) -> None:
    assert problems(document) == [Problem("", "a job must be an object")]


def test_missing_keys() -> None:
    assert problems({}) == [Problem("/id", MISSING), Problem("/tasks", MISSING)]
    assert problems(job({})) == [Problem("/tasks/0/id", MISSING), Problem("/tasks/0/functionName", MISSING)]


def test_only_the_first_unknown_keys_get_suggestions() -> None:
    found = problems(job(task("a"), **{f"name{number}": 1 for number in range(12)}))
    assert [problem.suggestion for problem in found] == ["name"] * 10 + [None] * 2


# ---------------------------------------------------------------------------------------- ids and graphs


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (job(task("a"), task("b"), task("a")), [Problem("/tasks/2/id", 'the id "a" is taken by /tasks/0')]),
        (job(task("a", dependsOn=["a"])), [Problem("/tasks/0/dependsOn/0", "a task cannot depend on itself")]),
        (
            job(task("build"), task("b", dependsOn=["build", "build"])),
            [Problem("/tasks/1/dependsOn/1", 'the task "build" is listed twice')],
        ),
        (
            job(task("build"), task("b", dependsOn=["biuld", "xyz"])),
            [
                Problem("/tasks/1/dependsOn/0", 'there is no task "biuld"', "build"),
                Problem("/tasks/1/dependsOn/1", 'there is no task "xyz"'),
            ],
        ),
        (
            {"id": "j", "tasks": {"a/b": FUNCTION, "c": FUNCTION}, "graph": {"a/b": ["a/b", "c", "c"], "d": []}},
            [
                Problem("/graph/a~1b/0", "a task cannot depend on itself"),
                Problem("/graph/a~1b/2", 'the task "c" is listed twice'),
                Problem("/graph/d", 'there is no task "d"'),
            ],
        ),
        (
            {"id": "j", "tasks": {"a": {**FUNCTION, "dependsOn": ["b"]}, "b": FUNCTION}, "graph": {"b": ["a"]}},
            [
                Problem("/graph", "both graph and dependsOn are given; use one of them"),
                Problem("/graph/b/0", "these tasks wait for each other: a -> b -> a"),
            ],
        ),
        (
            job(task("a", dependsOn=["b"]), task("b", dependsOn=["a"])),
            [Problem("/tasks/1/dependsOn/0", "these tasks wait for each other: a -> b -> a")],
        ),
        (
            job(task("a", dependsOn=["b"]), task("b", dependsOn=["c", "a"]), task("c", dependsOn=["b"]), task("d", dependsOn=["b"])),
            [
                Problem("/tasks/2/dependsOn/0", "these tasks wait for each other: b -> c -> b"),
                Problem("/tasks/1/dependsOn/1", "these tasks wait for each other: a -> b -> a"),
            ],
        ),
        (
            job(
                task("d", dependsOn=["b", "c"]),
                task("b", dependsOn=["a"]),
                task("c", dependsOn=["a"]),
                task("a"),
                task("e", dependsOn=["b"]),
            ),
            None,
        ),
    ],
)
def test_graphs(document: Document, expected: list[Problem] | None) -> None:
    if expected is None:
        assert compiled(document)
    else:
        assert problems(document) == expected


def test_a_long_way_round_is_shown_by_its_ends() -> None:
    count = 10_000
    found = problems(job(*(task(f"t{n}", dependsOn=[f"t{(n + 1) % count}"]) for n in range(count))))
    way = "t0 -> t1 -> t2 -> t3 -> t4 -> t5 -> ... -> t9994 -> t9995 -> t9996 -> t9997 -> t9998 -> t9999 -> t0"
    assert found == [Problem("/tasks/9999/dependsOn/0", f"these tasks wait for each other: {way}")]


def test_a_document_full_of_wrong_names_gets_a_few_suggestions() -> None:
    found = problems(job(*(task(f"t{n}", dependsOn=[f"t{n}x"]) for n in range(100))))
    assert len(found) == 100
    assert 1 <= sum(problem.suggestion is not None for problem in found) <= 50


# ---------------------------------------------------------------------------------------------- payloads


EXPECTED = "expected a path ($...), a context path ($$...), a variable ($name) or a call (States.Name(...))"


def about(place: str, message: str, suggestion: str | None = None) -> list[Problem]:
    return [Problem(f"/tasks/1/parameters{place}", message, suggestion)]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"x.$": 1}, about("/x.$", "the value of a key that ends in '.$' must be a path or an intrinsic function, as text")),
        ({"x.$": "input"}, about("/x.$", f"{EXPECTED} (column 1)")),
        ({"x.$": "$.input[*"}, about("/x.$", "this '[' is never closed (column 8)")),
        ({"x.$": "States.Format()"}, about("/x.$", "States.Format takes 1 or more arguments, not 0 (column 8)")),
        ({"x.$": "$v.a"}, about("/x.$", "a job has no variables such as $v; its data are $.input and $.results")),
        ({"x.$": "States.Array($.input, $.results.fetc[*].a)"}, about("/x.$", 'there is no task "fetc"', "fetch")),
        ({"x.$": "$.results.me..a"}, about("/x.$", "a task cannot use its own result")),
        ({"x.$": "$.results['fetch','me']"}, about("/x.$", 'there is no task ["fetch", "me"]')),
        ({"x.$": "$.inputs[?(@.a)]"}, about("/x.$", 'the data has input and results, not "inputs"', "input")),
        ({"x.$": "$.results.fetch[?(@.a > 1)].b", "y.$": "$..a", "z.$": "$.results.*", "u.$": "States.UUID()"}, []),
        ({"x.$": "{% $a %}"}, about("/x.$", "JSONata ({% ... %}) is not supported yet")),
        ("{% $a %}", about("", "JSONata ({% ... %}) is not supported yet")),
        ([{"a/b": [" {% 1 %}"]}], about("/0/a~1b/0", "JSONata ({% ... %}) is not supported yet")),
        ({"x": 1, "x.$": "$"}, about("/x.$", "both 'x' and 'x.$' are given; they would be the same key")),
        ({".$": "$"}, about("/.$", "a name is missing before '.$'")),
        ({"x.$": "$.inputs.a"}, about("/x.$", 'the data has input and results, not "inputs"', "input")),
        ({"x.$": "$[0]"}, about("/x.$", "the data has input and results, not 0")),
        ({"x.$": "$.results.fetc"}, about("/x.$", 'there is no task "fetc"', "fetch")),
        ({"x.$": "$.results[0]"}, about("/x.$", "there is no task 0")),
        ({"x.$": "$.results.me"}, about("/x.$", "a task cannot use its own result")),
        (
            [{"x": {"y.$": "$.results['later on'].z"}}],
            about("/0/x/y.$", 'the task "later on" need not have ended before this one: it is not upstream of it'),
        ),
        ({"x.$": "$.results.fetch", "y.$": "$$.results.nobody"}, []),
        (["States.Format('a')", "$.nothing", {"x": "$.results.nobody"}, {"$": 1}], []),
        (0, []),
    ],
)
def test_parameters(parameters: Any, expected: list[Problem]) -> None:
    document = job(task("fetch"), task("me", parameters=parameters), task("later on"))
    if expected:
        assert problems(document) == expected
    else:
        assert compiled(document)


def test_results_come_from_any_upstream_task() -> None:
    diamond = {"d": ["b", "c"], "b": ["a"], "c": ["a"], "e": ["c"]}
    tasks = {id: {**FUNCTION, "parameters": {"x.$": "$.results.a", "y.$": "$.results.b"} if id in "de" else 1} for id in "abcde"}
    message = 'the task "b" need not have ended before this one: it is not upstream of it'
    assert problems({"id": "j", "tasks": tasks, "graph": diamond}) == [Problem("/tasks/e/parameters/y.$", message)]


@pytest.mark.parametrize("broken", [["nobody"], [5], "x", None, ["b"]])
def test_nothing_is_said_of_paths_where_the_upstream_is_not_known(broken: Any) -> None:
    tasks = [task("a"), task("b", dependsOn=broken), task("c", dependsOn=["b"], parameters={"x.$": "$.results.a"})]
    assert not [problem for problem in problems(job(*tasks)) if "upstream" in problem.message]


def test_nothing_is_said_of_paths_downstream_of_a_cycle() -> None:
    parameters = {"x.$": "$.results.other"}
    cycle = [task("a", dependsOn=["b"], parameters=parameters), task("b", dependsOn=["a"], parameters=parameters), task("other")]
    assert len(problems(job(*cycle, task("d", dependsOn=["a"], parameters=parameters)))) == 1


def test_output() -> None:
    output = {"a.$": "$.results.b", "b.$": "$.results.fetc", "c.$": "$.x", "d": "{% 1 %}"}
    assert problems(job(task("fetch"), task("b"), output=output)) == [
        Problem("/output/d", "JSONata ({% ... %}) is not supported yet"),
        Problem("/output/b.$", 'there is no task "fetc"', "fetch"),
        Problem("/output/c.$", 'the data has input and results, not "x"'),
    ]
    assert problems({"id": "j", "output": output})[0] == Problem("/tasks", MISSING)


# ----------------------------------------------------------------------------------- functions and all at once


def test_functions() -> None:
    tasks = [task("a"), {**task("b"), "functionName": "charge_crd"}, {**task("c"), "functionName": "charge_crd"}]
    expected = [Problem(f"/tasks/{n}/functionName", 'there is no function "charge_crd"', "charge_card") for n in (1, 2)]
    assert problems(job(*tasks), ("f", "charge_card")) == expected
    assert compiled(job(*tasks))


def test_everything_is_reported_at_once() -> None:
    text = """{"id": "-", "tasks": [
        {"id": "a", "functionName": "nope", "maxRetry": true, "dependsOn": ["b"], "maxRetry": true},
        {"id": "b", "functionName": "f", "dependsOn": ["a"], "parameters": {"x.$": "$.results.c"}},
        {"id": "a", "fnctionName": "f"}, 7]}"""
    with pytest.raises(Invalid) as caught:
        read_definition(text, functions={"f"}.__contains__)
    assert {problem.pointer for problem in caught.value.problems} == {
        "/id",
        "/tasks/0/maxRetry",
        "/tasks/0/functionName",
        "/tasks/1/dependsOn/0",
        "/tasks/1/parameters/x.$",
        "/tasks/2/id",
        "/tasks/2/functionName",
        "/tasks/2/fnctionName",
        "/tasks/3",
    }
    assert len(caught.value.problems) == 10  # maxRetry is wrong and given twice


# ------------------------------------------------------------------------------------------------ texts


def test_read_definition() -> None:
    text = json.dumps(job(task("a")))
    definition = read_definition(text.encode(), functions=None, revision=3)
    assert (definition.id, definition.revision) == ("j", 3)
    with pytest.raises(NotJson, match=r"^the definition is not JSON"):
        read_definition(text + "}", functions=None)
    with pytest.raises(Invalid) as caught:
        read_definition(text.replace('"a"', '"a", "id": "a"'), functions=None)
    assert caught.value.problems == (Problem("/tasks/0/id", "this key is given 2 times in one object", line=1, column=41),)
    with pytest.raises(Invalid, match="a job must be an object"):
        read_definition("[]", functions=None)


@pytest.mark.parametrize("shape", [JobShape, TaskShape, RetryDelayShape])
def test_each_key_is_described_for_the_reference(shape: type[JobShape]) -> None:
    for field in shape().fields.values():
        assert field.metadata["description"].endswith(".")
        assert "example" in field.metadata


# -------------------------------------------------------------------------------------------------------- where a task runs


@pytest.mark.parametrize("executor", ["inline", "shared", "isolated"])
def test_a_task_says_where_it_runs(executor: str) -> None:
    assert compiled(job(task("a", executor=executor), task("b"))).tasks["a"].spec.executor == executor
    assert compiled(job(task("a"))).tasks["a"].spec.executor is None


def test_a_place_that_there_is_not_is_refused_with_the_nearest() -> None:
    [problem] = problems(job(task("a", executor="isolate")))
    assert (problem.pointer, problem.suggestion) == ("/tasks/0/executor", "isolated")


def test_inline_is_for_functions_made_for_it() -> None:
    document = job(task("a", executor="inline"), task("b", functionName="quick", executor="inline"), task("c"))
    with pytest.raises(Invalid) as caught:
        read_definition(json.dumps(document), functions=None, inline={"quick"}.__contains__)
    [problem] = caught.value.problems
    assert (problem.pointer, problem.suggestion) == ("/tasks/0/executor", "shared")
    assert "'f'" in problem.message.replace('"', "'")
    assert "@task_function(executor=" in problem.message
