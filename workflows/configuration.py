"""Where the settings come from: a flag, else a `STEPWELL_*` variable, else a TOML file, else the default. Keeps which it was of each.

The file is the one that `--config` or STEPWELL_CONFIG names, else `stepwell.toml` in the current directory if it is there. Its keys are
the names of the settings; a relative path in it starts from its directory. What is no setting is refused, in the file and among the
variables alike: a misspelt limit must not pass for one that holds. Everything that is wrong is told at once.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.machinery import PathFinder
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Any

from environs import Env, EnvError

from workflows.setting import PREFIX, Kind, Setting, SettingsError
from workflows.settings import TABLE, Settings

FILE = Path("stepwell.toml")

CONFIG = "STEPWELL_CONFIG"

DEFAULT = "default"

NO_SETTINGS = frozenset(
    f"{PREFIX}{name}"
    for name in (
        *("CONFIG", "URL", "API_KEY"),  # the command line's
        *("CALL_LOG", "SBOM_DIRECTORY", "EXAMPLES_DIRECTORY"),  # read by functions that come with it
        *("CONFORMANCE", "SEED", "ROUNDS"),  # the test suite's
    )
)
_NO_SETTING = re.compile(rf"{PREFIX}(?:SECRET|SOAK|TEST)_.*")
_KUBERNETES = re.compile(rf"{PREFIX}(?:SERVICE_(?:HOST|PORT)(?:_.*)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_.*)?)")
"""Kubernetes tells every pod of a service called stepwell by these, and by a STEPWELL_PORT that is a URI."""


@dataclass(frozen=True, slots=True)
class Given:
    """The value of a setting, and who says so: `--port`, `STEPWELL_PORT`, `stepwell.toml:3` or `default`."""

    setting: Setting
    value: Any
    origin: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """The settings, what was given for each, in the order of the table, and the file that was read, if any."""

    settings: Settings
    given: tuple[Given, ...]
    file: Path | None


def read_settings() -> Settings:
    """The settings of a server that has no flags. Raises SettingsError."""
    return ready(read())


def ready(configuration: Configuration) -> Settings:
    """The settings of a server. Raises SettingsError where one that was given names a place that is not there."""
    problems = [
        f"{_told(given)} is {given.setting.quoted(given.value)}: {wrong}" for given in configuration.given for wrong in _missing(given)
    ]
    if problems:
        raise SettingsError(*problems)
    return configuration.settings


def read(flags: Mapping[str, Any] | None = None, config: str | None = None) -> Configuration:
    """`flags`: values by name of setting, of the right kind; `config`: the file, if a flag named one. Raises SettingsError with everything
    that is wrong."""
    problems: list[str] = []
    file = _file(config)
    found = {name: Given(one, one.default, DEFAULT) for name, one in TABLE.items()}
    for given in chain(_of_file(file, problems), _of_variables(problems), _of_flags(flags or {})):
        wrong = None if given.value is None else given.setting.check(given.value)
        if wrong:
            problems.append(f"{_told(given)} {wrong}")
        found[given.setting.name] = given
    if problems:
        raise SettingsError(*problems)
    return Configuration(Settings(**{name: given.value for name, given in found.items()}), tuple(found.values()), file)


def _missing(given: Given) -> Iterator[str]:
    if given.origin == DEFAULT or given.value is None:
        return
    if given.setting.name in ("definitions", "secrets") and not Path(given.value).is_dir():
        yield "there is no such directory"
    elif given.setting.name == "functions":
        yield from (f"{source} is neither a directory nor a module" for source in given.value if not _is_source(source))


def _is_source(source: str) -> bool:
    """Whether functions can be looked for there. Of a module only the package is found: what is in it would have to be imported."""
    package = source.partition(".")[0]
    if Path(source).is_dir() or not package.isidentifier():
        return Path(source).is_dir()
    return bool(find_spec(package) or PathFinder.find_spec(package, [os.getcwd()]))


def _told(given: Given) -> str:
    """Which setting it is about, by the name under which it was given."""
    by_name = given.origin in (given.setting.flag, given.setting.variable)
    return given.origin if by_name else f"{given.origin}: {given.setting.name}"


def _unknown(name: str, names: Iterable[str], prefix: str = "") -> str:
    near = difflib.get_close_matches(name.removeprefix(prefix), [one.removeprefix(prefix) for one in names], 1)
    return f"{name} is no setting; " + (f"did you mean {prefix}{near[0]}?" if near else "`stepwell config` lists them all")


# ---------------------------------------------------------------------------------------------------------------------- flags


def _of_flags(flags: Mapping[str, Any]) -> Iterator[Given]:
    for name, value in flags.items():
        one = TABLE[name]
        yield Given(one, Path(value) if one.kind is Kind.PATH else value, str(one.flag))


# ------------------------------------------------------------------------------------------------------------------ variables


def _of_variables(problems: list[str]) -> Iterator[Given]:
    known = {one.variable: one for one in TABLE.values()}
    env = Env()
    for variable in sorted(name for name in os.environ if name.startswith(PREFIX)):
        if variable in known:
            one = known[variable]
            if one.name == "port" and "://" in os.environ[variable]:
                continue  # Kubernetes'
            try:
                yield Given(one, _parsed(env, one), variable)
            except EnvError:
                problems.append(f"{variable} is {one.quoted(os.environ[variable])}: it must be {one.described}")
        elif variable not in NO_SETTINGS and not _NO_SETTING.fullmatch(variable) and not _KUBERNETES.fullmatch(variable):
            problems.append(_unknown(variable, known, PREFIX))


def _parsed(env: Env, one: Setting) -> Any:
    """Raises EnvError. An empty variable is an empty list, or nothing where there may be nothing."""
    if one.optional and not os.environ[one.variable]:
        return None
    match one.kind:
        case Kind.WHOLE:
            return env.int(one.variable)
        case Kind.REAL:
            return env.float(one.variable)
        case Kind.SWITCH:
            return env.bool(one.variable)
        case Kind.LIST:
            return tuple(text for part in env.list(one.variable, subcast=str) if (text := part.strip()))
        case Kind.PATH if os.environ[one.variable]:
            return env.path(one.variable)
        case _:
            return env.str(one.variable)


# ----------------------------------------------------------------------------------------------------------------------- file


def _file(config: str | None) -> Path | None:
    named = config or os.environ.get(CONFIG)
    return Path(named) if named else FILE if FILE.is_file() else None


def _of_file(file: Path | None, problems: list[str]) -> Iterator[Given]:
    if file is None:
        return
    try:
        text = file.read_text(encoding="utf-8")
        values = tomllib.loads(text)
    except FileNotFoundError:
        problems.append(f"there is no file {file}, which is to hold the settings")
    except (OSError, ValueError) as error:
        problems.append(f"{file}: {error.strerror if isinstance(error, OSError) else f'this is no TOML: {error}'}")
    else:
        for name, value in values.items():
            place = f"{file}:{_line(text, name)}"
            if name not in TABLE:
                problems.append(f"{place}: {_unknown(name, TABLE)}")
            elif (converted := _converted(TABLE[name], value)) is None:
                problems.append(f"{place}: {name} is {TABLE[name].quoted(value)}: it must be {TABLE[name].described}")
            else:
                yield Given(TABLE[name], _beside(TABLE[name], converted, file.parent), place)


def _line(text: str, name: str) -> int:
    """Where a key of the topmost table is first given. Only what ends a statement is looked at: other lines may be part of a long text."""
    key = re.compile(rf"\s*\[*\s*[\"']?{re.escape(name)}[\"']?\s*[\].=]")
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        if key.match(line) and _is_whole(lines[: number - 1]):
            return number
    return 1


def _is_whole(lines: list[str]) -> bool:
    try:
        tomllib.loads("\n".join(lines))
    except tomllib.TOMLDecodeError:
        return False
    return True


def _converted(one: Setting, value: Any) -> Any:
    """TOML has types of its own, so nothing is converted but what TOML cannot say. None: not of the kind."""
    match one.kind, value:
        case (Kind.SWITCH, bool()) | (Kind.TEXT, str()):
            return value
        case Kind.PATH, str():
            return Path(value) if value else value
        case (Kind.WHOLE, int()) | (Kind.REAL, float() | int()) if not isinstance(value, bool):
            return value
        case Kind.LIST, list() if all(isinstance(text, str) for text in value):
            return tuple(value)
        case _:
            return None


def _beside(one: Setting, value: Any, directory: Path) -> Any:
    """A relative path of the file as it is from here."""
    if directory == Path() or value == "":
        return value
    if one.kind is Kind.PATH:
        return directory / value
    if one.located and one.kind is Kind.LIST:
        return tuple(str(directory / text) if (directory / text).is_dir() else text for text in value)
    return str(directory / value) if one.located and ":" not in value else value
