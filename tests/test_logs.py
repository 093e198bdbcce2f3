"""The two forms of the log, line by line."""

from __future__ import annotations

import io
import json
import logging
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workflows.logs import ALWAYS, Lines, bound, configuration

ROOT = Path(__file__).parent.parent
MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"


def said(form: str, say: Callable[[logging.Logger], Any], name: str = "workflows.test") -> str:
    """What the log holds after somebody has said something."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Lines(form))
    log = logging.Logger(name, logging.INFO)
    log.addHandler(handler)
    say(log)
    return stream.getvalue()


def line(say: Callable[[logging.Logger], Any], name: str = "workflows.test") -> dict[str, Any]:
    """The same as JSON: exactly one line."""
    text = said("json", say, name)
    assert text.count("\n") == 1
    assert text.endswith("\n")
    found = json.loads(text, parse_constant=lambda constant: pytest.fail(f"{constant} is no JSON"))
    assert tuple(found)[: len(ALWAYS)] == ALWAYS
    assert re.fullmatch(MOMENT, found["timestamp"])
    return dict(found)


def defect(log: logging.Logger) -> None:
    payload = "a payload of a customer"
    try:
        raise ValueError(len(payload))
    except ValueError:
        log.exception("broke")


def test_a_line_of_json() -> None:
    found = line(lambda log: log.warning("%d of %s", 3, "4", extra={"execution_id": "e", "ms": 1.5}))
    del found["timestamp"]
    assert found == {"level": "warning", "logger": "workflows.test", "event": "3 of 4", "execution_id": "e", "ms": 1.5}


def test_a_line_of_text() -> None:
    text = said("text", lambda log: log.warning("%d of %s", 3, "4", extra={"execution_id": "e", "where": "over there", "none": None}))
    assert re.fullmatch(rf'{MOMENT} WARNING 3 of 4 execution_id=e where="over there" none=None\n', text)


def test_text_names_loggers_of_others() -> None:
    assert said("text", lambda log: log.info("hello"), "ZODB.FileStorage").endswith("INFO    hello logger=ZODB.FileStorage\n")


def test_what_is_bound_is_said() -> None:
    with bound(execution_id="e-1", attempt=2):
        with bound(execution_id="e-2"):
            inner = line(lambda log: log.info("in"))
        outer = line(lambda log: log.info("out"))
        own = line(lambda log: log.info("own", extra={"attempt": 9}))
    after = line(lambda log: log.info("after"))
    assert [one.get("execution_id") for one in (inner, outer, own, after)] == ["e-2", "e-1", "e-1", None]
    assert [one.get("attempt") for one in (inner, outer, own, after)] == [2, 2, 9, None]


def test_a_traceback_is_a_field_and_shows_no_variables() -> None:
    found = line(defect)
    assert found["event"] == "broke"
    assert found["exception"].startswith("Traceback")
    assert found["exception"].endswith("ValueError: 23")
    text = said("text", defect)
    assert "ERROR   broke\n  Traceback (most recent call last):\n    File" in text
    assert "a payload of a customer" not in found["exception"] + text.replace('payload = "a payload of a customer"', "")


@pytest.mark.parametrize("sent", ["a\nb", "a\r\nb", "\x1b[31m", "a\u2028b", "\udc80", "\x00", "ä 🙂"])
def test_nothing_that_is_sent_looks_like_a_line_of_its_own(sent: str) -> None:
    """A line of text begins with a moment; what goes on is indented."""
    assert line(lambda log: log.info("%s", sent, extra={"path": sent}))["path"] == sent
    text = said("text", lambda log: log.info("%s", sent, extra={"path": sent}))
    first, *more = text.splitlines()
    assert re.match(MOMENT, first)
    assert all(one.startswith("  ") for one in more)
    assert "\x1b" not in text
    assert ("ä 🙂" in text) == (sent == "ä 🙂")


@pytest.mark.parametrize("name", [*ALWAYS[:3], "event"])
def test_an_extra_takes_nobodys_place(name: str) -> None:
    found = line(lambda log: log.info("message", extra={name: "other"}))
    assert (found["event"], found["level"], found["logger"]) == ("message", "info", "workflows.test")


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("args", [("x",), (1, 2)], ids=["no number", "too many"])
def test_what_cannot_be_put_into_words_is_told_of(form: str, args: tuple[Any, ...]) -> None:
    assert "'%d' cannot be logged: TypeError" in said(form, lambda log: log.info("%d", *args))


def test_what_json_has_not_is_told_of() -> None:
    assert "cannot be logged: ValueError" in line(lambda log: log.info("hot", extra={"degrees": float("nan")}))["event"]
    assert line(lambda log: log.info("odd", extra={"what": {1}}))["what"] == "{1}"


def test_libraries_that_say_every_transaction_are_quiet_even_when_debugging() -> None:
    assert configuration("text", "debug")["loggers"]["txn"] == {"level": "INFO"}
    assert set(configuration("text", "error")["loggers"]) == {"gunicorn.error"}


SCRIPT = """
import gc, logging, sys, threading, warnings
from workflows import logs
logs.set_up("json", sys.argv[1])
log = logging.getLogger("any.library")
for level in ("debug", "info", "warning", "error"):
    getattr(log, level)(level)
warnings.warn("an old thing")
thread = threading.Thread(target=lambda: 1 / 0)
thread.start()
thread.join()
class Bad:
    def __del__(self):
        raise KeyError("ignored")
Bad()
gc.collect()
sys.exit(int(sys.argv[2])) if sys.argv[2:] else [][0]
"""


def ran(*args: str) -> tuple[int, list[dict[str, Any]]]:
    done = subprocess.run([sys.executable, "-c", SCRIPT, *args], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout == ""
    return done.returncode, [json.loads(one) for one in done.stderr.splitlines()]


@pytest.mark.parametrize(("level", "count"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_the_level_is_the_least_that_is_said(level: str, count: int) -> None:
    code, lines = ran(level, "0")
    assert code == 0
    assert [one["event"] for one in lines if one["logger"] == "any.library"] == ["debug", "info", "warning", "error"][4 - count :]


def test_what_nobody_caught_is_a_line_as_well() -> None:
    code, lines = ran("info")
    assert code == 1
    last = [one for one in lines if one["logger"] == "workflows.logs"]
    assert [one["level"] for one in last] == ["critical"] * 3
    for one, error in zip(last, ("ZeroDivisionError", "KeyError", "IndexError"), strict=True):
        assert error in one["exception"]
    [warning] = [one for one in lines if one["logger"] == "py.warnings"]
    assert "an old thing" in warning["event"]
