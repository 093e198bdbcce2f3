"""Task lists as state machines: both are run, and come to the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from definitions import DIRECTORY
from tests.core.machines import compiled
from tests.exporters.drawn import both, dags, job_of, nested
from workflows.exporters import asl
from workflows.exporters.shape import MAX_NESTING, in_order, shape_of
from workflows.exporters.told import CannotExport
from workflows.language import states
from workflows.model import Status, TaskList
from workflows.numbers import pretty

examples = settings(deadline=None, derandomize=True, max_examples=200, suppress_health_check=[HealthCheck.too_slow])

FAILING = st.frozensets(st.integers(0, 7).map(lambda number: f"f{number}"), max_size=3)


@examples
@given(nested(), st.one_of(st.just(frozenset[str]()), FAILING))
def test_a_machine_comes_to_what_its_job_comes_to(document: dict[str, Any], failing: frozenset[str]) -> None:
    job, machine = both(document, failing=failing)
    assert machine.world.status() is job.world.status()
    if job.world.status() is Status.COMPLETED:
        assert machine.world.output() == job.world.output()
        assert machine.calls == job.calls
    else:
        assert machine.world.error().type in job.failed
    if any(task.get("triggerRule", "allSuccessful") != "allSuccessful" for task in document["tasks"]):
        assert machine.calls == job.calls, "where rules look at failures, they stop nobody else"


@examples
@given(dags(rules=False))
def test_what_is_refused_has_an_n_and_what_has_one_is_refused(document: dict[str, Any]) -> None:
    job = job_of(document)
    before: dict[str, set[str]] = {}
    for task in in_order(job.tasks):
        before[task.id] = set(task.depends_on).union(*(before[name] for name in task.depends_on))

    def related(one: str, other: str) -> bool:
        return one in before[other] or other in before[one]

    crossing = [
        (one, other, two, single)
        for one, other, two, single in permutations(job.tasks, 4)
        if {one, other} <= before[two] and other in before[single]
        if not (related(one, other) or related(one, single) or related(two, single))
    ]
    shape, problems = shape_of(job.tasks)
    assert (shape is None) == bool(crossing) == bool(problems)
    told = [(problem.one, problem.other, problem.both, problem.single) for problem in problems]  # type: ignore[union-attr]
    assert set(told) <= set(crossing)
    if crossing:
        with pytest.raises(CannotExport):
            asl.machine(job)
    else:
        asl.machine(job)


def job(*tasks: dict[str, Any], **more: Any) -> TaskList:
    return job_of({"id": "job", "tasks": [{"functionName": "f", **task} for task in tasks], **more})


def made(*tasks: dict[str, Any], **more: Any) -> tuple[dict[str, Any], list[str]]:
    """The document, and what is told but for what is told of every job."""
    document, notes = asl.machine(job(*tasks, **more))
    compiled(json.loads(json.dumps(document)))
    return document, [str(note) for note in notes if "ctx.results" not in note.text and "262,144" not in note.text]


def test_an_n_is_told_with_the_way_out() -> None:
    with pytest.raises(CannotExport) as caught:
        made(*({"id": id, "dependsOn": after} for id, after in {"a": [], "b": [], "c": ["a", "b"], "d": ["b"]}.items()))
    assert str(caught.value) == (
        "'c' waits for 'a' and 'b', but 'd' only for 'b': branches that wait for a part of each other cannot be said; "
        "if 'd' depended on 'a', too, they could"
    )
    made(*({"id": id, "dependsOn": after} for id, after in {"a": [], "b": [], "c": ["a", "b"], "d": ["b", "a"]}.items()))


def test_functions_whose_names_cannot_be_resources() -> None:
    with pytest.raises(CannotExport, match="the function 'a:b' cannot be a Resource") as caught:
        asl.machine(job({"id": "x", "functionName": "a:b"}, {"id": "y", "functionName": "$f"}))
    assert [note.task for note in caught.value.notes] == ["x", "y"]


def test_a_chain_of_thousands_and_branches_of_hundreds() -> None:
    document, _ = asl.machine(job(*({"id": f"t{number}"} for number in range(3_000))))
    assert len(document["States"]) == 3_002
    wide = [{"id": "first", "dependsOn": []}, *({"id": f"t{number}", "dependsOn": ["first"]} for number in range(700))]
    document, _ = made(*wide, {"id": "last", "dependsOn": [f"t{number}" for number in range(700)]})
    assert len(document["States"]["At once 1"]["Branches"]) == 700


def test_branches_that_nest_too_deeply_and_too_many_of_them() -> None:
    tasks = [{"id": "t0", "dependsOn": []}, {"id": "s0", "dependsOn": []}]
    for number in range(1, MAX_NESTING + 5):  # each is beside what follows all before
        tasks += [{"id": f"t{number}", "dependsOn": [f"t{number - 1}"]}, {"id": f"s{number}", "dependsOn": [f"t{number - 1}"]}]
    with pytest.raises(CannotExport, match="nest more than 30 deep"):
        asl.machine(job(*tasks))
    with pytest.raises(CannotExport, match="2,000 branches"):
        asl.machine(job(*({"id": f"t{number}", "dependsOn": []} for number in range(2_000))))


@pytest.mark.parametrize(
    ("given", "retry", "told"),
    [
        ({"maxRetry": 2}, [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 2, "BackoffRate": 2}], []),
        (
            {
                "maxRetry": 9,
                "retryDelay": {"initialSeconds": 3, "multiplier": 1.5, "maxSeconds": 60, "jitter": "full"},
                "retryOn": ["A", "B"],
            },
            [
                {
                    "ErrorEquals": ["A", "B"],
                    "IntervalSeconds": 3,
                    "MaxAttempts": 9,
                    "MaxDelaySeconds": 60,
                    "BackoffRate": 1.5,
                    "JitterStrategy": "FULL",
                }
            ],
            [],
        ),
        (
            {"maxRetry": 1, "retryDelay": {"type": "constant", "initialSeconds": 0.5}, "doNotRetryOn": ["C"]},
            [
                {"ErrorEquals": ["C"], "MaxAttempts": 0},
                {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1, "BackoffRate": 1},
            ],
            ["a retry after 0.5 seconds becomes one after 1"],
        ),
        (
            {"maxRetry": 5, "retryDelay": {"initialSeconds": 8, "maxSeconds": 5}},
            [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 5, "MaxAttempts": 5, "BackoffRate": 1}],
            [],
        ),
        ({"maxRetry": 5, "retryOn": []}, None, []),
        (
            {"maxRetry": 1, "retryOn": ["States.ALL", "States.DataLimitExceeded"]},
            [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1, "BackoffRate": 2}],
            ["States.DataLimitExceeded in retryOn is not carried over"],
        ),
    ],
)
def test_retries(given: dict[str, Any], retry: list[dict[str, Any]] | None, told: list[str]) -> None:
    document, notes = made({"id": "x", **given})
    assert document["States"]["x"].get("Retry") == retry
    assert [note.partition(": ")[2].partition(":")[0] for note in notes] == told


def test_what_a_task_says_is_carried_over_or_told() -> None:
    document, notes = made(
        {
            "id": "x",
            "name": "The one",
            "timeoutSeconds": 1.5,
            "heartbeatSeconds": 1.2,
            "executor": "isolated",
            "onInterrupt": "fail",
            "parameters": [{"run.$": "$$.Execution.Id", "all.$": "$"}],
        },
        timeoutSeconds=60.5,
        description="What for",
    )
    state = document["States"]["x"]
    assert (state["Comment"], state["TimeoutSeconds"], state["HeartbeatSeconds"]) == ("The one", 3, 2)
    assert state["Parameters"] == [{"run.$": "$$.Execution.Id", "all.$": "$"}]
    assert (document["Comment"], document["TimeoutSeconds"]) == ("What for", 61)
    for told in (
        "timeoutSeconds 60.5 becomes 61",
        "task 'x': timeoutSeconds 1.5 becomes 2",
        "task 'x': heartbeatSeconds 1.2 becomes 2",
        "task 'x': timeoutSeconds becomes 3",
        "task 'x': executor 'isolated' is not carried over",
        "task 'x': onInterrupt 'fail' is not carried over",
        "task 'x': $$.Execution.Id finds",
        "task 'x': $ finds",
        "task 'x': its parameters are no object",
    ):
        [_] = [note for note in notes if note.startswith(told)]
    assert len(notes) == 9


def test_what_is_told_of_branches_and_failures() -> None:
    split: list[dict[str, Any]] = [{"id": "a", "dependsOn": []}, {"id": "b", "dependsOn": []}]
    _, notes = made(*split)
    assert notes == ["a task that fails stops those beside it, which in the job go on to their end"]
    _, notes = made(*split, {"id": "c", "dependsOn": ["a", "b"], "triggerRule": "oneFailed"})
    assert [note[:30] for note in notes] == [
        "of several tasks that fail, th",
        "States.Runtime (a path that fi",
        "task 'c': oneFailed starts it ",
    ]
    _, notes = made({"id": "a", "continueOnFailure": True}, {"id": "b", "triggerRule": "allFailed"})
    assert notes[0].startswith("task 'b': left out: the tasks before it cannot end so that allFailed lets it start")


def test_states_have_names_of_their_own() -> None:
    long = "x" * 100
    ids = ["Begin", "Output", "Output (2)", long, long + "y", "x" * 80]
    document, notes = made(*({"id": id} for id in ids))
    names = list(document["States"])
    assert names == ["Begin (2)", "Begin", "Output", "Output (2)", "x" * 76 + " (2)", "x" * 76 + " (3)", "x" * 80, "Output (3)"]
    assert [note[-85:-50] for note in notes if "its state is called" in note]


def test_a_machine_is_what_the_aws_face_would_take_by_itself() -> None:
    document, _ = made({"id": "a"}, {"id": "b"})
    assert states.read(document, functions=None, id="by-aws").start_at == "Begin"


@pytest.mark.parametrize("name", ["hello", "sbom", "example-custom-operator"])
def test_the_shipped_task_lists_as_they_were(name: str, golden: Callable[[str, str], None]) -> None:
    document, _ = asl.machine(job_of(json.loads((DIRECTORY / f"{name}.json").read_text())))
    golden(f"{name}.asl.json", pretty(document))
