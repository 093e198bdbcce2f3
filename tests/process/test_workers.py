"""A real server whose functions misbehave: it and its other workers never notice, what was under way goes on, and no process is left."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.process.harness import END_S, CallLog, ServerProcess, wait_until
from tests.process.test_faults import worker_of


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    server = ServerProcess(tmp_path)
    (tmp_path / "marks").mkdir()
    server.start()
    yield server
    if server.process is not None and server.process.poll() is None:
        server.kill()


def execute(server: ServerProcess, name: str, *tasks: dict[str, Any], **job: Any) -> str:
    """Register a job of these tasks, which all get the directory for their marks, and start it."""
    given = {"parameters": {"into": str(server.directory / "marks")}}
    document = {"id": name, "tasks": [given | task for task in tasks]} | job
    answer = requests.post(f"{server.url}/job-definitions", json=document, timeout=20)
    assert answer.status_code == 201, answer.text
    answer = requests.post(f"{server.url}/jobs/{name}/execute", json={}, timeout=20)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["executionID"])


def task(name: str, function: str, executor: str = "shared", **options: Any) -> dict[str, Any]:
    return {"id": name, "functionName": function, "executor": executor, "dependsOn": [], **options}


def state(server: ServerProcess, execution: str) -> dict[str, Any]:
    answer = requests.get(f"{server.url}/jobs/{execution}/state", timeout=20)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def ended(server: ServerProcess, execution: str) -> dict[str, Any]:
    wait_until(lambda: state(server, execution)["endTime"] is not None, END_S, lambda: f"{state(server, execution)}\n{server.tail()}")
    return state(server, execution)


def marks(server: ServerProcess, name: str) -> list[int]:
    """Processes in which this task has begun."""
    return [int(path.name.rpartition("-")[2]) for path in (server.directory / "marks").glob(f"{name}-*")]


def begun(server: ServerProcess, *names: str, times: int = 1) -> list[int]:
    wait_until(lambda: all(len(marks(server, name)) >= times for name in names), END_S, server.tail)
    return [pid for name in names for pid in marks(server, name)]


def alive(pid: int) -> bool:
    """And no zombie, which runs nothing."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def score(pid: int) -> int:
    """Whom the kernel kills first when memory runs out: the highest of 1,000."""
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text())


def logs(server: ServerProcess, execution: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = requests.get(f"{server.url}/jobs/{execution}/logs", timeout=20).json()["logs"]
    return found


# ------------------------------------------------------------------------------------------------------------------ no orphans

BUSY = [
    *(task(f"spin-{n}", "spin") for n in range(2)),
    task("alone", "spin", "isolated"),
    task("held", "hold", "isolated"),
]


@pytest.mark.parametrize("whole_group", [True, False], ids=["server", "gunicorn's worker"])
def test_no_worker_outlives_its_server_whatever_it_does(server: ServerProcess, whole_group: bool) -> None:
    """`kill -9`: nothing of ours gets to run, and a held interpreter lock lets nothing of the worker's run either."""
    assert server.process is not None
    execution = execute(server, "busy", *BUSY)
    workers = set(begun(server, *(one["id"] for one in BUSY)))
    holder = execute(server, "holder", task("hold", "hold"))  # not together: what comes to its worker after it does not begin
    workers |= set(begun(server, "hold"))
    assert len(workers) >= 3, "two isolated ones and a shared one at least"
    assert all(alive(pid) for pid in workers)
    if whole_group:
        server.kill()
    else:
        os.kill(worker_of(server), signal.SIGKILL)
    wait_until(lambda: not any(alive(pid) for pid in workers), END_S, lambda: f"orphans: {[pid for pid in workers if alive(pid)]}")
    if whole_group:
        server.start()
    again = set(begun(server, "alone", "held", times=2)) - workers
    assert again, "and what was under way is issued again"
    for one in (execution, holder):
        assert requests.post(f"{server.url}/jobs/{one}/cancel", timeout=20).status_code == 200


def test_no_attempt_runs_beside_its_successor(server: ServerProcess) -> None:
    """Killed and started again four times at once, with attempts that hold their lock: of each one process at most is alive."""
    execute(server, "held", task("held", "hold", "isolated"), task("spin", "spin", "isolated"))
    seen: set[int] = set()
    for round_ in range(1, 5):
        begun(server, "held", "spin", times=round_)
        now = {pid for name in ("held", "spin") for pid in marks(server, name)} - seen
        assert not any(alive(pid) for pid in seen), "an attempt was issued again while its former self lived"
        seen |= now
        if round_ < 4:
            server.kill()
            server.start()


def test_a_stop_in_good_order_leaves_no_worker(server: ServerProcess) -> None:
    server.stop()
    server.options = ("--grace-s", "0.5")
    server.start()
    execute(server, "busy", *BUSY)
    workers = begun(server, *(one["id"] for one in BUSY))
    assert server.stop() == 0, server.tail()
    wait_until(lambda: not any(alive(pid) for pid in workers), END_S, lambda: "a worker has outlived a server that was stopped")


# ----------------------------------------------------------------------------------------------------------- what brings down


@pytest.mark.parametrize("function", ["leave", "crash"])
def test_a_culprit_fails_and_its_neighbours_complete(server: ServerProcess, function: str) -> None:
    """In one shared worker: the neighbours lose one run each, the culprit the four that it may have."""
    server.stop()
    server.options = ("--task-workers", "1", "--isolated-workers", "4")  # a place for each, once they are to go alone
    server.start()
    neighbours = execute(server, "neighbours", *(task(f"n{n}", "dream") for n in range(3)))
    begun(server, "n0", "n1", "n2")
    culprit = execute(server, "culprit", task("culprit", function))
    failed = ended(server, culprit)
    health = requests.get(f"{server.url}/health", timeout=20).json()
    assert "workers died within a minute" in " ".join(health["troubles"])
    assert (failed["status"], failed["error"]["type"]) == ("FAILED", "Interrupted")
    assert "interrupted 4 times; at last its worker" in failed["error"]["message"]
    begun(server, "n0", "n1", "n2", times=2)
    (server.directory / "marks" / "awake").touch()
    assert ended(server, neighbours)["status"] == "COMPLETED"
    runs: dict[str, int] = {}
    for call in CallLog.read(server.calls).calls:
        runs[call.task] = runs.get(call.task, 0) + 1
    assert runs == {"culprit": 4, "n0": 2, "n1": 2, "n2": 2}
    assert server.process is not None
    assert server.process.poll() is None


@pytest.mark.parametrize("executor", ["shared", "isolated"])
def test_an_attempt_that_finds_no_memory_fails_and_its_worker_goes_on(server: ServerProcess, executor: str) -> None:
    server.stop()
    server.options = ("--task-workers", "1", "--isolated-workers", "1")
    server.start()
    failed = ended(server, execute(server, "hungry", task("hungry", "devour", executor)))
    assert (failed["status"], failed["error"]["type"], failed["tasks"][0]["attempts"]) == ("FAILED", "MemoryError", 1)
    (server.directory / "marks" / "awake").touch()
    assert ended(server, execute(server, "next", task("next", "dream", executor)))["status"] == "COMPLETED"
    assert marks(server, "next") == marks(server, "hungry")


def test_when_the_machine_has_no_memory_the_kernel_takes_a_worker_and_not_the_server(server: ServerProcess) -> None:
    """Which it then kills as the next test does."""
    execute(server, "both", task("beside", "dream"), task("alone", "dream", "isolated"))
    workers = begun(server, "beside", "alone")
    assert server.process is not None
    assert {score(pid) for pid in (server.process.pid, worker_of(server))} == {score(os.getpid())}
    assert min(score(pid) for pid in workers) >= 500


def test_a_worker_that_is_killed_is_replaced_and_its_attempt_goes_on(server: ServerProcess) -> None:
    execution = execute(server, "one", task("one", "dream", "isolated"))
    (pid,) = begun(server, "one")
    os.kill(pid, signal.SIGKILL)
    begun(server, "one", times=2)
    (server.directory / "marks" / "awake").touch()
    done = ended(server, execution)
    assert (done["status"], done["tasks"][0]["attempts"]) == ("COMPLETED", 1)


# ------------------------------------------------------------------------------------------------------------------- stopping


def timed_out(server: ServerProcess, names: list[str], seconds: int, executor: str) -> str | None:
    """An execution of these, with so many seconds for each; the server answers until it has ended. None: not all of them began in time."""

    def over() -> bool:  # how fast is measured by `make bench`
        assert requests.get(f"{server.url}/health", timeout=60).status_code == 200
        return state(server, timed)["endTime"] is not None

    timed = execute(server, f"timed-{seconds}", *(task(name, "spin", executor, timeoutSeconds=seconds) for name in names))
    wait_until(over, 2 * END_S, server.tail)
    return timed if all(marks(server, name) for name in names) else None


@pytest.mark.parametrize("executor", ["shared", "isolated"])
def test_ten_that_compute_are_really_stopped_and_health_answers_meanwhile(server: ServerProcess, executor: str) -> None:
    server.stop()
    server.options = ("--isolated-workers", "10")
    server.start()
    names = [f"t{n}" for n in range(10)]
    cancelled = execute(server, "cancelled", *(task(name, "spin", executor) for name in names[5:]))
    begun(server, *names[5:])
    timed = next(filter(None, (timed_out(server, names[:5], seconds, executor) for seconds in (5, 10, 20, 40, 80))))
    outcome = state(server, timed)
    assert (outcome["status"], outcome["error"]["type"]) == ("FAILED", "States.Timeout")
    assert requests.post(f"{server.url}/jobs/{cancelled}/cancel", timeout=20).status_code == 200
    workers = {pid for name in names for pid in marks(server, name)}
    wait_until(lambda: not any(alive(pid) for pid in workers), END_S, lambda: "what was stopped still computes")
    said = logs(server, timed)
    assert said, "what they had printed is kept"
    assert {entry["text"] for entry in said} == {"spinning\n"}
    assert ended(server, execute(server, "after", task("after", "echo")))["status"] == "COMPLETED"


def test_what_a_function_prints_can_be_read_while_it_runs(server: ServerProcess) -> None:
    execution = execute(server, "talk", task("talk", "spin", "isolated"))
    wait_until(lambda: [entry["text"] for entry in logs(server, execution)] == ["spinning\n"], END_S, server.tail)
    (entry,) = logs(server, execution)
    assert (entry["taskId"], entry["attempt"], entry["text"], entry["truncated"]) == ("talk", 1, "spinning\n", False)
    assert state(server, execution)["status"] == "RUNNING"
    assert json.dumps(entry)
