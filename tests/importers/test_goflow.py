"""goflow's DAG files become jobs of one command."""

from __future__ import annotations

import json
from typing import Any

import pytest

from workflows.importers.found import CannotImport
from workflows.importers.goflow import read

DAG: dict[str, Any] = {
    "Name": "test-dag",
    "Namespace": "default",
    "Schedule": "0 30 3 * *",
    "DockerImage": "busybox",
    "RetryPolicy": "Never",
    "Command": ["echo", "yes"],
    "Parallelism": 1,
    "TimeLimit": 300,
    "Retries": 2,
    "MaxActiveRuns": 1,
    "StartDateTime": "2026-01-01",
    "EndDateTime": "2026-02-01",
    "Labels": {"team": "data"},
    "Annotations": {},
    "WithLogs": True,
}


def test_all_that_a_dag_may_say() -> None:
    result = read(json.dumps(DAG, indent=1))
    assert result.definitions == [
        {
            "id": "test-dag",
            "name": "test-dag",
            "labels": {"team": "data"},
            "maxActiveRuns": 1,
            "tasks": [
                {
                    "id": "command",
                    "functionName": "command",
                    "parameters": {"argv": ["echo", "yes"]},
                    "maxRetry": 2,
                    "timeoutSeconds": 300,
                }
            ],
            "schedules": [
                {
                    "cron": "0 30 3 * * *",
                    "catchUp": "all",
                    "catchUpWindowSeconds": 31_622_400,
                    "startDateTime": "2026-01-01",
                    "endDateTime": "2026-02-01",
                }
            ],
        }
    ]
    assert [(note.line, note.text.partition(" ")[0]) for note in result.notes] == [
        (3, "Namespace"),
        (5, "DockerImage"),
        (11, "Parallelism"),
    ]


@pytest.mark.parametrize(
    ("more", "retries"), [({"RetryPolicy": "Always"}, 100), ({"RetryPolicy": "OnFailure"}, 100), ({"RetryPolicy": "Never"}, None)]
)
def test_a_retry_policy_without_a_number(more: dict[str, Any], retries: int | None) -> None:
    dag = {name: value for name, value in DAG.items() if name != "Retries"} | more
    assert read(json.dumps(dag)).definitions[0]["tasks"][0].get("maxRetry") == retries


def test_six_fields_and_descriptors_stay_and_several_dags_are_taken() -> None:
    dags = [DAG | {"Schedule": "0 30 3 * * MON"}, DAG | {"Schedule": "@daily", "Command": "echo a; echo b"}]
    result = read(json.dumps(dags))
    assert [job["schedules"][0]["cron"] for job in result.definitions] == ["0 30 3 * * MON", "@daily"]
    assert [job["id"] for job in result.definitions] == ["test-dag", "test-dag-2"]
    assert result.definitions[1]["tasks"][0]["parameters"]["argv"] == ["/bin/sh", "-c", "echo a; echo b"]


def test_an_unknown_key_is_noted() -> None:
    assert str(read(json.dumps(DAG | {"Image": "x"})).notes[-1]) == "line 1: Image is not taken over: goflow has no such key"


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "this is not JSON"), ("[1]", "a DAG is a JSON object"), ("{}", "the DAG '' has no Name and no Schedule and no Command")],
)
def test_what_is_no_dag(text: str, said: str) -> None:
    with pytest.raises(CannotImport) as raised:
        read(text)
    assert said in str(raised.value)
