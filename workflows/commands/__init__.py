"""The commands of `stepwell`: one file for each, or for a family that belongs together. They translate flags to settings and requests, and
answers to lines and exit codes; they decide nothing.

To add a command: write `NAME.py` here with a click command `NAME` (`NAME_` for a word of Python's), and put the name under a heading
below. Its help begins with one short sentence and holds an example that starts with `stepwell NAME`; a test goes through all of them.
What every command needs (the server's address, `--json`, tables, exit codes, errors) is in `common.py` and `output.py`. Import at the top
of the file only what is quick to import (click, the standard library, these two), and the rest inside of the function: `stepwell --help`
reads all of these files, and a command that only asks a server starts neither Flask nor ZODB nor rich.
"""

from __future__ import annotations

SECTIONS: dict[str, dict[str, str]] = {
    "Server": {"init": "init", "serve": "serve", "config": "config", "doctor": "doctor"},
    "Definitions": {"lint": "lint", "schema": "schema", "definitions": "definitions", "import": "importing", "export": "exporting"},
    "Executions": {"run": "run", "executions": "executions", "show": "show", "state": "run", "logs": "logs"},
    "Control": dict.fromkeys(("cancel", "pause", "resume", "redrive", "priority"), "control"),
    "Schedules": {"schedules": "schedules", "calendars": "calendars"},
    "Alerts": {"alert": "alert"},
    "Access": {"keys": "keys", "audit": "audit"},
    "Other": {"system": "system", "completion": "completion"},
}
"""Command → its file, by the heading under which it is listed."""
