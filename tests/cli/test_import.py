"""`stepwell import`: what is printed, written and told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.terminal import stepwell
from tests.importers.test_airflow import HEAD, dag
from tests.importers.test_crontab import CRONTAB
from tests.importers.test_goflow import DAG
from workflows.language import read_definition

AIRFLOW = HEAD + dag("a >> [b, c] >> d\nx = BashOperator(task_id='x', bash_command='echo {{ ds }}', retries=2)", "'etl', schedule='@daily'")
TEXTS = {"crontab": CRONTAB, "goflow": json.dumps(DAG), "airflow": AIRFLOW}


@pytest.mark.parametrize("kind", TEXTS)
def test_what_is_made_is_taken_by_a_server(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "given"
    file.write_text(TEXTS[kind])
    result = stepwell("import", kind, str(file), "--out", str(tmp_path / "made"))
    assert result.exit_code == 0, result.output
    written = [Path(line) for line in result.stdout.splitlines()]
    assert written
    for path in written:
        assert read_definition(path.read_text(), functions=None).schedules
    assert f"{file}: line " in result.stderr
    again = stepwell("import", kind, str(file), "--out", str(tmp_path / "made"))
    assert (again.exit_code, "would be overwritten" in again.stderr) == (1, True)


def test_without_a_directory_definitions_are_printed() -> None:
    assert json.loads(stepwell("import", "goflow", "-", stdin=TEXTS["goflow"]).stdout)["id"] == "test-dag"
    assert [job["id"] for job in json.loads(stepwell("import", "crontab", "-", stdin=CRONTAB).stdout)] == ["run.sh", "sync-mirror", "poll"]
    answer = json.loads(stepwell("import", "airflow", "-", "--json", stdin=AIRFLOW).stdout)
    assert [job["id"] for job in answer["definitions"]] == ["etl"]
    assert [note["message"].partition(" has")[0] for note in answer["notes"]] == ["x: bash_command"]


def test_what_can_be_made_is_there_beside_what_cannot(tmp_path: Path) -> None:
    result = stepwell("import", "crontab", "-", "--out", str(tmp_path), stdin="61 * * * * bad\n5 * * * * good\n")
    assert (result.exit_code, [path.name for path in tmp_path.iterdir()]) == (1, ["good.json"])


def test_lines_with_users() -> None:
    result = stepwell("import", "crontab", "-", "--users", stdin="17 * * * * root run-parts x\n")
    assert json.loads(result.stdout)["tasks"][0]["parameters"]["argv"][-1] == "run-parts x"


@pytest.mark.parametrize(
    ("arguments", "given", "code", "said"),
    [
        (("crontab", "nowhere"), "", 2, "cannot read nowhere"),
        (("goflow", "-"), "{", 2, "this is not JSON"),
        (("airflow", "-"), "def (", 2, "this is not Python"),
        (("airflow", "-"), "x = 1", 1, "there is no DAG in this file"),
        (("crontab", "-"), "# nothing", 1, "there is no job in this crontab"),
        (("crontab", "-"), "5 * * * * good\n61 * * * * bad", 1, "-: line 2: bad is left out: /schedules/0/cron: '61'"),
        (("goflow", "-"), json.dumps({**DAG, "Schedule": "bad"}), 1, "test-dag is left out: /schedules/0/cron: "),
        (("goflow", "-"), "package main\n\nfunc main() {}", 2, "how its jobs are moved by hand"),
        (("airflow", "-"), "from airflow import DAG\nwith DAG('d') as d:\n    pass", 1, "line 2: d is left out: /tasks"),
        (("luigi", "-"), "", 2, "luigi"),
    ],
)
def test_what_cannot_be_imported(arguments: tuple[str, ...], given: str, code: int, said: str) -> None:
    result = stepwell("import", *arguments, stdin=given)
    assert result.exit_code == code
    assert said in result.stderr
