"""`stepwell config`: what it prints, what it refuses, that each flag of the table gets through."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.test_settings import as_text, values_of
from workflows.cli import main
from workflows.setting import MASK, Kind, Setting
from workflows.settings import TABLE


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("STEPWELL_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def config(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["config", *arguments])


def listed(*arguments: str) -> dict[str, dict[str, Any]]:
    result = config("--json", *arguments)
    assert result.exit_code == 0, result.output
    return {one["name"]: one for one in json.loads(result.stdout)["settings"]}


def flags_for(setting: Setting, value: Any) -> list[str]:
    assert setting.flag
    if setting.kind is Kind.SWITCH:
        return [setting.flag if value else f"--no-{setting.flag[2:]}"]
    return [part for one in (value if isinstance(value, tuple) else [value]) for part in (setting.flag, as_text(one))]


@pytest.mark.parametrize("setting", [one for one in TABLE.values() if one.flag], ids=lambda one: one.name)
def test_each_setting_is_taken_from_its_flag_its_variable_and_the_file(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    by_flag, by_variable, _ = values_of(setting)
    if setting.kind is not Kind.SWITCH:
        assert listed()[setting.name]["value"] == setting.plain(setting.default)
    monkeypatch.setenv(setting.variable, as_text(by_variable))
    found = listed()[setting.name]
    assert (found["value"], found["from"]) == (setting.plain(by_variable), setting.variable)
    found = listed(*flags_for(setting, by_flag))[setting.name]
    assert (found["value"], found["from"]) == (setting.plain(by_flag), setting.flag)


def test_it_prints_a_line_for_each_setting() -> None:
    Path("stepwell.toml").write_text("max_jobs = 7\n")
    head, *lines = config("--port", "9000").stdout.splitlines()
    assert head.split() == ["setting", "value", "from", "what", "it", "is"]
    assert [line.split()[0] for line in lines] == list(TABLE)
    assert next(line for line in lines if line.startswith("port")).split()[1:3] == ["9000", "--port"]
    assert next(line for line in lines if line.startswith("max_jobs")).split()[1:3] == ["7", "stepwell.toml:1"]
    assert json.loads(config("--json").stdout)["file"] == "stepwell.toml"


def test_secrets_are_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPWELL_API_KEYS", "admin:s3cr3t-s3cr3t-s3cr3t")
    for arguments in ((), ("--json",)):
        result = config(*arguments)
        assert MASK in result.stdout
        assert "s3cr3t" not in result.output


def test_what_is_wrong_is_told_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPWELL_MAX_JOBS", "0")
    Path("mine.toml").write_text("prot = 1\n")
    result = config("--config", "mine.toml", "--threads", "1")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "stepwell: mine.toml:1: prot is no setting; did you mean port?",
        "stepwell: STEPWELL_MAX_JOBS is 0: it must be between 1 and 100,000",
        "stepwell: --threads is 1: it must be between 4 and 1,000",
    ]
