"""Airflow files become jobs without being run; what running them would tell is noted line by line."""

from __future__ import annotations

from typing import Any

import pytest

from workflows.importers.airflow import read
from workflows.importers.found import CATCH_UP_S, CannotImport

CAUGHT_UP = {"catchUp": "all", "catchUpWindowSeconds": CATCH_UP_S}

HEAD = """\
from datetime import datetime, timedelta
from airflow import DAG
from airflow.decorators import dag, task
from airflow.models.baseoperator import chain, cross_downstream
from airflow.operators.bash import BashOperator
from airflow.operators.empty import EmptyOperator
from airflow.operators.python import PythonOperator
"""
LINES = HEAD.count("\n")


def job(text: str) -> dict[str, Any]:
    definitions = read(HEAD + text).definitions
    assert len(definitions) == 1
    return definitions[0]


def notes(text: str) -> list[str]:
    """With lines counted behind the head."""
    return [f"{note.line - LINES}: {note.text}" for note in read(HEAD + text).notes]


def edges(text: str) -> dict[str, list[str]]:
    return {task["id"]: task["dependsOn"] for task in job(text)["tasks"]}


def dag(body: str, arguments: str = "'d', schedule=None") -> str:
    tasks = "".join(f"    {name} = EmptyOperator(task_id='{name}')\n" for name in "abcde")
    return f"with DAG({arguments}) as dag:\n{tasks}" + "".join(f"    {line}\n" for line in body.splitlines())


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("a >> b >> c", {"b": ["a"], "c": ["b"]}),
        ("c << b << a", {"b": ["a"], "c": ["b"]}),
        ("a >> [b, c] >> d", {"b": ["a"], "c": ["a"], "d": ["b", "c"]}),
        ("a.set_downstream([b, c])", {"b": ["a"], "c": ["a"]}),
        ("a.set_upstream(b)", {"a": ["b"]}),
        ("chain(a, [b, c], [d, e])", {"b": ["a"], "c": ["a"], "d": ["b"], "e": ["c"]}),
        ("chain(a, b, c)", {"b": ["a"], "c": ["b"]}),
        ("cross_downstream([a, b], [c, d])", {"c": ["a", "b"], "d": ["a", "b"]}),
        ("both = [a, b]\nboth >> c", {"c": ["a", "b"]}),
        ("a >> b\na >> b", {"b": ["a"]}),
    ],
)
def test_dependencies(body: str, expected: dict[str, list[str]]) -> None:
    assert edges(dag(body)) == {name: [] for name in "abcde"} | expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("'d', schedule='@daily'", {"cron": "@daily", **CAUGHT_UP}),
        (
            "'d', schedule_interval=timedelta(hours=1, minutes=30)",
            {"intervalSeconds": 5400, **CAUGHT_UP},
        ),
        ("'d', schedule='0 3 * * *', catchup=False", {"cron": "0 3 * * *", "catchUp": "none"}),
        (
            "'d', schedule='@daily', start_date=pendulum.datetime(2026, 1, 2, 3, tz='UTC'), end_date=datetime(2027, 1, 1), catchup=False",
            {
                "cron": "@daily",
                "startDateTime": "2026-01-02T03:00:00",
                "endDateTime": "2027-01-01T00:00:00",
                "timezone": "UTC",
                "catchUp": "none",
            },
        ),
        (
            "'d', schedule='@daily', default_args={'start_date': datetime(2026, 1, 1)}",
            {"cron": "@daily", "startDateTime": "2026-01-01T00:00:00", **CAUGHT_UP},
        ),
    ],
)
def test_schedules(arguments: str, expected: dict[str, Any]) -> None:
    assert job(dag("", arguments))["schedules"] == [expected]


@pytest.mark.parametrize("arguments", ["'d', schedule=None", "'d'", "'d', schedule='@once'"])
def test_none(arguments: str) -> None:
    assert "schedules" not in job(dag("", arguments))


def test_what_the_job_is_told() -> None:
    made = job(
        dag("", "dag_id='my etl', description='D', tags=['x'], max_active_runs=2, max_active_tasks=4, dagrun_timeout=timedelta(hours=1)")
    )
    del made["tasks"]
    assert made == {
        "id": "my-etl",
        "name": "my etl",
        "description": "D",
        "labels": {"x": ""},
        "maxActiveRuns": 2,
        "maxConcurrency": 4,
        "timeoutSeconds": 3600.0,
    }


def test_operators() -> None:
    text = dag(
        """\
x = BashOperator(task_id="x", bash_command=f"ls {FOLDER}/in", env={"A": "b"}, cwd="/srv", retries=3,
                 retry_delay=timedelta(seconds=30), retry_exponential_backoff=True, execution_timeout=timedelta(minutes=5))
y = PythonOperator(task_id="y", python_callable=work.load, op_kwargs={"limit": 5}, trigger_rule=TriggerRule.ONE_FAILED)
z = SimpleHttpOperator(task_id="z", endpoint="/v1/ok", method="POST", data={"a": 1}, headers={"B": "c"})""",
        "'d', schedule=None, default_args={'retries': 1, 'retry_delay': timedelta(minutes=1)}",
    )
    tasks = {task["id"]: task for task in job("FOLDER = '/data'\n" + text)["tasks"]}
    once = {"maxRetry": 1, "retryDelay": {"type": "constant", "initialSeconds": 60}, "dependsOn": []}
    assert tasks["a"] == {"id": "a", "functionName": "echo", **once}
    assert tasks["x"] == {
        "id": "x",
        "functionName": "command",
        "parameters": {"argv": ["/bin/bash", "-c", "ls /data/in"], "env": {"A": "b"}, "cwd": "/srv"},
        "maxRetry": 3,
        "retryDelay": {"type": "exponential", "initialSeconds": 30},
        "timeoutSeconds": 300,
        "dependsOn": [],
    }
    assert tasks["y"] == {"id": "y", "functionName": "load", "parameters": {"limit": 5}, "triggerRule": "oneFailed", **once}
    assert tasks["z"]["parameters"] == {"method": "POST", "url": "http://SERVER/v1/ok", "headers": {"B": "c"}, "json": {"a": 1}}


def test_functions_as_tasks() -> None:
    text = """\
@dag(schedule="@daily", catchup=False)
def pipeline():
    @task
    def extract():
        return 1

    @task(retries=2, multiple_outputs=True)
    def load(data):
        ...

    first = extract()
    load(first)
    load.override(task_id="again")(first)

pipeline()
"""
    made = job(text)
    assert made["id"] == "pipeline"
    assert [(task["id"], task["functionName"], task["dependsOn"]) for task in made["tasks"]] == [
        ("extract", "extract", []),
        ("load", "load", ["extract"]),
        ("again", "load", ["extract"]),
    ]
    assert made["tasks"][1]["parameters"] == {"extract.$": "$.results['extract']"}
    assert made["tasks"][1]["maxRetry"] == 2


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("x = BashOperator(task_id='x', bash_command='echo {{ ds }}')", "7: x: bash_command has a Jinja template"),
        ("x = BashOperator(task_id='x', bash_command=command())", "7: x: bash_command=command() depends on running the file"),
        ("x = BashOperator(task_id=name(), bash_command='true')", "7: task_id=name() depends on running the file"),
        ("x = BashOperator(task_id='x', bash_command='true', pool='p')", "7: x: the argument pool is not taken over"),
        ("x = KubernetesPodOperator(task_id='x')", "7: x: KubernetesPodOperator is not supported"),
        ("x = EmptyOperator(task_id='x', trigger_rule='one_done')", "7: x: the trigger rule 'one_done' has no counterpart"),
        ("x = EmptyOperator(task_id='a')", "7: a second task 'a' is left out"),
        ("for n in range(3):\n    EmptyOperator(task_id=f't{n}')", "7: what is made in this `for` depends on running the file"),
        ("with TaskGroup('g') as g:\n    x = EmptyOperator(task_id='x')", "7: a TaskGroup is taken apart"),
        ("x = BashOperator.partial(task_id='x').expand(bash_command=[1])", "7: dynamic task mapping (expand) is left out"),
    ],
)
def test_what_is_noted(body: str, said: str) -> None:
    assert any(note.startswith(said) for note in notes(dag(body))), notes(dag(body))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("'d', schedule=[Dataset('x')]", "1: the schedule Dataset('x') has no counterpart"),
        ("'d', schedule='@continuous'", "1: the schedule @continuous has no counterpart"),
        ("'d', schedule='@daily', start_date=days_ago(1)", "1: start_date=days_ago(1) depends on running the file"),
        ("'d', sla_miss_callback=None", "1: the DAG's argument sla_miss_callback is not taken over"),
        ("'d', default_args={'email': 'a'}", "1: default_args: email is not taken over"),
        ("dag_id=name()", "1: dag_id=name() depends on running the file"),
    ],
)
def test_what_is_noted_of_the_dag(arguments: str, said: str) -> None:
    found = notes(dag("", arguments))
    assert any(note.startswith(said) for note in found), found


def test_a_file_without_a_dag_and_one_that_is_not_python() -> None:
    assert [str(note) for note in read("x = 1\n").notes] == ["there is no DAG in this file"]
    with pytest.raises(CannotImport, match="line 1"):
        read("def (\n")
