"""The log of a real server: its form, its level, and that nothing else is written where it is."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.cli.servers import GUNICORN, JOBS, ROOT, Process, ended, serve, until, url_of
from workflows.client import Client

Start = Callable[..., Process]

MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"

PLANTED = """
import logging
import sys
import threading
from task_functions import task_function
from workflows.core.machine import Machine

reported = Machine._reported

def broken(machine, frame, report):
    if "spoilt" in frame.path:
        raise ZeroDivisionError("planted")
    reported(machine, frame, report)

Machine._reported = broken

@task_function
def spoilt(data):
    return 1

@task_function(executor="inline")
def tell(data):
    logging.getLogger("a.library").info("told\\nin two lines", extra={"amount": 3})
    threading.Thread(target=lambda: 1 / 0).start()

logging.getLogger("a.module").warning("loaded")
if "workflows.runtime.workers.worker" in sys.modules:
    print("printed by a worker")
"""
"""Functions, and a defect of the server: what `spoilt` returns cannot be stepped."""


def log_of(process: Process) -> list[dict[str, Any]]:
    """The lines of the log, every one of which must be right. What is said on stdout, where it listens, is none."""
    lines = [json.loads(line) for line in process.lines if not line.startswith("Stepwell listens at")]
    for line in lines:
        assert tuple(line)[:4] == ("timestamp", "level", "logger", "event"), line
        assert re.fullmatch(MOMENT, line["timestamp"]), line
        assert line["level"] in ("debug", "info", "warning", "error", "critical")
    return lines


def job(name: str, *functions: str) -> dict[str, Any]:
    return {"id": name, "tasks": [{"id": one, "name": one, "functionName": one, "maxRetry": 0} for one in functions]}


def in_front(directory: Path, *flags: str, **variables: str) -> Process:
    settings = {"STEPWELL_STORE": str(directory / "Data.fs"), "STEPWELL_PORT": "0", "STEPWELL_LOG_FORMAT": "json"}
    return Process(*GUNICORN, "wsgi:app", *flags, cwd=ROOT, env=settings | variables)


def stopped(process: Process) -> None:
    process.signal(signal.SIGTERM)
    assert process.exit() == 0, process.said


def test_every_line_is_json(start: Start, tmp_path: Path) -> None:
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "bad.py").write_text("1 / 0\n")
    begun = datetime.now(UTC)
    process = start("--functions", str(tmp_path / "functions"), STEPWELL_LOG_FORMAT="json", STEPWELL_LOG_LEVEL="debug")
    url = url_of(process)
    client = Client(url)
    client.register(JOBS[0])
    assert ended(client, client.execute("good"))["status"] == "COMPLETED"
    assert requests.get(f"{url}/nowhere?a=b", headers={"X-Request-ID": "mine"}, timeout=30).status_code == 404
    stopped(process)
    lines = log_of(process)
    [asked] = [line for line in lines if line.get("request_id") == "mine"]
    assert (asked["level"], asked["path"], asked["status"]) == ("debug", "/nowhere", 404)
    assert [line["logger"] for line in lines if "bad.py:1: ZeroDivisionError" in line["event"]] == ["workflows.server"]
    assert lines[-1]["event"] == "stopped; what was done is committed"
    moments = [begun, *(datetime.fromisoformat(line["timestamp"]) for line in (lines[0], asked, lines[-1])), datetime.now(UTC)]
    assert moments == sorted(moments), "each has its own moment, in UTC; those of two threads may come in another order"
    assert not any(line["logger"].startswith("txn") for line in lines), "a line for each transaction"


def test_a_defect_is_told_with_the_execution(start: Start, tmp_path: Path) -> None:
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "planted.py").write_text(PLANTED)
    process = start("--functions", str(tmp_path / "functions"), STEPWELL_LOG_FORMAT="json")
    client = Client(url_of(process))
    client.register(job("quiet", "tell"))
    told = client.execute("quiet")
    assert ended(client, told)["status"] == "COMPLETED"
    process.says("a thread ended by a defect")
    client.register(job("broken", "spoilt"))
    broken = client.execute("broken")
    assert ended(client, broken)["error"]["type"] == "States.Runtime"
    stopped(process)
    lines = log_of(process)
    [defect] = [line for line in lines if line.get("execution_id") == broken]
    assert (defect["level"], defect["logger"]) == ("error", "workflows.runtime.stepper")
    assert "ZeroDivisionError: planted" in defect["exception"]
    [own] = [line for line in lines if line.get("execution_id") == told]
    assert own == own | {"logger": "a.library", "event": "told\nin two lines", "task_id": "tell", "attempt": 1, "amount": 3}
    workers = [line for line in lines if "worker" in line]
    assert {("a.module", "loaded"), ("workflows.runtime.workers.worker", "printed by a worker")} <= {
        (line["logger"], line["event"]) for line in workers
    }
    assert all(line["worker"].startswith("shared") and line["pid"] > 0 for line in workers)


def test_text_is_for_people(start: Start, tmp_path: Path) -> None:
    process = start()
    client = Client(url_of(process))
    client.register(JOBS[0])
    assert ended(client, client.execute("good"))["status"] == "COMPLETED"
    stopped(process)
    lines = [line for line in process.lines if not line.startswith("Stepwell listens at")]
    assert all(re.match(rf"{MOMENT} INFO    [a-z]", line) for line in lines), process.said
    assert any(line.endswith("INFO    definitions: hello, revision 1") for line in lines)


@pytest.mark.parametrize(("level", "said"), [("debug", 1), ("info", 0), ("error", 0)])
def test_requests_are_told_of_to_who_debugs(start: Start, level: str, said: int) -> None:
    process = start("--log-level", level)
    assert Client(url_of(process)).health()["status"] == "ok"
    stopped(process)
    asked = re.compile(r"DEBUG   answered method=GET path=/health status=200 ms=[\d.]+ request_id=\w{32}$")
    assert len([line for line in process.lines if asked.search(line)]) == said
    assert ("INFO" in process.said) == (level != "error"), process.said


@pytest.mark.parametrize("where", [ROOT, None], ids=["with our configuration", "without"])
def test_gunicorns_lines_are_as_ours(start: Start, tmp_path: Path, where: Path | None) -> None:
    """Where gunicorn is not told how to log, it is as soon as the server starts."""
    flags = () if where else ("--chdir", str(tmp_path), "--bind", "127.0.0.1:0", "--pythonpath", str(ROOT))
    process = start(*flags, make=in_front)
    url = process.says("Listening at: ").split("Listening at: ")[1].split()[0]
    assert Client(url).health()["status"] == "ok"
    began = 0 if where else len(process.lines)
    assert requests.get(f"{url}/{'x' * 10_000}", timeout=30).status_code == 414
    until(lambda: "what is no request" in process.said, what="a line about it")
    stopped(process)
    lines = [json.loads(line) for line in process.lines[began:] if where or line.startswith("{")]
    events = [line["event"] for line in lines]
    assert any("Invalid request from ip=127.0.0.1" in event for event in events)
    if where:
        assert log_of(process)
        assert any(event.startswith("Booting worker") for event in events)


def test_why_it_cannot_start_is_a_line_as_well(start: Start, tmp_path: Path) -> None:
    (tmp_path / "Data.fs").write_bytes(b"this is no ZODB file" * 100)
    for make in (serve, in_front):
        process = start(make=make, STEPWELL_LOG_FORMAT="json")
        assert process.exit() == 4
        last = [line for line in log_of(process) if line["level"] == "critical"]
        assert [f"{tmp_path}/Data.fs is not a ZODB file" in line["event"] for line in last] == [True]
