"""The DAG files of goflow (github.com/zbrookle/goflow): JSON with PascalCase keys, one command on a schedule.

Its schedules are those of robfig/cron v1: seconds first, and the day of the week may be left out. So five fields there are not the five
fields of crontab(5).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from workflows.importers.found import CATCH_UP_S, CannotImport, Imported, job_id

_GO = re.compile(r"^package\s+\w+|goflow\.(?:Job|New|Task)\b", re.MULTILINE)

UNLIMITED_RETRIES = 100
"""What RetryPolicy Always and OnFailure without Retries come to: the most a task may have."""

_CONTAINER = {
    "DockerImage": "commands run on the server's machine, not in an image",
    "Namespace": "there are no namespaces",
    "Annotations": "annotations are Kubernetes's",
    "Parallelism": "one command cannot be parallel",
}


def read(text: str) -> Imported:
    """Of a file with one DAG or a list of them. Raises CannotImport for what is not JSON or has no Name, Schedule or Command."""
    try:
        document = json.loads(text)
    except ValueError as error:
        go = " It looks like Go source: how its jobs are moved by hand is in docs/moving.md." if _GO.search(text) else ""
        raise CannotImport(f"this is not JSON with Name, Schedule and Command, as a DAG file of goflow is: {error}.{go}") from None
    result, taken = Imported(), set[str]()
    for dag in document if isinstance(document, list) else [document]:
        if not isinstance(dag, dict):
            raise CannotImport("a DAG is a JSON object with Name, Schedule and Command")
        made = definition(dag, lambda key, why: result.note(_line(text, key), f"{key} is not taken over: {why}"), taken)
        result.add(made, _line(text, "Name", json.dumps(dag["Name"])))
    return result


def definition(dag: Mapping[str, Any], note: Callable[[str, str], None], taken: set[str]) -> dict[str, Any]:
    """The job of one DAG. `note(key, why)` hears what is not taken over. Raises CannotImport."""
    missing = [key for key in ("Name", "Schedule", "Command") if not dag.get(key)]
    if missing:
        raise CannotImport(f"the DAG {dag.get('Name', '')!r} has no {' and no '.join(missing)}")
    command = dag["Command"]
    argv = command if isinstance(command, list) else ["/bin/sh", "-c", str(command)]
    task: dict[str, Any] = {"id": "command", "functionName": "command", "parameters": {"argv": [str(word) for word in argv]}}
    if (retries := _retries(dag)) > 0:
        task["maxRetry"] = retries
    if dag.get("TimeLimit"):
        task["timeoutSeconds"] = dag["TimeLimit"]
    made: dict[str, Any] = {"id": job_id(str(dag["Name"]), taken), "name": str(dag["Name"]), "tasks": [task], "schedules": [_schedule(dag)]}
    if dag.get("Labels"):
        made["labels"] = {str(name): str(value) for name, value in dag["Labels"].items()}
    if dag.get("MaxActiveRuns"):
        made["maxActiveRuns"] = dag["MaxActiveRuns"]
    for key in dag:
        if key in _CONTAINER and dag[key]:
            note(key, _CONTAINER[key])
        elif key not in _KNOWN and key not in _CONTAINER:
            note(key, "goflow has no such key")
    return made


_KNOWN = frozenset(
    [
        *("Name", "Schedule", "Command", "RetryPolicy", "Retries", "TimeLimit", "MaxActiveRuns", "StartDateTime", "EndDateTime"),
        *("Labels", "WithLogs"),
    ]
)


def _retries(dag: Mapping[str, Any]) -> int:
    policy = dag.get("RetryPolicy", "Never")
    if "Retries" in dag:
        return min(int(dag["Retries"]), UNLIMITED_RETRIES)
    return UNLIMITED_RETRIES if policy in ("Always", "OnFailure") else 0


def _schedule(dag: Mapping[str, Any]) -> dict[str, Any]:
    words = str(dag["Schedule"]).split()
    text = " ".join(words) if words[0].startswith("@") or len(words) != 5 else " ".join([*words, "*"])
    schedule: dict[str, Any] = {"cron": text, "catchUp": "all", "catchUpWindowSeconds": CATCH_UP_S}
    for key, name in (("StartDateTime", "startDateTime"), ("EndDateTime", "endDateTime")):
        if dag.get(key):
            schedule[name] = str(dag[key])
    return schedule


def _line(text: str, key: str, value: str = "") -> int:
    """Where the key stands, with this value, as far as a search can tell."""
    found = re.search(rf'"{re.escape(key)}"\s*:\s*{re.escape(value)}', text)
    place = found.start() if found else -1
    return text.count("\n", 0, place) + 1 if place >= 0 else 0
