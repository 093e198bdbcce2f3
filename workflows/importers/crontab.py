"""Crontabs (crontab(5) as Vixie cron and its heirs read it): each line becomes a job of one command, on a schedule."""

from __future__ import annotations

import re
import shlex
from typing import Any

from workflows.importers.found import Imported, job_id

_VARIABLE = re.compile(r"\s*(?:([A-Za-z_][A-Za-z0-9_]*)|\"([^\"]+)\"|'([^']+)')\s*=\s*(.*?)\s*")
_NAMES = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|sun|mon|tue|wed|thu|fri|sat"
_FIELD = rf"(?:[0-9*/,#lw-]|{_NAMES})+"
_ENTRY = re.compile(rf"\s*(@\w+(?:\s+[0-9][0-9a-z]*(?=\s))?|(?:{_FIELD}\s+){{4}}{_FIELD})\s+(.+)", re.IGNORECASE)
_ENTRY_LIKE = re.compile(r"\s*[0-9*@]")
_PERCENT = re.compile(r"(?<!\\)%")
_KNOWN = frozenset({"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly", "@every"})

SHELL = "/bin/sh"


def read(text: str, *, users: bool = False) -> Imported:
    """`users`: each line names the user after the times, as /etc/crontab and /etc/cron.d do. Never raises: what cannot be read is noted."""
    result, variables, taken = Imported(), dict[str, str](), set[str]()
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if (match := _VARIABLE.fullmatch(line)) is not None and not _ENTRY_LIKE.match(line):
            _variable(match, variables, number, result)
        elif (match := _ENTRY.fullmatch(line)) is not None:
            _entry(match[1], match[2], variables, number, users, taken, result)
        else:
            result.note(number, f"this is neither a variable nor times and a command: {line.strip()!r}")
    if not result.definitions and not result.notes:
        result.note(0, "there is no job in this crontab")
    return result


def _variable(match: re.Match[str], variables: dict[str, str], number: int, result: Imported) -> None:
    name, value = match[1] or match[2] or match[3], match[4]
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    if name == "MAILTO":
        result.note(number, "MAILTO is not taken over: output is kept with each run, and alerts are the server's")
    elif name == "RANDOM_DELAY":
        result.note(number, "RANDOM_DELAY is not taken over: give the schedules jitterSeconds")
    else:
        variables[name] = value


def _entry(times: str, rest: str, variables: dict[str, str], number: int, users: bool, taken: set[str], result: Imported) -> None:
    word = times.split()[0].lower()
    if word.startswith("@") and word not in _KNOWN:
        result.note(number, f"{word} has no counterpart and is left out: {rest}")
        return
    if users:
        user, _, rest = rest.partition(" ")
        result.note(number, f"the user {user!r} is not taken over: commands run as the server's user")
    command, *stdin = [part.replace("\\%", "%") for part in _PERCENT.split(rest)]
    environment = {name: value for name, value in variables.items() if name not in ("SHELL", "CRON_TZ", "TZ")}
    parameters: dict[str, Any] = {"argv": [variables.get("SHELL", SHELL), "-c", command.strip()]}
    if environment:
        parameters["env"] = environment
    if stdin:
        parameters["stdin"] = "\n".join(stdin) + "\n"
    schedule = {"cron": " ".join(times.split())}
    if zone := variables.get("CRON_TZ") or variables.get("TZ"):
        schedule["timezone"] = zone
    id = job_id(_called(command), taken)
    task = {"id": "command", "functionName": "command", "parameters": parameters}
    result.add({"id": id, "name": command.strip(), "tasks": [task], "schedules": [schedule]}, number)


def _called(command: str) -> str:
    """What a command is called: the last part of its program's path, and its first plain argument."""
    try:
        words = shlex.split(command)
    except ValueError:
        words = command.split()
    words = [word for word in words if "=" not in word] or ["command"]
    named = [words[0].rsplit("/", 1)[-1], *(word.rsplit("/", 1)[-1] for word in words[1:2] if not word.startswith("-"))]
    return "-".join(named)
