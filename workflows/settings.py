"""The server's settings: one frozen, validated object, in which each setting is declared once. `TABLE` is what all else follows from.

A new setting is a field here (then `make docs`); flags, variables, the file, `stepwell config` and the checks have it then. Knows what
each means and what is allowed; where values come from is `configuration`'s business.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import definitions as shipped
from task_functions.permissions import parse_entry
from workflows.setting import Setting, SettingsError, setting, table

MEBIBYTE = 1024 * 1024

BUILT_IN = "task_functions.builtin"
EXAMPLES = "task_functions.examples"

API_KEY = r"(viewer|operator|admin):[\x21-\x2b\x2d-\x7e]{16,}"
"""A role and a key. What people make up themselves must not be guessed, either."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Raises SettingsError for what cannot be. Names that end in `_s` are seconds, in `_bytes` bytes."""

    host: str = setting(
        "127.0.0.1", "The address to listen on. One that other machines reach needs keys, or `insecure`.", metavar="ADDRESS"
    )
    port: int = setting(8080, "The port to listen on; 0 finds a free one.", low=0, high=65_535)
    store: str = setting(
        "data/Data.fs",
        "Where everything is kept: a file, `file:///path/Data.fs?durability=strict` (or `group`), or `memory:` to forget it all.",
        metavar="URI",
        located=True,
    )
    definitions: Path = setting(
        shipped.DIRECTORY,
        "The directory whose `*.json` files are registered at start-up, if they differ from what they held at their own last load.",
        shown_default="the examples",
        metavar="DIR",
    )
    functions: tuple[str, ...] = setting(
        (EXAMPLES,),
        "What tasks may call, besides the built-ins: modules, and directories of Python files.",
        metavar="MODULE_OR_DIR",
        located=True,
    )
    max_jobs: int = setting(
        10, "Executions with something to run at once; more are queued, and those that only wait hold no place.", low=1, high=100_000
    )
    task_workers: int = setting(
        0, "Worker processes for `shared` attempts; 0 is one per core.", low=0, high=1_000, shown_default="0, one per core"
    )
    task_threads: int = setting(16, "Attempts that one such process, and the server for `inline` ones, runs at once.", low=1, high=1_000)
    isolated_workers: int = setting(
        0,
        "Worker processes for `isolated` attempts, one attempt each; 0 is two per core.",
        low=0,
        high=1_000,
        shown_default="0, two per core",
    )
    recycle_after: int = setting(10_000, "Attempts after which a worker process is replaced by a fresh one.", low=1, high=1_000_000_000)
    executor: Literal["shared", "isolated"] = setting(
        "shared", "Where functions run that say nothing else: beside others in a worker process, or by themselves in one."
    )
    insecure: bool = setting(False, "Allow an address that other machines reach, without keys.")
    require_keys: bool = setting(False, "Want a key from everybody, also from this machine. Other addresses than loopback always do.")
    api_keys: tuple[str, ...] = setting(
        (),
        "Keys that clients may use besides those in the store, each with its role before it, such as `viewer:KEY`; at least 16 characters.",
        pattern=API_KEY,
        form="texts of the form viewer:KEY, operator:KEY or admin:KEY, in which KEY has at least 16 characters, no spaces and no commas",
        secret=True,
    )
    api_keys_file: Path | None = setting(None, "A file with more of such keys, one on each line.", metavar="FILE")
    secrets: Path | None = setting(
        None, "A directory of secrets: each file holds the one of its name. Else they are `STEPWELL_SECRET_NAME` variables.", metavar="DIR"
    )
    allow_commands: bool = setting(False, "Let the built-in function `command` start programs.")
    http_allow: tuple[str, ...] = setting(
        (),
        "The only hosts that `http`, and functions that deliver alerts, may call, such as `api.example.com` or `*.example.com`.",
        metavar="HOST",
    )
    http_private: bool = setting(False, "Let `http`, and functions that deliver alerts, call private addresses, this machine's included.")
    alert_queue_depth: int = setting(0, "More executions than that in the queue raise an alert; 0: none does.", low=0, high=1_000_000_000)
    ping_url: str | None = setting(
        None,
        "An address that is called again and again while all is well, so that a watcher there notices when it is not.",
        pattern=r"https?://[^\s/?#]+\S*",
        form="an address that begins with http:// or https://",
        secret=True,
    )
    ping_interval: float = setting(60.0, "Seconds between two such calls.", low=1, high=86_400)
    log_format: Literal["text", "json"] = setting("text", "How the log is written: lines of text, or one JSON object on each line.")
    log_level: Literal["debug", "info", "warning", "error"] = setting("info", "What is logged: that and anything worse.")
    grace_s: float = setting(10.0, "Seconds that running attempts get when the server stops.", low=0, high=3_600)
    max_body_bytes: int = setting(8 * MEBIBYTE, "The longest body of a request, in bytes.", low=1_024, high=256 * MEBIBYTE)
    feed_events: int = setting(
        10_000, "Commits whose changes are kept for those who watch live events and come back.", low=100, high=1_000_000
    )
    threads: int = setting(64, "Requests that are answered at once.", low=4, high=1_000)

    @property
    def sources(self) -> tuple[str, ...]:
        """Where functions come from: `functions`, and the examples wherever the shipped definitions are loaded, which call them. The
        built-ins are there anyway."""
        examples = (EXAMPLES,) if self.definitions == shipped.DIRECTORY else ()
        return tuple(dict.fromkeys((*self.functions, *examples)))

    @property
    def keys_needed(self) -> bool:
        """Whether a request without a key is refused."""
        return self.require_keys or not (self.insecure or is_loopback(self.host))

    def __post_init__(self) -> None:
        wrong = {name: one.check(value) for name, one in TABLE.items() if (value := getattr(self, name)) is not None}
        problems = [f"{name} {what}" for name, what in wrong.items() if what]
        problems += [f"http_allow: {what}" for host in self.http_allow if (what := _no_host(host))]
        if self.insecure and self.require_keys:
            problems.append("insecure and require_keys are both true: they contradict each other")
        if problems:
            raise SettingsError(*problems)


TABLE: dict[str, Setting] = table(Settings)


def _no_host(text: str) -> str:
    """What is wrong with an entry of `http_allow`, or ""."""
    try:
        parse_entry(text)
    except ValueError as error:
        return str(error)
    return ""


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach it."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
