"""Crontabs become jobs, line by line; what cannot be taken over is noted with its line."""

from __future__ import annotations

from typing import Any

import pytest

from workflows.importers.crontab import read

CRONTAB = """\
# nightly work
SHELL=/bin/bash
PATH="/usr/local/bin:/usr/bin"
CRON_TZ=Europe/Berlin
MAILTO=ops@example.com

30 3 * * 1-5  /opt/backup/run.sh --full "/srv data" 2>&1
@hourly       LOCALE=C sync-mirror%first line%50\\% done
@every 90s    poll
@reboot       start-agent
*/5 * * *     too few
just words
"""


def only(text: str, **options: Any) -> dict[str, Any]:
    result = read(text, **options)
    assert len(result.definitions) == 1
    return result.definitions[0]


def test_a_whole_file() -> None:
    result = read(CRONTAB)
    assert [definition["id"] for definition in result.definitions] == ["run.sh", "sync-mirror", "poll"]
    assert [definition["schedules"] for definition in result.definitions] == [
        [{"cron": "30 3 * * 1-5", "timezone": "Europe/Berlin"}],
        [{"cron": "@hourly", "timezone": "Europe/Berlin"}],
        [{"cron": "@every 90s", "timezone": "Europe/Berlin"}],
    ]
    assert result.definitions[0]["tasks"] == [
        {
            "id": "command",
            "functionName": "command",
            "parameters": {
                "argv": ["/bin/bash", "-c", '/opt/backup/run.sh --full "/srv data" 2>&1'],
                "env": {"PATH": "/usr/local/bin:/usr/bin"},
            },
        }
    ]
    assert [(note.line, str(note).partition(": ")[2][:12]) for note in result.notes] == [
        (5, "MAILTO is no"),
        (10, "@reboot has "),
        (11, "this is neit"),
        (12, "this is neit"),
    ]


def test_what_stands_behind_a_percent_sign_is_the_input() -> None:
    parameters = only("0 0 * * * mail -s 5\\%% a%b\\%c")["tasks"][0]["parameters"]
    assert parameters == {"argv": ["/bin/sh", "-c", "mail -s 5%"], "stdin": " a\nb%c\n"}


def test_a_system_crontab_names_users() -> None:
    result = read("17 * * * * root run-parts /etc/cron.hourly\n", users=True)
    assert result.definitions[0]["tasks"][0]["parameters"]["argv"][-1] == "run-parts /etc/cron.hourly"
    assert result.definitions[0]["id"] == "run-parts-cron.hourly"
    assert [str(note) for note in result.notes] == ["line 1: the user 'root' is not taken over: commands run as the server's user"]


def test_each_job_has_an_id_of_its_own() -> None:
    assert [job["id"] for job in read("* * * * * a\n* * * * * a\n* * * * * 'unclosed\n").definitions] == ["a", "a-2", "unclosed"]


@pytest.mark.parametrize("text", ["", "# nothing\n\n", "A=b\n"])
def test_nothing_in_it(text: str) -> None:
    assert read(text).definitions == []
    assert [str(note) for note in read(text).notes] == ["there is no job in this crontab"]
