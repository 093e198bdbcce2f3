"""`schedules` on a real server: a schedule's life, what it would do, and backfills that are watched, left alone and stopped."""

from __future__ import annotations

import json
import re
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.cli.servers import until
from tests.cli.terminal import on_terminal, stepwell
from workflows.client import Client
from workflows.commands.schedules import CATCH_UPS, OVERLAPS, TRIGGERS
from workflows.language import schedules as language
from workflows.schedules.schedule import CatchUp, Overlap

WINDOW = ("--from", "2025-03-29", "--to", "2025-03-31T02:30")
NIGHTLY = ("--cron", "30 2 * * *", "--timezone", "Europe/Berlin")

_numbers = count(1)


@pytest.fixture
def nightly(shared: str) -> str:
    """A schedule of the job `good` that is switched off."""
    id = f"cli-{next(_numbers)}"
    assert stepwell("schedules", "add", "good", "--id", id, *NIGHTLY, server=shared).exit_code == 0
    assert stepwell("schedules", "off", id, server=shared).exit_code == 0
    return id


def asked(server: str, *words: str) -> Any:
    result = stepwell("schedules", *words, "--json", server=server)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_words_are_the_servers() -> None:
    assert (list(OVERLAPS), list(CATCH_UPS), TRIGGERS) == (list(Overlap), list(CatchUp), language.TRIGGERS)


def test_a_schedules_life(shared: str, tmp_path: Path) -> None:
    options = ("--cron", "@yearly", "--timezone", "Asia/Tokyo", "--overlap", "skip", "--catch-up", "last", "--input", '{"a": 1}')
    made = stepwell("schedules", "add", "good", "--id", "cli-life", *options, server=shared)
    assert re.fullmatch(r"Schedule 'cli-life' of 'good' is on, next [-0-9]{10} [:0-9]{8}\n", made.stdout)
    spec = {"cron": "@yearly", "timezone": "Asia/Tokyo", "overlap": "skip", "catchUp": "last", "input": {"a": 1}, "id": "cli-life"}
    assert asked(shared, "show", "cli-life")["schedule"] == spec
    shown = stepwell("schedules", "show", "cli-life", server=shared)
    assert json.loads(shown.stdout) == spec
    assert "is on" in shown.stderr
    assert stepwell("schedules", "change", "cli-life", "--every", "2h", "--overlap", "allow", server=shared).exit_code == 0
    assert asked(shared, "show", "cli-life")["schedule"] == {**spec, "cron": "@every 2h", "overlap": "allow"}
    file = tmp_path / "one.json"
    file.write_text(json.dumps({"intervalSeconds": 60}))
    assert asked(shared, "change", "cli-life", "--file", str(file), "--at", "2999-01-01T00:00:00")["schedule"] == {
        "at": "2999-01-01T00:00:00"
    }
    assert asked(shared, "off", "cli-life")["active"] is False
    listed = stepwell("schedules", "list", "--job", "good", server=shared).stdout
    assert re.search(r"^cli-life +good +off +2999-01-01T00:00:00$", listed, re.MULTILINE)
    assert stepwell("schedules", "on", "cli-life", server=shared).stdout.startswith("Schedule 'cli-life' of 'good' is on, next 29")
    assert stepwell("schedules", "occurrences", "cli-life", server=shared).stderr == "there are none\n"
    assert stepwell("schedules", "delete", "cli-life", server=shared).exit_code == 2
    assert stepwell("schedules", "delete", "cli-life", server=shared, stdin="y\n").stdout == "Schedule 'cli-life' deleted\n"
    assert stepwell("schedules", "show", "cli-life", server=shared).exit_code == 2


def test_what_is_wrong_is_told(shared: str, tmp_path: Path, nightly: str) -> None:
    file = tmp_path / "one.json"
    file.write_text('{"id": "x",\n "cron": "61 * * * *"}')
    refused = stepwell("schedules", "add", "good", "--file", str(file), server=shared)
    assert refused.exit_code == 2
    assert "one.json: error: /cron: '61' is not a minutes field" in refused.stderr
    for words, said in (
        (("add", "good", "--cron", "@daily", "--at", "2999-01-01"), "one of --cron, --every and --at"),
        (("add", "good", "--cron", "@daily", "--input", "{"), "--input is not JSON"),
        (("change", nightly), "say what is to change"),
        (("change", nightly, "--every", "5x"), "error: --every: '5x' is not a duration"),
        (("add", "good", "--cron", "61 * * * *"), "error: --cron: '61' is not a minutes field"),
        (("next", "--cron", "@daily", "--timezone", "Europe/Berln"), "error: --timezone: this is no time zone"),
        (("next",), "name a schedule"),
        (("next", nightly, "--cron", "@daily"), "name a schedule"),
        (("backfill", nightly, "--from", "x", "--to", "0s"), "/from: this must be a date and time"),
        (("backfill", "nobody", *WINDOW), "no schedule has the id 'nobody'"),
    ):
        result = stepwell("schedules", *words, server=shared)
        assert result.exit_code == 2, words
        assert said in result.stderr


def test_what_is_next_is_told_with_what_is_odd_about_it(shared: str, nightly: str) -> None:
    (whole,) = asked(shared, "next", nightly, "--count", "1")["occurrences"]
    line = stepwell("schedules", "next", nightly, "--count", "1", server=shared).stdout.splitlines()[1]
    assert line.split()[:3] == [whole["scheduledTime"][:19] + "Z", *whole["localTime"].split("T")]
    told = stepwell("schedules", "next", "--cron", "0 30 2 * 3,10 *", "--timezone", "Europe/Berlin", "--count", "93", server=shared).stdout
    assert "the clock skips the time that is meant: it runs at 03:00:00 instead" in told
    assert "02:30:00 comes twice that day: it runs the first time" in told
    assert len(told.splitlines()) == 94
    assert stepwell("schedules", "next", "--at", "1999-01-01", server=shared).stderr == "never\n"


def test_a_backfill_shows_what_it_would_do_asks_and_is_watched_to_its_end(shared: str, nightly: str) -> None:
    words = ("schedules", "backfill", nightly, *WINDOW)
    seen = stepwell(*words, "--preview", server=shared)
    assert seen.stdout.splitlines() == [
        "3 occurrences missing of 3",
        "  2025-03-29T01:30:00Z  2025-03-29 02:30:00",
        "  2025-03-30T01:00:00Z  2025-03-30 03:00:00  the clock skips the time that is meant: it runs at 03:00:00 instead",
        "  2025-03-31T00:30:00Z  2025-03-31 02:30:00",
    ]
    refused = stepwell(*words, server=shared, stdin="n\n")
    assert (refused.exit_code, "nothing was changed" in refused.stderr) == (2, True)
    assert list(Client(shared).occurrences(nightly)) == []
    done = stepwell(*words, "--concurrency", "2", server=shared, stdin="y\n")
    assert done.exit_code == 0, done.output
    assert re.search(r"^3 of 3: 3 started, 0 found, 0 skipped, 0 running, 0 failed\nbackfill-\d+ is completed$", done.stdout, re.MULTILINE)
    again = stepwell(*words, "--yes", server=shared)
    assert (again.exit_code, again.stdout) == (0, "0 occurrences missing of 3\n")
    found = asked(shared, "backfill", nightly, *WINDOW, "--yes")
    assert (found["status"], found["found"]) == ("completed", 3)
    records = stepwell("schedules", "occurrences", nightly, server=shared).stdout.splitlines()
    assert len(records) == 4
    assert all(f"backfilled  {nightly}.2025033" in line for line in records[1:2])
    table = stepwell("schedules", "backfills", nightly, server=shared).stdout.splitlines()
    assert [line.split()[-5:] for line in table[1:]] == [["0", "3", "0", "0", "0"], ["3", "0", "0", "0", "0"]]


def test_a_backfill_is_left_alone_stopped_and_its_failures_are_its_exit_code(shared: str, tmp_path: Path) -> None:
    client = Client(shared)
    client.add_schedule(
        "slow", {"id": "cli-slow", "cron": "30 2 * * *", "timezone": "Europe/Berlin", "input": {"seconds": 60}, "active": False}
    )
    left = stepwell("schedules", "backfill", "cli-slow", *WINDOW, "--yes", "--no-wait", server=shared)
    assert re.fullmatch(r"backfill-\d+\n", left.stdout)
    assert stepwell("schedules", "backfill", "cli-slow", *WINDOW, "--yes", server=shared).exit_code == 1
    until(lambda: client.backfill("cli-slow", left.stdout.strip())["started"] == 1, what="the first execution")
    stopped = stepwell("schedules", "cancel-backfill", "cli-slow", left.stdout.strip(), server=shared)
    assert stopped.stdout == f"{left.stdout.strip()} is cancelled; 2 of 3 were not started\n"
    code, shown = on_terminal(
        *("schedules", "backfill", "cli-slow", *WINDOW),
        cwd=tmp_path,
        typed=b"y\n",
        enough=lambda shown: b"2 of 3: 1 started, 1 found" in shown,
        STEPWELL_URL=shared,
    )
    assert code == 130
    assert "2 occurrences missing of 3" in shown
    assert "it goes on; to stop it: stepwell schedules cancel-backfill cli-slow backfill-" in shown
    newest = client.backfills("cli-slow")[0]["id"]
    assert asked(shared, "cancel-backfill", "cli-slow", newest)["status"] == "cancelled"
    client.add_schedule("bad", {"id": "cli-bad", "cron": "30 2 * * *", "timezone": "Europe/Berlin", "active": False})
    failed = stepwell("schedules", "backfill", "cli-bad", *WINDOW, "--yes", server=shared)
    assert failed.exit_code == 1
    assert "3 of 3: 3 started, 0 found, 0 skipped, 0 running, 3 failed" in failed.stdout


def test_what_looks_wrong_is_shown_when_one_is_made(shared: str) -> None:
    made = stepwell("schedules", "add", "good", "--id", "cli-odd", "--at", "2020-01-01T00:00:00", server=shared)
    assert made.exit_code == 0
    assert made.stderr == "warning: /at: it is not due again: this lies in the past\n"
    assert "'cli-odd' of 'good' is on, not due again" in made.stdout
    off = stepwell("schedules", "off", "cli-odd", server=shared)
    assert (off.exit_code, off.stderr) == (0, "")


def test_a_day_on_which_it_does_not_run_is_told_as_that(shared: str) -> None:
    spec = {"cron": "@daily", "blackout": {"dates": [{"from": "2999-12-25", "name": "Christmas"}]}, "startDateTime": "2999-12-25"}
    Client(shared).add_schedule("good", {"id": "cli-blackout", **spec})
    lines = stepwell("schedules", "next", "cli-blackout", "--count", "2", server=shared).stdout.splitlines()
    assert lines[1].endswith("does not run: it is Christmas (2999-12-25 to 2999-12-25)")
    assert lines[2].split() == ["2999-12-26T00:00:00Z", "2999-12-26", "00:00:00"]
