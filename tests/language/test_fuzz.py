"""Whatever is sent, the answer is a definition or its problems; and what is right compiles."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from workflows.errors import Invalid, Problem
from workflows.language import read_definition
from workflows.language.schemas import JobShape, RetryDelayShape, TaskShape
from workflows.model import Rule, TaskList

NAMES = ["a", "b", "a b", "c/~", "_schema", "é"]
KEYS = sorted(field.data_key or name for shape in (JobShape, TaskShape, RetryDelayShape) for name, field in shape().fields.items())
PATHS = ["$", "$$", "$.input", "$.results", "$.results.a", "$.results['a b'].x", "$.x", "$[0]", "States.UUID()", "{% 1 %}", "$..a"]

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(NAMES + PATHS + list(Rule))
)
keys = st.sampled_from([*KEYS, *NAMES, "a.$", "b.$", ".$", "when"]) | st.text(max_size=3)
anything = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=6), max_leaves=30)
wrong_task = st.fixed_dictionaries({}, optional=dict.fromkeys([*KEYS, "when"], anything))
wrong_job = st.fixed_dictionaries(
    {"tasks": st.lists(wrong_task | anything, max_size=4) | st.dictionaries(st.sampled_from(NAMES), wrong_task | anything, max_size=4)},
    optional={key: anything for key in KEYS if key != "tasks"},
)


def resolves(document: Any, pointer: str) -> bool:
    """Whether the pointer leads to a value, or to a key that an object lacks."""
    *way, last = [segment.replace("~1", "/").replace("~0", "~") for segment in pointer.split("/")[1:]] or [""]
    for segment in way:
        document = document[int(segment)] if isinstance(document, list) else document[segment]
    return pointer == "" or isinstance(document, dict) or int(last) < len(document)


def problems_of(document: Any) -> tuple[Problem, ...] | None:
    try:
        read_definition(json.dumps(document), functions=NAMES.__contains__, function_names=NAMES)
    except Invalid as error:
        return error.problems
    return None


@settings(max_examples=150, derandomize=True)
@given(anything | wrong_job)
def test_anything_is_answered(document: Any) -> None:
    problems = problems_of(document)
    assert problems is None or problems
    assert len(set(problems or ())) == len(problems or ())
    for problem in problems or ():
        assert resolves(document, problem.pointer), problem


seconds = st.floats(0, 31_622_400, exclude_min=True) | st.integers(1, 31_622_400)
names = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=128)
errors = st.lists(names, max_size=3)
payloads = st.recursive(
    st.booleans() | st.integers(-(10**20), 10**20) | st.text(max_size=5).filter(lambda text: "{%" not in text),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5).filter(lambda key: not key.endswith(".$")), inner, max_size=3)
    ),
    max_leaves=5,
)
delays = st.fixed_dictionaries(
    {},
    optional={
        "initialSeconds": seconds,
        "multiplier": st.floats(1, 1000),
        "maxSeconds": seconds,
        "jitter": st.sampled_from(["none", "full"]),
    },
)


@st.composite
def jobs(draw: st.DrawFn) -> dict[str, Any]:
    ids = draw(st.lists(names, min_size=1, max_size=6, unique=True))
    form = draw(st.sampled_from(["list", "dag", "map", "graph"]))
    tasks: list[dict[str, Any]] = []
    graph: dict[str, list[str]] = {}
    for number, id in enumerate(ids):
        optional = {
            "name": names,
            "maxRetry": st.integers(0, 100),
            "retryDelay": delays,
            "retryOn": errors,
            "doNotRetryOn": errors,
            "triggerRule": st.sampled_from(list(Rule)),
            "parameters": payloads,
            "timeoutSeconds": seconds,
            "onInterrupt": st.sampled_from(["rerun", "fail"]),
            "continueOnFailure": st.booleans(),
        }
        task = {"id": id, "functionName": "f", **draw(st.fixed_dictionaries({}, optional=optional))}
        graph[id] = draw(st.lists(st.sampled_from(ids[:number]), unique=True)) if number else []
        if form == "dag":
            task["dependsOn"] = graph[id]
        used = graph[id] if form in ("dag", "graph") else ids[:number] if form == "list" else []
        if used:
            task["parameters"] = {"given": task.get("parameters", 1), "result.$": f"$.results[{json.dumps(used[0])}]"}
        tasks.append(task)
    times = {"cron": "0 3 * * *"}, {"intervalSeconds": 90, "overlap": "skip"}, {"at": "2026-12-24T18:00:00", "timezone": "Asia/Tokyo"}
    schedules = draw(st.just({}) | st.builds(lambda some: {"schedules": some}, st.lists(st.sampled_from(times), max_size=3)))
    secret = {"$secret": "TOKEN"}
    sent: list[dict[str, Any]] = [
        {"name": "a", "secret": secret},
        {"name": "b", "secret": [secret], "signature": "github", "input": {"x.$": "$.body.x"}},
    ]
    sent += [{"name": "c", "secret": [secret, secret], "signature": {"header": "X-Signature", "prefix": "", "encoding": "base64"}}]
    hooks = draw(st.just({}) | st.builds(lambda some: {"hooks": some}, st.lists(st.sampled_from(sent), unique_by=lambda one: one["name"])))
    keyed = {"tasks": {task["id"]: task for task in tasks}} | ({"graph": graph} if form == "graph" else {})
    return {"id": draw(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,124}", fullmatch=True)), **schedules, **hooks} | (
        keyed if form in ("map", "graph") else {"tasks": tasks}
    )


@settings(max_examples=150, derandomize=True)
@given(jobs())
def test_what_is_right_compiles(document: dict[str, Any]) -> None:
    definition = read_definition(json.dumps(document), functions=None)
    assert isinstance(definition, TaskList)
    assert len(definition.tasks) == len(document["tasks"])
    for task in definition.tasks.values():
        assert all(task.id in definition.downstream[upstream] for upstream in task.depends_on)
