"""Settings: a flag wins over a variable, that over the file, that over the default. What is wrong is told with its place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from workflows.configuration import Configuration, Given, read, read_settings
from workflows.setting import MASK, Kind, Setting, SettingsError
from workflows.settings import TABLE, Settings

OTHERS: dict[str, tuple[Any, Any, Any]] = {
    "host": ("127.0.0.2", "127.0.0.3", "127.0.0.4"),
    "insecure": (False, True, False),
    "api_keys": (None, ("viewer:0123456789abcdef", "admin:0123456789:abcdef"), ("operator:fedcba9876543210",)),
    "ping_url": (None, "https://watch.example/a", "https://watch.example/b"),
    "log_format": ("text", "json", "text"),
    "log_level": ("debug", "error", "warning"),
    "executor": ("isolated", "shared", "isolated"),
}
"""What the flag, the variable and the file say. Those of the other settings are made up by kind."""

MADE: dict[Kind, tuple[Any, Any, Any]] = {
    Kind.TEXT: ("by-flag", "by-variable", "by-file"),
    Kind.WHOLE: (2001, 2002, 2003),
    Kind.REAL: (1.5, 2.5, 3.5),
    Kind.SWITCH: (False, True, False),
    Kind.PATH: (Path("by-flag"), Path("by-variable"), Path("by-file")),
    Kind.LIST: (("a", "by-flag"), ("a", "by-variable"), ("a", "by-file")),
}


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an empty directory, without variables of ours."""
    for name in os.environ:
        if name.startswith("STEPWELL_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def values_of(setting: Setting) -> tuple[Any, Any, Any]:
    values = OTHERS.get(setting.name, MADE[setting.kind])
    if setting.kind is Kind.WHOLE and setting.limits.high is not None and setting.limits.high < 2003:
        return (setting.limits.high - 2, setting.limits.high - 1, setting.limits.high)
    return values


def as_text(value: Any) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value).lower() if isinstance(value, bool) else str(value)


def as_toml(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(as_toml, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value) if isinstance(value, int | float) else f'"{value}"'


def given(configuration: Configuration, name: str) -> Given:
    return next(one for one in configuration.given if one.setting.name == name)


def refused(flags: Mapping[str, Any] | None = None, config: str | None = None) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        read(flags, config)
    assert str(caught.value).splitlines() == list(caught.value.problems)
    return caught.value.problems


# ---------------------------------------------------------------------------------------------------------------- precedence


@pytest.mark.parametrize("setting", TABLE.values(), ids=TABLE)
def test_a_flag_wins_over_a_variable_that_over_the_file_and_that_over_the_default(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_flag, by_variable, by_file = values_of(setting)
    found = given(read(), setting.name)
    assert (found.value, found.origin) == (setting.default, "default")
    assert found.value == getattr(Settings(), setting.name)
    Path("stepwell.toml").write_text(f"# mine\n{setting.name} = {as_toml(by_file)}\n")
    found = given(read(), setting.name)
    assert (found.value, found.origin) == (by_file, "stepwell.toml:2")
    monkeypatch.setenv(setting.variable, as_text(by_variable))
    configuration = read()
    found = given(configuration, setting.name)
    assert (found.value, found.origin) == (by_variable, setting.variable)
    assert getattr(configuration.settings, setting.name) == by_variable
    if setting.flag:
        configuration = read({setting.name: by_flag})
        found = given(configuration, setting.name)
        assert (found.value, found.origin) == (by_flag, setting.flag)
        assert getattr(configuration.settings, setting.name) == by_flag


def test_the_file_is_the_one_named_by_flag_else_by_variable_else_stepwell_toml(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read().file is None
    for number, name in enumerate(("stepwell.toml", "variable.toml", "flag.toml")):
        Path(name).write_text(f"port = {number}\n")
    assert read().settings.port == 0
    monkeypatch.setenv("STEPWELL_CONFIG", "variable.toml")
    assert read_settings().port == 1
    assert read(config="flag.toml").settings.port == 2
    monkeypatch.setenv("STEPWELL_CONFIG", "")
    assert read_settings().port == 0


def test_paths_of_a_file_start_from_its_directory(tmp_path: Path) -> None:
    place = tmp_path / "project"
    (place / "functions").mkdir(parents=True)
    (place / "stepwell.toml").write_text(
        'store = "data/Data.fs"\ndefinitions = "definitions"\nsecrets = "/run/secrets"\nfunctions = ["functions", "shop.tasks"]\n'
    )
    settings = read(config="project/stepwell.toml").settings
    assert settings.store == "project/data/Data.fs"
    assert settings.definitions == Path("project/definitions")
    assert settings.secrets == Path("/run/secrets")
    assert settings.functions == ("project/functions", "shop.tasks")
    for uri in ("memory:", "file:///var/Data.fs?durability=group"):
        (place / "stepwell.toml").write_text(f'store = "{uri}"\n')
        assert read(config="project/stepwell.toml").settings.store == uri


def test_lists_and_nothing_in_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPWELL_FUNCTIONS", " a , b,,")
    monkeypatch.setenv("STEPWELL_SECRETS", "")
    settings = read().settings
    assert settings.functions == ("a", "b")
    assert settings.secrets is None
    monkeypatch.setenv("STEPWELL_FUNCTIONS", "")
    assert read().settings.functions == ()


def test_variables_that_are_no_settings_but_known(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("URL", "API_KEY", "SECRET_CARD", "CALL_LOG", "CONFORMANCE", "SEED", "ROUNDS", "SOAK_ROUNDS"):
        monkeypatch.setenv(f"STEPWELL_{name}", "x")
    assert read_settings() == Settings()


def test_what_kubernetes_sets_for_a_service_of_that_name_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("SERVICE_HOST", "10.0.0.1"),
        ("SERVICE_PORT", "8080"),
        ("SERVICE_PORT_HTTP", "8080"),
        ("PORT", "tcp://10.0.0.1:8080"),
        ("PORT_8080_TCP", "tcp://10.0.0.1:8080"),
        ("PORT_8080_TCP_ADDR", "10.0.0.1"),
    ):
        monkeypatch.setenv(f"STEPWELL_{name}", value)
    assert read_settings() == Settings()


# --------------------------------------------------------------------------------------------------------------------- wrong


@pytest.mark.parametrize(
    ("variable", "value", "problem"),
    [
        ("PORT", "99999", "STEPWELL_PORT is 99999: it must be between 0 and 65,535"),
        ("PORT", "eighty", "STEPWELL_PORT is 'eighty': it must be a whole number between 0 and 65,535"),
        ("PORT", "", "STEPWELL_PORT is '': it must be a whole number between 0 and 65,535"),
        ("GRACE_S", "nan", "STEPWELL_GRACE_S is 'nan': it must be a number between 0 and 3,600"),
        ("GRACE_S", "-1", "STEPWELL_GRACE_S is -1.0: it must be between 0 and 3,600"),
        ("INSECURE", "perhaps", "STEPWELL_INSECURE is 'perhaps': it must be true or false"),
        ("LOG_FORMAT", "xml", "STEPWELL_LOG_FORMAT is 'xml': it must be text or json"),
        ("STORE", "", "STEPWELL_STORE is '': it must be text that is not empty"),
        ("DEFINITIONS", "", "STEPWELL_DEFINITIONS is '': it must be a path that is not empty"),
        ("PROT", "80", "STEPWELL_PROT is no setting; did you mean STEPWELL_PORT?"),
        ("XYLOPHONE", "1", "STEPWELL_XYLOPHONE is no setting; `stepwell config` lists them all"),
    ],
)
def test_a_wrong_variable_is_told(monkeypatch: pytest.MonkeyPatch, variable: str, value: str, problem: str) -> None:
    monkeypatch.setenv(f"STEPWELL_{variable}", value)
    assert refused() == (problem,)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("max_jobs = 0", "stepwell.toml:3: max_jobs is 0: it must be between 1 and 100,000"),
        ('max_jobs = "10"', "stepwell.toml:3: max_jobs is '10': it must be a whole number between 1 and 100,000"),
        ("max_jobs = true", "stepwell.toml:3: max_jobs is true: it must be a whole number between 1 and 100,000"),
        ("max_jobs = 1.5", "stepwell.toml:3: max_jobs is 1.5: it must be a whole number between 1 and 100,000"),
        ("insecure = 1", "stepwell.toml:3: insecure is 1: it must be true or false"),
        ('functions = "shop"', "stepwell.toml:3: functions is 'shop': it must be a list of texts"),
        ("functions = [1]", "stepwell.toml:3: functions is [1]: it must be a list of texts"),
        ('functions = [""]', "stepwell.toml:3: functions is ['']: it must be a list of texts"),
        ('definitions = ""', "stepwell.toml:3: definitions is '': it must be a path that is not empty"),
        ("grace_s = inf", "stepwell.toml:3: grace_s is inf: it must be between 0 and 3,600"),
        ("max-jobs = 3", "stepwell.toml:3: max-jobs is no setting; did you mean max_jobs?"),
        ("[tool]", "stepwell.toml:3: tool is no setting; `stepwell config` lists them all"),
        ('"thread" = 3', "stepwell.toml:3: thread is no setting; did you mean threads?"),
        ("port.number = 3", "stepwell.toml:3: port is {'number': 3}: it must be a whole number between 0 and 65,535"),
        ("port = [", "stepwell.toml: this is no TOML: Invalid value (at line 3, column 9)"),
    ],
)
def test_a_wrong_line_of_the_file_is_told(line: str, problem: str) -> None:
    Path("stepwell.toml").write_text(f"# mine\nthreads = 8\n{line}")
    [found] = refused()
    assert found.partition(" (at ")[0] == problem.partition(" (at ")[0]


def test_a_line_within_a_long_text_is_not_taken_for_the_key() -> None:
    Path("stepwell.toml").write_text('store = """\nport = 5\n"""\nport = -1\n')
    assert refused() == ("stepwell.toml:4: port is -1: it must be between 0 and 65,535",)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    assert refused(config="missing.toml") == ("there is no file missing.toml, which is to hold the settings",)
    assert refused(config=str(tmp_path)) == (f"{tmp_path}: Is a directory",)
    Path("latin.toml").write_bytes(b"store = '\xe9'\n")
    [problem] = refused(config="latin.toml")
    assert problem.startswith("latin.toml: this is no TOML: 'utf-8' codec can't decode byte 0xe9")


def test_a_wrong_flag_is_told() -> None:
    assert refused({"threads": 1}) == ("--threads is 1: it must be between 4 and 1,000",)


def test_everything_that_is_wrong_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("stepwell.toml").write_text("threads = 1\nprot = 3\n")
    monkeypatch.setenv("STEPWELL_MAX_JOBS", "many")
    monkeypatch.setenv("STEPWELL_STOER", "memory:")
    problems = refused({"task_workers": -1})
    assert [problem.split()[0] for problem in problems] == [
        *("stepwell.toml:1:", "stepwell.toml:2:", "STEPWELL_MAX_JOBS", "STEPWELL_STOER", "--task-workers")
    ]


def test_a_wrong_value_that_a_flag_takes_the_place_of_is_wrong_still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPWELL_PORT", "eighty")
    assert len(refused({"port": 0})) == 1


def test_settings_made_by_a_program_are_checked_too() -> None:
    with pytest.raises(SettingsError, match=r"^port is -1: it must be between 0 and 65,535\nthreads is 0: .*$"):
        Settings(port=-1, threads=0)
    with pytest.raises(SettingsError, match="contradict"):
        Settings(insecure=True, require_keys=True)


def test_other_addresses_than_loopback_need_keys_and_so_does_who_says_so() -> None:
    for host, needed in (("127.0.0.1", False), ("localhost", False), ("::1", False), ("0.0.0.0", True), ("::", True), ("10.0.0.1", True)):
        assert Settings(host=host).keys_needed is needed
        assert Settings(host=host, require_keys=True).keys_needed
        assert not Settings(host=host, insecure=True).keys_needed


# ------------------------------------------------------------------------------------------------------------------- secrets


@pytest.mark.parametrize("value", ["root:{0}", "admin:{0},{0}", "{0}", "viewer: {0}", "viewer:s3cr3t"])
def test_a_secret_is_never_shown_not_even_a_wrong_one(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("STEPWELL_API_KEYS", value.format("s3cr3t-s3cr3t-s3cr3t"))
    [problem] = refused()
    assert problem.startswith(f"STEPWELL_API_KEYS is {MASK}: it must be texts of the form viewer:KEY, operator:KEY or admin:KEY")
    assert "s3cr3t" not in problem


def test_secrets_are_masked_and_have_no_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPWELL_API_KEYS", "admin:s3cr3t-s3cr3t-s3cr3t")
    found = given(read(), "api_keys")
    assert found.value == ("admin:s3cr3t-s3cr3t-s3cr3t",)
    assert found.setting.flag is None
    assert found.setting.shown(found.value) == found.setting.plain(found.value) == MASK
    assert found.setting.shown(()) == "none"
    assert "s3cr3t" not in repr(TABLE)
    assert "s3cr3t" not in repr(read().settings)
