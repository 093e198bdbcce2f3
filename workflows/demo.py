"""`make demo`: a real job on a real server that is killed half-way, and a count of what that cost. Exits 1 when any number is wrong.

The numbers come from the log that the functions themselves append to, not from the store that is being tested: a step was run again if it
began once more after the end that the server reports for it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import click

from definitions import DIRECTORY
from task_functions import call_log
from workflows.client import ENDED, CannotReach, Client, ClientError, changes, moment, seconds_between

JOB = DIRECTORY / "sbom.json"
SBOM = "STEPWELL_SBOM_DIRECTORY"

DONE_BEFORE_KILL = 3

TRIES = 20
"""Executions started, until one is caught half-way: on a fast machine, one may end before it is seen to run."""

POLL_S = 0.03
START_S = 30.0
RUN_S = 120.0

MILLISECOND = 0.001
"""Times come from the server rounded to it."""

Json = dict[str, Any]


class Wrong(Exception):
    """The demo did not go as it must: what, and where to look."""


class ServerProcess:
    """`stepwell serve` in a process group of its own."""

    def __init__(self, directory: Path) -> None:
        self._log = directory / "server.log"
        command = [sys.executable, "-P", "-m", "workflows.cli", "serve", "--port", "0", "--store", str(directory / "Data.fs")]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("STEPWELL_")}
        environment |= {call_log.VARIABLE: str(directory / "calls.jsonl"), SBOM: str(Path("sbom").absolute())}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, env=environment, start_new_session=True, text=True
            )
        self.url = self._wait_for_url()

    def _wait_for_url(self) -> str:
        assert self._process.stdout is not None
        watchdog = threading.Timer(START_S, self.kill)
        watchdog.start()
        line = self._process.stdout.readline()
        watchdog.cancel()
        words = [word for word in line.split() if word.startswith("http://")]
        if not words:
            self.kill()
            raise Wrong(f"the server did not start:\n{self.said()}")
        return words[0]

    def kill(self) -> None:
        """kill -9, to every process of it."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(START_S)
        assert self._process.stdout is not None
        self._process.stdout.read()  # its end: gunicorn's worker is gone as well, and with it what runs functions

    def stop(self) -> int:
        """Ask it to stop; its exit code."""
        self._process.terminate()
        return self._process.wait(START_S)

    def said(self, lines: int = 20) -> str:
        return "\n".join(self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


class Demo:
    """One demo in `directory`. `say` prints."""

    def __init__(self, directory: Path, say: Callable[[str], None] = click.echo) -> None:
        self._directory = directory
        self._say = say
        self._server: ServerProcess | None = None
        self._restarted_at = 0.0

    def run(self) -> None:
        """Raises Wrong."""
        try:
            self._story()
        except (CannotReach, ClientError) as error:
            raise Wrong(f"{error}\n{self._server.said() if self._server else ''}") from error
        finally:
            if self._server is not None:
                self._server.kill()

    def _story(self) -> None:
        began = time.monotonic()
        self._say("Stepwell demo: list and hash all that is installed in this Python, with a crash half-way.\n")
        server = self._start("1. Start a server on an empty store.")
        execution_id, state = self._caught_half_way(server)
        self._say(f"\n3. kill -9 the server, with {_count(state, 'COMPLETED')} steps done and {_count(state, 'RUNNING')} running.")
        server.kill()
        self._restarted_at = time.time()

        server = self._start("\n4. Start it again on the same store. Nobody tells it what to do.")
        client = Client(server.url)
        state = self._follow(client, execution_id, state, lambda now: now["status"] in ENDED)
        again, reissued = self._check(state)
        self._summary(state)
        code = server.stop()
        if code != 0:
            raise Wrong(f"the server left with exit code {code} after SIGTERM:\n{server.said()}")
        self._say(f"finished steps run again: {again}")
        self._say(f"interrupted attempts re-issued: {reissued}")
        self._say(f"\nThe server stopped when asked, with exit code 0. All this took {time.monotonic() - began:.0f} seconds.")

    def _start(self, title: str) -> ServerProcess:
        self._say(title)
        before = time.monotonic()
        self._server = ServerProcess(self._directory)
        self._say(f"   {self._server.url} after {time.monotonic() - before:.1f} seconds")
        return self._server

    def _caught_half_way(self, server: ServerProcess) -> tuple[str, Json]:
        """Start executions until one is seen with enough steps done and one running."""
        client = Client(server.url)
        self._say(f"\n2. Post definitions/{JOB.name} and execute it.")
        job = client.register(JOB)["id"]
        for _ in range(TRIES):
            execution_id = client.execute(job)
            self._say(f"   {execution_id}")
            state = self._follow(client, execution_id, {"status": None, "tasks": []}, lambda now: _half_way(now) or now["status"] in ENDED)
            if _half_way(state):
                return execution_id, state
            self._say("   That was too quick to interrupt; once more.")
        raise Wrong(f"none of {TRIES} executions could be caught half-way; the last one is {state['status']}:\n{server.said()}")

    def _follow(self, client: Client, execution_id: str, before: Json, enough: Callable[[Json], bool]) -> Json:
        """Print what changes after `before`, until `enough`."""
        deadline = time.monotonic() + RUN_S
        while True:
            state = client.state(execution_id)
            for change in changes(before, state):
                if change.task is not None:
                    self._say(f"   {change}")
            if enough(state):
                return state
            if time.monotonic() > deadline:
                raise Wrong(
                    f"{execution_id} is {state['status']} after {RUN_S:.0f} seconds:\n{self._server.said() if self._server else ''}"
                )
            before = state
            time.sleep(POLL_S)

    # ------------------------------------------------------------------------------------------------------------- counting

    def _check(self, state: Json) -> tuple[int, int]:
        """(finished steps run again, interrupted attempts issued again), from the call log. Raises Wrong for any that cannot be."""
        log = self._directory / "calls.jsonl"
        calls = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
        begins = [call for call in calls if call["event"] == "begin" and call["execution"] == state["id"]]
        ended = {task["id"]: moment(task["endTime"]) or 0.0 for task in state["tasks"]}
        if state["status"] != "COMPLETED" or any(task["status"] != "COMPLETED" for task in state["tasks"]):
            raise Wrong(f"the execution is {state['status']}, not every step of it COMPLETED: {state['error']}")
        again = [call for call in begins if call["time"] > ended[call["task"]] + MILLISECOND]
        if again:
            raise Wrong(f"finished steps run again: {len(again)}: {again}")
        missing = set(ended) - {call["task"] for call in begins}
        if missing:
            raise Wrong(f"steps that never ran, says {log}: {sorted(missing)}")
        issued = Counter((call["task"], call["attempt"]) for call in begins)
        reissued = {key for key, times in issued.items() if times > 1}
        under_way = {
            (call["task"], call["attempt"])
            for call in begins
            if call["time"] < self._restarted_at and ended[call["task"]] > self._restarted_at
        }
        if reissued != under_way or any(times > 2 for times in issued.values()):
            raise Wrong(f"attempts under way at the kill: {sorted(under_way)}; issued again: {sorted(reissued)}")
        return len(again), len(reissued)

    def _summary(self, state: Json) -> None:
        took = seconds_between(state["submitTime"], state["endTime"])
        self._say(f"\n5. The execution is {state['status']}, {took:.1f} seconds after it was accepted.")
        self._say(f"   {'step':<10} {'status':<10} attempts  seconds")
        for task in state["tasks"]:
            seconds = seconds_between(task["startTime"], task["endTime"])
            self._say(f"   {task['id']:<10} {task['status']:<10} {task['attempts']:>8}  {seconds:>7.2f}")
        output = state["output"]
        self._say("\n   " + ", ".join(f"{name}: {value:,}" for name, value in output["summary"].items()))
        for form in ("json", "markdown"):
            if not Path(output[form]).is_file():
                raise Wrong(f"the report is not there: {output[form]}")
            self._say(f"   {output[form]}")
        self._say("")


def _count(state: Json, status: str) -> int:
    return sum(task["status"] == status for task in state["tasks"])


def _half_way(state: Json) -> bool:
    return _count(state, "COMPLETED") >= DONE_BEFORE_KILL and _count(state, "RUNNING") >= 1 and state["status"] not in ENDED


def main() -> NoReturn:
    """Run the demo in a temporary directory, which is kept if something goes wrong."""
    directory = Path(tempfile.mkdtemp(prefix="stepwell-demo-"))
    try:
        Demo(directory).run()
    except Wrong as wrong:
        click.echo(f"\nThe demo failed: {wrong}\nThe store and the logs are in {directory}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        shutil.rmtree(directory, ignore_errors=True)
        sys.exit(130)
    shutil.rmtree(directory, ignore_errors=True)
    sys.exit(0)


if __name__ == "__main__":
    main()
