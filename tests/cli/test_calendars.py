"""`calendars` against a real server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.terminal import stepwell
from workflows.client import Client

CHRISTMAS = {"dates": [{"from": "2050-12-24", "to": "2050-12-26", "name": "Christmas"}]}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_set_list_show_and_delete(shared: str) -> None:
    listed = stepwell("calendars", "list", server=shared)
    assert (listed.exit_code, listed.stdout) == (0, "")
    assert listed.stderr == "there are none\n"
    Path("days.json").write_text(json.dumps(CHRISTMAS))
    assert stepwell("calendars", "set", "days", "days.json", server=shared).stdout == "Calendar 'days' has 1 range of days\n"
    assert json.loads(stepwell("calendars", "set", "days", "days.json", "--json", server=shared).stdout)["schedules"] == 0
    [head, row] = stepwell("calendars", "list", server=shared).stdout.splitlines()
    assert head.split() == ["name", "ranges", "schedules", "set"]
    assert row.split()[:3] == ["days", "1", "0"]
    assert [one["name"] for one in json.loads(stepwell("calendars", "list", "--json", server=shared).stdout)["calendars"]] == ["days"]
    assert json.loads(stepwell("calendars", "show", "days", "--json", server=shared).stdout)["name"] == "days"
    Path("shown.json").write_text(stepwell("calendars", "show", "days", server=shared).stdout)
    assert json.loads(Path("shown.json").read_text()) == CHRISTMAS
    assert stepwell("calendars", "set", "days", "shown.json", server=shared).exit_code == 0

    client = Client(shared)
    client.add_schedule("good", {"id": "by-days", "cron": "@yearly", "blackout": {"calendars": ["days"]}})
    refused = stepwell("calendars", "delete", "days", "--yes", server=shared)
    assert refused.exit_code == 1
    assert "1 schedule names the calendar 'days': by-days" in refused.stderr
    client.delete_schedule("by-days")
    client.close()
    kept = stepwell("calendars", "delete", "days", server=shared, stdin="n\n")
    assert kept.exit_code == 2
    assert "Delete the calendar 'days'? [y/N]" in kept.stderr
    assert json.loads(stepwell("calendars", "delete", "days", "--json", server=shared, stdin="y\n").stdout)["name"] == "days"
    for command in (("show", "days"), ("delete", "days", "--yes")):
        gone = stepwell("calendars", *command, server=shared)
        assert gone.exit_code == 2
        assert "no calendar has the name 'days'" in gone.stderr


def test_what_is_wrong_with_a_file_is_told_with_its_place(shared: str) -> None:
    Path("wrong.json").write_text('{\n  "dates": [{"form": "2050-12-24"}]\n}')
    refused = stepwell("calendars", "set", "wrong", "wrong.json", server=shared)
    assert refused.exit_code == 2
    assert "wrong.json:2:" in refused.stderr
    assert "/dates/0/form: unknown key; did you mean 'from'?" in refused.stderr
    missing = stepwell("calendars", "set", "wrong", "missing.json", server=shared)
    assert (missing.exit_code, missing.stderr) == (2, "stepwell: there is no file missing.json\n")
