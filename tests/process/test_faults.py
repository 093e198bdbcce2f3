"""What can happen to a server and its store short of `kill -9` of everything: each a clear error, nothing lost, and it goes on."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.process.harness import END_S, CallLog, ServerProcess, wait_until


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    server = ServerProcess(tmp_path)
    yield server
    if server.process is not None and server.process.poll() is None:
        server.kill()


def members(group: int) -> list[int]:
    """Processes of a process group."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[2]) == group:
                found.append(int(entry.name))
    return found


def limit_files(server: ServerProcess, size: int) -> None:
    """No process of the server may make a file longer than this: to it, the disk is full."""
    assert server.process is not None
    for process in members(server.process.pid):
        resource.prlimit(process, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def execute(server: ServerProcess, job: str, data: dict[str, Any]) -> requests.Response:
    return requests.post(f"{server.url}/jobs/{job}/execute", json=data, timeout=20)


def dream(server: ServerProcess, times: int) -> list[str]:
    """So many executions of which each waits for `awake`; all have begun."""
    first = {"id": "a", "functionName": "dream", "parameters": {"into": str(server.directory)}}
    job = {"id": "dreams", "tasks": [first, {"id": "b", "functionName": "work"}]}
    assert requests.post(f"{server.url}/job-definitions", json=job, timeout=20).status_code == 201
    started = [execute(server, "dreams", {}).json()["executionID"] for _ in range(times)]
    wait_until(lambda: server.calls.exists() and all(runs(server, one) == 1 for one in started), END_S, server.tail)
    return started


def awake(server: ServerProcess) -> None:
    (server.directory / "awake").touch()


def runs(server: ServerProcess, execution: str) -> int:
    """How often the first task of an execution that dreams has begun."""
    return sum((call.execution, call.task) == (execution, "a") for call in CallLog.read(server.calls).calls)


def worker_of(server: ServerProcess) -> int:
    """The process of gunicorn's worker. One that runs functions belongs to the group, too, until it has one of its own."""
    assert server.process is not None
    master, found = server.process.pid, list[int]()

    def alone() -> bool:
        found[:] = [process for process in members(master) if process != master]
        return len(found) == 1

    wait_until(alone, END_S, lambda: f"{found}\n{server.tail()}")
    return found[0]


def status(server: ServerProcess, execution: str) -> str:
    answer = requests.get(f"{server.url}/jobs/{execution}/state", timeout=20)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["status"])


def all_complete(server: ServerProcess, executions: list[str]) -> None:
    def done() -> bool:
        return all(status(server, execution) == "COMPLETED" for execution in executions)

    wait_until(done, END_S, lambda: f"not all complete: { {e: status(server, e) for e in executions} }\n{server.tail()}")


def test_a_full_disk_is_a_503_and_nothing_is_lost_when_there_is_room_again(server: ServerProcess) -> None:
    server.start()
    accepted = [execute(server, "line", {"ms": 400}).json()["executionID"] for _ in range(4)]
    limit_files(server, (server.directory / "Data.fs").stat().st_size)  # not one byte more
    answer = execute(server, "line", {"ms": 1})
    assert answer.status_code == 503
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Retry-After"]
    assert "store" in answer.json()["detail"]
    assert {status(server, execution) for execution in accepted} <= {"QUEUED", "RUNNING", "COMPLETED"}, "reading goes on"
    wait_until(
        lambda: requests.get(f"{server.url}/health", timeout=20).json()["status"] == "degraded", END_S, lambda: "health does not tell"
    )
    limit_files(server, resource.RLIM_INFINITY)
    all_complete(server, accepted)
    wait_until(lambda: requests.get(f"{server.url}/health", timeout=20).json()["status"] == "ok", END_S, lambda: "health does not recover")
    assert execute(server, "line", {}).status_code == 202


def test_health_tells_of_a_full_disk_as_long_as_it_is_full_also_while_nobody_asks_for_anything(server: ServerProcess) -> None:
    def health() -> str:
        return str(requests.get(f"{server.url}/health", timeout=20).json()["status"])

    server.start()
    wait_until(lambda: health() == "ok", END_S, server.tail)
    limit_files(server, (server.directory / "Data.fs").stat().st_size)
    assert execute(server, "line", {"ms": 1}).status_code == 503
    wait_until(lambda: server.log.read_text().count("the store cannot commit, will try again") >= 4, END_S, server.tail)
    assert health() == "degraded"
    limit_files(server, resource.RLIM_INFINITY)
    wait_until(lambda: health() == "ok", END_S, server.tail)


@pytest.mark.parametrize("tail", [b"\0" * 4096, bytes(range(256)) * 8, b"T"], ids=["zeros", "rubbish", "one byte"])
def test_a_torn_tail_loses_nothing_that_was_accepted(server: ServerProcess, tail: bytes) -> None:
    server.start()
    accepted = [execute(server, "line", {"ms": 20}).json()["executionID"] for _ in range(5)]
    server.kill()
    with (server.directory / "Data.fs").open("ab") as file:
        file.write(tail)
    server.start()
    all_complete(server, accepted)


def test_a_killed_worker_is_replaced_and_its_attempts_go_on(server: ServerProcess) -> None:
    server.start()
    assert server.process is not None
    accepted = dream(server, 1) + [execute(server, "wide", {"ms": 200}).json()["executionID"] for _ in range(3)]
    worker = worker_of(server)
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: worker not in members(server.process.pid) and server.answers(), END_S, server.tail)
    awake(server)
    all_complete(server, accepted)
    assert runs(server, accepted[0]) == 2


def test_a_stop_in_the_middle_of_attempts_is_no_interruption(server: ServerProcess) -> None:
    server.options = ("--max-jobs", "3")
    os.environ["STEPWELL_GRACE_S"] = "0.2"
    try:
        server.start()
        accepted = dream(server, 3)
        for _ in range(5):  # more often than interruptions are allowed
            assert server.stop() == 0, server.tail()
            server.start()
            first = requests.get(f"{server.url}/jobs/{accepted[0]}/state", timeout=20).json()["tasks"][0]
            assert first["attempts"] == 1, "an attempt that was given back has begun all the same"
            assert first["status"] in ("RUNNING", "RETRYING")
    finally:
        del os.environ["STEPWELL_GRACE_S"]
    awake(server)
    all_complete(server, accepted)
    assert "Traceback" not in server.log.read_text()
